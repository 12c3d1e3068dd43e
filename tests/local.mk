# tests: run.sh is the one way to run them all; `make check` runs the unit tests of a build.
.PHONY: check_programs list_check_programs
check_programs: $(check_PROGRAMS)
list_check_programs:
	@echo $(check_PROGRAMS)

EXTRA_DIST += .ci tests/run.sh tests/lib tests/cluster tests/fault tests/independent tests/mpi
EXTRA_DIST += mpi-runner/ranks_test.sh mpi-runner/run_test.sh

# Benchmarks: programs that print rows (tests/bench/bench.h); `make bench` writes them into doc/benchmarks.md.
EXTRA_DIST += tests/bench/bench.h tests/bench/run.sh doc/benchmarks.md
EXTRA_PROGRAMS = $(bench_programs)
bench: $(bench_programs)
	$(srcdir)/tests/bench/run.sh $(srcdir)/doc/benchmarks.md $(bench_programs)
.PHONY: bench
