# tests: run.sh is the one way to run them all; `make check` runs the unit tests of a build.
.PHONY: check_programs list_check_programs sim-long kill-long bench
check_programs: $(check_PROGRAMS) $(check_LTLIBRARIES) $(sim_programs)
list_check_programs:
	@echo $(check_PROGRAMS)

EXTRA_DIST += .ci tests/run.sh tests/compat.sh tests/lib tests/cluster tests/fault tests/independent tests/mpi
EXTRA_DIST += mpi-runner/examples_test.sh mpi-runner/kill_test.sh mpi-runner/gpu_test.sh mpi-runner/ranks.lib.sh mpi-runner/ranks_test.sh mpi-runner/run_test.sh mpi-runner/verify_test.sh mpi-runner/kernels/cuda/ptx_test.sh

# The plugins against every release of Slurm that Debian's mirrors have.
compat:
	$(srcdir)/tests/compat.sh
.PHONY: compat

# The ledger's simulator: tests/sim/sim_test.sh runs 500 seeds, `make sim-long` 10,000.
if WITH_LEDGER
sim_programs = tests/sim/sim tests/sim/lottery
tests_sim_lottery_SOURCES = tests/sim/lottery.c tests/sim/random.h
tests_sim_lottery_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(SAN)
tests_sim_lottery_LDADD = libledger.la libcommon.la $(SQLITE_LIBS)
tests_sim_sim_SOURCES = tests/sim/main.c tests/sim/sim.h tests/sim/random.h tests/sim/world.c tests/sim/order.c tests/sim/disk.c \
	tests/sim/disk.h tests/sim/load.c tests/sim/session.c tests/sim/liar.c tests/sim/checks.c tests/sim/plant.c tests/sim/memo.c
tests_sim_sim_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(SAN)
tests_sim_sim_LDFLAGS = -Wl,--wrap=aic_verify
tests_sim_sim_LDADD = libledger.la libcommon.la $(SQLITE_LIBS)
sim-long: $(sim_programs)
	tests/sim/sim --seeds 1..10000 --progress
	tests/sim/lottery --sites 100 --nodes 1000 --blocks 1000
endif
EXTRA_DIST += tests/sim/sim_test.sh

# Benchmarks: programs that print rows (tests/bench/bench.h); `make bench` writes them into doc/benchmarks.md.
EXTRA_DIST += tests/bench/bench.h tests/bench/run.sh tests/bench/slurmctld.sh tests/bench/session.sh tests/bench/dataset.sh tests/bench/dataset.awk doc/benchmarks.md
EXTRA_PROGRAMS = $(bench_programs) $(sim_programs)
bench_scripts += $(srcdir)/tests/bench/dataset.sh
bench: $(bench_programs) $(bench_needs)
	AIC_TEST_USR=$${AIC_TEST_USR:-$(prefix)} $(srcdir)/tests/bench/run.sh $(srcdir)/doc/benchmarks.md $(bench_programs) $(bench_scripts)

# Fuzzers (libFuzzer): a build with --enable-fuzz CC=clang. tests/fuzz/run.sh runs each for a few seconds, `make fuzz-long` for hours.
EXTRA_DIST += tests/fuzz/fuzz.h tests/fuzz/run.sh
fuzz_list =
if WITH_FUZZ
fuzz_cflags = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(JANSSON_CFLAGS) $(CMOCKA_CFLAGS) $(SAN)
fuzz_ldflags = -fsanitize=fuzzer
fuzz_list += tests/fuzz/cbor_fuzz tests/fuzz/receipt_fuzz tests/fuzz/record_fuzz tests/fuzz/snapshot_fuzz tests/fuzz/spool_fuzz \
	tests/fuzz/vrf_fuzz tests/fuzz/yaml_fuzz
tests_fuzz_cbor_fuzz_CFLAGS = $(fuzz_cflags)
tests_fuzz_cbor_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_cbor_fuzz_LDADD = libcommon.la
tests_fuzz_receipt_fuzz_CFLAGS = $(fuzz_cflags)
tests_fuzz_receipt_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_receipt_fuzz_LDADD = libcommon.la
tests_fuzz_record_fuzz_CFLAGS = $(fuzz_cflags)
tests_fuzz_record_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_record_fuzz_LDADD = libcommon.la
tests_fuzz_snapshot_fuzz_CFLAGS = $(fuzz_cflags)
tests_fuzz_snapshot_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_snapshot_fuzz_LDADD = libcommon.la
tests_fuzz_spool_fuzz_CFLAGS = $(fuzz_cflags)
tests_fuzz_spool_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_spool_fuzz_LDADD = libcommon.la
fuzz_list += tests/fuzz/session_fuzz
tests_fuzz_session_fuzz_CFLAGS = $(fuzz_cflags)
tests_fuzz_session_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_session_fuzz_LDADD = libcommon.la

