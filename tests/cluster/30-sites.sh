# Three universities over one etcd with TLS and a user each: one history, whoever writes, and whoever is away.
LAB_SITES="uni-a uni-b uni-c"
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin
munge_start
database_start
slurmctld_start
slurm_associations
sites_etcd_start
aic_start

# wallet SITE NAME: its address. held SITE WALLET: what that site's copy says it holds, in whole AIC.
wallet() { at "$1" aic ledger wallets "$2" -P | awk -F'|' 'NR == 2 { print $6 }'; }
held() { at "$1" aic ledger wallets "$2" -P | awk -F'|' 'NR == 2 { print int($3) }'; }
holds() { [ "$(held "$1" "$2")" = "$3" ]; }
# pays NAME SITE WALLET AMOUNT CMD...: CMD moves what makes WALLET hold AMOUNT. While etcd changes its leader a command can be told
# that the log does not answer (exit code 3), and what it sent is in the log soon, or never: look before it is sent again.
pays() {
	local name=$1 site=$2 wallet=$3 amount=$4 tries
	shift 4
	for tries in 1 2 3; do
		"$@" >/dev/null 2>&1
		wait_for 6 holds "$site" "$wallet" "$amount" && break
	done
	is "$name" "$(held "$site" "$wallet")" "$amount"
}
agree() { passes "$1" wait_for 20 sites_agree; }

is "three members" "$(etcd_ctl member list | wc -l)" 3
b=$(wallet uni-b provider/uni-b-lab)
c=$(wallet uni-c provider/uni-c-lab)
passes "uni-a pays uni-b" aic transfer genesis/operating "$b" 50
agree "all three agree, and it is final"
passes "uni-b pays uni-c from what it got" at uni-b aic transfer provider/uni-b-lab "$c" 20
agree "all three agree again"
for site in $LAB_SITES; do is "$site sees both balances" "$(held "$site" "$b") $(held "$site" "$c")" "30 20"; done
refuses "uni-b cannot spend uni-a's coins" 1 "no wallet named genesis/operating" at uni-b aic transfer genesis/operating "$c" 1
refuses "nor by their address" 1 "custody|another site" at uni-b aic transfer "$(wallet uni-a genesis/operating)" "$c" 1
is "no name travels: uni-c knows uni-a's wallet by its address alone" \
	"$(at uni-c aic ledger wallets "$(wallet uni-a account/physics)" -P | awk -F'|' 'NR == 2 { print $1 "-" $2 }')" "-"

refuses "a site's etcd user writes no other site's attestations" 1 "permission denied" \
	env ETCDCTL_API=3 ETCDCTL_CACERT="$LAB_ETCD_DIR/ca.pem" ETCDCTL_CERT="$LAB_ETCD_DIR/uni-b.pem" ETCDCTL_KEY="$LAB_ETCD_DIR/uni-b.key" \
	ETCDCTL_ENDPOINTS="https://127.0.0.1:$(etcd_port m1)" ETCDCTL_USER="uni-b:$(cat "$LAB_ETCD_DIR/uni-b.password")" \
	etcdctl put "${ETCD_PREFIX}att/$(site_id uni-a)/00000000000000009999" x
unlike "no password shows in ps" "$(ps -eo args)" "$(cat "$LAB_ETCD_DIR/root.password")|$(cat "$LAB_ETCD_DIR/uni-b.password")"

# One site away: two of three are enough.
daemon_kill aicledgerd-uni-c
passes "with uni-c's daemon killed uni-a pays" aic transfer genesis/operating "$b" 1
passes "uni-a and uni-b agree, and it is final" wait_for 20 sites_agree uni-a uni-b
# One member of etcd away, the one that is asked first.
daemon_kill etcd-m1
etcd_goes_on() { ETCD_ASK="https://127.0.0.1:$(etcd_port m2)" etcd_ctl endpoint health; }
passes "the other members of etcd go on" wait_for 20 etcd_goes_on
pays "with a member of etcd killed too uni-b pays" uni-b "$c" 22 at uni-b aic transfer provider/uni-b-lab "$c" 2
passes "uni-a and uni-b agree, and it is final" wait_for 20 sites_agree uni-a uni-b
# Two sites away: what is written is not final.
daemon_kill aicledgerd-uni-b
before=$(site_field uni-a final)
pays "with two sites away uni-a still writes" uni-a "$c" 25 aic transfer genesis/operating "$c" 3
sleep 2.5
is "but nothing becomes final" "$(site_field uni-a final)" "$before"
etcd_member_start m1
site_start uni-b
site_start uni-c
agree "all three are back and agree"
for site in $LAB_SITES; do is "$site sees the balances" "$(held "$site" "$b") $(held "$site" "$c")" "29 25"; done

