# lib.sh: what the themes with faults share, over the cluster's lib.sh.
. "$(dirname "${BASH_SOURCE[0]}")/../cluster/lib.sh"

# accounts SQL: a look into aicacctd's database, rows with | between fields.
accounts() {
	python3 - "$AIC_LAB/state/aic/accounting.db" "$1" <<-'EOF'
		import sqlite3, sys
		db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=20)
		for row in db.execute(sys.argv[2]):
		    print("|".join(str(field) for field in row))
	EOF
}
spool_dir() { echo "$AIC_LAB/spool/aic/$(hostname -s)"; }
# newest_segment: the segment that slurmctld writes now.
newest_segment() { find "$(spool_dir)" -name '*.spool' | sort | tail -n 1; }
# log_lines DAEMON PATTERN: how many lines of its log match.
log_lines() { grep -acE -- "$2" "$AIC_LAB/log/$1.log"; }
# quick USER ARGUMENTS...: a short job, waited for; prints its id.
quick() {
	local user=$1 id
	shift
	id=$(submit "$user" "$@" --wrap "sleep 0.2")
	job_wait "$id" 30
	echo "$id"
}
charged() { [ "$(accounts "SELECT count(*) FROM record WHERE job=$1")" = 1 ]; }
