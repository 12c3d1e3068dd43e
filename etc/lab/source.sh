# source.sh: source packages of the releases that are installed: Slurm's, configured, against which job_submit and jobcomp plugins are
# built; libcbor's, of which Debian has no archive, for the static aic-ledger-verify.

source_version() { dpkg-query -Wf '${source:Version}' libslurm-dev; }
source_tree() { echo "$AIC_LAB_SOURCE/slurm-$(source_version)"; }
source_cbor_version() { dpkg-query -Wf '${source:Version}' libcbor-dev; }
source_cbor_tree() { echo "$AIC_LAB_SOURCE/libcbor-$(source_cbor_version)"; }

source_ready() {
	source_cbor_ready
	source_slurm_ready
}
source_slurm_ready() {
	local tree
	tree=$(source_tree)
	if [ -e "$tree/.configured" ]; then
		note "Slurm $(source_version), configured before"
		return
	fi
	source_fetch "slurm-wlm" "$(source_version)" "$tree"
	(cd "$tree" && quietly ./configure --prefix=/usr --sysconfdir=/etc/slurm --enable-multiple-slurmd) ||
		die "configure of Slurm's source in $tree failed: $(tail -n 1 "$LAB_LOG")"
	touch "$tree/.configured"
	note "Slurm $(source_version), fetched and configured"
}
# Without it all is built but aic-ledger-verify needs shared libraries.
source_cbor_ready() {
	[ -e "$(source_cbor_tree)/src/cbor/streaming.c" ] || source_cbor_fetch "$(source_cbor_tree)" ||
		note "no source of libcbor: aic-ledger-verify will need shared libraries"
}
# What its authors released, without Debian's patches. Five files of it are used, whose interface has been the same since 0.8, so
# that the next Debian's will do where the mirror has lost this one's.
source_cbor_fetch() {
	local fetch=$AIC_LAB_SOURCE/fetch line
	rm -rf "$1" "$fetch"
	mkdir -p "$fetch/lists/partial"
	while read -r line; do
		echo "$line" >"$fetch/sources.list"
		if source_apt update && (cd "$fetch" && source_apt --tar-only source libcbor) && source_unpack "$fetch" "$1"; then
			rm -rf "$fetch"
			return 0
		fi
	done < <(source_mirrors; source_mirrors | sed 's/ bookworm main$/ trixie main/;t;d')
	return 1
}
source_unpack() {
	mkdir -p "$2" && tar -C "$2" --no-same-owner --strip-components=1 -xf "$1"/*.orig.tar.* && [ -e "$2/src/cbor/streaming.c" ]
}

# source_fetch PACKAGE VERSION TO. The machine's apt lists stay as they are: a private list names the same Debian mirrors for
# sources, one at a time, as a release can be listed in several of which only one still has its files.
source_fetch() {
	local fetch=$AIC_LAB_SOURCE/fetch line found=no
	rm -rf "$3" "$fetch"
	mkdir -p "$fetch/lists/partial"
	while read -r line; do
		echo "$line" >"$fetch/sources.list"
		if source_apt update && (cd "$fetch" && source_apt source "$1=$2"); then
			found=yes
			break
		fi
	done < <(source_mirrors)
	[ "$found" = yes ] ||
		die "apt-get found no source of $1 $2, the release installed here: check the network, or bring the packages up to date (apt-get upgrade), then run this again."
	mv "$fetch/$1"-[0-9]*/ "$3"
	rm -rf "$fetch"
}
source_mirrors() {
	apt-get indextargets --format '$(REPO_URI) $(CODENAME) $(ORIGIN)' 'Created-By: Packages' 2>/dev/null |
		awk '$3 == "Debian" && !seen[$1 $2]++ { print "deb-src [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]", $1, $2, "main" }'
}
source_apt() {
	local fetch=$AIC_LAB_SOURCE/fetch
	quietly apt-get -y -o Dir::Etc::sourcelist="$fetch/sources.list" -o Dir::Etc::sourceparts=/dev/null \
		-o Dir::State::lists="$fetch/lists" -o APT::Sandbox::User=root -o Acquire::Retries=3 "$@"
}
