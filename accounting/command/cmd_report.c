/* cmd_report.c: aic report payouts | usage | uncharged; the other reports are in cmd_page.c and cmd_jobs.c. */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/commands.h"
#include "accounting/command/reports.h"
#include "accounting/command/review.h"

#define SESSIONS_SHOWN 20 /* below the payouts */

/* --- payouts --- */

static void payee_total(aic_table *t, const aic_grid *g, size_t from, size_t to, const char *title)
{
	aic_amount sum[AIC_P_COLUMNS] = {0};
	int64_t lines = 0;

	for (size_t i = from; i < to; i++) {
		lines += aic_grid_cell(g, i, AIC_P_LINES)->number;
		for (size_t k = AIC_P_GROSS; k <= AIC_P_TOTAL; k++)
			sum[k] += aic_grid_cell(g, i, k)->amount;
	}
	aic_table_rule(t);
	aic_table_text(t, title);
	aic_table_text(t, NULL);
	aic_table_text(t, NULL);
	aic_table_number(t, lines);
	for (size_t k = AIC_P_GROSS; k <= AIC_P_TOTAL; k++)
		aic_table_amount(t, sum[k]);
	aic_table_text(t, NULL);
	aic_table_text(t, NULL);
}

/* The daemon adds up the charges line by line, this adds up what is printed: equal to the unit, or it says so. */
static void check_line(aic_table *t, const aic_grid *g, aic_amount charge)
{
	char net[AIC_AMOUNT_TEXT], fee[AIC_AMOUNT_TEXT], all[AIC_AMOUNT_TEXT];
	aic_amount n = aic_grid_sum(g, AIC_P_NET), f = aic_grid_sum(g, AIC_P_FEE);

	aic_amount_format(net, n);
	aic_amount_format(fee, f);
	aic_amount_format(all, charge);
	if (n + f == charge)
		aic_table_note(t, "net + fee = charge: %s + %s = %s AIC, exact", net, fee, all);
	else
		aic_table_note(t, "net + fee is NOT the charge: %s + %s against %s AIC: tell the administrator", net, fee, all);
}

/* What stands behind the verified part of the qualities. */
static void say_sessions(aic_table *t, const aic_grid *g)
{
	size_t shown = g->n < SESSIONS_SHOWN ? g->n : SESSIONS_SHOWN;

	for (size_t i = 0; i < shown; i++) {
		const char *counts = aic_grid_cell(g, i, AIC_T_COUNTS)->text;
		aic_table_note(t, "Session %.16s of job %s on %s, %lld s: %s, %s%s: %s.", aic_grid_cell(g, i, AIC_T_SESSION)->text,
		               aic_grid_cell(g, i, AIC_T_JOB)->text, aic_grid_cell(g, i, AIC_T_NODES)->text,
		               (long long)aic_grid_cell(g, i, AIC_T_SECONDS)->number, aic_grid_cell(g, i, AIC_T_STATE)->text,
		               counts ? counts : "not decided", counts ? " ppm" : "", aic_grid_cell(g, i, AIC_T_WHY)->text);
	}
	if (g->n > shown)
		aic_table_note(t, "%zu more sessions: `aic report sessions` shows all.", g->n - shown);
}

static aic_code payouts_table(const aic_words *w, const aic_report *r, aic_error *err)
{
	aic_table *t = aic_table_new(aic_payout_columns, AIC_P_COLUMNS);
	const aic_grid *g = &r->payouts;
	char title[AIC_NAME_LEN + 16];

	aic_grid_rows(g, aic_payout_columns, t);
	for (size_t from = 0, to; from < g->n; from = to) {
		const char *payee = aic_grid_cell(g, from, AIC_P_PAYEE)->text;
		for (to = from + 1; to < g->n && !strcmp(aic_grid_cell(g, to, AIC_P_PAYEE)->text, payee); to++)
			;
		snprintf(title, sizeof(title), "= %s", payee);
		payee_total(t, g, from, to, title);
	}
	if (g->n)
		payee_total(t, g, 0, g->n, "= all");
	if (g->n && !r->filtered)
		check_line(t, g, r->charge);
	say_sessions(t, &r->sessions);
	aic_table_note(t, "Period %s (UTC).%s", r->period, g->n ? "" : " Nothing was charged that you may see.");
	if (r->message[0])
		aic_table_note(t, "%c%s.", r->message[0] - 'a' + 'A', r->message + 1);
	if (!w->base.config.enforce)
		aic_table_note(t, "Mode is observe: this is on paper, nothing is posted.");
	return aic_show_output(w, t, err);
}

