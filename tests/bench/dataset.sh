#!/bin/bash
# dataset.sh [JOBS]: with warm data on one of four nodes, how many of the jobs that want it run there when it is free, and whether any waits for it
# when it is not. Other jobs take that node, whole or in part, half of the time; backfill runs every 30 s, as by default, so it does not help. Prints
# rows for doc/benchmarks.md; wants root and an installed build, as tests/cluster does.
JOBS=${1:-100}
. "$(dirname "${BASH_SOURCE[0]}")/../cluster/lib.sh"
lab_begin >/dev/null
sed -i 's/^SchedulerParameters=.*/SchedulerParameters=batch_sched_delay=0/' "$AIC_LAB/etc/slurm.conf" # a job is looked at when it comes
sed -i '/^assets:/a\  - {name: faces, kind: data, owner: provider/lab-north}' "$AIC_CONFIG"
{ lab_start_cluster && aic_start; } >/dev/null
mkdir "$AIC_LAB/state/faces"
head -c 1000000 /dev/urandom >"$AIC_LAB/state/faces/data.bin"
aic dataset add faces "$AIC_LAB/state/faces" >/dev/null
aic dataset warm faces n3 >/dev/null
is_warm() { scontrol -o show node n3 | grep -q 'ActiveFeatures=aic-data-faces'; }
wait_for 20 is_warm || { echo "n3 does not become warm" >&2; exit 1; }
for node in n1 n2 n4; do # they keep no data sets, else they would be warm soon, too; a job there runs without
	daemon_stop "aicnoded-$node"
	rm -r "$AIC_LAB/state/node/$node/datasets"
done
sleep 1.5
free_cpus() { scontrol -o show node n3 | sed -nE 's/.*CPUAlloc=([0-9]+).*CPUTot=([0-9]+).* State=(IDLE|MIXED|ALLOCATED) .*/\1 \2/p' | awk '{ print $2 - $1 }'; }
is_taken() { [ "$(free_cpus)" = 0 ]; }
: >"$AIC_LAB/state/wanted"
for ((i = 0; i < JOBS; i++)); do
	# Every tenth turn another job takes all that is left of it, for half of the time until the next.
	if [ $((i % 10)) = 0 ]; then
		free=$(free_cpus)
		[ "${free:-0}" = 0 ] || submit "$LAB_BEN" -w n3 -n "$free" --mem=64 --time=1 --wrap='sleep 4' >/dev/null
		wait_for 10 is_taken
	fi
	free=$(free_cpus)
	id=$(submit "$LAB_ADA" -n1 --mem=64 --time=1 --aic-dataset=faces --wrap='sleep 0.7')
	echo "$id ${free:-0}" >>"$AIC_LAB/state/wanted"
	sleep 0.5
done
ended() { [ -z "$(squeue -h)" ]; }
wait_for 120 ended || { echo "jobs remain: $(squeue -h | head -n 3)" >&2; exit 1; }
while read -r id free; do
	wait=$(($(date -d "$(field "$id" StartTime)" +%s) - $(date -d "$(field "$id" SubmitTime)" +%s)))
	echo "$free $(field "$id" NodeList) $wait"
done <"$AIC_LAB/state/wanted" >"$AIC_LAB/state/figures"
awk '
$1 > 0 { could++; there += $2 == "n3" }
$1 == 0 { busy++; waited += $3 > 2 }
$3 > longest { longest = $3 }
END {
	printf "| jobs that want data run where it is warm, when that node is free | %.2f | >= 0.95 | %d of %d |\n", there / could, there, could
	printf "| jobs that wait for a warm node that is not free | %.2f | 0 | %d of %d; of all jobs the longest wait is %d s |\n", waited / busy, waited, busy, longest
}' "$AIC_LAB/state/figures"
