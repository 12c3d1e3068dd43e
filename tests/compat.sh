#!/bin/bash
# compat.sh: builds the plugins against each release of Slurm that the machine's Debian mirrors have, and prints TAP. spank_aic needs
# the headers that libslurm-dev has; job_submit, jobcomp and site_factor need the source, and every symbol that they take from
# slurmctld must be in that release's. What a mirror does not have is skipped, with what is missing.
set -uo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
. "$TOP/tests/lib/prepare.sh"
COMPAT=$AIC_TEST_DIR/compat
SUITES=(bullseye trixie forky sid)
TESTED=0 BROKEN=0

usage() {
	cat <<-EOF
		Usage: tests/compat.sh [SUITE]...

		Builds the plugins against Slurm as it is in these suites of Debian [${SUITES[*]}], one test a release.
		What was fetched and configured stays in AIC_TEST_DIR/compat [$COMPAT]. Exit code: 0 all passed, 1 some failed, 2 usage.
	EOF
}
result() { # ok|"not ok" NAME
	TESTED=$((TESTED + 1))
	if [ "$1" != ok ]; then
		BROKEN=1
		grep -aE '(warning|error):|No rule|^undefined' "$LAB_LOG" | head -n 20 | sed 's/^/# /'
	fi
	echo "$1 $TESTED - $2"
}
skip() { TESTED=$((TESTED + 1)); echo "ok $TESTED - $1 # SKIP"; }

apt_of() { # SUITE COMMAND...: apt with lists of its own, of that suite alone
	local suite=$1 command=$2 in=$COMPAT/apt/$1
	shift 2
	"$command" -o Dir::Etc::sourcelist="$in/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$in/lists" \
		-o Dir::State::status=/dev/null -o Dir::Cache="$in/cache" -o APT::Sandbox::User=root -o Acquire::Retries=2 "$@"
}
# The mirrors of the release that is installed have the others, too.
apt_begin() { # SUITE
	local in=$COMPAT/apt/$1
	mkdir -p "$in/lists/partial" "$in/cache"
	source_mirrors | sed -E "s/ [a-z]+ main$/ $1 main/" | grep -vE '(security|updates)/? ' | sort -u >"$in/sources.list"
	sed -i -n 'p; s/^deb-src/deb/p' "$in/sources.list"
	[ -s "$in/sources.list" ] || return
	[ -n "$(find "$in/lists" -maxdepth 1 -name '*Packages*' -mmin -1440)" ] || quietly apt_of "$1" apt-get update
}
version_in() { apt_of "$1" apt-cache madison libslurm-dev 2>/dev/null | awk '$1 == "libslurm-dev" { print $3; exit }'; }

