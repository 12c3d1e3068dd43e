#!/bin/bash
# 10-kill-under-load.sh: 200 jobs of two users and three accounts, while aicacctd, aicledgerd and slurmctld are killed with
# SIGKILL at random moments. Whatever Slurm reports finished is charged once, and the payout stands once.
. "$(dirname "$0")/lib.sh"

JOBS=200
WINDOW=2      # seconds around slurmctld's death in which a completion may be lost; its writer syncs each second
KILLS=$AIC_LAB/kills
JOBIDS=$AIC_LAB/jobids

# --- the load ---

# Plans before anything runs: each job's user, account and size, and when which daemon dies.
plan_jobs() {
	local i
	for i in $(seq "$JOBS"); do
		chance 3; local who=("$LAB_ADA physics" "$LAB_ADA chemistry" "$LAB_BEN biology")
		local line=${who[$CHANCE]}
		chance 3; line="$line --cpus-per-task=$((1 + CHANCE % 2))"
		chance 5; [ "$CHANCE" != 0 ] || line="$line --gres=gpu:a100:1"
		chance 6; [ "$CHANCE" != 0 ] || line="$line --nodes=2"
		chance 4; echo "$line job.sh $CHANCE"
	done >"$AIC_LAB/plan"
}
# After so many submitted jobs, and so many milliseconds more, that daemon is killed.
plan_kills() {
	local daemon
	for daemon in slurmctld aicacctd aicledgerd slurmctld aicacctd aicledgerd; do
		chance $((JOBS - 40)); local after=$((CHANCE + 20))
		chance 1000; echo "$after $CHANCE $daemon"
	done | sort -n >"$AIC_LAB/plan-kills"
}
# Slurm's own client gives up while slurmctld is down: then the user tries again.
load_submit() { # LINE...
	local user=$1 account=$2 id
	shift 2
	until id=$(as "$user" sbatch --parsable --output=/dev/null --time=2 --account="$account" "$@" 2>/dev/null) && [[ $id =~ ^[0-9]+$ ]]; do sleep 0.1; done
	echo "$id" >>"$JOBIDS"
}
# What Slurm leaves to its administrator: job numbers that slurmctld forgot and gives again drain the nodes that remember them.
put_right() {
	local node id
	for node in $(sinfo -hN -t drain -o %N | sort -u); do scontrol update nodename="$node" state=resume; done
	for id in $(squeue -h -t PD -o '%i %r' | awk '/BeginTime/ { print $1 }'); do scontrol update jobid="$id" starttime=now; done
	for id in $(squeue -h -t PD -o '%i %r' | awk '/[Hh]eld|Prolog/ { print $1 }'); do scontrol release "$id"; done
}
# As fast as the cluster takes them, so that the load lasts while daemons die.
room() { [ "$(timeout 5 squeue -h -t PD -o %i 2>/dev/null | wc -l)" -lt 16 ] || { put_right; false; }; }
load_run() {
	local line
	while read -r line; do
		wait_for 20 room
		# shellcheck disable=SC2086
		load_submit $line </dev/null
	done <"$AIC_LAB/plan"
}
submitted() { [ "$(wc -l <"$JOBIDS")" -ge "$1" ]; }

kill_slurmctld() {
	local down
	down=$(date +%s)
	killed slurmctld
	echo "$down $(date +%s)" >>"$KILLS"
}
kill_them() {
	local after wait daemon
	while read -r after wait daemon <&3; do
		wait_for 120 submitted "$after"
		sleep "$((wait / 1000)).$(printf %03d $((wait % 1000)))"
		echo "# $(date +%T) kill -9 $daemon, $(wc -l <"$JOBIDS") jobs submitted"
		if [ "$daemon" = slurmctld ]; then kill_slurmctld; else killed "$daemon"; fi
	done 3<"$AIC_LAB/plan-kills"
}

# --- the end of it ---

sacct_all() { SLURM_TIME_FORMAT=%s sacct -a -P -X -D -S now-1hour -o JobIDRaw,Account,User,Partition,State,Submit,Start,End,AllocTRES,NodeList; }
# Everything that slurmctld still knows is over, and its messages have reached slurmdbd.
load_over() { put_right; [ -z "$(squeue -h -o %i)" ] && ! sdiag | grep -qE 'DBD Agent queue size: *[1-9]'; }
finished() { sacct_all | awk -F'|' 'NR > 1 && $5 !~ /^(PENDING|RUNNING|SUSPENDED|RESIZING)/' | wc -l; }
all_charged() { [ "$(payout_runs)" -ge "$(finished)" ]; }
receipts_delivered() { [ -z "$(find "$AIC_LAB"/state/node/*/receipts -name '*.receipt' -print -quit)" ]; }

