# GPUs that aicnoded meters: what a step's processes did on them makes its receipt, and only that is rewarded.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin
printf 'review: {pretending: {default: {read: 0}, a100: {busy: 30, watts: 120, least: 1}}}\n' >>"$AIC_LAB/etc/aic.yaml"
lab_start_cluster
aic_start

# n1 has a driver that says what a file says; n2 has none.
GPUS=$AIC_LAB/state/gpus
gpus_say() { printf '%s\n' "$@" >"$GPUS.new" && mv "$GPUS.new" "$GPUS"; }
gpus_say 'GPU-a 0 1000 0 -' 'GPU-b 0 1000 0 - 0 0' # b has GPM
cc -std=gnu17 -shared -fPIC -o "$AIC_LAB/state/fake_nvml.so" "$TESTS/nvml/fake_nvml.c" || die "the fake driver does not compile"
daemon_stop aicnoded-n1
daemon_start aicnoded-n1 root env FAKE_NVML="$GPUS" AIC_NVML_LIBRARY="$AIC_LAB/state/fake_nvml.so" \
	"$AIC_LAB_USR/sbin/aicnoded" --config "$AIC_CONFIG" -N n1
passes "aicnoded finds two GPUs" wait_for 10 grep -q '2 GPUs are metered' "$AIC_LAB/log/aicnoded-n1.log"
like "and says so where there are none" "$(cat "$AIC_LAB/log/aicnoded-n2.log")" 'no GPU meter: no NVIDIA driver'

receipts() { # JOB: step, GPU milliseconds, energy
	python3 - "$AIC_LAB/state/aic/accounting.db" "$1" <<-'EOT'
		import sqlite3, sys
		db = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=20)
		for step, ms, mj in db.execute("SELECT step, gpu_ms, energy_mj FROM receipt WHERE job = ? ORDER BY step", [int(sys.argv[2])]):
		    print("batch" if step > 2**31 else step, ms, mj)
	EOT
}
receipts_are() { [ "$(receipts "$1" | wc -l)" = "$2" ]; }
HOMES=$AIC_LAB/home/$LAB_ADA
script "$LAB_ADA" work.sh <<<'srun --gres=gpu:1 bash -c "echo \$\$ >pid.$SLURM_JOB_ID; exec sleep 8"; sleep 1'

job=$(submit "$LAB_ADA" -w n1 --gres=gpu:1 --time=2 work.sh)
passes "a job begins" wait_for 30 test -s "$HOMES/pid.$job"
pid=$(cat "$HOMES/pid.$job")
gpus_say "GPU-a 0 1000 0 -" "GPU-b 60 2000 0 $pid 3 0"
sleep 3
gpus_say "GPU-a 0 1000 0 -" "GPU-b 60 5000 0 $pid 3 0"
job_wait "$job"
passes "its receipts arrive" wait_for 30 receipts_are "$job" 2
set -- $(receipts "$job" | awk '$1 == "0"')
truth "its step used six tenths of a GPU" "3500 <= ${2/None/-1} <= 5400"
is "and four joules" "${3:-}" 4000
is "its script, which only waited, used none" "$(receipts "$job" | awk '$1 == "batch" { print $2 }')" 0
passes "it is charged" wait_for 30 payout_arrived 1
truth "and rewarded" "$(aic report payouts --format json | sums total reward) > 0"
rewarded=$(aic report payouts --format json | sums total reward)
like "a reviewer sees that its GPU drew next to nothing" "$(aic batch lines open -P)" "\\|$job\\|.*GPUs [3-6][0-9] % busy draw [01] W each, at work an a100 draws 120 W"
like "and that nearly all of its SMs were idle" "$(aic batch lines open -P)" "\\|$job\\|.*GPUs [3-6][0-9] % busy with 3\.0 % of their SMs, tensor cores 0\.0 %"
like "aic explain shows it" "$(aic explain "$job")" "n1 step 0: .*SM activity 3\.0 %, deviation 0\.00 %; tensor cores 0\.0 %"

dark=$(submit "$LAB_ADA" -w n2 --gres=gpu:1 --time=2 work.sh)
job_wait "$dark"
passes "a job on a node without a meter is charged" wait_for 30 payout_arrived 2
passes "its receipts arrive" wait_for 30 receipts_are "$dark" 2
is "its GPU use is unknown, not zero" "$(receipts "$dark" | awk '$1 == "0" { print $2 }')" None
sleep 2
is "and not rewarded: no proof, no reward" "$(aic report payouts --format json | sums total reward)" "$rewarded"
