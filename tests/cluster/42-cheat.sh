# etc/quickstart.sh --cheat: weights exchanged in the middle of a training that the site runs: found, with its step, and paid for.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
LAB_JUDGES=yes
lab_begin_all
LAB_CHEAT=yes
job_run >"$AIC_LAB/log/run" 2>&1
step=$(sed -n 's/.*stops it at step \([0-9]*\),.*/\1/p' "$AIC_LAB/log/run")
job=$(sed -n 's/^Submitted job \([0-9]*\),.*/\1/p' "$AIC_LAB/log/run")
truth "it was stopped in the middle (step $step)" "0 < $step < 1170"
like "and went on from the forged checkpoint, like any other" "$(cat "$AIC_LAB/log/run")" "resumed from out at step $step of 1170.*COMPLETED"
session=$SESSION
passes "nodes of two other organisations judge it" session_judge "$session"
shown=$(aic session show "$session" -P)
like "it is refuted" "$shown" "state\|refuted at height [0-9]+, counts 0 ppm"
like "the verifier names the first wrong step" "$shown" "verifier\|[0-9a-f]{64}: differs in segment $((step / 150)), first wrong step $((step + 1))"
like "and the third node the same" "$shown" "third node\|[0-9a-f]{64}: differs in segment $((step / 150)), first wrong step $((step + 1))"
told=$(aic report payouts)
like "the payout report says what was found" "$told" "Session ${session:0:16} of job $job .*: refuted, 0 ppm: segment $((step / 150)) differs from step $((step + 1)) on"
passes "the job's runs are charged on paper" payout_wait 3
like "its lines pay the nodes' owner nothing" "$(aic explain "$job" -P)" "void|held"
quietly aic batch close
batch=$(aic batch list -P | awk -F'|' 'NR == 2 { print $1 }')
quietly aic batch approve "$batch" && quietly aic batch post "$batch"
is "nor does the batch, once it is final" "$(aic report payouts -P | grep -c '^provider/lab-north|physics|hardware|.* final')" 0
before=$(cheat_rated)
passes "after the days of appeal" cheat_rating
truth "the owner is trusted less" "$(cheat_rated) < $before"
passes "the ledger verifies" aic ledger verify
