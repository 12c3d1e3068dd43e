#!/bin/bash
# 50-dataset.sh: damaged chunks, a store that is away, nodes that ask each other, a full cache disk, aicnoded killed in staging, in a job
# and in the epilog, and one that is gone: the job runs on the right data, or is requeued and says why.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

STORE=$AIC_LAB/state/store CACHE=$AIC_LAB/state/cache HOMES=$AIC_LAB/home/$LAB_ADA
end() {
	local status=$?
	umount -l "$CACHE/n4" 2>/dev/null
	(exit "$status")
	lab_end
}
# make NAME: a data set's folder; prints its content root.
make() {
	mkdir -p "$AIC_LAB/state/of/$1"
	head -c 5000000 /dev/zero | openssl enc -aes-128-ctr -K "$(printf %s "$1" | od -An -tx1 | tr -d ' \n')" -iv 00 2>/dev/null >"$AIC_LAB/state/of/$1/data.bin"
	echo "$1" >"$AIC_LAB/state/of/$1/name"
	aic dataset add -n "$1" "$AIC_LAB/state/of/$1" -P | awk -F'|' 'NR == 2 { print $5 }'
}
hash_of() { sha256sum <"$AIC_LAB/state/of/$1/data.bin" | cut -d' ' -f1; }
chunk_of() { # NAME: the path of its first chunk in the store
	local hex
	hex=$(head -c 4194304 "$AIC_LAB/state/of/$1/data.bin" | sha256sum | cut -d' ' -f1)
	echo "$STORE/chunks/${hex:0:2}/$hex"
}
flip() { printf '\377' | dd of="$1" bs=1 seek="$2" conv=notrunc status=none; }
# read_on NODE NAME: a job there that wants it.
read_on() { submit "$LAB_ADA" -w "$1" --time=2 --aic-dataset="$2" --output="out.%j" read.sh; }
# right TEST JOB NAME: it completed, and saw the data set and no other.
right() {
	job_wait "$2" 40
	is "$1" "$(field "$2" JobState) $(cat "$HOMES/seen.$2" 2>/dev/null)" "COMPLETED $(hash_of "$3")  data.bin"
}
is_requeued() { [ "$(field "$1" Restarts) $(field "$1" JobState)" = "1 PENDING" ]; }
# requeued TEST JOB PATTERN: it waits again, says why, and its program did not start.
requeued() {
	passes "$1: the job is requeued" wait_for 30 is_requeued "$2"
	like "$1: it says why" "$(scontrol show job "$2" | grep AdminComment) $(cat "$HOMES/out.$2")" "AdminComment=aic: data set [a-z]+ on n[0-9]: $3.*aic: data set [a-z]+: $3"
	is "$1: on wrong data it did not run" "$(cat "$HOMES/seen.$2" 2>/dev/null)" ""
	scancel "$2"
}
holds() { aic dataset where "$2" -P | grep -q "^$1|whole"; }

lab_begin
trap end EXIT
mkdir -p "$AIC_LAB/state/of"
alpha=$(make alpha) beta=$(make beta) delta=$(make delta) gamma=$(make gamma)
sed -i "/^assets:/a\\
  - {name: alpha, kind: data, owner: provider/lab-north, content: $alpha}\\
  - {name: beta, kind: data, owner: provider/lab-north, content: $beta}\\
  - {name: delta, kind: data, owner: provider/lab-north, content: $delta}\\
  - {name: gamma, kind: data, owner: provider/lab-north}
s/^datasets:/&\\n  patience: 2/" "$AIC_CONFIG"
cat >"$AIC_LAB/etc/epilog.sh" <<-EOT
	#!/bin/sh
	[ -e "$AIC_LAB/state/hold-epilog" ] || exit 0
	touch "$AIC_LAB/state/in-epilog"
	i=0; while [ -e "$AIC_LAB/state/hold-epilog" ] && [ \$i -lt 300 ]; do sleep 0.1; i=\$((i + 1)); done
EOT
chmod 755 "$AIC_LAB/etc/epilog.sh"
echo "Epilog=$AIC_LAB/etc/epilog.sh" >>"$AIC_LAB/etc/slurm.conf"
mkdir -p "$CACHE/n4"
small=yes
mount -t tmpfs -o size=2m,mode=750 tmpfs "$CACHE/n4" 2>/dev/null || small=no
lab_start_cluster
aic_start
for name in alpha beta delta gamma; do quietly aic dataset add "$name" "$AIC_LAB/state/of/$name" || not_ok "$name is added" "$(tail -n 1 "$LAB_LOG")"; done
script "$LAB_ADA" read.sh <<<'srun bash -c "cd \$AIC_DATASET_DIR && sha256sum data.bin" >seen.$SLURM_JOB_ID'

