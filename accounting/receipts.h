/* receipts.h: signed batches of receipts from nodes into the store, each receipt once by (session, node, sequence). A second one of
 * that key that says something else contradicts the first where the two touch in time; else it is of another life of the job's
 * id: slurmctld lost its state and counts from 1 again, or was killed and ran the job anew. */
#ifndef AIC_ACCOUNTING_RECEIPTS_H
#define AIC_ACCOUNTING_RECEIPTS_H

#include <stddef.h>

#include "accounting/rated.h"
#include "accounting/store.h"
#include "common/receipt.h"

typedef struct {
	uint64_t accepted, duplicates, conflicts;
} aic_receipts_count;

/* A batch, checked and on disk when this returns AIC_OK: the node may delete what it sent. n: receipts in it, whether they are new or
 * not; they wait until they are sorted in. The first key that a node signs with is pinned; another one later is refused. */
aic_code aic_receipts_keep(aic_store *s, const void *data, size_t len, int64_t now, size_t *n, aic_error *err);
/* Sorts into the table what waits, in transactions of so many receipts, and rates their runs again. Whatever reads receipts or
 * closes a batch calls this first; it costs nothing where none waits. A receipt that contradicts a stored one of the same key is kept
 * aside, flagged, and counted as a duplicate too. */
#define AIC_RECEIPTS_AT_ONCE 32768
aic_code aic_receipts_sort_in(aic_store *s, aic_receipts_count *count, aic_error *err);
/* Both at once. */
aic_code aic_receipts_ingest(aic_store *s, const void *data, size_t len, int64_t now, aic_receipts_count *count,
                             aic_error *err);

/* One receipt, inside the caller's transaction: for batches whose signature was checked, and for simulations. Its run is not rated
 * by this (rated.h). */
aic_code aic_receipt_take(aic_store *s, const aic_receipt *r, int64_t now, aic_receipts_count *count, aic_error *err);

/* Receipts of a record's run, ordered by (node, step), one each; *out is filled anew and freed by its owner. whole false: nothing
 * is set but what a rating needs, node, step, times, cpu_ms and gpu_ms. */
aic_code aic_receipts_of_life(aic_store *s, const aic_rated_run *run, bool whole, aic_receipts *out, aic_error *err);

#endif
