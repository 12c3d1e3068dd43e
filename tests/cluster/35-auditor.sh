#!/bin/bash
# 35-auditor.sh: what another university needs to check a site's ledger: one program, the export, and the chain id on the command line.
# The program runs in an empty root: no library, no configuration, no /tmp, no /proc.
. "$(dirname "$0")/lib.sh"
lab_begin
munge_start
ledgerd_start

for i in $(seq 30); do aic transfer genesis/operating genesis/team "$i.5" >/dev/null || not_ok "transfer $i"; done
chain=$(aic ledger status --format json | grep -oE '"chain": *"[0-9a-f]{64}"' | grep -oE '[0-9a-f]{64}')
root=$AIC_LAB/empty
mkdir "$root"
passes "a site exports beside its daemon" aic ledger export "$root/export"
install -m 755 "$AIC_LAB_USR/bin/aic-ledger-verify" "$root/verify"
unlike "the verifier needs no shared library" "$(LC_ALL=C ldd "$root/verify" 2>&1)" "=>"
is "only the verifier and the export are there" "$(cd "$root" && echo *)" "export verify"

audit() { env -i /usr/sbin/chroot "$root" /verify "$@"; }
like "the verifier alone replays it" "$(audit verify --export /export --chain "$chain" --format parsable 2>&1)" "31\|0\|30\|31\|30\|$chain"
is "and leaves nothing behind" "$(cd "$root" && echo *)" "export verify"
refuses "with another genesis it says so" 1 "another ledger" audit verify --export /export --chain "$(tr 0-9a-f 1-9a-f0 <<<"$chain")"
refuses "a wrong chain id is wrong usage" 2 "64 hexadecimal digits" audit verify --export /export --chain abc
refuses "without anything to verify, too" 2 "give --export DIR" audit verify

# A checkpoint that an outside witness cosigns.
note=$root/note
site=$(setpriv --reuid "$AIC_LAB_SERVICE" --regid "$AIC_LAB_SERVICE" --init-groups -- "$AIC_LAB_USR/bin/aic" key show "$AIC_LAB/state/aic/keys/site.key")
passes "the site signs what is final" aic ledger checkpoint --output "$note"
passes "the export leads to it" audit verify --export /export --checkpoint /note
aic key new "$root/witness.key" >/dev/null
vkey=$(audit cosign --name witness.example.org --key /witness.key /note | grep -oE '[^ ]+$')
passes "and a witness has seen it" audit verify --export /export --checkpoint /note --witness "$vkey"
like "another calculation finds both signatures" "$(python3 "$TESTS/independent/checkpoint.py" check "$note" "$site" "$vkey" 2>&1)" "30 blocks, 2 signatures hold"
sed 's/^30$/29/' "$note" >"$root/forged"
refuses "a changed checkpoint is worth nothing" 1 "no valid cosignature of witness.example.org" audit verify --export /export --checkpoint /forged --witness "$vkey"
refuses "nor without its witness" 1 "another root than these blocks" audit verify --export /export --checkpoint /forged

# One bit, in the middle of the segment.
segment=$root/export/0000000000.seg
middle=$(($(stat -c %s "$segment") / 2))
byte=$(dd if="$segment" bs=1 skip="$middle" count=1 status=none | od -An -tu1 | tr -d ' ')
printf "\\x$(printf %02x $((byte ^ 16)))" | dd of="$segment" bs=1 seek="$middle" conv=notrunc status=none
refuses "a changed bit is named with its segment and height" 1 "0000000000.seg, height [0-9]+: " audit verify --export /export --chain "$chain"

# The journal is what hledger reads.
if command -v hledger >/dev/null; then
	passes "hledger accepts the journal" hledger -f "$root/export/ledger.journal" check
	like "and finds what was moved" "$(hledger -f "$root/export/ledger.journal" print | grep -c AIC)" "[1-9]"
	is "everything that moved adds up" "$(hledger -f "$root/export/ledger.journal" balance --flat -N --no-total | awk '{ s += $1 } END { print s + 0 }')" 0
else
	not_ok "hledger is installed" "apt-get install hledger"
fi
