#!/bin/bash
# run_test.sh: aic-run tells programs their rank, keeps logs, passes signals on and names who fails. Prints TAP lines.
set -u
BUILD=$(cd "${AIC_BUILD:-.}" && pwd)
RUN=$BUILD/aic-run
DIR=$(mktemp -d /tmp/aic-run-test-XXXXXX)
trap 'rm -rf "$DIR"' EXIT
cd "$DIR" || exit 1
for name in $(env | sed -n 's/^\(\(SLURM\|OMPI\|PMI\|MASTER\|NCCL\)[A-Z0-9_]*\)=.*/\1/p'); do unset "$name"; done
count=0 failed=0
ok() { # ok NAME: the status of the command before decides
	local status=$?
	count=$((count + 1))
	if [ $status = 0 ]; then echo "ok $count - $1"; else failed=$((failed + 1)); echo "not ok $count - $1"; fi
}
# fake RANK SIZE LOCAL NODE TASKS: as srun sets them; the nodes resolve
fake() {
	export SLURM_JOB_ID=77 SLURM_STEP_ID=3 SLURM_PROCID=$1 SLURM_STEP_NUM_TASKS=$2 SLURM_LOCALID=$3 SLURM_NODEID=$4
	export SLURM_STEP_TASKS_PER_NODE=$5 SLURM_STEP_NODELIST=localhost SLURMD_NODENAME=node$4
}
value() { sed -n "s/^$1=//p" "$2"; }

"$RUN" -q -d alone -- env >alone.out 2>&1
[ "$(value RANK alone.out) $(value WORLD_SIZE alone.out) $(value LOCAL_RANK alone.out) $(value LOCAL_WORLD_SIZE alone.out)" = "0 1 0 1" ] &&
	[ "$(value MASTER_ADDR alone.out)" = 127.0.0.1 ] && [ "$(value MASTER_PORT alone.out)" -ge 20000 ] && [ -n "$(value NCCL_SOCKET_IFNAME alone.out)" ]
ok "one process alone is rank 0 of 1"
cmp -s alone.out alone/rank-0.log
ok "its output is in its log and on the terminal"
jq -es 'map(.event) == ["start", "end"] and .[1].status == 0' alone/rank-0.jsonl >/dev/null
ok "its metrics are JSON lines"

(fake 1 3 1 0 "2,1"; "$RUN" -q -d three -- env >three1.out 2>&1) &
(fake 2 3 0 1 "2,1"; "$RUN" -q -d three -- env >three2.out 2>&1) &
(fake 0 3 0 0 "2,1"; "$RUN" -d three -- env >three0.out 2>three0.err)
ok "three ranks find each other"
wait
for r in 0 1 2; do
	echo "$(value RANK three$r.out) $(value WORLD_SIZE three$r.out) $(value LOCAL_RANK three$r.out) $(value LOCAL_WORLD_SIZE three$r.out) \
$(value MASTER_ADDR three$r.out)"
done >three.txt
printf '%s\n' "0 3 0 2 localhost" "1 3 1 2 localhost" "2 3 0 1 localhost" | cmp -s - three.txt
ok "each has its rank, local rank and the first node"
port=$(value MASTER_PORT three0.out)
[ -n "$port" ] && [ "$port" = "$(value MASTER_PORT three1.out)" ] && [ "$port" = "$(value MASTER_PORT three2.out)" ]
ok "and the same port"
grep -q "MASTER_ADDR=localhost MASTER_PORT=$port NCCL_SOCKET_IFNAME=" three0.err && grep -q "use srun --mpi=pmix" three0.err
ok "rank 0 prints what was chosen, and that MPI programs would start alone"

python3 - "$port" <<'EOF' &
import socket, sys, time
s = socket.socket(); s.bind(("", int(sys.argv[1]))); s.listen(); open("held", "w").close(); time.sleep(60)
EOF
holder=$!
for _ in $(seq 100); do [ -e held ] && break; sleep 0.05; done
(fake 0 1 0 0 1; "$RUN" -q -d busy -- env >busy.out 2>&1)
kill $holder; wait $holder 2>/dev/null
[ "$(value MASTER_PORT busy.out)" -gt 0 ] && [ "$(value MASTER_PORT busy.out)" != "$port" ]
ok "a port in use is not chosen"

(export MASTER_ADDR=10.9.8.7 MASTER_PORT=4321 NCCL_SOCKET_IFNAME=ib7; fake 0 1 0 0 1; "$RUN" -q -d own -- env >own.out 2>&1)
[ "$(value MASTER_ADDR own.out) $(value MASTER_PORT own.out) $(value NCCL_SOCKET_IFNAME own.out)" = "10.9.8.7 4321 ib7" ]
ok "what the user set stands"

"$RUN" -q -d status -- sh -c 'echo first; echo last >&2; exit 7' >status.out 2>status.err
[ $? = 7 ] && grep -q "aic-run: rank 0 on .*: sh exited with status 7 after 00:00:0.*status/rank-0.log, its last lines:" status.err &&
	grep -q "rank 0| last" status.err && [ "$(cat status.out)" = first ]
