#!/bin/bash
# checkpoint.sh: the share of a training's CPU time that checkpoints and commitments take (copies, hashes, writing), as aic-train itself
# measures it (metrics.jsonl, checkpoint_cpu_share), at the default checkpoint_every of 100 and batch 4 x 64. Runs in a build; prints rows.
set -euo pipefail
DIR=$(mktemp -d /var/tmp/aic-bench-XXXXXX)
trap 'rm -rf "$DIR"' EXIT
seq 1 60000 >"$DIR/text.txt"

row() { # NAME DEPTH WIDTH HEADS STEPS
	cat >"$DIR/spec.yaml" <<-EOF
		model: {name: bench, input: "text[64]", output: "class[256]", preset: gpt, depth: $2, width: $3, heads: $4}
		data: {path: text.txt, format: text}
		train: {batch: 4, steps: $5}
		prove: {shards: 1, checkpoint_every: 100}
	EOF
	# no held-out windows to speak of: the test at the end is not the training
	AIC_THREADS=2 ./aic-train --quiet --fresh --run-dir "$DIR/run" "$DIR/spec.yaml" >/dev/null
	python3 - "$DIR/run/metrics.jsonl" "$1" <<-'EOF'
		import json, sys
		lines = [json.loads(line) for line in open(sys.argv[1])]
		saved = [l for l in lines if l["event"] == "checkpoint"]
		end = [l for l in lines if l["event"] == "end"][-1]
		share = end["checkpoint_cpu_share"]
		print("| checkpoints and commitments of a GPT, %s, batch 4 x 64, every 100 steps: share of the training's CPU time, %% | %.2f | <= 2 | "
		      "%.1f MB hashed and written in %.2f s beside the training |" % (sys.argv[2], 100 * share, saved[-1]["bytes"] / 1e6, saved[-1]["seconds"]))
	EOF
	rm -rf "$DIR/run"
}

row "4 layers x 128" 4 128 4 300
[ "${1:-}" = small ] || row "6 layers x 512" 6 512 8 100
