/* Pages: whatever names people give to things, the page stays a page; figures are aligned, summed and exact. */
#define _GNU_SOURCE
#include "common/testing.h"

#include "accounting/page/html.h"
#include "accounting/command/report.h"
#include "accounting/page/svg.h"

static const char hostile[] = "<script>alert('1')</script>&\"]]>\xc3\xa9\xff\x01\xe2\x80\xae";
static const char harmless[] = "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;&quot;]]&gt;\xc3\xa9\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd";

static char *text_of(aic_bytes *b)
{
	aic_bytes_append(b, "", 1);
	return (char *)b->data;
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
		n++;
	return n;
}

static aic_cell *add_row(aic_grid *g, size_t columns)
{
	g->columns = columns;
	g->cell = realloc(g->cell, (g->n + 1) * columns * sizeof(*g->cell));
	memset(&g->cell[g->n * columns], 0, columns * sizeof(*g->cell));
	return &g->cell[g->n++ * columns];
}

static aic_amount aic(const char *text)
{
	aic_amount a;

	assert_int_equal(aic_amount_parse(&a, text, NULL), AIC_OK);
	return a;
}

static void add_payout(aic_report *r, const char *payee, const char *payer, const char *gross)
{
	aic_cell *c = add_row(&r->payouts, AIC_P_COLUMNS);

	c[AIC_P_PAYEE].text = strdup(payee);
	c[AIC_P_PAYER].text = strdup(payer);
	c[AIC_P_KIND].text = strdup("hardware");
	c[AIC_P_LINES].number = 1234;
	c[AIC_P_GROSS].amount = aic(gross);
	c[AIC_P_FEE].amount = c[AIC_P_GROSS].amount / 10;
	c[AIC_P_NET].amount = c[AIC_P_GROSS].amount - c[AIC_P_FEE].amount;
	c[AIC_P_TOTAL].amount = c[AIC_P_NET].amount;
	c[AIC_P_STATE].text = strdup("2026-11-23/1 final");
	r->charge += c[AIC_P_GROSS].amount;
}

/* A site whose every name is hostile. */
static aic_report report_of(const char *name)
{
	aic_report r = {.sections = AIC_SECTIONS_ALL, .enforce = true, .made_at = 1795400798};

	aic_str_copy(r.site, sizeof(r.site), name);
	aic_str_copy(r.period, sizeof(r.period), "2026-11-23");
	aic_str_copy(r.message, sizeof(r.message), name);
	aic_str_copy(r.no_curve, sizeof(r.no_curve), name);
	add_payout(&r, name, name, "1234.5");
	add_payout(&r, "provider/two", "physics", "0.000000000000000001");
	r.payouts.cell[AIC_P_NOTE].text = strdup(name);
	aic_cell *u = add_row(&r.usage, AIC_U_COLUMNS);
	u[AIC_U_ACCOUNT].text = strdup(name);
	u[AIC_U_USER].text = strdup(name);
	u[AIC_U_CPU_USED].text = strdup("1234567");
	aic_cell *w = add_row(&r.wallets, AIC_W_COLUMNS);
	w[AIC_W_WALLET].text = strdup(name);
	aic_cell *q = add_row(&r.ratings, AIC_R_COLUMNS);
	q[AIC_R_WALLET].text = strdup(name);
	q[AIC_R_RATING].amount = AIC_UNIT / 2;
	aic_cell *p = add_row(&r.payout_series, AIC_PS_COLUMNS);
	p[AIC_PS_PERIOD].text = strdup(name);
	p[AIC_PS_PAYEE].text = strdup(name);
	p[AIC_PS_NET].amount = AIC_UNIT;
	aic_cell *s = add_row(&r.usage_series, AIC_US_COLUMNS);
	s[AIC_US_PERIOD].text = strdup(name);
	s[AIC_US_GPU].number = 7200;
	return r;
}

static void names_are_text(void **state)
{
	aic_bytes b = {0};

	(void)state;
	aic_html_text(&b, hostile);
	assert_string_equal(text_of(&b), harmless);
	aic_bytes_free(&b);
}

static void a_hostile_site_gets_a_page(void **state)
{
	aic_report r = report_of(hostile);
	aic_bytes b = {0};

	(void)state;
	aic_report_page(&b, &r);
	char *page = text_of(&b);
	assert_int_equal(count(page, "<script"), 1); /* the page's own */
	assert_int_equal(count(page, "</script"), 1);
	assert_null(strstr(page, "\xff"));
	assert_true(count(page, harmless) >= 12);
	assert_non_null(strstr(page, "default-src 'none'"));
	aic_bytes_free(&b);
	aic_report_statement_page(&b, &r, hostile);
	assert_int_equal(count(text_of(&b), "<script"), 1);
	aic_bytes_free(&b);
	aic_report_clear(&r);
}

