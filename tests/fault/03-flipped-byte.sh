# One flipped byte in the spool: the record is named and skipped, its neighbours in the same file are charged.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin_all
daemon_stop aicacctd
one=$(quick "$LAB_ADA")
segment=$(newest_segment)
longer() { [ "$(stat -c %s "$segment")" -gt "$1" ]; }
wait_for 5 longer 16
before=$(stat -c %s "$segment")
two=$(quick "$LAB_ADA")
wait_for 5 longer "$before"
three=$(quick "$LAB_ADA")
controller=$(daemon_pid slurmctld)
python3 - "$segment" $((before + 40)) <<-'EOF'
	import sys
	with open(sys.argv[1], "r+b") as file:
	    file.seek(int(sys.argv[2]))
	    byte = file.read(1)[0]
	    file.seek(int(sys.argv[2]))
	    file.write(bytes([byte ^ 1]))
EOF
acctd_start
passes "the record before it is charged" wait_for 20 charged "$one"
passes "the record after it too" wait_for 20 charged "$three"
is "the damaged one is not" "$(accounts "SELECT count(*) FROM record WHERE job=$two")" 0
is "it is named once, with file and place" "$(log_lines aicacctd "$(basename "$segment").*(offset|byte|at) ?[0-9]+")" 1
is "slurmctld was not touched" "$(daemon_pid slurmctld)" "$controller"
passes "the batch closes" aic batch close
