/* html_charts.c: the charts of a report: payouts and usage over time, ratings, issuance. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/page/html.h"
#include "accounting/command/report.h"
#include "accounting/page/svg.h"

#define PAYEES_SHOWN 6        /* the others are one series */
#define GROUPS_MAX 64
#define GROUPS_LEAST 6
#define SHARES_MAX 20

/* For positions on paper alone. */
static double in_aic(aic_amount a)
{
	return (double)a / 1e18;
}

static void figure_begin(aic_bytes *out, bool wide, const char *caption, const char *remark)
{
	aic_bytes_append_str(out, wide ? "<figure class=\"wide\">\n<figcaption>" : "<figure>\n<figcaption>");
	aic_html_text(out, caption);
	aic_html_element(out, "small", NULL, remark);
	aic_bytes_append_str(out, "</figcaption>\n");
}

static void figure_end(aic_bytes *out)
{
	aic_bytes_append_str(out, "</figure>\n");
}

/* "2026-11-22: 1.5; 2026-11-23: 3" for those who do not see the columns. */
static char *describe(const aic_svg_columns *c, const char *what)
{
	aic_bytes text = {0};

	aic_bytes_append_str(&text, what);
	for (size_t g = 0; g < c->groups; g++) {
		aic_bytes_printf(&text, "%s%s:", g ? "; " : " ", c->group[g]);
		for (size_t k = 0; k < c->series; k++)
			aic_bytes_printf(&text, "%s %s %.6g", k ? "," : "", c->name[k], c->value[g * c->series + k]);
	}
	aic_bytes_append_str(&text, ".");
	aic_bytes_append(&text, "", 1);
	return (char *)text.data;
}

/* A new site has no past: periods before the first figure are left out, down to a few. */
static void leave_out_past(aic_svg_columns *c)
{
	size_t first = 0, most = c->groups > GROUPS_LEAST ? c->groups - GROUPS_LEAST : 0;

	while (first < most) {
		double sum = 0;
		for (size_t k = 0; k < c->series; k++)
			sum += c->value[first * c->series + k];
		if (sum > 0)
			break;
		first++;
	}
	c->group += first;
	c->groups -= first;
	c->value += first * c->series;
}

/* --- payouts --- */

typedef struct {
	const char *name;
	double sum;
} payee;

static int by_sum(const void *a, const void *b)
{
	const payee *x = a, *y = b;

	return x->sum < y->sum ? 1 : x->sum > y->sum ? -1 : strcmp(x->name, y->name);
}

static double paid(const aic_grid *g, size_t row)
{
	return in_aic(aic_grid_cell(g, row, AIC_PS_NET)->amount + aic_grid_cell(g, row, AIC_PS_REWARD)->amount);
}

static size_t index_of(const char *const *names, size_t n, const char *name)
{
	size_t i = 0;

	while (i < n && strcmp(names[i], name))
		i++;
	return i;
}

static size_t list_payees(const aic_grid *g, payee **out)
{
	size_t n = 0;

	*out = aic_xcalloc(g->n + 1, sizeof(**out));
	for (size_t i = 0; i < g->n; i++) {
		const char *name = aic_grid_cell(g, i, AIC_PS_PAYEE)->text;
		size_t k = 0;
		if (!name)
			continue;
		while (k < n && strcmp((*out)[k].name, name))
			k++;
		n += k == n;
		(*out)[k].name = name;
		(*out)[k].sum += paid(g, i);
	}
	qsort(*out, n, sizeof(**out), by_sum);
	return n;
}

