# aicacctd is down while jobs run: records and receipts wait on disk, and are taken once.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin_all
daemon_stop aicacctd

script "$LAB_ADA" work.sh <<<'srun bash -c "for i in {1..500000}; do :; done"; sleep 2'
job=$(submit "$LAB_ADA" -N2 work.sh)
passes "a job runs without aicacctd" job_wait "$job"
is "to its end" "$(job_state "$job")" COMPLETED
waiting() { find "$AIC_LAB"/state/node/*/receipts -name '*.receipt' | wc -l; }
sleep 2
is "receipts of two nodes' steps and the batch script wait" "$(waiting)" 3
for node in n1 n2; do daemon_kill "aicnoded-$node"; done
noded_start
sleep 1
is "they outlive aicnoded too" "$(waiting)" 3
acctd_start
passes "aicacctd takes record and receipts when it is back" wait_for 90 payout_arrived 1
like "use is known" "$(aic report usage -P)" "physics\|$LAB_ADA\|1\|[0-9]+\|[0-9]+\|0\|"
truth "and rewarded" "$(aic report payouts --format json | sums total reward) > 0"
paid=$(aic report payouts --format json | sums total gross)
daemon_kill aicacctd
acctd_start
sleep 2
is "after a kill and a restart nothing is charged twice" "$(aic report payouts --format json | sums total gross)" "$paid"
