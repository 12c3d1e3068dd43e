#!/bin/bash
# 35-keys.sh: keys on the ledger by `aic key`, and where their private halves are not: in logs, on command lines, in environments, in
# core files, in databases and exports.
. "$(dirname "$0")/lib.sh"
lab_begin
munge_start
ulimit -c unlimited # the daemon must refuse by itself
ledgerd_start
KEYS=$AIC_LAB/state/aic/keys
as_service() { setpriv --reuid "$AIC_LAB_SERVICE" --regid "$AIC_LAB_SERVICE" --init-groups -- "$@"; }

passes "a key is made" aic key new "$AIC_LAB/alice.key"
is "for its owner alone" "$(stat -c %a "$AIC_LAB/alice.key")" 600
is "its public half beside it" "$(cat "$AIC_LAB/alice.key.pub")" "$(aic key show "$AIC_LAB/alice.key")"
refuses "it is not overwritten" 1 "alice.key" aic key new "$AIC_LAB/alice.key"
chmod 640 "$AIC_LAB/alice.key"
refuses "nor read when others could read it" 1 "has mode 0640, so that others could read it: chmod 0600" aic key show "$AIC_LAB/alice.key"
chmod 600 "$AIC_LAB/alice.key"
refuses "a file without a key" 2 "holds no public key" aic key register bob /etc/hostname
refuses "no file at all" 2 "is no public key, nor a file" aic key register bob "$AIC_LAB/nothing"

like "an administrator's key is registered" "$(aic key register --role admin alice "$AIC_LAB/alice.key.pub")" "admin alice: registered at height 1"
like "a repeat changes nothing" "$(aic key register --role admin alice "$AIC_LAB/alice.key.pub")" "registered at height 1"
refuses "not by everybody" 1 "root and the user that aic.yaml names" as "$LAB_ADA" aic key register ada "$(cat "$AIC_LAB/alice.key.pub")"
like "it is listed" "$(aic key show -P)" "alice\|admin\|valid\|1\|\|$(cat "$AIC_LAB/alice.key.pub")"
like "signatures are asked for" "$(aic key policy 1)" "need 1 signed approvals"
aic key new "$AIC_LAB/alice2.key" >/dev/null
like "an administrator gets a new key" "$(aic key rotate alice "$AIC_LAB/alice2.key.pub")" "the old key .* ended at height 4"
like "and loses it" "$(aic key revoke alice)" "alice: ended at height 5"
refuses "once" 1 "ended at height 5" aic key revoke alice

refuses "root is not its owner" 1 "belongs to uid" aic key show "$KEYS/site.key"
before=$(as_service aic key show "$KEYS/site.key")
like "the site gets a new key" "$(aic key rotate)" "site: new key [0-9a-f]{64} since height 6"
after=$(as_service aic key show "$KEYS/site.key")
unlike "it is another one" "$after" "$before"
like "and the ledger's" "$(aic key show -P)" "site\|site\|valid\|7\|\|$after"
passes "blocks go on" aic transfer genesis/operating genesis/team 1
daemon_kill aicledgerd
ledgerd_start
passes "after SIGKILL, too" aic transfer genesis/operating genesis/team 1
passes "and verify, with attestations by both keys" aic ledger verify
is "all of it is final" "$(aic ledger status -P | awk -F'|' 'NR == 2 { print $1 - $2 }')" 0

refuses "votes need an id" 2 "give the member's id, 32" aic key replace --site abc --expires 99 "$after"
refuses "and an end" 2 "give --expires" aic key replace --site "$(printf %032d 0)" "$after"
refuses "no such member" 1 "is no member" aic key replace --site "$(printf %032d 0)" --expires 99 "$(cat "$AIC_LAB/alice.key.pub")"

# Where secrets are not.
pid=$(daemon_pid aicledgerd)
aic ledger export "$AIC_LAB/export" >/dev/null
mapfile -t keys < <(find "$KEYS" "$AIC_LAB" -maxdepth 1 -name '*.key')
places=("/proc/$pid/cmdline" "/proc/$pid/environ" "$AIC_LAB"/log/*.log "$AIC_LAB"/state/aic/ledger/* "$AIC_LAB"/export/*)
passes "no private key in logs, databases, exports, command line or environment" python3 "$FAULT/secrets.py" "${keys[@]}" -- "${places[@]}"
refuses "which would be seen" 1 "site.key" python3 "$FAULT/secrets.py" "${keys[@]}" -- "${keys[@]}" "${places[@]}"
is "the daemon may leave no core file" "$(awk '/Max core file size/ { print $5, $6 }' "/proc/$pid/limits")" "0 0"
refuses "its memory is closed to its own user" 1 "[Pp]ermission denied" as_service cat "/proc/$pid/environ"
dir=$(readlink "/proc/$pid/cwd")
kill -ABRT "$pid"
wait_for 20 test ! -e "/proc/$pid"
is "nor does it, when it aborts" "$(find "$dir" "$AIC_LAB" -maxdepth 1 -name 'core*' -newer "$AIC_LAB/export/manifest" 2>/dev/null)" ""
ledgerd_start
chmod 644 "$KEYS/site.key"
daemon_stop aicledgerd
start_refused() { as_service "$AIC_LAB_USR/sbin/aicledgerd" --config "$AIC_CONFIG"; }
refuses "a site key that others could read" 1 "site.key has mode 0644, so that others could read it: chmod 0600" start_refused
