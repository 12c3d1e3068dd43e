/* commands.h: the subcommands of `aic` that this room answers for; see common/command.h. */
#ifndef AIC_LEDGER_COMMANDS_H
#define AIC_LEDGER_COMMANDS_H

int aic_cmd_ledger(int argc, char **argv);
int aic_cmd_ledger_reseed(int argc, char **argv);
int aic_cmd_transfer(int argc, char **argv);
int aic_cmd_key(int argc, char **argv);
int aic_cmd_asset(int argc, char **argv);
int aic_cmd_session(int argc, char **argv);

#endif
