#!/bin/bash
# gpu_test.sh: aic-train on GPUs, simulated: the CPU's weights, from one or several ranks, checkpoints that either continues, class D1, and
# what is said where there is no GPU. AIC_BUILD: the build to test [.]. Prints TAP lines.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/ranks.lib.sh"

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

echo "1..$count"
[ $failed = 0 ]
