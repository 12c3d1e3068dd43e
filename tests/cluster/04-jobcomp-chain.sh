# jobcomp/aic hands every job on to the site's other jobcomp plugin.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin
echo "JobCompParams=aic_chain=jobcomp/filetxt,aic_chain_loc=$AIC_LAB/log/slurm/jobcomp.txt" >>"$AIC_LAB/etc/slurm.conf"
lab_start_cluster
aic_start

script "$LAB_ADA" work.sh <<<'exit "${1:-0}"'
one=$(submit "$LAB_ADA" work.sh)
two=$(submit "$LAB_ADA" work.sh 7)
job_wait "$one"
job_wait "$two"
passes "AIC has both" wait_for 30 payout_arrived 2
like "filetxt has the first" "$(cat "$AIC_LAB/log/slurm/jobcomp.txt")" "JobId=$one .*JobState=COMPLETED"
like "and the second" "$(cat "$AIC_LAB/log/slurm/jobcomp.txt")" "JobId=$two .*JobState=FAILED"
like "sacct -c reads it" "$(sacct -c -n -j "$two" 2>&1)" "FAILED"
