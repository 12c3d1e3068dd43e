# mode: observe, and what is out of scope: everything is measured, nothing is held or posted.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
AIC_LAB_MODE=observe
aic_fund() { :; } # nobody has a coin
lab_begin_all

script "$LAB_ADA" work.sh <<<'srun bash -c "for i in {1..200000}; do :; done"; sleep 1'
job=$(submit "$LAB_ADA" -N2 work.sh)
passes "a job without funds runs in observe mode" job_wait "$job"
is "it completed" "$(job_state "$job")" COMPLETED
is "its AdminComment holds nothing of AIC" "$(field "$job" AdminComment)" ""
aside=$(submit "$LAB_ADA" -p side work.sh)
passes "so does one in a partition out of scope" job_wait "$aside"
passes "the first is charged on paper" wait_for 30 payout_arrived 1
sleep 1
is "the one out of scope is not" "$(payout_runs)" 1
truth "the report shows the charge" "$(aic report payouts --format json | sums total gross) > 0"
passes "the period closes" aic batch close
passes "the batch is approved" aic batch approve
refuses "but never posted" 1 "observe" aic batch post
is "physics still holds nothing, and owes nothing" "$(balance physics)" 0
passes "the ledger verifies" aic ledger verify
