/* posted_line.h: a line of a posted settlement, as a later transaction names and shows it: reversals, ratings.
 *
 *     period, number, line from 0, leaf, path: [* bytes .size 32]        five items of the transaction's body */
#ifndef AIC_LEDGER_POSTED_LINE_H
#define AIC_LEDGER_POSTED_LINE_H

#include "ledger/state/execute.h"

#define AIC_LINE_PATH_MAX 64

typedef struct {
	char period[16];
	uint64_t number, line;
	aic_settlement_line l;
	aic_hash leaf, path[AIC_LINE_PATH_MAX];
	size_t path_len;
} aic_posted_line;

void aic_posted_line_put(aic_bytes *out, const char *period, uint64_t number, uint64_t line, const aic_settlement_line *l,
                         const aic_hash *path, size_t path_len);
void aic_posted_line_get(aic_cbor *c, aic_posted_line *p);

/* The settlement of the signer's site that holds the line. AIC_REFUSED where there is none, or the line is another one. */
aic_code aic_posted_line_need(const aic_exec *x, const aic_posted_line *p, aic_settlement_row *row, aic_error *err);

/* The sum that `table` keeps for a settlement's line; 0 where there is none yet. */
aic_code aic_posted_line_sum(aic_state *s, aic_table_id table, const aic_hash *settlement_tx, uint64_t line, aic_amount *sum, aic_error *err);
/* Adds to the sum that `table` keeps for a settlement's line: `sum` is the new one. AIC_REFUSED where it would pass limit, with the sum
 * that it would be and no words, which are the caller's. */
aic_code aic_posted_line_add(aic_state *s, aic_table_id table, const aic_hash *settlement_tx, uint64_t line, aic_amount add, aic_amount limit,
                             aic_amount *sum, aic_error *err);

#endif
