#!/bin/bash
# run.sh [--seconds N | --inputs N] PROGRAM...: runs libFuzzer targets, each for N seconds [5], or N inputs, from the seeds that it writes
# itself and from what the repository has for it; a corpus in $AIC_FUZZ_CORPUS, where that is set, is used and grows. A finding is kept beside the program and
# fails the run: PROGRAM FINDING replays it. AIC_SEED replays a run.
set -uo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LIMIT=-max_total_time=5
case ${1:-} in
--seconds) LIMIT=-max_total_time=$2; shift 2 ;;
--inputs) LIMIT=-runs=$2; shift 2 ;;
esac
SEED=${AIC_SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/fuzz.XXXXXX")
trap 'rm -rf "$WORK" /dev/shm/aic-fuzz-??????' EXIT
export ASAN_OPTIONS=detect_leaks=0:${ASAN_OPTIONS:-} # a target's world stays until it ends

# what people write by hand
given() {
	case $1 in
	yaml_fuzz) cp "$TOP"/etc/*.yaml "$TOP"/etc/examples/*.yaml "$2" ;;
	spec_fuzz) cp "$TOP"/etc/examples/*.yaml "$2" ;;
	esac
}
# a target whose world is not the same at each start cannot replay a finding
same_world() {
	mkdir -p "$WORK/again"
	AIC_FUZZ_SEEDS=$WORK/again "$1" -runs=0 >"$WORK/again.log" 2>&1
	for f in "$WORK"/again/*; do
		[ -f "$f" ] && ! cmp "$f" "$2/$(basename "$f")" && return 1
	done
	rm -rf "$WORK/again"
}
failed=0
for program; do
	name=$(basename "$program")
	corpus=${AIC_FUZZ_CORPUS:+$AIC_FUZZ_CORPUS/$name}
	corpus=${corpus:-$WORK/$name}
	mkdir -p "$corpus" "$WORK/$name.seeds"
	given "$name" "$WORK/$name.seeds"
	AIC_FUZZ_SEEDS=$WORK/$name.seeds "$program" -runs=0 >"$WORK/log" 2>&1
	if "$program" -seed="$SEED" "$LIMIT" -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
		-artifact_prefix="$program.finding-" "$corpus" "$WORK/$name.seeds" >"$WORK/log" 2>&1; then
		if ! same_world "$program" "$WORK/$name.seeds" >"$WORK/differs"; then
			failed=1
			echo "$name: its first inputs differ from start to start, so a finding would not replay: $(head -n 1 "$WORK/differs")"
			continue
		fi
		echo "$name: $(grep -oE 'number_of_executed_units: [0-9]+' "$WORK/log" | grep -oE '[0-9]+') inputs, no finding"
	else
		failed=1
		echo "$name: FINDING (AIC_SEED=$SEED)"
		grep -aE 'demanded|ERROR|runtime error|#[0-9] .* in |Test unit written' "$WORK/log" | head -n 20
	fi
done
exit "$failed"
