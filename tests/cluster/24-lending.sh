# A lent node: guests use it within the provider's terms, its owner gets it back, the guest saves and goes on later.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin_all
sed -i 's/partitions: \[main\]/partitions: [main, lease1, own1]/' "$AIC_LAB/etc/aic.yaml"
daemon_stop aicacctd
acctd_start
clock() { date -d "$1" +%H:%M; }
terms() { # HOURS of the second provider
	cat >"$AIC_LAB/etc/providers.yaml" <<-EOF
		bf_interval: 2
		sched_interval: 2
		lend:
		  - {provider: lab-north, owners: [physics], guests: [biology], gpus: 2, grace: 6}
		  - {provider: lab-south, owners: [physics], hours: "$1", idle: 1, lease: 60}
	EOF
}
terms "$(clock '2 hours')-$(clock '3 hours')"

# --- plan, apply, check ---
planned=$(aic allocator plan)
like "plan shows a partition for guests" "$planned" '\+PartitionName=lease1 Nodes=n\[1-2\] .*PreemptMode=REQUEUE GraceTime=15 QOS=aic-lease1 AllowAccounts=biology'
like "one for the owner" "$planned" '\+PartitionName=own1 Nodes=n\[1-2\] .*PriorityTier=20 .*AllowAccounts=physics'
like "what Slurm needs for a quick return" "$planned" '\+SlurmctldParameters=.*preempt_send_user_signal'
like "the QOS for two GPUs" "$planned" 'sacctmgr -i modify qos aic-lease1 set GrpTRES=gres/gpu=2'
like "and what works against it" "$planned" 'note: partition main has nodes of n\[1-2\], and jobs of own1 requeue those there'
like "grace that Slurm would not keep is raised" "$planned" 'note: lab-north gives 6 s of grace, and Slurm ends no guest sooner than after KillWait 5 \+ MessageTimeout 10: GraceTime is 15 s'
is "it changes nothing" "$(ls "$AIC_LAB/etc/aic-lending.conf" 2>/dev/null; scontrol show partition lease1 2>&1 | grep -c 'not found')" 1
refuses "check says that it is not so yet" 1 "partition lease1 does not exist" aic allocator check
scontrol update PartitionName=main PreemptMode=OFF 2>/dev/null
passes "apply" aic allocator apply
passes "then it is so" aic allocator check
like "nothing is left to do" "$(aic allocator plan)" "nothing to apply"
like "what opens by the clock is closed" "$(scontrol show partition lease2)" "State=DOWN"
like "aic lease list shows both" "$(aic lease list)" "lease1 +n\[1-2\] +free.*lease2 +n3 +closed"
scontrol update PartitionName=lease1 GraceTime=600
refuses "check finds what somebody changed" 1 "partition lease1 has GraceTime 600 .* planned are 15" aic allocator check
scontrol update PartitionName=lease1 GraceTime=15
terms "$(clock '-1 hour')-$(clock '1 hour')"
aic allocator tick
like "within its hours, but not idle for a minute yet" "$(scontrol show partition lease2)" "State=DOWN"
sed -i 's/idle: 1, //' "$AIC_LAB/etc/providers.yaml"
aic allocator tick
like "lent when its terms are met" "$(scontrol show partition lease2)" "State=UP"
refuses "a mistake has its line" 2 "providers.yaml:[0-9]+: .*lnd" sh -c "echo 'lnd: []' >>'$AIC_LAB/etc/providers.yaml'; aic allocator plan"
sed -i '/^lnd/d' "$AIC_LAB/etc/providers.yaml"

# --- guests ---
HOME_BEN=$AIC_LAB/home/$LAB_BEN
script "$LAB_BEN" save.sh <<-EOF
	srun $AIC_LAB_USR/bin/aic-run -q -- bash -c 'trap "date +%s%N >saved.\$SLURM_JOB_ID; exit 0" USR1; echo >ready.\$SLURM_JOB_ID; while :; do sleep 0.2; done'
	sleep 60
EOF
script "$LAB_BEN" deaf.sh <<<'trap "" USR1 TERM; srun bash -c "trap \"\" USR1 TERM; echo >ready.$SLURM_JOB_ID; while :; do sleep 0.2; done"'
script "$LAB_ADA" own.sh <<<'date +%s%N >own.$SLURM_JOB_ID; sleep "${1:-1}"'
state_is() { [ "$(job_state "$1" | head -n 1)" = "$2" ]; }
refuses "who is no guest is refused" 1 "account|partition|permission" as "$LAB_ADA" sbatch -p lease1 own.sh
like "a job that forbids its requeue is warned" "$(as "$LAB_BEN" sbatch -p lease1 --no-requeue --begin=now+1hour --time=5 save.sh 2>&1)" "leave out --no-requeue"
as "$LAB_BEN" scancel --user="$LAB_BEN"
guest=$(submit "$LAB_BEN" -p lease1 -w n1 --gres=gpu:a100:2 --time=10 save.sh)
passes "a guest runs" wait_for 30 test -e "$HOME_BEN/ready.$guest"
more=$(submit "$LAB_BEN" -p lease1 --gres=gpu:a100:1 --time=10 save.sh)
limited() { [[ $(field "$1" Reason) == QOSGrp* ]]; }
passes "a third GPU is not lent" wait_for 15 limited "$more"
as "$LAB_BEN" scancel "$more"
like "the lease is listed" "$(aic lease list)" "lease1 +n1 +lent +$guest +2 "
is "guests do not see others' jobs" "$(as "$LAB_ADA" squeue -h -p lease1 | wc -l)" 0

# --- the owner wants it back ---
owner=$(submit "$LAB_ADA" -p own1 -w n1 --exclusive --time=5 own.sh 3)
passes "the owner's job starts" wait_for 30 test -s "$AIC_LAB/home/$LAB_ADA/own.$owner"
waited() { echo "# the owner waited $(($(date -d "$(field "$1" StartTime)" +%s) - $(date -d "$(field "$1" SubmitTime)" +%s))) s for $2"; }
waited "$owner" "a guest that leaves on the signal"
truth "after the guest has saved" "$(cat "$HOME_BEN/saved.$guest") < $(cat "$AIC_LAB/home/$LAB_ADA/own.$owner")"
passes "the guest's job waits again" wait_for 10 state_is "$guest" PENDING
is "by a requeue of its own" "$(field "$guest" Restarts)" 1
as "$LAB_BEN" scancel "$guest"
preempted() { aic report uncharged --account biology 2>/dev/null | grep -q "$guest.*[Pp]reempted\|[Pp]reempted.*50"; }
passes "and is charged as the policy says of preempted jobs" wait_for 20 preempted
job_wait "$owner"
deaf=$(submit "$LAB_BEN" -p lease1 -w n2 --gres=gpu:a100:1 --time=10 deaf.sh)
passes "a guest that does not listen runs" wait_for 30 test -e "$HOME_BEN/ready.$deaf"
owner=$(submit "$LAB_ADA" -p own1 -w n2 --exclusive --time=5 own.sh)
passes "the owner's job starts all the same" wait_for 60 test -s "$AIC_LAB/home/$LAB_ADA/own.$owner"
waited "$owner" "one that does not: GraceTime 15 s, KillWait 5 s"
passes "Slurm requeued the guest" wait_for 10 state_is "$deaf" PENDING
as "$LAB_BEN" scancel "$deaf"
