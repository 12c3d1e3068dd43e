# sites.sh: the replicated lab: three universities on this machine, each with its own keys, state and daemons, over one etcd. The
# first has the Slurm cluster; its files are where a lab of one site has them. The others' are in sites/NAME.

# sites_first: the one with the cluster; fails in a lab of one site.
sites_first() { [ -n "$LAB_SITES" ] && echo "${LAB_SITES%% *}"; }
sites_others() { case $LAB_SITES in *' '*) echo "${LAB_SITES#* }" ;; esac; }
site_is_first() { [ "$1" = "${LAB_SITES%% *}" ]; }
site_config() { if site_is_first "$1"; then echo "$AIC_LAB/etc/aic.yaml"; else echo "$AIC_LAB/sites/$1/aic.yaml"; fi; }
site_state() { if site_is_first "$1"; then echo "$AIC_LAB/state/aic"; else echo "$AIC_LAB/sites/$1/state"; fi; }
# site_daemon SITE PROGRAM: the name under which daemon.sh knows it.
site_daemon() { if site_is_first "$1"; then echo "$2"; else echo "$2-$1"; fi; }
# at SITE CMD...: with that site's configuration.
at() {
	local site=$1
	shift
	AIC_CONFIG=$(site_config "$site") "$@"
}

# sites_choose: makes this a replicated lab; one that began with a single site stays that.
sites_choose() {
	if [ ! -e "$AIC_LAB/.sites" ] && [ -e "$AIC_LAB/state/aic/ledger/state.db" ]; then
		die "$AIC_LAB holds a lab of one site, whose ledger cannot be shared afterwards: etc/quickstart.sh --clean removes it, or name another folder in AIC_LAB."
	fi
	LAB_SITES="uni-a uni-b uni-c"
	echo "$LAB_SITES" >"$AIC_LAB/.sites"
}

sites_configure() {
	local site dir
	[ -n "$LAB_SITES" ] || return 0
	etcd_configure
	for site in $LAB_SITES; do site_key_make "$site"; done
	for site in $LAB_SITES; do
		dir=$AIC_LAB/sites/$site
		site_is_first "$site" || {
			install -d -m 755 "$dir"
			install -d -m 755 -o "$AIC_LAB_SERVICE" "$dir/run"
			install -d -m 750 -o "$AIC_LAB_SERVICE" -g "$AIC_LAB_SERVICE" "$dir/state" "$dir/spool"
			install -d -m 2750 -o "$AIC_LAB_SERVICE" -g slurm "$dir/snapshot"
		}
		etcd_password "$site" "$AIC_LAB_SERVICE"
		[ -e "$LAB_ETCD_DIR/$site.pem" ] || etcd_certificate "$site" "/O=$site" "$AIC_LAB_SERVICE" ||
			die "openssl could not make a certificate for $site: $(tail -n 1 "$LAB_LOG")"
	done
	for site in $(sites_others); do site_write_conf "$site" >"$(site_config "$site")"; done
}

# The site's key, before its daemon's first start: genesis names it.
site_key_make() {
	local keys
	keys=$(site_state "$1")/keys
	[ ! -e "$keys/site.key" ] || return 0
	install -d -m 700 -o "$AIC_LAB_SERVICE" -g "$AIC_LAB_SERVICE" "$keys"
	quietly aic key new "$keys/site.key" || die "aic key new could not make a key for $1: $(tail -n 1 "$LAB_LOG")"
	chown "$AIC_LAB_SERVICE" "$keys/site.key" "$keys/site.key.pub"
}
# Its public half, and the id that the ledger makes of it: doc/formats/transaction.md.
site_key_raw() { openssl pkey -in "$(site_state "$1")/keys/site.key" -pubout -outform DER | tail -c 32; }
site_key() { cat "$(site_state "$1")/keys/site.key.pub"; }
site_id() { { printf 'aic/site/v1'; site_key_raw "$1"; } | sha256sum | cut -c1-32; }

