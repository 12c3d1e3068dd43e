/* post.h: an approved batch onto the ledger, exactly once. */
#ifndef AIC_ACCOUNTING_POST_H
#define AIC_ACCOUNTING_POST_H

#include "accounting/batch.h"
#include "ledger/client.h"

/* A settlement as the ledger wants it: wallets registered, lines in the order of their addresses. order[i] is the index in
 * the tally of line i. Clear with aic_settlement_clear. */
typedef struct {
	aic_settlement settlement;
	aic_settlement_line *line;
	size_t *order;
} aic_prepared;
aic_code aic_settlement_prepare(const aic_batches *b, aic_ledger *ledger, const aic_batch *batch, const aic_tally *tally,
                                aic_prepared *out, aic_error *err);
void aic_settlement_clear(aic_prepared *p);

/* Fills reward and issued of the tally's sums with what they would earn now. */
aic_code aic_batch_preview(const aic_batches *b, aic_ledger *ledger, const aic_batch *batch, aic_tally *tally, aic_error *err);

/* Posts. Refused in mode observe, before approval, and where payers lack funds (named). */
aic_code aic_batch_post(const aic_batches *b, aic_ledger *ledger, aic_batch *batch, uid_t uid, int64_t now, aic_error *err);

/* After a crash, a lost answer or a backup put back: batches that the ledger has, with this hash and evidence, become posted; those in
 * "posting" that it has not are approved again; posted ones become final when they are. A batch that the ledger has with other lines
 * is left alone and logged once. */
aic_code aic_batch_repair(const aic_batches *b, aic_ledger *ledger, int64_t now, aic_error *err);

/* Place, from 0, of the line of sum's payer, payee and kind among those of that settlement. */
aic_code aic_batch_place_of(const aic_batches *b, aic_ledger *l, const char *period, uint64_t number, const aic_sum *sum, uint64_t *line,
                                aic_error *err);

/* Registers the wallet with its organisation where that is not done yet. */
aic_code aic_wallet_register(const aic_batches *b, aic_ledger *ledger, aic_wallet_row *w, aic_address *address, aic_error *err);

#endif
