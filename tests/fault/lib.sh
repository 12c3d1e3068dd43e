# lib.sh: what the themes of faults share: seeded chance, daemons killed and started again, slurmctld left alone. Sourced.
. "$(dirname "${BASH_SOURCE[0]}")/../cluster/lib.sh"
FAULT=$TESTS/fault

# One number decides everything that is random in a theme: AIC_SEED=N replays it.
SEED=${AIC_SEED:-$(od -An -N3 -tu4 /dev/urandom | tr -d ' ')}
RANDOM=$SEED
seed_say() { echo "# AIC_SEED=$SEED replays this run"; }
# chance N: into CHANCE, 0 to N-1. (A function's output would be a subshell's, which has a sequence of its own.)
chance() { CHANCE=$((RANDOM % $1)); }

# killed NAME: SIGKILL to a daemon that runs, and started again by its own start function.
killed() {
	local name=$1
	daemon_kill "$name" || not_ok "$name runs when it is to be killed" "its last words: $(daemon_last_words "$name")"
	again "$name"
}
again() {
	case $1 in
	aicledgerd) ledgerd_start ;;
	aicacctd) acctd_start ;;
	slurmctld) slurmctld_start ;;
	*) die "no start function for $1" ;;
	esac
}

# slurmctld_mark, then slurmctld_same NAME: the very process still runs and answers.
slurmctld_mark() { SLURMCTLD_PID=$(daemon_pid slurmctld); }
slurmctld_same() {
	is "$1: slurmctld is the process that it was, and answers" \
		"$(daemon_pid slurmctld) $(timeout 20 scontrol ping | grep -o 'is UP')" "$SLURMCTLD_PID is UP"
}

# said DAEMON PATTERN: what a daemon's log has from mark_log on.
mark_log() { LOG_MARK=$(stat -c %s "$AIC_LAB/log/$1.log"); }
since_mark() { tail -c +$((LOG_MARK + 1)) "$AIC_LAB/log/$1.log"; }

# Runs that AIC holds in this period, charged or not.
runs() { payout_runs; }
runs_are() { [ "$(runs)" = "$1" ]; }

# One line of `aic doctor`, "STATUS|WHAT|FOUND|REMEDY"; the exit code is not looked at.
doctor() { aic doctor -P | grep -E -- "$1"; }
