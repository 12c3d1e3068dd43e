#!/bin/bash
# 36-backup.sh: a backup while transfers run, onto a full disk too; a restore that is refused beside the daemon, of a damaged backup and
# over another history; and one that loses nothing.
. "$(dirname "$0")/lib.sh"
SMALL=$AIC_LAB/small OUT=$AIC_LAB/out
end() {
	local status=$?
	umount -l "$SMALL" 2>/dev/null
	(exit "$status")
	lab_end
}
lab_begin
trap end EXIT
munge_start
ledgerd_start
as_service() { setpriv --reuid "$AIC_LAB_SERVICE" --regid "$AIC_LAB_SERVICE" --init-groups -- env TMPDIR="$OUT" "$@"; }
ledger() { as_service env AIC_CONFIG="$AIC_CONFIG" "$AIC_LAB_USR/bin/aic" ledger "$@"; }
move() { local i; for i in $(seq "$1"); do aic transfer genesis/operating genesis/team 1 >/dev/null || return; done; }
height() { aic ledger status -P | awk -F'|' 'NR == 2 { print $1 }'; }
root() { aic ledger status --format json | grep -oE '"state_root": *"[0-9a-f]{64}"'; }
install -d -m 700 -o "$AIC_LAB_SERVICE" "$OUT"
as_service sh -c "umask 077; echo 'open sesame' >$OUT/passphrase; echo 'open barley' >$OUT/other"

move 10
move 40 & mover=$!
passes "a backup while transfers run" ledger backup "$OUT/first" --passphrase-file "$OUT/passphrase"
wait "$mover"
is "it is for its owner alone" "$(stat -c %a "$OUT/first")" 700
like "its keys are sealed" "$(head -n 1 "$OUT/first/site.key")" "BEGIN ENCRYPTED PRIVATE KEY"
passes "openssl opens them" openssl pkey -in "$OUT/first/site.key" -passin "file:$OUT/passphrase" -noout
passes "and it verifies by itself" "$AIC_LAB_USR/bin/aic-ledger-verify" verify --state "$OUT/first"
refuses "root is told who must do it" 2 "start it as that user" aic ledger backup "$OUT/second"
refuses "nothing is overwritten" 1 "is there already" ledger backup "$OUT/first"
chmod 644 "$OUT/passphrase"
refuses "a passphrase that others could read" 1 "mode 0644" ledger backup "$OUT/second" --passphrase-file "$OUT/passphrase"
chmod 600 "$OUT/passphrase"

# A full disk.
mkdir "$SMALL"
if mount -t tmpfs -o "size=64k,mode=700,uid=$(id -u "$AIC_LAB_SERVICE")" tmpfs "$SMALL"; then
	refuses "a backup onto a full disk says so" 1 "(no space left|No space left|full)" ledger backup "$SMALL/backup"
	is "and leaves nothing" "$(ls -A "$SMALL")" ""
else
	ok "a full disk # SKIP mount is refused here"
fi

# The backup is of a while ago.
height=$(height) root=$(root)
refuses "no restore while the daemon runs" 1 "stop aicledgerd first" ledger restore "$OUT/first" --passphrase-file "$OUT/passphrase"
daemon_stop aicledgerd
cp -a "$OUT/first" "$OUT/damaged"
printf x | dd of="$OUT/damaged/order.db" bs=1 seek=5000 conv=notrunc status=none
refuses "a damaged backup changes nothing" 1 "cannot be used, nothing was changed: order.db" ledger restore "$OUT/damaged" --passphrase-file "$OUT/passphrase"
like "a restore keeps the log" "$(ledger restore "$OUT/first" --passphrase-file "$OUT/passphrase")" "the log that was there is whole and stays"
ledgerd_start
is "the same height as before" "$(height)" "$height"
is "the same state" "$(root)" "$root"
passes "it verifies" aic ledger verify

# The disk with the ledger is lost, keys and all.
daemon_stop aicledgerd
rm -rf "$AIC_LAB/state/aic/ledger" "$AIC_LAB/state/aic/keys"
refuses "the wrong passphrase" 1 "does not open with this passphrase" ledger restore "$OUT/first" --passphrase-file "$OUT/other"
like "a restore brings back what was backed up" "$(ledger restore "$OUT/first" --passphrase-file "$OUT/passphrase")" "keys were missing and are back"
ledgerd_start
passes "the site goes on with its own key" aic transfer genesis/operating genesis/team 1
passes "and it verifies" aic ledger verify
