/* aic-ledger-verify: `aic ledger verify --export` and `aic ledger check` alone, for an auditor's machine: no Slurm, no daemon. */
#include "common/command.h"
#include "ledger/audit/offline.h"

static int cmd_verify(int argc, char **argv)
{
	return aic_cmd_ledger_verify(argc, argv, NULL);
}

int main(int argc, char **argv)
{
	static const aic_subcommand commands[] = {
		{"verify", cmd_verify, "replay an export (--export DIR) and compare everything"},
		{"check", aic_cmd_ledger_check, "check the proof of a payout against a final block's hash"},
		{"cosign", aic_cmd_ledger_cosign, "cosign a checkpoint, as a witness"},
		{NULL, NULL, NULL},
	};

	return aic_command_dispatch(commands, "Checks what an AIC ledger shows, with nothing but files.", argc, argv);
}
