/* html_statement.c: one wallet's payments of a period, on paper for a finance office. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/page/html.h"
#include "accounting/command/report.h"
#include "common/time.h"

#define BIT(k) (UINT32_C(1) << (k))

/* Payer is the account's bare name, as in every report of payouts. */
static bool is_payer(const aic_grid *g, size_t row, const char *wallet)
{
	const char *name = aic_grid_cell(g, row, AIC_P_PAYER)->text;

	return name && !strcmp(name, strncmp(wallet, "account/", 8) ? wallet : wallet + 8);
}

/* The rows in which the wallet pays, or is paid; cells are borrowed from g. */
static aic_grid side(const aic_grid *g, const char *wallet, bool pays)
{
	aic_grid out = {.columns = g->columns, .cell = aic_xcalloc(g->n * g->columns + 1, sizeof(*g->cell))};

	for (size_t i = 0; i < g->n; i++) {
		bool payee = aic_grid_cell(g, i, AIC_P_PAYEE)->text && !strcmp(aic_grid_cell(g, i, AIC_P_PAYEE)->text, wallet);
		if (pays ? is_payer(g, i, wallet) : payee)
			memcpy(&out.cell[out.n++ * g->columns], &g->cell[i * g->columns], g->columns * sizeof(*g->cell));
	}
	return out;
}

static bool all_settled(const aic_grid *g)
{
	for (size_t i = 0; i < g->n; i++) {
		const char *state = aic_grid_cell(g, i, AIC_P_STATE)->text;
		if (!state || (!strstr(state, " posted") && !strstr(state, " final")))
			return false;
	}
	return true;
}

static void letter_row(aic_bytes *out, const char *name, const char *text)
{
	aic_bytes_append_str(out, "<div>");
	aic_html_element(out, "dt", NULL, name);
	aic_html_element(out, "dd", NULL, text);
	aic_bytes_append_str(out, "</div>\n");
}

static void put_letter(aic_bytes *out, const aic_report *r, const char *wallet)
{
	char number[2 * AIC_NAME_LEN + 32], made[AIC_TIME_TEXT];

	snprintf(number, sizeof(number), "%s/%s/%s", r->site, r->period, wallet);
	aic_bytes_append_str(out, "<dl class=\"letter\">\n");
	letter_row(out, "From", r->site);
	letter_row(out, "Statement", number);
	letter_row(out, "For", wallet);
	letter_row(out, "Period (UTC)", r->period);
	letter_row(out, "Standing", !r->enforce ? "on paper: mode is observe, nothing is posted"
	                            : !r->payouts.n ? "nothing was charged or paid"
	                            : all_settled(&r->payouts) ? "settled on the ledger" : "preliminary: not everything is settled yet");
	letter_row(out, "Made", aic_time_format(made, r->made_at));
	aic_bytes_append_str(out, "</dl>\n");
}

static void put_exact(aic_bytes *out, const char *what, aic_amount v)
{
	char text[AIC_AMOUNT_TEXT];

	aic_bytes_printf(out, "<p class=\"exact\">%s: <strong>%s AIC</strong></p>\n", what, aic_amount_format(text, v));
}

static void put_paid(aic_bytes *out, const aic_grid *g)
{
	static const aic_html_table_style style = {
		.id = "debits", .caption = "What the account pays", .none = "Nothing was charged to this wallet.",
		.sums = BIT(AIC_P_LINES) | BIT(AIC_P_GROSS) | BIT(AIC_P_FEE) | BIT(AIC_P_NET),
		.leave_out = BIT(AIC_P_PAYER) | BIT(AIC_P_REWARD) | BIT(AIC_P_TOTAL) | BIT(AIC_P_NOTE),
	};

	aic_bytes_append_str(out, "<section>\n<h2>Debits</h2>\n");
	aic_html_table(out, &style, aic_payout_columns, g);
	put_exact(out, "To pay, exactly", aic_grid_sum(g, AIC_P_GROSS));
	aic_bytes_append_str(out, "<p class=\"note\">Gross is what the account pays; of it the fee goes to the treasury, net to the payee.</p>\n"
	                          "</section>\n");
}

static void put_received(aic_bytes *out, const aic_grid *g)
{
	static const aic_html_table_style style = {
		.id = "credits", .caption = "What the payee receives", .none = "Nothing was paid to this wallet.",
		.sums = BIT(AIC_P_LINES) | BIT(AIC_P_GROSS) | BIT(AIC_P_FEE) | BIT(AIC_P_NET) | BIT(AIC_P_REWARD) | BIT(AIC_P_TOTAL),
		.leave_out = BIT(AIC_P_PAYEE) | BIT(AIC_P_NOTE),
	};

	aic_bytes_append_str(out, "<section>\n<h2>Credits</h2>\n");
	aic_html_table(out, &style, aic_payout_columns, g);
	put_exact(out, "To receive, exactly", aic_grid_sum(g, AIC_P_TOTAL));
	aic_bytes_append_str(out, "<p class=\"note\">Total is net and reward. Until a batch is posted, its rewards are \"up to\".</p>\n</section>\n");
}

void aic_report_statement_page(aic_bytes *out, const aic_report *r, const char *wallet)
{
	aic_grid pays = side(&r->payouts, wallet, true), gets = side(&r->payouts, wallet, false);
	char title[2 * AIC_NAME_LEN + 64];

	snprintf(title, sizeof(title), "Statement %s, %s, %s", wallet, r->period, r->site);
	aic_html_begin(out, title);
	aic_bytes_append_str(out, "<header>\n<h1>Statement</h1>\n</header>\n");
	put_letter(out, r, wallet);
	if (pays.n || !gets.n)
		put_paid(out, &pays);
	if (gets.n)
		put_received(out, &gets);
	aic_bytes_append_str(out, "<p class=\"note\">1 AIC has 18 decimals; figures in tables are rounded down, sums are exact. The batch named in"
	                          " each line is on the ledger: <code>aic history</code> shows it there.</p>\n"
	                          "<div class=\"sign\"><p>Date, administrator of the site</p><p>Date, finance office</p></div>\n");
	aic_html_end(out);
	free(pays.cell);
	free(gets.cell);
}
