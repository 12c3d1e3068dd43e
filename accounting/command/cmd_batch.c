/* cmd_batch.c: aic batch list | show | close | approve | post. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accounting/command/ask.h"
#include "accounting/commands.h"
#include "accounting/command/review.h"
#include "common/crypto.h"

#define CLOSING_ASK_US 300000
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

enum { B_NAME, B_STATE, B_LINES, B_GROSS, B_FEE, B_APPROVALS, B_CLOSED, B_BY, B_HEIGHT, B_HASH };
static const aic_column batch_columns[] = {
	[B_NAME] = {"batch", "BATCH", AIC_COLUMN_TEXT},           [B_STATE] = {"state", "STATE", AIC_COLUMN_TEXT},
	[B_LINES] = {"lines", "LINES", AIC_COLUMN_NUMBER},        [B_GROSS] = {"gross", "GROSS AIC", AIC_COLUMN_AMOUNT},
	[B_FEE] = {"fee", "FEE AIC", AIC_COLUMN_AMOUNT},          [B_APPROVALS] = {"approvals", "APPROVALS", AIC_COLUMN_TEXT},
	[B_CLOSED] = {"closed_at", "CLOSED", AIC_COLUMN_TIME},    [B_BY] = {"closed_by", "BY UID", AIC_COLUMN_TEXT},
	[B_HEIGHT] = {"height", "BLOCK", AIC_COLUMN_NUMBER},      [B_HASH] = {"hash", "HASH", AIC_COLUMN_TEXT},
};

static const aic_column sum_columns[] = {
	{"payer", "PAYER", AIC_COLUMN_TEXT},        {"payee", "PAYEE", AIC_COLUMN_TEXT},      {"kind", "KIND", AIC_COLUMN_TEXT},
	{"lines", "LINES", AIC_COLUMN_NUMBER},      {"gross", "GROSS AIC", AIC_COLUMN_AMOUNT}, {"fee", "FEE AIC", AIC_COLUMN_AMOUNT},
	{"net", "NET AIC", AIC_COLUMN_AMOUNT},      {"returned", "REWARD AIC", AIC_COLUMN_AMOUNT},
	{"issued", "ISSUED UP TO", AIC_COLUMN_AMOUNT}, {"note", "NOTE", AIC_COLUMN_TEXT},
};

aic_code aic_batch_key_put(aic_bytes *body, const char *given, aic_error *err)
{
	char period[16] = "";
	unsigned long long number = 0;
	const char *slash = strchr(given, '/');
	size_t len = slash ? (size_t)(slash - given) : strlen(given);
	char *rest;

	if (len >= sizeof(period))
		return aic_fail(err, AIC_USAGE, "\"%s\" is no batch: write PERIOD/NUMBER as `aic batch list` shows it", given);
	memcpy(period, given, len);
	period[len] = '\0';
	if (slash) {
		errno = 0;
		number = strtoull(slash + 1, &rest, 10);
		if (errno || !number || *rest || slash[1] < '0' || slash[1] > '9')
			return aic_fail(err, AIC_USAGE, "\"%s\" is no batch: write PERIOD/NUMBER as `aic batch list` shows it", given);
	}
	aic_cbor_put_text(body, period);
	aic_cbor_put_uint(body, number);
	return AIC_OK;
}

static const char *name_of(const aic_grid *g)
{
	return aic_grid_cell(g, 0, B_NAME)->text;
}

static void next_step(const aic_words *w, aic_table *t, const aic_grid *g)
{
	const char *state = aic_grid_cell(g, 0, B_STATE)->text;

	aic_table_note(t, "Hash %s", aic_grid_cell(g, 0, B_HASH)->text);
	if (!w->base.config.enforce)
		aic_table_note(t, "Mode is observe: this batch is on paper and is not posted.");
	else if (!strcmp(state, "review"))
		aic_table_note(t, "Next: `aic batch approve %s`", name_of(g));
	else if (!strcmp(state, "approved"))
		aic_table_note(t, "Next: `aic batch post %s`", name_of(g));
}

static void batches_table(const aic_words *w, const aic_grid *g, bool one)
{
	/* the hash is long: people see it below, other formats in its column */
	size_t n = w->base.format == AIC_FORMAT_TABLE ? B_HASH : COUNT(batch_columns);
	aic_table *t = aic_table_new(batch_columns, n);

	for (size_t i = 0; i < g->n; i++) {
		aic_grid row = {.n = 1, .columns = n, .cell = (aic_cell *)aic_grid_cell(g, i, 0)};
		aic_grid_row(&row, 0, batch_columns, t);
	}
	if (one && g->n)
		next_step(w, t, g);
	else if (!g->n)
		aic_table_note(t, "No period was closed yet: `aic batch close` closes the running one.");
	aic_show(w, t);
}