static void put_payouts(aic_bytes *out, const aic_grid *g)
{
	const char *group[GROUPS_MAX], *name[PAYEES_SHOWN + 1];
	int colour[PAYEES_SHOWN + 1];
	payee *payees;
	size_t groups = 0, n = list_payees(g, &payees), series = n < PAYEES_SHOWN + 1 ? n : PAYEES_SHOWN + 1;

	for (size_t i = 0; i < g->n; i++) {
		const char *period = aic_grid_cell(g, i, AIC_PS_PERIOD)->text;
		if (period && groups < GROUPS_MAX && index_of(group, groups, period) == groups)
			group[groups++] = period;
	}
	for (size_t k = 0; k < series; k++) {
		name[k] = k == PAYEES_SHOWN && n > series ? "all others" : payees[k].name;
		colour[k] = k == PAYEES_SHOWN ? AIC_SVG_REST : (int)k;
	}
	double *value = aic_xcalloc(groups * series + 1, sizeof(*value));
	for (size_t i = 0; i < g->n && series; i++) {
		const char *of = aic_grid_cell(g, i, AIC_PS_PAYEE)->text, *period = aic_grid_cell(g, i, AIC_PS_PERIOD)->text;
		size_t at = period ? index_of(group, groups, period) : groups, k = of ? index_of(name, series, of) : series;
		if (of && at < groups)
			value[at * series + (k < series ? k : series - 1)] += paid(g, i);
	}
	aic_svg_columns c = {.id = "payouts-chart", .title = "Payouts by payee and period", .unit = "AIC", .width = AIC_SVG_WIDE, .groups = groups, .group = group,
	                     .series = series, .name = name, .colour = colour, .value = value};
	leave_out_past(&c);
	char *words = describe(&c, "Net payment and reward in AIC.");
	c.description = words;
	figure_begin(out, true, "Payouts by payee over time", "net and reward, AIC; rewards of what is not posted yet are not in it");
	if (series)
		aic_svg_columns_put(out, &c);
	else
		aic_html_element(out, "p", "none", "Nothing was paid or charged in these periods.");
	figure_end(out);
	free(words);
	free(value);
	free(payees);
}

/* --- usage --- */

static double hours(const aic_grid *g, size_t row, size_t column)
{
	return (double)aic_grid_cell(g, row, column)->number / 3600;
}

static void put_usage(aic_bytes *out, const aic_grid *g, const char *what, const char *id, size_t held, size_t metered, size_t used)
{
	static const char *const name[] = {"used", "allocated, not used", "allocated, no meter"};
	static const int colour[] = {2, 1, AIC_SVG_REST};
	const char *group[GROUPS_MAX];
	double value[GROUPS_MAX * 3] = {0}, all = 0;
	char title[96], unit[32];
	size_t n = g->n < GROUPS_MAX ? g->n : GROUPS_MAX;

	for (size_t i = 0; i < n; i++) {
		double has = hours(g, i, held), seen = hours(g, i, metered), use = hours(g, i, used);
		use = use < seen ? use : seen; /* clocks of step and job differ by a second */
		group[i] = aic_grid_cell(g, i, AIC_US_PERIOD)->text;
		value[3 * i] = use;
		value[3 * i + 1] = seen - use;
		value[3 * i + 2] = has - seen;
		all += has;
	}
	snprintf(title, sizeof(title), "%s hours allocated against used", what);
	snprintf(unit, sizeof(unit), "%s h", what);
	aic_svg_columns c = {.id = id, .title = title, .unit = unit, .width = AIC_SVG_WIDTH, .groups = n, .group = group, .series = 3, .name = name,
	                     .colour = colour, .value = value};
	leave_out_past(&c);
	char *words = describe(&c, "Hours by period.");
	c.description = words;
	figure_begin(out, false, title, "by the period in which jobs ended; without a meter, use is not known");
	if (all > 0)
		aic_svg_columns_put(out, &c);
	else
		aic_html_element(out, "p", "none", "None was allocated in these periods.");
	figure_end(out);
	free(words);
}

/* --- ratings and issuance --- */

