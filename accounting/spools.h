/* spools.h: from the spool directories of slurmctld's hosts into the store. Rows and the position in the spool are written in
 * one transaction, and a spool is pruned only after it: a crash anywhere repeats a step or loses nothing. */
#ifndef AIC_ACCOUNTING_SPOOLS_H
#define AIC_ACCOUNTING_SPOOLS_H

#include "accounting/ingest.h"

typedef struct aic_spools aic_spools; /* the readers that are open */

aic_spools *aic_spools_new(void);
void aic_spools_free(aic_spools *s);

typedef struct {
	uint64_t fresh, equal, different, damaged;
} aic_spools_count;

/* Reads what is there in every directory of config->spool, for at most budget_ms (one transaction at least, when
 * there is something). *more: something is left. Adds to *count. A directory that cannot be read is logged, noted as
 * damage, and does not stop the others. */
aic_code aic_spools_read(aic_spools *s, const aic_ingest *in, int64_t budget_ms, bool *more, aic_spools_count *count,
                         aic_error *err);

/* Notes damage once; `aic doctor` shows it. In a transaction of the caller's. */
aic_code aic_damage_note(aic_store *s, const char *host, const char *message, aic_error *err);

#endif
