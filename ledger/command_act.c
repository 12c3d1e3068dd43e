/* command_act.c: a subcommand's way to aicledgerd and back. */
#include "ledger/command_act.h"

int aic_ledger_command(aic_command *cmd, void *input, const struct argp *argp, int argc, char **argv, aic_ledger_act *act)
{
	aic_ledger *l = NULL;
	aic_error err = {0};
	int rc = aic_command_begin(cmd, argp, argc, argv, input);

	if (rc)
		return rc;
	if (aic_ledger_open(&l, &cmd->config, &err) || act(input, l, &err))
		rc = aic_command_fail(argv, &err);
	aic_ledger_close(l);
	aic_command_end(cmd);
	return rc;
}
