/* draft.c: what a batch would be if it were closed now. Lines are rated as they come (rated.h), so this only adds them up. */
#include <string.h>

#include "accounting/batch.h"
#include "accounting/charge.h"

typedef struct {
	const aic_batches *b;
	aic_organisations organisations;
	uint64_t fee_ppm;
	aic_tally *tally;
} drafting;

static aic_code add_line(drafting *d, sqlite3_stmt *st, aic_error *err)
{
	int64_t payer = sqlite3_column_int64(st, 0), payee = sqlite3_column_int64(st, 1);
	aic_amount gross = aic_sql_amount(st, 3);
	aic_quality q = {.verified = (uint64_t)sqlite3_column_int64(st, 4), .useful = (uint64_t)sqlite3_column_int64(st, 5),
	                 .reason = (aic_quality_reason)sqlite3_column_int(st, 6)};
	bool same;
	aic_code rc = aic_same_organisation(&d->organisations, d->b->store, d->b->config, payer, payee, &same, err);

	if (rc != AIC_OK)
		return rc;
	q = aic_quality_counted(q, gross > 0, same, (uint64_t)sqlite3_column_int64(st, 7));
	return aic_tally_add(d->tally, payer, payee, (aic_line_kind)sqlite3_column_int(st, 2), gross, aic_fee_of(gross, d->fee_ppm), &q, err);
}

aic_code aic_batch_draft(const aic_batches *b, int64_t end, uint64_t fee_ppm, aic_tally *out, aic_error *err)
{
	drafting d = {.b = b, .fee_ppm = fee_ppm, .tally = out};
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(b->store->db, &st, err, "SELECT payer, payee, kind, gross, verified, useful, quality_reason, penalty FROM open_line WHERE"
	                                                    " ended<?1 AND NOT held", "i", end);

	memset(out, 0, sizeof(*out));
	while (rc == AIC_OK && (rc = aic_sql_step(b->store->db, st, err)) == AIC_OK)
		if ((rc = add_line(&d, st, err)) != AIC_OK)
			aic_sql_done(st);
	aic_organisations_clear(&d.organisations);
	if (rc == AIC_NOT_FOUND) {
		aic_tally_finish(out, b->store);
		return AIC_OK;
	}
	aic_tally_clear(out);
	return rc;
}
