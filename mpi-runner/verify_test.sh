#!/bin/bash
# verify_test.sh: aic-verify agrees with what aic-train did, on other numbers of ranks and threads and other instruction sets; it names the step
# in what was changed; and says what is wrong with its input. AIC_BUILD: the build to test [.]. Prints TAP lines.
set -u
. "$(dirname "${BASH_SOURCE[0]}")/ranks.lib.sh"
sed -n 's/seed: 11/seed: '"$("$BUILD/aic-verify-ask" seed "$DIR/spec.yaml")"'/; s/checkpoint_every: 5/checkpoint_every: 5, keep: 100/; p' "$DIR/spec.yaml" >"$DIR/own.yaml"
train 3 "$DIR/run" "$DIR/own.yaml" >/dev/null
ok "a session is trained on 3 ranks"
"$BUILD/aic-verify-ask" ask "$DIR/spec.yaml" "$DIR/run" "$DIR/question"
ok "and asked about"
# verify RANKS [ARG]...: status is aic-verify's
verify() {
	local ranks=$1
	shift
	mpirun --allow-run-as-root --oversubscribe -n "$ranks" "$BUILD/aic-verify" --quiet "$@" 2>"$DIR/err" >"$DIR/out"
}
for how in "1 scalar 1" "2 avx2 2" "4 avx512 1" "8 scalar 2"; do
	read -r ranks simd threads <<<"$how"
	AIC_SIMD=$simd "$TRAIN" --quiet --fresh --run-dir "$DIR/none" "$DIR/nowhere" 2>&1 | grep -q "this processor has no" && continue
	AIC_SIMD=$simd AIC_THREADS=$threads verify "$ranks" --result "$DIR/result" "$DIR/question" "$DIR/run" && grep -q "agrees after 36 step" "$DIR/out" &&
		[ -s "$DIR/result" ] || { cat "$DIR/out" "$DIR/err" | sed 's/^/# /'; false; }
	ok "it agrees with $ranks rank(s), $simd, $threads thread(s)"
done
cp -r "$DIR/run" "$DIR/damaged"
printf '\x55' | dd of="$DIR/damaged/step-0000000010.aickpt" bs=1 seek=9000 conv=notrunc 2>/dev/null
verify 2 "$DIR/question" "$DIR/damaged"
[ $? = 10 ] && grep -q "withheld after 10 step(s): checkpoint 2 of step 10" "$DIR/out"
ok "a byte of a checkpoint: withheld, exit status 10"
sed 's/lr: 5e-3/lr: 6e-3/' "$DIR/own.yaml" >"$DIR/other.yaml"
train 2 "$DIR/other" "$DIR/other.yaml" >/dev/null
"$BUILD/aic-verify-ask" ask "$DIR/spec.yaml" "$DIR/other" "$DIR/question2"
verify 3 "$DIR/question2" "$DIR/other"
[ $? = 9 ] && grep -q "differs after 0 step(s): segment 0, step 1:" "$DIR/out"
ok "a run with another learning rate: differs at step 1, exit status 9"
refused() { # WHAT PATTERN STATUS ARG...: one sentence
	local what=$1 pattern=$2 status=$3 out
	shift 3
	out=$("$BUILD/aic-verify" --quiet "$@" 2>&1 >/dev/null)
	[ $? = "$status" ] && grep -q -- "$pattern" <<<"$out" || { sed 's/^/# /' <<<"$out"; false; }
	ok "$what"
}
refused "no session" "which session? Give QUESTION and its FOLDER" 2 "$DIR/question"
refused "no such question" "nowhere" 1 "$DIR/nowhere" "$DIR/run"
refused "a question that is none" "what a verifier is asked" 1 "$DIR/spec.yaml" "$DIR/run"
echo "1..$count"
[ $failed = 0 ]
