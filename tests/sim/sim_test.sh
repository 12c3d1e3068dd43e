#!/bin/bash
# sim_test.sh: 500 seeds of the simulator without a failed check, each planted fault noticed by the check that is meant for it, and
# a seed that gives the same run twice. AIC_BUILD is the build whose tests/sim/sim runs.
set -uo pipefail
SIM=${AIC_BUILD:-.}/tests/sim/sim
SEEDS=${AIC_SIM_SEEDS:-500}

# KIND and the checks of which one must notice it, within 60 seeds.
PLANTS="
drop       convergence replay agreement
delay      final-before-answer
repeat     convergence replay
reorder    convergence replay
ambiguous  one-block
crash      no-doubling
torn       no-loss convergence replay
full       convergence replay no-loss
skew       convergence replay agreement
invalid    convergence replay
huge       convergence replay
twice      one-attestation
root       finality
signature  finality
two-logs   one-attestation no-loss agreement
forgets    one-attestation no-loss agreement
"

TESTED=0 BROKEN=0
# told NAME STATUS: a line of TAP.
told() {
	TESTED=$((TESTED + 1))
	if [ "$2" = 0 ]; then echo "ok $TESTED - $1"; else BROKEN=1; echo "not ok $TESTED - $1"; fi
}

[ -x "$SIM" ] || { echo "Bail out! $SIM is not built: make tests/sim/sim"; exit 1; }
said=$("$SIM" --seeds "1..$SEEDS")
status=$?
sed 's/^/# /' <<<"$said"
told "$SEEDS seeds, no failed check" "$status"
judged=$(sed -n 's/.* \([0-9]*\) sessions judged.*/\1/p' <<<"$said")
[ "${judged:-0}" -ge $((SEEDS / 5)) ]
told "sessions were judged under all of it: ${judged:-0}" $?
planted=0
while read -r kind checks; do
	[ -n "$kind" ] || continue
	said=$("$SIM" --plant "$kind" --seeds 1..60)
	echo "# $said"
	by=$(sed -n 's/.* caught by \([a-z-]*\) .*/\1/p' <<<"$said")
	[ -n "$by" ] && [[ " $checks " == *" $by "* ]]
	told "$kind, planted, is caught by a check that is meant for it" $?
	planted=$((planted + 1))
done <<<"$PLANTS"
[ "$planted" = "$("$SIM" --list | wc -l)" ]
told "each kind that the simulator knows is planted here" $?
[ "$("$SIM" --seed 7 --trace | sed '$d' | sha256sum)" = "$("$SIM" --seed 7 --trace | sed '$d' | sha256sum)" ]
told "a seed replays exactly" $?
said=$("${SIM%sim}lottery" --blocks 100 --seed 2)
rc=$?
while read -r line; do echo "# $line"; done <<<"$said"
told "100 nodes of 20 sites draw, join and leave: the rate of blocks holds, their shares are the nodes'" $rc
echo "1..$TESTED"
exit "$BROKEN"
