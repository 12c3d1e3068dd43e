# people.sh: the Unix users of the lab: two researchers, and the AIC daemons' own.

people_ready() {
	people_user "$AIC_LAB_SERVICE" /nonexistent --system "AIC daemons"
	people_researcher "$LAB_ADA" "Ada of physics"
	people_researcher "$LAB_BEN" "Ben of biology"
	note "$LAB_ADA (physics), $LAB_BEN (biology), $AIC_LAB_SERVICE (daemons)"
}

# people_user NAME HOME KIND COMMENT: makes it where it is not there; what we made is listed for --clean.
people_user() {
	local name=$1 home=$2 kind=$3 comment=$4
	if id "$name" >/dev/null 2>&1; then return; fi
	# shellcheck disable=SC2086
	quietly useradd $kind --user-group --no-create-home --home-dir "$home" --shell "$([ "$kind" = --system ] && echo /usr/sbin/nologin || echo /bin/bash)" \
		--comment "$comment" "$name" || die "useradd could not make the user $name: $(tail -n 1 "$LAB_LOG")"
	echo "$name" >>"$AIC_LAB/.users"
}
people_researcher() {
	people_user "$1" "$AIC_LAB/home/$1" "" "$2"
	install -d -m 750 -o "$1" -g "$(id -gn "$1")" "$AIC_LAB/home/$1"
}

# as USER CMD...: as an ordinary login of that user would, in the own home.
as() {
	local user=$1
	shift
	(cd "$AIC_LAB/home/$user" && exec setpriv --reuid "$user" --regid "$(id -gn "$user")" --init-groups -- \
		env HOME="$AIC_LAB/home/$user" USER="$user" LOGNAME="$user" "$@" 9>&-)
}

people_remove() {
	local name
	[ -e "$AIC_LAB/.users" ] || return 0
	while read -r name; do
		id "$name" >/dev/null 2>&1 && userdel "$name" >/dev/null 2>&1 || true
	done <"$AIC_LAB/.users"
}
