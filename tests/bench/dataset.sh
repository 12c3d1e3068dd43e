#!/bin/bash
# dataset.sh [JOBS]: with warm data on one of four nodes, how many of the jobs that want it run there when it is free, and how many wait for it. A
# job each half second; every ten turns another job takes what is left of that node for 4 s, which in turn is all of it. Once with
# SchedulerParameters=batch_sched_delay=0 and Slurm's defaults otherwise, so backfill comes each 30 s and does not help; once with
# bf_min_age_reserve=5 as well. Prints rows for doc/benchmarks.md; takes about two minutes.
JOBS=${1:-50}
if [ "$(id -u)" != 0 ] || ! [ -x "${AIC_TEST_USR:-${AIC_TEST_DIR:-/var/tmp/aic-tests}/usr}/sbin/aicacctd" ]; then
	echo "dataset.sh: a cluster needs root and an installed AIC: run \`make install\` and this as root; not measured" >&2
	exit 77
fi
. "$(dirname "${BASH_SOURCE[0]}")/../cluster/lib.sh"
LOG=$AIC_LAB/log/slurm/slurmctld.log
scheduler() { sed -i "s/^SchedulerParameters=.*/SchedulerParameters=$1/" "$AIC_LAB/etc/slurm.conf"; }
is_warm() { scontrol -o show node n3 | grep -q 'ActiveFeatures=aic-data-faces'; }
is_cold() { ! is_warm; }
free_cpus() { scontrol -o show node n3 | sed -nE 's/.*CPUAlloc=([0-9]+).*CPUTot=([0-9]+).* State=(IDLE|MIXED|ALLOCATED) .*/\1 \2/p' | awk '{ print $2 - $1 }'; }
is_taken() { [ "$(free_cpus)" = 0 ]; }
ended() { [ -z "$(squeue -h)" ]; }
take_rest() {
	local free id
	free=$(free_cpus)
	if [ "${free:-0}" -gt 0 ]; then
		id=$(submit "$LAB_BEN" -N1 -w n3 -n "$free" --mem=64 --time=1 --wrap='sleep 4')
		echo "$id $free takes" >>"$AIC_LAB/state/jobs"
	fi
	wait_for 10 is_taken
}
measure() { # NAME
	local i id before
	before=$(wc -l <"$LOG")
	: >"$AIC_LAB/state/jobs"
	for ((i = 0; i < JOBS; i++)); do
		[ $((i % 20)) != 0 ] || wait_for 60 ended # then the rest is all of it
		[ $((i % 10)) != 0 ] || take_rest
		id=$(submit "$LAB_ADA" -n1 --mem=64 --time=1 --aic-dataset=faces --wrap='sleep 0.7')
		echo "$id 1 wants" >>"$AIC_LAB/state/jobs"
		sleep 0.5
	done
	wait_for 120 ended || { echo "jobs remain: $(squeue -h | head -n 3)" >&2; exit 1; }
	tail -n +$((before + 1)) "$LOG" >"$AIC_LAB/state/log"
	awk -v NAME="$1" -v NODE=n3 -v FREE=4 -f "$TESTS/bench/dataset.awk" "$AIC_LAB/state/jobs" "$AIC_LAB/state/log" || exit 1
}

lab_begin >/dev/null
scheduler batch_sched_delay=0
sed -i 's/^SlurmctldDebug=.*/SlurmctldDebug=debug\nDebugFlags=TraceJobs/' "$AIC_LAB/etc/slurm.conf" # its log is what is measured
sed -i '/^assets:/a\  - {name: faces, kind: data, owner: provider/lab-north}' "$AIC_CONFIG"
{ lab_start_cluster && aic_start; } >/dev/null
mkdir "$AIC_LAB/state/faces"
head -c 1000000 /dev/urandom >"$AIC_LAB/state/faces/data.bin"
aic dataset add faces "$AIC_LAB/state/faces" >/dev/null
aic dataset warm faces n3 >/dev/null
wait_for 20 is_warm || { echo "n3 does not become warm" >&2; exit 1; }
for node in n1 n2 n4; do # they keep no data sets, else they would be warm soon, too; a job there runs without
	daemon_stop "aicnoded-$node"
	rm -r "$AIC_LAB/state/node/$node/datasets"
done
sleep 1.5
measure "Slurm's default"
scheduler batch_sched_delay=0,bf_min_age_reserve=5
scontrol reconfigure
wait_for 10 is_cold
wait_for 40 is_warm || { echo "n3 does not become warm again" >&2; exit 1; }
sleep 1.5
measure "bf_min_age_reserve=5"
