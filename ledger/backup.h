/* backup.h: a site's ledger put aside and brought back. doc/formats/backup.md draws the directory.
 *
 * What is on the ledger cannot be undone, so a restore repairs and never rewinds: a log that is there and whole outranks the
 * backup's, with the attestations on it; names are added, keys are put only where there are none. The state is the backup's, and the
 * daemon takes it from there to the log's end. So no height that this site has attested is attested again with anything else. */
#ifndef AIC_LEDGER_BACKUP_H
#define AIC_LEDGER_BACKUP_H

#include "common/config.h"
#include "ledger/audit/verify.h"

typedef enum { AIC_BACKUP_NO_KEYS, AIC_BACKUP_SEALED_KEYS, AIC_BACKUP_PLAIN_KEYS } aic_backup_keys;

typedef struct {
	uint64_t height;   /* of the state in it */
	aic_hash chain, head;
	unsigned files, keys;
	uint64_t bytes;
} aic_backed_up;

/* Writes the ledger under state_dir to the new directory out (0700), consistent while the daemon writes on: out appears whole or not
 * at all. passphrase_file for sealed keys, else NULL. */
aic_code aic_ledger_backup(const char *state_dir, const char *out, aic_backup_keys keys, const char *passphrase_file, aic_backed_up *done,
                           aic_error *err);

typedef struct {
	uint64_t height;     /* of the state that came back */
	uint64_t log_height; /* up to which the daemon will go on by itself; height where the log is elsewhere */
	bool log_kept;       /* the log that was there stayed */
	uint64_t salvaged;   /* blocks that came from the old state, the log being lost */
	unsigned keys;       /* put back */
	char aside[AIC_PATH_LEN]; /* where the old directory is now */
} aic_restored;

/* Verifies the backup, block by block, before anything is replaced; then exchanges STATE/ledger for what it made of both, in one step,
 * and keeps the old one beside it. Refused while a daemon runs, and where the log that is there is of another history. */
aic_code aic_ledger_restore(const char *state_dir, const char *backup, const char *scratch_dir, const char *passphrase_file,
                            aic_verify_progress progress, void *ctx, aic_restored *done, aic_error *err);

/* What both share: the names of the databases and of the keys, each list ended by NULL. */
extern const char *const aic_backup_databases[], *const aic_backup_key_files[];

#endif
