/* cmd_refund.c: aic batch refund | withdraw-refund | approve-refund | refunds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/command/ask.h"
#include "accounting/command/review.h"

enum { R_REFUND, R_STATE, R_BATCH, R_LINE, R_JOB, R_KIND, R_FROM, R_TO, R_AMOUNT, R_APPROVALS, R_AT, R_UID, R_HEIGHT, R_REASON, R_EVIDENCE,
       R_COLUMNS };
static const aic_column refund_columns[R_COLUMNS] = {
	[R_REFUND] = {"refund", "REFUND", AIC_COLUMN_NUMBER},       [R_STATE] = {"state", "STATE", AIC_COLUMN_TEXT},
	[R_BATCH] = {"batch", "BATCH", AIC_COLUMN_TEXT},            [R_LINE] = {"line", "LINE", AIC_COLUMN_NUMBER},
	[R_JOB] = {"job", "JOB", AIC_COLUMN_NUMBER},                [R_KIND] = {"kind", "KIND", AIC_COLUMN_TEXT},
	[R_FROM] = {"from", "FROM", AIC_COLUMN_TEXT},               [R_TO] = {"to", "TO", AIC_COLUMN_TEXT},
	[R_AMOUNT] = {"amount", "AIC", AIC_COLUMN_AMOUNT},          [R_APPROVALS] = {"approvals", "APPROVALS", AIC_COLUMN_TEXT},
	[R_AT] = {"asked_at", "ASKED", AIC_COLUMN_TIME},            [R_UID] = {"asked_by", "BY UID", AIC_COLUMN_NUMBER},
	[R_HEIGHT] = {"height", "BLOCK", AIC_COLUMN_NUMBER},        [R_REASON] = {"reason", "REASON", AIC_COLUMN_TEXT},
	[R_EVIDENCE] = {"evidence", "EVIDENCE", AIC_COLUMN_TEXT},
};

static aic_code read_number(const aic_words *w, const char *what, int64_t *out, aic_error *err)
{
	char *rest = NULL;

	errno = 0;
	*out = w->n_args ? strtoll(w->arg[0], &rest, 10) : 0;
	if (errno || *out <= 0 || (rest && *rest))
		return aic_fail(err, AIC_USAGE, "which %s? Give its number as `aic batch %ss` shows it", what, what);
	return AIC_OK;
}

/* Asks for rows of refunds, and keeps them. */
static aic_code ask_refunds(aic_question *q, aic_grid *g, aic_error *err)
{
	aic_code rc = aic_ask_rows(q, g, refund_columns, R_COLUMNS, err);

	aic_question_end(q);
	return rc;
}

static void show(const aic_words *w, const aic_grid *g, bool one)
{
	/* the evidence is for programs */
	size_t n = w->base.format == AIC_FORMAT_TABLE ? R_EVIDENCE : R_COLUMNS;
	aic_table *t = aic_table_new(refund_columns, n);

	for (size_t i = 0; i < g->n; i++) {
		aic_grid row = {.n = 1, .columns = n, .cell = (aic_cell *)aic_grid_cell(g, i, 0)};
		aic_grid_row(&row, 0, refund_columns, t);
	}
	if (!g->n)
		aic_table_note(t, "Nothing that you may see was refunded.");
	else if (one && !strcmp(aic_grid_cell(g, 0, R_STATE)->text, "asked"))
		aic_table_note(t, "Next: `aic batch approve-refund %lld`", (long long)aic_grid_cell(g, 0, R_REFUND)->number);
	aic_show(w, t);
}

static int finish(aic_words *w, char **argv, aic_question *q, aic_code rc, aic_error *err, bool one)
{
	aic_grid grid = {0};

	if (rc == AIC_OK)
		rc = ask_refunds(q, &grid, err);
	if (rc == AIC_OK)
		show(w, &grid, one);
	aic_grid_clear(&grid);
	aic_question_end(q);
	return aic_words_end(w, argv, rc, err);
}

