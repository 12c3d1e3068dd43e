# A training that the site runs for a researcher: submitted by `aic train`, out of the researcher's reach, handed over at its end; its nodes
# make blocks meanwhile, others' compute it again, and the payout report says what they found.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
LAB_JUDGES=yes
lab_begin_all
home=$AIC_LAB/home/$LAB_ADA
site=$AIC_LAB/home/$LAB_TRAIN
train() { as "$LAB_ADA" aic train "$@"; }
specification() { # FOLDER STEPS: a table of numbers beside it
	install -d -o "$LAB_ADA" "$home/$1"
	python3 -c 'import random; r = random.Random(7)
for _ in range(400):
    x = [r.random() for _ in range(4)]
    print(*x, int(x[0] + x[1] > x[2] + x[3]), sep=",")' >"$home/$1/table.csv"
	cat >"$home/$1/small.yaml" <<-END
		model: {name: small, input: "vector[4]", output: "class[2]", layers: [linear 16, relu, linear 2]}
		data: {path: table.csv, format: csv}
		train: {optimizer: adamw, lr: 1e-2, batch: 32, steps: $2, seed: 7}
		prove: {class: D0, shards: 4, checkpoint_every: 500}
	END
	chown "$LAB_ADA": "$home/$1"/*
}
specification a 4000

# --- what is refused ---
refuses "a missing word" 2 "which\? Give SPEC.yaml" train
sed 's/linear 16/linear/' "$home/a/small.yaml" >"$home/a/wrong.yaml"
refuses "a mistake in the specification has its line, before anything is sent" 2 "wrong.yaml:1: .*linear" train a/wrong.yaml
sed 's/table.csv/..\/table.csv/' "$home/a/small.yaml" >"$home/a/above.yaml"
refuses "what lies elsewhere is not copied" 2 "must lie beside it or below" train a/above.yaml
refuses "an account of others" 1 "may not spend for account biology" train -A biology a/small.yaml
quietly sacctmgr -i delete user "$LAB_TRAIN" where account=physics
refuses "an account that the site may not submit for: the remedy" 1 "sacctmgr add user $LAB_TRAIN Account=physics" train a/small.yaml
quietly sacctmgr -i add user "$LAB_TRAIN" Account=physics
refuses "an option of others" 2 "unrecognized option" train --wrap=id a/small.yaml
refuses "a value that a shell would read" 2 "letters, digits" train -J 'a;id' a/small.yaml
refuses "a job that is nobody's" 1 "no training of yours with job 4242" train fetch 4242
is "of all these nothing is kept" "$(find "$site/runs" -mindepth 1 | wc -l)" 0

# --- a run ---
newest=$(session_newest)
said=$(train -w n1,n2 -N2 --ntasks-per-node=1 -t 5 a/small.yaml 2>&1)
like "it is submitted, under the default account" "$said" "Submitted job [0-9]+, account physics"
job=$(grep -oE 'job [0-9]+' <<<"$said" | cut -d' ' -f2)
session_ask "$newest"
is "the site's user runs it" "$(field "$job" UserId | cut -d'(' -f1)" "$LAB_TRAIN"
is "the researcher's account pays" "$(field "$job" Account)" physics
like "its name tells what it is, its comment for whom" "$(squeue -h -t all -j "$job" -o '%j %k')" "^small aic train for $LAB_ADA"
echo "ruined: yes" >"$home/a/small.yaml"
: >"$home/a/table.csv"
like "its researcher follows it to its end" "$(train wait "$job" 2>&1)" "weights sha256: [0-9a-f]{64}.*job $job: COMPLETED.*files in small-$job"
is "and has the model, of the own" "$(stat -c %U "$home/small-$job/model.safetensors")" "$LAB_ADA"
passes "metrics, log and specification too" as "$LAB_ADA" test -s "small-$job/metrics.jsonl" -a -s "small-$job/train.log" -a -s "small-$job/spec/small.yaml"
like "the specification is the one that was submitted" "$(cat "$home/small-$job/spec/small.yaml")" "checkpoint_every: 500"
is "no checkpoints, unless they are asked for" "$(find "$home/small-$job" -name '*.aickpt' | wc -l)" 0
like "aic train list" "$(train list -P)" "$job\|small\|$LAB_ADA\|physics\|COMPLETED\|"
is "nobody else sees it" "$(as "$LAB_BEN" aic train list -P | wc -l)" 1
refuses "nor fetches it" 1 "no training of yours" as "$LAB_BEN" aic train fetch "$job"
refuses "nor reaches into where it ran" 2 "Permission denied" as "$LAB_ADA" ls "$site/runs"
passes "an administrator does" aic train list --all
rm "$home/small-$job/model.safetensors"
like "what is missing is fetched again" "$(train fetch "$job" 2>&1)" "files in small-$job"
passes "and is there" as "$LAB_ADA" test -s "small-$job/model.safetensors"

# --- what others say of it ---
session=$(session_newest)
like "its session stands on the ledger, run by the site" "$(aic session show "$session" -P)" "run\|by the site, class D0, 4 shards"
is "with its payer and provider" "$(aic session list -P | tail -n 1 | cut -d'|' -f2,3)" "account/physics|provider/lab-north"
passes "as an administrator asked, it is judged" session_judge "$session"
shown=$(aic session show "$session" -P)
like "it is verified" "$shown" "state\|verified at height [0-9]+, counts 1000000 ppm"
like "by a node of another organisation" "$shown" "verifier\|($(cat "$AIC_LAB"/state/aic/verifiers/n3.key.pub)|$(cat "$AIC_LAB"/state/aic/verifiers/n4.key.pub)): agrees"
passes "the payout report says so" wait_for 30 eval "aic report payouts | grep -q '^Session ${session:0:16} of job $job .*: verified, 1000000 ppm: segments 0 '"
like "blocks were made by the nodes that trained" "$(aic ledger blocks --from 1 -P)" "\|valid\|[0-9a-f]{32}\|$session\|"
passes "the ledger verifies, draws included" aic ledger verify

# --- cancelled, and killed ---
specification b 2000000
job=$(train -t 5 b/small.yaml | grep -oE 'job [0-9]+' | cut -d' ' -f2)
passes "it runs" wait_for 30 eval "train list -P | grep -q '^$job|.*|RUNNING|'"
refuses "what runs is not fetched" 1 "job $job is RUNNING: .aic train wait $job. follows it" train fetch "$job"
refuses "nor removed" 1 "wait for its end, or cancel it first" train remove "$job"
like "Slurm lets its researcher not end it" "$(as "$LAB_ADA" scancel "$job" 2>&1)" "Access/permission denied"
daemon_kill aictraind
traind_start
passes "through aictraind it is cancelled, killed before or not" train cancel "$job"
passes "seen so" wait_for 20 eval "train list -P | grep -q '^$job|.*|CANCELLED|'"
refuses "once" 1 "has ended, CANCELLED" train cancel "$job"
passes "it is removed" train remove "$job"
is "with its files" "$(train list -P | grep -c "^$job|")" 0