static int report_payouts(int argc, char **argv)
{
	aic_words w = {.takes_period = true, .takes_page = true, .takes_filters = AIC_FILTERS_OF_LINES};
	int status = aic_words_begin(&w, NULL, "What a period's use pays to whom: gross is what the payer is charged, the fee stays with"
	                                       " the treasury, the reward is Proof of Value's.", argc, argv);
	aic_error err = {0};
	aic_report r;

	if (status)
		return status;
	if (w.page)
		return aic_page_command(&w, AIC_SECTION_PAYOUTS | AIC_SECTION_SESSIONS, argv);
	aic_code rc = aic_report_gather(&r, &w, AIC_SECTION_PAYOUTS | AIC_SECTION_SESSIONS, &err);
	if (rc == AIC_OK)
		rc = payouts_table(&w, &r, &err);
	aic_report_clear(&r);
	return aic_words_end(&w, argv, rc, &err);
}

/* --- usage and uncharged --- */

static int report_usage(int argc, char **argv)
{
	static const aic_table_report report = {
		.section = AIC_SECTION_USAGE, .filters = AIC_FILTERS_OF_LINES, .of_period = true, .columns = aic_usage_columns,
		.n_columns = AIC_U_COLUMNS, .grid = offsetof(aic_report, usage), .none = " Nobody whom you may see has run a job.",
		.doc = "Who held and used what in a period, and what it cost.",
	};

	return aic_report_table(argc, argv, &report);
}

static int report_sessions(int argc, char **argv)
{
	static const aic_table_report report = {
		.section = AIC_SECTION_SESSIONS, .filters = AIC_FILTERS_OF_LINES, .of_period = true, .columns = aic_session_columns,
		.n_columns = AIC_T_COLUMNS, .grid = offsetof(aic_report, sessions), .none = " No training that you may see had a session.",
		.doc = "Training sessions of a period's jobs: what their seconds count in qualities, and why.",
	};

	return aic_report_table(argc, argv, &report);
}

static int report_uncharged(int argc, char **argv)
{
	static const aic_table_report report = {
		.section = AIC_SECTION_UNCHARGED, .filters = AIC_FILTERS_OF_LINES, .of_period = true,
		.columns = aic_uncharged_columns, .n_columns = AIC_N_COLUMNS, .grid = offsetof(aic_report, uncharged),
		.none = " Every run that you may see was charged in full.",
		.doc = "Runs that were charged less than in full, each with the reason.",
	};

	return aic_report_table(argc, argv, &report);
}

int aic_cmd_report(int argc, char **argv)
{
	static const aic_subcommand reports[] = {
		{"payouts", report_payouts, "who is paid how much, by whom and why"},
		{"sessions", report_sessions, "what training sessions count, and why"},
		{"usage", report_usage, "who held and used what"},
		{"uncharged", report_uncharged, "runs charged less than in full, with the reason"},
		{"wallets", aic_report_wallets, "what each wallet holds"},
		{"ratings", aic_report_ratings, "how payees are rated"},
		{"value", aic_report_value, "what an AIC buys at this site's rates"},
		{"jobs", aic_report_jobs, "job records with their receipts, for programs and other accounting systems"},
		{"reconcile", aic_cmd_reconcile, "what slurmdbd knows otherwise, with causes (administrators)"},
		{"refunds", aic_batch_refunds_command, "what was given back of posted lines, and why"},
		{"statement", aic_report_statement_of, "one account's or provider's payments, for a finance office"},
		{"all", aic_report_all, "everything on one page of HTML, with charts"},
		{NULL, NULL, NULL},
	};

	return aic_command_dispatch(reports, "Reports on a period, on wallets and on jobs.", argc, argv);
}
