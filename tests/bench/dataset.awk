# dataset.awk: for dataset.sh; slurmctld's log in its own order says what was free on NODE (FREE CPUs at first) when the scheduler started a
# job, and how many of its passes left a job waiting. While a job that ended there is completing, Slurm starts none: the node is not free.
function id_of(line) { match(line, /JobId=[0-9]+/); return substr(line, RSTART + 6, RLENGTH - 6) }
function nodes_of(line) {
	sub(/.*NodeList=/, "", line)
	sub(/.*Started JobId=[0-9]+ in [^ ]+ on /, "", line)
	sub(/ .*/, "", line)
	return line
}
FILENAME == ARGV[1] { cpus[$1] = $2; wants[$1] = $3 == "wants"; next }
/Running job scheduler|_attempt_backfill: beginning/ { for (id in waits) passes[id]++ }
/_slurm_rpc_submit_batch_job: JobId=/ { waits[id_of($0)] = 1 }
/Allocate JobId=|_start_job: Started JobId=/ {
	id = id_of($0)
	delete waits[id]
	there = nodes_of($0) == NODE
	if (wants[id]) {
		wanted++
		late += passes[id] > 1
		if (FREE > 0 && !completing) { could++; ran += there } else busy++
		if (there && (FREE <= 0 || completing)) wrong++
	}
	if (there) { FREE -= cpus[id]; on[id] = 1 }
}
/deallocate_nodes: JobId=/ { id = id_of($0); if (on[id] == 1) { FREE += cpus[id]; completing++; on[id] = 2 } }
/job_epilog_complete: enter JobId=/ { id = id_of($0); if (on[id] == 2) { completing--; delete on[id] } }
END {
	if (!could || !busy) { print "the warm node was never free, or always" >"/dev/stderr"; exit 1 }
	if (wrong) { print wrong " jobs started on the warm node while it was not free: the log is read wrongly" >"/dev/stderr"; exit 1 }
	printf "| jobs that want data run where it is warm, when that node is free (%s) | %.2f | >= 0.95 | %d of %d |\n", NAME, ran / could, ran, could
	printf "| jobs that wait for a warm node through a pass of the scheduler (%s) | %.2f | 0 | %d of %d; it was not free for %d |\n",
		NAME, late / wanted, late, wanted, busy
}
