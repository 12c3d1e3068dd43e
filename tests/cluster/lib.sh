# lib.sh: a cluster of its own for one theme, and TAP. A theme sources this, starts with lab_begin, and ends by itself.
#
# It runs beside a quickstart: other folder, other ports, other Unix users.
set -uo pipefail
TESTS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TOP=$(dirname "$TESTS")
AIC_LAB=$(mktemp -d "${TMPDIR:-/tmp}/lab.XXXXXX")
AIC_TEST_DIR=${AIC_TEST_DIR:-/var/tmp/aic-tests}
AIC_LAB_USR=${AIC_TEST_USR:-$AIC_TEST_DIR/usr}
AIC_LAB_SOURCE=$AIC_TEST_DIR/src
TESTED=0 BROKEN=0

# take_ports: the first hundred of ports of which nobody listens on one; held against other tests, by a lock, to the end.
take_ports() {
	local base port
	for base in $(seq 21100 100 31000); do
		exec 7>"/run/lock/aic-test-$base"
		flock -n 7 || continue
		for port in $(ss -Hltn | awk '{ sub(/.*:/, "", $4); print $4 }') end; do
			if [ "$port" = end ]; then AIC_LAB_PORT=$base; return; fi
			[ "$port" -ge "$base" ] && [ "$port" -lt $((base + 100)) ] && break
		done
	done
	echo "Bail out! no hundred of ports is free between 21100 and 31099"
	exit 1
}
take_ports
AIC_LAB_PREFIX=aictest$((AIC_LAB_PORT / 100)) # users of its own, too
AIC_LAB_SERVICE=$AIC_LAB_PREFIX
. "$TOP/etc/lab/lab.sh"
SAY_NAME="Bail out! lab"

ok() { TESTED=$((TESTED + 1)); echo "ok $TESTED - $1"; }
not_ok() { # NAME EXPLANATION...
	local name=$1
	shift
	TESTED=$((TESTED + 1)) BROKEN=$((BROKEN + 1))
	printf '# %s\n' "${@:-no explanation}" | sed 's/^\([^#]\)/# \1/'
	echo "not ok $TESTED - $name"
}
# is NAME GOT EXPECTED
is() { if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "got:      $2" "expected: $3"; fi; }
# like NAME GOT PATTERN (extended regular expression, over all lines)
like() { if grep -qzE -- "$3" <<<"$2"; then ok "$1"; else not_ok "$1" "got: $2" "no match for: $3"; fi; }
unlike() { if grep -qzE -- "$3" <<<"$2"; then not_ok "$1" "got: $2" "which matches: $3"; else ok "$1"; fi; }
# passes NAME CMD...: CMD succeeds.
passes() {
	local name=$1 words
	shift
	if words=$("$@" 2>&1); then ok "$name"; else not_ok "$name" "exit code $? of: $*" "$words"; fi
}
# refuses NAME CODE PATTERN CMD...: CMD ends with that exit code and says that, in one line.
refuses() {
	local name=$1 code=$2 pattern=$3 words status=0
	shift 3
	words=$("$@" 2>&1) || status=$?
	if [ "$status" = "$code" ] && grep -qzE -- "$pattern" <<<"$words"; then
		ok "$name"
	else
		not_ok "$name" "exit code $status, expected $code, of: $*" "$words" "expected to match: $pattern"
	fi
}

lab_begin() {
	chmod 755 "$AIC_LAB"
	: >"$AIC_LAB/.aic-lab"
	trap lab_end EXIT
	trap 'exit 130' INT TERM HUP
	settings_check
	settings_folders
	people_ready
	lab_configure
}
lab_begin_all() { # the whole lab, AIC included
	lab_begin
	lab_start_cluster
	sites_etcd_start
	aic_start
}
lab_end() {
	local status=$?
	trap '' INT TERM HUP
	echo "1..$TESTED"
	if [ "$status" != 0 ] || [ "$BROKEN" != 0 ]; then lab_post_mortem; fi
	lab_stop >/dev/null 2>&1
	if [ "${AIC_TEST_KEEP:-0}" = 1 ] && { [ "$status" != 0 ] || [ "$BROKEN" != 0 ]; }; then
		cp -a "$AIC_LAB" "/var/tmp/$(basename "$AIC_LAB")" && echo "# kept in /var/tmp/$(basename "$AIC_LAB")"
	fi
	people_remove
	rm -rf --one-file-system "$AIC_LAB"
	[ "$status" = 0 ] && [ "$BROKEN" = 0 ]
	exit
}
lab_post_mortem() {
	local log
	for log in "$AIC_LAB"/log/aic[al]*.log "$AIC_LAB"/log/slurm/slurmctld.log; do
		[ -s "$log" ] || continue
		echo "# --- $(basename "$log")"
		tail -n 12 "$log" | tr -d '\000' | sed 's/^/# /'
	done
}

# submit USER SBATCH-ARGUMENTS...: prints the job id.
submit() {
	local user=$1
	shift
	as "$user" sbatch --parsable --output=/dev/null "$@" 2>&1 | tail -n 1
}
# script USER NAME <<TEXT: a batch script in the user's home.
script() {
	{ echo '#!/bin/bash'; cat; } >"$AIC_LAB/home/$1/$2"
	chown "$1": "$AIC_LAB/home/$1/$2"
}
# field ID NAME: one field of scontrol show job.
field() { scontrol -o show job "$1" 2>/dev/null | grep -oE "(^| )$2=[^ ]*" | head -n 1 | sed 's/^[^=]*=//'; }
job_wait() { wait_for "${2:-60}" job_over "$1"; }
sums() { python3 "$TESTS/cluster/sums.py" "$@"; }
# balance ACCOUNT: its balance in units.
balance() { aic balance --format json | sums balance "$1"; }
# truth NAME EXPRESSION: exact integers.
truth() { if [ "$(sums calc "$2")" = True ]; then ok "$1"; else not_ok "$1" "false: $2"; fi; }
# snapshot_seen: slurmctld's plugin knows what aicacctd knows now.
snapshot_seen() {
	touch "$AIC_LAB/state/seen"
	wait_for 15 snapshot_is_newer
	sleep 1.2
}
snapshot_is_newer() { [ "$AIC_LAB/state/snapshot/aic.snapshot" -nt "$AIC_LAB/state/seen" ]; }
