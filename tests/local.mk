# tests: run.sh is the one way to run them all; `make check` runs the unit tests of a build.
.PHONY: check_programs list_check_programs
check_programs: $(check_PROGRAMS)
list_check_programs:
	@echo $(check_PROGRAMS)

EXTRA_DIST += \
	tests/run.sh \
	tests/lib/build.sh tests/lib/prepare.sh tests/lib/report.sh
