# daemon.sh: processes of the lab, each with run/NAME.pid and log/NAME.log.
#
# A process belongs to this lab if its environment says AIC_LAB_DAEMON=$AIC_LAB: a pid file that outlived its process
# (a reboot, a kill -9) never makes us signal somebody else's.

daemon_is_ours() { [ -r "/proc/$1/environ" ] && grep -qzxF "AIC_LAB_DAEMON=$AIC_LAB" "/proc/$1/environ" 2>/dev/null; }

# daemon_pid NAME: prints its pid if it runs.
daemon_pid() {
	local pid
	pid=$(cat "$AIC_LAB/run/$1.pid" 2>/dev/null) || return 1
	[ -n "$pid" ] && daemon_is_ours "$pid" && echo "$pid"
}

# daemon_start NAME USER CMD...: CMD stays in the foreground, of a session of its own, as that user.
daemon_start() {
	local name=$1 user=$2
	shift 2
	: >>"$AIC_LAB/log/$name.log"
	chown "$user" "$AIC_LAB/log/$name.log"
	AIC_LAB_DAEMON=$AIC_LAB setsid setpriv --reuid "$user" --regid "$(id -gn "$user")" --init-groups -- "$@" \
		</dev/null >>"$AIC_LAB/log/$name.log" 2>&1 7>&- 8>&- 9>&- & # no lock of ours
	echo $! >"$AIC_LAB/run/$name.pid"
	disown
}

# daemon_ready NAME SECONDS CMD...: waits until CMD succeeds; a daemon that ended meanwhile is told with its last log line.
daemon_ready() {
	local name=$1 until=$((SECONDS + $2))
	shift 2
	until "$@" >/dev/null 2>&1; do
		sleep 0.1
		daemon_pid "$name" >/dev/null || die "$name did not start: $(daemon_last_words "$name")"
		[ "$SECONDS" -lt "$until" ] || die "$name does not answer: $(daemon_last_words "$name")"
	done
}
daemon_last_words() { grep -av '^$' "$AIC_LAB/log/$1.log" 2>/dev/null | tail -n 1 || true; }

# daemon_stop NAME [SECONDS]: TERM, and KILL after that time.
daemon_stop() {
	local name=$1 pid
	if pid=$(daemon_pid "$name"); then
		kill -TERM "$pid" 2>/dev/null || true
		wait_for "${2:-10}" daemon_gone "$pid" || { kill -KILL "$pid" 2>/dev/null || true; wait_for 5 daemon_gone "$pid" || true; }
	fi
	rm -f "$AIC_LAB/run/$name.pid"
}
daemon_gone() { ! daemon_is_ours "$1"; }
# daemon_kill NAME: SIGKILL, for tests.
daemon_kill() {
	local pid
	pid=$(daemon_pid "$1") || return 1
	kill -KILL "$pid" && wait_for 5 daemon_gone "$pid"
}

# Whatever else of this lab still runs (slurmstepd outlives slurmd).
daemon_sweep() {
	local pid
	for pid in $(grep -lzxF "AIC_LAB_DAEMON=$AIC_LAB" /proc/[0-9]*/environ 2>/dev/null | cut -d/ -f3); do
		[ "$pid" = $$ ] || kill -KILL "$pid" 2>/dev/null || true
	done
}

# port_owner PORT: what listens there on TCP, empty for nothing.
port_owner() { ss -Hltnp "sport = :$1" 2>/dev/null | head -n 1 | sed -E 's/.*users:\(\("([^"]*)",pid=([0-9]+).*/\1 (pid \2)/; s/^LISTEN.*/another program/'; }
# port_check PORT NAME: a clear sentence if somebody else has it.
port_check() {
	local owner
	owner=$(port_owner "$1")
	[ -z "$owner" ] || die "TCP port $1, wanted for $2, is taken by $owner: stop it, or set AIC_LAB_PORT to another base port (now $AIC_LAB_PORT)."
}
