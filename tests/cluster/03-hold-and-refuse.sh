# Funds: a job that its account cannot pay is held or refused, with the figures; aic quote says the same.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
aic_fund() { :; }
lab_begin_all
wait_for 30 aic_wallet account/physics
snapshot_seen

for user in "$LAB_ADA" "$LAB_BEN"; do script "$user" work.sh <<<'sleep "${1:-0}"'; done
job=$(submit "$LAB_ADA" -N4 --time=10 work.sh)
sleep 1
is "without funds the job is held" "$(job_state "$job")" PENDING
like "with the figures" "$(scontrol show job "$job")" "account physics holds 0.00 AIC; this job needs up to 40.25 AIC"
like "aic quote says the same" "$(as "$LAB_ADA" aic quote -N4 -t10 work.sh)" "40.25"
as "$LAB_ADA" scontrol release "$job" >/dev/null 2>&1
sleep 1
is "its user cannot release it" "$(job_state "$job") $(field "$job" Priority)" "PENDING 0"
like "squeue tells why" "$(squeue -h -j "$job" -o %r)" "account physics holds 0.00 AIC; this job needs up to 40.25 AIC"

passes "a top-up" aic transfer genesis/operating account/physics 41
passes "is seen within 3 s" wait_for 3 aic_rich physics 41
passes "and the job runs by itself" job_wait "$job" 30
is "to its end" "$(job_state "$job")" COMPLETED

aside=$(submit "$LAB_BEN" -p side work.sh)
passes "out of scope nobody is asked for funds" job_wait "$aside"
is "and the job runs" "$(job_state "$aside")" COMPLETED

cat >>"$AIC_LAB/etc/aic.yaml" <<-EOF
	policy:
	  unfunded: refuse
EOF
daemon_stop aicacctd
acctd_start
wait_for 15 aic_rich physics 1
snapshot_seen
refuses "policy refuse: sbatch says why" 1 "account physics holds [0-9.]+ AIC; this job needs up to [0-9.,]+ AIC .*shorten --time" \
	as "$LAB_ADA" sbatch -N4 --time=60 work.sh
refuses "an account without a coin" 1 "account biology holds 0.00 AIC" as "$LAB_BEN" sbatch -N1 work.sh
refuses "a data set that nobody registered" 1 "no-such-set" as "$LAB_ADA" sbatch --aic-dataset=no-such-set work.sh
like "the refused left no job" "$(squeue -h | wc -l)" "^0"
