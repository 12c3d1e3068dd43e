# cheat.sh: who owns the nodes has root there, and forges: the training is stopped as for maintenance, its weights are exchanged in the newest
# checkpoint, under a root that fits them, and it goes on from there as if nothing had been.

# cheat JOB
cheat() {
	local out
	wait_for 60 cheat_trains "$1" || die "job $1 does not get to its third checkpoint: $(squeue -h -j "$1" -o '%T %r')"
	out=$(cheat_folder "$1")
	quietly scancel --signal=USR2 "$1"
	wait_for 30 cheat_waits "$1" || die "job $1 was not requeued: $(squeue -h -t all -j "$1" -o '%T %r')"
	CHEAT_FILE=$(cheat_newest "$out")
	quietly python3 "$LAB_ETC/lab/forge.py" "$CHEAT_FILE" || die "forge.py: $(tail -n 1 "$LAB_LOG")"
	quietly aic-train check "$CHEAT_FILE" || die "the forgery is no whole checkpoint: $(tail -n 1 "$LAB_LOG")"
	PAYOUT_RUNS=$((PAYOUT_RUNS + 1))
	say "    (the owner of n1 stops it at step $(cheat_step "$CHEAT_FILE"), exchanges weights in the checkpoint, and lets it go on)"
	# Slurm refuses a job's credential in the second in which it revoked the one before.
	quietly scontrol update "JobId=$1" StartTime=now+3 || true
}
cheat_folder() { echo "$(scontrol -o show job "$1" | grep -oE 'WorkDir=[^ ]+' | cut -d= -f2)/out"; }
cheat_newest() { find "$1" -name 'step-*.aickpt' | sort | tail -n 1; }
cheat_step() { basename "$1" .aickpt | sed 's/step-0*//'; }
cheat_trains() { [ "$(session_commitments)" -ge 3 ] && [ "$(job_state "$1")" = RUNNING ]; }
session_commitments() { aic session list --format json --max 1 | python3 -c 'import json, sys; rows = json.load(sys.stdin); print(rows[0]["checkpoints"] if rows and rows[0]["state"] == "open" else 0)'; }
# Requeued, and its steps are gone: elsewhere Slurm's two minutes see to it that a step does not meet the former one of its number.
cheat_waits() { [ "$(job_state "$1")" = PENDING ] && [ -z "$(find "$AIC_LAB"/state/slurmd/n[12] "(" -name "n[12]_$1.*" -o -name "stepd.slurm.pmix.$1.*" ")" -print -quit)" ]; }

# The appeal's three days go by on aicledgerd's clock alone; then the rating falls.
cheat_rating() {
	local before after
	before=$(cheat_rated)
	say ""
	say "Three days pass without an appeal (aicledgerd's clock is set ahead by them)."
	daemon_stop aicledgerd
	echo $(($(cat "$AIC_LAB/.days" 2>/dev/null || echo 0) + 4)) >"$AIC_LAB/.days"
	ledgerd_start
	wait_for 60 cheat_fell "$before" || die "the rating of lab-north is $(cheat_rated) still: aic session show $SESSION"
	after=$(cheat_rated)
	say "\$ aic ledger wallets provider/lab-north"
	aic ledger wallets provider/lab-north || true
	say "lab-north: rating $before ppm before, $after ppm now."
}
cheat_rated() { aic ledger wallets --format json | python3 -c 'import json, sys; print(*[w["rating_ppm"] for w in json.load(sys.stdin) if w["wallet"] == "provider/lab-north"])'; }
cheat_fell() { [ "$(cheat_rated)" -lt "$1" ]; }
