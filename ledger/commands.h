/* commands.h: the subcommands of `aic` that this room answers for; see common/command.h. */
#ifndef AIC_LEDGER_COMMANDS_H
#define AIC_LEDGER_COMMANDS_H

#include "common/command.h"

int aic_cmd_ledger(int argc, char **argv);
int aic_cmd_ledger_reseed(int argc, char **argv);
int aic_cmd_transfer(int argc, char **argv);
int aic_cmd_key(int argc, char **argv);
int aic_cmd_asset(int argc, char **argv);
/* more: subcommands of other rooms, a table that ends with a NULL name. */
int aic_cmd_session(int argc, char **argv, const aic_subcommand *more);

#endif
