# A quote is what a submit reserves, whatever the options; a job that AIC held runs once its account is filled, no other does.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
aic_fund() { :; }
lab_begin_all
wait_for 30 aic_wallet account/physics
passes "funds for what comes" aic transfer genesis/operating account/physics 100000
wait_for 15 aic_rich physics 100
snapshot_seen

script "$LAB_ADA" work.sh <<<'true'
script "$LAB_ADA" head.sh <<-'EOF'
	#SBATCH --nodes=2 --ntasks-per-node=2
	#SBATCH --gres=gpu:a100:1 --mem=300 --time=0:20:00
	true
EOF
script "$LAB_ADA" het.sh <<-'EOF'
	#SBATCH --ntasks=1 --time=5
	#SBATCH hetjob
	#SBATCH --ntasks=2 --gres=gpu:1 --time=7
	true
EOF
total() { as "$LAB_ADA" aic quote --format json "$@" </dev/null | sums total total; }
reserved() { as "$LAB_ADA" aic quote --format json work.sh | sums total reserved; } # as slurmctld has it now
is_reserved() { [ "$(reserved)" = "$1" ]; }
# said JOB: the figure of its AdminComment, in hundredths.
said() { scontrol show job "$1" | sed -nE '0,/AdminComment=aic: up to/s/.*AdminComment=aic: up to ([0-9.,]+) AIC.*/\1/p' | head -n 1 | tr -d ., | sed 's/^0*\(.\)/\1/'; }
sum=0
while read -r words; do
	quoted=$(total $words)
	job=$(submit "$LAB_ADA" --begin=now+1hour $words </dev/null)
	is "quoted and reserved: $words" "$(said "$job")" "$(sums calc "-(-${quoted:-0} // 10**16)")"
	sum=$(sums calc "$sum + ${quoted:-0}")
done <<-'EOF'
	work.sh
	--ntasks=3 work.sh
	--nodes=2-3 --time=0:50:00 work.sh
	--gres=gpu:a100:2 --nodes=2 work.sh
	--gpus=3 --time=30 work.sh
	--gpus-per-node=a100:1 --nodes=4 work.sh
	--gpus-per-task=1 --ntasks=2 work.sh
	--exclusive --nodes=1 work.sh
	--mem-per-cpu=700 --ntasks=2 --cpus-per-task=2 work.sh
	--mem=0 work.sh
	--array=0-9%2 --time=3 work.sh
	--partition=main,side work.sh
	--aic-dataset=fashion-mnist work.sh
	head.sh
	--time=2 head.sh
EOF
quoted=$(total het.sh)
submit "$LAB_ADA" --begin=now+1hour het.sh >/dev/null
passes "the sum is reserved to the unit, with both parts of a heterogeneous job" wait_for 40 is_reserved "$(sums calc "$sum + $quoted")"
left=$(reserved)
for n in 1 2 3; do total --nodes=4 --exclusive work.sh >/dev/null; done
is "questions reserve nothing" "$(reserved)" "$left"
like "a quote says how long the balance lasts" "$(as "$LAB_ADA" aic quote -N4 -t30 work.sh)" \
	"Account physics has [0-9,.]+ AIC left beside [0-9,.]+ AIC reserved for its other jobs: at [0-9,.]+ AIC an hour it lasts"
refuses "and why there is none" 1 "no-such-set" as "$LAB_ADA" aic quote --aic-dataset=no-such-set work.sh
refuses "or what sbatch thinks of it" 1 "sbatch refuses this job: .*invalid partition" as "$LAB_ADA" aic quote --partition=nowhere work.sh
refuses "a quote is no way to submit" 1 "[Ee]nvironment" as "$LAB_ADA" sbatch --aic-quote work.sh
refuses "nor to allocate" 1 "aic quote., which submits nothing" as "$LAB_ADA" salloc --aic-quote true
as "$LAB_ADA" scancel --user="$LAB_ADA"

# biology has nothing: a job that waits for funds, one that its user holds, one that its user holds later, one too dear.
script "$LAB_BEN" work.sh <<<'sleep "${1:-0}"'
waits=$(submit "$LAB_BEN" -n1 --time=10 work.sh)
own=$(submit "$LAB_BEN" --hold -n1 --time=1 work.sh)
later=$(submit "$LAB_BEN" -n1 --time=10 work.sh)
dear=$(submit "$LAB_BEN" -N4 --exclusive --time=60 work.sh)
sleep 1
as "$LAB_BEN" scontrol hold "$later"
like "one waits for funds" "$(scontrol show job "$waits")" "AdminComment=aic hold: account biology holds 0.00 AIC"
like "one is held by its user besides" "$(scontrol show job "$own")" "AdminComment=aic hold beside its user's: account biology"
like "one from now on" "$(scontrol show job "$later")" "AdminComment=aic hold beside its user's: account biology"
as "$LAB_BEN" scontrol release "$waits" >/dev/null 2>&1
is "its user cannot release it" "$(field "$waits" Priority)" 0
aic transfer genesis/operating account/biology 25 >/dev/null
passes "once there are funds it runs" job_wait "$waits" 40
is "to its end" "$(job_state "$waits")" COMPLETED
is "what its user holds stays held" "$(field "$own" Priority) $(field "$later" Priority)" "0 0"
is "and what is too dear" "$(job_state "$dear")" PENDING
passes "the user can release the own" as "$LAB_BEN" scontrol release "$own"
passes "and it runs" job_wait "$own" 40
as "$LAB_BEN" scancel "$dear"

# A release that is refused for want of funds is made good later.
as "$LAB_BEN" scontrol update JobId="$later" TimeLimit=60 >/dev/null 2>&1
as "$LAB_BEN" scontrol release "$later" >/dev/null 2>&1
like "too dear for now" "$(scontrol show job "$later")" "AdminComment=aic hold: account biology holds"
aic transfer genesis/operating account/biology 100 >/dev/null
passes "released when it can be paid" job_wait "$later" 40
