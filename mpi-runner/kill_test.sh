#!/bin/bash
# kill_test.sh: a training whose ranks, or all of it, are killed (SIGKILL) again and again, while a checkpoint is nearly always being
# written: each run resumes from a whole checkpoint, on another number of ranks, and the end is that of a training nobody killed.
# AIC_KILLS [10] of them, drawn from AIC_SEED [1]; `make kill-long`: 100. AIC_BUILD: the build to test [.]. Prints TAP lines.
set -u
SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=$(cd "${AIC_BUILD:-.}" && pwd)
KILLS=${AIC_KILLS:-10}
RANDOM=${AIC_SEED:-1}
TRAIN=$BUILD/aic-train
DIR=$(mktemp -d /tmp/aic-kill-XXXXXX)
RUN=$DIR/run
trap 'rm -rf "$DIR"' EXIT
export OMPI_MCA_btl=tcp,self OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_plm=isolated OMPI_MCA_mpi_yield_when_idle=1
export TMPDIR=$DIR
export LSAN_OPTIONS=suppressions=$SOURCE/tests/mpi/lsan.supp:print_suppressions=0
unset AIC_SIMD AIC_THREADS SLURM_PROCID SLURM_NTASKS AIC_DATA_ROOT
count=0 failed=0 killed=0 resumed=0 within=0 finished=0

ok() { # ok NAME: the status of the command before decides
	local status=$?
	count=$((count + 1))
	if [ $status = 0 ]; then echo "ok $count - $1"; else failed=$((failed + 1)); echo "not ok $count - $1"; fi
}
train() { # train RANKS [ARG]...
	local ranks=$1
	shift
	exec mpirun --allow-run-as-root --oversubscribe -n "$ranks" "$TRAIN" --quiet --run-dir "$RUN" "$@" "$DIR/spec.yaml"
}
# newest: the newest checkpoint's step in $step, 0 where there is none
newest() {
	local files=("$RUN"/step-*.aickpt)
	step=${files[-1]##*step-} step=${step%.aickpt}
	[ "$step" = "*" ] && step=0 || step=$((10#$step))
}
ranks_of() { pgrep -P "$1" -x aic-train; }
# the weights and the last checkpoint's root
outcome() { sed -n 's/^weights sha256: //p' "$1"; "$TRAIN" check "$RUN" | sed -n 's/^  root *//p' | tail -1; }
bad() { echo "# $1"; sed 's/^/# /' "$DIR/log"; wrong=1; }

mkdir "$DIR/data" && "$BUILD/aic-idx-make" "$DIR/data" 600 150 12 5
cat >"$DIR/spec.yaml" <<EOF
model: {name: small, input: "image[12,12]", output: "class[5]", layers: [linear 300, relu, linear 200, relu, linear 5]}
data: {path: data, format: idx}
train: {optimizer: adamw, lr: 2e-3, batch: 50, steps: 400, seed: 11}
prove: {shards: 8, checkpoint_every: 1, keep: 3}
EOF
(train 2 --fresh) >"$DIR/log" 2>&1
whole=$(outcome "$DIR/log")
[ "$(wc -w <<<"$whole")" = 2 ]
ok "a training nobody kills"
[ $failed = 0 ] || { sed 's/^/# /' "$DIR/log"; echo "1..$count"; exit 1; }

wrong=0 fresh=--fresh last=0
while [ "$killed" -lt "$KILLS" ] && [ $wrong = 0 ]; do
	before=$last step=0
	(train $((RANDOM % 4 + 1)) $fresh) >"$DIR/log" 2>&1 &
	job=$!
	# at work: it has saved something new
	until grep -q "samples to train on" "$DIR/log" && newest && [ "$step" != 0 ] && [ "$step" != "$before" ]; do
		kill -0 $job 2>/dev/null || break
		sleep 0.05
	done
	fresh=
	sleep "0.$(printf %03d $((RANDOM % 200)))"
	mapfile -t ranks < <(ranks_of $job)
	if [ ${#ranks[@]} = 0 ]; then # it came to its end first
		wait $job
		finished=$((finished + 1)) fresh=--fresh last=0
		[ $finished -lt $((KILLS + 5)) ] || bad "runs end before they can be killed"
		[ "$(outcome "$DIR/log")" = "$whole" ] || bad "a run that came to its end has other weights or another root"
		continue
	fi
	if [ $((RANDOM % 2)) = 0 ]; then
		kill -9 "${ranks[RANDOM % ${#ranks[@]}]}" 2>/dev/null
	else
		kill -9 $job "${ranks[@]}" 2>/dev/null
	fi
	wait $job 2>/dev/null
	for rank in "${ranks[@]}"; do while kill -0 "$rank" 2>/dev/null; do sleep 0.02; done; done
	grep -q "^weights" "$DIR/log" && { fresh=--fresh last=0; continue; }
	killed=$((killed + 1))
	grep -q "^resumed" "$DIR/log" && resumed=$((resumed + 1))
	ls "$RUN"/.saving* >/dev/null 2>&1 && within=$((within + 1))
	[ "$before" = 0 ] || grep -q "^resumed from .* at step $before of" "$DIR/log" || bad "the run did not resume from step $before, the newest checkpoint"
	"$TRAIN" check "$RUN" >"$DIR/check" 2>&1 || bad "$(tail -1 "$DIR/check")"
	newest
	last=$step
done
[ $wrong = 0 ]
ok "$killed kills: every checkpoint is whole, every run resumed from the newest ($resumed; $within kills while one was written; $finished came to an end)"
(train 3) >"$DIR/log" 2>&1
[ "$(outcome "$DIR/log")" = "$whole" ] && [ -z "$(ls "$RUN"/.saving* 2>/dev/null)" ] || { bad "the end differs"; false; }
ok "the same weights and the same root at the end, and nothing half written is left"

echo "1..$count"
[ $failed = 0 ]
