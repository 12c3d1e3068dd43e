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

fail() { echo "sim_test: $*" >&2; exit 1; }

[ -x "$SIM" ] || fail "$SIM is not built: make tests/sim/sim"
"$SIM" --seeds "1..$SEEDS" || fail "a seed failed"
planted=0
while read -r kind checks; do
	[ -n "$kind" ] || continue
	said=$("$SIM" --plant "$kind" --seeds 1..60) || fail "$said"
	echo "$said"
	by=$(sed -n 's/.* caught by \([a-z-]*\) .*/\1/p' <<<"$said")
	[[ " $checks " == *" $by "* ]] || fail "plant $kind was noticed by $by, not by one of: $checks"
	planted=$((planted + 1))
done <<<"$PLANTS"
[ "$planted" = "$("$SIM" --list | wc -l)" ] || fail "$planted kinds are planted here, the simulator knows $("$SIM" --list | wc -l)"
[ "$("$SIM" --seed 7 --trace | sed '$d' | sha256sum)" = "$("$SIM" --seed 7 --trace | sed '$d' | sha256sum)" ] || fail "seed 7 does not replay exactly"
