# etcd.sh: an etcd of three members on loopback that the sites of a replicated lab share: TLS, an authority of its own, and for
# each site a user with just the rights of doc/formats/order-etcd.md.

ETCD_MEMBERS="m1 m2 m3"
ETCD_PREFIX=aic/

# Client port of the i-th member; its peers' port is 10 above.
etcd_port() { echo $((LAB_ETCD_PORT + ${1#m} - 1)); }
etcd_endpoints() { # [QUOTE]: comma-separated
	local member list=""
	for member in $ETCD_MEMBERS; do list+="${list:+, }${1:-}https://127.0.0.1:$(etcd_port "$member")${1:-}"; done
	echo "$list"
}

etcd_configure() {
	local member
	install -d -m 755 "$LAB_ETCD_DIR"
	install -d -m 711 "$AIC_LAB/state/etcd"
	for member in $ETCD_MEMBERS; do install -d -m 700 -o etcd -g etcd "$AIC_LAB/state/etcd/$member"; done
	[ -e "$LAB_ETCD_DIR/member.pem" ] || etcd_authority
	etcd_password root root
}

# The authority's key stays with root. Members show one certificate to each other and to clients. Those of clients have no common
# name: with authentication on, etcd's gateway takes such a name for a user and refuses it.
etcd_authority() {
	(
		umask 077
		cd "$LAB_ETCD_DIR" || exit
		quietly openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj "/O=AIC lab/CN=authority" \
			-keyout ca.key -out ca.pem
	) && chmod 644 "$LAB_ETCD_DIR/ca.pem" && etcd_certificate member "/O=AIC lab" etcd && etcd_certificate admin "/O=AIC lab" root ||
		die "openssl could not make etcd's certificates: $(tail -n 1 "$LAB_LOG")"
}
# etcd_certificate NAME SUBJECT OWNER: NAME.pem and NAME.key, the latter for its owner alone.
etcd_certificate() {
	(
		umask 077
		cd "$LAB_ETCD_DIR" || exit
		quietly openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" -keyout "$1.key" -out "$1.csr" &&
			printf 'subjectAltName=IP:127.0.0.1,DNS:localhost\n' |
			quietly openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 -extfile /dev/stdin -out "$1.pem" &&
			rm "$1.csr" && chmod 644 "$1.pem" && chown "$3" "$1.key"
	)
}
# etcd_password NAME OWNER
etcd_password() {
	local file=$LAB_ETCD_DIR/$1.password
	[ -s "$file" ] || (umask 077 && openssl rand -hex 16 >"$file" && chown "$2" "$file")
}

# etcdctl as root of etcd, before and after authentication is on; of the endpoint in ETCD_ASK alone, where it is set. The password goes through the environment, not through ps.
etcd_ctl() {
	local -x ETCDCTL_API=3 ETCDCTL_ENDPOINTS ETCDCTL_CACERT=$LAB_ETCD_DIR/ca.pem ETCDCTL_CERT=$LAB_ETCD_DIR/admin.pem \
		ETCDCTL_KEY=$LAB_ETCD_DIR/admin.key
	ETCDCTL_ENDPOINTS=${ETCD_ASK:-$(etcd_endpoints | tr -d ' ')}
	if [ -e "$LAB_ETCD_DIR/.auth" ]; then local -x ETCDCTL_USER="root:$(cat "$LAB_ETCD_DIR/root.password")"; fi
	etcdctl "$@"
}

etcd_start() {
	local member started=no
	for member in $ETCD_MEMBERS; do
		daemon_pid "etcd-$member" >/dev/null && continue
		etcd_member_start "$member"
		started=yes
	done
	[ "$started" = no ] || daemon_ready etcd-m1 30 etcd_ctl endpoint health --cluster
	note "3 members with TLS on ports $(etcd_port m1) to $(etcd_port m3)"
}
etcd_member_start() {
	local member=$1 name cluster="" dir=$LAB_ETCD_DIR
	port_check "$(etcd_port "$member")" "etcd's member $member"
	for name in $ETCD_MEMBERS; do cluster+="${cluster:+,}$name=https://127.0.0.1:$(($(etcd_port "$name") + 10))"; done
	daemon_start "etcd-$member" etcd etcd --name "$member" --data-dir "$AIC_LAB/state/etcd/$member" --logger zap --log-level warn \
		--listen-client-urls "https://127.0.0.1:$(etcd_port "$member")" --advertise-client-urls "https://127.0.0.1:$(etcd_port "$member")" \
		--listen-peer-urls "https://127.0.0.1:$(($(etcd_port "$member") + 10))" \
		--initial-advertise-peer-urls "https://127.0.0.1:$(($(etcd_port "$member") + 10))" --initial-cluster "$cluster" \
		--initial-cluster-token "$AIC_LAB" --client-cert-auth --trusted-ca-file "$dir/ca.pem" --cert-file "$dir/member.pem" \
		--key-file "$dir/member.key" --peer-client-cert-auth --peer-trusted-ca-file "$dir/ca.pem" --peer-cert-file "$dir/member.pem" \
		--peer-key-file "$dir/member.key"
}
etcd_stop() {
	local member
	for member in $ETCD_MEMBERS; do daemon_stop "etcd-$member"; done
}

# etcd_user NAME SITE-ID: the site's user in etcd, and its role.
etcd_user() {
	local name=$1 id=$2
	etcd_password "$name" "$AIC_LAB_SERVICE"
	etcd_ctl user get "$name" >/dev/null 2>&1 && return
	{ etcd_ctl role add "$name" &&
		etcd_ctl role grant-permission "$name" readwrite "${ETCD_PREFIX}head" &&
		etcd_ctl role grant-permission "$name" readwrite --prefix "${ETCD_PREFIX}blk/" &&
		etcd_ctl role grant-permission "$name" read --prefix "${ETCD_PREFIX}att/" &&
		etcd_ctl role grant-permission "$name" readwrite --prefix "${ETCD_PREFIX}att/$id/" &&
		etcd_ctl user add "$name" --interactive=false <"$LAB_ETCD_DIR/$name.password" &&
		etcd_ctl user grant-role "$name" "$name"; } >>"$LAB_LOG" 2>&1 ||
		die "etcd did not take the user $name: $(tail -n 1 "$LAB_LOG")"
}
# Once all users are there: from now on nobody gets in without a password.
etcd_authenticate() {
	[ ! -e "$LAB_ETCD_DIR/.auth" ] || return 0
	{ etcd_ctl user get root >/dev/null 2>&1 || etcd_ctl user add root --interactive=false <"$LAB_ETCD_DIR/root.password"; } >>"$LAB_LOG" 2>&1
	{ etcd_ctl user grant-role root root && etcd_ctl auth enable; } >>"$LAB_LOG" 2>&1 ||
		die "etcd did not turn authentication on: $(tail -n 1 "$LAB_LOG")"
	touch "$LAB_ETCD_DIR/.auth"
}
