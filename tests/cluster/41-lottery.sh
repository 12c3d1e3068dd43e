# Blocks from training nodes: they draw while a session of theirs is open, sign what aicledgerd built, and the site goes on without them.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin_all
home=$AIC_LAB/home/$LAB_ADA
# node_id NODE: what its blocks call it (doc/formats/block.md).
node_id() {
	python3 -c 'import hashlib, sys; print(hashlib.sha256(b"aic/node/v1" + bytes.fromhex(sys.argv[1])).hexdigest()[:32])' \
		"$(aic key show --format json | jq -r ".[] | select(.name == \"$1\") | .key")"
}
# blocks FILTER [FROM]: what jq says of them.
blocks() { aic ledger blocks --from "${2:-0}" --format json | jq -c "$1"; }
status() { aic ledger status --format json | jq -r ".[0].$1"; }
by_nodes() { blocks '[.[] | select(.session)] | length' "${1:-0}"; }
pay() { aic transfer genesis/operating account/physics 1; } # a block
session_is() { aic session list --format json | jq -e "[.[] | select(.state == \"$1\")] | length == $2"; }

# --- keys ---
for node in $LAB_NODES; do
	passes "$node's keys are on the ledger" wait_for 20 eval "aic key show --format json | jq -e '.[] | select(.name == \"$node\" and .role == \"node\")'"
done
is "both keys are its own alone" "$(stat -c '%U %a' "$AIC_LAB/state/node/n1/node.key" "$AIC_LAB/state/node/n1/vrf.key" | sort -u)" "root 600"
passes "aic doctor: four nodes can draw" wait_for 20 eval 'aic doctor -P | grep -q "|nodes|4 can draw for blocks|"'
is "while none trains the site makes the blocks" "$(by_nodes)" 0
is "and no node has signed any" "$(find "$AIC_LAB"/state/node/*/signed -type f 2>/dev/null | wc -l)" 0

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
srun --kill-on-bad-exit aic-train --run-dir "run-$SLURM_JOB_ID" small.yaml
END
job=$(submit "$LAB_ADA" -N4 --ntasks-per-node=1 -t 5 train.sh)
passes "a plain sbatch opens a session" wait_for 40 session_is open 1
passes "its nodes draw, two blocks later" wait_for 30 eval 'pay && [ "$(status nodes)" = 4 ]'
from=$(status height)
for _ in 1 2 3 4 5 6; do pay >/dev/null; done
passes "and make blocks" wait_for 20 eval '[ "$(by_nodes "$from")" -ge 4 ]'
for node in $LAB_NODES; do node_id "$node"; done | sort >"$AIC_LAB/ids"
blocks '.[] | select(.session) | .generator' "$from" | tr -d '"' | sort -u >"$AIC_LAB/makers"
is "each is by one of the four" "$(comm -13 "$AIC_LAB/ids" "$AIC_LAB/makers")" ""
is "and names the session" "$(blocks '[.[] | select(.session) | .session] | unique' "$from")" "$(aic session list --format json | jq -c '[.[].session]')"

# --- more sessions, processes and kills ---
other=$(submit "$LAB_ADA" -N1 -n2 -w n1 -t 5 train.sh)
passes "a second session on one of the nodes" wait_for 40 session_is open 2
for _ in 1 2 3; do pay >/dev/null; done
is "draws no second time" "$(status nodes)" 4
scancel "$other"
for node in $LAB_NODES; do # while a block waits for its maker
	pay >/dev/null &
	daemon_kill "aicnoded-$node"
	noded_start
	wait "$!"
done
from=$(status height)
passes "killed one after the other, they go on" wait_for 30 eval 'pay && [ "$(by_nodes "$from")" -ge 2 ]'
is "nobody signed twice: every block is valid" "$(blocks '[.[] | .is] | unique')" '["genesis","valid"]'
passes "aic ledger verify checks every draw" aic ledger verify
verified=$(aic ledger verify --format json) # nodes go on meanwhile
is "of all blocks by nodes" "$(jq '.[0].by_nodes' <<<"$verified")" \
	"$(blocks "[.[] | select(.session and .height < $(jq '.[0].blocks' <<<"$verified"))] | length")"

# --- without a session ---
scancel "$job"
passes "the sessions are closed" wait_for 40 session_is open 0
from=$(status height)
for _ in 1 2 3; do passes "a block without nodes" pay; done
is "is the site's" "$(by_nodes $((from + 1)))" 0
is "and nobody draws" "$(status nodes)" 0

# --- a node that cannot ---
daemon_stop aicnoded-n1
chmod 0644 "$AIC_LAB/state/node/n1/vrf.key"
noded_start
passes "aic doctor names a node that cannot draw, and why" wait_for 20 eval 'aic doctor -P | grep -qE "warn\|node n1\|.*vrf.key has mode 0644.*chmod 0600"'
