/* report.c: from aicacctd's answers to grids. */
#include "accounting/command/report.h"

#include <stdlib.h>
#include <string.h>

/* --- asking --- */

static aic_code gather_site(aic_report *r, const aic_words *w, aic_error *err)
{
	aic_question q = {.config = &w->base.config};

	aic_rpc_begin(&q.body, "ping", 0);
	aic_code rc = aic_ask(&q, err);
	if (rc == AIC_OK) {
		aic_cbor_text(&q.answer, r->site, sizeof(r->site));
		r->made_at = aic_cbor_int(&q.answer);
		r->enforce = aic_cbor_bool(&q.answer);
		rc = aic_cbor_finish(&q.answer, err);
	}
	aic_question_end(&q);
	return rc;
}

/* The period, and what aicacctd leaves out where a table's own cells do not say it; `needed`: they do not. */
static void ask_for_period(aic_question *q, const aic_words *w, const char *op, bool needed)
{
	const char *const filter[] = {w->account, w->provider, w->user, w->node, w->cluster, w->asset};

	aic_rpc_begin(&q->body, op, needed ? 7 : 1);
	aic_cbor_put_text(&q->body, w->period ? w->period : "");
	for (size_t i = 0; needed && i < 6; i++)
		aic_cbor_put_text(&q->body, filter[i] ? filter[i] : "");
}

/* Rows of the period; wallet NULL for all payouts, else a statement's. */
static aic_code gather_payouts(aic_report *r, const aic_words *w, const char *wallet, aic_error *err)
{
	aic_question q = {.config = &w->base.config};

	if (wallet) {
		aic_rpc_begin(&q.body, "statement", 2);
		aic_cbor_put_text(&q.body, w->period ? w->period : "");
		aic_cbor_put_text(&q.body, wallet);
	} else {
		ask_for_period(&q, w, "payouts", w->user || w->node || w->cluster || w->asset);
	}
	aic_code rc = aic_ask(&q, err);
	if (rc == AIC_OK) {
		aic_cbor_text(&q.answer, r->period, sizeof(r->period));
		aic_grid_read(&r->payouts, &q.answer, aic_payout_columns, AIC_P_COLUMNS);
		r->charge = aic_cbor_amount(&q.answer);
		aic_cbor_text(&q.answer, r->message, sizeof(r->message));
		rc = aic_cbor_finish(&q.answer, err);
	}
	aic_question_end(&q);
	return rc;
}

static aic_code gather_period(aic_report *r, const aic_words *w, const char *op, aic_grid *g, const aic_column *columns, size_t n,
                              aic_error *err)
{
	aic_question q = {.config = &w->base.config};

	ask_for_period(&q, w, op, w->provider || w->node || w->cluster || w->asset);
	aic_code rc = aic_ask(&q, err);
	if (rc == AIC_OK) {
		aic_cbor_text(&q.answer, r->period, sizeof(r->period));
		aic_grid_read(g, &q.answer, columns, n);
		rc = aic_cbor_finish(&q.answer, err);
	}
	aic_question_end(&q);
	return rc;
}

static aic_code gather_series(const aic_words *w, const char *op, aic_grid *g, const aic_column *columns, size_t n, aic_error *err)
{
	aic_question q = {.config = &w->base.config};

	aic_rpc_begin(&q.body, op, 1);
	aic_cbor_put_uint(&q.body, AIC_SERIES_PERIODS);
	aic_code rc = aic_ask_rows(&q, g, columns, n, err);
	aic_question_end(&q);
	return rc;
}

static aic_code gather_now(const aic_words *w, const char *op, aic_grid *g, const aic_column *columns, size_t n, aic_error *err)
{
	aic_question q = {.config = &w->base.config};

	aic_rpc_begin(&q.body, op, 0);
	aic_code rc = aic_ask_rows(&q, g, columns, n, err);
	aic_question_end(&q);
	return rc;
}

/* Without a ledger the rest of the report stands, and says so. */
static aic_code gather_curve(aic_report *r, const aic_words *w, aic_error *err)
{
	aic_question q = {.config = &w->base.config};
	aic_error e = {0};

	aic_rpc_begin(&q.body, "curve", 0);
	aic_code rc = aic_ask(&q, &e);
	if (rc == AIC_OK) {
		r->curve.limit = aic_cbor_amount(&q.answer);
		r->curve.fees_total = aic_cbor_amount(&q.answer);
		r->curve.issued = aic_cbor_amount(&q.answer);
		r->curve.issuable = aic_cbor_amount(&q.answer);
		for (size_t i = 0; i < AIC_CURVE_POINTS; i++) {
			r->curve.x[i] = aic_cbor_amount(&q.answer);
			r->curve.s[i] = aic_cbor_amount(&q.answer);
		}
		rc = aic_cbor_finish(&q.answer, err);
	} else {
		aic_str_copy(r->no_curve, sizeof(r->no_curve), e.message);
		rc = AIC_OK;
	}
	aic_question_end(&q);
	return rc;
}

/* --- filters --- */

static bool same(const char *cell, const char *wanted)
{
	const char *slash = cell ? strchr(cell, '/') : NULL;

	return !cell || (!strcmp(cell, wanted) || (slash && !strcmp(slash + 1, wanted)));
}

void aic_grid_keep(aic_grid *g, size_t column, const char *text)
{
	size_t kept = 0;

	if (!text || !g->n)
		return;
	for (size_t i = 0; i < g->n; i++) {
		aic_cell *row = &g->cell[i * g->columns];
		if (same(row[column].text, text)) {
			if (kept != i)
				memcpy(&g->cell[kept * g->columns], row, g->columns * sizeof(*row));
			kept++;
		} else {
			for (size_t k = 0; k < g->columns; k++)
				free(row[k].text);
		}
	}
	g->n = kept;
}

