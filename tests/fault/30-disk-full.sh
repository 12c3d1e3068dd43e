#!/bin/bash
# 30-disk-full.sh: the spool's disk full, then the one with aicacctd's and aicledgerd's databases: jobs run on, what cannot be
# written is refused with a sentence or waits, and with room again everything is there once.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

SPOOL=$AIC_LAB/spool/aic STATE=$AIC_LAB/state/aic
end() {
	local status=$?
	umount -l "$SPOOL" "$STATE" 2>/dev/null
	(exit "$status")
	lab_end
}
fill() { head -c 100M /dev/zero >"$1/ballast" 2>/dev/null; chmod 600 "$1/ballast"; }
ctld_said() { grep -acE -- "$1" "$AIC_LAB/log/slurm/slurmctld.log"; }
ctld_says() { [ "$(ctld_said "$1")" -gt 0 ]; }
acctd_says() { [ "$(log_lines aicacctd "$1")" -gt 0 ]; }
balances() { aic balance --format json >"$AIC_LAB/$1.json" && aic ledger status --format json >"$AIC_LAB/status-$1.json"; }
receipts_wait() { find "$AIC_LAB"/state/node/*/receipts -name '*.receipt' | wc -l; }
receipts_gone() { [ "$(receipts_wait)" = 0 ]; }

lab_begin
trap end EXIT
if ! mount -t tmpfs -o "size=64k,mode=2770,uid=$(id -u slurm),gid=$(id -g "$AIC_LAB_SERVICE")" tmpfs "$SPOOL" ||
	! mount -t tmpfs -o "size=8m,mode=750,uid=$(id -u "$AIC_LAB_SERVICE"),gid=$(id -g "$AIC_LAB_SERVICE")" tmpfs "$STATE"; then
	ok "a full disk # SKIP mount is refused here, and without a small file system none can be filled"
	exit
fi
lab_start_cluster
aic_start
slurmctld_mark
script "$LAB_ADA" job.sh <<<'sleep 1'

# --- the spool ---

one=$(quick "$LAB_ADA")
passes "with room a job is charged" wait_for 20 charged "$one"
fill "$SPOOL"
array=$(submit "$LAB_ADA" --array=0-39 job.sh) # more records than what is left in the segment's last page takes
job_wait "$array" 90
is "with the spool's disk full jobs run to their end" "$(job_state "$array" | sort | uniq -c | tr -s ' ')" " 40 COMPLETED"
like "aic doctor names the full disk" "$(doctor 'room for the spool')" "^bad\|room for the spool\|$SPOOL: 0 % .*\|make room on that file system"
passes "slurmctld's log says that records wait in memory, and why" wait_for 10 ctld_says "jobcomp/aic: .*No space left.*job records wait in memory"
is "once, not for each record" "$(ctld_said "job records wait in memory")" 1
slurmctld_same
rm "$SPOOL/ballast"
passes "with room again they are all charged" wait_for 30 runs_are 41
is "each once" "$(accounts 'SELECT count(*), count(DISTINCT job) FROM record')|$(accounts 'SELECT count(*) FROM duplicate')" "41|41|0"
passes "slurmctld's log says so" wait_for 5 ctld_says "jobcomp/aic: the spool .* can be written again"

# --- the databases ---

wait_for 20 receipts_gone
balances before
fill "$STATE"
two=$(submit "$LAB_ADA" --array=0-9 job.sh)
job_wait "$two" 60
is "with the databases' disk full jobs run to their end" "$(job_state "$two" | sort | uniq -c | tr -s ' ')" " 10 COMPLETED"
passes "aicacctd's log says that it cannot take their records, and what to do" wait_for 20 acctd_says "spool .*(full|room).*(make room|free some room)"
refuses "a transfer is refused with a sentence" 1 "room" aic transfer genesis/operating account/physics 7
refuses "closing a batch too" 1 "room" aic batch close
passes "what is known can be read" aic balance
truth "receipts wait at the nodes" "$(receipts_wait) > 0"
slurmctld_same
daemon_kill aicacctd
daemon_kill aicledgerd
rm "$STATE/ballast"
ledgerd_start
acctd_start
passes "with room again, and after kill -9 of both, everything is charged" wait_for 40 runs_are 51
passes "receipts are delivered" wait_for 70 receipts_gone
is "each once" "$(accounts 'SELECT count(*), count(DISTINCT job) FROM record')|$(accounts 'SELECT count(*) FROM duplicate')" "51|51|0"
passes "the ledger verifies" aic ledger verify
balances after
is "nothing was transferred" "$(sums balance physics <"$AIC_LAB/after.json")" "$(sums balance physics <"$AIC_LAB/before.json")"
passes "the same transfer passes now" aic transfer genesis/operating account/physics 7
topped_up() { [ "$(balance physics)" = 1007000000000000000000 ]; }
wait_for 15 topped_up
balances before
passes "a batch is closed" aic batch close
passes "approved" aic batch approve
passes "and posted" aic batch post
balances after
aic report payouts --format json >"$AIC_LAB/payouts.json"
is "every wallet moved by what the report says, to the unit" \
	"$(cd "$AIC_LAB" && python3 "$FAULT/settled.py" before.json after.json payouts.json status-before.json status-after.json 2>&1)" "all add up"
is "aic doctor finds nothing bad" "$(doctor '^bad')" ""
slurmctld_same
