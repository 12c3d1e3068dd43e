# D0 over Slurm: the same weights on 1, 2, 4 and 8 ranks, and after a kill on another number of ranks.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin_all
sed 's/^  epochs: .*/  epochs: 2/; s/^  checkpoint_every: .*/  checkpoint_every: 40/' "$AIC_EXAMPLES/fashion-mnist.yaml" \
	>"$AIC_LAB/home/$LAB_ADA/short.yaml"
script "$LAB_ADA" run.sh <<<'srun --kill-on-bad-exit aic-train --no-session --run-dir "$1" short.yaml'
digest() { grep -oE 'weights sha256: [0-9a-f]{64}' "$AIC_LAB/home/$LAB_ADA/$1" | tail -n 1; }
train() { # NAME RUN-DIR SBATCH-ARGUMENTS...
	local name=$1 run=$2 id state
	shift 2
	id=$(submit "$LAB_ADA" --output="$name.log" "$@" run.sh "$run")
	job_wait "$id" 180
	state=$(job_state "$id")
	[ "$state" = COMPLETED ] || tail -n 20 "$AIC_LAB/home/$LAB_ADA/$name.log" | sed 's/^/# /' >&2
	echo "$state"
}
is "one rank" "$(train one r1 -N1 -n1)" COMPLETED
expected=$(digest one.log)
like "tells its weights" "$expected" "sha256: [0-9a-f]{64}"
is "two ranks" "$(train two r2 -N2 -n2) $(digest two.log)" "COMPLETED $expected"
is "four ranks" "$(train four r4 -N4 -n4) $(digest four.log)" "COMPLETED $expected"
is "eight ranks" "$(train eight r8 -N4 -n8) $(digest eight.log)" "COMPLETED $expected"

id=$(submit "$LAB_ADA" --output=killed.log -N4 -n4 run.sh killed)
wait_for 60 compgen -G "$AIC_LAB/home/$LAB_ADA/killed/step-*.aickpt"
as "$LAB_ADA" scancel --signal=KILL --full "$id"
job_wait "$id" 30
unlike "a run that was killed has no weights" "$(cat "$AIC_LAB/home/$LAB_ADA/killed.log")" "weights sha256"
is "resumed on two ranks it ends with the same" "$(train resumed killed -N2 -n2) $(digest resumed.log)" "COMPLETED $expected"
like "from a checkpoint" "$(cat "$AIC_LAB/home/$LAB_ADA/resumed.log")" "[Rr]esum"
