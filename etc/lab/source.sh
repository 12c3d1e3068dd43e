# source.sh: Slurm's source tree of the installed release, configured; job_submit and jobcomp plugins are built against it.

source_version() { dpkg-query -Wf '${source:Version}' libslurm-dev; }
source_tree() { echo "$AIC_LAB_SOURCE/slurm-$(source_version)"; }

source_ready() {
	local tree
	tree=$(source_tree)
	if [ -e "$tree/.configured" ]; then
		note "Slurm $(source_version), configured before"
		return
	fi
	rm -rf "$tree" "$AIC_LAB_SOURCE/fetch"
	mkdir -p "$AIC_LAB_SOURCE/fetch/lists/partial"
	source_fetch "$tree"
	(cd "$tree" && quietly ./configure --prefix=/usr --sysconfdir=/etc/slurm --enable-multiple-slurmd) ||
		die "configure of Slurm's source in $tree failed: $(tail -n 1 "$LAB_LOG")"
	touch "$tree/.configured"
	rm -rf "$AIC_LAB_SOURCE/fetch"
	note "Slurm $(source_version), fetched and configured"
}

# The machine's apt lists stay as they are: a private list names the same Debian mirrors for sources, one at a time, as
# a release can be listed in several of which only one still has its files.
source_fetch() {
	local fetch=$AIC_LAB_SOURCE/fetch line found=no
	while read -r line; do
		echo "$line" >"$fetch/sources.list"
		if source_apt update && (cd "$fetch" && source_apt source "slurm-wlm=$(source_version)"); then
			found=yes
			break
		fi
	done < <(source_mirrors)
	[ "$found" = yes ] ||
		die "apt-get found no source of slurm-wlm $(source_version), the release installed here: check the network, or bring the Slurm packages up to date (apt-get upgrade), then run this again."
	mv "$fetch"/slurm-wlm-[0-9]*/ "$1"
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
