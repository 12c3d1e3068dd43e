# session.sh: training sessions: nodes of two organisations judge what the third's nodes trained, a forger among them, and what became of it.

LAB_VERIFIERS="n3:lab-south n4:lab-west" # node:provider

session_configure() {
	install -d -m 3733 -o "$AIC_LAB_SERVICE" -g "$AIC_LAB_SERVICE" "$AIC_LAB/state/sessions"
	install -d -m 700 -o "$AIC_LAB_SERVICE" -g "$AIC_LAB_SERVICE" "$AIC_LAB/state/aic/verifiers"
}
session_conf() {
	cat <<-EOF
		sessions: {store: $AIC_LAB/state/sessions${LAB_JUDGES:+, verify: {partition: side\}}}
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

# --- how one stands ---

# session_newest: the id of the newest; session_is ID STATE...: whether it is one of these.
session_newest() { aic session list --format json --max 1 | python3 -c 'import json, sys; rows = json.load(sys.stdin); print(rows[0]["session"] if rows else "")'; }
session_state() { aic session show "$1" -P | sed -n 's/^state|\([a-z]*\).*/\1/p'; }
session_is() {
	local is
	is=$(session_state "$1")
	shift
	grep -qxF "$is" <(printf '%s\n' "$@")
}
session_decided() { session_is "$1" unchallenged verified unverifiable unproven refuted withheld expired; }
session_nodes_draw() { [ "$(aic session show "$1" -P | grep -c '^closed|')" = 1 ]; }

# session_ask NEWEST: once there is a newer one, SESSION, an administrator asks that it be challenged, whatever the budget says.
session_ask() {
	wait_for 120 session_is_newer "$1" || die "no session was opened: the job's log says why (aicacctd: $(daemon_last_words aicacctd))"
	SESSION=$(session_newest)
	quietly aic session challenge "$SESSION" || die "aic session challenge: $(tail -n 1 "$LAB_LOG")"
}
session_is_newer() { [ "$(session_newest)" != "$1" ]; }

# session_judge ID: waits for what is found.
session_judge() {
	wait_for 240 session_decided "$1" ||
		die "session $1 is $(session_state "$1") still: aic session show $1 (verifiers: $(daemon_last_words aic-verify))"
	wait_for 60 session_reported "$1" || die "aicacctd does not see how session $1 was decided: $(daemon_last_words aicacctd)"
}
# Its lines wait no more, unless there may be an appeal.
session_reported() {
	local line
	line=$(aic report payouts | grep "^Session ${1:0:16} ") || return 1
	case $line in
	*'not decided'*) return 1 ;;
	*': refuted, '* | *': withheld, '*) return 0 ;;
	esac
	! aic explain "$(sed 's/^.* of job \([0-9]*\) .*/\1/' <<<"$line")" | grep -q 'waits for its session'
}

# What nodes of others find of the newest session.
session_run() {
	say ""
	say "\$ aic ledger blocks | grep ${SESSION:0:16}      # blocks that the nodes made which trained it"
	aic ledger blocks --from "$(aic session show "$SESSION" -P | sed -n 's/^opened|at height //p')" | grep -E "HEIGHT|${SESSION:0:16}" | head -n 6
	session_judge "$SESSION"
	payout_show aic session show "${SESSION:0:8}"
}