static void say_progress(const aic_grid *g, bool last)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s: %s\033[K%s", name_of(g), aic_grid_cell(g, 0, B_STATE)->text, last ? "\r\033[K" : "");
}

/* A large batch closes in slices while aicacctd goes on answering: asks for its state until it is in review. */
static aic_code wait_closed(const aic_words *w, aic_grid *g, aic_error *err)
{
	aic_code rc = AIC_OK;

	while (rc == AIC_OK && g->n && !strncmp(aic_grid_cell(g, 0, B_STATE)->text, "closing", 7)) {
		aic_question q = {.config = &w->base.config};
		aic_grid now = {0};
		say_progress(g, false);
		usleep(CLOSING_ASK_US);
		aic_rpc_begin(&q.body, "batch-show", 2);
		rc = aic_batch_key_put(&q.body, name_of(g), err);
		if (rc == AIC_OK)
			rc = aic_ask(&q, err);
		if (rc == AIC_OK) {
			aic_grid_read(&now, &q.answer, batch_columns, COUNT(batch_columns));
			aic_grid_clear(g);
			*g = now;
			if (!g->n)
				rc = aic_fail(err, AIC_CORRUPT, "aicacctd's answer has no batch: it is of another version");
		}
		aic_question_end(&q);
		if (rc == AIC_OK)
			say_progress(g, true);
	}
	return rc;
}

/* The end of a command whose answer is batches alone: asks, unless rc says that the question failed already, and prints them. */
static int batch_request(char **argv, aic_words *w, aic_question *q, aic_code rc, aic_error *err, bool one)
{
	aic_grid grid = {0};

	if (rc == AIC_OK)
		rc = aic_ask_rows(q, &grid, batch_columns, COUNT(batch_columns), err);
	if (rc == AIC_OK && one)
		rc = wait_closed(w, &grid, err);
	if (rc == AIC_OK)
		batches_table(w, &grid, one);
	aic_grid_clear(&grid);
	aic_question_end(q);
	return aic_words_end(w, argv, rc, err);
}

static int batch_list(int argc, char **argv)
{
	aic_words w = {0};
	aic_question q = {.config = &w.base.config};
	aic_error err = {0};
	int status = aic_words_begin(&w, NULL, "All batches, newest first.", argc, argv);

	if (status)
		return status;
	aic_rpc_begin(&q.body, "batch-list", 0);
	return batch_request(argv, &w, &q, AIC_OK, &err, false);
}

static int batch_close(int argc, char **argv)
{
	aic_words w = {.max_args = 1};
	aic_question q = {.config = &w.base.config};
	aic_error err = {0};
	int status = aic_words_begin(&w, "[PERIOD]", "Closes what is open of a period, the running one if none is named, into a batch for"
	                                             " review. What comes later goes to the next batch.", argc, argv);

	if (status)
		return status;
	aic_rpc_begin(&q.body, "batch-close", 1);
	aic_cbor_put_text(&q.body, w.n_args ? w.arg[0] : "");
	return batch_request(argv, &w, &q, AIC_OK, &err, true);
}

static int batch_post(int argc, char **argv)
{
	aic_words w = {.max_args = 1};
	aic_question q = {.config = &w.base.config};
	aic_error err = {0};
	int status = aic_words_begin(&w, "[PERIOD/NUMBER]", "Posts an approved batch, the latest if none is named, to the ledger.", argc, argv);

	if (status)
		return status;
	aic_rpc_begin(&q.body, "batch-post", 2);
	return batch_request(argv, &w, &q, aic_batch_key_put(&q.body, w.n_args ? w.arg[0] : "", &err), &err, true);
}

typedef struct {
	aic_grid batch, sums;
	char evidence[80], message[1024];
	bool enforce;
} shown;

static aic_code ask_show(const aic_words *w, shown *s, aic_error *err)
{
	aic_question q = {.config = &w->base.config};

	memset(s, 0, sizeof(*s));
	aic_rpc_begin(&q.body, "batch-show", 2);
	aic_code rc = aic_batch_key_put(&q.body, w->n_args ? w->arg[0] : "", err);
	if (rc == AIC_OK)
		rc = aic_ask(&q, err);
	if (rc == AIC_OK) {
		aic_grid_read(&s->batch, &q.answer, batch_columns, COUNT(batch_columns));
		aic_grid_read(&s->sums, &q.answer, sum_columns, COUNT(sum_columns));
		aic_cbor_text(&q.answer, s->evidence, sizeof(s->evidence));
		s->enforce = aic_cbor_bool(&q.answer);
		aic_cbor_text(&q.answer, s->message, sizeof(s->message));
		rc = aic_cbor_finish(&q.answer, err);
	}
	aic_question_end(&q);
	return rc;
}

static void shown_clear(shown *s)
{
	aic_grid_clear(&s->batch);
	aic_grid_clear(&s->sums);
}

static void show_table(const aic_words *w, const shown *s)
{
	aic_table *t = aic_table_new(sum_columns, COUNT(sum_columns));
	char gross[AIC_AMOUNT_TEXT];

	aic_grid_rows(&s->sums, sum_columns, t);
	aic_amount_format(gross, aic_grid_sum(&s->sums, 4));
	aic_table_note(t, "Batch %s, %s, approvals %s, %s AIC gross in %lld lines", name_of(&s->batch),
	               aic_grid_cell(&s->batch, 0, B_STATE)->text, aic_grid_cell(&s->batch, 0, B_APPROVALS)->text, gross,
	               (long long)aic_grid_cell(&s->batch, 0, B_LINES)->number);
	aic_table_note(t, "Evidence %s", s->evidence);
	if (s->message[0])
		aic_table_note(t, "%s", s->message);
	next_step(w, t, &s->batch);
	aic_show(w, t);
}

static int batch_show(int argc, char **argv)
{
	aic_words w = {.max_args = 1};
	aic_error err = {0};
	shown s;
	int status = aic_words_begin(&w, "[PERIOD/NUMBER]", "A batch's sums, with the reward that each earns; before posting the issued part"
	                                                    " is \"up to\".", argc, argv);

	if (status)
		return status;
	aic_code rc = ask_show(&w, &s, &err);
	if (rc == AIC_OK)
		show_table(&w, &s);
	shown_clear(&s);
	return aic_words_end(&w, argv, rc, &err);
}

static aic_code approve_body(const aic_words *w, const shown *s, aic_bytes *body, aic_error *err)
{
	const char *hex = aic_grid_cell(&s->batch, 0, B_HASH)->text, *slash = strchr(name_of(&s->batch), '/');
	char period[16];
	aic_hash hash;

	if (w->hash && strncmp(hex, w->hash, strlen(w->hash)))
		return aic_fail(err, AIC_REFUSED, "batch %s has the hash %.16s..., not %.16s...: look at it with `aic batch show` again",
		                name_of(&s->batch), hex, w->hash);
	if (!slash || !aic_unhex(hash.b, sizeof(hash.b), hex))
		return aic_fail(err, AIC_CORRUPT, "aicacctd's answer has no batch name and hash: it is of another version");
	snprintf(period, sizeof(period), "%.*s", (int)(slash - name_of(&s->batch)), name_of(&s->batch));
	aic_rpc_begin(body, "batch-approve", 4);
	aic_cbor_put_text(body, period);
	aic_cbor_put_uint(body, strtoull(slash + 1, NULL, 10));
	aic_cbor_put_bytes(body, hash.b, sizeof(hash.b));
	return aic_put_approval(w, body, &hash, err);
}

static int batch_approve(int argc, char **argv)
{
	aic_words w = {.max_args = 1, .takes_hash = true, .takes_key = true};
	aic_question q = {.config = &w.base.config};
	aic_error err = {0};
	shown s;
	int status = aic_words_begin(&w, "[PERIOD/NUMBER]", "Approves a batch, the latest if none is named, exactly as its hash says.", argc,
	                             argv);

	if (status)
		return status;
	aic_code rc = ask_show(&w, &s, &err);
	if (rc == AIC_OK)
		rc = approve_body(&w, &s, &q.body, &err);
	shown_clear(&s);
	return batch_request(argv, &w, &q, rc, &err, true);
}

int aic_cmd_batch(int argc, char **argv)
{
	static const aic_subcommand verbs[] = {
		{"list", batch_list, "all batches, newest first"},
		{"show", batch_show, "a batch's sums and rewards"},
		{"close", batch_close, "close the running period now"},
		{"approve", batch_approve, "approve a batch"},
		{"post", batch_post, "post an approved batch to the ledger"},
		{"lines", aic_batch_lines_command, "a batch line by line, with what to look at"},
		{"hold", aic_batch_hold_command, "take a line out until it is released"},
		{"release", aic_batch_release_command, "put a held line into the next batch"},
		{"adjust", aic_batch_adjust_command, "charge less for a line"},
		{"void", aic_batch_void_command, "charge nothing for a line"},
		{"penalize", aic_batch_penalize_command, "take ppm off the quality of a data or model line"},
		{"refund", aic_batch_refund_command, "give back what a posted line paid"},
		{"withdraw-refund", aic_batch_withdraw_refund_command, "take a refund back that is not posted yet"},
		{"approve-refund", aic_batch_approve_refund_command, "approve a refund; the last approval posts it"},
		{"refunds", aic_batch_refunds_command, "refunds, with their reasons"},
		{"prove", aic_batch_prove_command, "one posted line against the evidence on the ledger, as a file"},
		{"check", aic_batch_check_command, "check such a file, on any machine"},
		{"verify", aic_batch_verify_command, "whether a posted batch's lines still give its evidence"},
		{"log", aic_batch_log_command, "what administrators did, checked"},
		{NULL, NULL, NULL},
	};

	return aic_command_dispatch(verbs, "Payout batches: closed, reviewed, approved, posted. For administrators.", argc, argv);
}
