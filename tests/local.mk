# tests: run.sh is the one way to run them all; `make check` runs the unit tests of a build.
.PHONY: check_programs list_check_programs
check_programs: $(check_PROGRAMS)
list_check_programs:
	@echo $(check_PROGRAMS)

EXTRA_DIST += .ci tests/run.sh tests/lib tests/cluster tests/fault tests/independent tests/mpi
EXTRA_DIST += mpi-runner/ranks_test.sh mpi-runner/run_test.sh

# The ledger's simulator: tests/sim/sim_test.sh runs 500 seeds, `make sim-long` 10,000.
if WITH_LEDGER
check_PROGRAMS += tests/sim/sim
tests_sim_sim_SOURCES = tests/sim/main.c tests/sim/sim.h tests/sim/random.h tests/sim/world.c tests/sim/order.c tests/sim/disk.c \
	tests/sim/disk.h tests/sim/load.c tests/sim/liar.c tests/sim/checks.c tests/sim/plant.c tests/sim/memo.c
tests_sim_sim_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(SAN)
tests_sim_sim_LDFLAGS = -Wl,--wrap=aic_verify
tests_sim_sim_LDADD = libledger.la libcommon.la $(SQLITE_LIBS)
sim-long: tests/sim/sim
	tests/sim/sim --seeds 1..10000 --progress
.PHONY: sim-long
endif
EXTRA_DIST += tests/sim/sim_test.sh

# Benchmarks: programs that print rows (tests/bench/bench.h); `make bench` writes them into doc/benchmarks.md.
EXTRA_DIST += tests/bench/bench.h tests/bench/run.sh doc/benchmarks.md
EXTRA_PROGRAMS = $(bench_programs)
bench: $(bench_programs)
	$(srcdir)/tests/bench/run.sh $(srcdir)/doc/benchmarks.md $(bench_programs)
.PHONY: bench
