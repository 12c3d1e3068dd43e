/* serve_lines.c: a batch line by line, with flags; acts on lines; the log of acts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/acctd.h"
#include "accounting/acts.h"
#include "accounting/audit.h"
#include "accounting/flags.h"
#include "accounting/pretending.h"
#include "accounting/receipts.h"
#include "common/record.h"

#define LINES(from) "SELECT l.id, r.job, r.user, l.node, l.kind, p.name, q.name, l.gross, l.useful, l.quality, l.quality_reason, l.act, l.held," \
              " r.flags, r.cpu_seconds, r.gpu_seconds, l.payee, r.restart, r.cluster, r.started, r.ended, l.gpus, r.body FROM " from " l LEFT JOIN record r ON r.id=l.record JOIN wallet p ON" \
              " p.id=l.payer JOIN wallet q ON q.id=l.payee WHERE "
#define ORDER " ORDER BY r.id IS NULL, r.cluster, r.job, r.submit, r.restart, r.segment, l.node, l.kind, l.id LIMIT 200001"
#define LINES_MAX 200000

/* The model of the node's GPUs, "" where the record does not say. */
static void gpu_type(char type[AIC_NAME_LEN], sqlite3_stmt *st, const char *node)
{
	aic_job_record r = {0};

	type[0] = '\0';
	if (aic_job_record_decode(&r, sqlite3_column_blob(st, 22), (size_t)sqlite3_column_bytes(st, 22), NULL))
		return;
	for (uint32_t i = 0; i < r.nodes; i++)
		if (!strcmp(r.node[i].name, node) && r.node[i].gpu_types)
			aic_str_copy(type, AIC_NAME_LEN, r.node[i].gpu[0].type);
	aic_job_record_clear(&r);
}

/* What its receipts say of a line for GPUs, after the other flags. */
static aic_code flag_pretending(aic_request *q, sqlite3_stmt *st, char *flags, size_t size, aic_error *err)
{
	char type[AIC_NAME_LEN], text[800];
	aic_receipts *receipts = &q->d->store->receipts;
	aic_rated_run run = {
		.cluster = aic_sql_text(st, 18), .job = (uint32_t)sqlite3_column_int64(st, 1), .restart = (uint32_t)sqlite3_column_int64(st, 17),
		.started = sqlite3_column_int64(st, 19), .ended = sqlite3_column_int64(st, 20),
	};
	const char *node = aic_sql_text(st, 3);
	aic_code rc;

	if (sqlite3_column_int(st, 4) != AIC_KIND_HARDWARE || !sqlite3_column_int64(st, 21) || !run.job)
		return AIC_OK;
	rc = aic_receipts_of_life(q->d->store, &run, true, receipts, err);
	if (rc == AIC_OK) {
		aic_gpu_evidence e = aic_gpu_evidence_of(node, receipts->receipt, receipts->n);

		gpu_type(type, st, node);
		aic_pretending_rule rule = aic_pretending_rule_of(&q->d->config, type);
		aic_pretending_say(text, sizeof(text), &e, &rule, type);
		if (text[0])
			snprintf(flags + strlen(flags), size - strlen(flags), "%s%s", flags[0] ? "; " : "", text);
	}
	return rc;
}

static aic_code line_row(aic_request *q, aic_rows *rows, sqlite3_stmt *st, const aic_flagger *f, aic_error *err)
{
	char job[48], flags[1024];
	aic_flagged l = {
		.user = aic_sql_text(st, 2), .payee = sqlite3_column_int64(st, 16), .is_double = sqlite3_column_int(st, 13) & 1,
		.rated = sqlite3_column_type(st, 10) != SQLITE_NULL, .useful = (uint64_t)sqlite3_column_int64(st, 8),
		.reason = (aic_quality_reason)sqlite3_column_int(st, 10), .cpu_seconds = sqlite3_column_int64(st, 14),
		.gpu_seconds = sqlite3_column_int64(st, 15), .charged = aic_sql_amount(st, 7) > 0,
	};

	aic_flags_of(f, &l, flags, sizeof(flags));
	if (sqlite3_column_int(st, 12) & AIC_HELD_SESSION)
		snprintf(flags + strlen(flags), sizeof(flags) - strlen(flags), "%sheld until its training session is decided: `aic explain %lld`",
		         flags[0] ? "; " : "", (long long)sqlite3_column_int64(st, 1));
	aic_code rc = flag_pretending(q, st, flags, sizeof(flags), err);
	snprintf(job, sizeof(job), "%lld", (long long)sqlite3_column_int64(st, 1));
	aic_rows_number(rows, sqlite3_column_int64(st, 0));
	aic_rows_text(rows, sqlite3_column_int64(st, 1) ? job : NULL); /* a storage line has no job */
	aic_rows_text(rows, l.user);
	aic_rows_text(rows, aic_sql_text(st, 3));
	aic_rows_text(rows, aic_line_kind_name((aic_line_kind)sqlite3_column_int(st, 4)));
	aic_rows_text(rows, aic_sql_text(st, 5));
	aic_rows_text(rows, aic_sql_text(st, 6));
	aic_rows_amount(rows, aic_sql_amount(st, 7));
	aic_rows_number(rows, sqlite3_column_int64(st, 9));
	aic_rows_text(rows, aic_sql_text(st, 11));
	aic_rows_text(rows, flags);
	return rc;
}

