# say.sh: what the lab tells its user: one line per step, one sentence per failure.

say() { printf '%s\n' "$*"; }

# die SENTENCE: ends the run; the log's name is added once there is one.
die() {
	printf '\n%s: %s\n' "${SAY_NAME:-quickstart}" "$*" >&2
	if [ -s "${LAB_LOG:-}" ]; then printf 'Details: %s\n' "$LAB_LOG" >&2; fi
	exit 1
}

# step NAME FUNCTION: runs it with its output in the log; the step's line carries what it noted, and its time.
step() {
	local name=$1 began=$SECONDS
	STEP_NOTE=""
	printf '  %-10s' "$name"
	shift
	"$@"
	printf ' %-78s %4s\n' "$STEP_NOTE" "$((SECONDS - began)) s"
}
note() { STEP_NOTE="$*"; }

# quietly CMD...: output goes to the log.
quietly() { "$@" >>"$LAB_LOG" 2>&1; }

# wait_for SECONDS CMD...: until CMD succeeds; fails when the time is over.
wait_for() {
	local until=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$until" ] || return 1
		sleep 0.1
	done
}
