/* cmd_review.c: aic batch lines | hold | release | adjust | void | log. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/command/ask.h"
#include "accounting/command/review.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static const aic_column line_columns[] = {
	{"line", "LINE", AIC_COLUMN_NUMBER},      {"job", "JOB", AIC_COLUMN_TEXT},          {"user", "USER", AIC_COLUMN_TEXT},
	{"node", "NODE", AIC_COLUMN_TEXT},        {"kind", "KIND", AIC_COLUMN_TEXT},        {"payer", "PAYER", AIC_COLUMN_TEXT},
	{"payee", "PAYEE", AIC_COLUMN_TEXT},      {"gross", "GROSS AIC", AIC_COLUMN_AMOUNT}, {"quality_ppm", "QUALITY PPM", AIC_COLUMN_NUMBER},
	{"act", "ACT", AIC_COLUMN_TEXT},          {"flags", "FLAGS", AIC_COLUMN_TEXT},
};

static const aic_column log_columns[] = {
	{"entry", "ENTRY", AIC_COLUMN_NUMBER}, {"time", "TIME", AIC_COLUMN_TIME}, {"uid", "UID", AIC_COLUMN_NUMBER},
	{"what", "WHAT", AIC_COLUMN_TEXT},
};

int aic_batch_lines_command(int argc, char **argv)
{
	aic_words w = {.max_args = 1};
	aic_question q = {.config = &w.base.config};
	aic_grid grid = {0};
	aic_error err = {0};
	int status = aic_words_begin(&w, "[PERIOD/NUMBER | open]", "A batch line by line, the latest if none is named, with what a reviewer"
	                                                           " should look at; \"open\" shows what no batch holds yet.", argc, argv);

	if (status)
		return status;
	aic_rpc_begin(&q.body, "batch-lines", 2);
	aic_code rc = aic_batch_key_put(&q.body, w.n_args ? w.arg[0] : "", &err);
	if (rc == AIC_OK)
		rc = aic_ask_rows(&q, &grid, line_columns, COUNT(line_columns), &err);
	if (rc == AIC_OK) {
		aic_table *t = aic_table_new(line_columns, COUNT(line_columns));
		aic_grid_rows(&grid, line_columns, t);
		aic_table_note(t, "%zu lines. `aic batch hold|adjust|void LINE --reason TEXT` acts on one; every act voids the approvals.", grid.n);
		aic_show(&w, t);
	}
	aic_grid_clear(&grid);
	aic_question_end(&q);
	return aic_words_end(&w, argv, rc, &err);
}

int aic_batch_log_command(int argc, char **argv)
{
	aic_words w = {0};
	aic_question q = {.config = &w.base.config};
	aic_grid grid = {0};
	aic_error err = {0};
	char head[80] = "";
	int status = aic_words_begin(&w, NULL, "What administrators did, in a chain of hashes that is checked first.", argc, argv);

	if (status)
		return status;
	aic_rpc_begin(&q.body, "audit", 0);
	aic_code rc = aic_ask(&q, &err);
	if (rc == AIC_OK) {
		aic_grid_read(&grid, &q.answer, log_columns, COUNT(log_columns));
		aic_cbor_text(&q.answer, head, sizeof(head));
		rc = aic_cbor_finish(&q.answer, &err);
	}
	if (rc == AIC_OK) {
		aic_table *t = aic_table_new(log_columns, COUNT(log_columns));
		aic_grid_rows(&grid, log_columns, t);
		aic_table_note(t, "The chain is whole: %zu entries, head %s", grid.n, head);
		aic_show(&w, t);
	}
	aic_grid_clear(&grid);
	aic_question_end(&q);
	return aic_words_end(&w, argv, rc, &err);
}

/* --- acts --- */

static aic_code line_number(const aic_words *w, int64_t *line, aic_error *err)
{
	char *rest = NULL;

	errno = 0;
	*line = w->n_args ? strtoll(w->arg[0], &rest, 10) : 0;
	if (errno || *line <= 0 || (rest && *rest))
		return aic_fail(err, AIC_USAGE, "which line? Give its number as `aic batch lines` shows it");
	return AIC_OK;
}

static aic_code read_ppm(const aic_words *w, aic_amount *ppm, aic_error *err)
{
	char *rest = NULL;

	errno = 0;
	long long n = w->n_args == 2 ? strtoll(w->arg[1], &rest, 10) : 0;
	if (errno || n < 1 || *rest)
		return aic_fail(err, AIC_USAGE, "how much? Give the penalty in ppm, 1 to 1000000");
	*ppm = (aic_amount)n;
	return AIC_OK;
}

static int act(int argc, char **argv, const char *name, const char *args, const char *doc, size_t n_args)
{
	aic_words w = {.max_args = n_args, .takes_reason = true};
	aic_question q = {.config = &w.base.config};
	aic_amount amount = 0;
	aic_error err = {0};
	int64_t line = 0;
	int status = aic_words_begin(&w, args, doc, argc, argv);

	if (status)
		return status;
	aic_code rc = line_number(&w, &line, &err);
	if (rc == AIC_OK && !strcmp(name, "penalize"))
		rc = read_ppm(&w, &amount, &err);
	else if (rc == AIC_OK && n_args == 2)
		rc = w.n_args == 2 ? aic_amount_parse(&amount, w.arg[1], &err) : aic_fail(&err, AIC_USAGE, "how much? Give the charge in AIC");
	if (rc == AIC_OK) {
		aic_rpc_begin(&q.body, "line-act", 4);
		aic_cbor_put_text(&q.body, name);
		aic_cbor_put_int(&q.body, line);
		aic_cbor_put_amount(&q.body, amount);
		aic_cbor_put_text(&q.body, w.reason ? w.reason : "");
		rc = aic_ask(&q, &err);
	}
	if (rc == AIC_OK)
		printf("Line %lld: %s. If it was in a batch, that is in review again.\n", (long long)line, name);
	aic_question_end(&q);
	return aic_words_end(&w, argv, rc, &err);
}

int aic_batch_hold_command(int argc, char **argv)
{
	return act(argc, argv, "hold", "LINE", "Takes a line out of its batch until it is released.", 1);
}

int aic_batch_release_command(int argc, char **argv)
{
	return act(argc, argv, "release", "LINE", "Puts a held line into the next batch.", 1);
}

int aic_batch_adjust_command(int argc, char **argv)
{
	return act(argc, argv, "adjust", "LINE AIC", "Charges another amount for a line, at most what the rates said.", 2);
}

int aic_batch_penalize_command(int argc, char **argv)
{
	return act(argc, argv, "penalize", "LINE PPM", "Takes so many ppm off the quality of a data or model line that was abused: its charge"
	                                               " stands, its reward shrinks.", 2);
}

int aic_batch_void_command(int argc, char **argv)
{
	return act(argc, argv, "void", "LINE", "Charges nothing for a line.", 1);
}
