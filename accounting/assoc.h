/* assoc.h: Slurm's associations in the store: accounts with their parents, users with their accounts, coordinators.
 *
 * slurmdbd is asked in a child process, which writes what it learnt into a pipe; the daemon reads without waiting and kills a
 * child that takes longer than AIC_ASSOC_SECONDS. A slurmdbd that hangs or is down leaves the last answer in force. */
#ifndef AIC_ACCOUNTING_ASSOC_H
#define AIC_ACCOUNTING_ASSOC_H

#include "accounting/store.h"
#include "common/config.h"

#define AIC_ASSOC_SECONDS 20

typedef struct aic_assoc aic_assoc;

aic_assoc *aic_assoc_new(void);
void aic_assoc_free(aic_assoc *a); /* kills a child that is under way */
/* Starts a child when `every` seconds have passed since the last, collects a finished one. Never waits. *changed: new
 * associations are in the store. A failure is logged once until things go well again. */
void aic_assoc_tick(aic_assoc *a, aic_store *s, const aic_config *c, int64_t every, bool *changed);
/* When slurmdbd answered last, 0 for never. */
int64_t aic_assoc_age(aic_store *s, int64_t now);

/* What the child writes, and its reading in one transaction: array of accounts [cluster, account, parent], array of members
 * [cluster, user, account, coordinator]. */
aic_code aic_assoc_apply(aic_store *s, const void *data, size_t len, int64_t now, aic_error *err);

#endif
