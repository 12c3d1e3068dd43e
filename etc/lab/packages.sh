# packages.sh: installs what is missing, without starting a service.

packages_platform() {
	local id version
	id=$(. /etc/os-release 2>/dev/null && echo "${ID:-unknown}") || id=unknown
	version=$(. /etc/os-release 2>/dev/null && echo "${VERSION_ID:-}") || version=
	[ "$id $version" = "debian 12" ] ||
		die "this is $id ${version:-}; the lab is made for Debian 12 (doc/install.md tells how to build elsewhere)."
	command -v apt-get >/dev/null || die "apt-get is missing: the lab installs its packages with it."
}

# packages_list NEED...: names from packages.txt.
packages_list() {
	local need
	for need in "$@"; do awk -v need="$need" '$2 == need { print $1 }' "$LAB_ETC/packages.txt"; done
}

# packages_missing NEED...: those not installed.
packages_missing() {
	local package
	for package in $(packages_list "$@"); do
		[ "$(dpkg-query -Wf '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
	done
}

# packages_install NEED...
packages_install() {
	local missing units unit status=0 leave
	missing=$(packages_missing "$@" | tr '\n' ' ')
	if [ -z "${missing% }" ]; then
		note "all there"
		return
	fi
	leave=$(trap -p EXIT)
	trap packages_allow_services EXIT
	packages_forbid_services
	units=$(packages_units)
	quietly apt-get -o Acquire::Retries=3 update || true # a broken third-party list must not stop us; install tells
	# shellcheck disable=SC2086
	quietly env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends -o Acquire::Retries=3 \
		-o Dpkg::Options::=--force-confold install $missing || status=$?
	packages_allow_services
	trap - EXIT
	eval "$leave"
	if command -v systemctl >/dev/null; then
		for unit in $(packages_units); do # new services stay off at the next boot too
			case " $units " in *" $unit "*) ;; *) quietly systemctl disable "$unit" || true ;; esac
		done
	fi
	[ "$status" = 0 ] || die "apt-get could not install $missing: $(grep -a '^E: ' "$LAB_LOG" | tail -n 1 | cut -c4-)"
	missing=$(packages_missing "$@" | tr '\n' ' ')
	[ -z "${missing% }" ] || die "these packages are still missing: $missing"
	note "installed what was missing"
}

# Maintainer scripts ask policy-rc.d before they start a service. One that the machine has is its own; ours is known by its
# mark, should a killed run have left it behind.
PACKAGES_POLICY=/usr/sbin/policy-rc.d
PACKAGES_MARK="# for the time of one apt-get, by AIC's etc/lab/packages.sh"
packages_forbid_services() {
	[ ! -e "$PACKAGES_POLICY" ] || return 0
	printf '#!/bin/sh\n%s\nexit 101\n' "$PACKAGES_MARK" >"$PACKAGES_POLICY"
	chmod 755 "$PACKAGES_POLICY"
}
packages_allow_services() {
	if grep -qxF "$PACKAGES_MARK" "$PACKAGES_POLICY" 2>/dev/null; then rm -f "$PACKAGES_POLICY"; fi
}
packages_units() {
	local unit
	for unit in munge mariadb etcd slurmctld slurmd slurmdbd; do [ ! -e "/lib/systemd/system/$unit.service" ] || printf '%s ' "$unit"; done
}
