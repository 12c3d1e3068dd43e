# settings.sh: every path, port and name of the lab, in one place.

AIC_LAB=${AIC_LAB:-/var/lib/aic-lab}
AIC_LAB_PORT=${AIC_LAB_PORT:-17100}          # slurmctld; nodes are +1..+4, slurmdbd +5, etcd +20..+32, archives +40..+42
AIC_LAB_PREFIX=${AIC_LAB_PREFIX:-aiclab}     # Unix users PREFIX-ada, PREFIX-ben, PREFIX-train
AIC_LAB_SERVICE=${AIC_LAB_SERVICE:-aic}      # Unix user of the AIC daemons
AIC_LAB_USR=${AIC_LAB_USR:-$AIC_LAB/usr}     # where AIC is installed
AIC_LAB_SOURCE=${AIC_LAB_SOURCE:-$AIC_LAB/src}   # Slurm's source, a copy of AIC's
AIC_LAB_PLUGINS=${AIC_LAB_PLUGINS:-yes}      # no: a cluster without AIC's plugins
AIC_LAB_MODE=${AIC_LAB_MODE:-enforce}         # aic.yaml: mode
LAB_PLUGIN_DIR=${LAB_PLUGIN_DIR:-$AIC_LAB_USR/lib/slurm}
LAB_NODES="n1 n2 n3 n4"
LAB_ADA=$AIC_LAB_PREFIX-ada                  # of account physics
LAB_BEN=$AIC_LAB_PREFIX-ben                  # of account biology
LAB_TRAIN=$AIC_LAB_PREFIX-train              # under whom the site trains; its home is among the researchers'
LAB_DATABASE_PORT=$((AIC_LAB_PORT + 5))
LAB_ETCD_PORT=$((AIC_LAB_PORT + 20))         # three members' clients; their peers 10 above
LAB_ARCHIVE_PORT=$((AIC_LAB_PORT + 40))      # each site's archive
LAB_ETCD_DIR=$AIC_LAB/etc/etcd               # certificates and passwords
LAB_SITES=${LAB_SITES:-$(cat "$AIC_LAB/.sites" 2>/dev/null)} # of a replicated lab; "": one site, with a ledger of its own
LAB_LOG=$AIC_LAB/log/quickstart.log
MUNGE_SOCKET=$AIC_LAB/run/munge/munge.socket.2
DATABASE_SOCKET=$AIC_LAB/run/mariadb/mariadb.sock

settings_check() {
	[ "$(id -u)" = 0 ] || die "this needs root, for Unix users, slurmd and packages: run it as root (you are $(id -un))."
	case $AIC_LAB in
	/*) ;;
	*) die "AIC_LAB=$AIC_LAB is no absolute path: give one that starts with /." ;;
	esac
	case $AIC_LAB in
	*[!A-Za-z0-9/._-]*) die "AIC_LAB=$AIC_LAB: only letters, digits and / . _ - can stand in the folder's name." ;;
	esac
	[ ${#AIC_LAB} -le 60 ] || die "AIC_LAB=$AIC_LAB has ${#AIC_LAB} characters; sockets allow 60: choose a shorter path."
	case $AIC_LAB in / | /usr | /var | /var/lib | /etc | /home | /root | /tmp) die "AIC_LAB=$AIC_LAB would be the lab's own folder, and --clean would delete it: name a folder of its own below." ;; esac
	if [ -d "$AIC_LAB" ] && [ ! -e "$AIC_LAB/.aic-lab" ] && [ -n "$(ls -A "$AIC_LAB")" ]; then
		die "$AIC_LAB holds other files: give an empty or new folder in AIC_LAB."
	fi
	case $AIC_LAB_PORT in '' | *[!0-9]*) die "AIC_LAB_PORT=$AIC_LAB_PORT is no number: give a port, for example 17100." ;; esac
	if [ "$AIC_LAB_PORT" -lt 1024 ] || [ "$AIC_LAB_PORT" -gt 65000 ]; then
		die "AIC_LAB_PORT=$AIC_LAB_PORT is out of 1024..65000."
	fi
}

# Folders that ordinary users pass through are 0755; what is private has its own mode where it is made.
settings_folders() {
	local parent
	install -d -m 755 "$AIC_LAB" "$AIC_LAB"/{etc,run,log,state,spool,home}
	: >"$AIC_LAB/.aic-lab"
	: >"$LAB_LOG"
	parent=$(dirname "$AIC_LAB")
	while [ "$parent" != / ]; do
		[ -n "$(find "$parent" -maxdepth 0 -perm -o=x)" ] ||
			die "$parent is closed to ordinary users, who must reach $AIC_LAB: chmod o+x $parent, or choose another AIC_LAB."
		parent=$(dirname "$parent")
	done
}

# What a user sources to work with the lab.
settings_write_env() {
	cat >"$AIC_LAB/etc/env.sh" <<-EOF
		# Written by quickstart.sh: . $AIC_LAB/env.sh
		export PATH=$AIC_LAB_USR/bin:$AIC_LAB_USR/sbin:\$PATH
		export MANPATH=$AIC_LAB_USR/share/man:
		export SLURM_CONF=$AIC_LAB/etc/slurm.conf
		export AIC_CONFIG=$AIC_LAB/etc/aic.yaml
		export AIC_EXAMPLES=$AIC_LAB_USR/share/doc/aic/examples
		# The four nodes share one host, so OpenMPI's shared memory must not be used between them; real clusters keep defaults.
		export OMPI_MCA_btl=tcp,self OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_pml=ob1 OMPI_MCA_osc=pt2pt
		export OMPI_MCA_mpi_yield_when_idle=1 OMPI_MCA_btl_base_warn_component_unused=0
	EOF
	ln -sfn etc/env.sh "$AIC_LAB/env.sh"
}
settings_load_env() { . "$AIC_LAB/env.sh"; }
