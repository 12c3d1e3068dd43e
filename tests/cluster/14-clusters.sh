# A job's split over nodes reaches slurmdbd in AdminComment, and fills what a spool lost; two clusters in one slurmdbd, their job numbers
# alike, are one site's and told apart.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin
echo "JobCompParams=aic_admin_comment=yes" >>"$AIC_LAB/etc/slurm.conf"
sed -i 's/^clusters: .*/clusters: [aiclab, farlab]/' "$AIC_LAB/etc/aic.yaml"
lab_start_cluster
aic_start

script "$LAB_ADA" work.sh <<<'sleep 2'
first=$(submit "$LAB_ADA" -N1 -n1 --mem=256 work.sh)
passes "a job runs" job_wait "$first"
passes "and is charged" wait_for 60 payout_arrived 1
comment() { sacct -X -n -P -o AdminComment -j "$1"; }
commented() { comment "$1" | grep -qF '{aic:1 '; }
passes "slurmdbd has its split" wait_for 20 commented "$first"
like "behind what the quote left" "$(comment "$first")" "^aic: up to .* \{aic:1 restart=0 n[1-4]:1:256\}"

daemon_stop aicacctd
second=$(submit "$LAB_ADA" -N2 -n3 -m plane=2 --mem=256 --aic-dataset=fashion-mnist work.sh)
passes "another runs on two nodes while aicacctd is down" job_wait "$second"
wait_for 20 commented "$second"
held=$(comment "$second" | grep -o '{aic:1 .*}')
sleep 2
find "$AIC_LAB/spool/aic" -name '*.spool' -delete
acctd_start
wait_for 30 aic_rich physics 1
like "its record is gone with the spool, and missed" "$(aic reconcile -P)" "$second\|aiclab\|missing here\|"
like "it is filled in, and is no estimate" "$(aic reconcile --fill -P)" "$second\|aiclab\|missing here\|[^|]*\|[^|]*\|[^|]*\|[^|]*\|[^|]*\|filled in\|"
like "as AdminComment says ($held)" "$(aic explain "$second")" "from slurmdbd, nodes' shares from AdminComment"
like "its data set too" "$(aic explain "$second")" "data fashion-mnist: 0.25 AIC from account/physics to account/biology"
agrees() { aic reconcile "${@:2}" | grep -q "$1 runs in slurmdbd since now-7days, 0 differences"; }
passes "after which slurmdbd agrees" agrees 2

# The same machine becomes another cluster, whose jobs count from 1 again.
slurmctld_stop
for node in $LAB_NODES; do daemon_stop "slurmd-$node"; done
sed -i 's/^ClusterName=.*/ClusterName=farlab/' "$AIC_LAB/etc/slurm.conf"
find "$AIC_LAB/state/slurmctld" -mindepth 1 -delete
quietly sacctmgr -i add cluster farlab
quietly sacctmgr -i add account physics cluster=farlab
quietly sacctmgr -i add user "$LAB_ADA" account=physics cluster=farlab
slurmctld_start
slurmd_start
wait_for 60 slurm_idle
far=$(submit "$LAB_ADA" -N1 -n1 --mem=256 work.sh)
is "its first job has a number that the other cluster gave away" "$far" "$first"
passes "it runs" job_wait "$far"
passes "and is charged, as a third run" wait_for 60 payout_arrived 3
passes "slurmdbd agrees on both clusters" wait_for 30 agrees 3
passes "and on one" agrees 1 --cluster farlab
like "each is explained by its cluster" "$(aic explain "$far" farlab)" "job $far of farlab, run 0"
unlike "and by no other" "$(aic explain "$far" farlab)" "of aiclab"
is "jobs are reported by cluster" "$(aic report jobs --cluster farlab -P | awk -F'|' 'NR > 1 { print $1, $2 }')" "$far farlab"
