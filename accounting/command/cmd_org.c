/* cmd_org.c: aic org: organisations, whose wallets earn no reward from each other, and the wallets of one. */
#include <stdlib.h>
#include <string.h>

#include "accounting/command/report.h"
#include "accounting/commands.h"

static const aic_column columns[] = {
	{"organisation", "ORGANISATION", AIC_COLUMN_TEXT}, {"wallets", "WALLETS", AIC_COLUMN_NUMBER},
	{"balance", "BALANCE AIC", AIC_COLUMN_AMOUNT},     {"unsettled", "UNSETTLED AIC", AIC_COLUMN_AMOUNT},
	{"debt", "DEBT AIC", AIC_COLUMN_AMOUNT},
};

static int by_organisation(const void *a, const void *b)
{
	const aic_cell *x = a, *y = b;
	int order = strcmp(x[AIC_W_ORGANISATION].text ? x[AIC_W_ORGANISATION].text : "", y[AIC_W_ORGANISATION].text ? y[AIC_W_ORGANISATION].text : "");

	return order ? order : strcmp(x[AIC_W_WALLET].text, y[AIC_W_WALLET].text);
}

static bool same(const aic_grid *g, size_t a, size_t b)
{
	const char *x = aic_grid_cell(g, a, AIC_W_ORGANISATION)->text, *y = aic_grid_cell(g, b, AIC_W_ORGANISATION)->text;

	return !strcmp(x ? x : "", y ? y : "");
}

static aic_amount sum(const aic_grid *g, size_t from, size_t to, size_t column)
{
	aic_amount all = 0;

	for (; from < to; from++)
		all += aic_grid_cell(g, from, column)->amount;
	return all;
}

static aic_table *list(const aic_grid *g)
{
	aic_table *t = aic_table_new(columns, sizeof(columns) / sizeof(columns[0]));

	for (size_t from = 0, to; from < g->n; from = to) {
		for (to = from + 1; to < g->n && same(g, from, to); to++)
			;
		aic_table_text(t, aic_grid_cell(g, from, AIC_W_ORGANISATION)->text);
		aic_table_number(t, (int64_t)(to - from));
		aic_table_amount(t, sum(g, from, to, AIC_W_BALANCE));
		aic_table_amount(t, sum(g, from, to, AIC_W_UNSETTLED));
		aic_table_amount(t, sum(g, from, to, AIC_W_DEBT));
	}
	aic_table_note(t, "Payments between wallets of one organisation are made and earn no reward.");
	return t;
}

static aic_code show(aic_grid *g, const char *name, aic_table **t, aic_error *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < g->n; i++) {
		const char *organisation = aic_grid_cell(g, i, AIC_W_ORGANISATION)->text;
		kept += organisation && !strcmp(organisation, name);
	}
	if (!kept)
		return aic_fail(err, AIC_NOT_FOUND, "no wallet that you may see belongs to an organisation %s: `aic org` lists those that have some", name);
	*t = aic_table_new(aic_wallet_columns, AIC_W_COLUMNS);
	for (size_t i = 0; i < g->n; i++) {
		const char *organisation = aic_grid_cell(g, i, AIC_W_ORGANISATION)->text;
		if (organisation && !strcmp(organisation, name))
			aic_grid_row(g, i, aic_wallet_columns, *t);
	}
	aic_table_note(*t, "An account's organisation is its top-level Slurm account, a provider's its name, where aic.yaml names no other; once"
	                   " a wallet is on the ledger it stays.");
	return AIC_OK;
}

int aic_cmd_org(int argc, char **argv)
{
	aic_words w = {.max_args = 1};
	aic_question q = {.config = &w.base.config};
	aic_grid g = {0};
	aic_table *t = NULL;
	aic_error err = {0};
	int status = aic_words_begin(&w, "[ORGANISATION]", "The organisations of the wallets that you may see, or the wallets of one: what its members pay"
	                                                   " each other earns no reward.", argc, argv);

	if (status)
		return status;
	aic_rpc_begin(&q.body, "wallets", 0);
	aic_code rc = aic_ask_rows(&q, &g, aic_wallet_columns, AIC_W_COLUMNS, &err);
	if (rc == AIC_OK && g.n)
		qsort(g.cell, g.n, g.columns * sizeof(*g.cell), by_organisation);
	if (rc == AIC_OK && w.n_args)
		rc = show(&g, w.arg[0], &t, &err);
	else if (rc == AIC_OK)
		t = list(&g);
	if (rc == AIC_OK)
		aic_show(&w, t);
	aic_grid_clear(&g);
	aic_question_end(&q);
	return aic_words_end(&w, argv, rc, &err);
}
