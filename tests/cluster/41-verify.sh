# Sessions of plain sbatch jobs, run again by Slurm jobs on nodes of others: verified, withheld; and ticks that are killed.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
LAB_JUDGES=yes
lab_begin
sed -i "s|^sessions: .*|sessions: {store: $AIC_LAB/state/sessions, verify: {partition: side}}|" "$AIC_LAB/etc/aic.yaml"
lab_start_cluster
sites_etcd_start
aic_start
daemon_stop aic-verify # the lab's timer: ticks are made here
store=$AIC_LAB/state/sessions keys=$AIC_LAB/state/aic/verifiers
service() { (cd / && exec setpriv --reuid "$AIC_LAB_SERVICE" --regid "$AIC_LAB_SERVICE" --init-groups -- env -u TMPDIR "$@" 7>&- 9>&-); }
tick() { service aic session verify "$@" 2>&1; }
state_of() { aic session list -P | awk -F'|' -v s="$1" '$1 == s { print $(NF - 1) }'; }
is_state() { [ "$(state_of "$1")" = "$2" ]; }
blocks() { # two more, so that what waits is drawn
	for _ in 1 2; do quietly aic transfer genesis/operating account/biology 1; done
}
jobs_of_service() { squeue -h -u "$AIC_LAB_SERVICE" -o %i | wc -l; }

# --- what is trained ---
home=$AIC_LAB/home/$LAB_ADA
chmod 755 "$home" # whoever verifies reads the data
python3 -c 'import random; r = random.Random(7)
for _ in range(400):
    x = [r.random() for _ in range(4)]
    print(*x, int(x[0] + x[1] > x[2] + x[3]), sep=",")' >"$home/table.csv"
cat >"$home/small.yaml" <<-END
	model: {name: small, input: "vector[4]", output: "class[2]", layers: [linear 16, relu, linear 2]}
	data: {path: table.csv, format: csv}
	train: {optimizer: adamw, lr: 1e-2, batch: 32, steps: 40, seed: 7}
	prove: {class: D0, shards: 4, checkpoint_every: 10}
END
script "$LAB_ADA" train.sh <<<'srun aic-train --quiet --run-dir "$1" small.yaml'
id_of() { grep -oE 'sessions/[0-9a-f]{64}' "$home/$1.log" | head -n 1 | cut -d/ -f2; }
challenged() { # RUN: trains, to its end, and has the session drawn
	job_wait "$(submit "$LAB_ADA" -A physics -w n1 -n 2 -o "$home/$1.log" train.sh "$1")" &&
		wait_for 30 eval "is_state '$(id_of "$1")' closed" && aic session challenge "$(id_of "$1")" && blocks
}
# --- a challenge without the verifier's key ---
passes "a session is closed by itself, and drawn" challenged a
a=$(id_of a)
like "a node of this site is asked" "$(aic session list --asked -P)" "$a"
mv "$keys" "$keys.away"
like "whose key is not here: the remedy" "$(tick)" "put NODE.key there, or withdraw the node.*1 without a key here"
mv "$keys.away" "$keys"
refuses "as another user" 2 "start it as that user" aic session verify

# --- a tick that is killed while sbatch is at work ---
mkdir -m 755 "$AIC_LAB/slow"
cat >"$AIC_LAB/slow/sbatch" <<-END
	#!/bin/bash
	touch $AIC_LAB/slow/begun && until [ -e $AIC_LAB/slow/go ]; do sleep 0.1; done
	exec $(command -v sbatch) "\$@"
END
chmod 755 "$AIC_LAB/slow/sbatch"
install -d -m 777 "$AIC_LAB/slow"
(cd / && PATH=$AIC_LAB/slow:$PATH exec setpriv --reuid "$AIC_LAB_SERVICE" --regid "$AIC_LAB_SERVICE" --init-groups -- aic session verify --quiet 7>&- 9>&-) &
wait_for 20 test -e "$AIC_LAB/slow/begun"
{ kill -9 $! && wait $!; } 2>/dev/null
like "the next one finds its sbatch at work" "$(tick)" "another one is at work"
touch "$AIC_LAB/slow/go"
wait_for 20 eval '[ "$(jobs_of_service)" = 1 ]'
like "then its job" "$(tick)" "1 session.s. to judge: 1 with a job"
is "there is one" "$(ls "$store/.verify" | wc -l) $(cat "$store/.verify/$a.0/job")" "1 $(squeue -h -a -t all -u "$AIC_LAB_SERVICE" -o %i)"
like "and a verdict at its end" "$(tick --wait)" "agrees; the verdict of n[34] stands"
is "verified" "$(state_of "$a")" verified
is "nothing is asked any more" "$(tick)" "0 session(s) to judge: 0 with a job, 0 verdict(s) posted, 0 without a key here"

# --- a checkpoint that is not what was committed to ---
passes "another session" challenged b
b=$(id_of b)
printf '\x01' | dd of="$store/$b/step-0000000020.aickpt" bs=1 seek=1500 conv=notrunc 2>/dev/null
tick --wait >"$AIC_LAB/first"
like "the verifier gets nothing" "$(cat "$AIC_LAB/first")" "withheld, checkpoint 2 of step 20: .* is damaged"
like "a third is asked about this segment, and gets nothing either" "$(tick --wait)" "withheld, checkpoint 2 of step 20"
is "withheld" "$(state_of "$b")" withheld
