#!/bin/bash
# verify.sh: what a verdict on a segment costs against the segment itself, in CPU time; and how many honest segments, run again on other numbers of
# ranks and threads and other instruction sets, are called wrong. Runs in a build; prints rows. small: fewer of both.
set -euo pipefail
DIR=$(mktemp -d /var/tmp/aic-bench-XXXXXX)
trap 'rm -rf "$DIR"' EXIT
export OMPI_MCA_btl=tcp,self OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_plm=isolated OMPI_MCA_mpi_yield_when_idle=1 TMPDIR=$DIR
seq 1 60000 >"$DIR/text.txt"

# spec SEED STEPS EVERY DEPTH WIDTH LENGTH SHARDS: to $DIR/spec.yaml, and with the session's seed to $DIR/own.yaml
spec() {
	cat >"$DIR/spec.yaml" <<-EOF
		model: {name: bench, input: "text[$6]", output: "class[256]", preset: gpt, depth: $4, width: $5, heads: 4, dropout: 0.1}
		data: {path: text.txt, format: text}
		train: {batch: 8, steps: $2, seed: $1, clip: 1}
		prove: {shards: $7, checkpoint_every: $3, keep: 1000}
	EOF
	sed "s/seed: $1/seed: $(./aic-verify-ask seed "$DIR/spec.yaml")/" "$DIR/spec.yaml" >"$DIR/own.yaml"
}
cpu() { ( TIMEFORMAT='%U %S'; { time "$@" >/dev/null 2>"$DIR/err"; } 2>&1 ) | awk '{ print $1 + $2 }'; }

cost() { # STEPS
	local steps=$1 two one verdict
	spec 7 $((2 * steps)) "$steps" 4 128 64 1
	two=$(AIC_THREADS=2 cpu ./aic-train --quiet --fresh --run-dir "$DIR/run" "$DIR/own.yaml")
	sed "s/steps: $((2 * steps))/steps: $steps/" "$DIR/own.yaml" >"$DIR/one.yaml"
	one=$(AIC_THREADS=2 cpu ./aic-train --quiet --fresh --run-dir "$DIR/half" "$DIR/one.yaml")
	rm "$DIR/run/$(printf 'step-%010d.aickpt' $((2 * steps)))"
	./aic-verify-ask ask "$DIR/spec.yaml" "$DIR/run" "$DIR/question"
	verdict=$(AIC_THREADS=2 cpu ./aic-verify --quiet "$DIR/question" "$DIR/run")
	awk -v a="$one" -v b="$two" -v v="$verdict" -v n="$steps" 'BEGIN {
		printf "| a verdict on a segment of %d steps of a GPT, 4 layers x 128, from the start of the process to its result, against these steps in the training (CPU time) | %.3f | <= 1.1 | %.2f s against %.2f s |\n", n, v / (b - a), v, b - a }'
	rm -rf "$DIR/run" "$DIR/half"
}

honest() { # SESSIONS of 63 segments each
	local i how wrong=0 segments=0 ranks simd threads
	local -a ways=("1 scalar 1" "2 avx2 2" "4 avx512 1" "1 avx512 2" "2 scalar 1" "4 avx2 1")
	for i in $(seq "$1"); do
		spec $((100 + i)) 126 2 $((1 + i % 2)) $((8 + 4 * (i % 4))) 6 4
		read -r ranks simd threads <<<"${ways[i % 6]}"
		grep -qw "${simd/avx512/avx512f}" /proc/cpuinfo || simd=scalar
		mpirun --allow-run-as-root --oversubscribe -n $((1 + i % 3)) ./aic-train --quiet --fresh --run-dir "$DIR/run" "$DIR/own.yaml" >/dev/null
		./aic-verify-ask ask "$DIR/spec.yaml" "$DIR/run" "$DIR/question"
		AIC_SIMD=$simd AIC_THREADS=$threads mpirun --allow-run-as-root --oversubscribe -n "$ranks" ./aic-verify --quiet "$DIR/question" "$DIR/run" \
			>"$DIR/out" || { wrong=$((wrong + 1)); cat "$DIR/out" >&2; }
		segments=$((segments + 63))
	done
	echo "| honest segments that were called wrong, run again on 1, 2 and 4 ranks, 1 and 2 threads, scalar, AVX2 and AVX-512 | $wrong | 0 | of $segments segments of $1 sessions |"
}

if [ "${1:-}" = small ]; then cost 30; honest 2; else cost 100; honest 16; fi
