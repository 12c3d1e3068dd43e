#!/bin/bash
# examples_test.sh: every example of etc/examples, as its batch script runs it, in a reduced form: less data, fewer steps, one rank.
# The trained model is better than guessing, and is then used. AIC_BUILD: the build to test [.]. Prints TAP lines.
set -u
EXAMPLES=$(cd "$(dirname "${BASH_SOURCE[0]}")/../etc/examples" && pwd)
BUILD=$(cd "${AIC_BUILD:-.}" && pwd)
DIR=$(mktemp -d /tmp/aic-examples-XXXXXX)
trap 'rm -rf "$DIR"' EXIT
export OMPI_MCA_btl=tcp,self OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_plm=isolated TMPDIR=$DIR SLURM_SUBMIT_DIR=$DIR AIC_THREADS=1
export LSAN_OPTIONS=suppressions=$EXAMPLES/../../tests/mpi/lsan.supp:print_suppressions=0
unset SLURM_PROCID SLURM_NTASKS
cp "$EXAMPLES"/* "$DIR"
mkdir "$DIR/bin"
ln -s "$BUILD/aic-train" "$DIR/bin/aic-train"
# srun's part where there is no Slurm: one task on this machine
cat >"$DIR/bin/srun" <<'EOF'
#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
exec "$@"
EOF
chmod +x "$DIR/bin/srun"
PATH=$DIR/bin:$PATH
cd "$DIR" || exit 1
count=0 failed=0

ok() { # ok NAME: the status of the command before decides
	local status=$?
	count=$((count + 1))
	if [ $status = 0 ]; then echo "ok $count - $1"; else failed=$((failed + 1)); echo "not ok $count - $1"; sed 's/^/# /' out 2>/dev/null; fi
}
skip() { count=$((count + 1)); echo "ok $count - $1 # SKIP $2"; }
# reduced SPEC KEY=VALUE...: keys of train: in place of the example's
reduced() {
	local spec=$1 pair
	shift
	for pair in "$@"; do
		grep -q "^  ${pair%%=*}:" "$spec" || { echo "$spec has no ${pair%%=*}" >&2; return 1; }
		sed -i "s/^  ${pair%%=*}: .*/  ${pair%%=*}: ${pair#*=}/" "$spec"
	done
}
# batch SCRIPT [ARG]...: as sbatch would; stays in out
batch() { bash "$@" >out 2>&1; }
# beats FOLDER KEY OP BOUND: the last test's figure
beats() {
	jq -es "map(select(.event == \"test\") | .$2) | last $3 $4" "$1/metrics.jsonl" >/dev/null
}

mkdir -p "$DIR/data/fashion-mnist" && aic_make() { "$BUILD/aic-idx-make" "$@"; }
aic_make "$DIR/data/fashion-mnist" 600 100 28 10
export AIC_DATA_ROOT=$DIR/data
reduced fashion-mnist.yaml batch=50 epochs=3 && batch fashion-mnist.sbatch && beats mlp-256.aic test_accuracy '>' 0.5
ok "images, a perceptron"
reduced fashion-mnist-cnn.yaml batch=30 epochs=2 warmup=0 && batch fashion-mnist.sbatch "$DIR/fashion-mnist-cnn.yaml" && beats fashion-cnn.aic test_accuracy '>' 0.3
ok "images, a convolutional network"
aic-train infer fashion-cnn.aic/model.safetensors data/fashion-mnist/t10k-images-idx3-ubyte >out 2>&1 && [ "$(wc -l <out)" = 100 ] &&
	grep -qE '^[0-9] [01]\.[0-9]{4}  [0-9] [01]\.[0-9]{4}' out
ok "and its model says what it sees"

if command -v bible >/dev/null; then
	bible -f gen1:1-gen20:18 >bible-kjv.txt
	reduced bible-kjv.yaml batch=4 steps=12 warmup=2 && batch bible-kjv.sbatch && beats gpt-bible.aic test_loss '<' 4.5
	ok "a text"
else
	skip "a text" "there is no bible-kjv"
fi
if [ -s /usr/share/games/fortunes/riddles ]; then
	bash dialogue.sh all.txt && [ "$(wc -c <all.txt)" -gt 100000 ] && grep -q '^Q: ' all.txt && head -c 30000 all.txt >dialogue.txt
	ok "dialogues are gathered"
	reduced dialogue.yaml batch=4 steps=20 warmup=2 && batch dialogue.sbatch && beats gpt-dialogue.aic test_loss '<' 4.5
	ok "dialogue"
	[ "$(aic-train sample -n 40 -t 0 gpt-dialogue.aic/model.safetensors "Q: Why" | head -c 6)" = "Q: Why" ]
	ok "and its model goes on talking"
else
	skip "dialogue" "there are no fortunes"
fi
if command -v espeak-ng >/dev/null && command -v sox >/dev/null; then
	bash speech-commands.sh speech-commands 11 >out 2>&1 && [ "$(ls speech-commands/*/*.wav | wc -l)" = 110 ]
	ok "commands are spoken"
	reduced speech-commands.yaml batch=20 epochs=8 warmup=2 && batch speech-commands.sbatch && beats speech-commands.aic test_loss '<' 2.29
	ok "speech commands"
else
	skip "speech commands" "there is no espeak-ng or sox"
fi
# jobs that take half of their limit, more or less
awk 'BEGIN { srand(3); for (i = 0; i < 300; i++) { limit = int(2 ^ (4 + 7 * rand()))
	printf "%d|%d|%d|%dM|2026-11-%02dT%02d:%02d:00|%d\n", limit, 2 ^ int(5 * rand()), 1 + int(4 * rand()), 1000 + 8000 * rand(),
		1 + i % 28, 24 * rand(), 60 * rand(), limit * (20 + 20 * rand()) } }' >sacct.txt
reduced job-times.yaml batch=16 epochs=30 && AIC_JOBS=sacct.txt batch job-times.sbatch && [ "$(wc -l <job-times.csv)" = 301 ] && beats job-times.aic test_loss '<' 1
ok "a table"
head -4 job-times.csv | tail -3 | cut -d, -f1-6 >rows && aic-train infer job-times.aic/model.safetensors rows >out 2>&1 && [ "$(wc -l <out)" = 3 ]
ok "and its model says how long jobs take"
rm -rf job-times.csv job-times.aic && head -50 sacct.txt >few && AIC_JOBS=few bash job-times.sbatch >out 2>&1
[ $? = 1 ] && grep -q "fewer than 100 finished jobs since now-90days: give an earlier day" out && [ ! -e job-times.csv ]
ok "too few jobs are told"

echo "1..$count"
[ $failed = 0 ]
