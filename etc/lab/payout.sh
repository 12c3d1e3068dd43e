# payout.sh: from the job's record to the ledger, as an administrator does it.

# payout_runs: how many runs AIC has charged in this period.
payout_runs() { aic report usage -P | awk -F'|' 'NR > 1 { n += $3 } END { print n + 0 }'; }
payout_arrived() { [ "$(payout_runs)" -ge "$1" ] && [ -z "$(find "$AIC_LAB"/state/node/*/receipts -name '*.receipt' -print -quit)" ]; }

# payout_wait RUNS: records come through the spool, receipts through the nodes' daemons; both within a few seconds.
payout_wait() {
	wait_for 60 payout_arrived "$1" ||
		die "AIC has charged $(payout_runs) of $1 runs, and $(find "$AIC_LAB"/state/node/*/receipts -name '*.receipt' | wc -l) receipts wait: aic doctor tells what is wrong (aicacctd: $(daemon_last_words aicacctd))"
}

payout_run() {
	local batch
	payout_wait "$PAYOUT_RUNS"
	payout_show aic report usage
	batch=$(aic batch close -P 2>>"$LAB_LOG" | awk -F'|' 'NR == 2 { print $1 }')
	[ -n "$batch" ] || die "aic batch close refused: $(tail -n 1 "$LAB_LOG")"
	payout_show aic report payouts
	payout_show aic batch approve "$batch"
	payout_show aic batch post "$batch"
	payout_show aic ledger verify
	PAYOUT_BATCH=$batch
}
payout_show() {
	say ""
	say "\$ $*"
	"$@" || die "$* ended with exit code $?."
}

payout_next_steps() {
	say ""
	say "Five commands worth trying next, after  . $AIC_LAB/env.sh"
	payout_hint "su - $LAB_ADA -c 'sbatch train.sh; squeue'" "another job; its script is yours to change"
	payout_hint "su - $LAB_ADA -c 'aic quote -N4 -t30 -A physics'" "what a job can cost, before it runs"
	payout_hint "aic history provider/lab-south" "what came in, from the ledger"
	payout_hint "aic batch show $PAYOUT_BATCH" "the batch: who pays whom, and why"
	payout_hint "aic doctor" "whether everything is as it should be"
}
payout_hint() { printf '  %-55s %s\n' "$1" "$2"; }
