/* tally.h: sums of payment lines by (payer, payee, kind), as a settlement wants them. */
#ifndef AIC_ACCOUNTING_TALLY_H
#define AIC_ACCOUNTING_TALLY_H

#include "accounting/rating.h"
#include "accounting/store.h"
#include "ledger/client.h"

typedef struct {
	int64_t payer, payee; /* wallet ids */
	aic_line_kind kind;
	uint64_t n;
	aic_amount gross, fee, stake;
	uint64_t reason[AIC_QUALITY_REASONS]; /* lines by why they earn no reward */
	bool settled;                         /* reward and issued are the ledger's */
	aic_amount reward, issued;
	aic_amount refunded;                  /* since it was posted */
	char note[256];
} aic_sum;

typedef struct {
	size_t n, cap;
	aic_sum *sum;
	size_t slots; uint32_t *slot;
	uint64_t lines;          /* charged ones */
	aic_amount gross, fee;
} aic_tally;

/* Adds a line with its fee and quality. A line of gross 0 counts nowhere. AIC_REFUSED on overflow. */
aic_code aic_tally_add(aic_tally *t, int64_t payer, int64_t payee, aic_line_kind kind, aic_amount gross, aic_amount fee,
                       const aic_quality *q, aic_error *err);
/* Orders by the wallets' names, then kind, and writes the notes. No more adding after it. */
void aic_tally_finish(aic_tally *t, const aic_store *s);
/* The sum's note, with what was refunded of it. Returns out. */
const char *aic_sum_note(const aic_sum *s, char out[320]);
void aic_tally_clear(aic_tally *t);

#endif
