# aic.sh: AIC on that cluster: configuration, daemons, first funds.

aic_configure() {
	local node
	install -d -m 755 -o "$AIC_LAB_SERVICE" "$AIC_LAB/run/aic"
	install -d -m 755 -o "$LAB_TRAIN" "$AIC_LAB/run/aic/train"
	install -d -m 750 -o "$AIC_LAB_SERVICE" -g "$AIC_LAB_SERVICE" "$AIC_LAB/state/aic"
	session_configure
	install -d -m 2750 -o "$AIC_LAB_SERVICE" -g slurm "$AIC_LAB/state/snapshot"        # slurmctld reads, aicacctd alone writes
	install -d -m 2770 -o slurm -g "$AIC_LAB_SERVICE" "$AIC_LAB/spool/aic"             # slurmctld writes, aicacctd reads and prunes
	install -d -m 755 "$AIC_LAB/state/node" "$AIC_LAB/state/store"
	for node in $LAB_NODES; do install -d -m 700 "$AIC_LAB/state/node/$node"; done
	aic_write_conf >"$AIC_LAB/etc/aic.yaml"
	aic_write_genesis >"$AIC_LAB/etc/genesis.yaml"
}

aic_write_conf() {
	cat <<-EOF
		# The lab's site: written by quickstart.sh. The commented example is etc/aic.yaml, the manual aic.yaml(5).
		site: $(sites_first || echo lab)
		clusters: [aiclab]
		slurm_conf: $AIC_LAB/etc/slurm.conf
		munge_socket: $MUNGE_SOCKET
		mode: $AIC_LAB_MODE
		user: $AIC_LAB_SERVICE
		slurm_user: slurm
		scope:
		  partitions: [main]
		period: day
		paths:
		  state: $AIC_LAB/state/aic
		  run: $AIC_LAB/run/aic
		  log: $AIC_LAB/log
		  snapshot: $AIC_LAB/state/snapshot/aic.snapshot
		  spool: $AIC_LAB/spool/aic
		  node: $AIC_LAB/state/node/%n
		ledger:
		  genesis: $AIC_LAB/etc/genesis.yaml
	EOF
	[ -z "${LAB_JUDGES:-}" ] || echo "  heartbeat: 1"
	if [ -n "$LAB_SITES" ]; then sites_conf_ledger "$(sites_first)"; fi
	cat <<-EOF
		# AIC per hour. High, so that a job of half a minute costs whole AIC: a CPU minute 1, an A100 minute 5.
		rates:
		  gpu: {default: 120, a100: 300}
		  cpu: 60
		  mem_gib: 1.5
		providers:
		  - {name: lab-north, organisation: north, nodes: "n[1-2]"}
		  - {name: lab-south, organisation: south, nodes: n3}
		  - {name: lab-west, organisation: west, nodes: n4}
		accounts:
		  - {account: physics, organisation: physics-dept}
		  - {account: biology, organisation: biology-dept}
		assets:
		  - {name: fashion-mnist, kind: data, owner: account/biology, per_job: 0.25}
		datasets:
		  store: $AIC_LAB/state/store
		  cache: $AIC_LAB/state/cache/%n
		  size: 1GiB
	EOF
	session_conf
}

# The paper's table (economics, genesis); the lab's accounts get theirs from its operating row.
aic_write_genesis() {
	cat <<-EOF
		# The lab's first block: written by quickstart.sh.
		name: aic-lab
		total: 10000000000
		wallets:
		  - {wallet: genesis/fundraiser, amount: 3000000000}
		  - {wallet: genesis/advisors, amount: 1000000000}
		  - {wallet: genesis/company, amount: 1000000000}
		  - {wallet: genesis/team, amount: 2500000000}
		  - {wallet: genesis/operating, amount: 500000000}
	EOF
	if [ -n "$LAB_SITES" ]; then sites_genesis_members; fi
}

