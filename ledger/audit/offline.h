/* offline.h: the subcommands of `aic ledger` that read files and need no daemon. */
#ifndef AIC_LEDGER_OFFLINE_H
#define AIC_LEDGER_OFFLINE_H

#include "ledger/audit/checkpoint.h"
#include "ledger/audit/copy.h"

int aic_cmd_ledger_blocks(int argc, char **argv);
int aic_cmd_ledger_tx(int argc, char **argv);
int aic_cmd_ledger_export(int argc, char **argv);
int aic_cmd_ledger_prove(int argc, char **argv);
int aic_cmd_ledger_backup(int argc, char **argv);
int aic_cmd_ledger_restore(int argc, char **argv);
/* These two need no aic.yaml. own opens the copy that verify takes where no option names one; NULL: there is none. */
typedef aic_code (*aic_copy_opener)(aic_copy *c, const char *config_path, aic_error *err);
int aic_cmd_ledger_verify(int argc, char **argv, aic_copy_opener own);
int aic_cmd_ledger_check(int argc, char **argv);
int aic_cmd_ledger_cosign(int argc, char **argv);
/* Asks the daemon. */
int aic_cmd_ledger_checkpoint(int argc, char **argv);

/* A checkpoint from a file; and that each of these witnesses (NAME+KEYID+BASE64) has cosigned it. */
aic_code aic_note_load(aic_note *n, const char *path, aic_error *err);
aic_code aic_note_require(const aic_note *n, char *const *vkey, size_t count, aic_error *err);
#define AIC_WITNESSES_MAX 16

#endif
