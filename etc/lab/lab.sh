# lab.sh: the whole lab from its parts; sourced by quickstart.sh and by the tests on the cluster.

LAB_ETC=${LAB_ETC:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)}
LAB_TOP=$(dirname "$LAB_ETC")
for lab_part in say settings daemon packages source build people munge database slurm etcd sites aic session cheat job payout; do
	# shellcheck source=/dev/null
	. "$LAB_ETC/lab/$lab_part.sh"
done
unset lab_part

lab_configure() {
	settings_write_env
	settings_load_env
	munge_configure
	slurm_configure
	database_configure
	sites_configure
	aic_configure
	note "in $AIC_LAB/etc"
}

lab_start_cluster() {
	munge_start
	database_start
	slurm_start
}

lab_daemons() {
	printf '%s\n' munged mariadbd slurmdbd slurmctld
	printf 'slurmd-%s\n' $LAB_NODES
	aic_daemons
	sites_daemons
}

lab_stop() {
	if [ -e "$AIC_LAB/env.sh" ]; then
		settings_load_env
		aic_stop
		sites_stop
		slurm_stop
		database_stop
		munge_stop
	fi
	daemon_sweep
}

# One line per process, and what each is good for; fails if one is missing.
lab_status() {
	local name pid missing=0
	[ -e "$AIC_LAB/env.sh" ] || { say "No lab in $AIC_LAB: etc/quickstart.sh makes one."; return 1; }
	settings_load_env
	for name in $(lab_daemons); do
		if pid=$(daemon_pid "$name"); then
			printf '  %-18s running  pid %s\n' "$name" "$pid"
		else
			printf '  %-18s stopped  log %s\n' "$name" "$AIC_LAB/log/$name.log"
			missing=$((missing + 1))
		fi
	done
	if [ "$missing" != 0 ]; then
		say "$missing of $(lab_daemons | wc -l) processes do not run: etc/quickstart.sh starts them again."
		return 1
	fi
	sinfo
}

lab_clean() {
	lab_stop
	people_remove
	[ ! -e "$AIC_LAB/.aic-lab" ] || rm -rf --one-file-system "$AIC_LAB"
}
