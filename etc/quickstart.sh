#!/bin/bash
# quickstart.sh: one job, end to end, on a real Slurm cluster made for it on this machine.
set -uo pipefail
set -E
LAB_ETC=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$LAB_ETC/lab/lab.sh"
LAB_JUDGES=yes

usage() {
	cat <<-EOF
		Usage: etc/quickstart.sh [--cheat | --replicated | --stop | --status | --clean | --help]

		Without an option: installs what is missing, builds AIC, starts a Slurm cluster of four nodes with AIC in one
		folder, has the site train a model for an ordinary user on two nodes of one provider, one of which makes blocks of
		the ledger meanwhile, has a node of another organisation compute the training again, and takes the payout that it
		caused from report to ledger. The cluster stays up; run it again for another job.

		  --cheat    the same, but who owns the two nodes exchanges the weights in the middle: others find the step, the
		             payout is withheld, and the owner's rating falls.
		  --replicated  the same among three universities: each keeps a copy of one ledger with daemons and wallets of its
		             own, over an etcd of three members; the first has the cluster. All three show what was posted, and
		             one checks another's proof of a payout.
		  --stop     stops every process of the lab; its data stays
		  --status   tells what runs
		  --clean    stops it and deletes the folder and the Unix users that it made (packages stay)

		Environment: AIC_LAB, the folder [/var/lib/aic-lab]; AIC_LAB_PORT, the first of 100 TCP ports [17100].
		Exit code: 0 done, 1 failed, 2 usage.
	EOF
}

run() {
	local began=$SECONDS
	packages_platform
	say "AIC quickstart in $AIC_LAB"
	# shellcheck disable=SC2046
	step packages packages_install lab $([ -z "$LAB_SITES" ] || echo sites)
	step source source_ready
	step build build_ready
	step users people_ready
	step files lab_configure
	step cluster lab_start_cluster
	[ -z "$LAB_SITES" ] || step etcd sites_etcd_start
	step aic aic_daemons_start
	[ -z "$LAB_SITES" ] || step sites sites_start
	step funds aic_funds
	job_run
	session_run
	payout_run
	[ -z "${LAB_CHEAT:-}" ] || cheat_rating
	[ -z "$LAB_SITES" ] || sites_show "$PAYOUT_BATCH"
	say ""
	if [ -z "${LAB_CHEAT:-}" ]; then
		[ -n "$LAB_SITES" ] || session_is "$SESSION" verified || die "session $SESSION is $(session_state "$SESSION"), not verified: aic session show ${SESSION:0:8}"
		say "Test accuracy $(job_accuracy), $(session_state "$SESSION"), the payout is on the ledger. Done in $((SECONDS - began)) s."
	else
		say "The forger was found out, earned nothing and is trusted less. Done in $((SECONDS - began)) s."
	fi
	say "The cluster stays up: etc/quickstart.sh --status, --stop, --clean."
	payout_next_steps
}

main() {
	[ $# -le 1 ] || { usage >&2; exit 2; }
	case ${1:-} in
	'' | --cheat | --replicated | --stop | --status | --clean) ;;
	-h | --help) usage; exit 0 ;;
	*) echo "quickstart: there is no option $1" >&2; usage >&2; exit 2 ;;
	esac
	settings_check
	if [ "${1:-}" = --status ]; then lab_status; exit; fi
	case ${1:-} in
	'' | --cheat | --replicated) settings_folders ;;
	esac
	if [ ! -d "$AIC_LAB" ]; then say "No lab in $AIC_LAB: nothing to do."; exit 0; fi
	exec 9>"$AIC_LAB/.lock"
	flock -n 9 || die "another quickstart works in $AIC_LAB: wait for it to end."
	case ${1:-} in
	--stop) lab_stop; say "Stopped. The data stays in $AIC_LAB." ;;
	--clean) lab_clean; say "$AIC_LAB and its users are gone; packages stay." ;;
	--replicated) sites_choose && run ;;
	--cheat) LAB_CHEAT=yes && run ;;
	'') run ;;
	esac
}
main "$@"
