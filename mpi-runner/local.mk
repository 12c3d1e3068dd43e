# mpi-runner: aic-train, aic-run
mpi_runner_sources = \
	mpi-runner/check.c \
	mpi-runner/checkpoint.c mpi-runner/checkpoint_file.c mpi-runner/checkpoint.h \
	mpi-runner/collective.c mpi-runner/collective.h \
	mpi-runner/commit.c mpi-runner/commit.h \
	mpi-runner/csv.c \
	mpi-runner/data.c mpi-runner/data.h \
	mpi-runner/dmath.c mpi-runner/dmath.h mpi-runner/dmath_const.h \
	mpi-runner/dmath.inc mpi-runner/philox.inc \
	mpi-runner/files.c \
	mpi-runner/fold.c mpi-runner/fold.h \
	mpi-runner/gpu.c mpi-runner/gpu.h \
	mpi-runner/idx.c \
	mpi-runner/kernels/cpu/avx2.c \
	mpi-runner/kernels/cpu/avx512.c \
	mpi-runner/kernels/cpu/gemm.c mpi-runner/kernels/cpu/gemm.h \
	mpi-runner/kernels/cpu/gemm.inc \
	mpi-runner/kernels/cpu/kernels.c mpi-runner/kernels/cpu/kernels.h \
	mpi-runner/kernels/cpu/pointwise.inc \
	mpi-runner/kernels/cpu/rows.inc \
	mpi-runner/kernels/cpu/scalar.c \
	mpi-runner/kernels/cpu/variant.inc \
	mpi-runner/kernels/cpu/norm.inc \
	mpi-runner/infer.c \
	mpi-runner/layers/attention.c \
	mpi-runner/layers/conv2d.c \
	mpi-runner/layers/dropout.c \
	mpi-runner/layers/embedding.c \
	mpi-runner/layers/layernorm.c \
	mpi-runner/layers/layers.c mpi-runner/layers/layers.h \
	mpi-runner/layers/linear.c \
	mpi-runner/layers/maxpool.c \
	mpi-runner/layers/pointwise.c \
	mpi-runner/layers/residual.c \
	mpi-runner/metrics.c mpi-runner/metrics.h \
	mpi-runner/model.c mpi-runner/model.h \
	mpi-runner/model_file.c mpi-runner/model_file.h \
	mpi-runner/node_memory.c mpi-runner/node_memory.h \
	mpi-runner/optimizer.c mpi-runner/optimizer.h \
	mpi-runner/pass.c \
	mpi-runner/philox.c mpi-runner/philox.h \
	mpi-runner/plot.c \
	mpi-runner/progress.c mpi-runner/progress.h \
	mpi-runner/sample.c \
	mpi-runner/saver.c mpi-runner/saver.h \
	mpi-runner/session.c mpi-runner/session.h mpi-runner/session_place.c mpi-runner/session_place.h \
	mpi-runner/signals.c mpi-runner/signals.h \
	mpi-runner/spec.c mpi-runner/spec.h \
	mpi-runner/spec_layers.c mpi-runner/spec_layers.h \
	mpi-runner/step.c mpi-runner/step.h \
	mpi-runner/tensorboard.c mpi-runner/tensorboard.h \
	mpi-runner/text.c \
	mpi-runner/threads.c mpi-runner/threads.h \
	mpi-runner/train.c mpi-runner/train.h mpi-runner/train_say.c mpi-runner/training.c mpi-runner/training.h \
	mpi-runner/tree.c mpi-runner/tree.h \
	mpi-runner/use.h \
	mpi-runner/session_dir.c mpi-runner/session_dir.h \
	mpi-runner/user.c mpi-runner/user.h \
	mpi-runner/verify.c mpi-runner/verify.h \
	mpi-runner/verify_step.c mpi-runner/verify_step.h \
	mpi-runner/wav.c

if WITH_MPI
mpi_runner_cflags = $(AM_CFLAGS) $(SAN) -DAIC_MODULE_DIR='"$(pkglibdir)"' $(MPI_CFLAGS:-I%=-isystem %) $(JANSSON_CFLAGS) -pthread

mpi_collective_sources = mpi-runner/collective_mpi.c mpi-runner/collective_mpi.h mpi-runner/collective_sum.c

noinst_LTLIBRARIES += libmpirunner.la
libmpirunner_la_SOURCES = $(mpi_runner_sources)
libmpirunner_la_CFLAGS = $(mpi_runner_cflags)
libmpirunner_la_LIBADD = libcommon.la $(JANSSON_LIBS) -lz -lm