aic_daemons() {
	echo aicledgerd
	echo aicacctd
	echo aictraind
	[ -z "${LAB_JUDGES:-}" ] || echo aic-verify
	printf 'aicnoded-%s\n' $LAB_NODES
}

# Among several sites a transfer is done once it is final, for which a majority of them must run.
aic_start() {
	aic_daemons_start
	sites_start
	aic_funds
}
aic_daemons_start() {
	ledgerd_start
	acctd_start
	quietly aic dataset add --init || die "the store of data sets cannot be made: $(tail -n 1 "$LAB_LOG")"
	traind_start
	noded_start
	[ -z "${LAB_JUDGES:-}" ] || session_timer_start
	note "aicledgerd, aicacctd, aictraind, 4 aicnoded"
}
aic_funds() {
	aic_fund physics 1000
	aic_fund biology 500
	[ -z "${LAB_JUDGES:-}" ] || session_verifiers
	note "physics and biology hold AIC"
}
ledgerd_start() {
	daemon_pid aicledgerd >/dev/null && return
	rm -f "$AIC_LAB/run/aic/aicledgerd.sock"
	# shellcheck disable=SC2046
	daemon_start aicledgerd "$AIC_LAB_SERVICE" $(ledgerd_clock) "$AIC_LAB_USR/sbin/aicledgerd" --config "$AIC_CONFIG" --foreground
	daemon_ready aicledgerd 20 aic ledger status
}
# After `--cheat` its clock is days ahead, in which nobody appealed.
ledgerd_clock() {
	local days
	days=$(cat "$AIC_LAB/.days" 2>/dev/null) || return 0
	echo env DONT_FAKE_MONOTONIC=1 faketime -f "+${days}d"
}
acctd_start() {
	daemon_pid aicacctd >/dev/null && return
	rm -f "$AIC_LAB/run/aic/aicacctd.sock"
	daemon_start aicacctd "$AIC_LAB_SERVICE" "$AIC_LAB_USR/sbin/aicacctd" --config "$AIC_CONFIG" --foreground
	daemon_ready aicacctd 20 aic balance
}
traind_start() {
	daemon_pid aictraind >/dev/null && return
	daemon_start aictraind "$LAB_TRAIN" "$AIC_LAB_USR/sbin/aictraind" --config "$AIC_CONFIG" --foreground
	daemon_ready aictraind 20 aic train list
}
noded_start() {
	local node
	for node in $LAB_NODES; do
		daemon_pid "aicnoded-$node" >/dev/null ||
			daemon_start "aicnoded-$node" root "$AIC_LAB_USR/sbin/aicnoded" --config "$AIC_CONFIG" --foreground -N "$node"
	done
}

# aic_fund ACCOUNT AIC: from genesis, when it holds less than a tenth of that.
aic_fund() {
	wait_for 30 aic_wallet "account/$1" || die "aicacctd did not register a wallet for $1: $(daemon_last_words aicacctd)"
	aic_poor "$1" $(($2 / 10)) || return 0
	quietly aic transfer genesis/operating "account/$1" "$2" || die "aic transfer could not fund $1: $(tail -n 1 "$LAB_LOG")"
	wait_for 30 aic_rich "$1" $(($2 / 10)) || die "aicacctd does not see the new balance of $1: $(daemon_last_words aicacctd)"
	sleep 1 # the snapshot for slurmctld, which looks for a new one once a second
}
aic_available() { aic balance "$1" -P | awk -F'|' 'NR == 2 { print int($5) }'; }
aic_poor() { [ "$(aic_available "$1")" -lt "$2" ]; }
aic_rich() { [ "$(aic_available "$1")" -ge "$2" ]; }
aic_wallet() { aic ledger wallets -P | grep -q "^$1|"; }

aic_stop() {
	local node
	for node in $LAB_NODES; do daemon_stop "aicnoded-$node"; done
	daemon_stop aic-verify
	daemon_stop aictraind
	daemon_stop aicacctd
	daemon_stop aicledgerd
}
