#!/bin/bash
# session.sh [RUNS]: what a session costs its training: CPU and wall time of aic-train with one (opened, each checkpoint committed and kept in
# the store, closed) against --no-session, RUNS runs of each in turn on one node of the lab. Prints rows for doc/benchmarks.md; wants root
# and an installed build, as tests/cluster does.
RUNS=${1:-3}
. "$(dirname "${BASH_SOURCE[0]}")/../cluster/lib.sh"
lab_begin_all >/dev/null
home=$AIC_LAB/home/$LAB_ADA
script "$LAB_ADA" turns.sh <<-EOF
	for i in \$(seq $RUNS); do
		srun bash -c 'TIMEFORMAT="with %U %S %R"; time aic-train --quiet --fresh --run-dir with "$AIC_EXAMPLES/fashion-mnist.yaml" 2>>with.err'
		srun bash -c 'TIMEFORMAT="without %U %S %R"; time aic-train --no-session --quiet --fresh --run-dir without "$AIC_EXAMPLES/fashion-mnist.yaml" 2>>without.err'
	done
EOF
id=$(submit "$LAB_ADA" --output=turns.log --time=30 -N1 -n1 turns.sh)
job_wait "$id" 1800
sessions=$(aic session list -P | tail -n +2 | wc -l)
[ "$sessions" = "$RUNS" ] || { echo "session.sh: $sessions sessions were opened in $RUNS runs: $(tail -n 3 "$home/with.err")" >&2; exit 1; }
# median KIND COLUMN: of 1 CPU, 2 wall seconds
median() { awk -v k="$1" -v c="$2" '$1 == k { print c == 1 ? $2 + $3 : $4 }' "$home/turns.log" | sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
row() { awk -v what="$1" -v a="$(median with "$2")" -v b="$(median without "$2")" -v n="$RUNS" 'BEGIN { printf "| %s | %.3f | <= 1.02 | %.2f s against %.2f s, median of %d runs |\n", what, a / b, a, b, n }'; }
row "a training of Fashion-MNIST with its session, against --no-session (CPU time)" 1
row "the same in wall time" 2
