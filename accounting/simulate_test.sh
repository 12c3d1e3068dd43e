#!/bin/bash
# simulate_test.sh: `aic simulate` against tests/independent, and what it says about files that it cannot read. Prints TAP lines.
set -u
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
AIC=$(cd "${AIC_BUILD:-.}" && pwd)/aic
DIR=$(mktemp -d /tmp/aic-simulate-test-XXXXXX)
trap 'rm -rf "$DIR"' EXIT
cd "$DIR" || exit 1
count=0 failed=0
ok() { # ok NAME: the status of the command before decides
	local status=$?
	count=$((count + 1))
	if [ $status = 0 ]; then echo "ok $count - $1"; else failed=$((failed + 1)); echo "not ok $count - $1"; fi
}
says() { # says STATUS TEXT -- ARGS...: aic simulate ends with STATUS and says TEXT
	local want=$1 text=$2 got
	shift 3
	"$AIC" simulate "$@" >out 2>&1
	got=$?
	[ $got = "$want" ] && grep -qF -- "$text" out || { echo "# exit $got: $(head -n 3 out)"; return 1; }
}
PYTHONDONTWRITEBYTECODE=1 python3 "$TOP/tests/independent/simulate_check.py" "$AIC" "${AIC_ECONOMIES:-1000}" >checked
status=$?
grep '^#' checked
[ $status = 0 ]
ok "$(sed -n 's/^\(not \)\{0,1\}ok 1 - //p' checked)"

echo "providers: [{name: lab-one, organisation: one, nodes: 'n[1-2]'}]" >old.yaml
echo "providers: [{name: lab-one, organisation: one, nodes: n1}, {name: lab-two, organisation: two, nodes: n2}]" >new.yaml
node='{"cpus": 8, "mem_mib": 64000, "gpus": [{"type": "a100", "count": 2}]'
job='{"cluster": "lab", "job_id": 7, "account": "physics", "submit": 1000, "start": 2000, "end": 9200, "state": "COMPLETED", "nodes": ['
echo "$job$node, \"name\": \"n2\"}]}" >records
says 0 "provider/lab-two|account/physics|hardware|1|2.285|0.2285|2.0565|0|0|2.0565|0|+2.0565|" -- -p new.yaml -a old.yaml -r records -P &&
	grep -qF "provider/lab-one|account/physics|hardware|0|0|0|0|0|0|0|2.0565|-2.0565|no longer paid" out
ok "a change of owners is shown against what was paid"
{ cat records; echo "{\"job_id\":"; } >cut
says 1 "cut:2: no JSON" -- -p old.yaml -r cut
ok "a broken line is named"
sed 's/COMPLETED/DONE/' records >wrong
says 1 'wrong:1: "state": "DONE" is none of AIC'"'"'s states' -- -p old.yaml -r wrong
ok "an unknown state is named"
sed 's/"cpus": 8/"cpus": -8/' records >wrong
says 1 'wrong:1: "cpus" is no whole number' -- -p old.yaml -r wrong
ok "a negative figure is named"
echo "rates: {cpus: 1}" >typo.yaml
says 2 'typo.yaml:1: key "cpus" is not known' -- -p typo.yaml -r records
ok "an unknown key of a policy is named with its line"
says 1 "nowhere: cannot be read" -- -p old.yaml -r nowhere
ok "a missing file is named"
says 2 "--policy FILE and --records FILE are needed" -- -p old.yaml
ok "what is needed is said"
echo "1..$count"
[ $failed = 0 ]