# --- a damaged chunk ---
aic dataset warm beta n2 >/dev/null
right "a job runs on its data set" "$(read_on n1 alpha)" alpha
flip "$CACHE/n1/$alpha/files/data.bin" 4500000
right "a byte of the cache is flipped: it runs on the right data" "$(read_on n1 alpha)" alpha
is "of which only the wrong chunk came again" "$(grep -oE '[0-9.]+ KiB came' "$AIC_LAB/log/aicnoded-n1.log")" "786.8 KiB came"
flip "$(chunk_of gamma)" 1000
requeued "a chunk of the store is damaged" "$(read_on n2 gamma)" "chunk .* of the store is damaged"
refuses "an added data set's root is what is registered" 1 "is registered with the content root $alpha" aic dataset add --replace alpha "$AIC_LAB/state/of/beta"

# --- the store is away ---
passes "beta is on n2" wait_for 20 holds n2 beta
passes "alpha is on n1" wait_for 20 holds n1 alpha
mv "$STORE" "$STORE.away"
mkdir "$STORE"
waits=$(read_on n2 gamma)
aic dataset warm alpha n2 >/dev/null
aic dataset warm beta n1 >/dev/null
requeued "the store is not mounted" "$waits" "the store of data sets .* is not there"
passes "two nodes get from each other what the store cannot give" wait_for 30 eval 'holds n1 beta && holds n2 alpha'
right "and so does a job what is registered by its content" "$(read_on n3 alpha)" alpha
rmdir "$STORE"
mv "$STORE.away" "$STORE"

# --- a full disk ---
if [ "$small" = yes ]; then
	requeued "the cache's disk is full" "$(read_on n4 alpha)" "no room for data.bin in the cache"
	is "and what came is gone from it" "$(ls "$CACHE/n4")" names
else
	ok "the cache's disk is full # SKIP mount is refused here"
fi

# --- aicnoded is killed ---
chunk=$(chunk_of delta)
mv "$chunk" "$chunk.away"
mkfifo "$chunk" # whoever reads it waits
job=$(read_on n3 delta)
copies() { grep -qs copying "$AIC_LAB"/state/node/n3/datasets/"$job".*.stage && [ -d "$CACHE/n3/$delta/files" ]; }
passes "a job's data set is being staged" wait_for 20 copies
daemon_kill aicnoded-n3
rm "$chunk"
mv "$chunk.away" "$chunk"
noded_start
right "aicnoded is killed in staging: the next one goes on" "$job" delta

script "$LAB_ADA" read.sh <<'EOT'
srun bash -c 'cd $AIC_DATASET_DIR && touch ~/runs.$SLURM_JOB_ID; while [ ! -e ~/go.$SLURM_JOB_ID ]; do sleep 0.1; done; sha256sum data.bin' >seen.$SLURM_JOB_ID
EOT
touch "$AIC_LAB/state/hold-epilog"
job=$(read_on n3 delta)
passes "a job uses its data set" wait_for 20 test -e "$HOMES/runs.$job"
daemon_kill aicnoded-n3
touch "$HOMES/go.$job"
passes "aicnoded is killed in a job, which comes to its epilog" wait_for 20 test -e "$AIC_LAB/state/in-epilog"
noded_start
passes "the new one knows what is there" wait_for 20 holds n3 delta
daemon_kill aicnoded-n3
rm "$AIC_LAB/state/hold-epilog"
right "aicnoded is killed in the epilog: the job was right" "$job" delta
is "and wants nothing any more" "$(ls "$AIC_LAB/state/node/n3/datasets" | grep -c want)" 0

# --- and is gone ---
sed -i 's/$/ dataset_wait=2/' "$AIC_LAB/etc/plugstack.conf"
requeued "aicnoded does not run" "$(read_on n3 delta)" "aicnoded on this node gave no sign of life for 2 s"
noded_start
touch "$HOMES"/go.{1..40}
right "once it does, jobs run" "$(read_on n3 delta)" delta