ok "a failing program is named with its node, log and last lines"
(fake 2 4 0 1 "2,2"; MASTER_PORT=1 "$RUN" -q -d killed -- sh -c 'kill -9 $$' 2>killed.err)
[ $? = 137 ] && grep -q "rank 2 on node1: sh was killed by signal 9 (Killed)" killed.err
ok "a killed program is named with the signal"
"$RUN" -q -d none -- ./there-is-none 2>none.err
[ $? = 127 ] && grep -q "there-is-none cannot be started: No such file" none.err
ok "a program that is not there"
"$RUN" 2>usage.err
[ $? = 2 ] && grep -q "which program" usage.err
ok "no program at all is wrong usage"
(fake 5 4 0 1 "2,2"; "$RUN" -q -d odd -- true 2>odd.err)
[ $? = 2 ] && grep -q "SLURM_PROCID=5 does not fit 4 tasks" odd.err
ok "a rank that does not fit the tasks"

cat >loop.sh <<'EOF'
trap 'echo saved; exit 75' USR2
echo ready
while :; do sleep 0.05; done
EOF
"$RUN" -q -d signal -- bash loop.sh >signal.out 2>signal.err &
pid=$!
for _ in $(seq 100); do grep -q ready signal.out && break; sleep 0.05; done
kill -USR2 $pid
wait $pid
[ $? = 75 ] && grep -q saved signal.out
ok "a warning signal reaches the program, its status comes back"
"$RUN" -q -d orphan -- sh -c 'echo $$ >orphan.pid; exec sleep 60' >/dev/null 2>&1 &
pid=$!
for _ in $(seq 100); do [ -s orphan.pid ] && break; sleep 0.05; done
kill -9 $pid
wait $pid 2>/dev/null
gone=1
for _ in $(seq 100); do kill -0 "$(cat orphan.pid)" 2>/dev/null || { gone=0; break; }; sleep 0.05; done
[ $gone = 0 ]
ok "killed itself, it leaves no program behind"
# a step whose ranks watch each other; rank 0 would sleep for a minute
mkdir ckpt && echo old >ckpt/step-1.aickpt && touch -d '1 hour ago' ckpt/step-1.aickpt && echo new >ckpt/step-2.aickpt
began=$SECONDS
(fake 0 2 0 0 "1,1"; "$RUN" -q -d step -c 'ckpt/*.aickpt' -- sleep 60 2>step0.err; echo $? >step0.status) &
(fake 1 2 0 1 "1,1"; "$RUN" -q -d step -- sh -c 'echo so be it; exit 9' >/dev/null 2>step1.err)
[ $? = 9 ] && wait && [ "$(cat step0.status)" = 143 ] && [ $((SECONDS - began)) -lt 40 ] &&
	grep -q "rank 0 on node0 is ended, because rank 1 on node1: sh exited with status 9" step0.err &&
	grep -q "the step has failed: rank 1 on node1: sh exited with status 9; its log is step/rank-1.log" step0.err &&
	grep -q "rank 1| so be it" step1.err
ok "a crash in one rank ends the others, and rank 0 says whose it was"
grep -q "it can go on from ckpt/step-2.aickpt, saved 00:0" step0.err
ok "and from which checkpoint it goes on"
(fake 0 2 0 0 "1,1"; "$RUN" -q -k -d going -- sh -c 'while [ ! -e going/failed-77.3 ]; do sleep 0.05; done; sleep 2; echo through' >going0.out 2>&1; echo $? >going0.status) &
(fake 1 2 0 1 "1,1"; "$RUN" -q -k -d going -- false 2>/dev/null)
wait
[ "$(cat going0.status)" = 0 ] && grep -q through going0.out
ok "with --keep-going the others go on"
(fake 0 2 0 0 "1,1"; "$RUN" -q -b 2 -d gone -- sleep 60 2>gone0.err; echo $? >gone0.status) &
(fake 1 2 0 1 "1,1"; exec "$RUN" -q -b 2 -d gone -- sh -c 'touch gone.ready; exec sleep 60' 2>/dev/null) &
other=$!
for _ in $(seq 200); do [ -e gone.ready ] && break; sleep 0.05; done
kill -9 $other
wait 2>/dev/null
[ "$(cat gone0.status)" = 143 ] && grep -q "the step has failed: rank 1 on node1 has given no sign for [0-9]* s: its node or its aic-run is gone" gone0.err
ok "a rank that gives no sign is named and ends the step"
"$RUN" -q -H 2 -d hang -- sh -c 'echo last words; exec sleep 60' >/dev/null 2>hang.err
[ $? = 143 ] && grep -q "rank 0 on .* hangs: sh has neither printed nor used CPU time for [0-9]* s; its log is hang/rank-0.log" hang.err &&
	jq -es 'last | .event == "end" and (.why | contains("hangs"))' hang/rank-0.jsonl >/dev/null
ok "a program that hangs is named and ended"
"$RUN" -q -H 2 -d busy2 -- sh -c 'i=0; while [ $(date +%s) -lt '$(($(date +%s) + 4))' ]; do :; done; sleep 0.5' 2>busy2.err
[ $? = 0 ] && [ ! -s busy2.err ]
ok "one that computes without a word does not hang"
"$RUN" -H soon -d none -- true 2>soon.err
[ $? = 2 ] && grep -q '"soon" is no number of seconds' soon.err
ok "seconds that are none are wrong usage"
"$RUN" -q -d much -- sh -c 'i=0; while [ $i -lt 20000 ]; do echo "line $i of the output of a program that says much"; i=$((i + 1)); done' >much.out
cmp -s much.out much/rank-0.log && [ "$(wc -l <much.out)" = 20000 ]
ok "long output arrives whole"

echo "1..$count"
[ $failed = 0 ]
