# session.sh: training sessions: nodes of two organisations judge what the third's nodes trained, a forger among them, and what became of it.

LAB_VERIFIERS="n3:lab-south n4:lab-west" # node:provider

session_configure() {
	install -d -m 3733 -o "$AIC_LAB_SERVICE" -g "$AIC_LAB_SERVICE" "$AIC_LAB/state/sessions"
	install -d -m 700 -o "$AIC_LAB_SERVICE" -g "$AIC_LAB_SERVICE" "$AIC_LAB/state/aic/verifiers"
}
session_conf() {
	cat <<-EOF
		sessions: {store: $AIC_LAB/state/sessions, verify: {partition: side}}
		train: {user: $LAB_TRAIN}
	EOF
}

# Keys for verdicts, on the ledger with the wallets that are paid for them.
session_verifiers() {
	local entry node key
	for entry in $LAB_VERIFIERS; do
		node=${entry%:*} key=$AIC_LAB/state/aic/verifiers/${entry%:*}.key
		[ -e "$key" ] || quietly as_service aic key new "$key" || die "aic key new: $(tail -n 1 "$LAB_LOG")"
		[ ! -e "$key.registered" ] || continue
		wait_for 30 aic_wallet "provider/${entry#*:}" || die "aicacctd did not register a wallet for ${entry#*:}: $(daemon_last_words aicacctd)"
		quietly aic key register --role node "verifier-$node" "$key.pub" && quietly aic session verifier "verifier-$node" "provider/${entry#*:}" ||
			die "node $node could not be made a verifier: $(tail -n 1 "$LAB_LOG")"
		touch "$key.registered"
	done
}

# What aic-verify.timer does each minute elsewhere.
session_timer_start() {
	daemon_pid aic-verify >/dev/null && return
	daemon_start aic-verify "$AIC_LAB_SERVICE" bash -c 'while :; do aic session verify --quiet; sleep 2; done'
}

# as_service CMD...: as the user of the daemons.
as_service() { setpriv --reuid "$AIC_LAB_SERVICE" --regid "$(id -gn "$AIC_LAB_SERVICE")" --init-groups -- "$@"; }

# session_of JOB: the id of the session that the job opened; session_field ID NAME: of `aic session list`.
session_list() { aic session list --format json --max 1000; }
