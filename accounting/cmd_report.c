/* cmd_report.c: aic report payouts | usage | uncharged. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/ask.h"
#include "accounting/commands.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* Asks `op` for a period. On AIC_OK the cursor stands behind the period's name. */
static aic_code ask_period(const aic_words *w, const char *op, char period[16], aic_bytes *keep, aic_cbor *answer, aic_error *err)
{
	aic_bytes body = {0};

	aic_rpc_begin(&body, op, 1);
	aic_cbor_put_text(&body, w->period ? w->period : "");
	aic_code rc = aic_ask(&w->base.config, &body, keep, answer, err);
	aic_bytes_free(&body);
	if (rc == AIC_OK)
		aic_cbor_text(answer, period, 16);
	return rc;
}

/* --- payouts --- */

enum { P_PROVIDER, P_PAYER, P_KIND, P_LINES, P_GROSS, P_FEE, P_NET, P_REWARD, P_TOTAL, P_STATE, P_NOTE };
static const aic_column payout_columns[] = {
	[P_PROVIDER] = {"payee", "PAYEE", AIC_COLUMN_TEXT},      [P_PAYER] = {"payer", "PAYER", AIC_COLUMN_TEXT},
	[P_KIND] = {"kind", "KIND", AIC_COLUMN_TEXT},            [P_LINES] = {"lines", "LINES", AIC_COLUMN_NUMBER},
	[P_GROSS] = {"gross", "GROSS AIC", AIC_COLUMN_AMOUNT},   [P_FEE] = {"fee", "FEE AIC", AIC_COLUMN_AMOUNT},
	[P_NET] = {"net", "NET AIC", AIC_COLUMN_AMOUNT},         [P_REWARD] = {"reward", "REWARD AIC", AIC_COLUMN_AMOUNT},
	[P_TOTAL] = {"total", "TOTAL AIC", AIC_COLUMN_AMOUNT},   [P_STATE] = {"state", "BATCH", AIC_COLUMN_TEXT},
	[P_NOTE] = {"note", "NOTE", AIC_COLUMN_TEXT},
};

static int by_payee(const void *a, const void *b)
{
	const aic_cell *x = a, *y = b;
	int order = strcmp(x[P_PROVIDER].text ? x[P_PROVIDER].text : "", y[P_PROVIDER].text ? y[P_PROVIDER].text : "");

	if (!order)
		order = strcmp(x[P_STATE].text ? x[P_STATE].text : "", y[P_STATE].text ? y[P_STATE].text : "");
	return order ? order : strcmp(x[P_PAYER].text ? x[P_PAYER].text : "", y[P_PAYER].text ? y[P_PAYER].text : "");
}

static void payee_total(aic_table *t, const aic_grid *g, size_t from, size_t to, const char *title)
{
	aic_amount sum[COUNT(payout_columns)] = {0};
	int64_t lines = 0;

	for (size_t i = from; i < to; i++) {
		lines += aic_grid_cell(g, i, P_LINES)->number;
		for (size_t k = P_GROSS; k <= P_TOTAL; k++)
			sum[k] += aic_grid_cell(g, i, k)->amount;
	}
	aic_table_rule(t);
	aic_table_text(t, title);
	aic_table_text(t, NULL);
	aic_table_text(t, NULL);
	aic_table_number(t, lines);
	for (size_t k = P_GROSS; k <= P_TOTAL; k++)
		aic_table_amount(t, sum[k]);
	aic_table_text(t, NULL);
	aic_table_text(t, NULL);
}

/* The daemon adds up the charges line by line, this adds up what is printed: equal to the unit, or it says so. */
static void check_line(aic_table *t, const aic_grid *g, aic_amount charge)
{
	char net[AIC_AMOUNT_TEXT], fee[AIC_AMOUNT_TEXT], all[AIC_AMOUNT_TEXT];
	aic_amount n = aic_grid_sum(g, P_NET), f = aic_grid_sum(g, P_FEE);

	aic_amount_format(net, n);
	aic_amount_format(fee, f);
	aic_amount_format(all, charge);
	if (n + f == charge)
		aic_table_note(t, "net + fee = charge: %s + %s = %s AIC, exact", net, fee, all);
	else
		aic_table_note(t, "net + fee is NOT the charge: %s + %s against %s AIC: tell the administrator", net, fee, all);
}

static void payouts_table(const aic_words *w, aic_grid *g, const char *period, aic_amount charge, const char *message)
{
	aic_table *t = aic_table_new(payout_columns, COUNT(payout_columns));
	char title[AIC_NAME_LEN + 16];

	if (g->n)
		qsort(g->cell, g->n, g->columns * sizeof(*g->cell), by_payee);
	aic_grid_rows(g, payout_columns, t);
	for (size_t from = 0, to; from < g->n; from = to) {
		const char *payee = aic_grid_cell(g, from, P_PROVIDER)->text;
		for (to = from + 1; to < g->n && !strcmp(aic_grid_cell(g, to, P_PROVIDER)->text, payee); to++)
			;
		snprintf(title, sizeof(title), "= %s", payee);
		payee_total(t, g, from, to, title);
	}
	if (g->n) {
		payee_total(t, g, 0, g->n, "= all");
		check_line(t, g, charge);
	}
	aic_table_note(t, "Period %s (UTC).%s", period, g->n ? "" : " Nothing was charged that you may see.");
	if (message[0])
		aic_table_note(t, "%c%s.", message[0] - 'a' + 'A', message + 1);
	if (!w->base.config.enforce)
		aic_table_note(t, "Mode is observe: this is on paper, nothing is posted.");
	aic_show(w, t);
}

