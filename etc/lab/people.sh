# people.sh: the Unix users of the lab: two researchers, and AIC's own, for its daemons and for trainings.

people_ready() {
	id "$AIC_LAB_SERVICE" >/dev/null 2>&1 || people_add "$AIC_LAB_SERVICE" --system --home-dir /nonexistent --shell /usr/sbin/nologin --comment "AIC daemons"
	people_researcher "$LAB_ADA" "Ada of physics (AIC lab)"
	people_researcher "$LAB_BEN" "Ben of biology (AIC lab)"
	people_researcher "$LAB_TRAIN" "Trainings of the site (AIC lab)"
	chgrp "$AIC_LAB_SERVICE" "$AIC_LAB/home/$LAB_TRAIN" # who verifies reads there
	chmod 2750 "$AIC_LAB/home/$LAB_TRAIN"
	note "$LAB_ADA (physics), $LAB_BEN (biology), $AIC_LAB_SERVICE (daemons), $LAB_TRAIN (trainings)"
}

# people_add NAME USERADD-OPTIONS...: what we made is listed for --clean.
people_add() {
	local name=$1
	shift
	quietly useradd --user-group --no-create-home "$@" "$name" || die "useradd could not make the user $name: $(tail -n 1 "$LAB_LOG")"
	echo "$name" >>"$AIC_LAB/.users"
}

# A user of an earlier lab, known by the comment, is taken over; anybody else's is not touched.
people_researcher() {
	local name=$1 comment=$2 home=$AIC_LAB/home/$1
	if ! id "$name" >/dev/null 2>&1; then
		people_add "$name" --home-dir "$home" --shell /bin/bash --comment "$comment"
	elif [ "$(getent passwd "$name" | cut -d: -f5)" != "$comment" ]; then
		die "there is a user $name already who is not this lab's: give another first part of the names in AIC_LAB_PREFIX (now $AIC_LAB_PREFIX)."
	elif [ "$(getent passwd "$name" | cut -d: -f6)" != "$home" ]; then
		quietly usermod --home "$home" "$name" || die "usermod could not move the home of $name: $(tail -n 1 "$LAB_LOG")"
		grep -qxF "$name" "$AIC_LAB/.users" 2>/dev/null || echo "$name" >>"$AIC_LAB/.users"
	fi
	install -d -m 750 -o "$name" -g "$(id -gn "$name")" "$home"
	echo ". $AIC_LAB/env.sh" >"$home/.profile"
}

# as USER CMD...: as an ordinary login of that user would, in the own home.
as() {
	local user=$1
	shift
	(cd "$AIC_LAB/home/$user" && exec setpriv --reuid "$user" --regid "$(id -gn "$user")" --init-groups -- \
		env -u TMPDIR HOME="$AIC_LAB/home/$user" USER="$user" LOGNAME="$user" "$@" 7>&- 9>&-)
}

people_remove() {
	local name
	[ -e "$AIC_LAB/.users" ] || return 0
	while read -r name; do
		id "$name" >/dev/null 2>&1 && userdel "$name" >/dev/null 2>&1 || true
	done <"$AIC_LAB/.users"
}