static void tables_have_what_readers_of_screens_need(void **state)
{
	aic_report r = report_of("lab");
	aic_bytes b = {0};

	(void)state;
	r.no_curve[0] = '\0';
	r.curve.limit = 1000 * AIC_UNIT;
	for (size_t i = 0; i < AIC_CURVE_POINTS; i++)
		r.curve.x[i] = r.curve.s[i] = i * AIC_UNIT;
	aic_report_page(&b, &r);
	char *page = text_of(&b);
	assert_int_equal(count(page, "<table "), count(page, "<caption "));
	assert_int_equal(count(page, "<th>"), 0); /* each has a scope */
	assert_int_equal(count(page, "<svg "), 4); /* CPU time was not allocated: a sentence in its place */
	assert_int_equal(count(page, "role=\"img\""), count(page, "<svg "));
	assert_int_equal(count(page, "<desc "), count(page, "<svg "));
	assert_non_null(strstr(page, "None was allocated in these periods."));
	assert_non_null(strstr(page, "Every run that you may see was charged in full."));
	aic_bytes_free(&b);
	aic_report_clear(&r);
}

static void figures_are_rounded_down_and_sums_exact(void **state)
{
	aic_report r = report_of("lab");
	aic_bytes b = {0};

	(void)state;
	aic_report_page(&b, &r);
	char *page = text_of(&b);
	assert_non_null(strstr(page, "data-v=\"1234500000000000000000\">1,234.5000</td>")); /* as many decimals as the fee needs */
	assert_non_null(strstr(page, "data-v=\"1\">&lt;0.0001</td>"));
	assert_non_null(strstr(page, "data-v=\"1234500000000000000001\">1,234.5000</td>"));
	assert_non_null(strstr(page, "data-v=\"2468\">2,468</td>"));
	assert_non_null(strstr(page, "<td class=\"n\" data-v=\"1234567\">1,234,567</td>")); /* seconds used come as text */
	assert_non_null(strstr(page, "= 1234.500000000000000001 AIC, exact."));
	aic_bytes_free(&b);
	r.charge++;
	aic_report_page(&b, &r);
	assert_non_null(strstr(text_of(&b), "which is wrong: tell the administrator"));
	aic_bytes_free(&b);
	aic_report_clear(&r);
}

static void a_filter_keeps_rows(void **state)
{
	aic_report r = {0};

	(void)state;
	add_payout(&r, "provider/one", "physics", "1");
	add_payout(&r, "account/biology", "chemistry", "2");
	add_payout(&r, "provider/two", "physics", "3");
	aic_grid_keep(&r.payouts, AIC_P_PAYEE, NULL);
	assert_int_equal(r.payouts.n, 3);
	aic_grid_keep(&r.payouts, AIC_P_PAYER, "physics");
	assert_int_equal(r.payouts.n, 2);
	aic_grid_keep(&r.payouts, AIC_P_PAYEE, "two");
	assert_int_equal(r.payouts.n, 1);
	assert_string_equal(aic_grid_cell(&r.payouts, 0, AIC_P_PAYEE)->text, "provider/two");
	aic_grid_keep(&r.payouts, AIC_P_PAYEE, "wo");
	assert_int_equal(r.payouts.n, 0);
	aic_report_clear(&r);
}

static void axes_start_at_nothing_and_hold_everything(void **state)
{
	static const double largest[] = {1e-9, 0.0013, 0.2, 0.999, 1, 1.01, 3.2, 7, 99.9, 100, 101, 123456, 2e9, 1e12};
	aic_axis none = aic_axis_of(0);

	(void)state;
	assert_true(none.top == 1);
	for (size_t i = 0; i < sizeof(largest) / sizeof(largest[0]); i++) {
		aic_axis a = aic_axis_of(largest[i]);
		int steps = (int)(a.top / a.step + 0.5);
		assert_true(a.top >= largest[i] * (1 - 1e-9));
		assert_true(a.top < largest[i] * 2.1);
		assert_in_range(steps, 3, 6);
	}
}

static void numbers_on_axes_are_readable(void **state)
{
	char text[64];

	(void)state;
	aic_svg_number(text, sizeof(text), 1234567.891, 2);
	assert_string_equal(text, "1,234,567.89");
	aic_svg_number(text, sizeof(text), 0.0005, 4);
	assert_string_equal(text, "0.0005");
	aic_svg_number(text, sizeof(text), 999, 0);
	assert_string_equal(text, "999");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_text),
		cmocka_unit_test(a_hostile_site_gets_a_page),
		cmocka_unit_test(tables_have_what_readers_of_screens_need),
		cmocka_unit_test(figures_are_rounded_down_and_sums_exact),
		cmocka_unit_test(a_filter_keeps_rows),
		cmocka_unit_test(axes_start_at_nothing_and_hold_everything),
		cmocka_unit_test(numbers_on_axes_are_readable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
