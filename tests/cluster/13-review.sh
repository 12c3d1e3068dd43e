# Two administrators review a batch with their keys, as the site's policy on the ledger asks: a penalty, storage, a refund, each to the unit.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin
printf 'administrators: {users: [%s]}\napprovals: 2\n' "$LAB_BEN" >>"$AIC_LAB/etc/aic.yaml"
sed -i 's/^  mem_gib: 1.5/  mem_gib: 1.5\n  storage_gib_month: 3/' "$AIC_LAB/etc/aic.yaml"
lab_start_cluster
aic_start

keys=$AIC_LAB/home/$LAB_BEN/keys
install -d -m 700 "$AIC_LAB/keys"
as "$LAB_BEN" mkdir -m 700 keys
passes "root makes a key" aic key new "$AIC_LAB/keys/root.key"
passes "so does the second administrator" as "$LAB_BEN" aic key new keys/ben.key
passes "both are registered" eval "aic key register --role admin root $AIC_LAB/keys/root.key.pub && aic key register --role admin ben $keys/ben.key.pub"
passes "the policy asks for two signatures" aic key policy 2

script "$LAB_ADA" work.sh <<<'sleep 3'
job=$(submit "$LAB_ADA" -N1 -n1 --mem=256 --aic-dataset=fashion-mnist work.sh)
passes "a job runs" job_wait "$job"
passes "and is charged" wait_for 60 payout_arrived 1
# 100 GiB for two hours at 3 AIC a GiB and 30 days: 100 x 3 x 7,200 / 2,592,000 AIC
now=$(date -u +%FT%TZ) then=$(date -u -d '-2 hours' +%FT%TZ)
refuses "an ordinary user declares no storage" 1 "only administrators" as "$LAB_ADA" aic storage held fashion-mnist 100GiB --provider lab-south --since "$then" --until "$now"
like "what a provider holds is declared" "$(aic storage held fashion-mnist 100GiB --provider lab-south --since "$then" --until "$now" 2>&1)" "lab-south holds fashion-mnist: declared"
like "once" "$(aic storage held fashion-mnist 100GiB --provider lab-south --since "$then" --until "$now" 2>&1)" "declared already"

if [ "$(date -u -d '-2 hours' +%F)" = "$(date -u +%F)" ]; then periods=1; else periods=2; fi # around midnight the bytes fall into two periods
line() { aic batch lines "$1" -P | awk -F'|' -v kind="$2" '$5 == kind { print $1 }' | head -n 1; }
quality() { aic batch lines "$1" -P | awk -F'|' -v line="$2" '$1 == line { print $9 }'; }
aic batch close >/dev/null
batch=$(aic batch list -P | awk -F'|' 'NR == 2 { print $1 }')
[ "$periods" = 2 ] || is "storage is charged to the unit" "$(aic report payouts -P | awk -F'|' '$3 == "storage" { print $5 }')" 0.833333333333333333
like "rewards are seen before anybody signs" "$(aic batch show "$batch" -P)" "hardware\|1\|"
data=$(line "$batch" data)
before=$(quality "$batch" "$data")
refuses "an approval without a key" 1 "asks for 2 signatures by administrators' keys" aic batch approve "$batch"
passes "root approves with a key" aic batch approve --key "$AIC_LAB/keys/root.key" "$batch"
refuses "nobody approves with a key that is another's" 1 "uid 0 has approved with that key" as "$LAB_BEN" sh -c "cat >keys/stolen.key && chmod 600 keys/stolen.key && aic batch approve --key keys/stolen.key $batch" <"$AIC_LAB/keys/root.key"
passes "the second administrator penalizes the data set's line" as "$LAB_BEN" aic batch penalize "$data" 400000 --reason "copies of one picture"
is "its quality is 60 % of what it was" "$(quality "$batch" "$data")" "$((before * 600000 / 1000000))"
like "which voids the approval" "$(aic batch list -P)" "$batch\|review\|.*\|0 of 2, 0 of 2 signed\|"
passes "root approves again" aic batch approve --key "$AIC_LAB/keys/root.key" "$batch"
refuses "one is too few to post" 1 "has 1 of 2, 1 of 2 signed approvals" aic batch post "$batch"
passes "the second approves" as "$LAB_BEN" aic batch approve --key keys/ben.key "$batch"
passes "it is posted" aic batch post "$batch"
passes "the ledger verifies with its signatures" aic ledger verify

hardware=$(line "$batch" hardware)
charge=$(aic batch lines "$batch" -P | awk -F'|' -v line="$hardware" '$1 == line { print $8 }')
payee=$(aic batch lines "$batch" -P | awk -F'|' -v line="$hardware" '$1 == line { print $7 }')
held=$(balance physics) owned=$(balance "$payee")
refuses "a refund above the charge" 1 "would be too much" aic batch refund "$hardware" 1000 --reason "too much"
like "a refund is asked for" "$(aic batch refund "$hardware" "$charge" --reason "the node was faulty" 2>&1)" "approve-refund 1"
passes "root approves it" aic batch approve-refund --key "$AIC_LAB/keys/root.key" 1
is "one is too few" "$(aic batch refunds -P | awk -F'|' 'NR == 2 { print $2 }')" asked
passes "the second approves" as "$LAB_BEN" aic batch approve-refund --key keys/ben.key 1
is "it is posted" "$(aic batch refunds -P | awk -F'|' 'NR == 2 { print $2 }')" posted
units=$(aic batch refunds --format json | sums total amount)
debt=$(aic balance "$payee" --format json | sums total debt)
is "the payee gave back all that it had, and owes the rest of the charge" "$(sums calc "$(balance physics) - $held + $debt")" "$units"
is "the payer has what it gave" "$(sums calc "$(balance physics) - $held")" "$(sums calc "$owned - $(balance "$payee")")"
like "the job's explanation has it" "$(aic explain "$job")" "$charge AIC from $payee to account/physics, posted: the node was faulty"
like "and the payout report" "$(aic report payouts)" "refunded $charge AIC"
like "what they did is in the chain" "$(aic batch log)" "approved refund 1 .* with a key"
like "the second administrator erases the user" "$(as "$LAB_BEN" aic erase "$LAB_ADA" 2>&1)" "^1 records no longer name $LAB_ADA; 0 are not settled"
unlike "no report names the user" "$(aic report jobs --format json; aic report usage; aic explain "$job")" "$LAB_ADA"
like "the posted batch still stands" "$(aic batch verify "$batch" 2>&1)" "stands: its 3 lines .* \(2 of erased records\)"
passes "the ledger verifies" aic ledger verify
