# A daemon that is down: the others go on, and whoever asks is told which one to start.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin_all
controller=$(daemon_pid slurmctld)

daemon_kill aicledgerd
refuses "aicledgerd down: aic ledger status" 3 "aicledgerd" aic ledger status
one=$(quick "$LAB_ADA")
passes "jobs are charged meanwhile" wait_for 20 charged "$one"
passes "aic balance answers from what aicacctd knows" aic balance
passes "a period closes" aic batch close
passes "its batch is approved" aic batch approve
refuses "posting says what to start" 3 "aicledgerd" aic batch post
refuses "aic doctor finds it" 1 "aicledgerd" aic doctor
ledgerd_start
posts() { aic batch post; }
passes "posted when it is back" wait_for 20 posts

daemon_kill aicacctd
refuses "aicacctd down: aic report usage" 3 "aicacctd" aic report usage
refuses "aic doctor finds it" 1 "aicacctd" aic doctor
two=$(quick "$LAB_ADA")
is "jobs run meanwhile" "$(job_state "$two")" COMPLETED
acctd_start
passes "and are charged when it is back" wait_for 30 charged "$two"

daemon_kill munged
refuses "munged down" 3 "[Mm][Uu][Nn][Gg][Ee]" aic balance
munge_start
passes "and back" wait_for 20 aic balance
three=$(quick "$LAB_ADA")
passes "the next job is charged" wait_for 30 charged "$three"
is "slurmctld was not touched" "$(daemon_pid slurmctld)" "$controller"
passes "the ledger verifies" aic ledger verify