static void put_ratings(aic_bytes *out, const aic_grid *g)
{
	const char *name[SHARES_MAX];
	double value[SHARES_MAX];
	size_t n = g->n < SHARES_MAX ? g->n : SHARES_MAX;
	aic_bytes words = {0};

	for (size_t i = 0; i < n; i++) {
		name[i] = aic_grid_cell(g, i, AIC_R_WALLET)->text;
		value[i] = in_aic(aic_grid_cell(g, i, AIC_R_RATING)->amount);
		aic_bytes_printf(&words, "%s%s %.3f", i ? ", " : "Ratings from 0 to 1: ", name[i], value[i]);
	}
	aic_bytes_append(&words, "", 1);
	aic_svg_shares s = {.id = "ratings-chart", .title = "Ratings", .description = (const char *)words.data, .n = n, .name = name,
	                    .value = value, .mark = 0.5, .mark_name = "a newcomer has 0.5"};
	figure_begin(out, false, "Ratings", n < g->n ? "the first 20; the table has all" : "share of a payee's proven value that counts");
	if (n)
		aic_svg_shares_put(out, &s);
	else
		aic_html_element(out, "p", "none", "Nobody has a rating yet.");
	figure_end(out);
	aic_bytes_free(&words);
}

static void exact_enough(char out[96], const char *what, aic_amount v)
{
	char text[AIC_AMOUNT_TEXT];

	snprintf(out, 96, "%.24s %s AIC", what, aic_amount_human(text, v, v >= 1000 * AIC_UNIT ? 2 : 6));
}

static void put_curve(aic_bytes *out, const aic_report *r)
{
	double x[AIC_CURVE_POINTS], y[AIC_CURVE_POINTS];
	char now[3][96], limit[96], text[AIC_AMOUNT_TEXT], words[700];

	figure_begin(out, false, "Issuance", "S(X): coin that may be issued once fees of X were paid by all");
	if (r->no_curve[0]) {
		aic_bytes_append_str(out, "<p class=\"none\">The ledger does not answer: ");
		aic_html_text(out, r->no_curve);
		aic_bytes_append_str(out, "</p>\n");
		figure_end(out);
		return;
	}
	for (size_t i = 0; i < AIC_CURVE_POINTS; i++) {
		x[i] = in_aic(r->curve.x[i]);
		y[i] = in_aic(r->curve.s[i]);
	}
	exact_enough(now[0], "now: X =", r->curve.fees_total);
	exact_enough(now[1], "S(X) =", r->curve.issuable);
	exact_enough(now[2], "issued", r->curve.issued);
	snprintf(limit, sizeof(limit), "at most %s AIC", aic_amount_human(text, r->curve.limit, 0));
	snprintf(words, sizeof(words), "A logistic curve that rises from 0 towards %s. The present point, %s, %s, %s.", limit, now[0], now[1],
	         now[2]);
	aic_svg_curve c = {.id = "curve-chart", .title = "Issuance curve", .description = words, .x_title = "X, fees of all settlements",
	                   .y_title = "S(X)", .n = AIC_CURVE_POINTS, .x = x, .y = y, .now_x = in_aic(r->curve.fees_total),
	                   .now_y = in_aic(r->curve.issuable), .limit = in_aic(r->curve.limit), .now = {now[0], now[1], now[2]}, .limit_name = limit};
	aic_svg_curve_put(out, &c);
	figure_end(out);
}

void aic_report_charts(aic_bytes *out, const aic_report *r)
{
	bool payouts = r->sections & AIC_SECTION_PAYOUTS && r->payout_series.n;
	bool usage = r->sections & AIC_SECTION_USAGE && r->usage_series.n;

	if (!payouts && !usage && !(r->sections & (AIC_SECTION_RATINGS | AIC_SECTION_CURVE)))
		return;
	aic_bytes_append_str(out, "<section id=\"charts\" aria-label=\"Charts\">\n<div class=\"charts\">\n");
	if (payouts)
		put_payouts(out, &r->payout_series);
	if (usage) {
		put_usage(out, &r->usage_series, "GPU", "gpu-chart", AIC_US_GPU, AIC_US_GPU_METERED, AIC_US_GPU_USED);
		put_usage(out, &r->usage_series, "CPU", "cpu-chart", AIC_US_CPU, AIC_US_CPU_METERED, AIC_US_CPU_USED);
	}
	if (r->sections & AIC_SECTION_RATINGS)
		put_ratings(out, &r->ratings);
	if (r->sections & AIC_SECTION_CURVE)
		put_curve(out, r);
	aic_bytes_append_str(out, "</div>\n</section>\n");
}
