#!/bin/bash
# 20-snapshot-and-receipts.sh: a snapshot that is old, damaged or gone; receipts that are forged, damaged or sent again. Jobs go
# on as the site's policy says, and nothing counts that a node did not measure.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
SNAPSHOT=$AIC_LAB/state/snapshot/aic.snapshot

# change_snapshot [--closed] [--old SECONDS] [--flip OFFSET]: a new file in its place, with its checksum unless a byte is flipped.
change_snapshot() {
	python3 - "$SNAPSHOT" "$@" <<-'EOF'
		import hashlib, os, struct, sys, time
		path, words = sys.argv[1], sys.argv[2:]
		data = bytearray(open(path, "rb").read()[:-32])
		if "--closed" in words:                    # doc/formats/snapshot.md: flags at 12, written_at at 24
		    data[15] |= 4
		if "--old" in words:
		    struct.pack_into(">Q", data, 24, int(time.time()) - int(words[words.index("--old") + 1]))
		data += hashlib.sha256(data).digest()
		if "--flip" in words:
		    data[int(words[words.index("--flip") + 1])] ^= 1
		state = os.stat(path)
		with open(path + ".new", "wb") as f:
		    f.write(data)
		os.chown(path + ".new", state.st_uid, state.st_gid)
		os.chmod(path + ".new", state.st_mode & 0o777)
		os.rename(path + ".new", path)
	EOF
}
ctld_says() { tail -c +$((CTLD_MARK + 1)) "$AIC_LAB/log/slurm/slurmctld.log" | grep -qaE -- "$1"; }
ctld_mark() { CTLD_MARK=$(stat -c %s "$AIC_LAB/log/slurm/slurmctld.log"); }
# The plugin looks for a new snapshot once a second.
refused_as() { grep -qE "$1" <<<"$(as "$LAB_ADA" sbatch --wrap true 2>&1)"; }
takes_jobs() { as "$LAB_ADA" sbatch --output=/dev/null --wrap true; }

lab_begin_all
slurmctld_mark

# --- receipts ---

has_key() { [ -s "$AIC_LAB/state/node/n1/node.key" ]; }
wait_for 10 has_key
daemon_stop aicnoded-n1
first=$(quick "$LAB_ADA" -w n1)
second=$(quick "$LAB_ADA" -w n1)
RECEIPTS=$AIC_LAB/state/node/n1/receipts
waiting() { [ "$(find "$RECEIPTS" -name '*.receipt' | wc -l)" = "$1" ]; }
passes "without aicnoded receipts stay on the node's disk" wait_for 10 waiting 2
mkdir "$AIC_LAB/forged"
chmod 755 "$AIC_LAB/forged"
cp "$RECEIPTS"/*.receipt "$AIC_LAB/forged/"
mine=("$AIC_LAB"/forged/*.receipt)
openssl genpkey -algorithm ed25519 -out "$AIC_LAB/forged/other.key" 2>/dev/null
forge() { python3 "$FAULT/forge.py" "$@"; }
send() { forge send "$MUNGE_SOCKET" "$AIC_LAB/run/aic/aicacctd.sock" 2>&1; }
forge batch "$AIC_LAB/state/node/n1/node.key" n1 "${mine[0]}" >"$AIC_LAB/forged/batch"
stored() { accounts "SELECT count(*) FROM receipt WHERE job IN ($first, $second)"; }

like "a receipt of an ordinary user is refused" \
	"$(as "$LAB_ADA" python3 - send "$MUNGE_SOCKET" "$AIC_LAB/run/aic/aicacctd.sock" 2>&1 < <(echo "import base64, io, sys; \
sys.stdin = io.TextIOWrapper(io.BytesIO(base64.b64decode('$(base64 -w0 "$AIC_LAB/forged/batch")')))"; cat "$FAULT/forge.py"))" \
	"receipts come from a node's aicnoded as root, not from uid $(id -u "$LAB_ADA")"
is "and not stored" "$(stored)" 0
is "the same from root, signed by the node, is taken" "$(send <"$AIC_LAB/forged/batch")" "0  1 0"
is "and sent again it is a duplicate" "$(send <"$AIC_LAB/forged/batch")" "0  0 1"
like "another key for the same node is refused" "$(forge batch "$AIC_LAB/forged/other.key" n1 "${mine[0]}" | send)" \
	"n1 signs with another key than the one pinned.*--forget-node n1"
python3 - "$AIC_LAB/forged/batch" <<-'EOF'
	import sys
	with open(sys.argv[1], "r+b") as f:
	    f.seek(-90, 2)
	    byte = f.read(1)[0]
	    f.seek(-90, 2)
	    f.write(bytes([byte ^ 1]))
EOF
like "what was changed after it was signed is refused" "$(send <"$AIC_LAB/forged/batch")" "signature"
like "a receipt of another node is refused" "$(forge batch "$AIC_LAB/state/node/n2/node.key" n2 "${mine[0]}" | send)" "n1.*n2|n2.*n1"
head -c 20 "${mine[0]}" >"$RECEIPTS/0-torn.receipt"
daemon_start aicnoded-n1 root "$AIC_LAB_USR/sbin/aicnoded" --config "$AIC_CONFIG" --foreground -N n1
passes "aicnoded delivers the rest" wait_for 20 waiting 0
is "each step has its receipt once" "$(accounts "SELECT count(*), count(DISTINCT job) FROM receipt WHERE job IN ($first, $second)")" "2|2"
is "a damaged receipt is named and kept aside" "$(log_lines aicnoded-n1 'receipt 0-torn.receipt is damaged: .*moved to .*/damaged')" 1
is "in the folder that was told" "$(cd "$AIC_LAB/state/node/n1/damaged" && ls)" 0-torn.receipt
is "no receipt contradicts another" "$(doctor 'contradicting')" ""

