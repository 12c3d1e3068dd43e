# build.sh: AIC from this checkout: copied to src/aic (so that the checkout stays as it is), built in build/, installed in usr/.

build_copy() {
	local to=$1
	mkdir -p "$to"
	tar -C "$LAB_TOP" -cf - --exclude-vcs --exclude=./autom4te.cache --exclude=./configure --exclude=./config.h.in \
		--exclude=./aclocal.m4 --exclude=./build-aux --exclude='./build*' --exclude=Makefile.in --exclude='./m4/l*.m4' \
		--exclude=./config.status --exclude=./Makefile --exclude='*.o' --exclude='*.lo' --exclude='*.la' --exclude=.libs . |
		tar -C "$to" --no-same-owner -xf -
	build_forget "$to"
}

# build_forget COPY: what the checkout no longer has goes from the copy too, so that nothing stale is built or tested.
build_forget() {
	local to=$1 file
	while IFS= read -r -d '' file; do
		[ -e "$LAB_TOP/$file" ] || rm -f "$to/$file"
	done < <(cd "$to" && find common ledger accounting slurm-plugins mpi-runner cli etc tests doc -type f -print0)
}

# build_configure SOURCE BUILD ARGS...: configure where it was not yet, or with other arguments.
build_configure() {
	local from=$1 in=$2
	shift 2
	build_configured_from "$from" || (cd "$from" && quietly autoreconf -fi) || die "autoreconf failed in $from: $(tail -n 1 "$LAB_LOG")"
	if [ -e "$in/config.status" ] && [ "$(cat "$in/.arguments" 2>/dev/null)" = "$*" ]; then return; fi
	rm -rf "$in"
	mkdir -p "$in"
	(cd "$in" && quietly "$from/configure" "$@") || die "configure failed: $(grep -a 'error:' "$LAB_LOG" | tail -n 1)"
	echo "$*" >"$in/.arguments"
}

# Whether configure is newer than what it is made from.
build_configured_from() {
	[ -e "$1/configure" ] && [ -z "$(find "$1" -maxdepth 2 \( -name configure.ac -o -name Makefile.am -o -name local.mk -o -name aic.m4 \) -newer "$1/configure" -print -quit)" ]
}

# build_make BUILD [TARGET...]
build_make() {
	local in=$1
	shift
	quietly make -C "$in" -j"$(nproc)" "$@" ||
		die "make failed in $in: $(grep -aE 'error:|Error |undefined reference' "$LAB_LOG" | head -n 1)"
}

build_ready() {
	if [ -e "$AIC_LAB_USR/.prebuilt" ]; then # tests install once and start several labs from it
		note "installed in $AIC_LAB_USR before"
		return
	fi
	build_copy "$AIC_LAB_SOURCE/aic"
	build_configure "$AIC_LAB_SOURCE/aic" "$AIC_LAB/build" --prefix="$AIC_LAB_USR" --with-slurm-source="$(source_tree)" \
		--with-libcbor-source="$(source_cbor_tree)"
	build_make "$AIC_LAB/build" all
	if [ ! -e "$AIC_LAB_USR/.installed" ] || [ -n "$(find "$AIC_LAB/build" "$AIC_LAB_SOURCE/aic/etc" -newer "$AIC_LAB_USR/.installed" -type f -print -quit)" ]; then
		build_make "$AIC_LAB/build" install
		touch "$AIC_LAB_USR/.installed"
		note "built and installed in $AIC_LAB_USR"
	else
		note "up to date in $AIC_LAB_USR"
	fi
}
