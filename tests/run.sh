#!/bin/bash
# run.sh: installs what the tests need, builds AIC three ways out of tree, runs every test, and ends with
# "N passed, N failed". Needs root on Debian 12; leaves nothing running.
set -uo pipefail
TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOP=$(dirname "$TESTS")
. "$TESTS/lib/report.sh"
. "$TESTS/lib/prepare.sh"

usage() {
	cat <<-EOF
		Usage: tests/run.sh [units | builds | fuzz | cluster | fault | NAME]...

		Without a name everything runs. NAME is a part of a test's path: tests/run.sh 03-hold, tests/run.sh common_amount.
		  builds    the tree under gcc and clang without a warning, the plugins for the next release of Slurm, the man pages
		  units     cmocka programs under ASan and UBSan, and *_test.sh
		  fuzz      tests/fuzz: every decoder, and forged proofs; the same inputs each time (make fuzz-long: new ones)
		  cluster   tests/cluster: a real Slurm cluster for each theme
		  fault     tests/fault: the same, with daemons killed and files damaged

		Environment: AIC_TEST_DIR keeps builds between runs [/var/tmp/aic-tests]; AIC_TEST_KEEP=1 keeps the folders of
		tests that failed. Exit code: 0 all passed, 1 some failed, 2 usage.
	EOF
}

# themes PART: the files of tests/PART that the arguments ask for.
themes() {
	local file word
	for file in "$TESTS/$1"/[0-9][0-9]-*.sh; do
		if [ ${#WORDS[@]} = 0 ]; then echo "$file"; fi
		for word in ${WORDS[@]+"${WORDS[@]}"}; do
			if [ "$word" = "$1" ] || [[ tests/$1/$(basename "$file") == *"$word"* ]]; then echo "$file"; break; fi
		done
	done
}
# asked PART: by its own name, or because nothing is named.
asked() {
	local word
	[ ${#WORDS[@]} -gt 0 ] || return 0
	for word in "${WORDS[@]}"; do [ "$word" = "$1" ] && return 0; done
	return 1
}
# asked_unit PATH
asked_unit() {
	local word
	asked units && return 0
	for word in "${WORDS[@]}"; do [[ $1 == *"$word"* ]] && return 0; done
	return 1
}

run_builds() {
	report_check "builds with clang without a warning" "$TESTS/lib/build.sh" clang
	report_check "man pages are clean" "$TESTS/lib/manual.sh"
	report_run tests/compat.sh 600 bash "$TESTS/compat.sh" trixie # the newest that Debian had the source of; make compat: all
}
run_units() {
	local program
	report_check "builds with ASan and UBSan" "$TESTS/lib/build.sh" sanitized
	for program in $(make -s -C "$AIC_TEST_DIR/sanitized" list_check_programs 2>/dev/null); do
		asked_unit "$program" && report_run "$program" 300 "$AIC_TEST_DIR/sanitized/$program"
	done
	for program in $(cd "$TOP" && find common ledger accounting slurm-plugins mpi-runner cli etc tests/sim -name '*_test.sh' | sort); do
		asked_unit "$program" && report_run "$program" 300 env AIC_BUILD="$AIC_TEST_DIR/sanitized" bash "$TOP/$program"
	done
}
run_fuzz() {
	local program
	report_check "builds the fuzzers" "$TESTS/lib/build.sh" fuzz || return 0
	for program in $(make -s -C "$AIC_TEST_DIR/fuzz" list_fuzz_programs 2>/dev/null); do
		report_check "$program finds nothing in 20,000 inputs" env AIC_SEED=1 "$TESTS/fuzz/run.sh" --inputs 20000 "$AIC_TEST_DIR/fuzz/$program"
	done
}
# The gcc build is what the clusters run.
run_installed() { report_check "builds with gcc without a warning" "$TESTS/lib/build.sh" gcc; }
# Two at a time: a theme mostly waits for Slurm. Each has a folder, ports and Unix users of its own.
run_themes() {
	local files
	mapfile -t files < <(themes cluster; themes fault)
	report_many 2 900 "${files[@]}"
}

main() {
	local part
	WORDS=("$@")
	for part in "$@"; do
		case $part in
		-h | --help) usage; exit 0 ;;
		-*) echo "run.sh: there is no option $part" >&2; usage >&2; exit 2 ;;
		esac
	done
	report_begin
	trap 'report_interrupted' INT TERM HUP
	trap 'report_end_children; rm -rf "$REPORT_DIR"' EXIT
	prepare
	local clusters
	clusters=$(themes cluster; themes fault)
	if asked builds || [ -n "$clusters" ]; then run_installed || clusters=""; fi
	if asked builds; then run_builds; fi
	if asked fuzz; then run_fuzz; fi
	if asked units || [ -z "$clusters" ]; then run_units; fi
	if [ -n "$clusters" ]; then run_themes; fi
	[ $((PASSED + FAILED)) -gt 0 ] || echo "no test is called ${WORDS[*]}"
	report_end
}
main "$@" </dev/null
