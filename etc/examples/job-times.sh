#!/bin/bash
# job-times.sh [FILE [SINCE]]: this cluster's finished jobs as a table of numbers [job-times.csv, now-90days]: what was asked for, and the binary
# logarithm of the seconds that it took. AIC_JOBS: a file of sacct's lines instead of sacct.
set -euo pipefail
file=${1:-job-times.csv} since=${2:-now-90days}
fields=TimelimitRaw,NCPUS,NNodes,ReqMem,Submit,ElapsedRaw
jobs() { if [ "${AIC_JOBS:-}" ]; then cat "$AIC_JOBS"; else sacct -a -X -n -P -S "$since" -s CD -o $fields; fi; }
jobs | awk -F'|' '
	function lb(x) { return log(x > 1 ? x : 1) / log(2) }
	BEGIN { mib["K"] = 1 / 1024; mib["M"] = 1; mib["G"] = 1024; mib["T"] = 1048576; print "limit,cpus,nodes,memory,morning,evening,elapsed" }
	NF == 6 && $1 + 0 > 0 {
		unit = $4; gsub(/[0-9.]/, "", unit)
		hour = substr($5, 12, 2) + substr($5, 15, 2) / 60
		printf "%.4f,%.4f,%.4f,%.4f,%.4f,%.4f,%.4f\n", lb($1) / 8, lb($2) / 4, lb($3) / 4, lb($4 * mib[substr(unit, 1, 1)]) / 8,
			cos(hour * 0.2617994), sin(hour * 0.2617994), lb($6)
	}' >"$file.tmp"
[ "$(wc -l <"$file.tmp")" -gt 100 ] || { echo "job-times.sh: fewer than 100 finished jobs since $since: give an earlier day, as 2026-01-01" >&2; exit 1; }
mv "$file.tmp" "$file"
