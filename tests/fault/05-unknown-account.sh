# Accounts that nobody knows: to Slurm, to AIC, to the ledger.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin_all
controller=$(daemon_pid slurmctld)
refuses "sbatch refuses an account without association" 1 "account chemistry has no wallet|Invalid account" as "$LAB_ADA" sbatch -A chemistry --wrap true
refuses "aic balance" 1 "nosuch" aic balance nosuch
refuses "aic transfer to it" 1 "account/nosuch" aic transfer genesis/operating account/nosuch 1
refuses "aic quote for it" 1 "nosuch" aic quote -A nosuch --time=1
refuses "another's account shows nothing" 1 "biology" as "$LAB_ADA" aic balance biology

# Slurm learns of an account while aicacctd is down: no wallet stands in the snapshot yet.
daemon_stop aicacctd
quietly sacctmgr -i add account chemistry
quietly sacctmgr -i add user "$LAB_ADA" Account=chemistry
chemistry_known() { scontrol show assoc_mgr flags=assoc accounts=chemistry users="$LAB_ADA" | grep -q "Account=chemistry UserName=$LAB_ADA"; }
wait_for 10 chemistry_known
refuses "sbatch is refused, with the remedy" 1 "account chemistry.*(ask|aicacctd)" as "$LAB_ADA" sbatch -A chemistry --wrap true
acctd_start
passes "once aicacctd runs, the account has a wallet" wait_for 75 aic_wallet account/chemistry
snapshot_seen
id=$(submit "$LAB_ADA" -A chemistry --wrap true)
like "and its job is held for want of funds" "$(scontrol show job "$id")" "account chemistry holds 0.00 AIC"
is "slurmctld was not touched" "$(daemon_pid slurmctld)" "$controller"
