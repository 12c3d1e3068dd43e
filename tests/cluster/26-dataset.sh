# Data sets near jobs: into the store, staged on the node where a step needs them, and for that step alone.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin
sed -i '/^assets:/a\  - {name: faces, kind: data, owner: provider/lab-north}' "$AIC_CONFIG"
sed -i 's/gpu:a100:2/gpu:a100:1,gpu:v100:1/' "$AIC_LAB/etc/slurm.conf"
sed -i '0~2s/a100/v100/' "$AIC_LAB/etc/gres.conf"
lab_start_cluster
aic_start

FACES=$AIC_LAB/state/faces
mkdir -p "$FACES/test"
head -c 9000000 /dev/zero | openssl enc -aes-128-ctr -K 00 -iv 00 2>/dev/null >"$FACES/train.bin"
echo five >"$FACES/test/labels.txt"
: >"$FACES/empty"
like "a folder becomes a data set" "$(aic dataset add faces "$FACES" 2>&1)" "faces +3 +9000005 +4 +[0-9a-f]{64}"
root=$(aic dataset list -P | awk -F'|' '$1 == "faces" { print $5 }')
is "its content root is the hash of its manifest" "$(sha256sum <"$AIC_LAB/state/store/manifests/$root" | cut -d' ' -f1)" "$root"
is "and depends on its files alone" "$(cp -a "$FACES" "$AIC_LAB/state/copy" && aic dataset add -n other "$AIC_LAB/state/copy" -P | awk -F'|' 'NR == 2 { print $5 }')" "$root"
rm -r "$AIC_LAB/state/copy"

HOMES=$AIC_LAB/home/$LAB_ADA
script "$LAB_ADA" look.sh <<-'EOT'
	srun bash -c 'cd "$AIC_DATASET_DIR" && sha256sum train.bin && cat test/labels.txt && stat -c "%a %U %s" empty
		touch x 2>&1 | grep -o "Read-only file system"; echo "$AIC_DATASET_DIR"' >look.$SLURM_JOB_ID
EOT
job=$(submit "$LAB_ADA" -w n2 --time=2 --aic-dataset=faces look.sh)
job_wait "$job"
is "a job that names it completes" "$(field "$job" JobState)" COMPLETED
is "and its step has all of it, read-only" "$(paste -sd' ' "$HOMES/look.$job")" \
	"$(sha256sum <"$FACES/train.bin" | cut -d' ' -f1)  train.bin five 444 root 0 Read-only file system $AIC_LAB/run/data"
is "on that node alone" "$(ls -d "$AIC_LAB"/state/cache/*/"$root" | sed 's|.*/cache/||; s|/.*||')" n2
is "where nobody else comes near it" "$(stat -c '%a %U %G' "$AIC_LAB/state/cache/n2" "$AIC_LAB/state/cache/n2/$root" | sort -u)" "750 root $AIC_LAB_SERVICE"
refuses "not even who used it" 2 "Permission denied" as "$LAB_ADA" ls "$AIC_LAB/state/cache/n2/$root"
is "nor where it was mounted" "$(ls "$AIC_LAB/run/data" | wc -l)" 0

# Slurm knows which node has it, and prefers it while there is room.
feature() { scontrol -o show node "$1" | grep -oE "ActiveFeatures=[^ ]*"; }
has_data() { [ "$(feature "$1")" = ActiveFeatures=aic-data-faces ]; }
passes "the node has it as a feature" wait_for 20 has_data n2
is "and no other" "$(for node in n1 n3 n4; do feature "$node"; done | sort -u)" "ActiveFeatures=(null)"
script "$LAB_ADA" quick.sh <<<'sleep 1'
script "$LAB_ADA" slow.sh <<<'sleep 8'
sleep 1.5
job=$(submit "$LAB_ADA" --time=2 --aic-dataset=faces quick.sh)
job_wait "$job"
is "a job that wants it runs there" "$(field "$job" NodeList)" n2
is "one that does not runs anywhere" "$(job=$(submit "$LAB_ADA" --time=2 quick.sh); job_wait "$job"; field "$job" NodeList)" n1
holder=$(submit "$LAB_ADA" -w n2 --gpus=a100:1 --time=2 slow.sh)
is_running() { [ "$(field "$1" JobState)" = RUNNING ]; }
passes "a job takes one of that node's two GPUs" wait_for 10 is_running "$holder"
sleep 1.5
taken=$(submit "$LAB_ADA" --hold --gpus=a100:1 --time=2 --aic-dataset=faces quick.sh)
other=$(submit "$LAB_ADA" --hold --gpus=v100:1 --time=2 --aic-dataset=faces quick.sh)
is "a job that wants the other type prefers the node, one that wants the same does not" \
	"$(field "$taken" Prefer) $(field "$other" Prefer)" " aic-data-faces"
