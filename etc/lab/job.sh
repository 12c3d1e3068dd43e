# job.sh: the training job of an ordinary user, and its progress.

# The batch script lies in Ada's home, to be read, changed and submitted again.
job_write() {
	local home=$AIC_LAB/home/$LAB_ADA
	cat >"$home/train.sh" <<-EOF
		#!/bin/bash
		#SBATCH --job-name=fashion-mnist
		#SBATCH --nodes=4 --ntasks-per-node=1 --time=10
		#SBATCH --aic-dataset=fashion-mnist
		#SBATCH --output=train-%j.log
		srun --kill-on-bad-exit aic-train --run-dir "run-\$SLURM_JOB_ID" "$AIC_EXAMPLES/fashion-mnist.yaml"
	EOF
	cat >"$AIC_LAB/home/$LAB_BEN/gpu.sh" <<-EOF
		#!/bin/bash
		#SBATCH --job-name=gpu-minute
		#SBATCH --nodes=1 --gres=gpu:a100:1 --time=2
		#SBATCH --output=gpu-%j.log
		srun sleep 5
	EOF
	chown "$LAB_ADA": "$home/train.sh"
	chown "$LAB_BEN": "$AIC_LAB/home/$LAB_BEN/gpu.sh"
}

# What Ada has the site train, on two nodes of one provider.
job_specification() {
	sed 's/epochs: 15/epochs: 5/; s/checkpoint_every: 500/checkpoint_every: 150/; s/about 89.3 % after 15 epochs/about 87 % after 5 epochs/' \
		"$AIC_EXAMPLES/fashion-mnist.yaml" >"$AIC_LAB/home/$LAB_ADA/model.yaml"
	chown "$LAB_ADA": "$AIC_LAB/home/$LAB_ADA/model.yaml"
}

job_run() {
	local newest
	job_write
	job_specification
	PAYOUT_RUNS=$(($(payout_runs) + 2))
	say ""
	say "\$ aic train --nodes 2 --nodelist n[1-2] --time 10 model.yaml          # as $LAB_ADA, account physics"
	newest=$(session_newest)
	JOB_ID=$(job_train) || exit 1
	say "Submitted job $JOB_ID, account physics"
	JOB_BEN=$(job_submit "$LAB_BEN" gpu.sh) || exit 1
	session_ask "$newest"
	say "\$ aic session challenge ${SESSION:0:8}                       # an administrator: others are to compute it again"
	[ -z "${LAB_CHEAT:-}" ] || cheat "$JOB_ID"
	say ""
	say "\$ aic train wait $JOB_ID"
	as "$LAB_ADA" aic train wait "$JOB_ID" 2>&1 | tee "$AIC_LAB/home/$LAB_ADA/train-$JOB_ID.log" | job_lines
	[ "$(job_state "$JOB_ID")" = COMPLETED ] ||
		die "job $JOB_ID ended $(job_state "$JOB_ID"): its output is $AIC_LAB/home/$LAB_ADA/train-$JOB_ID.log"
	wait_for 60 job_over "$JOB_BEN" || die "job $JOB_BEN of $LAB_BEN does not end: squeue shows why."
}

# job_train [OPTION...]: prints the job id.
job_train() {
	local words
	words=$(as "$LAB_ADA" aic train --nodes 2 --nodelist 'n[1-2]' --ntasks-per-node 1 --time 10 "$@" model.yaml 2>&1) || die "aic train: $words"
	grep -oE '^Submitted job [0-9]+' <<<"$words" | cut -d' ' -f3
}

# job_submit USER SCRIPT: prints the job id.
job_submit() {
	local words
	words=$(as "$1" sbatch --parsable "$2" 2>&1) || die "sbatch refused $2 of $1: $words"
	echo "$words" | tail -n 1
}

# From slurmctld, which keeps finished jobs for MinJobAge.
job_state() { scontrol -o show job "$1" | sed -nE 's/.* JobState=([A-Z_]+) .*/\1/p'; }
job_over() {
	local states
	states=$(job_state "$1")
	[ -n "$states" ] && ! grep -qE '^(PENDING|RUNNING|COMPLETING|CONFIGURING|SUSPENDED|REQUEUED)' <<<"$states"
}

# job_follow ID FILE SECONDS: shows what the job writes until it ends. On a terminal a progress line overwrites itself.
job_follow() {
	local id=$1 file=$2 until=$((SECONDS + $3)) shown=0 size
	while :; do
		local over=no
		if job_over "$id"; then over=yes; fi
		size=$(stat -c %s "$file" 2>/dev/null || echo 0)
		if [ "$size" -gt "$shown" ]; then
			tail -c +$((shown + 1)) "$file" | head -c $((size - shown)) | job_lines
			shown=$size
		fi
		[ "$over" = no ] || break
		[ "$SECONDS" -lt "$until" ] || die "job $id does not end within $3 s: $(squeue -h -j "$id" -o '%T %r')"
		sleep 0.3
	done
}
job_lines() { stdbuf -oL tr '\r' '\n' | sed -u '/^$/d; s/^/    /'; }
# Of the last line that tells it.
job_accuracy() { grep -oE 'test accuracy [0-9.]+ %' "$AIC_LAB/home/$LAB_ADA/train-$JOB_ID.log" | tail -n 1 | cut -d' ' -f3-; }
