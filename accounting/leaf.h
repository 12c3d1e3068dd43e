/* leaf.h: one line of a posted batch, shown against the evidence that stands on the ledger: its leaf, and the path from there to the
 * root (RFC 6962). A file of it says this one line and nothing of any other; doc/formats/batch.md. */
#ifndef AIC_ACCOUNTING_LEAF_H
#define AIC_ACCOUNTING_LEAF_H

#include <stdio.h>

#include "accounting/batch.h"
#include "common/merkle.h"
#include "common/table.h"

typedef struct {
	char site[AIC_NAME_LEN], period[16];
	uint64_t number, lines, index;   /* of the batch; its lines, and this one's place from 0 */
	aic_hash evidence;
	aic_bytes leaf;                  /* owned */
	size_t steps;
	aic_hash path[64];
} aic_leaf_proof;
void aic_leaf_proof_clear(aic_leaf_proof *p);

/* Of a line of a posted batch. Refused where its record was erased: what the leaf said is gone, its hash alone is left. */
aic_code aic_leaf_prove(const aic_batches *b, int64_t line, aic_leaf_proof *out, aic_error *err);
/* AIC_CORRUPT where the path does not lead from the leaf to the evidence. */
aic_code aic_leaf_check(const aic_leaf_proof *p, aic_error *err);

/* As JSON. */
void aic_leaf_write(FILE *out, const aic_leaf_proof *p);
aic_code aic_leaf_read(aic_leaf_proof *p, const char *path, aic_error *err);
/* What the leaf says, a row a figure: name, value. */
aic_code aic_leaf_rows(const aic_leaf_proof *p, aic_table *t, aic_error *err);

#endif
