#!/bin/bash
# ranks_test.sh: aic-train gives the same weights on any number of ranks, threads, instruction set, compiler and level of
# optimisation, killed and resumed as one likes; and says what is wrong with its input.
# AIC_BUILD: the build to test [.]; builds beside it named gcc and clang are compared too. Prints TAP lines.
set -u
SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=$(cd "${AIC_BUILD:-.}" && pwd)
GOLDEN=b823db696d1080adf231d8006e1c443e3f69dd3eeacb73c405092868fe1e597c
GOLDEN_CNN=e69e47efa338f71b2807c47b0b9bcef868904ef5db1f50e8961473cfbbbe7f77
GOLDEN_GPT=5425322dae35b9ad33e912b3d89d42e3d66c7e76537b1a0261be4dc2af2cada1
DIR=$(mktemp -d /tmp/aic-ranks-XXXXXX)
trap 'rm -rf "$DIR"' EXIT
export OMPI_MCA_btl=tcp,self OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_plm=isolated OMPI_MCA_mpi_yield_when_idle=1
export TMPDIR=$DIR AIC_GPU_MODULE=$DIR/none
export LSAN_OPTIONS=suppressions=$SOURCE/tests/mpi/lsan.supp:print_suppressions=0
unset AIC_SIMD AIC_THREADS AIC_NODE_RANKS AIC_TIMEOUT SLURM_PROCID SLURM_NTASKS AIC_DATA_ROOT
count=0 failed=0

ok() { # ok NAME: the status of the command before decides
	local status=$?
	count=$((count + 1))
	if [ $status = 0 ]; then echo "ok $count - $1"; else failed=$((failed + 1)); echo "not ok $count - $1"; fi
}
# train RANKS FOLDER [ARG]...: prints what aic-train prints
train() {
	local ranks=$1 folder=$2
	shift 2
	mpirun --allow-run-as-root --oversubscribe -n "$ranks" "$TRAIN" --quiet --run-dir "$folder" "$@" 2>&1
}
hash_of() { sed -n 's/^weights sha256: //p'; }
# same WHAT RANKS [SPEC]: a fresh run gives the golden hash
same() {
	local what=$1 out
	shift
	out=$(train "$1" "$DIR/run" --fresh "$DIR/${2:-spec}.yaml")
	[ "$(hash_of <<<"$out")" = "$GOLDEN" ] || { sed 's/^/# /' <<<"$out"; false; }
	ok "$what"
}
# says WHAT PATTERN SPEC [ARG]...: one rank fails and says PATTERN in one sentence
says() {
	local what=$1 pattern=$2 out status
	shift 2
	out=$("$TRAIN" --quiet "$@" 2>&1 >/dev/null)
	status=$?
	[ $status != 0 ] && [ "$(wc -l <<<"$out")" = 1 ] && grep -q -- "$pattern" <<<"$out" || { sed 's/^/# /' <<<"$out"; false; }
	ok "$what"
}

TRAIN=$BUILD/aic-train
mkdir "$DIR/data" && "$BUILD/aic-idx-make" "$DIR/data" 600 150 12 5
ok "a small data set is made"
cat >"$DIR/spec.yaml" <<EOF
model: {name: small, input: "image[12,12]", output: "class[5]",
  layers: [linear 33, relu, {residual: [linear 40, relu, linear 33]}, linear 5]}
