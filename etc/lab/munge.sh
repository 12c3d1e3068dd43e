# munge.sh: a munged of the lab's own: own key, own socket; the machine's munged is not touched.

munge_configure() {
	install -d -m 700 -o munge -g munge "$AIC_LAB/state/munge"
	install -d -m 755 -o munge -g munge "$AIC_LAB/run/munge"
	if [ ! -s "$AIC_LAB/state/munge/munge.key" ]; then
		(umask 077 && head -c 128 /dev/urandom >"$AIC_LAB/state/munge/munge.key")
		chown munge:munge "$AIC_LAB/state/munge/munge.key"
	fi
}
munge_start() {
	daemon_pid munged >/dev/null && return
	rm -f "$MUNGE_SOCKET" "$MUNGE_SOCKET.lock"
	daemon_start munged munge munged --foreground --key-file "$AIC_LAB/state/munge/munge.key" --socket "$MUNGE_SOCKET" \
		--seed-file "$AIC_LAB/state/munge/munged.seed" --pid-file "$AIC_LAB/run/munge/munged.pid" --log-file "$AIC_LAB/state/munge/munged.log"
	daemon_ready munged 10 munge --socket "$MUNGE_SOCKET" --no-input
}
munge_stop() { daemon_stop munged; }