# A site that begins anew: its copy is gone, its keys are not. It joins from a peer, by a hash that another site shows.
service() { setpriv --reuid "$AIC_LAB_SERVICE" --regid "$(id -gn "$AIC_LAB_SERVICE")" --init-groups -- "$@"; }
join() { at uni-c service aic ledger join "$@"; }
state=$(site_state uni-c)/ledger
height=$(site_field uni-b final)
hash=$(site_field uni-b head)
from=https://127.0.0.1:$(site_port uni-a)
daemon_stop aicledgerd-uni-c
refuses "a site that has a copy joins nothing" 1 "has a copy already, at height $height" join --checkpoint "$height:$hash"
mkdir "$AIC_LAB/away"
mv "$state"/{state,archive}.db* "$AIC_LAB/away/"
refuses "root does not make files for the daemon" 2 "start it as that user" at uni-c aic ledger join --checkpoint "$height:$hash"
refuses "a peer that shows another key is refused, and named" 1 "$from.*does not show the site key" \
	join --checkpoint "$height:$hash" --from "$from" --key "$(site_key uni-b)"
refuses "a checkpoint of another history, too" 1 "$from.*height $height: its block is not the checkpoint's" \
	join --checkpoint "$height:$(tr 0-9a-f 1-9a-f0 <<<"$hash")" --from "$from"
refuses "nobody is there: the peer is named" 3 "https://127.0.0.1:9: .*onnect" join --checkpoint "$height:$hash" --from https://127.0.0.1:9 --key "$(site_key uni-a)"
passes "it joins from uni-a" wait_for 10 join --checkpoint "$height:$hash" --from "$from"
site_start uni-c
agree "and agrees"
passes "its copy verifies" at uni-c aic ledger verify
# The same from a file.
passes "uni-b exports" at uni-b aic ledger export "$AIC_LAB/export"
daemon_stop aicledgerd-uni-c
rm -f "$state"/{state,archive}.db*
passes "uni-c joins from the export" join --checkpoint "$height:$hash" --from "$AIC_LAB/export"
site_start uni-c
agree "and agrees again"
like "who shows no site key gets no block" "$(curl --silent --insecure --max-time 5 "$from/aic/v1/blocks/0")" "^archives are for sites whose key"

# The log loses its newest blocks, as where etcd is restored from an older backup.
passes "a whole log needs nothing" grep -q "^nothing to do|" <(aic ledger reseed -P)
head=$(etcd_ctl get --print-value-only "${ETCD_PREFIX}head")
passes "uni-a pays once more" aic transfer genesis/operating "$b" 1
agree "all three agree"
etcd_ctl put "${ETCD_PREFIX}head" "$head" >/dev/null
etcd_ctl del "${ETCD_PREFIX}blk/$(printf %020d $((10#${head%% *} + 1)))" "${ETCD_PREFIX}blk/~" >/dev/null
stopped() { [[ $(aic transfer genesis/operating "$b" 1 2>&1) == *"aic ledger reseed"* ]]; }
passes "a site whose log ends before its own copy stops writing, and says what to do" wait_for 20 stopped
like "reseed says what is missing" "$(aic ledger reseed -P 2>/dev/null)" "not yet\\|$((10#${head%% *}))\\|[0-9]+\\|$((10#${head%% *} + 1))\\|[1-9][0-9]*\\|0\\|"
like "and changes nothing" "$(aic ledger reseed 2>&1 >/dev/null; etcd_ctl get --print-value-only "${ETCD_PREFIX}head")" "^Nothing was changed.*$head"
passes "until it is told to" grep -q "^restored|" <(aic ledger reseed --apply -P)
agree "all three agree once more"
