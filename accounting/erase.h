/* erase.h: taking out of settled records what names a person, while sums and proofs stand.
 *
 * A record loses user, uid, gid and job name; so do what was kept aside of its run and its receipts. Its lines, charges and account stay;
 * the leaf that stood for each of them in the evidence stays as its hash (salted, evidence.h), so that the batch's root still
 * follows from its lines. Runs that are not settled yet keep their user until they are. Usage is summed under "(erased)". */
#ifndef AIC_ACCOUNTING_ERASE_H
#define AIC_ACCOUNTING_ERASE_H

#include "accounting/batch.h"

#define AIC_ERASED "(erased)"

typedef struct {
	uint64_t erased;  /* records, this time */
	uint64_t waiting; /* that are not settled yet */
} aic_erased;

/* Notes that the user's records are to go, and erases those that are settled, at most `max` of them. Idempotent; what waits goes with
 * aic_erase_due. The log of acts says that and how much, not whom. In a transaction of its own. */
aic_code aic_erase_user(const aic_batches *b, const char *user, uid_t by, int64_t now, uint64_t max, aic_erased *out, aic_error *err);

/* At most `max` records that are due: of users who were asked for, and those that ended before `expired` (0: none). */
aic_code aic_erase_due(const aic_batches *b, int64_t expired, int64_t now, uint64_t max, aic_erased *out, aic_error *err);

/* Whether the evidence of a posted batch still follows from its lines: AIC_CORRUPT where not. *erased: leaves of erased records. */
aic_code aic_batch_verify(const aic_batches *b, const aic_batch *batch, uint64_t *lines, uint64_t *erased, aic_error *err);

#endif
