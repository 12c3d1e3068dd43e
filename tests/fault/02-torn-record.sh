# A record of the spool that was cut off: named, skipped, everything else charged.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin_all
daemon_stop aicacctd
one=$(quick "$LAB_ADA")
two=$(quick "$LAB_ADA")
slurmctld_stop
segment=$(newest_segment)
truncate -s -20 "$segment"
slurmctld_start
three=$(quick "$LAB_ADA")
controller=$(daemon_pid slurmctld)
acctd_start
passes "the whole record before it is charged" wait_for 20 charged "$one"
passes "the one after it too" wait_for 20 charged "$three"
is "the torn one is not" "$(accounts "SELECT count(*) FROM record WHERE job=$two")" 0
is "it is named once, with its place" "$(log_lines aicacctd "spool .*ends within a record: .*from offset [0-9]+")" 1
like "aic doctor shows it" "$(aic doctor -P 2>&1)" "(bad|warn)\|[^|]*spool[^|]*\|"
is "slurmctld was not touched" "$(daemon_pid slurmctld)" "$controller"
daemon_stop aicacctd
acctd_start
four=$(quick "$LAB_ADA")
passes "accounting goes on" wait_for 20 charged "$four"
is "without charging anything twice" "$(accounts 'SELECT count(*) FROM record')" 3