# What a site's aic.yaml says under ledger.
sites_conf_ledger() {
	local site=$1 other
	cat <<-EOF
		  order: etcd
		  etcd:
		    endpoints: [$(etcd_endpoints '"')]
		    ca: $LAB_ETCD_DIR/ca.pem
		    cert: $LAB_ETCD_DIR/$site.pem
		    key: $LAB_ETCD_DIR/$site.key
		    user: $site
		    password_file: $LAB_ETCD_DIR/$site.password
		  archive:
		    listen: 127.0.0.1:$(site_port "$site")
		    peers:
	EOF
	for other in $LAB_SITES; do
		[ "$other" = "$site" ] || echo "      - {url: \"https://127.0.0.1:$(site_port "$other")\", key: $(site_key "$other")}"
	done
}
# site_port SITE: where its archive is served.
site_port() {
	local site port=$LAB_ARCHIVE_PORT
	for site in $LAB_SITES; do
		if [ "$site" = "$1" ]; then echo "$port"; return; fi
		port=$((port + 1))
	done
}

# A university without a cluster of its own yet: it keeps the ledger, and wallets.
site_write_conf() {
	local site=$1 dir=$AIC_LAB/sites/$1
	cat <<-EOF
		# A site of the replicated lab: written by quickstart.sh.
		site: $site
		clusters: [$site]
		slurm_conf: $AIC_LAB/etc/slurm.conf
		munge_socket: $MUNGE_SOCKET
		user: $AIC_LAB_SERVICE
		slurm_user: slurm
		scope:
		  accounts: [none]
		paths:
		  state: $dir/state
		  run: $dir/run
		  log: $AIC_LAB/log
		  snapshot: $dir/snapshot/aic.snapshot
		  spool: $dir/spool
		ledger:
		  genesis: $dir/genesis.yaml
	EOF
	if [ -s "$AIC_LAB/etc/chain" ]; then echo "  chain: $(cat "$AIC_LAB/etc/chain")"; fi
	[ -z "${LAB_JUDGES:-}" ] || echo "  heartbeat: 1" # as at the first: who is fastest would make all blocks, and a session's own site draws none for it
	sites_conf_ledger "$site"
	cat <<-EOF
		providers:
		  - {name: $site-lab, organisation: $site, nodes: "$site-[1-2]"}
	EOF
}

# Genesis names the members: the first site's file, which the others need not have.
sites_genesis_members() {
	local site
	echo "members:"
	for site in $LAB_SITES; do echo "  - $(site_key "$site") # $site"; done
}

sites_daemons() {
	local site member
	[ -n "$LAB_SITES" ] || return 0
	for member in $ETCD_MEMBERS; do echo "etcd-$member"; done
	for site in $(sites_others); do
		site_daemon "$site" aicledgerd
		site_daemon "$site" aicacctd
	done
}

# sites_etcd_start, then the first site's aicledgerd, then the others', who are told the ledger's id.
sites_etcd_start() {
	local site
	[ -n "$LAB_SITES" ] || return 0
	etcd_start
	for site in $LAB_SITES; do etcd_user "$site" "$(site_id "$site")"; done
	etcd_authenticate
	note "3 members with TLS from port $(etcd_port m1) on, a user each for $LAB_SITES"
}
sites_start() {
	local site
	[ -n "$LAB_SITES" ] || return 0
	site_field "$(sites_first)" chain >"$AIC_LAB/etc/chain"
	for site in $(sites_others); do
		site_write_conf "$site" >"$(site_config "$site")"
		site_start "$site"
	done
	wait_for 20 sites_agree || die "the sites do not come to one head: $(sites_heads | tr '\n' ';')"
	note "$(sites_others | wc -w) more sites at height $(site_field "$(sites_first)" height), final by 2 of 3"
}
site_start() {
	local site=$1 name
	if site_is_first "$site"; then
		ledgerd_start
		acctd_start
		return
	fi
	name=$(site_daemon "$site" aicledgerd)
	daemon_pid "$name" >/dev/null || {
		daemon_start "$name" "$AIC_LAB_SERVICE" "$AIC_LAB_USR/sbin/aicledgerd" --config "$(site_config "$site")" --foreground
		daemon_ready "$name" 20 at "$site" aic ledger status
	}
	name=$(site_daemon "$site" aicacctd)
	daemon_pid "$name" >/dev/null || {
		daemon_start "$name" "$AIC_LAB_SERVICE" "$AIC_LAB_USR/sbin/aicacctd" --config "$(site_config "$site")" --foreground
		daemon_ready "$name" 20 at "$site" aic balance
	}
}
sites_stop() {
	local site
	[ -n "$LAB_SITES" ] || return 0
	for site in $(sites_others); do
		daemon_stop "$(site_daemon "$site" aicacctd)"
		daemon_stop "$(site_daemon "$site" aicledgerd)"
	done
	etcd_stop
}

