# aic-train and sessions: opened, committed to and closed by itself; through a requeue, a killed aicacctd and a job that is gone.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin_all
home=$AIC_LAB/home/$LAB_ADA
store=$AIC_LAB/state/sessions
python3 -c 'import random; r = random.Random(7)
for _ in range(400):
    x = [r.random() for _ in range(4)]
    print(*x, int(x[0] + x[1] > x[2] + x[3]), sep=",")' >"$home/table.csv"
cat >"$home/small.yaml" <<-END
	model: {name: small, input: "vector[4]", output: "class[2]", layers: [linear 16, relu, linear 2]}
	data: {path: table.csv, format: csv}
	train: {optimizer: adamw, lr: 1e-2, batch: 32, steps: 400, seed: 7}
	prove: {class: D0, shards: 4, checkpoint_every: 50}
END
sed 's/steps: 400/steps: 4000000/; s/checkpoint_every: 50/checkpoint_every: 20000/' "$home/small.yaml" >"$home/long.yaml"
chown "$LAB_ADA": "$home"/*
script "$LAB_ADA" run.sh <<<'srun aic-train -q "$@"'
id_in() { grep -oE 'session [0-9a-f]{16}' "$home/$1" | head -n 1 | cut -d' ' -f2; }
folder_of() { echo "$store/$(id_in "$1")"*; }
session() { aic session show "$(id_in "$1")"; }
has_id() { [ -n "$(id_in "$1")" ]; }
committed() { [ "$(aic session show --commitments "$(id_in "$1")" -P | grep -cE '^[0-9]+\|')" -ge "$2" ]; }
queued() { find "$(folder_of "$1")/queue" -type f ! -name '.*' | wc -l; }
nothing_queued() { [ "$(queued "$1")" = 0 ]; }
keys_known() { [ -z "$(find "$AIC_LAB"/state/node/*/receipts -name '*.receipt' -print -quit)" ]; } # with receipts aicacctd learns nodes' keys
id=$(submit "$LAB_ADA" -N4 --wrap='srun true')
job_wait "$id" 60
wait_for 30 keys_known

# --- one that nothing happens to ---
id=$(submit "$LAB_ADA" --output=a.log -N2 -n2 run.sh -d a small.yaml)
job_wait "$id" 60
is "it is done" "$(job_state "$id")" COMPLETED
like "the session is told, with its class and where its checkpoints are" "$(cat "$home/a.log")" "session [0-9a-f]{16} of class D0, checkpoints in $store/[0-9a-f]{64} for 72 h"
dir=$(folder_of a.log)
is "every checkpoint is in the store" "$(find "$dir" -name '*.aickpt' | wc -l)" 9
is "the folder is its user's, and aic's group's" "$(stat -c '%a %U %G' "$dir")" "2770 $LAB_ADA $AIC_LAB_SERVICE"
is "which may read every file" "$(find "$dir" -type f ! -perm -g+r | wc -l)" 0
refuses "nobody else looks into the store" 2 "Permission denied" as "$LAB_BEN" ls "$store"
passes "nothing waits" wait_for 30 nothing_queued a.log
passes "all are on the ledger" wait_for 30 committed a.log 9
like "it is closed, with its steps" "$(session a.log)" "400"
first=$(grep -oE 'weights sha256: .*' "$home/a.log")
id=$(submit "$LAB_ADA" --output=b.log -N1 -n1 run.sh -d b small.yaml)
job_wait "$id" 60
like "another session has another seed" "$(cat "$home/b.log")" "weights sha256"
unlike "so other weights" "$(cat "$home/b.log")" "$first"
id=$(submit "$LAB_ADA" --output=n.log -N1 -n1 run.sh -n -d n small.yaml)
job_wait "$id" 60
unlike "--no-session: none" "$(cat "$home/n.log")" "session"

# --- aicacctd killed while it trains; then the training, too ---
id=$(submit "$LAB_ADA" --output=k.log -N1 -n1 run.sh -d k long.yaml)
passes "a long one has a session" wait_for 30 has_id k.log
passes "and commits" wait_for 30 committed k.log 2
daemon_kill aicacctd
some_queued() { [ "$(queued "$1")" -ge 2 ]; }
passes "without aicacctd it trains on, and what it has to say is kept" wait_for 40 some_queued k.log
as "$LAB_ADA" scancel --signal=KILL --full "$id"
job_wait "$id" 30
touch -d '-60 seconds' "$(folder_of k.log)/queue" # a queue that changes is left to its training
acctd_start
passes "with the training gone, aicacctd delivers it" wait_for 60 nothing_queued k.log
passes "each once: what is in the store" wait_for 30 committed k.log "$(find "$(folder_of k.log)" -name '*.aickpt' | wc -l)"

# --- requeued ---
id=$(submit "$LAB_ADA" --requeue --open-mode=append --output=q.log -N1 -n1 run.sh -d q long.yaml)
passes "another one begins" wait_for 30 has_id q.log
passes "and commits" wait_for 30 committed q.log 2
passes "it is requeued" scontrol requeue "$id"
again() { scontrol update JobId="$id" StartTime=now 2>/dev/null; grep -q '^resumed' "$home/q.log"; }
passes "and goes on, and so does its session" wait_for 60 again
like "it resumed, with the session's seed" "$(cat "$home/q.log")" "session $(id_in q.log) goes on.*resumed from q"
passes "which goes on committing" wait_for 40 committed q.log $(($(aic session show --commitments "$(id_in q.log)" -P | grep -cE '^[0-9]+\|') + 1))
as "$LAB_ADA" scancel "$id"

# --- no aicacctd at the start ---
daemon_kill aicacctd
id=$(submit "$LAB_ADA" --output=d.log -N1 -n1 run.sh -d d small.yaml)
job_wait "$id" 60
like "without aicacctd: class D2, and the specification's seed" "$(cat "$home/d.log")" "no session yet, so class D2 and the specification's seed"
is "whose weights are those of no session" "$(grep -oE 'weights sha256: .*' "$home/d.log")" "$(grep -oE 'weights sha256: .*' "$home/n.log")"
acctd_start
id=$(submit "$LAB_ADA" --output=r.log -N1 -n2 --wrap='srun aic-run -d r -- sleep 1')
job_wait "$id" 60
like "aic-run opens one of class D2" "$(cat "$home/r.log")" "aic-run: session [0-9a-f]{16} of class D2"
