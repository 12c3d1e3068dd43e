# report.sh: runs programs that speak TAP (cmocka's too), prints one line per test, counts.

report_begin() {
	PASSED=0 FAILED=0 SKIPPED=0
	REPORT_DIR=$(mktemp -d /tmp/aic-tests.XXXXXX)
	REPORT_CHILDREN=() REPORT_STARTED=""
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
	local name=$1 limit=$2 status=0
	shift 2
	report_spawn "$limit" "$(report_log "$name")" "$@" || status=$?
	report_judge "$name" "$limit" "$status"
}
report_log() { echo "$REPORT_DIR/$(tr / - <<<"$1").log"; }

# report_many AT_ONCE SECONDS FILE...: bash scripts under the top that print TAP, so many at a time, told as they end.
report_many() {
	local most=$1 limit=$2 file ended status
	local -A running=()
	shift 2
	for file in "$@" ""; do
		while [ ${#running[@]} -gt 0 ] && { [ ${#running[@]} -ge "$most" ] || [ -z "$file" ]; }; do
			status=0
			wait -n -p ended "${!running[@]}" || status=$?
			report_kill "$ended"
			report_judge "${running[$ended]}" "$limit" "$status"
			unset "running[$ended]"
		done
		[ -n "$file" ] || break
		report_start "$limit" "$(report_log "${file#"$TOP/"}")" bash "$file"
		running[$REPORT_STARTED]=${file#"$TOP/"}
	done
}

report_judge() { # NAME SECONDS STATUS
	local name=$1 limit=$2 status=$3 log count
	log=$(report_log "$name")
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
	local status=0
	report_start "$@"
	wait "$REPORT_STARTED" || status=$?
	report_kill "$REPORT_STARTED"
	return "$status"
}
report_start() { # SECONDS LOG CMD...: its process group is REPORT_STARTED
	local limit=$1 log=$2
	shift 2
	setsid timeout --kill-after=20 "$limit" "$@" </dev/null >"$log" 2>&1 &
	REPORT_STARTED=$!
	REPORT_CHILDREN+=("$REPORT_STARTED")
}
report_kill() { # GROUP
	local child left=()
	kill -KILL -- "-$1" 2>/dev/null
	for child in "${REPORT_CHILDREN[@]}"; do [ "$child" = "$1" ] || left+=("$child"); done
	REPORT_CHILDREN=(${left[@]+"${left[@]}"})
}
report_end_children() {
	local child
	for child in ${REPORT_CHILDREN[@]+"${REPORT_CHILDREN[@]}"}; do kill -TERM -- "-$child" 2>/dev/null; done
	for child in ${REPORT_CHILDREN[@]+"${REPORT_CHILDREN[@]}"}; do
		for _ in $(seq 100); do kill -0 -- "-$child" 2>/dev/null || break; sleep 0.1; done
		kill -KILL -- "-$child" 2>/dev/null
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
