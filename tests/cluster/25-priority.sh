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

doctor_says() { aic doctor -P | grep -E "^[a-z]+\\|$1\\|"; }
like "aic doctor tells the weights" "$(doctor_says PrioritySiteFactorPlugin)" "^ok\\|[^|]*\\|.*up to 1000 points for the wallet's rating, 300 for warm data"
like "and that aicacctd's user is an operator" "$(doctor_says "Slurm's rights")" "^ok\\|[^|]*\\|$AIC_LAB_SERVICE may release .*AdminLevel Operator"
like "and that MPI's fence is safe" "$(doctor_says PMIxCollFence)" "^ok\\|[^|]*\\|is ring"
quietly sacctmgr -i modify user "$AIC_LAB_SERVICE" set AdminLevel=None
like "who is none is told how to become one" "$(doctor_says "Slurm's rights")" \
	"^bad\\|[^|]*\\|$AIC_LAB_SERVICE has AdminLevel None: it cannot release jobs that AIC holds\\|sacctmgr modify user $AIC_LAB_SERVICE set AdminLevel=Operator"
quietly sacctmgr -i delete user "$AIC_LAB_SERVICE"
like "so is who is no user of slurmdbd" "$(doctor_says "Slurm's rights")" \
	"^bad\\|[^|]*\\|$AIC_LAB_SERVICE is no user in slurmdbd.*\\|sacctmgr add user $AIC_LAB_SERVICE Account=root AdminLevel=Operator"
daemon_stop slurmdbd
like "nobody is accused while slurmdbd is down" "$(doctor_says "Slurm's rights")" "^warn\\|[^|]*\\|slurmdbd does not say the AdminLevel of $AIC_LAB_SERVICE"
rm "$AIC_LAB/etc/mpi.conf"
sed -i 's,^PriorityType=.*,PriorityType=priority/basic,' "$AIC_LAB/etc/slurm.conf"
slurmctld_stop
slurmctld_start
like "a PriorityType that asks no site factor is named" "$(doctor_says PriorityType)" "^warn\\|[^|]*\\|is priority/basic, which asks no site factor.*\\|set PriorityType=priority/multifactor"
like "so is a fence that is not" "$(doctor_says PMIxCollFence)" \
	"^warn\\|[^|]*\\|is [a-z]+: with Slurm 22.05.*can then crash in MPI_Init on nodes under load\\|write PMIxCollFence=ring into mpi.conf"
sed -i '/^PrioritySiteFactor/d' "$AIC_LAB/etc/slurm.conf"
slurmctld_stop
slurmctld_start
like "without the plugin it says so" "$(doctor_says PrioritySiteFactorPlugin)" "^ok\\|[^|]*\\|is [^|]*: AIC changes no job's priority"
