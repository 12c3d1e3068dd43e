/* erase.h: taking out of settled records what names a person, while sums and proofs stand.
 *
 * A record loses user, uid, gid and job name; so do what was kept aside of its run and its receipts. Its lines, charges and account stay;
 * the leaf that stood for each of them in the evidence stays as its hash (salted, evidence.h), so that the batch's root still
 * follows from its lines. Runs that are not settled yet keep their user until they are. Usage is summed under "(erased)". */
#ifndef AIC_ACCOUNTING_ERASE_H
#define AIC_ACCOUNTING_ERASE_H

#include "accounting/batch.h"

#define AIC_ERASED "(erased)"

/* One walk over all records for one user, in slices. Zeroed but for the user before the first. */
typedef struct {
	char user[AIC_NAME_LEN];
	int64_t after;    /* id of the last record that was looked at */
	uint64_t erased;  /* records so far */
	uint64_t waiting; /* that are not settled yet, so far */
} aic_erase_pass;

/* Notes that the user's records are to go, and erases those that are settled, until `until` (monotonic ms; some thousand records at least);
 * *done: all were looked at. Idempotent; what waits goes with aic_erase_due. The log of acts says that and how much, not whom.
 * In a transaction of its own. */
aic_code aic_erase_step(const aic_batches *b, aic_erase_pass *p, uid_t by, int64_t now, int64_t until, bool *done, aic_error *err);

/* A round over what is due: of users who were asked for, one after the other, then what ended before `expired` (0: none), by days.
 * Zeroed before the first slice, and again when *done. */
typedef struct {
	aic_erase_pass pass; /* user "": none is under way */
	char last[AIC_NAME_LEN]; /* user whose pass ended last */
	bool users_done;
	int64_t day;         /* whose records are looked at */
	uint64_t erased;     /* by age */
} aic_erase_round;
aic_code aic_erase_due(const aic_batches *b, aic_erase_round *r, int64_t expired, int64_t now, int64_t until, bool *done, aic_error *err);

/* Whether the evidence of a posted batch still follows from its lines: AIC_CORRUPT where not. *erased: leaves of erased records. */
aic_code aic_batch_verify(const aic_batches *b, const aic_batch *batch, uint64_t *lines, uint64_t *erased, aic_error *err);

#endif
