/* command.h: the subcommand of `aic ledger` that makes a first copy. */
#ifndef AIC_LEDGER_ARCHIVE_COMMAND_H
#define AIC_LEDGER_ARCHIVE_COMMAND_H

int aic_cmd_ledger_join(int argc, char **argv);

#endif
