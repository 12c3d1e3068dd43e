/* gather.h: the lines of one batch in the order of their keys, so that the same input in any order of arrival gives the same
 * bytes: summed, and hashed into the tree of evidence. Streams through the index of the records; can stop after any job. */
#ifndef AIC_ACCOUNTING_GATHER_H
#define AIC_ACCOUNTING_GATHER_H

#include "accounting/batch.h"
#include "common/merkle.h"

typedef struct aic_gathered aic_gathered;

/* first to last: ids among which the batch took its lines; others of its lines are in late_line. */
aic_gathered *aic_gather_new(const aic_batches *b, int64_t batch, int64_t first, int64_t last, uint64_t fee_ppm);
void aic_gather_free(aic_gathered *g);

/* Goes on until `until` (monotonic ms), inside the caller's transaction; *done: all lines are in. What depends on the wallets'
 * organisations is written to the lines here. */
aic_code aic_gather_step(aic_gathered *g, int64_t until, bool *done, aic_error *err);

/* Before the first step, for a batch that was posted: qualities are those that it was posted with, nothing is written to its lines. */
void aic_gather_as_posted(aic_gathered *g);
/* Before the first step: keeps what a proof of this line needs, 32 bytes for each line of the batch; and once all is gathered, its leaf
 * (appended), its place and the path to the root. AIC_REFUSED where its record was erased. */
void aic_gather_remember(aic_gathered *g, int64_t line);
aic_code aic_gather_path(aic_gathered *g, aic_bytes *leaf, uint64_t *index, aic_hash path[64], size_t *steps, aic_error *err);
/* The hash of one line's leaf in the evidence of its batch, as it was posted. */
aic_code aic_gather_leaf(const aic_batches *b, int64_t line, aic_hash *leaf, aic_error *err);

aic_tally *aic_gathered_tally(aic_gathered *g);      /* finished once done */
aic_hash aic_gathered_evidence(const aic_gathered *g);
uint64_t aic_gathered_lines(const aic_gathered *g);  /* so far */
aic_organisations *aic_gathered_organisations(aic_gathered *g);

#endif
