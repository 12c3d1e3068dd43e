/* serve_jobs.c: job records with their receipts, a page at a time. */
#include <stdlib.h>
#include <string.h>

#include "accounting/acctd.h"
#include "accounting/charge.h"
#include "accounting/receipts.h"

#define PAGE_MAX 2000
#define PAGE_BYTES (16u << 20) /* a record of 65,536 nodes with as many receipts has as much again */

typedef struct {
	int64_t since, until, after; /* after: id of the last record of the page before; 0 for the first */
	char account[AIC_NAME_LEN], user[AIC_NAME_LEN], node[AIC_NAME_LEN], payee[AIC_NAME_LEN], cluster[AIC_NAME_LEN],
		asset[AIC_NAME_LEN];
} wanted;

typedef struct {
	aic_bytes body;
	size_t n, looked;
	int64_t last; /* id of the last record looked at */
	bool full;
} page;

static aic_code read_wanted(aic_request *q, wanted *w, aic_error *err)
{
	w->since = aic_cbor_int(q->args);
	w->until = aic_cbor_int(q->args);
	w->after = aic_cbor_int(q->args);
	aic_cbor_text(q->args, w->account, sizeof(w->account));
	aic_cbor_text(q->args, w->user, sizeof(w->user));
	aic_cbor_text(q->args, w->node, sizeof(w->node));
	aic_cbor_text(q->args, w->payee, sizeof(w->payee));
	aic_cbor_text(q->args, w->cluster, sizeof(w->cluster));
	aic_cbor_text(q->args, w->asset, sizeof(w->asset));
	aic_code rc = aic_cbor_finish(q->args, err);
	/* else asking for each name in turn would tell it */
	if (rc == AIC_OK && strcmp(aic_viewer_payee(q->viewer, &q->d->config, w->payee), w->payee))
		rc = aic_fail(err, AIC_REFUSED, "only administrators select by a provider that is not named to those who pay it: leave %s out", w->payee);
	return rc;
}

static aic_code put_receipts(aic_request *q, aic_bytes *out, const aic_rated_run *run, aic_error *err)
{
	aic_receipts *r = &q->d->store->receipts;
	aic_bytes one = {0};
	aic_code rc = aic_receipts_of_life(q->d->store, run, true, r, err);

	aic_cbor_put_array(out, rc == AIC_OK ? r->n : 0);
	for (size_t i = 0; i < r->n && rc == AIC_OK; i++) {
		aic_bytes_clear(&one);
		aic_receipt_encode(&one, &r->receipt[i]);
		aic_cbor_put_bytes(out, one.data, one.len);
	}
	aic_bytes_free(&one);
	return rc;
}

