/* serve_wallets.c: wallets, ratings, what an AIC is worth, and the curve of issuance. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/acctd.h"

/* ppm as a decimal between 0 and 1, in the form of an amount: 523,000 ppm is 0.523. */
static aic_amount decimal(uint64_t ppm)
{
	return (aic_amount)ppm * (AIC_UNIT / AIC_PPM);
}

/* [] : rows of the wallets that the caller sees */
aic_code aic_serve_wallets(aic_request *q, aic_error *err)
{
	aic_rows rows = {.columns = 9};
	aic_code rc = aic_cbor_finish(q->args, err);

	for (size_t i = 0; i < q->d->store->n_wallets && rc == AIC_OK; i++) {
		const aic_wallet_row *w = q->d->store->wallet[i];
		if (!aic_viewer_sees_wallet(q->viewer, w->name))
			continue;
		aic_rows_text(&rows, w->name);
		aic_rows_text(&rows, w->organisation);
		aic_rows_amount(&rows, w->balance);
		aic_rows_amount(&rows, w->unsettled);
		aic_rows_amount(&rows, aic_available(w));
		aic_rows_amount(&rows, w->debt);
		aic_rows_amount(&rows, decimal(w->rating_ppm));
		aic_rows_text(&rows, w->registered ? "yes" : "no");
		aic_rows_number(&rows, w->balance_at);
	}
	aic_rows_finish(&rows, q->out);
	*q->items = 1;
	return rc;
}

/* --- ratings --- */

typedef struct {
	uint64_t lines;
	aic_amount fee, stake;
} earned;

static aic_code add_earnings(aic_request *q, earned *e, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(q->d->store->db, &st, err, "SELECT payee, n, fee, stake FROM batch_line WHERE reward IS NOT NULL", "");

	while (rc == AIC_OK && (rc = aic_sql_step(q->d->store->db, st, err)) == AIC_OK) {
		earned *at = &e[sqlite3_column_int64(st, 0) - 1];
		at->lines += (uint64_t)sqlite3_column_int64(st, 1);
		at->fee += aic_sql_amount(st, 2);
		at->stake += aic_sql_amount(st, 3);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

/* [] : rows of providers and of whoever was paid: wallet, organisation, rating, lines settled, their mean quality weighted by
 * fees. Everybody may see them, as every member of the ledger does. */
aic_code aic_serve_ratings(aic_request *q, aic_error *err)
{
	aic_rows rows = {.columns = 5};
	earned *e = aic_xcalloc(q->d->store->n_wallets + 1, sizeof(*e));
	aic_code rc = aic_cbor_finish(q->args, err);

	if (rc == AIC_OK)
		rc = add_earnings(q, e, err);
	for (size_t i = 0; i < q->d->store->n_wallets && rc == AIC_OK; i++) {
		const aic_wallet_row *w = q->d->store->wallet[i];
		if (!e[i].lines && strncmp(w->name, "provider/", 9))
			continue;
		aic_rows_text(&rows, w->name);
		aic_rows_text(&rows, w->organisation);
		aic_rows_amount(&rows, decimal(w->rating_ppm));
		aic_rows_number(&rows, (int64_t)e[i].lines);
		aic_rows_amount(&rows, e[i].fee ? decimal((uint64_t)(e[i].stake / e[i].fee)) : 0);
	}
	free(e);
	aic_rows_finish(&rows, q->out);
	*q->items = 1;
	return rc;
}

/* --- value --- */

static void value_row(aic_rows *rows, const char *what, const char *unit, aic_amount rate)
{
	aic_amount hours = 0;

	if (!rate || !aic_mul_div(&hours, AIC_UNIT, AIC_UNIT, rate))
		return;
	aic_rows_text(rows, what);
	aic_rows_text(rows, unit);
	aic_rows_amount(rows, rate);
	aic_rows_amount(rows, hours);
}

/* [] : rows of resource, unit, AIC for an hour of it, hours that one AIC buys (in 10^-18) */
aic_code aic_serve_value(aic_request *q, aic_error *err)
{
	const aic_rates *rates = aic_registry_rates(q->d->registry, aic_now());
	aic_rows rows = {.columns = 4};
	char name[AIC_NAME_LEN + 8];
	aic_code rc = aic_cbor_finish(q->args, err);

	if (rc != AIC_OK)
		return rc;
	for (size_t i = 0; i < rates->gpu_types; i++) {
		snprintf(name, sizeof(name), "gpu:%s", rates->gpu[i].type);
		value_row(&rows, name, "GPU hour", rates->gpu[i].per_hour);
	}
	value_row(&rows, "gpu (any other)", "GPU hour", rates->gpu_default);
	value_row(&rows, "cpu", "CPU hour", rates->cpu);
	value_row(&rows, "memory", "GiB hour", rates->mem_gib);
	aic_rows_finish(&rows, q->out);
	*q->items = 1;
	return rc;
}

/* --- curve --- */

/* [] : A_max, X, issued, S(X), then X and S of each point of the curve */
aic_code aic_serve_curve(aic_request *q, aic_error *err)
{
	aic_ledger_curve curve;
	aic_ledger *ledger;
	aic_code rc = aic_cbor_finish(q->args, err);

	if (rc == AIC_OK)
		rc = aic_acctd_ledger(q->d, &ledger, err);
	if (rc == AIC_OK) {
		rc = aic_ledger_curve_get(ledger, &curve, err);
		if (rc == AIC_UNREACHABLE)
			aic_acctd_unlink(q->d, err);
	}
	if (rc != AIC_OK)
		return rc;
	aic_cbor_put_amount(q->out, curve.limit);
	aic_cbor_put_amount(q->out, curve.fees_total);
	aic_cbor_put_amount(q->out, curve.issued);
	aic_cbor_put_amount(q->out, curve.issuable);
	for (size_t i = 0; i < AIC_CURVE_POINTS; i++) {
		aic_cbor_put_amount(q->out, curve.x[i]);
		aic_cbor_put_amount(q->out, curve.s[i]);
	}
	*q->items = 4 + 2 * AIC_CURVE_POINTS;
	return AIC_OK;
}
