# Plugins built for another micro release of Slurm: aic doctor says so before slurmctld is restarted; what can go on does.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
LAB_PLUGIN_DIR=$AIC_LAB/plugins
mkdir "$LAB_PLUGIN_DIR"
cp "$AIC_LAB_USR"/lib/slurm/*.so "$LAB_PLUGIN_DIR"

# other_release PLUGIN: a copy that says 22.05.7; put in place as an upgrade does, by a new file.
other_release() {
	local so=$LAB_PLUGIN_DIR/$1.so
	cp "$so" "$so.new"
	python3 - "$so.new" "$(nm -D "$so" | awk '$3 == "plugin_version" { print $1 }')" "$(readelf -SW "$so" | awk '{ sub(/^ *\[ *[0-9]+\]/, ""); if ($1 == ".rodata") print $3, $4 }')" <<-'EOF'
		import struct, sys
		path, symbol, section = sys.argv[1], int(sys.argv[2], 16), [int(word, 16) for word in sys.argv[3].split()]
		with open(path, "r+b") as file:
		    file.seek(symbol - section[0] + section[1])
		    version = struct.unpack("<I", file.read(4))[0]
		    file.seek(-4, 1)
		    file.write(struct.pack("<I", version - 1))
	EOF
	mv "$so.new" "$so"
}
right_release() { cp "$AIC_LAB_USR/lib/slurm/$1.so" "$LAB_PLUGIN_DIR/$1.new" && mv "$LAB_PLUGIN_DIR/$1.new" "$LAB_PLUGIN_DIR/$1.so"; }

lab_begin_all
controller=$(daemon_pid slurmctld)
passes "aic doctor finds nothing wrong with the right ones" aic doctor
for plugin in job_submit_aic jobcomp_aic spank_aic; do
	other_release "$plugin"
	refuses "aic doctor names $plugin.so and both releases" 1 "bad.*$plugin.so.*22.05.7.*22.05.8" aic doctor
	right_release "$plugin"
done
one=$(quick "$LAB_ADA")
passes "slurmctld goes on with those that it has loaded" wait_for 20 charged "$one"
is "and was not touched" "$(daemon_pid slurmctld)" "$controller"

other_release spank_aic
two=$(quick "$LAB_ADA")
is "a SPANK plugin of another release stops no job" "$(job_state "$two")" COMPLETED
right_release spank_aic
passes "its job is charged" wait_for 20 charged "$two"

other_release jobcomp_aic
slurmctld_stop
slurmctld_start
three=$(quick "$LAB_ADA")
is "slurmctld restarted with another jobcomp/aic still runs jobs" "$(job_state "$three")" COMPLETED
like "its log says why there are no records" "$(cat "$AIC_LAB/log/slurm/slurmctld.log")" "jobcomp.*(version|incompatible)"
refuses "and aic doctor" 1 "bad.*jobcomp_aic.so" aic doctor
right_release jobcomp_aic
slurmctld_stop
slurmctld_start
four=$(quick "$LAB_ADA")
passes "with the right one records come again" wait_for 20 charged "$four"

other_release job_submit_aic
slurmctld_stop
daemon_start slurmctld slurm slurmctld -D
fatal() { ! daemon_pid slurmctld; }
passes "a job_submit/aic of another release keeps slurmctld from starting, as its manual says" wait_for 20 fatal
like "and slurmctld says which plugin it is" "$(cat "$AIC_LAB/log/slurmctld.log")" "job_submit"
right_release job_submit_aic
slurmctld_start
is "nothing was lost: the finished jobs are still known" "$(job_state "$four")" COMPLETED
