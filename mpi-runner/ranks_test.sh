#!/bin/bash
# ranks_test.sh: aic-train gives the same weights on any number of ranks, threads, instruction set, compiler and level of
# optimisation, killed and resumed as one likes; and says what is wrong with its input.
# AIC_BUILD: the build to test [.]; builds beside it named gcc and clang are compared too. Prints TAP lines.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/ranks.lib.sh"

sed 's/epochs: 3/epochs: 100/; s/checkpoint_every: 5/checkpoint_every: 10/' "$DIR/spec.yaml" >"$DIR/long.yaml"

for ranks in 1 2 3 4 8; do same "the golden weights with $ranks rank(s)" $ranks; done
for threads in 2 3; do AIC_THREADS=$threads same "the golden weights with $threads threads" 1; done
for simd in scalar avx2 avx512; do
	if AIC_SIMD=$simd "$TRAIN" --quiet --fresh --run-dir "$DIR/run" "$DIR/spec.yaml" 2>&1 | grep -q "this processor has no"; then
		ok "the golden weights with $simd # SKIP this processor has none"
	else
		AIC_SIMD=$simd same "the golden weights with $simd" 2
	fi
done
sed 's/batch: 50,/batch: 50, micro_batch: 2,/' "$DIR/spec.yaml" >"$DIR/micro.yaml"
[ "$(train 2 "$DIR/micro" "$DIR/micro.yaml" | hash_of)" = "$GOLDEN" ]
ok "the golden weights in micro-batches of 2"
for other in gcc clang; do
	[ -x "$BUILD/../$other/aic-train" ] && [ "$BUILD/../$other" -ef "$BUILD" ] && continue
	[ -x "$BUILD/../$other/aic-train" ] || continue
	TRAIN=$BUILD/../$other/aic-train same "the golden weights built with $other" 2
done

# every kind of layer: the same weights with other ranks, threads and instruction sets
for model in cnn gpt; do
	[ $model = cnn ] && GOLDEN=$GOLDEN_CNN || GOLDEN=$GOLDEN_GPT
	for how in "1 avx512 1" "3 avx2 2" "2 scalar 1"; do
		read -r ranks simd threads <<<"$how"
		AIC_SIMD=$simd "$TRAIN" --quiet --fresh --run-dir "$DIR/run" "$DIR/nowhere" 2>&1 | grep -q "this processor has no" && continue
		cp "$DIR/$model.yaml" "$DIR/layers.yaml"
		AIC_SIMD=$simd AIC_THREADS=$threads same "the golden weights of the $model with $ranks rank(s), $simd, $threads thread(s)" $ranks layers
	done
done
GOLDEN=$GOLDEN_MLP

# ranks of several nodes: memory is shared by so many at most, the rest are messages; three buckets
sed 's/layers: .*/layers: [linear 1200, relu, linear 400, relu, linear 5]}/; s/epochs: 3/steps: 4/' "$DIR/spec.yaml" >"$DIR/wide.yaml"
GOLDEN=$(train 1 "$DIR/run" --fresh "$DIR/wide.yaml" | hash_of)
for how in "8 8" "8 3" "5 2" "4 2" "3 1"; do
	read -r ranks together <<<"$how"
	AIC_NODE_RANKS=$together same "the same weights with $ranks ranks, of which $together share memory" "$ranks" wide
done
GOLDEN=$GOLDEN_MLP

