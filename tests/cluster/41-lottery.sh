# Blocks from training nodes: they draw while a session of theirs is open, sign what aicledgerd built, and the site goes on without them.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin_all
home=$AIC_LAB/home/$LAB_ADA
# node_key NODE: its public key, in hexadecimal.
node_key() { aic key show --format json | jq -r ".[] | select(.name == \"$1\") | .key"; }
# node_id NODE: what its blocks call it (doc/formats/block.md).
node_id() { python3 -c 'import hashlib, sys; print(hashlib.sha256(b"aic/node/v1" + bytes.fromhex(sys.argv[1])).hexdigest()[:32])' "$(node_key "$1")"; }
blocks() { aic ledger blocks --from "${1:-0}" --format json; }
height() { aic ledger status --format json | jq -r '.[0].height'; }
# blocks_of NODE: how many it made.
blocks_of() { blocks | jq "[.[] | select(.generator == \"$(node_id "$1")\")] | length"; }
blocks_with_session() { blocks "${1:-0}" | jq '[.[] | select(.session != null and .session != "")] | length'; }
drawing() { aic doctor -P | grep -c '|nodes|4 can draw for blocks|'; }

# --- keys ---
for node in $LAB_NODES; do
	passes "$node's keys are on the ledger" wait_for 20 eval "aic key show --format json | jq -e '.[] | select(.name == \"$node\" and .role == \"node\")'"
done
is "both keys are its own alone" "$(stat -c '%U %a' "$AIC_LAB/state/node/n1/node.key" "$AIC_LAB/state/node/n1/vrf.key" | sort -u)" "root 600"
passes "aic doctor: four nodes can draw" wait_for 20 eval '[ "$(drawing)" = 1 ]'
is "no node makes a block while none trains" "$(blocks_with_session)" 0
is "nor asks for one" "$(ls "$AIC_LAB/state/node/n1/signed" 2>/dev/null | wc -l)" 0

# --- a session ---
python3 -c 'import random; r = random.Random(7)
for _ in range(400):
    x = [r.random() for _ in range(4)]
    print(*x, int(x[0] + x[1] > x[2] + x[3]), sep=",")' >"$home/table.csv"
cat >"$home/small.yaml" <<-END
	model: {name: small, input: "vector[4]", output: "class[2]", layers: [linear 16, relu, linear 2]}
	data: {path: table.csv, format: csv}
	train: {optimizer: adamw, lr: 1e-2, batch: 32, steps: 20000000, seed: 7}
	prove: {class: D0, shards: 4, checkpoint_every: 5000}
END
chown "$LAB_ADA": "$home/table.csv" "$home/small.yaml"
script "$LAB_ADA" train.sh <<'END'
srun --kill-on-bad-exit aic-train --run-dir run small.yaml
END
before=$(height)
job=$(submit "$LAB_ADA" -N4 --ntasks-per-node=1 -t 5 train.sh)
session() { aic session list --format json | jq -r '.[0].session // empty'; }
passes "a session is open" wait_for 40 eval '[ -n "$(session)" ]'
aic session list
blocks | tail -n 40
passes "nodes make blocks" wait_for 40 eval '[ "$(blocks_with_session)" -ge 4 ]'
blocks "$before"
