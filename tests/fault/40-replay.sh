#!/bin/bash
# 40-replay.sh: databases lost, or restored from an older copy: the spool and the log of blocks give the same charges again, and
# what was paid is not paid twice.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

STATE=$AIC_LAB/state/aic
BACKUP=$AIC_LAB/backup
# Without what receipts told: nodes delete them once they are acknowledged, so that a lost database loses them.
usage() { aic report usage -P | cut -d'|' -f1-4,6-; }
payouts() { aic report payouts -P | cut -d'|' -f1-7 | sort; }
copy() { rm -rf "$BACKUP" && cp -a "$STATE" "$BACKUP"; }
restore() { cp -a "$BACKUP/$1" "$STATE/" && rm -f "$STATE/$1"-{wal,shm} && cp -a "$BACKUP/$1"-* "$STATE/" 2>/dev/null; }
balances() { aic balance --format json >"$AIC_LAB/$1.json" && aic ledger status --format json >"$AIC_LAB/status-$1.json"; }
receipts_gone() { [ -z "$(find "$AIC_LAB"/state/node/*/receipts -name '*.receipt' -print -quit)" ]; }
held() { aic balance -P | cut -d'|' -f1,3; }

lab_begin_all
slurmctld_mark
script "$LAB_ADA" job.sh <<<'srun sleep 1'
script "$LAB_BEN" job.sh <<<'sleep 2'

first=$(submit "$LAB_ADA" --array=0-3 job.sh)
second=$(submit "$LAB_BEN" --nodes=2 --gres=gpu:a100:1 job.sh)
job_wait "$first"
job_wait "$second"
wait_for 30 runs_are 5
wait_for 20 receipts_gone
daemon_stop aicacctd
copy
acctd_start
third=$(submit "$LAB_BEN" --gres=gpu:a100:2 --aic-dataset=fashion-mnist job.sh)
job_wait "$third"
passes "six runs are charged" wait_for 30 runs_are 6
wait_for 20 receipts_gone
usage_was=$(usage) payouts_was=$(payouts)

daemon_stop aicacctd
restore accounting.db
acctd_start
passes "with accounting.db from an older copy the spool gives what is missing" wait_for 30 runs_are 6
is "the same usage, to the unit" "$(usage)" "$usage_was"
is "the same payouts" "$(payouts)" "$payouts_was"

daemon_kill aicacctd
rm "$STATE"/accounting.db*
acctd_start
passes "without accounting.db all comes from the spool" wait_for 30 runs_are 6
is "the same usage again" "$(usage)" "$usage_was"
is "the same payouts again" "$(payouts)" "$payouts_was"

# --- after a payout ---

balances before
aic report payouts --format json >"$AIC_LAB/payouts.json"
passes "a batch is closed" aic batch close
passes "approved" aic batch approve
passes "and posted" aic batch post
aic report payouts --format json >"$AIC_LAB/payouts.json"
balances after
is "every wallet moved by what the report says" \
	"$(cd "$AIC_LAB" && python3 "$FAULT/settled.py" before.json after.json payouts.json status-before.json status-after.json 2>&1)" "all add up"
held_was=$(held)

daemon_kill aicledgerd
rm "$STATE"/ledger/state.db*
ledgerd_start
passes "without its state aicledgerd replays the blocks" aic ledger verify
is "to the same balances" "$(held)" "$held_was"

daemon_stop aicacctd
restore accounting.db # from before the batch
acctd_start
wait_for 30 runs_are 6
aic batch close >/dev/null 2>&1
aic batch approve >/dev/null 2>&1
words=$(aic batch post 2>&1)
echo "# posting once more says: $(tail -n 1 <<<"$words")"
is "with accounting.db from before the batch nobody is charged twice" "$(held)" "$held_was"
passes "the ledger verifies" aic ledger verify
slurmctld_same