# -O3, without the build system
sources=$(cd "$SOURCE" && ls common/*.c mpi-runner/*.c mpi-runner/kernels/cpu/*.c mpi-runner/layers/*.c |
	grep -vE '_test\.c|_testing\.c|fuzz|idx_make\.c|aic_links\.c|aic_run\.c|aic_verify\.c|verify_ask\.c|/run_')
libraries="ompi-c libcbor yaml-0.1 libcrypto libsodium munge jansson"
compile() { # COMPILER LEVEL OUT
	(cd "$SOURCE" && "$1" -std=gnu17 "$2" -ffp-contract=off -I. -I"$BUILD" -DHAVE_CONFIG_H $(pkg-config --cflags $libraries) $sources -o "$3" \
		-pthread $(pkg-config --libs $libraries) -lz -lm) >"$DIR/compile.log" 2>&1
}
for compiler in gcc clang; do
	if ! command -v $compiler >/dev/null; then ok "the golden weights with $compiler -O3 # SKIP there is no $compiler"; continue; fi
	if compile $compiler -O3 "$DIR/$compiler-O3"; then
		TRAIN=$DIR/$compiler-O3 same "the golden weights with $compiler -O3" 2
	else
		sed 's/^/# /' "$DIR/compile.log"; false; ok "compiles with $compiler -O3"
	fi
done

# ranks of a run that is under way: their processes, with MPI's number of each before it
ranks_of() { # PID of mpirun
	local process
	for process in $(pgrep -P "$1"); do
		echo "$(tr '\0' '\n' 2>/dev/null <"/proc/$process/environ" | sed -n 's/^OMPI_COMM_WORLD_RANK=//p') $process"
	done
}
# last_step FOLDER: the step of the last checkpoint
last_step() { find "$1" -name 'step-*.aickpt' 2>/dev/null | sed 's/.*step-0*//; s/\.aickpt//' | sort -n | tail -1; }
# start RANKS FOLDER SPEC LOG: in the background; $pid is mpirun
start() {
	mpirun --allow-run-as-root --oversubscribe -n "$1" "$TRAIN" --quiet --run-dir "$2" "$3" >"$4" 2>&1 &
	pid=$!
}
alive() { kill -0 "$1" 2>/dev/null; }

# killed when so many checkpoints more have been written, after a random while, resumed on another number of ranks. Every second time one rank
# alone, which ends the others.
long=$(train 2 "$DIR/whole" "$DIR/long.yaml" | hash_of)
RANDOM=20261
killed=0 resumed=0 expected=0 whole=1 ranks_killed=0
for ranks in 3 1 4 2 1 8; do
	before=$(last_step "$DIR/killed") enough=$((10 * (RANDOM % 9 + 1)))
	start $ranks "$DIR/killed" "$DIR/long.yaml" "$DIR/killed.log"
	until ! alive $pid || [ "$(last_step "$DIR/killed")" -ge $((${before:-0} + enough)) ] 2>/dev/null; do sleep 0.01; done
	sleep "0.00$((RANDOM % 10))"
	mapfile -t processes < <(ranks_of $pid)
	victims="${processes[*]#* } $pid"
	[ $((killed % 2)) = 1 ] && victims=${processes[RANDOM % ${#processes[@]}]#* } && ranks_killed=$((ranks_killed + 1))
	kill -9 $victims 2>/dev/null && killed=$((killed + 1))
	wait $pid 2>/dev/null
	[ -n "$before" ] && expected=$((expected + 1)) && grep -q "^resumed from .* at step $before of" "$DIR/killed.log" && resumed=$((resumed + 1))
	if grep -q "damaged\|truncated" "$DIR/killed.log"; then whole=0; sed 's/^/# /' "$DIR/killed.log"; fi
done
out=$(train 3 "$DIR/killed" "$DIR/long.yaml")
[ -n "$long" ] && [ "$(hash_of <<<"$out")" = "$long" ] || { sed 's/^/# /' <<<"$out"; false; }
ok "killed $killed times, $ranks_killed of them one rank alone, and resumed on other numbers of ranks: the same weights"
[ $whole = 1 ] && [ $resumed = $expected ] && [ $killed -ge 2 ] || { echo "# $resumed of $expected resumed the last checkpoint"; false; }
ok "no checkpoint was torn, and each run went on from the last one"

# a rank that stands still is named, with what the others wait for
sed 's/epochs: 3/epochs: 100000/; s/checkpoint_every: 5/checkpoint_every: 20/' "$DIR/spec.yaml" >"$DIR/endless.yaml"
for together in 8 1; do
	export AIC_TIMEOUT=2 AIC_NODE_RANKS=$together
	start 3 "$DIR/late-$together" "$DIR/endless.yaml" "$DIR/late.log"
	until ! alive $pid || [ -n "$(last_step "$DIR/late-$together")" ]; do sleep 0.02; done
	late=$(ranks_of $pid | sed -n 's/^1 //p')
	kill -STOP "$late"
	wait $pid
	status=$?
	kill -KILL "$late" 2>/dev/null
	unset AIC_TIMEOUT AIC_NODE_RANKS
	[ $status != 0 ] && grep -q "^aic-train: .*: rank 1 has not answered for 2 s: look at its log and node, or raise AIC_TIMEOUT" "$DIR/late.log" &&
		! grep -q "rank [02] has not answered" "$DIR/late.log" || { sed 's/^/# /' "$DIR/late.log"; false; }
	ok "a rank that stands still is named, $together rank(s) together on a node"
done

# SIGTERM: a checkpoint at the next step, status 75, and it goes on from there
"$TRAIN" --quiet --fresh --run-dir "$DIR/term" "$DIR/long.yaml" >"$DIR/term.log" 2>&1 &
pid=$!
until ! alive $pid || [ -s "$DIR/term.log" ]; do sleep 0.02; done
kill -TERM $pid
wait $pid
status=$?
[ $status = 75 ] && grep -q "^stopped by a signal after step" "$DIR/term.log" &&
	[ "$(train 4 "$DIR/term" "$DIR/long.yaml" | hash_of)" = "$long" ] || { echo "# status $status"; sed 's/^/# /' "$DIR/term.log"; false; }
ok "SIGTERM saves at a step boundary, ends with 75, and the run goes on from there"
out=$(train 2 "$DIR/term" "$DIR/long.yaml")
[ "$(hash_of <<<"$out")" = "$long" ] && grep -q "^resumed.* at step 1200 of 1200" <<<"$out"
ok "a finished training is tested again, not run again"

# metrics
python3 - "$DIR/whole/metrics.jsonl" <<'EOF'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert lines[0]["event"] == "start" and lines[-1]["event"] == "end" and len(lines[-1]["weights_sha256"]) == 64
assert [l["step"] for l in lines if l["event"] == "step"] == list(range(10, 1201, 10))
assert all(0 <= l["test_accuracy"] <= 1 for l in lines if l["event"] == "test")
assert [l for l in lines if l["event"] == "test"][-1]["test_accuracy"] > 0.9
EOF
ok "metrics are JSON lines, and the model has learned"

# what is wrong, in one sentence
says "a specification that is not there" "nowhere.yaml" "$DIR/nowhere.yaml"
sed 's/relu, linear 33/rilu, linear 33/' "$DIR/spec.yaml" >"$DIR/bad.yaml"
says "an unknown layer, with file and line" "bad.yaml:2: .*\"rilu\" is no layer; there are: linear" --run-dir "$DIR/bad" "$DIR/bad.yaml"
sed 's/linear 5\]/linear 6]/' "$DIR/spec.yaml" >"$DIR/bad.yaml"
says "shapes that do not fit" "bad.yaml:2: .*output asks for 5 values: end with linear 5" --run-dir "$DIR/bad" "$DIR/bad.yaml"
sed 's/12,12/12,13/' "$DIR/spec.yaml" >"$DIR/bad.yaml"
says "an input that does not fit the data" "write input: image\[12,12\]" --run-dir "$DIR/bad" "$DIR/bad.yaml"
sed 's/epochs: 3/epochs: 4/' "$DIR/spec.yaml" >"$DIR/bad.yaml"
says "a checkpoint of another training" "is a checkpoint of another model, data or training.*--fresh" --run-dir "$DIR/run" "$DIR/bad.yaml"
sed 's/lr: 5e-3/lr: 900/; s/, clip: 0.7//; s/adamw/sgd/' "$DIR/spec.yaml" >"$DIR/bad.yaml"
says "a training that diverges" "step [0-9]*: the .* lower train: lr" --run-dir "$DIR/bad" "$DIR/bad.yaml"
export SLURM_PROCID=0 SLURM_NTASKS=4
says "MPI's size is not Slurm's" "MPI counts 1 rank(s), the Slurm step has 4 tasks: start with srun --mpi=pmix" --run-dir "$DIR/bad" "$DIR/spec.yaml"
unset SLURM_PROCID SLURM_NTASKS
mkdir "$DIR/short" && cp "$DIR"/data/* "$DIR/short/" && truncate -s 5000 "$DIR/short/train-images-idx3-ubyte"
sed 's/path: data/path: short/' "$DIR/spec.yaml" >"$DIR/bad.yaml"
says "a truncated IDX file" "train-images-idx3-ubyte: ends after 4984 of 86400 bytes" --run-dir "$DIR/bad" "$DIR/bad.yaml"

# no space left: a tiny file system of its own
mkdir "$DIR/tiny"
if unshare -m true 2>/dev/null; then
	out=$(unshare -m bash -c "mount -t tmpfs -o size=160k tmpfs '$DIR/tiny' && '$TRAIN' --quiet --run-dir '$DIR/tiny/run' '$DIR/spec.yaml'" 2>&1)
	grep -q "checkpoint .*make room.*No space left on device" <<<"$out" || { sed 's/^/# /' <<<"$out"; false; }
	ok "no space left for a checkpoint"
else
	ok "no space left for a checkpoint # SKIP no mount namespace here"
fi

echo "1..$count"
[ $failed = 0 ]
