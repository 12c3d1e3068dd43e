# slurm-plugins: what Slurm loads (never with sanitizers, only entry points visible), and aicnoded in node/.
AIC_PLUGIN_LDFLAGS = -module -avoid-version -shared -Wl,--version-script=$(top_srcdir)/slurm-plugins/plugin.map
AIC_PLUGIN_CFLAGS = $(AM_CFLAGS) -fvisibility=default
EXTRA_DIST += slurm-plugins/plugin.map doc/formats/node-dir.md doc/formats/links.md

if WITH_SPANK
slurmplugin_LTLIBRARIES += spank_aic.la
spank_aic_la_SOURCES = \
	slurm-plugins/spank/spank_aic.c slurm-plugins/spank/context.h \
	slurm-plugins/compat.h slurm-plugins/spank/options.c slurm-plugins/spank/stepd.c slurm-plugins/spank/usage.c slurm-plugins/spank/dataset.c \
	slurm-plugins/dataset/want.c slurm-plugins/dataset/want.h \
	slurm-plugins/option.c slurm-plugins/option.h \
	slurm-plugins/node/node_dir.c slurm-plugins/node/node_dir.h \
	slurm-plugins/node/steps.c slurm-plugins/node/steps.h
spank_aic_la_CFLAGS = $(AIC_PLUGIN_CFLAGS) $(SLURM_CFLAGS)
spank_aic_la_LDFLAGS = $(AIC_PLUGIN_LDFLAGS)
spank_aic_la_LIBADD = libcommon_plugin.la
dist_man_MANS += doc/man/spank_aic.8
endif

# The parts of the two plugins below that do not need Slurm's source; tested on their own.
slurm_plugin_estimate = \
	slurm-plugins/job_submit/estimate.c slurm-plugins/job_submit/estimate.h slurm-plugins/job_submit/tres.c
slurm_plugin_decide = \
	slurm-plugins/job_submit/constraint.c slurm-plugins/job_submit/constraint.h \
	slurm-plugins/job_submit/decide.c slurm-plugins/job_submit/decide.h \
	slurm-plugins/job_submit/flight.c slurm-plugins/job_submit/flight.h \
	slurm-plugins/job_submit/hold.c slurm-plugins/job_submit/hold.h \
	slurm-plugins/job_submit/reserved.c slurm-plugins/job_submit/reserved.h \
	slurm-plugins/job_submit/view.c slurm-plugins/job_submit/view.h \
	slurm-plugins/param.c slurm-plugins/param.h
slurm_plugin_writer = slurm-plugins/jobcomp/writer.c slurm-plugins/jobcomp/writer.h

if WITH_SLURM_SOURCE
slurmplugin_LTLIBRARIES += jobcomp_aic.la job_submit_aic.la
jobcomp_aic_la_SOURCES = \
	slurm-plugins/jobcomp/jobcomp_aic.c slurm-plugins/compat.h \
	slurm-plugins/jobcomp/copy.c slurm-plugins/jobcomp/copy.h \
	slurm-plugins/jobcomp/state.c slurm-plugins/jobcomp/state.h \
	slurm-plugins/jobcomp/chain.c slurm-plugins/jobcomp/chain.h \
	slurm-plugins/jobcomp/location.c slurm-plugins/jobcomp/location.h \
	slurm-plugins/option.c slurm-plugins/option.h \
	slurm-plugins/param.c slurm-plugins/param.h \
	$(slurm_plugin_writer)
jobcomp_aic_la_CFLAGS = $(AIC_PLUGIN_CFLAGS) $(SLURM_SOURCE_CFLAGS)
jobcomp_aic_la_LDFLAGS = $(AIC_PLUGIN_LDFLAGS)
jobcomp_aic_la_LIBADD = libcommon_plugin.la

job_submit_aic_la_SOURCES = \
	slurm-plugins/job_submit/job_submit_aic.c slurm-plugins/compat.h \
	slurm-plugins/job_submit/judge.c slurm-plugins/job_submit/judge.h \
	slurm-plugins/job_submit/keeper.c slurm-plugins/job_submit/keeper.h \
	slurm-plugins/job_submit/lease.c slurm-plugins/job_submit/lease.h \
	slurm-plugins/job_submit/prefer.c slurm-plugins/job_submit/prefer.h \
	slurm-plugins/job_submit/request.c slurm-plugins/job_submit/request.h \
	slurm-plugins/option.c slurm-plugins/option.h \
	$(slurm_plugin_estimate) $(slurm_plugin_decide)