bin_PROGRAMS += aic-train
aic_train_SOURCES = mpi-runner/aic_train.c $(mpi_collective_sources)
aic_train_CFLAGS = $(mpi_runner_cflags)
aic_train_LDADD = libmpirunner.la $(MPI_LIBS)
aic_train_LDFLAGS = -export-dynamic

bin_PROGRAMS += aic-verify
aic_verify_SOURCES = mpi-runner/aic_verify.c $(mpi_collective_sources)
aic_verify_CFLAGS = $(mpi_runner_cflags)
aic_verify_LDADD = libmpirunner.la $(MPI_LIBS)
aic_verify_LDFLAGS = -export-dynamic

# The part for GPUs: a module that aic-train loads. Its kernels are written in what C and C++ share, so that they also run on the
# CPU, simulated, in tests.
gpu_kernels = mpi-runner/kernels/cuda/gemm.cu mpi-runner/kernels/cuda/image.cu mpi-runner/kernels/cuda/pointwise.cu \
	mpi-runner/kernels/cuda/rows.cu mpi-runner/kernels/cuda/text.cu
gpu_headers = mpi-runner/kernels/cuda/cuda.h mpi-runner/kernels/cuda/gemm_tile.inc mpi-runner/kernels/cuda/kernels.h \
	mpi-runner/kernels/cuda/math.inc mpi-runner/dmath.inc mpi-runner/dmath_const.h mpi-runner/philox.inc mpi-runner/philox.h
EXTRA_DIST += $(gpu_kernels) mpi-runner/kernels/cuda/gemm_tile.inc mpi-runner/kernels/cuda/math.inc
gpu_module_sources = mpi-runner/kernels/cuda/cuda.h mpi-runner/kernels/cuda/fast.c mpi-runner/kernels/cuda/gpu.c mpi-runner/kernels/cuda/gpu.h \
	mpi-runner/kernels/cuda/kernels.h mpi-runner/kernels/cuda/layers.c mpi-runner/kernels/cuda/nccl.c
gpu_simulated = mpi-runner/kernels/cuda/simt.c mpi-runner/kernels/cuda/simt.h mpi-runner/kernels/cuda/simt_blas.c \
	mpi-runner/kernels/cuda/simt_kernels.c
gpu_simulated_cflags = $(mpi_runner_cflags) -DAIC_SIMT -Wno-unknown-pragmas

if WITH_CUDA
SUFFIXES += .cu
.cu.lo:
	$(AM_V_at)$(MKDIR_P) $(@D)
	$(AM_V_GEN)$(LIBTOOL) $(AM_LIBTOOLFLAGS) --silent --tag=CC --mode=compile $(NVCC) -forward-unknown-to-host-compiler $(NVCC_FLAGS) \
		$(NVCC_ARCH) -I$(top_srcdir) -prefer-pic -c -o $@ $<
gpu_objects = $(gpu_kernels:.cu=.lo)
$(gpu_objects): $(gpu_headers)
pkglib_LTLIBRARIES += aic_gpu.la
aic_gpu_la_SOURCES = $(gpu_module_sources)
aic_gpu_la_CFLAGS = $(mpi_runner_cflags) $(CUDA_CFLAGS)
aic_gpu_la_LDFLAGS = -module -avoid-version -shared
aic_gpu_la_LIBADD = $(gpu_objects) $(CUDA_LIBS) $(NCCL_LIBS)
EXTRA_aic_gpu_la_DEPENDENCIES = $(gpu_objects)
bench_programs += tests/bench/gpu_bench
tests_bench_gpu_bench_SOURCES = tests/bench/gpu_bench.c $(gpu_module_sources)
tests_bench_gpu_bench_CFLAGS = $(mpi_runner_cflags) $(CUDA_CFLAGS)
tests_bench_gpu_bench_LDADD = libmpirunner.la $(gpu_objects) $(CUDA_LIBS) $(NCCL_LIBS)
endif

# the same module with its kernels simulated; -rpath makes libtool build a shared object
check_LTLIBRARIES += aic_gpu_simulated.la
aic_gpu_simulated_la_SOURCES = $(gpu_module_sources) $(gpu_simulated) mpi-runner/kernels/cuda/simt_nccl.c
aic_gpu_simulated_la_CFLAGS = $(gpu_simulated_cflags) -DAIC_WITH_NCCL
aic_gpu_simulated_la_LIBADD = $(MPI_LIBS)
aic_gpu_simulated_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere

bin_PROGRAMS += aic-links
aic_links_SOURCES = mpi-runner/aic_links.c
aic_links_CFLAGS = $(mpi_runner_cflags)
aic_links_LDADD = libcommon.la $(MPI_LIBS)
dist_man_MANS += doc/man/aic-links.1