as "$LAB_ADA" scancel "$holder" "$taken" "$other"
job_wait "$holder"
sleep 1.5
jobs=(); for i in 1 2 3 4 5 6 7; do jobs+=("$(submit "$LAB_ADA" --time=2 --aic-dataset=faces slow.sh)"); done
all_run() { for job in "${jobs[@]}"; do [ "$(field "$job" JobState)" = RUNNING ] || return 1; done; }
passes "of more than fit there none waits" wait_for 5 all_run
is "as many as fit run there" "$(for job in "${jobs[@]}"; do field "$job" NodeList; done | grep -c n2)" 4
as "$LAB_ADA" scancel "${jobs[@]}"

# Before a job asks; out of a cache again; from a neighbour; and again after a reconfigure.
like "an administrator warms nodes" "$(aic dataset warm faces 'n[3-4]' 2>&1)" "n3: faces is being staged.n4: faces"
refuses "nobody else does" 1 "only administrators" as "$LAB_ADA" aic dataset warm faces n1
passes "they have it" wait_for 20 eval 'has_data n3 && has_data n4'
is "from nodes that had it, not from the store" "$(grep -hoE '[0-9.]+ MiB of it from other nodes' "$AIC_LAB"/log/aicnoded-n[34].log | sort -u)" "8.5 MiB of it from other nodes"
scontrol reconfigure
script "$LAB_ADA" hold.sh <<<'srun -n2 bash -c "echo \$AIC_DATASET_DIR >>held.$SLURM_JOB_ID; exec sleep 30"'
job=$(submit "$LAB_ADA" -w n4 -n2 --time=2 --aic-dataset=faces hold.sh)
held_both() { [ "$(wc -l <"$HOMES/held.$job")" = 2 ]; }
passes "both tasks of a step have it" wait_for 20 held_both
is "the user sees how far it is" "$(as "$LAB_ADA" aic dataset where "$job" -P | awk -F'|' 'NR > 1 { print $1, $2, $4, $5 }' | sort | paste -sd' ')" \
	"n4 0 ready 100 n4 batch ready 100"
refuses "what a job uses stays" 1 "a job on node n4 uses data set faces" aic dataset evict faces n4
as "$LAB_ADA" scancel "$job"
job_wait "$job"
like "and can go afterwards" "$(aic dataset evict faces n4 2>&1)" "n4: faces is evicted"
is "from the disk, too" "$(ls -d "$AIC_LAB/state/cache/n4/$root" 2>&1 | grep -c 'No such')" 1
passes "the nodes say again what they hold after a reconfigure" wait_for 32 eval 'has_data n2 && has_data n3 && ! has_data n4'
like "which the command shows, too" "$(aic dataset where faces -P | awk -F'|' 'NR > 1 { print $1, $2, $3 }' | paste -sd' ')" "n2 whole 9000005 n3 whole 9000005"
refuses "a job that nobody knows is not found" 1 "Invalid job id" aic dataset where 99999
refuses "a name is needed" 2 "Give a job's number, or the name of a data set" aic dataset where
refuses "and a folder" 2 "aic dataset add NAME FOLDER" aic dataset add faces
refuses "that is one" 2 "is no folder" aic dataset add faces /etc/passwd
ln -s x "$FACES/link"
refuses "without links" 1 "link is no plain file" aic dataset add faces "$FACES"
rm "$FACES/link"
echo six >"$FACES/test/labels.txt"
refuses "another content needs another name" 1 "is in the store with the content root $root" aic dataset add faces "$FACES"
