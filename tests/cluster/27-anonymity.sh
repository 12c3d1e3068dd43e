# Who borrows does not see who lends, nor the other way round: every view that Slurm and AIC give to either.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin
sed -i 's/partitions: \[main\]/partitions: [main, lease1, own1]/' "$AIC_LAB/etc/aic.yaml"
echo "PrivateData=jobs" >>"$AIC_LAB/etc/slurmdbd.conf"
lab_start_cluster
aic_start
printf 'lend:\n  - {provider: lab-north, owners: [physics], guests: [biology]}\n' >"$AIC_LAB/etc/providers.yaml"
chmod 600 "$AIC_LAB/etc/providers.yaml"
# What login hosts have: no providers, no accounts.
sed '/^providers:/,/^assets:/{/^assets:/!d}' "$AIC_LAB/etc/aic.yaml" >"$AIC_LAB/etc/login.yaml"
chmod 644 "$AIC_LAB/etc/login.yaml"
scontrol update PartitionName=main PreemptMode=OFF
like "plan tells what slurmdbd shows to everybody" "$(aic allocator plan)" "note: sacct -a and sacctmgr show everybody .* set PrivateData=accounts,jobs,usage,users in slurmdbd.conf \(now [^)]*jobs"
sed -i 's/^PrivateData=.*/PrivateData=accounts,jobs,usage,users/' "$AIC_LAB/etc/slurmdbd.conf"
daemon_stop slurmdbd
slurmdbd_start
unlike "and no longer when it does not" "$(aic allocator plan)" "slurmdbd.conf"
passes "lending is applied" aic allocator apply

script "$LAB_BEN" guest.sh <<<'env; srun hostname; sleep "$1"'
script "$LAB_ADA" own.sh <<<'env; sleep "$1"'
run() { as "$1" sbatch --parsable -p "$2" -w "$3" --time=5 "$4" "$5"; }
guest=$(run "$LAB_BEN" lease1 n1 guest.sh 1)
passes "a guest's job ends" job_wait "$guest"
owner=$(run "$LAB_ADA" own1 n1 own.sh 1)
passes "an owner's job ends" job_wait "$owner"
guest2=$(run "$LAB_BEN" lease1 n1 guest.sh 300)
owner2=$(run "$LAB_ADA" own1 n2 own.sh 300)
running() { [ "$(job_state "$guest2" | head -n 1)$(job_state "$owner2" | head -n 1)" = RUNNINGRUNNING ]; }
passes "one of each runs" wait_for 30 running
passes "both that ended are charged" wait_for 60 payout_arrived 2

# Each view as that user; the names must be in none, and it must say something.
hides() { # USER PATTERN COMMAND...
	local user=$1 pattern=$2 words
	shift 2
	words=$(as "$user" env AIC_CONFIG="$AIC_LAB/etc/login.yaml" "$@" 2>&1)
	if [ -z "$words" ]; then not_ok "$* says something"; else unlike "$*" "$words" "$pattern"; fi
}
slurm_views() { # USER PATTERN
	local view
	for view in "squeue -al" "squeue --start" "sinfo -aNl" "scontrol -a show node" "scontrol -a show job" \
		"scontrol -a show reservation" "scontrol show config" "sacct -aX --format=all" "sacctmgr -n show assoc" "sacctmgr -n show user" \
		"sacctmgr -n show account" "sacctmgr -n show qos" "sprio -l" "sshare -a" "sreport cluster utilizationbyaccount"; do
		hides "$1" "$2" $view
	done
}
lenders="lab-north|physics|$LAB_ADA"
slurm_views "$LAB_BEN" "$lenders"
hides "$LAB_BEN" "$lenders" scontrol show partition # with -a, Slurm shows AllowAccounts of hidden partitions (architecture.md)
for view in "lease list" "balance" "history" "history biology" "report usage" "report payouts" "report payouts --format json" "report jobs" "explain $guest" \
	"explain $owner" "explain $guest2" "quote -p lease1 guest.sh" "ledger status" "batch list"; do
	hides "$LAB_BEN" "$lenders" aic $view
done
hides "$LAB_BEN" "$lenders" cat "slurm-$guest.out"
hides "$LAB_BEN" "$lenders" cat "$AIC_LAB/etc/providers.yaml"
hides "$LAB_BEN" "$lenders" cat "$AIC_LAB/etc/login.yaml"
like "a report names no provider" "$(as "$LAB_BEN" aic report payouts -P)" "a provider\|biology\|hardware"
guests="biology|$LAB_BEN"
slurm_views "$LAB_ADA" "$guests"
hides "$LAB_ADA" "$LAB_BEN" scontrol -a show partition # which accounts it accepts is what the provider has written itself
for view in "lease list" "balance" "history" "report usage" "report payouts" "report jobs" "explain $guest" "explain $owner" "batch list"; do
	hides "$LAB_ADA" "$guests" aic $view
done
hides "$LAB_ADA" "$guests" cat "slurm-$owner.out"

# --- who wants to be named is ---
like "an administrator sees the names" "$(aic report payouts -P)" "provider/lab-north\|biology"
sed -i 's/name: lab-north,/name: lab-north, named: yes,/' "$AIC_LAB/etc/aic.yaml"
daemon_stop aicacctd
acctd_start
like "so does a guest of a provider who wants it" "$(as "$LAB_BEN" aic report payouts -P)" "provider/lab-north\|biology"
