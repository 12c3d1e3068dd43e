# report.sh: runs programs that speak TAP (cmocka's too), prints one line per test, counts.

report_begin() {
	PASSED=0 FAILED=0 SKIPPED=0
	REPORT_DIR=$(mktemp -d /tmp/aic-tests.XXXXXX)
	REPORT_CHILD=""
	chmod 755 "$REPORT_DIR"
	export TMPDIR=$REPORT_DIR CMOCKA_MESSAGE_OUTPUT=TAP
}

# skip NAME: what this machine does not let be tested; the name holds the reason.
skip() { SKIPPED=$((SKIPPED + 1)); printf 'skipped %s\n' "$1"; }
pass() { PASSED=$((PASSED + 1)); printf 'ok      %s\n' "$1"; }
# fail NAME [LOG]
fail() {
	FAILED=$((FAILED + 1))
	printf 'FAILED  %s\n' "$1"
	if [ -n "${2:-}" ] && [ -s "$2" ]; then tail -n 60 "$2" | sed 's/^/        | /'; fi
}

# report_check NAME CMD...: one test that passes if CMD succeeds.
report_check() {
	local name=$1 log=$REPORT_DIR/check.log
	shift
	if report_spawn 900 "$log" "$@"; then pass "$name"; else fail "$name" "$log"; return 1; fi
}

# report_run NAME SECONDS CMD...: CMD prints TAP; it fails as a whole if it dies, hangs or tests nothing.
report_run() {
	local name=$1 limit=$2 log status=0 count
	log=$REPORT_DIR/$(tr / - <<<"$1").log
	shift 2
	report_spawn "$limit" "$log" "$@" || status=$?
	report_sweep
	report_lines "$name" "$log"
	count=$(grep -acE '^(not )?ok ' "$log")
	if [ "$status" = 124 ]; then
		fail "$name (ended after $limit s)" "$log"
	elif [ "$count" = 0 ]; then
		fail "$name (no test in it ran; exit code $status)" "$log"
	elif [ "$status" != 0 ] && ! grep -aE '^not ok ' "$log" | grep -vq '# SKIP'; then
		fail "$name (exit code $status)" "$log"
	elif [ "$count" -lt "$(sed -nE 's/^1\.\.([0-9]+).*/\1/p' "$log" | head -n 1 | grep . || echo 0)" ]; then
		fail "$name (ended after $count tests of its plan)" "$log"
	fi
}

# The log is read once: what stands between a failed test's line and the one before it is its explanation.
report_lines() {
	local name=$1 log=$2 line text=$REPORT_DIR/between
	: >"$text"
	while IFS= read -r line; do
		case $line in
		"ok "*"# SKIP"* | "not ok "*"# SKIP"*) skip "$name: $(report_title "$line")"; : >"$text" ;;
		"ok "*) pass "$name: $(report_title "$line")"; : >"$text" ;;
		"not ok "*)
			printf '%s\n' "$line" >>"$text"
			REPORT_PENDING=$(report_title "$line")
			fail "$name: $REPORT_PENDING" "$text"
			: >"$text"
			;;
		*) printf '%s\n' "$line" >>"$text" ;;
		esac
	done < <(tr -d '\000' <"$log")
	# what a failed test says after its line
	if grep -a '^not ok ' "$log" | grep -vq '# SKIP' && [ -s "$text" ]; then tail -n 40 "$text" | sed 's/^/        | /'; fi
}
report_title() { sed -E 's/^(not )?ok [0-9]* *-? *//' <<<"$1"; }

# report_spawn SECONDS LOG CMD...: in a process group of its own, which is gone afterwards.
report_spawn() {
	local limit=$1 log=$2 status=0
	shift 2
	setsid timeout --kill-after=20 "$limit" "$@" </dev/null >"$log" 2>&1 &
	REPORT_CHILD=$!
	wait "$REPORT_CHILD" 2>/dev/null || status=$?
	kill -KILL -- "-$REPORT_CHILD" 2>/dev/null
	REPORT_CHILD=""
	return "$status"
}
report_end_children() {
	if [ -n "${REPORT_CHILD:-}" ]; then
		kill -TERM -- "-$REPORT_CHILD" 2>/dev/null
		for _ in $(seq 600); do kill -0 -- "-$REPORT_CHILD" 2>/dev/null || break; sleep 0.1; done
		kill -KILL -- "-$REPORT_CHILD" 2>/dev/null
	fi
	report_sweep
}
# A theme ends its own cluster; of one that was killed, daemons and users would stay.
report_sweep() {
	local pid list name
	for pid in $(grep -lzE "^AIC_LAB_DAEMON=$REPORT_DIR/" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3); do
		kill -KILL "$pid" 2>/dev/null
	done
	for list in "$REPORT_DIR"/lab.*/.users; do
		[ -e "$list" ] || continue
		while read -r name; do pkill -KILL -u "$name"; userdel "$name" 2>/dev/null; done <"$list"
		rm -f "$list"
	done
}
report_interrupted() {
	echo "interrupted"
	exit 130
}
report_end() {
	[ "$SKIPPED" = 0 ] || echo "$SKIPPED skipped, as said above: this machine does not let them be tested"
	printf '%d passed, %d failed\n' "$PASSED" "$FAILED"
	[ "$FAILED" = 0 ] && [ "$PASSED" -gt 0 ]
	exit
}
