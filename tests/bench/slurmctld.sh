#!/bin/bash
# slurmctld.sh [JOBS [RUNS]]: slurmctld's CPU seconds per job with all of AIC's plugins, against plain Slurm, and against jobcomp/filetxt
# with job_submit/lua: RUNS runs of each in turn, on the lab's four nodes. Of ten jobs eight just run, one is held and released, one is
# cancelled. Prints rows for doc/benchmarks.md; wants root and an installed build, as tests/cluster does. The goal's own measure is
# `slurmctld.sh 2000 5`, which takes the better part of an hour.
JOBS=${1:-300} RUNS=${2:-3}
. "$(dirname "${BASH_SOURCE[0]}")/../cluster/lib.sh"
lab_begin_all >/dev/null
script "$LAB_ADA" work.sh <<<'true'

ticks() { awk '{ print $14 + $15 }' "/proc/$(daemon_pid slurmctld)/stat"; }
one_job() { # NUMBER, as Ada
	case $(($1 % 10)) in
	0) id=$(sbatch --parsable -o /dev/null --hold --mem=16 -t1 work.sh) && scontrol release "$id" ;;
	1) id=$(sbatch --parsable -o /dev/null --begin=now+1hour --mem=16 -t1 work.sh) && scancel "$id" ;;
	*) sbatch -Q -o /dev/null --mem=16 -t1 work.sh ;;
	esac
}
export -f one_job
configure() { # KIND
	slurm_stop
	AIC_LAB_PLUGINS=no
	[ "$1" = aic ] && AIC_LAB_PLUGINS=yes
	slurm_configure
	if [ "$1" = filetxt ]; then
		printf 'JobCompType=jobcomp/filetxt\nJobCompLoc=%s\nJobSubmitPlugins=lua\n' "$AIC_LAB/log/slurm/jobcomp.log" >>"$AIC_LAB/etc/slurm.conf"
		cat >"$AIC_LAB/etc/job_submit.lua" <<-'EOF'
			function slurm_job_submit(desc, parts, uid) return slurm.SUCCESS end
			function slurm_job_modify(desc, job, parts, uid) return slurm.SUCCESS end
		EOF
	fi
	slurm_start >/dev/null
	if [ "$1" = aic ]; then snapshot_seen; fi
}
measure() { # KIND: microseconds of slurmctld's CPU per job, and jobs per second
	local before after began
	configure "$1"
	before=$(ticks) began=$(date +%s%N)
	seq "$JOBS" | as "$LAB_ADA" xargs -P 4 -I{} bash -c 'one_job {}' >/dev/null 2>&1
	wait_for $((60 + JOBS)) slurm_empty || { echo "jobs remain: $(squeue -h | head -n 3)" >&2; exit 1; }
	after=$(ticks)
	echo "$1 $(((after - before) * 10000 / JOBS)) $((JOBS * 1000000 / (($(date +%s%N) - began) / 1000)))"
}
for ((run = 1; run <= RUNS; run++)); do
	for kind in plain aic filetxt; do measure "$kind" | tee -a "$AIC_LAB/state/figures" >&2; done
done
median() { awk -v k="$1" -v c="$2" '$1 == k { print $c }' "$AIC_LAB/state/figures" | sort -n | awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'; }
row() { awk -v what="$1" -v a="$2" -v b="$3" -v goal="$4" -v text="$5" 'BEGIN { printf "| %s | %.2f | %s | %s |\n", what, a / b, goal, text }'; }
plain=$(median plain 2) aic=$(median aic 2) filetxt=$(median filetxt 2)
row "slurmctld CPU per job with all of AIC's plugins, against plain" "$aic" "$plain" "<= 1.03" "$aic us against $plain us, median of $RUNS runs of $JOBS jobs"
row "the same, against jobcomp/filetxt and job_submit/lua" "$aic" "$filetxt" "<= 1" "$aic us against $filetxt us"
row "jobs per second with AIC's plugins, against plain" "$(median aic 3)" "$(median plain 3)" ">= 0.97" "$(median aic 3) against $(median plain 3)"
