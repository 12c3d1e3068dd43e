# Jobs that wait and run reserve what they may still cost: a thousand submits at once cannot together overdraw a wallet.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
aic_fund() { :; }
lab_begin_all
wait_for 30 aic_wallet account/physics

# 10 CPU minutes and 256 MiB at the lab's rates: 10.0625 AIC. The wallet covers ten such jobs, to the unit.
script "$LAB_ADA" work.sh <<<'sleep "${1:-0}"'
passes "a wallet for ten jobs" aic transfer genesis/operating account/physics 100.625
wait_for 15 aic_rich physics 100
snapshot_seen
many() { seq 1000 | as "$LAB_ADA" xargs -P 16 -I{} sbatch --quiet --output=/dev/null -n1 --mem=256 --time=10 --begin=now+1hour work.sh >/dev/null 2>&1; }
many
all() { squeue -h -o "$1"; }
free() { squeue -h -t PENDING -o '%i %Q' | awk '$2 > 0 { print $1 }'; }
held() { squeue -h -t PENDING -o '%i %Q' | awk '$2 == 0 { print $1 }' | sort -n; }
reserved() { aic balance "$1" --format json | sums total reserved; }
is_reserved() { [ "$(reserved "$1")" = "$2" ]; }
is "a thousand submits at once are a thousand jobs" "$(all %i | wc -l)" 1000
is "ten of them may run" "$(free | wc -l)" 10
passes "the reservation is ten times the price, to the unit" wait_for 25 is_reserved physics 100625000000000000000
like "the others say why" "$(scontrol show job "$(held | tail -n 1)")" \
	"account physics holds 0.00 AIC beside 100.62 AIC reserved for its other jobs; this job needs up to 10.07 AIC"
reasons() { squeue -h -t PENDING -o %r | grep -c 'holds_\?.*0.00.*AIC'; }
reasons_are() { [ "$(reasons)" = "$1" ]; }
passes "squeue says it of each" wait_for 15 reasons_are 990
like "the ten say what is reserved" "$(scontrol show job "$(free | tail -n 1)")" 'AdminComment=aic: up to 10.07 AIC \['
one=$(held | tail -n 1)
as "$LAB_ADA" scontrol release "$one" >/dev/null 2>&1
like "the user cannot release one" "$(held)" "(^|[^0-9])$one([^0-9]|\$)"

daemon_stop slurmctld
slurmctld_start
is "a restart forgets no reservation: one more submit is held" \
	"$(one=$(submit "$LAB_ADA" -n1 --mem=256 --time=1 work.sh); sleep 1; held | grep -cx "$one")" 1
passes "nor does aicacctd" wait_for 25 is_reserved physics 100625000000000000000

first=$(held | head -n 1) second=$(held | sed -n 2p)
as "$LAB_ADA" scancel "$(free | head -n 1)" # it cost nothing
is_held() { held | grep -qx "$1"; }
is_free() { ! is_held "$1"; }
passes "what a cancelled job reserved is for the one that has waited longest" wait_for 30 is_free "$first"
passes "and for one only" is_held "$second"
is "which are ten again" "$(free | wc -l)" 10
passes "to the unit" wait_for 25 is_reserved physics 100625000000000000000
