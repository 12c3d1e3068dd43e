/* offline.h: the subcommands of `aic ledger` that read files and need no daemon. */
#ifndef AIC_LEDGER_OFFLINE_H
#define AIC_LEDGER_OFFLINE_H

int aic_cmd_ledger_blocks(int argc, char **argv);
int aic_cmd_ledger_tx(int argc, char **argv);
int aic_cmd_ledger_export(int argc, char **argv);
int aic_cmd_ledger_prove(int argc, char **argv);
/* These two also need no aic.yaml where their arguments say all. */
int aic_cmd_ledger_verify(int argc, char **argv);
int aic_cmd_ledger_check(int argc, char **argv);

#endif