fuzz_list += tests/fuzz/verification_fuzz
tests_fuzz_verification_fuzz_CFLAGS = $(fuzz_cflags)
tests_fuzz_verification_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_verification_fuzz_LDADD = libcommon.la
fuzz_list += tests/fuzz/dataset_fuzz
tests_fuzz_dataset_fuzz_CFLAGS = $(fuzz_cflags)
tests_fuzz_dataset_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_dataset_fuzz_LDADD = libnode.la libcommon.la
tests_fuzz_vrf_fuzz_SOURCES = tests/fuzz/vrf_fuzz.c tests/fuzz/fuzz.h
tests_fuzz_vrf_fuzz_CFLAGS = $(fuzz_cflags)
tests_fuzz_vrf_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_vrf_fuzz_LDADD = libcommon.la
tests_fuzz_yaml_fuzz_CFLAGS = $(fuzz_cflags)
tests_fuzz_yaml_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_yaml_fuzz_LDADD = libcommon.la
if WITH_CMOCKA
if WITH_LEDGER
fuzz_list += tests/fuzz/ledger_fuzz tests/fuzz/body_fuzz tests/fuzz/proof_fuzz
fuzz_world = tests/fuzz/clock.c ledger/audit/export_testing.c ledger/testing.c tests/fuzz/fuzz.h
fuzz_ledger_libs = libledger.la libcommon.la $(SQLITE_LIBS) $(CMOCKA_LIBS)
tests_fuzz_ledger_fuzz_SOURCES = tests/fuzz/ledger_fuzz.c $(fuzz_world)
tests_fuzz_ledger_fuzz_CFLAGS = $(fuzz_cflags)
tests_fuzz_ledger_fuzz_LDFLAGS = $(fuzz_ldflags) -Wl,--wrap=aic_now,--wrap=aic_clock_system
tests_fuzz_ledger_fuzz_LDADD = $(fuzz_ledger_libs)
tests_fuzz_body_fuzz_SOURCES = tests/fuzz/body_fuzz.c $(fuzz_world)
tests_fuzz_body_fuzz_CFLAGS = $(fuzz_cflags)
tests_fuzz_body_fuzz_LDFLAGS = $(fuzz_ldflags) -Wl,--wrap=aic_now,--wrap=aic_clock_system
tests_fuzz_body_fuzz_LDADD = $(fuzz_ledger_libs)
tests_fuzz_proof_fuzz_SOURCES = tests/fuzz/proof_fuzz.c $(fuzz_world)
tests_fuzz_proof_fuzz_CFLAGS = $(fuzz_cflags)
tests_fuzz_proof_fuzz_LDFLAGS = $(fuzz_ldflags) -Wl,--wrap=aic_now,--wrap=aic_clock_system
tests_fuzz_proof_fuzz_LDADD = $(fuzz_ledger_libs)
endif
endif
if WITH_ETCD
fuzz_list += tests/fuzz/etcd_fuzz
tests_fuzz_etcd_fuzz_CFLAGS = $(fuzz_cflags) $(ETCD_CFLAGS)
tests_fuzz_etcd_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_etcd_fuzz_LDADD = libledger.la libcommon.la $(JANSSON_LIBS)
endif
if WITH_ACCOUNTING
fuzz_list += tests/fuzz/jobs_fuzz
tests_fuzz_jobs_fuzz_CFLAGS = $(fuzz_cflags)
tests_fuzz_jobs_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_jobs_fuzz_LDADD = libaccounting.la libledger.la libcommon.la
endif
if WITH_MPI
fuzz_list += tests/fuzz/spec_fuzz tests/fuzz/training_fuzz
tests_fuzz_spec_fuzz_CFLAGS = $(fuzz_cflags)
tests_fuzz_spec_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_spec_fuzz_LDADD = libmpirunner.la libcommon.la
tests_fuzz_training_fuzz_CFLAGS = $(fuzz_cflags)
tests_fuzz_training_fuzz_LDFLAGS = $(fuzz_ldflags)
tests_fuzz_training_fuzz_LDADD = libmpirunner.la libcommon.la
endif
endif
EXTRA_PROGRAMS += $(fuzz_list)
fuzz_programs: $(BUILT_SOURCES) $(fuzz_list)
list_fuzz_programs:
	@echo $(fuzz_list)
fuzz-long: fuzz_programs
	$(srcdir)/tests/fuzz/run.sh --seconds 3600 $(fuzz_list)
.PHONY: fuzz_programs list_fuzz_programs fuzz-long