# --- the snapshot ---

daemon_kill aicacctd
ctld_mark
change_snapshot --flip 100
passes "a damaged snapshot is told in slurmctld's log, with its name" wait_for 5 ctld_says "job_submit/aic: .*aic.snapshot.*(damaged|checksum)"
refuses "and by aic doctor" 1 "bad\|snapshot\|.*aic.snapshot" aic doctor -P
passes "jobs pass by the one before it" takes_jobs
refuses "which still knows who has an account" 1 "account nosuch has no wallet" as "$LAB_ADA" sbatch -A nosuch --wrap true
change_snapshot --flip 100
ctld_mark
change_snapshot --old 300
told_old() { takes_jobs && ctld_says "snapshot of balances is too old"; }
passes "with an old snapshot jobs pass, of which slurmctld's log tells (policy open)" wait_for 5 told_old
refuses "and aic doctor" 1 "bad\|snapshot\|.*30[0-9] s old" aic doctor -P
change_snapshot --old 300 --closed
passes "or are refused with a sentence (policy closed)" wait_for 5 refused_as "cannot tell whether this job is funded: the snapshot of balances is 30[0-9] s old"
refuses "aic says that aicacctd does not answer" 3 "aicacctd.*start" aic balance
slurmctld_same

rm "$SNAPSHOT"
slurmctld_stop
slurmctld_start
slurmctld_mark
passes "without any snapshot a new slurmctld takes jobs (aic_stale=open)" takes_jobs
refuses "aic doctor names the missing file" 1 "bad\|snapshot\|.*aic.snapshot" aic doctor -P
known=$(accounts 'SELECT count(*) FROM record')
wait_for 20 slurm_empty
jobs() { sacct -anX -P -S now-1hour -o jobid | wc -l; }
acctd_start
all_there() { [ "$(accounts 'SELECT count(*) FROM record')" = "$(jobs)" ]; }
passes "aicacctd charges the $(($(jobs) - known)) jobs that ran without it" wait_for 20 all_there
snapshot_seen
refuses "and with its new snapshot unknown accounts are refused again" 1 "account nosuch has no wallet" as "$LAB_ADA" sbatch -A nosuch --wrap true
passes "aic doctor is content" aic doctor
slurmctld_same