bin_PROGRAMS += aic-run
aic_run_SOURCES = mpi-runner/aic_run.c mpi-runner/run_lease.c mpi-runner/run_lease.h mpi-runner/run_child.c mpi-runner/run_child.h mpi-runner/run_env.c mpi-runner/run_env.h \
	mpi-runner/run_watch.c mpi-runner/run_watch.h
aic_run_CFLAGS = $(AM_CFLAGS) $(SAN)
aic_run_LDADD = libmpirunner.la
if WITH_SPANK
aic_run_CFLAGS += $(SLURM_CFLAGS) -DHAVE_LIBSLURM=1
aic_run_LDADD += $(SLURM_LIBS)
endif

noinst_PROGRAMS += aic-verify-ask
aic_verify_ask_SOURCES = mpi-runner/verify_ask.c
aic_verify_ask_CFLAGS = $(mpi_runner_cflags)
aic_verify_ask_LDADD = libmpirunner.la

noinst_PROGRAMS += aic-idx-make
aic_idx_make_SOURCES = mpi-runner/idx_make.c
aic_idx_make_CFLAGS = $(mpi_runner_cflags)
aic_idx_make_LDADD = libmpirunner.la

# 100 kills instead of kill_test.sh's 10, about five minutes
kill-long: aic-train aic-idx-make
	AIC_BUILD=. AIC_KILLS=100 $(srcdir)/mpi-runner/kill_test.sh

bench_scripts += $(srcdir)/tests/bench/checkpoint.sh $(srcdir)/tests/bench/verify.sh
bench_needs += aic-train aic-verify aic-verify-ask
bench_programs += tests/bench/allreduce_bench
tests_bench_allreduce_bench_SOURCES = tests/bench/allreduce_bench.c $(mpi_collective_sources)
tests_bench_allreduce_bench_CFLAGS = $(mpi_runner_cflags)
tests_bench_allreduce_bench_LDADD = libmpirunner.la $(MPI_LIBS)
bench_programs += tests/bench/gpt_bench
tests_bench_gpt_bench_SOURCES = tests/bench/gpt_bench.c tests/bench/gpt_trainer.c tests/bench/gpt_trainer.h
tests_bench_gpt_bench_CFLAGS = $(mpi_runner_cflags) -fopenmp
tests_bench_gpt_bench_LDADD = libgptreference.la libmpirunner.la
bench_programs += tests/bench/scaling_bench
tests_bench_scaling_bench_SOURCES = tests/bench/scaling_bench.c tests/bench/gpt_trainer.c $(mpi_collective_sources)
tests_bench_scaling_bench_CFLAGS = $(mpi_runner_cflags)
tests_bench_scaling_bench_LDADD = libmpirunner.la $(MPI_LIBS)
EXTRA_LTLIBRARIES = libgptreference.la
libgptreference_la_SOURCES = tests/bench/gpt_reference.c tests/bench/gpt_reference.h
libgptreference_la_CFLAGS = $(AM_CFLAGS) -fopenmp -march=native -ftree-vectorize -ffast-math -ffp-contract=fast
if WITH_OPENBLAS
bench_programs += tests/bench/gemm_bench
tests_bench_gemm_bench_SOURCES = tests/bench/gemm_bench.c
tests_bench_gemm_bench_CFLAGS = $(mpi_runner_cflags) $(OPENBLAS_CFLAGS)
tests_bench_gemm_bench_LDADD = libmpirunner.la $(OPENBLAS_LIBS)
endif

if WITH_CMOCKA
mpi_runner_tests = \
	mpi-runner/checkpoint_test \
	mpi-runner/commit_test \
	mpi-runner/idx_test \
	mpi-runner/kernels/cpu/kernels_test \
	mpi-runner/model_test \
	mpi-runner/node_memory_test \
	mpi-runner/table_data_test \
	mpi-runner/tensorboard_test \
	mpi-runner/tree_test \
	mpi-runner/use_test \
	mpi-runner/verify_test
