# Data sets and models of the ledger: quoted, charged and paid by its terms, what a model was made from its share; reports by asset.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin_all
conf=$AIC_LAB/etc/aic.yaml
row() { sed -nE 's/^  - (\{name: .*\})$/\1/p' <<<"$1"; }
name_asset() { # ROW: aic.yaml names it by its number, and aicacctd starts anew
	sed -i "s|^assets:|assets:\n  - $1|" "$conf"
	daemon_stop aicacctd
	acctd_start
}

refuses "an ordinary user registers nothing" 1 "for administrators" as "$LAB_ADA" aic asset register faces --kind data --owner account/biology
faces=$(row "$(aic asset register faces --kind data --owner account/biology --per-job 0.5 --licence CC-BY-4.0)")
name_asset "$faces"
net=$(row "$(aic asset register net --kind trained --owner provider/lab-south --per-job 1 --per-gpu-hour 2 --parent faces=250000)")
sed -i "s|^  - $faces|&\n  - $net|" "$conf"
daemon_stop aicacctd
acctd_start
is "both are in use" "$(aic asset list -P | awk -F'|' 'NR > 1 { print $1, $2, $3, $4, $8, $9 }')" \
	"$(printf '%s\n' "faces data account/biology 0.5 in use " "net trained provider/lab-south 1 in use faces=250000")"

script "$LAB_ADA" work.sh <<<'sleep 2'
use=(-N1 -n1 --mem=256 --time=1 --aic-dataset=faces --aic-model=net)
costs() { as "$LAB_ADA" aic quote --format json "$@" work.sh | sums total total; }
asset_known() { as "$LAB_ADA" aic quote "${use[@]}" work.sh; }
passes "quotes know them" wait_for 30 asset_known
with=$(costs "${use[@]}") without=$(costs -N1 -n1 --mem=256 --time=1)
is "a quote has both prices" "$(sums calc "$with - $without")" 1500000000000000000
job=$(submit "$LAB_ADA" "${use[@]}" work.sh)
passes "a job uses both" job_wait "$job"
passes "it is charged" wait_for 60 payout_arrived 1
told=$(aic explain "$job" -P)
like "the terms are told the terms and where they stand" "$told" \
	"terms\|data set faces: 0.5 AIC per job, once a job, and 0 AIC per GPU hour, to account/biology; licence CC-BY-4.0; to verify by: members\|the ledger's terms at submit, asset 0x[0-9a-f]{64}"
unlike "its user is not told which provider owns the model" "$(as "$LAB_ADA" aic explain "$job" -P)" "lab-south"
like "and who shares what the model earns" "$told" "share\|net, of provider/lab-south: keeps 750000 ppm, 250000 ppm to faces"
like "the model's owner gets the rest" "$told" "charge\|model net: 0.75 AIC from account/physics to provider/lab-south"
like "the data set's its share" "$told" "charge\|model faces: 0.25 AIC from account/physics to account/biology\|its share"

passes "the price of a job goes up" aic asset terms faces --per-job 3
dearer() { [ "$(costs "${use[@]}")" != "$with" ]; }
passes "quotes follow" wait_for 30 dearer
second=$(submit "$LAB_ADA" -N1 -n1 --mem=256 --time=1 --aic-dataset=faces work.sh)
passes "a second job pays it" job_wait "$second"
passes "its charge arrives" wait_for 60 payout_arrived 2
like "by the new terms" "$(aic explain "$second")" "data faces: 3 AIC from account/physics"
like "the first keeps its own" "$(aic explain "$job")" "data faces: 0.5 AIC from account/physics"

batch=$(aic batch close -P | awk -F'|' 'NR == 2 { print $1 }')
aic batch approve "$batch" >/dev/null
passes "the batch is posted" aic batch post "$batch"
is "payouts by asset: both kinds under which it earned, to the unit" \
	"$(aic report payouts --asset faces -P | awk -F'|' 'NR > 1 && $1 !~ /^=/ { print $1, $3, $4, $5 }')" \
	"$(printf '%s\n' "account/biology data 2 3.5" "account/biology model 1 0.25")"
is "jobs that used it" "$(aic report jobs --asset faces -P | tail -n +2 | cut -d'|' -f1 | sort -n | xargs)" "$job $second"
passes "its evidence stands" aic batch verify "$batch"
passes "the ledger replays" aic ledger verify

passes "it is retired" aic asset retire faces
gone() { grep -q 'data set "faces" is not registered' <<<"$(as "$LAB_ADA" aic quote "${use[@]}" work.sh 2>&1)"; }
passes "no new job uses it" wait_for 30 gone
