/* command_act.h: what every subcommand that asks aicledgerd does: options, connection, the act, the exit code. */
#ifndef AIC_LEDGER_COMMAND_ACT_H
#define AIC_LEDGER_COMMAND_ACT_H

#include "common/command.h"
#include "ledger/client.h"

/* What a subcommand does once its options are read; `input` are they. It prints what there is to say. */
typedef aic_code aic_ledger_act(const void *input, aic_ledger *l, aic_error *err);

/* cmd: in the options, which are argp's input. Returns the exit code, having reported what failed. */
int aic_ledger_command(aic_command *cmd, void *input, const struct argp *argp, int argc, char **argv, aic_ledger_act *act);

#endif
