# Usages of Slurm that have nothing to do with AIC come out the same with its plugins as without.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$TESTS/cluster/plain.sh"
lab_begin_all
with=$(plain_usages 2>&1)
aic_stop
slurm_stop
AIC_LAB_PLUGINS=no
slurm_configure
slurm_start
without=$(plain_usages 2>&1)
while IFS= read -r line; do
	usage=${line%%:*}
	is "$usage" "$(grep "^$usage:" <<<"$with")" "$line"
done <<<"$without"
is "as many lines" "$(wc -l <<<"$with")" "$(wc -l <<<"$without")"
