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
# quick USER ARGUMENTS...: a short job that is charged (Slurm counts whole seconds), waited for; prints its id.
quick() {
	local user=$1 id
	shift
	id=$(submit "$user" "$@" --wrap "sleep 1.1")
	job_wait "$id" 30
	echo "$id"
}
charged() { [ "$(accounts "SELECT count(*) FROM record WHERE job=$1")" = 1 ]; }

FAULT=$TESTS/fault
# One number decides everything that is random in a theme: AIC_SEED=N replays it.
SEED=${AIC_SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
RANDOM=$SEED
seed_say() { echo "# AIC_SEED=$SEED replays this run"; }
# chance N: into CHANCE, 0 to N-1. (A function's output would be a subshell's, which has a sequence of its own.)
chance() { CHANCE=$((RANDOM % $1)); }

# killed NAME: SIGKILL to a daemon that runs, and a new start.
killed() {
	daemon_kill "$1" || not_ok "$1 runs when it is to be killed" "its last words: $(daemon_last_words "$1")"
	case $1 in
	aicledgerd) ledgerd_start ;;
	aicacctd) acctd_start ;;
	slurmctld) slurmctld_start ;;
	aictraind) traind_start ;;
	aicnoded-*) noded_start ;;
	aic-verify) session_timer_start ;;
	*) die "no start function for $1" ;;
	esac
}

# slurmctld_mark, then slurmctld_same: the very process still runs and answers.
slurmctld_mark() { SLURMCTLD_PID=$(daemon_pid slurmctld); }
slurmctld_same() { is "slurmctld was not touched, and answers" "$(daemon_pid slurmctld) $(timeout 20 scontrol ping | grep -o 'is UP')" "$SLURMCTLD_PID is UP"; }
# doctor PATTERN: its lines "STATUS|WHAT|FOUND|REMEDY" that match; the exit code is not looked at.
doctor() { aic doctor -P | grep -E -- "$1"; }
runs_are() { [ "$(payout_runs)" = "$1" ]; }
