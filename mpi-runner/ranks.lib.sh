# ranks.lib.sh: what ranks_test.sh and gpu_test.sh share: aic-train of a build, small models, and the hashes of their weights.
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
