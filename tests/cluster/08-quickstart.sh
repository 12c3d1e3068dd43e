# etc/quickstart.sh: its options, and clear sentences where something is in the way.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
export AIC_LAB AIC_LAB_PORT AIC_LAB_PREFIX AIC_LAB_SERVICE AIC_LAB_USR AIC_LAB_SOURCE
port_owner_is() { [[ $(port_owner "$1") == "$2"* ]]; }
lab_start_cluster_alone() { (lab_start_cluster); }
quickstart() { "$TOP/etc/quickstart.sh" "$@"; }
LAB_JUDGES=yes
lab_begin_all

passes "--status while it runs" quickstart --status
refuses "an unknown option" 2 "no option --fast" quickstart --fast
refuses "a lab of one site does not become one of three" 1 "holds a lab of one site" quickstart --replicated
refuses "a relative folder" 1 "AIC_LAB=lab is no absolute path" env AIC_LAB=lab "$TOP/etc/quickstart.sh"
mkdir "$AIC_LAB/other"
touch "$AIC_LAB/other/file"
refuses "a folder with other files in it" 1 "holds other files" env AIC_LAB="$AIC_LAB/other" "$TOP/etc/quickstart.sh"
refuses "not root" 1 "needs root" as "$LAB_ADA" "$AIC_LAB_SOURCE/aic/etc/quickstart.sh" --status
daemon_stop slurmd-n3
refuses "--status when a process is missing" 1 "slurmd-n3 +stopped.*1 of 16 processes do not run" quickstart --status
slurmd_start

passes "--stop" quickstart --stop
is "nothing runs any more" "$(grep -lzxF "AIC_LAB_DAEMON=$AIC_LAB" /proc/[0-9]*/environ 2>/dev/null)" ""
is "sockets and pid files of a crash are no obstacle" "$(
	touch "$AIC_LAB/run/aic/aicacctd.sock" "$MUNGE_SOCKET"
	echo $$ >"$AIC_LAB/run/slurmctld.pid"
	lab_start_cluster && aic_start && echo started
)" started
quickstart --stop >/dev/null

perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalPort => $ARGV[0], Listen => 1, ReuseAddr => 1); sleep 60' "$AIC_LAB_PORT" &
occupant=$!
wait_for 5 port_owner_is "$AIC_LAB_PORT" perl
refuses "a port in use is named with its owner" 1 "port $AIC_LAB_PORT, wanted for slurmctld, is taken by perl .pid $occupant" lab_start_cluster_alone
kill "$occupant"
daemon_stop slurmdbd; daemon_stop mariadbd; munge_stop

passes "--clean" quickstart --clean
is "the folder is gone" "$([ -e "$AIC_LAB" ] || echo gone)" gone
is "so are the users" "$(id "$LAB_ADA" 2>/dev/null)" ""
