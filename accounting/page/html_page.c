/* html_page.c: the report of a period on one page: the main figures, charts, tables. */
#include <stdio.h>
#include <string.h>

#include "accounting/page/html.h"
#include "accounting/command/report.h"
#include "common/time.h"

#define BIT(k) (UINT32_C(1) << (k))

static void put_header(aic_bytes *out, const aic_report *r)
{
	char made[AIC_TIME_TEXT];

	aic_bytes_append_str(out, "<header>\n<h1>AIC report: ");
	aic_html_text(out, r->site);
	aic_bytes_append_str(out, "</h1>\n<p class=\"meta\">");
	if (r->period[0])
		aic_bytes_printf(out, "Period <strong>%s</strong> (UTC). ", r->period);
	aic_bytes_printf(out, "Made <time>%s</time> from what its reader may see.</p>\n", aic_time_format(made, r->made_at));
	if (r->filtered)
		aic_bytes_append_str(out, "<p class=\"meta\">Rows were left out as the caller asked.</p>\n");
}

static const struct {
	aic_section section;
	const char *id, *title;
} parts[] = {
	{AIC_SECTION_PAYOUTS, "payouts", "Payouts"},       {AIC_SECTION_SESSIONS, "sessions", "Training sessions"},
	{AIC_SECTION_USAGE, "usage", "Usage"},
	{AIC_SECTION_UNCHARGED, "uncharged", "Charged less than in full"}, {AIC_SECTION_WALLETS, "wallets", "Wallets"},
	{AIC_SECTION_RATINGS, "ratings", "Ratings"},       {AIC_SECTION_VALUE, "value", "What an AIC buys"},
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

static void put_contents(aic_bytes *out, const aic_report *r)
{
	size_t n = 0;

	for (size_t i = 0; i < PARTS; i++)
		n += (r->sections & parts[i].section) != 0;
	if (n > 1) {
		aic_bytes_append_str(out, "<nav aria-label=\"Contents\">\n<ul>\n");
		for (size_t i = 0; i < PARTS; i++)
			if (r->sections & parts[i].section)
				aic_bytes_printf(out, "<li><a href=\"#%s-part\">%s</a></li>\n", parts[i].id, parts[i].title);
		aic_bytes_append_str(out, "</ul>\n</nav>\n");
	}
	aic_bytes_append_str(out, "</header>\n");
	if (!r->enforce)
		aic_bytes_append_str(out, "<p class=\"banner\">Mode is <strong>observe</strong>: this is on paper, nothing is held or posted.</p>\n");
}

/* --- main figures --- */

static void tile_begin(aic_bytes *out, const char *name)
{
	aic_bytes_append_str(out, "<div>");
	aic_html_element(out, "dt", NULL, name);
	aic_bytes_append_str(out, "<dd>");
}

static void tile_amount(aic_bytes *out, const char *name, aic_amount v, int decimals)
{
	tile_begin(out, name);
	aic_html_amount(out, v, decimals);
	aic_bytes_append_str(out, " <small>AIC</small></dd></div>\n");
}

static void tile_number(aic_bytes *out, const char *name, int64_t v)
{
	tile_begin(out, name);
	aic_html_number(out, v);
	aic_bytes_append_str(out, "</dd></div>\n");
}

static void tile_time(aic_bytes *out, const char *name, int64_t seconds)
{
	tile_begin(out, name);
	if (seconds < 3600) {
		aic_html_number(out, seconds);
		aic_bytes_append_str(out, " <small>s</small></dd></div>\n");
	} else {
		aic_html_number(out, seconds / 3600);
		aic_bytes_printf(out, ".%02d <small>h</small></dd></div>\n", (int)(seconds % 3600 / 36));
	}
}

static int64_t sum_numbers(const aic_grid *g, size_t column)
{
	int64_t sum = 0;

	for (size_t i = 0; i < g->n; i++)
		sum += aic_grid_cell(g, i, column)->number;
	return sum;
}

static void put_tiles(aic_bytes *out, const aic_report *r)
{
	if (!(r->sections & (AIC_SECTION_PAYOUTS | AIC_SECTION_USAGE)))
		return;
	int decimals = aic_grid_sum(&r->payouts, AIC_P_GROSS) >= 1000 * AIC_UNIT ? 2 : 4;
	aic_bytes_append_str(out, "<dl class=\"tiles\">\n");
	if (r->sections & AIC_SECTION_PAYOUTS) {
		tile_amount(out, "Charged", aic_grid_sum(&r->payouts, AIC_P_GROSS), decimals);
		tile_amount(out, "Net to payees", aic_grid_sum(&r->payouts, AIC_P_NET), decimals);
		tile_amount(out, "Fees", aic_grid_sum(&r->payouts, AIC_P_FEE), decimals);
		tile_amount(out, "Rewards", aic_grid_sum(&r->payouts, AIC_P_REWARD), decimals);
	}
	if (r->sections & AIC_SECTION_USAGE) {
		tile_number(out, "Runs of jobs", sum_numbers(&r->usage, AIC_U_RUNS));
		tile_time(out, "GPU time allocated", sum_numbers(&r->usage, AIC_U_GPU));
		tile_time(out, "CPU time allocated", sum_numbers(&r->usage, AIC_U_CPU));
	}
	aic_bytes_append_str(out, "</dl>\n");
}

/* --- tables --- */

/* What is printed adds up to what aicacctd charged line by line, to the unit, or the page says that it does not. */
static void put_check(aic_bytes *out, const aic_report *r)
{
	char net[AIC_AMOUNT_TEXT], fee[AIC_AMOUNT_TEXT], all[AIC_AMOUNT_TEXT];
	aic_amount n = aic_grid_sum(&r->payouts, AIC_P_NET), f = aic_grid_sum(&r->payouts, AIC_P_FEE);

	if (!r->payouts.n || r->filtered)
		return;
	aic_bytes_printf(out, "<p class=\"note exact\">net + fee = charge: %s + %s = %s AIC, %s.</p>\n", aic_amount_format(net, n),
	                 aic_amount_format(fee, f), aic_amount_format(all, r->charge),
	                 n + f == r->charge ? "exact" : "<strong>which is wrong: tell the administrator</strong>");
}

static void put_message(aic_bytes *out, const aic_report *r)
{
	char text[sizeof(r->message)];

	if (!r->message[0])
		return;
	aic_str_copy(text, sizeof(text), r->message);
	if (text[0] >= 'a' && text[0] <= 'z')
		text[0] = (char)(text[0] - 'a' + 'A');
	aic_bytes_append_str(out, "<p class=\"note\">");
	aic_html_text(out, text);
	aic_bytes_append_str(out, ".</p>\n");
}

static void put_part(aic_bytes *out, const aic_report *r, size_t i)
{
	static const aic_html_table_style styles[PARTS] = {
		{.id = "payouts", .caption = "Who is paid how much, by whom and why", .none = "Nothing was charged that you may see.",
		 .sums = BIT(AIC_P_LINES) | BIT(AIC_P_GROSS) | BIT(AIC_P_FEE) | BIT(AIC_P_NET) | BIT(AIC_P_REWARD) | BIT(AIC_P_TOTAL)},
		{.id = "sessions", .caption = "What training sessions count, and why", .none = "No training that you may see had a session."},
		{.id = "usage", .caption = "Who held and used what", .none = "Nobody whom you may see has run a job.",
		 .sums = BIT(AIC_U_RUNS) | BIT(AIC_U_CPU) | BIT(AIC_U_GPU) | BIT(AIC_U_CHARGE)},
		{.id = "uncharged", .caption = "Runs charged less than in full, each with the reason",
		 .none = "Every run that you may see was charged in full."},
		{.id = "wallets", .caption = "What each wallet holds", .none = "You see the accounts that Slurm associates you with: none so far.",
		 .sums = BIT(AIC_W_BALANCE) | BIT(AIC_W_UNSETTLED) | BIT(AIC_W_AVAILABLE) | BIT(AIC_W_DEBT)},
		{.id = "ratings", .caption = "Ratings of payees, from 0 to 1", .none = "Nobody has a rating yet."},
		{.id = "value", .caption = "Rates of this site, and the least that an AIC is worth", .none = "This site has no rates."},
	};
	static const aic_column *const columns[PARTS] = {aic_payout_columns, aic_session_columns, aic_usage_columns, aic_uncharged_columns, aic_wallet_columns,
	                                                 aic_rating_columns, aic_value_columns};
	const aic_grid *const grids[PARTS] = {&r->payouts, &r->sessions, &r->usage, &r->uncharged, &r->wallets, &r->ratings, &r->value};

	aic_bytes_printf(out, "<section id=\"%s-part\">\n<h2>%s</h2>\n", parts[i].id, parts[i].title);
	aic_html_table(out, &styles[i], columns[i], grids[i]);
	if (parts[i].section == AIC_SECTION_PAYOUTS) {
		put_check(out, r);
		put_message(out, r);
	}
	aic_bytes_append_str(out, "</section>\n");
}

void aic_report_page(aic_bytes *out, const aic_report *r)
{
	char title[AIC_NAME_LEN + 64];

	snprintf(title, sizeof(title), "AIC report %s%s%s", r->site, r->period[0] ? ", " : "", r->period);
	aic_html_begin(out, title);
	put_header(out, r);
	put_contents(out, r);
	put_tiles(out, r);
	aic_report_charts(out, r);
	for (size_t i = 0; i < PARTS; i++)
		if (r->sections & parts[i].section)
			put_part(out, r, i);
	aic_bytes_append_str(out, "<p class=\"note\">Figures in tables are rounded down; sums, sorting and \"Save as CSV\" are exact. Times are"
	                          " UTC.</p>\n");
	aic_html_end(out);
}
