#!/bin/bash
# run.sh: runs every program of tests/bench that is built and writes its rows into doc/benchmarks.md. `make bench` calls it. One that
# ends with 77 cannot be measured here: it says why, and its rows go.
set -euo pipefail
[ $# -ge 1 ] || { echo "Usage: tests/bench/run.sh DOC PROGRAM..." >&2; exit 2; }
doc=$1
shift
begin='<!-- rows: begin -->'
end='<!-- rows: end -->'
for mark in "$begin" "$end"; do
	grep -qF -- "$mark" "$doc" || { echo "run.sh: $doc has no line \"$mark\": restore it from the repository" >&2; exit 1; }
done
rows=$(mktemp)
trap 'rm -f "$rows"' EXIT
for program in "$@"; do
	echo "bench: $(basename "$program")" >&2
	"$program" | tee /dev/stderr | grep '^|' >>"$rows" || {
		[ "${PIPESTATUS[0]}" != 77 ] || continue # it said what it lacks
		echo "run.sh: $program gave no figure" >&2
		exit 1
	}
done
machine="$(nproc) cores, $(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -1)"
new=$(mktemp)
trap 'rm -f "$rows" "$new"' EXIT
awk -v begin="$begin" -v end="$end" -v rows="$rows" -v machine="$machine" '
	$0 == begin { print; print ""; print "Measured on " machine "."; print ""
	              print "| what | ratio | goal | absolute |"; print "|---|---|---|---|"
	              while ((getline line < rows) > 0) print line; print ""; skip = 1 }
	$0 == end { skip = 0 }
	!skip { if ($0 != begin) print }' "$doc" >"$new"
cat "$new" >"$doc"