mpi_runner_tests += mpi-runner/kernels/cuda/simulated_kernels_test
mpi_runner_kernels_cuda_simulated_kernels_test_SOURCES = mpi-runner/kernels/cuda/kernels_test.c $(gpu_simulated)
mpi_runner_kernels_cuda_simulated_kernels_test_CFLAGS = $(gpu_simulated_cflags) $(CMOCKA_CFLAGS)
mpi_runner_kernels_cuda_simulated_kernels_test_LDADD = $(mpi_runner_test_libs)
if WITH_CUDA
mpi_runner_tests += mpi-runner/kernels/cuda/kernels_test
mpi_runner_kernels_cuda_kernels_test_SOURCES = mpi-runner/kernels/cuda/kernels_test.c
mpi_runner_kernels_cuda_kernels_test_CFLAGS = $(mpi_runner_test_cflags) $(CUDA_CFLAGS)
mpi_runner_kernels_cuda_kernels_test_LDADD = $(mpi_runner_test_libs) $(gpu_objects) $(CUDA_LIBS)
endif
check_PROGRAMS += $(mpi_runner_tests)
mpi_runner_test_cflags = $(mpi_runner_cflags) $(CMOCKA_CFLAGS)
mpi_runner_test_libs = libmpirunner.la $(CMOCKA_LIBS)
mpi_runner_checkpoint_test_SOURCES = mpi-runner/checkpoint_test.c
mpi_runner_checkpoint_test_CFLAGS = $(mpi_runner_test_cflags)
mpi_runner_checkpoint_test_LDADD = $(mpi_runner_test_libs)
mpi_runner_commit_test_SOURCES = mpi-runner/commit_test.c
mpi_runner_commit_test_CFLAGS = $(mpi_runner_test_cflags)
mpi_runner_commit_test_LDADD = $(mpi_runner_test_libs)
mpi_runner_idx_test_SOURCES = mpi-runner/idx_test.c
mpi_runner_idx_test_CFLAGS = $(mpi_runner_test_cflags)
mpi_runner_idx_test_LDADD = $(mpi_runner_test_libs)
mpi_runner_kernels_cpu_kernels_test_SOURCES = mpi-runner/kernels/cpu/kernels_test.c
mpi_runner_kernels_cpu_kernels_test_CFLAGS = $(mpi_runner_test_cflags)
mpi_runner_kernels_cpu_kernels_test_LDADD = $(mpi_runner_test_libs)
mpi_runner_model_test_SOURCES = mpi-runner/model_test.c
mpi_runner_model_test_CFLAGS = $(mpi_runner_test_cflags)
mpi_runner_model_test_LDADD = $(mpi_runner_test_libs)
mpi_runner_node_memory_test_SOURCES = mpi-runner/node_memory_test.c
mpi_runner_node_memory_test_CFLAGS = $(mpi_runner_test_cflags)
mpi_runner_node_memory_test_LDADD = $(mpi_runner_test_libs)
mpi_runner_tree_test_SOURCES = mpi-runner/tree_test.c
mpi_runner_tree_test_CFLAGS = $(mpi_runner_test_cflags)
mpi_runner_tree_test_LDADD = $(mpi_runner_test_libs)
mpi_runner_table_data_test_SOURCES = mpi-runner/table_data_test.c
mpi_runner_table_data_test_CFLAGS = $(mpi_runner_test_cflags)
mpi_runner_table_data_test_LDADD = $(mpi_runner_test_libs)
mpi_runner_tensorboard_test_SOURCES = mpi-runner/tensorboard_test.c
mpi_runner_tensorboard_test_CFLAGS = $(mpi_runner_test_cflags)
mpi_runner_tensorboard_test_LDADD = $(mpi_runner_test_libs)
mpi_runner_use_test_SOURCES = mpi-runner/use_test.c
mpi_runner_use_test_CFLAGS = $(mpi_runner_test_cflags)
mpi_runner_use_test_LDADD = $(mpi_runner_test_libs)
mpi_runner_verify_test_SOURCES = mpi-runner/verify_test.c mpi-runner/verify_testing.c mpi-runner/verify_testing.h
mpi_runner_verify_test_CFLAGS = $(mpi_runner_test_cflags)
mpi_runner_verify_test_LDADD = $(mpi_runner_test_libs)
endif
endif

dist_examples_DATA += etc/examples/fashion-mnist.yaml etc/examples/fashion-mnist.sbatch etc/examples/fashion-mnist-cnn.yaml \
	etc/examples/bible-kjv.yaml etc/examples/bible-kjv.sbatch \
	etc/examples/dialogue.sh etc/examples/dialogue.yaml etc/examples/dialogue.sbatch \
	etc/examples/job-times.sh etc/examples/job-times.yaml etc/examples/job-times.sbatch \
	etc/examples/speech-commands.sh etc/examples/speech-commands.yaml etc/examples/speech-commands.sbatch
dist_man_MANS += doc/man/aic-verify.1 doc/man/aic-train.1 doc/man/aic-run.1 doc/man/aic-spec.5
EXTRA_DIST += doc/formats/checkpoint.md doc/formats/session-dir.md doc/formats/verification.md tests/bench/checkpoint.sh tests/bench/verify.sh