job_submit_aic_la_CFLAGS = $(AIC_PLUGIN_CFLAGS) $(SLURM_SOURCE_CFLAGS)
job_submit_aic_la_LDFLAGS = $(AIC_PLUGIN_LDFLAGS) -Wl,-z,nodelete
job_submit_aic_la_LIBADD = libcommon_plugin.la

slurmplugin_LTLIBRARIES += site_factor_aic.la
site_factor_aic_la_SOURCES = \
	slurm-plugins/site_factor/site_factor_aic.c slurm-plugins/compat.h \
	slurm-plugins/option.c slurm-plugins/option.h \
	$(slurm_plugin_estimate) $(slurm_plugin_decide)
site_factor_aic_la_CFLAGS = $(AIC_PLUGIN_CFLAGS) $(SLURM_SOURCE_CFLAGS)
site_factor_aic_la_LDFLAGS = $(AIC_PLUGIN_LDFLAGS)
site_factor_aic_la_LIBADD = libcommon_plugin.la
dist_man_MANS += doc/man/jobcomp_aic.8 doc/man/job_submit_aic.8 doc/man/site_factor_aic.8
endif

# Data sets: what the command and aicnoded share.
noinst_LTLIBRARIES += libdataset.la
libdataset_la_SOURCES = \
	slurm-plugins/dataset/add.c slurm-plugins/dataset/add.h \
	slurm-plugins/dataset/manifest.c slurm-plugins/dataset/manifest.h \
	slurm-plugins/dataset/features.c slurm-plugins/dataset/features.h \
	slurm-plugins/dataset/names.c slurm-plugins/dataset/names.h \
	slurm-plugins/dataset/peer.c slurm-plugins/dataset/peer.h \
	slurm-plugins/dataset/store.c slurm-plugins/dataset/store.h \
	slurm-plugins/node/node_dir.c slurm-plugins/node/node_dir.h
libdataset_la_CFLAGS = $(AM_CFLAGS) $(SAN)

# Trainings that the site runs: what aictraind and `aic train` share.
noinst_LTLIBRARIES += libtrain.la
libtrain_la_SOURCES = \
	slurm-plugins/train/keep.c slurm-plugins/train/question.h \
	slurm-plugins/train/run.c slurm-plugins/train/run.h \
	slurm-plugins/train/serve.c slurm-plugins/train/serve.h \
	slurm-plugins/train/slurm.c slurm-plugins/train/slurm.h \
	slurm-plugins/train/submit.c \
	slurm-plugins/option.c slurm-plugins/option.h
libtrain_la_CFLAGS = $(AM_CFLAGS) $(SAN)

sbin_PROGRAMS += aictraind
aictraind_SOURCES = slurm-plugins/train/aictraind.c
aictraind_CFLAGS = $(AM_CFLAGS) $(SAN)
aictraind_LDADD = libtrain.la libcommon.la
dist_man_MANS += doc/man/aictraind.8
EXTRA_DIST += doc/formats/rpc-train.md

noinst_LTLIBRARIES += libnode.la
libnode_la_SOURCES = \
	slurm-plugins/dataset/answer.c slurm-plugins/dataset/answer.h \
	slurm-plugins/dataset/cache.c slurm-plugins/dataset/cache.h \
	slurm-plugins/dataset/publish.c slurm-plugins/dataset/publish.h \
	slurm-plugins/dataset/service.c slurm-plugins/dataset/service.h \
	slurm-plugins/dataset/stage.c slurm-plugins/dataset/stage.h \
	slurm-plugins/option.c slurm-plugins/option.h \
	slurm-plugins/dataset/want.c slurm-plugins/dataset/want.h \
	slurm-plugins/dataset/wants.c slurm-plugins/dataset/wants.h \
	slurm-plugins/node/delivery.c slurm-plugins/node/delivery.h \
	slurm-plugins/node/generator.c slurm-plugins/node/generator.h \
	slurm-plugins/node/signed.c slurm-plugins/node/signed.h \
	slurm-plugins/node/nvml.c slurm-plugins/node/nvml.h \
	slurm-plugins/node/meter.c slurm-plugins/node/meter.h \
	slurm-plugins/node/steps.c slurm-plugins/node/steps.h
