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
# read by another program: TensorBoard's events against metrics.jsonl, the weights against their printed hash, and the model written anew
python3 - mlp-256.aic "$(sed -n 's/^weights sha256: //p' out)" <<'EOF' >out 2>&1
import glob, hashlib, json, struct, sys
folder, printed = sys.argv[1:]

def crc32c(data):
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return crc ^ 0xffffffff
def masked(data):
    crc = crc32c(data)
    return ((crc >> 15 | crc << 17) + 0xa282ead8) & 0xffffffff
def fields(data):
    at = 0
    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]; at += 1
            value |= (byte & 127) << shift; shift += 7
            if byte < 128: return value
    while at < len(data):
        key = varint()
        if key & 7 == 0: yield key >> 3, varint(); continue
        size = {1: 8, 5: 4}.get(key & 7)
        if size is None: size = varint()
        yield key >> 3, data[at:at + size]; at += size

raw, at, found = open(glob.glob(folder + "/events.out.tfevents.*")[0], "rb").read(), 0, {}
while at < len(raw):
    size, crc = struct.unpack_from("<QI", raw, at)
    data = raw[at + 12:at + 12 + size]
    assert crc == masked(raw[at:at + 8]) and struct.unpack_from("<I", raw, at + 12 + size)[0] == masked(data)
    at += 16 + size
    event = dict(fields(data))
    if 5 in event:
        value = dict(fields(dict(fields(event[5]))[1]))
        found[value[1].decode(), event[2]] = struct.unpack("<f", value[2])[0]
lines = [json.loads(line) for line in open(folder + "/metrics.jsonl")]
want = {("train/loss", l["step"]): l["loss"] for l in lines if l["event"] == "step"}
want |= {("test/accuracy", l["step"]): l["test_accuracy"] for l in lines if l["event"] == "test"}
assert len(want) >= 5 and all(abs(found[key] - value) < 1e-6 for key, value in want.items()), (found, want)

raw = open(folder + "/model.safetensors", "rb").read()
size = struct.unpack("<Q", raw[:8])[0]
header, data = json.loads(raw[8:8 + size]), raw[8 + size:]
meta = header.pop("__metadata__")
tensors = sorted(header.items(), key=lambda item: item[1]["data_offsets"])
assert hashlib.sha256(b"".join(data[slice(*t["data_offsets"])] for _, t in tensors)).hexdigest() == printed
assert header["0.linear.weight"]["dtype"] == "F32" and header["0.linear.weight"]["shape"] == [256, 784], header["0.linear.weight"]
out, place = {"__metadata__": meta}, 0
body = b""
for name, t in reversed(tensors): # another order
    part = data[slice(*t["data_offsets"])]
    out[name] = t | {"data_offsets": [place, place + len(part)]}
    place += len(part); body += part
head = json.dumps(out).encode()
open("other.safetensors", "wb").write(struct.pack("<Q", len(head)) + head + body)
EOF
ok "Python reads TensorBoard's events and the weights"
jq -es 'map(select(.event == "checkpoint")) | .[0].step == 0 and (.[0].root | length) == 64 and .[-1].step == 36' mlp-256.aic/metrics.jsonl >/dev/null
ok "its commitments begin before the first step and end with the last"
images=data/fashion-mnist/t10k-images-idx3-ubyte
aic-train infer mlp-256.aic/model.safetensors $images >out && aic-train infer other.safetensors $images >other && cmp out other
ok "a model that Python wrote says the same"
sed 's/^  name: mlp-256/  name: mlp-more\n  weights: other.safetensors/' fashion-mnist.yaml >more.yaml
batch fashion-mnist.sbatch "$DIR/more.yaml" && first=$(jq -s 'map(select(.event == "step"))[0].loss' mlp-more.aic/metrics.jsonl) &&
	jq -es "map(select(.event == \"step\"))[0].loss > 2 * $first" mlp-256.aic/metrics.jsonl >/dev/null
ok "and a training goes on from it"
sed -i 's/linear 256, relu/linear 128, relu/' more.yaml
aic-train --fresh --run-dir odd more.yaml >out 2>&1
[ $? = 1 ] && grep -q "other.safetensors: tensor 0.linear.weight is not F32 of the shape that the specification gives it" out
ok "weights of another model are told"
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
	reduced speech-commands.yaml batch=20 epochs=4 warmup=2 && batch speech-commands.sbatch && beats speech-commands.aic test_loss '<' 2.302
	ok "speech commands"
	aic-train infer speech-commands.aic/model.safetensors speech-commands/yes/003.wav >out 2>&1 && grep -qE '^[0-9] [01]\.[0-9]{4}  [0-9] ' out
	ok "and its model says what it hears"
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