/* [period, number] : rows; period "open" for the lines that no batch holds, held ones included */
aic_code aic_serve_batch_lines(aic_request *q, aic_error *err)
{
	aic_rows rows = {.columns = 11};
	aic_flagger *f = NULL;
	aic_batch batch = {0};
	sqlite3_stmt *st;
	char period[16];
	size_t n = 0;

	aic_cbor_text(q->args, period, sizeof(period));
	uint64_t number = aic_cbor_uint(q->args);
	aic_code rc = aic_cbor_finish(q->args, err);
	bool open = !strcmp(period, "open");
	if (rc == AIC_OK && !open)
		rc = aic_batch_find(q->d->store, period, number, &batch, err);
	if (rc == AIC_OK)
		rc = aic_flagger_new(&f, q->d->store, batch.id, err);
	if (rc == AIC_OK)
		rc = open ? aic_sql_start(q->d->store->db, &st, err, LINES("open_line") "1" ORDER, "")
		          : aic_sql_start(q->d->store->db, &st, err, LINES("taken_line") "l.batch=?1" ORDER, "i", batch.id);
	while (rc == AIC_OK && (rc = aic_sql_step(q->d->store->db, st, err)) == AIC_OK) {
		if (++n > LINES_MAX) {
			aic_sql_done(st);
			rc = aic_fail(err, AIC_FULL, "more than %d lines: use `aic batch show`, or the evidence", LINES_MAX);
			break;
		}
		rc = line_row(q, &rows, st, f, err);
		if (rc != AIC_OK) {
			aic_sql_done(st);
			break;
		}
	}
	if (rc == AIC_NOT_FOUND)
		rc = AIC_OK;
	aic_flagger_free(f);
	aic_rows_finish(&rows, q->out);
	*q->items = 1;
	return rc;
}

/* [act, line, amount, reason] */
aic_code aic_serve_line_act(aic_request *q, aic_error *err)
{
	char name[16], reason[256];
	aic_act act = AIC_ACT_HOLD;

	if (aic_cbor_text(q->args, name, sizeof(name)) && !aic_act_parse(&act, name))
		aic_cbor_fail(q->args, "\"%s\" is no act", name);
	int64_t line = aic_cbor_int(q->args);
	aic_amount amount = aic_cbor_amount(q->args);
	aic_cbor_text(q->args, reason, sizeof(reason));
	aic_code rc = aic_cbor_finish(q->args, err);
	if (rc == AIC_OK)
		rc = aic_line_act(&q->d->batches, line, act, amount, reason, q->who->uid, aic_now(), err);
	if (rc == AIC_OK)
		aic_acctd_publish(q->d, true);
	return rc;
}

/* [] : rows of number, time, uid, what; head of the chain */
aic_code aic_serve_audit(aic_request *q, aic_error *err)
{
	aic_rows rows = {.columns = 4};
	sqlite3_stmt *st;
	char hex[65];
	aic_hash head;
	aic_code rc = aic_cbor_finish(q->args, err);

	if (rc == AIC_OK)
		rc = aic_audit_verify(q->d->store, NULL, &head, err);
	if (rc == AIC_OK)
		rc = aic_sql_start(q->d->store->db, &st, err, "SELECT id, at, uid, what FROM audit ORDER BY id", "");
	while (rc == AIC_OK && (rc = aic_sql_step(q->d->store->db, st, err)) == AIC_OK) {
		aic_rows_number(&rows, sqlite3_column_int64(st, 0));
		aic_rows_number(&rows, sqlite3_column_int64(st, 1));
		aic_rows_number(&rows, sqlite3_column_int64(st, 2));
		aic_rows_text(&rows, aic_sql_text(st, 3));
	}
	if (rc == AIC_NOT_FOUND)
		rc = AIC_OK;
	if (rc == AIC_OK)
		aic_hash_hex(hex, &head);
	aic_rows_finish(&rows, q->out);
	aic_cbor_put_text(q->out, rc == AIC_OK ? hex : "");
	*q->items = 2;
	return rc;
}
