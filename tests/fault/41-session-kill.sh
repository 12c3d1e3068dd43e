# A training that the site runs, opened, committed, closed, judged and paid, while at each stage daemons are killed
# with SIGKILL, and a member of etcd is lost. It stands on the ledger once, verified, and is paid once.
LAB_SITES=uni-a
LAB_JUDGES=yes
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin_all
seed_say

state() { aic session list -P | awk -F'|' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "state") at = i } NR == 2 { print $at }'; }
has_come_to() { grep -qxF "$(state)" <(printf '%s\n' "$@"); }
committed() { [ "$(session_commitments)" -ge 2 ] || has_come_to closed challenged verified; }
DAEMONS=(aicledgerd aicacctd aictraind aicnoded-n1 aicnoded-n2 aic-verify)
# Two daemons, whichever the seed says, at once.
strike() {
	local daemons=("${DAEMONS[@]}") n=${#DAEMONS[@]} first second
	chance "$n"; first=$CHANCE
	chance $((n - 1)); second=$(((first + 1 + CHANCE) % n))
	echo "# $1: ${daemons[first]} and ${daemons[second]} are killed"
	killed "${daemons[first]}"
	killed "${daemons[second]}"
}

job_write
job_specification
job=$(job_train)
passes "a session opens" wait_for 60 session_is_newer ""
session=$(session_newest)
touch "$AIC_LAB/state/opened"
passes "and will be challenged" aic session challenge "$session"
strike "while it is open"
passes "checkpoints are committed" wait_for 90 committed
# Not before: a slurmctld that dies within the seconds in which it has not saved that a job runs starts it twice, and drains a node for it.
saved() { [ "$AIC_LAB/state/slurmctld/job_state" -nt "$AIC_LAB/state/opened" ]; }
passes "and slurmctld has saved that the job runs" wait_for 60 saved
DAEMONS+=(slurmctld)
daemon_kill etcd-m2
strike "with a member of etcd gone"
passes "the job ends" wait_for 180 job_over "$job"
is "as it should" "$(job_state "$job")" COMPLETED
strike "once it has ended"
passes "the session is closed" wait_for 120 has_come_to closed challenged doubted verified
strike "while it is judged"
passes "others find the same bits" wait_for 240 has_come_to verified
etcd_member_start m2
strike "once it is verified"
is "one session stands on the ledger" "$(aic session list -P | tail -n +2 | wc -l)" 1
like "its last checkpoint is that of the last step" "$(aic session show "$session" -P)" "checkpoints\|[0-9]+, the last of step 1170"
passes "the run is charged" wait_for 90 runs_are 1
passes "and its lines wait no more" wait_for 60 session_reported "$session"
like "as verified" "$(aic report payouts)" "Session ${session:0:16} of job $job on n1 n2, .*: verified, 1000000 ppm"
passes "the batch closes" aic batch close
batch=$(aic batch list -P | awk -F'|' 'NR == 2 { print $1 }')
passes "is approved" aic batch approve "$batch"
strike "before it is posted"
passes "is posted" wait_for 60 aic batch post "$batch"
posted() { aic batch list -P | grep -q "^$batch|final"; }
passes "and final" wait_for 60 posted
passes "the ledger verifies" aic ledger verify
