# What AIC adds to a job's priority: points for the rating of its wallet and for warm data, and nothing out of scope.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin
cat >>"$AIC_LAB/etc/slurm.conf" <<-'EOF'
	PriorityType=priority/multifactor
	PriorityCalcPeriod=1
	PrioritySiteFactorPlugin=site_factor/aic
	PrioritySiteFactorParameters=rating=1000,warm=300
EOF
lab_start_cluster
aic_start
snapshot_seen
script "$LAB_ADA" work.sh <<<'true'
plain=$(submit "$LAB_ADA" --begin=now+1hour --time=1 work.sh)
data=$(submit "$LAB_ADA" --begin=now+1hour --time=1 --aic-dataset=fashion-mnist work.sh)
aside=$(submit "$LAB_ADA" -p side --begin=now+1hour --time=1 work.sh)
factor() { as "$LAB_ADA" aic explain --priority "$1" --format json | python3 -c 'import json, sys; print(*[r["points"] for r in json.load(sys.stdin)])'; }
is "a newcomer's rating is half the points" "$(factor "$plain")" "500 0"
is "no node has the data" "$(factor "$data")" "500 0"
is "out of scope there are none" "$(factor "$aside")" "0 0"
mkdir "$AIC_LAB/state/fashion"
echo shirts >"$AIC_LAB/state/fashion/labels"
quietly aic dataset add fashion-mnist "$AIC_LAB/state/fashion"
quietly aic dataset warm fashion-mnist n2
has_data() { scontrol -o show node n2 | grep -q ActiveFeatures=aic-data-fashion-mnist; }
passes "a node gets it" wait_for 20 has_data
is "once a node has it, a new job gets its points" \
	"$(factor "$(submit "$LAB_ADA" --begin=now+1hour --time=1 --aic-dataset=fashion-mnist work.sh)")" "500 300"
is "a job without data does not" "$(factor "$(submit "$LAB_ADA" --begin=now+1hour --time=1 work.sh)")" "500 0"
given=$(submit "$LAB_ADA" --begin=now --dependency="after:$plain" --time=1 --aic-dataset=fashion-mnist work.sh)
is "Slurm's own figure is their sum" "$(field "$given" Priority)" 800
like "and is told the rule" "$(as "$LAB_ADA" aic explain --priority "$plain")" "account physics has a rating of 0.500000; at 1 it would be 1000 points"
refuses "a job that nobody knows" 1 "slurmctld knows no job 99999 that you may see" as "$LAB_ADA" aic explain --priority 99999