data: {path: data, format: idx}
train: {optimizer: adamw, lr: 5e-3, schedule: cosine, warmup: 4, weight_decay: 0.01, clip: 0.7, batch: 50, epochs: 3, seed: 11}
prove: {shards: 8, checkpoint_every: 5}
EOF
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
cat >"$DIR/cnn.yaml" <<EOF
model: {name: cnn, input: "image[12,12]", output: "class[5]", preset: cnn, depth: 2, width: 6, dropout: 0.2}
data: {path: data, format: idx}
train: {optimizer: sgd, lr: 0.05, schedule: linear, batch: 40, epochs: 2, seed: 3}
EOF
seq 1 3000 >"$DIR/numbers.txt"
cat >"$DIR/gpt.yaml" <<EOF
model: {name: gpt, input: "text[24]", output: "class[256]", preset: gpt, depth: 2, width: 40, heads: 5, dropout: 0.1}
data: {path: numbers.txt, format: text}
train: {optimizer: adamw, lr: 3e-3, warmup: 5, clip: 1, batch: 16, steps: 40, seed: 3}
EOF
GOLDEN_MLP=$GOLDEN
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
# the kernels for GPUs, simulated: the same weights, from one or several ranks, and checkpoints that either continues
gpu() { AIC_GPU_MODULE=$GPU_MODULE "$@"; }
GPU_MODULE=$BUILD/.libs/aic_gpu_simulated.so
sed 's/train: {/train: {device: gpu, /' "$DIR/spec.yaml" >"$DIR/gpu.yaml"
says "a GPU where there is none" "train: device: gpu: no part for GPUs is installed: .*; use device: cpu" --run-dir "$DIR/bad" "$DIR/gpu.yaml"
if [ -e "$GPU_MODULE" ]; then
	gpu same "the golden weights on a GPU" 1 gpu
	# few STEPS MODEL [PATTERN]...: GOLDEN becomes the CPU's weights after so many steps; few.yaml asks for a GPU
	few() {
		sed "s/\(steps\|epochs\): [0-9]*/steps: $1/; s/train: {/train: {device: cpu, /" "$DIR/$2.yaml" >"$DIR/cpu.yaml"
		sed 's/device: cpu/device: gpu/' "$DIR/cpu.yaml" >"$DIR/few.yaml"
		GOLDEN=$(train 1 "$DIR/few" --fresh "$DIR/cpu.yaml" | hash_of)
	}
	few 3 cnn && gpu same "the weights of the cnn on a GPU" 1 few
	few 2 gpt && gpu same "the weights of the gpt on a GPU" 1 few
	few 5 spec && gpu same "the weights on 3 ranks that share a GPU" 3 few
	for ranks in 2 3 8; do SIMT_DEVICES=8 gpu same "the weights on $ranks GPUs that NCCL joins" $ranks few; done
	GOLDEN=$GOLDEN_MLP
	sed 's/epochs: 3/steps: 36/' "$DIR/spec.yaml" >"$DIR/cpu.yaml"
	"$TRAIN" --quiet --fresh --run-dir "$DIR/moved" "$DIR/cpu.yaml" >/dev/null 2>&1
	rm -f "$DIR"/moved/*36*
	out=$(gpu train 2 "$DIR/moved" "$DIR/cpu.yaml")
	[ "$(hash_of <<<"$out")" = "$GOLDEN_MLP" ] && grep -q "^resumed.* at step 3[05] of 36" <<<"$out" && grep -q "simulated GPU" <<<"$out" ||
		{ sed 's/^/# /' <<<"$out"; false; }
	ok "a checkpoint of the CPU, continued on 2 GPUs"
	[ "$(SIMT_DEVICES=0 gpu train 1 "$DIR/moved" --fresh "$DIR/cpu.yaml" | hash_of)" = "$GOLDEN_MLP" ]
	ok "device: auto uses the CPU where there is no GPU"
	grep -v ^prove "$DIR/spec.yaml" >"$DIR/fast.yaml"
	echo "prove: {class: D1, shards: 8}" >>"$DIR/fast.yaml"
	out=$(gpu train 1 "$DIR/fast" --fresh "$DIR/fast.yaml")
	GOLDEN=$(hash_of <<<"$out") SIMT_DEVICES=2 gpu same "class D1 gives its bits again, on other ranks" 2 fast
	[ "$(hash_of <<<"$out")" != "$GOLDEN_MLP" ] && grep -q "accuracy 9[5-9]\|accuracy 100" <<<"$out" || { sed 's/^/# /' <<<"$out"; false; }
	ok "class D1 learns the same, in other arithmetic"
	says "class D1 without a GPU" "prove: class: D1 needs a GPU: .*; use class: D0, or a node with one" --run-dir "$DIR/bad" "$DIR/fast.yaml"
	sed 's/train: {/train: {device: cpu, /' "$DIR/fast.yaml" >"$DIR/layers.yaml"
	says "class D1 on a CPU" "layers.yaml:5: class: D1 is arithmetic of GPUs: leave device: cpu out" --run-dir "$DIR/bad" "$DIR/layers.yaml"
	SIMT_DEVICES=0 gpu says "a GPU where the driver finds none" "device: gpu: there is no usable GPU: no CUDA-capable device" --run-dir "$DIR/bad" "$DIR/gpu.yaml"
	SIMT_MEMORY=100000 gpu says "a GPU whose memory is too small" "simulated GPU 0: .* more are needed, .* are free: set train: micro_batch" \
		--run-dir "$DIR/bad" "$DIR/gpu.yaml"
	GPU_MODULE=$BUILD/.libs/libfakenvml.so gpu says "a module that is none" "libfakenvml.so is not AIC's part for GPUs" --run-dir "$DIR/bad" "$DIR/gpu.yaml"
else
	true; ok "the golden weights on a GPU # SKIP make check_programs builds the simulated one"
fi

# -O3, without the build system
sources=$(cd "$SOURCE" && ls common/*.c mpi-runner/*.c mpi-runner/kernels/cpu/*.c mpi-runner/layers/*.c |
	grep -vE '_test\.c|_testing\.c|fuzz|idx_make\.c|aic_links\.c|aic_run\.c|/run_')
libraries="ompi-c libcbor yaml-0.1 libcrypto munge jansson"
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