/* Lines of a record: node, kind, asset, payer, payee, gross, fee, verified, useful, quality; -1 while no batch has it. */
static aic_code put_lines(aic_request *q, aic_bytes *out, int64_t first, int64_t last, aic_error *err)
{
	aic_rows rows = {.columns = 10};
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(q->d->store->db, &st, err, "SELECT l.node, l.kind, l.asset, l.payer, l.payee, l.gross, b.fee_ppm,"
	                            " l.verified, l.useful, l.quality FROM line l LEFT JOIN batch b ON b.id=l.batch WHERE l.id BETWEEN ?1 AND ?2"
	                            " ORDER BY l.kind, l.node, l.asset", "ii", first, last);

	while (rc == AIC_OK && (rc = aic_sql_step(q->d->store->db, st, err)) == AIC_OK) {
		aic_rows_text(&rows, aic_sql_text(st, 0));
		aic_rows_text(&rows, aic_line_kind_name((aic_line_kind)sqlite3_column_int(st, 1)));
		aic_rows_text(&rows, aic_sql_text(st, 2));
		aic_rows_text(&rows, aic_store_wallet_by_id(q->d->store, sqlite3_column_int64(st, 3))->name);
		aic_rows_text(&rows, aic_viewer_payee(q->viewer, &q->d->config, aic_store_wallet_by_id(q->d->store, sqlite3_column_int64(st, 4))->name));
		aic_rows_amount(&rows, aic_sql_amount(st, 5));
		bool closed = sqlite3_column_type(st, 6) != SQLITE_NULL;
		aic_rows_amount(&rows, closed ? aic_fee_of(aic_sql_amount(st, 5), (uint64_t)sqlite3_column_int64(st, 6)) : 0);
		for (int k = 7; k < 10; k++)
			aic_rows_number(&rows, closed ? sqlite3_column_int64(st, k) : -1);
	}
	aic_rows_finish(&rows, out);
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static aic_code put_record(aic_request *q, page *p, sqlite3_stmt *st, aic_error *err)
{
	aic_bytes *out = &p->body;

	aic_cbor_put_array(out, 7);
	aic_cbor_put_bytes(out, sqlite3_column_blob(st, 6), (size_t)sqlite3_column_bytes(st, 6));
	aic_cbor_put_int(out, sqlite3_column_int64(st, 7));
	aic_cbor_put_int(out, sqlite3_column_int64(st, 8));
	aic_cbor_put_int(out, sqlite3_column_int64(st, 9));
	aic_cbor_put_text(out, aic_sql_text(st, 10));
	aic_rated_run run = {.cluster = aic_sql_text(st, 1), .job = (uint32_t)sqlite3_column_int64(st, 2),
	                     .restart = (uint32_t)sqlite3_column_int64(st, 3), .started = sqlite3_column_int64(st, 11),
	                     .ended = sqlite3_column_int64(st, 12)};
	aic_code rc = put_lines(q, out, sqlite3_column_int64(st, 13), sqlite3_column_int64(st, 14), err);
	if (rc == AIC_OK)
		rc = put_receipts(q, out, &run, err);
	p->n++;
	return rc;
}

static aic_code gather(aic_request *q, const wanted *w, page *p, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(q->d->store->db, &st, err,
	                            "SELECT id, cluster, job, restart, account, user, body, billable, state_ppm, status, reason, started, ended,"
	                            " first_line, last_line FROM record r"
	                            " WHERE id>?1 AND ended>=?2 AND ended<?3 AND (?4='' OR account=?4) AND (?5='' OR user=?5) AND (?9='' OR"
	                            " cluster=?9) AND (?6='' OR EXISTS(SELECT 1 FROM line l WHERE l.id BETWEEN r.first_line AND r.last_line AND"
	                            " l.node=?6)) AND (?7='' OR EXISTS(SELECT 1 FROM line l JOIN wallet o ON o.id=l.payee WHERE l.id BETWEEN"
	                            " r.first_line AND r.last_line AND o.name=?7)) AND (?10='' OR EXISTS(SELECT 1 FROM line l WHERE l.id BETWEEN"
	                            " r.first_line AND r.last_line AND l.asset=?10)) ORDER BY id LIMIT ?8", "iiittttitt", w->after, w->since,
	                            w->until, w->account, w->user, w->node, w->payee, (int64_t)PAGE_MAX, w->cluster, w->asset);

	while (rc == AIC_OK && !p->full && (rc = aic_sql_step(q->d->store->db, st, err)) == AIC_OK) {
		p->last = sqlite3_column_int64(st, 0);
		if (aic_viewer_sees_job(q->viewer, aic_sql_text(st, 4), aic_sql_text(st, 5)))
			rc = put_record(q, p, st, err);
		p->full = ++p->looked == PAGE_MAX || p->body.len > PAGE_BYTES;
		if (rc != AIC_OK || p->full)
			aic_sql_done(st);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

/* [since, until, after, account, user, node, payee, cluster, asset] : id of the last record looked at (0: there is no further page), array of
 * [record bytes, billable, state ppm, status, reason, rows of lines, [receipt bytes, ...]]; in the order in which records came */
aic_code aic_serve_jobs(aic_request *q, aic_error *err)
{
	page p = {0};
	wanted w;
	aic_code rc = read_wanted(q, &w, err);

	if (rc == AIC_OK)
		rc = gather(q, &w, &p, err);
	aic_cbor_put_int(q->out, p.full ? p.last : 0);
	aic_cbor_put_array(q->out, p.n);
	if (p.body.len)
		aic_bytes_append(q->out, p.body.data, p.body.len);
	aic_bytes_free(&p.body);
	*q->items = 2;
	return rc;
}