static int report_payouts(int argc, char **argv)
{
	aic_words w = {.takes_period = true};
	int status = aic_words_begin(&w, NULL, "What a period's use pays to whom: gross is what the payer is charged, the fee stays with"
	                                       " the treasury, the reward is Proof of Value's.", argc, argv);
	aic_bytes keep = {0};
	aic_cbor answer;
	aic_grid grid = {0};
	aic_error err = {0};
	char period[16], message[1024];

	if (status)
		return status;
	aic_code rc = ask_period(&w, "payouts", period, &keep, &answer, &err);
	if (rc == AIC_OK) {
		aic_grid_read(&grid, &answer, payout_columns, COUNT(payout_columns));
		aic_amount charge = aic_cbor_amount(&answer);
		aic_cbor_text(&answer, message, sizeof(message));
		rc = aic_cbor_finish(&answer, &err);
		if (rc == AIC_OK)
			payouts_table(&w, &grid, period, charge, message);
	}
	aic_grid_clear(&grid);
	aic_bytes_free(&keep);
	aic_command_end(&w.base);
	return rc == AIC_OK ? 0 : aic_command_fail(argv, &err);
}

/* --- usage and uncharged --- */

static const aic_column usage_columns[] = {
	{"account", "ACCOUNT", AIC_COLUMN_TEXT},           {"user", "USER", AIC_COLUMN_TEXT},
	{"runs", "RUNS", AIC_COLUMN_NUMBER},               {"cpu_seconds", "CPU SECONDS", AIC_COLUMN_NUMBER},
	{"cpu_seconds_used", "USED", AIC_COLUMN_TEXT},     {"gpu_seconds", "GPU SECONDS", AIC_COLUMN_NUMBER},
	{"charge", "CHARGE AIC", AIC_COLUMN_AMOUNT},
};

static const aic_column uncharged_columns[] = {
	{"job", "JOB", AIC_COLUMN_TEXT},           {"cluster", "CLUSTER", AIC_COLUMN_TEXT},   {"restart", "RESTART", AIC_COLUMN_NUMBER},
	{"account", "ACCOUNT", AIC_COLUMN_TEXT},   {"user", "USER", AIC_COLUMN_TEXT},         {"state", "STATE", AIC_COLUMN_TEXT},
	{"start", "START", AIC_COLUMN_TIME},       {"end", "END", AIC_COLUMN_TIME},           {"billable", "SECONDS", AIC_COLUMN_NUMBER},
	{"reason", "REASON", AIC_COLUMN_TEXT},
};

static int report_rows(int argc, char **argv, const char *op, const char *doc, const aic_column *columns, size_t n_columns,
                       const char *none)
{
	aic_words w = {.takes_period = true};
	int status = aic_words_begin(&w, NULL, doc, argc, argv);
	aic_bytes keep = {0};
	aic_cbor answer;
	aic_grid grid = {0};
	aic_error err = {0};
	char period[16];

	if (status)
		return status;
	aic_code rc = ask_period(&w, op, period, &keep, &answer, &err);
	if (rc == AIC_OK) {
		aic_grid_read(&grid, &answer, columns, n_columns);
		rc = aic_cbor_finish(&answer, &err);
	}
	if (rc == AIC_OK) {
		aic_table *t = aic_table_new(columns, n_columns);
		aic_grid_rows(&grid, columns, t);
		aic_table_note(t, "Period %s (UTC).%s", period, grid.n ? "" : none);
		aic_show(&w, t);
	}
	aic_grid_clear(&grid);
	aic_bytes_free(&keep);
	aic_command_end(&w.base);
	return rc == AIC_OK ? 0 : aic_command_fail(argv, &err);
}

static int report_usage(int argc, char **argv)
{
	return report_rows(argc, argv, "usage", "Who held and used what in a period, and what it cost.", usage_columns, COUNT(usage_columns),
	                   " Nobody whom you may see has run a job.");
}

static int report_uncharged(int argc, char **argv)
{
	return report_rows(argc, argv, "uncharged", "Runs that were charged less than in full, each with the reason.", uncharged_columns,
	                   COUNT(uncharged_columns), " Every run that you may see was charged in full.");
}

int aic_cmd_report(int argc, char **argv)
{
	static const aic_subcommand reports[] = {
		{"payouts", report_payouts, "who is paid how much, by whom and why"},
		{"usage", report_usage, "who held and used what"},
		{"uncharged", report_uncharged, "runs charged less than in full, with the reason"},
		{NULL, NULL, NULL},
	};

	return aic_command_dispatch(reports, "Reports on a period.", argc, argv);
}