# unpack SUITE VERSION PACKAGE: into the release's folder.
unpack() {
	local to=$COMPAT/$2
	[ -e "$to/.$3" ] && return
	mkdir -p "$to"
	(cd "$to" && quietly apt_of "$1" apt-get download "$3=$2" && dpkg-deb -x "$3"_*.deb . && rm "$3"_*.deb && touch ".$3")
}
# What its authors released: Debian's patches touch no header.
source_of() { # SUITE VERSION
	local to=$COMPAT/$2/source
	[ -e "$to/.configured" ] && return
	rm -rf "$to"
	mkdir -p "$to"
	(cd "$to" && quietly apt_of "$1" apt-get --tar-only source "slurm-wlm=$2" && tar --no-same-owner --strip-components=1 -xf ./*.orig.tar.* &&
		quietly ./configure --prefix=/usr --sysconfdir=/etc/slurm --enable-multiple-slurmd && touch .configured)
}

build() { # VERSION TARGET...: with --with-slurm-source if it is there
	local in=$COMPAT/$1 version=$1 arguments=()
	shift
	[ ! -e "$in/source/.configured" ] || arguments=(--with-slurm-source="$in/source")
	build_configure "$AIC_LAB_SOURCE/aic" "$in/build" --with-slurm="$in/usr" "${arguments[@]}" &&
		quietly make -s -k -C "$in/build" -j2 CFLAGS="-g -O1 -Werror" "$@" && of_release "$version" "$@"
}
# Slurm loads only what was built for it: the number in each plugin is the release's, in spank_aic what that release's macro says.
of_release() { # VERSION TARGET...
	local in=$COMPAT/$1 plugin want found
	shift
	for plugin; do
		want=$(number_of "$in" SLURM_VERSION_NUMBER)
		[ "$plugin" != spank_aic.la ] || want=$(number_of "$in" 'SPANK_PLUGIN(aic, 1)')
		found=$(number_in "$in/build/.libs/${plugin%.la}.so")
		[ $((found)) = $((want)) ] || { echo "error: $plugin is for release $found, not for $want" >>"$LAB_LOG"; return 1; }
	done
}
number_of() { # RELEASE-FOLDER EXPRESSION
	printf '%s\n' '#include <slurm/slurm.h>' '#include <slurm/spank.h>' "$2" | cc -isystem "$1/usr/include" -E -P - | tr -d '\n' |
		sed -E 's/.* plugin_version = *//; s/.*[^0-9a-fx]((0x)?[0-9a-f]+)$/\1/; s/^([0-9a-fx]+).*/\1/'
}
number_in() { # PLUGIN: its plugin_version, from the file: it cannot be loaded outside slurmctld
	local at
	at=$((16#$(nm -D "$1" | awk '$3 == "plugin_version" { print $1 }')))
	objdump -s -j .rodata --start-address="$at" --stop-address=$((at + 4)) "$1" |
		awk '/^ [0-9a-f]/ { print "0x" substr($2, 7, 2) substr($2, 5, 2) substr($2, 3, 2) substr($2, 1, 2) }'
}
symbols() { nm -D "$@" 2>/dev/null | awk 'NF >= 2 { sub(/@.*/, "", $NF); print $(NF - 1), $NF }'; }
# Those that slurmctld must have: not the weak ones, nor those of libraries that the plugin names itself.
resolved() { # VERSION PLUGIN...
	local in=$COMPAT/$1 plugin missing
	shift
	find "$in/usr" -type f \( -name 'slurmctld*' -o -name libslurmfull.so \) -size +100k | while read -r file; do symbols --defined-only "$file"; done |
		awk '{ print $2 }' | sort -u >"$in/symbols"
	for plugin; do
		missing=$(symbols --undefined-only "$in/build/.libs/$plugin.so" | awk '$1 == "U" { print $2 }' | sort -u | comm -23 - "$in/symbols" |
			comm -23 - <(symbols --defined-only $(ldd "$in/build/.libs/$plugin.so" | awk '$3 ~ /^\// { print $3 }') | awk '{ print $2 }' | sort -u))
		[ -z "$missing" ] || { echo "undefined in slurmctld $version, wanted by $plugin: $missing" >>"$LAB_LOG"; return 1; }
	done
}

try() { # SUITE VERSION
	local suite=$1 version=$2 plugins=(jobcomp_aic job_submit_aic site_factor_aic)
	local name="Slurm ${version%-*} of $suite" # two suites may have one release
	LAB_LOG=$COMPAT/$version.log
	: >"$LAB_LOG"
	unpack "$suite" "$version" libslurm-dev || { skip "$name: the mirror has lost libslurm-dev"; return; }
	if source_of "$suite" "$version"; then
		if build "$version" spank_aic.la "${plugins[@]/%/.la}"; then result ok "$name: the plugins build"; else result "not ok" "$name: the plugins build"; return; fi
		unpack "$suite" "$version" slurmctld && unpack "$suite" "$version" slurm-wlm-basic-plugins || { skip "$name: the mirror has lost slurmctld"; return; }
		if resolved "$version" "${plugins[@]}"; then result ok "$name: its slurmctld has what they need"; else result "not ok" "$name: its slurmctld has what they need"; fi
	else
		if build "$version" spank_aic.la; then result ok "$name: spank_aic builds"; else result "not ok" "$name: spank_aic builds"; fi
		skip "$name: jobcomp_aic, job_submit_aic, site_factor_aic: the mirror has no source of it"
	fi
}

main() {
	local suite version seen=" $(source_version) " # the tests' own builds have that one
	case ${1:-} in -*) usage; [ "$1" = --help ] || [ "$1" = -h ]; exit $(($? * 2)) ;; esac
	mkdir -p "$COMPAT"
	LAB_LOG=$COMPAT/apt.log
	: >"$LAB_LOG"
	build_copy "$AIC_LAB_SOURCE/aic"
	[ $# = 0 ] || SUITES=("$@")
	for suite in "${SUITES[@]}"; do
		LAB_LOG=$COMPAT/apt.log
		version=$(apt_begin "$suite" && version_in "$suite")
		if [ -z "$version" ]; then skip "Debian's $suite: no mirror answers for it"; continue; fi
		[[ $seen == *" $version "* ]] && continue
		seen+="$version "
		try "$suite" "$version"
	done
	echo "1..$TESTED"
	exit "$BROKEN"
}
main "$@"