static void filter(aic_report *r, const aic_words *w)
{
	r->filtered = w->account || w->provider || w->user || w->node || w->cluster || w->asset;
	aic_grid_keep(&r->payouts, AIC_P_PAYER, w->account);
	aic_grid_keep(&r->payouts, AIC_P_PAYEE, w->provider);
	aic_grid_keep(&r->sessions, AIC_T_ACCOUNT, w->account);
	aic_grid_keep(&r->sessions, AIC_T_USER, w->user);
	aic_grid_keep(&r->usage, AIC_U_ACCOUNT, w->account);
	aic_grid_keep(&r->usage, AIC_U_USER, w->user);
	aic_grid_keep(&r->uncharged, AIC_N_ACCOUNT, w->account);
	aic_grid_keep(&r->uncharged, AIC_N_USER, w->user);
	aic_grid_keep(&r->uncharged, AIC_N_CLUSTER, w->cluster);
	aic_grid_keep(&r->wallets, AIC_W_WALLET, w->account ? w->account : w->provider);
	aic_grid_keep(&r->ratings, AIC_R_WALLET, w->provider);
	aic_grid_keep(&r->payout_series, AIC_PS_PAYEE, w->provider);
}

static int by_payee(const void *a, const void *b)
{
	const aic_cell *x = a, *y = b;
	int order = strcmp(x[AIC_P_PAYEE].text ? x[AIC_P_PAYEE].text : "", y[AIC_P_PAYEE].text ? y[AIC_P_PAYEE].text : "");

	if (!order)
		order = strcmp(x[AIC_P_STATE].text ? x[AIC_P_STATE].text : "", y[AIC_P_STATE].text ? y[AIC_P_STATE].text : "");
	return order ? order : strcmp(x[AIC_P_PAYER].text ? x[AIC_P_PAYER].text : "", y[AIC_P_PAYER].text ? y[AIC_P_PAYER].text : "");
}

/* Charts over time are of everything that the caller sees: none where rows of an account or user alone are wanted. */
static bool wants_series(const aic_words *w)
{
	return w->page && !w->account && !w->user && !w->node && !w->cluster && !w->asset;
}

/* --- all of it --- */

static aic_code gather(aic_report *r, const aic_words *w, aic_error *err)
{
	aic_code rc = gather_site(r, w, err);

	if (rc == AIC_OK && r->sections & AIC_SECTION_PAYOUTS)
		rc = gather_payouts(r, w, NULL, err);
	if (rc == AIC_OK && r->sections & AIC_SECTION_PAYOUTS && wants_series(w))
		rc = gather_series(w, "payout-series", &r->payout_series, aic_payout_series_columns, AIC_PS_COLUMNS, err);
	if (rc == AIC_OK && r->sections & AIC_SECTION_SESSIONS)
		rc = gather_period(r, w, "report-sessions", &r->sessions, aic_session_columns, AIC_T_COLUMNS, err);
	if (rc == AIC_OK && r->sections & AIC_SECTION_USAGE)
		rc = gather_period(r, w, "usage", &r->usage, aic_usage_columns, AIC_U_COLUMNS, err);
	if (rc == AIC_OK && r->sections & AIC_SECTION_USAGE && wants_series(w) && !w->provider)
		rc = gather_series(w, "usage-series", &r->usage_series, aic_usage_series_columns, AIC_US_COLUMNS, err);
	if (rc == AIC_OK && r->sections & AIC_SECTION_UNCHARGED)
		rc = gather_period(r, w, "uncharged", &r->uncharged, aic_uncharged_columns, AIC_N_COLUMNS, err);
	if (rc == AIC_OK && r->sections & AIC_SECTION_WALLETS)
		rc = gather_now(w, "wallets", &r->wallets, aic_wallet_columns, AIC_W_COLUMNS, err);
	if (rc == AIC_OK && r->sections & AIC_SECTION_RATINGS)
		rc = gather_now(w, "ratings", &r->ratings, aic_rating_columns, AIC_R_COLUMNS, err);
	if (rc == AIC_OK && r->sections & AIC_SECTION_VALUE)
		rc = gather_now(w, "value", &r->value, aic_value_columns, AIC_V_COLUMNS, err);
	if (rc == AIC_OK && r->sections & AIC_SECTION_CURVE)
		rc = gather_curve(r, w, err);
	return rc;
}

aic_code aic_report_gather(aic_report *r, const aic_words *w, unsigned sections, aic_error *err)
{
	memset(r, 0, sizeof(*r));
	r->sections = sections;
	aic_code rc = gather(r, w, err);
	if (rc == AIC_OK)
		filter(r, w);
	if (r->payouts.n)
		qsort(r->payouts.cell, r->payouts.n, r->payouts.columns * sizeof(*r->payouts.cell), by_payee);
	return rc;
}

aic_code aic_report_statement(aic_report *r, const aic_words *w, const char *wallet, aic_error *err)
{
	memset(r, 0, sizeof(*r));
	aic_code rc = gather_site(r, w, err);
	return rc == AIC_OK ? gather_payouts(r, w, wallet, err) : rc;
}

void aic_report_clear(aic_report *r)
{
	aic_grid *grids[] = {&r->payouts, &r->sessions, &r->usage, &r->uncharged, &r->wallets, &r->ratings, &r->value, &r->payout_series,
	                     &r->usage_series};

	for (size_t i = 0; i < sizeof(grids) / sizeof(grids[0]); i++)
		aic_grid_clear(grids[i]);
	memset(r, 0, sizeof(*r));
}
