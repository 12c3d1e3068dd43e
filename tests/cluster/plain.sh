# plain.sh: usages of Slurm that have nothing to do with AIC. Prints one line for each, of what came out; sourced.

plain_usages() {
	local a b c
	script "$LAB_ADA" sleep.sh <<<'sleep "${1:-1}"'
	script "$LAB_ADA" fail.sh <<<'exit 3'

	a=$(submit "$LAB_ADA" --array=0-3%2 sleep.sh)
	job_wait "$a"
	echo "array: $(job_state "$a" | sort | uniq -c | tr -s ' \n' ' ')"

	a=$(submit "$LAB_ADA" fail.sh)
	b=$(submit "$LAB_ADA" --dependency="afternotok:$a" sleep.sh 0)
	c=$(submit "$LAB_ADA" --dependency="afterok:$a" --kill-on-invalid-dep=yes sleep.sh 0)
	job_wait "$a"; job_wait "$b"; job_wait "$c"
	echo "dependency: $(job_state "$a") $(field "$a" ExitCode) $(job_state "$b") $(job_state "$c")"

	script "$LAB_ADA" het.sh <<-'EOF'
		#SBATCH --ntasks=1
		#SBATCH hetjob
		#SBATCH --ntasks=2
		srun --het-group=0,1 bash -c 'echo $SLURM_HET_SIZE' >het.out
	EOF
	a=$(submit "$LAB_ADA" het.sh)
	job_wait "$a"
	echo "het: $(job_state "$a" | tr '\n' ' ') $(sort "$AIC_LAB/home/$LAB_ADA/het.out" | tr '\n' ' ')"

	a=$(submit "$LAB_ADA" --requeue sleep.sh 60)
	wait_for 20 plain_state "$a" RUNNING
	as "$LAB_ADA" scontrol requeue "$a"
	wait_for 20 plain_state "$a" PENDING
	echo "requeue: $(job_state "$a") restarts $(field "$a" Restarts)"
	as "$LAB_ADA" scancel "$a"

	a=$(submit "$LAB_ADA" --hold sleep.sh 0)
	b=$(field "$a" Reason)
	as "$LAB_ADA" scontrol release "$a"
	job_wait "$a"
	echo "hold and release: $b $(job_state "$a")"

	scontrol create reservation ReservationName=lab Users="$LAB_ADA" StartTime=now Duration=5 Nodes=n4 >/dev/null
	a=$(submit "$LAB_ADA" --reservation=lab sleep.sh 0)
	b=$(as "$LAB_BEN" sbatch --reservation=lab --wrap=true 2>&1 | grep -o 'Access denied[a-z ]*')
	job_wait "$a"
	echo "reservation: $(job_state "$a") on $(field "$a" NodeList); another user: $b"
	scontrol delete ReservationName=lab

	echo "srun steps: $(as "$LAB_ADA" srun -N2 --ntasks-per-node=2 bash -c 'echo $SLURMD_NODENAME' 2>&1 | sort | uniq -c | tr -s ' \n' ' ')"
	echo "salloc: $(as "$LAB_ADA" salloc -N1 --gres=gpu:2 bash -c 'srun -n1 bash -c "echo \$CUDA_VISIBLE_DEVICES"; srun -n1 hostname | wc -l' 2>/dev/null | tr '\n' ' ')"

	a=$(submit "$LAB_ADA" --time=1 sleep.sh 60)
	wait_for 20 plain_state "$a" RUNNING
	as "$LAB_ADA" scancel "$a"
	job_wait "$a"
	echo "cancel: $(job_state "$a")"

	echo "another's account: $(as "$LAB_ADA" sbatch -A biology --wrap=true 2>&1 | grep -o 'Invalid account.*')"
	a=$(submit "$LAB_ADA" -N9 --wrap=true)
	wait_for 10 plain_reason "$a"
	echo "too many nodes: $(field "$a" Reason | grep -oE '^Partition')" # Config, then NodeLimit
	as "$LAB_ADA" scancel "$a"
	echo "test only: $(as "$LAB_ADA" sbatch --test-only -N1 --wrap=true 2>&1 | grep -o 'to start at')"
}
plain_reason() { [[ $(field "$1" Reason) == Partition* ]]; }
plain_state() { [ "$(job_state "$1" | head -n 1)" = "$2" ]; }
