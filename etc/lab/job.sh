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

job_run() {
	job_write
	PAYOUT_RUNS=$(($(payout_runs) + 2))
	say ""
	say "\$ sbatch train.sh                                    # as $LAB_ADA, account physics"
	JOB_ID=$(job_submit "$LAB_ADA" train.sh) || exit 1
	say "Submitted batch job $JOB_ID"
	JOB_BEN=$(job_submit "$LAB_BEN" gpu.sh) || exit 1
	job_follow "$JOB_ID" "$AIC_LAB/home/$LAB_ADA/train-$JOB_ID.log" 300
	[ "$(job_state "$JOB_ID")" = COMPLETED ] ||
		die "job $JOB_ID ended $(job_state "$JOB_ID"): its output is $AIC_LAB/home/$LAB_ADA/train-$JOB_ID.log"
	wait_for 60 job_over "$JOB_BEN" || die "job $JOB_BEN of $LAB_BEN does not end: squeue shows why."
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
job_lines() { tr '\r' '\n' | sed '/^$/d; s/^/    /'; }
# Of the last line that tells it.
job_accuracy() { grep -oE 'test accuracy [0-9.]+ %' "$AIC_LAB/home/$LAB_ADA/train-$JOB_ID.log" | tail -n 1 | cut -d' ' -f3-; }
