/* release.h: jobs that AIC held for want of funds are released when their account can pay them.
 *
 * job_submit/aic tells which they are and what the others may still cost (common/reservations.h); in order of submit, each that
 * fits into what is left is released through libslurm, in a child process as libslurm may wait. slurmctld asks job_submit/aic once
 * more, which has the last word; what it refuses is tried again when it has told its reservations anew. A job that its user holds
 * stays held. The daemon's user must be an operator in Slurm. */
#ifndef AIC_ACCOUNTING_RELEASE_H
#define AIC_ACCOUNTING_RELEASE_H

#include "accounting/store.h"
#include "common/config.h"
#include "common/reservations.h"

typedef struct aic_release aic_release;

aic_release *aic_release_new(void);
void aic_release_free(aic_release *r); /* kills a child that is under way */
/* Looks whether the file is another one, starts a child where jobs can be released, collects its answer. Never waits. */
void aic_release_tick(aic_release *r, const aic_store *s, const aic_config *c);
/* What slurmctld told last; of an account without reservations 0. */
aic_amount aic_release_reserved(const aic_release *r, const char *account);

/* The jobs to release, into job[] with room for book->n_held: per account in order of submit, those that fit one after another.
 * A dear one that does not fit keeps none behind it. Returns how many. available: of an account, before reservations. */
size_t aic_release_choose(uint32_t *job, const aic_reservations *book,
                          aic_amount (*available)(const void *ctx, const char *account), const void *ctx);

#endif
