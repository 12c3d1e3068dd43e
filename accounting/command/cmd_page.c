/* cmd_page.c: reports as one page of HTML, and `aic report wallets | ratings | value | statement | all`. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/command/reports.h"
#include "common/file.h"

aic_code aic_output(const aic_words *w, const aic_bytes *made, aic_error *err)
{
	if (w->output)
		return aic_file_write_atomic(w->output, made->data, made->len, 0640, err);
	if (made->len && fwrite(made->data, 1, made->len, stdout) != made->len)
		return aic_fail_errno(err, "stdout: cannot write the report");
	return AIC_OK;
}

aic_code aic_show_output(const aic_words *w, aic_table *t, aic_error *err)
{
	aic_bytes made = {0};
	char *text = NULL;
	size_t len = 0;
	FILE *f = w->output ? open_memstream(&text, &len) : NULL;
	aic_code rc = AIC_OK;

	aic_table_print(t, w->base.format, f ? f : stdout);
	aic_table_free(t);
	if (f) {
		fclose(f);
		aic_bytes_append(&made, text, len);
		rc = aic_output(w, &made, err);
	}
	aic_bytes_free(&made);
	free(text);
	return rc;
}

static aic_code write_page(const aic_words *w, unsigned sections, aic_error *err)
{
	aic_bytes out = {0};
	aic_report r;
	aic_code rc = aic_report_gather(&r, w, sections, err);

	if (rc == AIC_OK) {
		aic_report_page(&out, &r);
		rc = aic_output(w, &out, err);
	}
	aic_report_clear(&r);
	aic_bytes_free(&out);
	return rc;
}

int aic_page_command(aic_words *w, unsigned sections, char **argv)
{
	aic_error err = {0};
	aic_code rc = write_page(w, sections, &err);

	return aic_words_end(w, argv, rc, &err);
}

int aic_report_all(int argc, char **argv)
{
	aic_words w = {.takes_period = true, .takes_page = true, .page = true,
	               .takes_filters = AIC_FILTERS_OF_LINES};
	int status = aic_words_begin(&w, NULL, "Everything about a period on one page of HTML, with charts: open it in a browser, or print it to"
	                                       " PDF from there.", argc, argv);

	if (status)
		return status;
	if (!w.page) {
		aic_error err = {0};
		aic_fail(&err, AIC_USAGE, "this report is a page of its own: --format html, or none");
		return aic_words_end(&w, argv, AIC_USAGE, &err);
	}
	return aic_page_command(&w, AIC_SECTIONS_ALL, argv);
}

/* --- reports of one table --- */

int aic_report_table(int argc, char **argv, const aic_table_report *report)
{
	aic_words w = {.takes_page = true, .takes_period = report->of_period, .takes_filters = report->filters};
	int status = aic_words_begin(&w, NULL, report->doc, argc, argv);
	aic_error err = {0};
	aic_report r;

	if (status)
		return status;
	if (w.page)
		return aic_page_command(&w, report->section, argv);
	aic_code rc = aic_report_gather(&r, &w, report->section, &err);
	if (rc == AIC_OK) {
		const aic_grid *g = (const aic_grid *)((const char *)&r + report->grid);
		aic_table *t = aic_table_new(report->columns, report->n_columns);
		aic_grid_rows(g, report->columns, t);
		if (report->of_period)
			aic_table_note(t, "Period %s (UTC).%s", r.period, g->n ? "" : report->none);
		else
			aic_table_note(t, "%s", report->note);
		rc = aic_show_output(&w, t, &err);
	}
	aic_report_clear(&r);
	return aic_words_end(&w, argv, rc, &err);
}

int aic_report_wallets(int argc, char **argv)
{
	static const aic_table_report report = {
		.section = AIC_SECTION_WALLETS, .filters = AIC_FILTER_ACCOUNT | AIC_FILTER_PROVIDER, .columns = aic_wallet_columns,
		.n_columns = AIC_W_COLUMNS, .grid = offsetof(aic_report, wallets), .doc = "What each wallet that you may see holds.",
		.note = "Available is the balance less what is charged and not settled yet.",
	};

	return aic_report_table(argc, argv, &report);
}

int aic_report_ratings(int argc, char **argv)
{
	static const aic_table_report report = {
		.section = AIC_SECTION_RATINGS, .filters = AIC_FILTER_PROVIDER, .columns = aic_rating_columns, .n_columns = AIC_R_COLUMNS,
		.grid = offsetof(aic_report, ratings), .doc = "Ratings of payees, which decide how much of their proven value counts.",
		.note = "From 0 to 1, a newcomer has 0.5. Mean quality: of the lines settled so far, weighted by their fees.",
	};

	return aic_report_table(argc, argv, &report);
}

int aic_report_value(int argc, char **argv)
{
	static const aic_table_report report = {
		.section = AIC_SECTION_VALUE, .columns = aic_value_columns, .n_columns = AIC_V_COLUMNS, .grid = offsetof(aic_report, value),
		.doc = "The least that an AIC is worth: what it buys at this site's rates.",
		.note = "At the rates that hold now, which this site honours.",
	};

	return aic_report_table(argc, argv, &report);
}

/* --- statement --- */

static aic_code statement_table(const aic_words *w, const aic_report *r, const char *wallet, aic_error *err)
{
	aic_table *t = aic_table_new(aic_payout_columns, AIC_P_COLUMNS);

	aic_grid_rows(&r->payouts, aic_payout_columns, t);
	aic_table_note(t, "Statement of %s, period %s (UTC).%s", wallet, r->period, r->payouts.n ? "" : " Nothing was charged or paid.");
	if (!r->enforce)
		aic_table_note(t, "Mode is observe: this is on paper, nothing is posted.");
	return aic_show_output(w, t, err);
}

int aic_report_statement_of(int argc, char **argv)
{
	aic_words w = {.takes_period = true, .takes_page = true, .takes_filters = AIC_FILTER_ACCOUNT | AIC_FILTER_PROVIDER};
	int status = aic_words_begin(&w, NULL, "What one account or provider pays and receives in a period, for a finance office.", argc, argv);
	char wallet[AIC_NAME_LEN];
	aic_bytes out = {0};
	aic_error err = {0};
	aic_report r = {0};
	aic_code rc = AIC_OK;

	if (status)
		return status;
	if (!w.account == !w.provider)
		rc = aic_fail(&err, AIC_USAGE, "a statement is for one: --account NAME or --provider NAME");
	snprintf(wallet, sizeof(wallet), "%s/%.*s", w.account ? "account" : "provider", AIC_NAME_LEN - 10,
	         w.account ? w.account : w.provider ? w.provider : "");
	if (rc == AIC_OK)
		rc = aic_report_statement(&r, &w, wallet, &err);
	if (rc == AIC_OK && w.page) {
		aic_report_statement_page(&out, &r, wallet);
		rc = aic_output(&w, &out, &err);
	} else if (rc == AIC_OK) {
		rc = statement_table(&w, &r, wallet, &err);
	}
	aic_report_clear(&r);
	aic_bytes_free(&out);
	return aic_words_end(&w, argv, rc, &err);
}
