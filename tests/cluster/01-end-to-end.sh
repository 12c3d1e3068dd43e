# One job from sbatch to the ledger, checked to the unit.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
LAB_JUDGES=yes
lab_begin_all
job_write

before=$(balance physics)
job=$(submit "$LAB_ADA" --output=train-%j.log train.sh)
passes "the training job of an ordinary user ends" job_wait "$job" 240
is "it completed" "$(job_state "$job")" COMPLETED
JOB_ID=$job
accuracy=$(job_accuracy | tr -d ' %')
truth "test accuracy on Fashion-MNIST is 88 % or more ($accuracy)" "$accuracy >= 88"
passes "record and receipts arrive" wait_for 30 payout_arrived 1
passes "its session is decided" wait_for 60 session_decided "$(session_newest)"
passes "and its lines wait no more" wait_for 30 session_reported "$(session_newest)"

seconds=$(($(date -d "$(field "$job" EndTime)" +%s) - $(date -d "$(field "$job" StartTime)" +%s)))
node=$(sums charge "$seconds" 1 256 0)
report=$(aic report payouts --format json)
is "every line of the report adds up" "$(sums sums <<<"$report")" exact
for provider in lab-north lab-south lab-west; do
	nodes=1
	[ "$provider" != lab-north ] || nodes=2
	is "provider/$provider is paid for what it has of the nodes, $nodes, to the unit" "$(sums field "provider/$provider" gross <<<"$report")" "$(sums calc "$nodes * $node")"
	truth "provider/$provider earns a reward" "$(sums field "provider/$provider" reward <<<"$report") > 0"
done
is "the data set's owner is paid its price" "$(sums field account/biology gross <<<"$report")" 250000000000000000
is "payouts add up to the usage report's charge and the data set" "$(sums total gross <<<"$report")" \
	"$(sums calc "$(aic report usage --format json | sums total charge) + 0")"

refuses "an ordinary user closes no period" 1 "only administrators" as "$LAB_ADA" aic batch close
passes "an administrator does" aic batch close
batch=$(aic batch list -P | awk -F'|' 'NR == 2 { print $1 }')
refuses "a batch that nobody approved is not posted" 1 "approv" aic batch post "$batch"
refuses "an ordinary user approves nothing" 1 "administrator" as "$LAB_ADA" aic batch approve "$batch"
passes "approved" aic batch approve "$batch"
passes "posted" aic batch post "$batch"
like "the batch is final, with its block" "$(aic batch list -P)" "final\|.*\|[1-9][0-9]*\|"
refuses "it is posted once" 1 "final|posted" aic batch approve "$batch"

posted=$(aic report payouts --format json)
is "the posted report adds up" "$(sums sums <<<"$posted")" exact
is "physics paid exactly the charge" "$(sums calc "$before - $(balance physics)")" "$(sums total gross <<<"$posted")"
for provider in lab-north lab-south lab-west; do
	is "provider/$provider received net and reward" "$(balance "provider/$provider")" "$(sums field "provider/$provider" total <<<"$posted")"
done
status=$(aic ledger status --format json)
supply=$(python3 -c 'import json, sys; from decimal import Decimal; row = json.load(sys.stdin); row = row[0] if isinstance(row, list) else row; print(int(Decimal(row["supply"]) * 10**18))' <<<"$status")
is "balances sum to the supply" "$(aic balance --format json | sums supply)" "$supply"
passes "the ledger verifies" aic ledger verify

for format in table parsable csv json; do passes "aic report payouts --format $format" aic report payouts --format "$format"; done
refuses "an unknown format is a usage error" 2 "format" aic report payouts --format xml

lab_stop
refuses "with everything down the ledger cannot be asked: exit code 3" 3 "aicledgerd" aic ledger status
lab_start_cluster
aic_start
is "after a restart of everything the balances are as they were" "$(balance provider/lab-north)" "$(sums field provider/lab-north total <<<"$posted")"
is "nothing is charged again" "$(payout_runs)" 1