libnode_la_CFLAGS = $(AM_CFLAGS) $(SAN)
libnode_la_LIBADD = libdataset.la

sbin_PROGRAMS += aicnoded
aicnoded_SOURCES = slurm-plugins/node/aicnoded.c
aicnoded_CFLAGS = $(AM_CFLAGS) $(SAN)
aicnoded_LDADD = libnode.la libcommon.la
dist_man_MANS += doc/man/aicnoded.8

if WITH_CMOCKA
check_PROGRAMS += job_submit_estimate_test job_submit_decide_test jobcomp_writer_test node_delivery_test
slurm_plugin_test_cflags = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SAN)
slurm_plugin_test_ldadd = libcommon.la $(CMOCKA_LIBS)

job_submit_estimate_test_SOURCES = slurm-plugins/job_submit/estimate_test.c $(slurm_plugin_estimate)
job_submit_estimate_test_CFLAGS = $(slurm_plugin_test_cflags)
job_submit_estimate_test_LDADD = $(slurm_plugin_test_ldadd)

job_submit_decide_test_SOURCES = slurm-plugins/job_submit/decide_test.c $(slurm_plugin_estimate) $(slurm_plugin_decide)
job_submit_decide_test_CFLAGS = $(slurm_plugin_test_cflags)
job_submit_decide_test_LDADD = $(slurm_plugin_test_ldadd)

jobcomp_writer_test_SOURCES = \
	slurm-plugins/jobcomp/writer_test.c $(slurm_plugin_writer) \
	slurm-plugins/jobcomp/location.c slurm-plugins/jobcomp/location.h
jobcomp_writer_test_CFLAGS = $(slurm_plugin_test_cflags)
jobcomp_writer_test_LDADD = $(slurm_plugin_test_ldadd)

node_delivery_test_SOURCES = slurm-plugins/node/delivery_test.c
node_delivery_test_CFLAGS = $(slurm_plugin_test_cflags)
node_delivery_test_LDADD = libnode.la $(slurm_plugin_test_ldadd)

check_PROGRAMS += node_generator_test
node_generator_test_SOURCES = slurm-plugins/node/generator_test.c
node_generator_test_CFLAGS = $(slurm_plugin_test_cflags)
node_generator_test_LDADD = libnode.la $(slurm_plugin_test_ldadd)

check_PROGRAMS += dataset_dataset_test
dataset_dataset_test_SOURCES = slurm-plugins/dataset/dataset_test.c \
	slurm-plugins/job_submit/constraint.c slurm-plugins/job_submit/constraint.h
dataset_dataset_test_CFLAGS = $(slurm_plugin_test_cflags)
dataset_dataset_test_LDADD = libnode.la $(slurm_plugin_test_ldadd)

# On Slurm's own library, without sanitizers: it is not built for them.
if WITH_SLURMFULL
check_PROGRAMS += jobcomp_copy_test
jobcomp_copy_test_SOURCES = \
	slurm-plugins/jobcomp/copy_test.c slurm-plugins/jobcomp/copy.c slurm-plugins/jobcomp/copy.h \
	slurm-plugins/jobcomp/state.c slurm-plugins/jobcomp/state.h \
	slurm-plugins/option.c slurm-plugins/option.h
jobcomp_copy_test_CFLAGS = $(AM_CFLAGS) $(CMOCKA_CFLAGS) $(SLURM_SOURCE_CFLAGS)
jobcomp_copy_test_LDADD = libcommon_plugin.la $(CMOCKA_LIBS) $(SLURMFULL_LIBS)
endif

# A library with NVML's names that plays what a file says; only tests load it.
check_LTLIBRARIES += libfakenvml.la
libfakenvml_la_SOURCES = tests/nvml/fake_nvml.c
libfakenvml_la_LDFLAGS = -module -avoid-version -shared -rpath /nonexistent
check_PROGRAMS += node_meter_test
node_meter_test_SOURCES = slurm-plugins/node/meter_test.c
node_meter_test_CFLAGS = $(slurm_plugin_test_cflags) -DAIC_FAKE_NVML='"$(abs_top_builddir)/.libs/libfakenvml.so"'
node_meter_test_LDADD = libnode.la $(slurm_plugin_test_ldadd)
node_meter_test_DEPENDENCIES = libnode.la libcommon.la libfakenvml.la

