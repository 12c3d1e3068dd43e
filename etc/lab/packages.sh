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
	local missing made_policy=no units unit status=0
	missing=$(packages_missing "$@" | tr '\n' ' ')
	if [ -z "${missing% }" ]; then
		note "all there"
		return
	fi
	if [ ! -e /usr/sbin/policy-rc.d ]; then # tells maintainer scripts to start nothing
		printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
		chmod 755 /usr/sbin/policy-rc.d
		made_policy=yes
		trap 'rm -f /usr/sbin/policy-rc.d' EXIT
	fi
	units=$(packages_units)
	quietly apt-get -o Acquire::Retries=3 update || true # a broken third-party list must not stop us; install tells
	# shellcheck disable=SC2086
	quietly env DEBIAN_FRONTEND=noninteractive apt-get -y --no-install-recommends -o Acquire::Retries=3 \
		-o Dpkg::Options::=--force-confold install $missing || status=$?
	if [ "$made_policy" = yes ]; then
		rm -f /usr/sbin/policy-rc.d
		trap - EXIT
	fi
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
packages_units() {
	local unit
	for unit in munge mariadb slurmctld slurmd slurmdbd; do [ ! -e "/lib/systemd/system/$unit.service" ] || printf '%s ' "$unit"; done
}