int aic_batch_refund_command(int argc, char **argv)
{
	aic_words w = {.max_args = 2, .takes_reason = true};
	aic_question q = {.config = &w.base.config};
	aic_amount amount = 0;
	aic_error err = {0};
	int64_t line = 0;
	int status = aic_words_begin(&w, "LINE AIC", "Gives back what a posted line paid: the payee pays the payer, once enough administrators"
	                                             " approve. The fee is not returned; what the payee lacks becomes its debt.", argc, argv);

	if (status)
		return status;
	aic_code rc = read_number(&w, "line", &line, &err);
	if (rc == AIC_OK)
		rc = w.n_args == 2 ? aic_amount_parse(&amount, w.arg[1], &err) : aic_fail(&err, AIC_USAGE, "how much? Give the refund in AIC");
	aic_rpc_begin(&q.body, "refund-ask", 3);
	aic_cbor_put_int(&q.body, line);
	aic_cbor_put_amount(&q.body, amount);
	aic_cbor_put_text(&q.body, w.reason ? w.reason : "");
	return finish(&w, argv, &q, rc, &err, true);
}

int aic_batch_withdraw_refund_command(int argc, char **argv)
{
	aic_words w = {.max_args = 1, .takes_reason = true};
	aic_question q = {.config = &w.base.config};
	aic_error err = {0};
	int64_t id = 0;
	int status = aic_words_begin(&w, "REFUND", "Takes back a refund that was asked for and is not posted yet.", argc, argv);

	if (status)
		return status;
	aic_code rc = read_number(&w, "refund", &id, &err);
	aic_rpc_begin(&q.body, "refund-withdraw", 2);
	aic_cbor_put_int(&q.body, id);
	aic_cbor_put_text(&q.body, w.reason ? w.reason : "");
	return finish(&w, argv, &q, rc, &err, true);
}

static aic_code find_refund(const aic_words *w, int64_t id, aic_hash *evidence, aic_error *err)
{
	aic_question q = {.config = &w->base.config};
	aic_grid grid = {0};
	bool found = false;

	aic_rpc_begin(&q.body, "refunds", 0);
	aic_code rc = ask_refunds(&q, &grid, err);
	for (size_t i = 0; i < grid.n && rc == AIC_OK && !found; i++)
		found = aic_grid_cell(&grid, i, R_REFUND)->number == id &&
		        aic_unhex(evidence->b, sizeof(evidence->b), aic_grid_cell(&grid, i, R_EVIDENCE)->text);
	if (rc == AIC_OK && !found)
		rc = aic_fail(err, AIC_NOT_FOUND, "there is no refund %lld: `aic batch refunds` lists them", (long long)id);
	aic_grid_clear(&grid);
	return rc;
}

int aic_batch_approve_refund_command(int argc, char **argv)
{
	aic_words w = {.max_args = 1, .takes_key = true};
	aic_question q = {.config = &w.base.config};
	aic_hash evidence;
	aic_error err = {0};
	int64_t id = 0;
	int status = aic_words_begin(&w, "REFUND", "Approves a refund; the last approval that is needed posts it.", argc, argv);

	if (status)
		return status;
	aic_code rc = read_number(&w, "refund", &id, &err);
	if (rc == AIC_OK)
		rc = find_refund(&w, id, &evidence, &err);
	if (rc == AIC_OK) {
		aic_rpc_begin(&q.body, "refund-approve", 2);
		aic_cbor_put_int(&q.body, id);
		rc = aic_put_approval(&w, &q.body, &evidence, &err);
	}
	return finish(&w, argv, &q, rc, &err, true);
}

int aic_batch_refunds_command(int argc, char **argv)
{
	aic_words w = {0};
	aic_question q = {.config = &w.base.config};
	aic_error err = {0};
	int status = aic_words_begin(&w, NULL, "Refunds of posted lines, newest first, each with its reason.", argc, argv);

	if (status)
		return status;
	aic_rpc_begin(&q.body, "refunds", 0);
	return finish(&w, argv, &q, AIC_OK, &err, false);
}