if WITH_SPANK
check_PROGRAMS += jobcomp_state_test
jobcomp_state_test_SOURCES = \
	slurm-plugins/jobcomp/state_test.c slurm-plugins/jobcomp/state.c slurm-plugins/jobcomp/state.h \
	slurm-plugins/option.c slurm-plugins/option.h
jobcomp_state_test_CFLAGS = $(slurm_plugin_test_cflags) $(SLURM_CFLAGS)
jobcomp_state_test_LDADD = $(slurm_plugin_test_ldadd)
endif
endif

# Lending: from providers.yaml to partitions, QOS and preemption; subcommands of `aic`.
if WITH_ACCOUNTING
noinst_LTLIBRARIES += liballocator.la
liballocator_la_SOURCES = \
	slurm-plugins/allocator/change.c slurm-plugins/allocator/change.h \
	slurm-plugins/allocator/cmd_allocator.c slurm-plugins/allocator/cmd_lease.c slurm-plugins/commands.h \
	slurm-plugins/allocator/lending.c slurm-plugins/allocator/lending.h \
	slurm-plugins/allocator/plan.c slurm-plugins/allocator/plan.h \
	slurm-plugins/allocator/slurm.c slurm-plugins/allocator/slurm.h \
	slurm-plugins/allocator/tick.c \
	slurm-plugins/dataset/cmd_dataset.c slurm-plugins/dataset/cmd_nodes.c slurm-plugins/dataset/cmd.h
liballocator_la_SOURCES += \
	slurm-plugins/topology/cmd_topology.c slurm-plugins/topology/heat.c slurm-plugins/topology/links.c slurm-plugins/topology/links.h \
	slurm-plugins/topology/show.c slurm-plugins/topology/show.h slurm-plugins/topology/switches.c slurm-plugins/topology/switches.h
liballocator_la_SOURCES += \
	slurm-plugins/train/client.c slurm-plugins/train/client.h slurm-plugins/train/cmd_train.c \
	slurm-plugins/train/fetch.c slurm-plugins/train/send.c
liballocator_la_CFLAGS = $(AM_CFLAGS) $(SLURM_CFLAGS) $(SAN) -DAIC_BINDIR='"$(bindir)"'
liballocator_la_LIBADD = libdataset.la libtrain.la $(SLURM_LIBS) -lm
dist_man_MANS += doc/man/aic-allocator.8 doc/man/aic-dataset.1 doc/man/aic-lease.1 doc/man/aic-topology.8 doc/man/aic-train-submit.1 doc/man/providers.yaml.5
if WITH_CMOCKA
check_PROGRAMS += topology_test
topology_test_SOURCES = slurm-plugins/topology/topology_test.c
topology_test_CFLAGS = $(slurm_plugin_test_cflags)
topology_test_LDADD = liballocator.la $(slurm_plugin_test_ldadd)
check_PROGRAMS += allocator_plan_test
allocator_plan_test_SOURCES = slurm-plugins/allocator/plan_test.c
allocator_plan_test_CFLAGS = $(slurm_plugin_test_cflags)
allocator_plan_test_LDADD = liballocator.la $(slurm_plugin_test_ldadd)
endif
endif

# On Slurm's own library, and as slurmctld for the plugins that are built.
if WITH_SLURM_SOURCE
if WITH_SLURMFULL
bench_programs += tests/bench/hooks_bench
tests_bench_hooks_bench_SOURCES = tests/bench/hooks_bench.c
tests_bench_hooks_bench_CFLAGS = $(AM_CFLAGS) $(SLURM_SOURCE_CFLAGS) -DAIC_PLUGINS='"$(abs_top_builddir)/.libs"'
tests_bench_hooks_bench_LDFLAGS = -export-dynamic
tests_bench_hooks_bench_LDADD = libcommon_plugin.la $(SLURMFULL_LIBS) -lpthread
tests_bench_hooks_bench_DEPENDENCIES = libcommon_plugin.la job_submit_aic.la jobcomp_aic.la
endif
endif