# What compare.py says becomes TAP.
compare() {
	local line
	sacct_all >"$AIC_LAB/sacct"
	aic report usage --format json >"$AIC_LAB/usage.json"
	aic report uncharged --format json >"$AIC_LAB/uncharged.json"
	python3 "$FAULT/compare.py" --sacct "$AIC_LAB/sacct" --db "$AIC_LAB/state/aic/accounting.db" --usage "$AIC_LAB/usage.json" \
		--uncharged "$AIC_LAB/uncharged.json" --kills "$KILLS" --window "$WINDOW" >"$AIC_LAB/compared" 2>&1 ||
		not_ok "compare.py comes to its end" "$(tail -n 5 "$AIC_LAB/compared")"
	while read -r line; do
		case $line in
		"ok "*) ok "${line#ok }" ;;
		"no "*) not_ok "${line#no }" "see the lines above" ;;
		*) echo "$line" ;;
		esac
	done <"$AIC_LAB/compared"
}

# --- the payout ---

# post_under_fire NUMBER: closes a batch, and kills both daemons at a random moment while it is posted. Then the administrator
# posts again, if it needs that.
post_under_fire() {
	local batch poster words="" code
	batch=$(aic batch close -P 2>&1 | awk -F'|' 'NR == 2 { print $1 }')
	is "batch $1 is closed" "${batch#*/}" "$1"
	passes "and approved" aic batch approve "$batch"
	chance 20
	aic batch post "$batch" >"$AIC_LAB/post.$1" 2>&1 &
	poster=$!
	sleep "0.0$(printf %02d "$CHANCE")"
	daemon_kill aicledgerd
	daemon_kill aicacctd
	wait "$poster"
	code=$?
	ledgerd_start
	acctd_start
	echo "# killed after $CHANCE ms of posting, which ended with exit code $code; the batch was $(batch_state) afterwards"
	batch_settled || words=$(aic batch post "$batch" 2>&1)
	if wait_for 30 batch_settled; then ok "it is posted after all"; else not_ok "it is posted after all" "$words" "$(aic batch list)"; fi
	refuses "and cannot be posted again" 1 'is posted already, at height' aic batch post "$batch"
}
batch_state() { aic batch list -P | awk -F'|' 'NR == 2 { print $2 }'; }
batch_settled() { case $(batch_state) in posted | final) ;; *) return 1 ;; esac; }
balances() { aic balance --format json; }

lab_begin
lab_start_cluster
slurm_association chemistry "$LAB_ADA" # before aicacctd, which asks slurmdbd once a minute
aic_start
aic_fund chemistry 1000
seed_say
plan_jobs
plan_kills
: >"$JOBIDS"
: >"$KILLS"
script "$LAB_ADA" job.sh <<<'sleep "$1"'
script "$LAB_BEN" job.sh <<<'srun sleep "$1"'

load_run &
LOAD=$!
kill_them
wait_for 180 submitted "$JOBS"
is "200 jobs are submitted" "$(wc -l <"$JOBIDS")" "$JOBS"
wait "$LOAD"
if wait_for 120 load_over; then ok "the load ends"; else not_ok "the load ends" "$(squeue)"; fi
truth "most of them are not forgotten by slurmctld itself" "$(finished) >= $JOBS * 3 // 4"
wait_for 15 all_charged # fewer, where slurmctld's death took records with it: compare tells which
wait_for 30 receipts_delivered
compare
is "doctor finds nothing bad after it" "$(doctor '^bad')" ""

balances >"$AIC_LAB/before.json"
aic ledger status --format json >"$AIC_LAB/status-before.json"
post_under_fire 1
for number in 2 3 4; do
	known=$(payout_runs)
	job_wait "$(submit "$LAB_BEN" job.sh 1)"
	wait_for 30 runs_are $((known + 1))
	post_under_fire "$number"
done
passes "the ledger verifies" aic ledger verify
balances >"$AIC_LAB/after.json"
aic ledger status --format json >"$AIC_LAB/status-after.json"
aic report payouts --format json >"$AIC_LAB/payouts.json"
is "every wallet moved by what the report says, once and to the unit" \
	"$(cd "$AIC_LAB" && python3 "$FAULT/settled.py" before.json after.json payouts.json status-before.json status-after.json 2>&1)" "all add up"
