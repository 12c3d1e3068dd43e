/* receipts.h: signed batches of receipts from nodes into the store, each receipt once by (session, node, sequence). */
#ifndef AIC_ACCOUNTING_RECEIPTS_H
#define AIC_ACCOUNTING_RECEIPTS_H

#include <stddef.h>

#include "accounting/store.h"
#include "common/receipt.h"

typedef struct {
	uint64_t accepted, duplicates, conflicts;
} aic_receipts_count;

/* Stores a batch in a transaction of its own; when this returns AIC_OK the node may delete what it sent. The first key that a
 * node signs with is pinned; another one later is refused. A receipt that contradicts a stored one of the same key is kept
 * aside, flagged, and counted as a duplicate too, so that the node stops sending it. */
aic_code aic_receipts_ingest(aic_store *s, const void *data, size_t len, int64_t now, aic_receipts_count *count, aic_error *err);

/* One receipt, inside the caller's transaction: for batches whose signature was checked, and for simulations. */
aic_code aic_receipt_take(aic_store *s, const aic_receipt *r, int64_t now, aic_receipts_count *count, aic_error *err);

/* Receipts of one run of a job, ordered by (node, step); *out is malloc'ed. */
aic_code aic_receipts_of_run(aic_store *s, const char *cluster, uint32_t job, uint32_t restart, aic_receipt **out, size_t *n,
                             aic_error *err);

#endif