# site_field SITE FIELD: of aic ledger status.
site_field() { at "$1" aic ledger status -P | awk -F'|' -v field="$2" 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == field) at = i } NR == 2 { print $at }'; }
# "HEIGHT HEAD ROOT" of each site that answers.
sites_heads() {
	local site
	for site in ${*:-$LAB_SITES}; do echo "$(site_field "$site" height) $(site_field "$site" head) $(site_field "$site" state_root)"; done
}
# sites_agree [SITE...]: one head, and final.
sites_agree() {
	local site
	[ "$(sites_heads "$@" | sort -u | wc -l)" = 1 ] || return 1
	for site in ${*:-$LAB_SITES}; do
		[ "$(site_field "$site" height)" = "$(site_field "$site" final)" ] || return 1
	done
}

# --- what the quickstart shows ---

# provider_address NAME: of a wallet of the first site; the others know it by nothing else.
provider_address() { aic ledger wallets "$1" -P | awk -F'|' 'NR == 2 { print $6 }'; }

# sites_show BATCH: each site's own copy of what was posted, and a payout proven by one site to another.
sites_show() {
	local site address
	address=$(provider_address provider/lab-north)
	wait_for 30 sites_agree || die "the sites do not come to one head: $(sites_heads | tr '\n' ';')"
	say ""
	say "Three universities, each from its own copy; provider/lab-north is $address to the others:"
	say ""
	printf '  %-6s %7s %7s  %-16s  %-16s  %s\n' SITE HEIGHT FINAL HEAD "STATE ROOT" "LAB-NORTH HOLDS AIC"
	for site in $LAB_SITES; do
		printf '  %-6s %7s %7s  %-16.16s  %-16.16s  %s\n' "$site" "$(site_field "$site" height)" "$(site_field "$site" final)" \
			"$(site_field "$site" head)" "$(site_field "$site" state_root)" "$(site_holds "$site" "$address")"
	done
	sites_prove "$1"
}
# site_holds SITE ADDRESS: AIC, all digits.
site_holds() { at "$1" aic ledger wallets "$2" -P | awk -F'|' 'NR == 2 { print $3 }'; }
# site_hash SITE HEIGHT: of the block there, by that site's own copy.
site_hash() { at "$1" aic ledger blocks --from "$2" --to "$2" -P | awk -F'|' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "hash") at = i } NR == 2 { print $at }'; }

# sites_prove BATCH: the first site proves a line of it; the second checks it against a block of its own.
sites_prove() {
	local one two height proof=$AIC_LAB/payout.proof
	one=$(sites_first)
	two=$(sites_others | cut -d' ' -f1)
	height=$(site_field "$one" final)
	say ""
	say "\$ aic ledger prove $1 1 --head $height --output payout.proof      # at $one"
	aic ledger prove "$1" 1 --head "$height" --output "$proof" >>"$LAB_LOG" || die "the payout could not be proven: $(tail -n 1 "$LAB_LOG")"
	say "\$ aic ledger check payout.proof --head $(site_hash "$two" "$height" | cut -c1-16)...     # at $two, with the hash of its own block $height"
	say ""
	at "$two" aic ledger check "$proof" --head "$(site_hash "$two" "$height")" || die "$two does not accept the proof."
}
