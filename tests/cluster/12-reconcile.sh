# What a spool lost is found in slurmdbd, filled in as an estimate, and charged once.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin_all

script "$LAB_ADA" work.sh <<<'sleep 3'
first=$(submit "$LAB_ADA" -N1 -n1 --mem=256 work.sh)
passes "a job runs" job_wait "$first"
passes "and is charged" wait_for 60 payout_arrived 1
agrees() { aic reconcile "${@:2}" | grep -q "$1 runs in slurmdbd since now-7days, 0 differences"; } # slurmctld tells it a little later
passes "slurmdbd agrees" wait_for 30 agrees 1

daemon_stop aicacctd
second=$(submit "$LAB_ADA" -N2 -n2 --mem=256 work.sh)
passes "another runs while aicacctd is down" job_wait "$second"
sleep 3
find "$AIC_LAB/spool/aic" -name '*.spool' -delete
acctd_start
sleep 3
like "its record is gone with the spool, and missed" "$(aic reconcile -P)" "$second\|[^|]*\|missing here\|.*not in a spool"
is "nothing was charged for it" "$(aic report usage -P | awk -F'|' 'NR > 1 { n += $3 } END { print n + 0 }')" 1
like "it is filled in from slurmdbd" "$(aic reconcile --fill -P)" "$second\|[^|]*\|missing here\|.*filled in, estimated"
is "and charged" "$(aic report usage -P | awk -F'|' 'NR > 1 { n += $3 } END { print n + 0 }')" 2
like "marked as what it is" "$(aic explain "$second")" "from slurmdbd, nodes' shares estimated"
like "on both nodes" "$(aic explain "$second")" "hardware n[12]: .*hardware n[12]: "
passes "after which slurmdbd agrees" agrees 2 --fill
like "the act is in the log" "$(aic batch log)" "filled in 1 runs from slurmdbd, 1 of them as estimates"
refuses "a user may not" 1 "only administrators may compare with slurmdbd" as "$LAB_ADA" aic reconcile
