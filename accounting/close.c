/* close.c: open lines -> a batch -> sums, evidence, hash; in slices, so that aicacctd answers meanwhile. First the batch takes its
 * lines, in transactions of some thousand; lines below meta's open_floor were looked at, and those of them that stay open are
 * noted in late_line. Then they are gathered in the order of their keys (gather.c). After a crash the first part goes on where it was,
 * the second starts again. */
#include <stdlib.h>
#include <string.h>

#include "accounting/audit.h"
#include "accounting/gather.h"
#include "accounting/receipts.h"
#include "common/cbor.h"

#define LINES_A_SLICE 8192
#define REOPEN_MS 250       /* an act waits so long for its batch's new hash; larger batches stay closing */

struct aic_closing {
	const aic_batches *b;
	aic_batch batch;
	int64_t last_line;      /* the newest that it may take */
	bool late_taken;
	bool first_time;        /* not closed anew after an act */
	int64_t taken;          /* lines so far; below 0 where another process took some */
	aic_gathered *gathered; /* NULL while lines are being taken */
};

/* --- hash and rows --- */

/* Everything that an administrator approves, doc/formats/batch.md. */
static aic_code batch_hash(aic_closing *c, aic_hash *out, aic_error *err)
{
	aic_bytes body = {0};
	aic_store *s = c->b->store;
	const aic_batch *batch = &c->batch;
	const aic_tally *tally = aic_gathered_tally(c->gathered);
	aic_code rc = AIC_OK;

	aic_cbor_put_array(&body, 9);
	aic_cbor_put_text(&body, "aic/batch/v1");
	aic_cbor_put_text(&body, c->b->config->site);
	aic_cbor_put_text(&body, batch->period);
	aic_cbor_put_uint(&body, batch->number);
	aic_cbor_put_int(&body, batch->start);
	aic_cbor_put_int(&body, batch->end);
	aic_cbor_put_uint(&body, batch->fee_ppm);
	aic_cbor_put_bytes(&body, batch->evidence.b, AIC_HASH_LEN);
	aic_cbor_put_array(&body, tally->n);
	for (size_t i = 0; i < tally->n && rc == AIC_OK; i++) {
		const aic_sum *sum = &tally->sum[i];
		aic_organisations *names = aic_gathered_organisations(c->gathered);
		const char *payer = "", *payee = "";
		rc = aic_organisation_of(names, s, c->b->config, sum->payer, &payer, err);
		if (rc == AIC_OK)
			rc = aic_organisation_of(names, s, c->b->config, sum->payee, &payee, err);
		if (rc != AIC_OK)
			break;
		aic_cbor_put_array(&body, 9);
		aic_cbor_put_text(&body, aic_store_wallet_by_id(s, sum->payer)->name);
		aic_cbor_put_text(&body, payer);
		aic_cbor_put_text(&body, aic_store_wallet_by_id(s, sum->payee)->name);
		aic_cbor_put_text(&body, payee);
		aic_cbor_put_text(&body, aic_line_kind_name(sum->kind));
		aic_cbor_put_uint(&body, sum->n);
		aic_cbor_put_amount(&body, sum->gross);
		aic_cbor_put_amount(&body, sum->fee);
		aic_cbor_put_amount(&body, sum->stake);
	}
	*out = aic_sha256_of(body.data, body.len);
	aic_bytes_free(&body);
	return rc;
}

static aic_code write_sums(const aic_closing *c, const aic_tally *tally, aic_error *err)
{
	aic_code rc = aic_sql_run(c->b->store->db, err, "DELETE FROM batch_line WHERE batch=?1", "i", c->batch.id);

	for (size_t i = 0; i < tally->n && rc == AIC_OK; i++) {
		const aic_sum *s = &tally->sum[i];
		rc = aic_sql_run(c->b->store->db, err, "INSERT INTO batch_line(batch, payer, payee, kind, n, gross, fee,"
		                 " stake, note) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", "iiiiiaaat", c->batch.id, s->payer,
		                 s->payee, (int64_t)s->kind, (int64_t)s->n, &s->gross, &s->fee, &s->stake, s->note);
	}
	return rc;
}

/* All lines are gathered: sums, hash and the batch's own row. */
static aic_code write_batch(aic_closing *c, aic_error *err)
{
	const aic_tally *tally = aic_gathered_tally(c->gathered);
	bool first = c->first_time;

	if (c->taken >= 0 && (uint64_t)c->taken != aic_gathered_lines(c->gathered))
		return aic_fail(err, AIC_CORRUPT, "batch %s/%llu took %lld lines, and %llu of them are in the order of their jobs:"
		                " accounting.db is damaged, restore it from a backup", c->batch.period,
		                (unsigned long long)c->batch.number, (long long)c->taken,
		                (unsigned long long)aic_gathered_lines(c->gathered));
	c->batch.evidence = aic_gathered_evidence(c->gathered);
	aic_code rc = batch_hash(c, &c->batch.hash, err);
	if (rc == AIC_OK)
		rc = write_sums(c, tally, err);
	if (rc == AIC_OK)
		rc = aic_sql_run(c->b->store->db, err, "UPDATE batch SET hash=?2, evidence=?3, lines=?4, gross=?5, fee=?6,"
		                 " state=0 WHERE id=?1", "ihhiaa", c->batch.id, &c->batch.hash, &c->batch.evidence,
		                 (int64_t)tally->lines, &tally->gross, &tally->fee);
	if (rc == AIC_OK && first)
		rc = aic_audit_add(c->b->store, c->batch.closed_by < 0 ? c->b->config->uid : (uid_t)c->batch.closed_by,
		                   c->batch.closed_at, err, "closed batch %s/%llu, hash %s", c->batch.period,
		                   (unsigned long long)c->batch.number, aic_batch_hash_text(&c->batch, (char[65]){0}));
	return rc;
}

/* --- taking lines --- */

static aic_code take_late(aic_closing *c, aic_error *err)
{
	aic_sql *db = c->b->store->db;
	aic_code rc = aic_sql_run(db, err, "UPDATE line SET batch=?1 WHERE id IN (SELECT id FROM late_line WHERE id<?3) AND"
	                          " batch IS NULL AND ended<?2 AND NOT held", "iii", c->batch.id, c->batch.end,
	                          c->b->store->open_floor);

	c->taken += rc == AIC_OK ? aic_sql_changes(db) : 0;
	return rc;
}

/* Lines from the floor to `to`, which becomes the floor. */
static aic_code take_range(aic_closing *c, int64_t to, aic_error *err)
{
	aic_store *s = c->b->store;
	aic_code rc = aic_sql_run(s->db, err, "UPDATE line SET batch=?1 WHERE id>=?3 AND id<?4 AND batch IS NULL AND"
	                          " ended<?2 AND NOT held", "iiii", c->batch.id, c->batch.end, s->open_floor, to);

	c->taken += rc == AIC_OK ? aic_sql_changes(s->db) : 0;
	if (rc == AIC_OK)
		rc = aic_sql_run(s->db, err, "INSERT OR IGNORE INTO late_line SELECT id FROM line WHERE id>=?1 AND id<?2 AND"
		                 " batch IS NULL", "ii", s->open_floor, to);
	if (rc == AIC_OK)
		rc = aic_store_meta_set(s, "open_floor", to, err);
	if (rc == AIC_OK)
		s->open_floor = to;
	return rc;
}

static aic_code take_slice(aic_closing *c, int64_t until, aic_error *err)
{
	const aic_store *s = c->b->store;
	aic_code rc = c->late_taken ? AIC_OK : take_late(c, err);

	c->late_taken = true;
	while (rc == AIC_OK && s->open_floor <= c->last_line && aic_monotonic_ms() < until) {
		int64_t to = c->last_line + 1 - s->open_floor > LINES_A_SLICE ? s->open_floor + LINES_A_SLICE : c->last_line + 1;
		rc = take_range(c, to, err);
	}
	if (rc == AIC_OK && s->open_floor > c->last_line)
		c->gathered = aic_gather_new(c->b, c->batch.id, c->batch.first_line, c->last_line, c->batch.fee_ppm);
	return rc;
}

/* --- slices --- */

static aic_code slice(aic_closing *c, int64_t until, bool *done, aic_error *err)
{
	aic_code rc = c->gathered ? AIC_OK : take_slice(c, until, err);

	*done = false;
	if (rc == AIC_OK && c->gathered && aic_monotonic_ms() < until)
		rc = aic_gather_step(c->gathered, until, done, err);
	return rc == AIC_OK && *done ? write_batch(c, err) : rc;
}

aic_code aic_closing_step(aic_closing *c, int64_t budget_ms, bool *done, aic_error *err)
{
	aic_store *s = c->b->store;
	aic_code rc = aic_store_begin(s, err);

	*done = false;
	if (rc != AIC_OK)
		return rc;
	AIC_FAILPOINT("closing");
	rc = slice(c, aic_monotonic_ms() + budget_ms, done, err);
	if (rc == AIC_OK)
		return aic_store_commit(s, err);
	aic_store_rollback(s);
	return rc;
}

static aic_closing *closing_new(const aic_batches *b, int64_t last_line)
{
	aic_closing *c = aic_xcalloc(1, sizeof(*c));

	c->b = b;
	c->last_line = last_line;
	return c;
}

void aic_closing_free(aic_closing *c)
{
	if (!c)
		return;
	aic_gather_free(c->gathered);
	free(c);
}

int64_t aic_closing_batch(const aic_closing *c)
{
	return c->batch.id;
}

unsigned aic_closing_percent(const aic_closing *c)
{
	int64_t first = c->batch.first_line, all = c->last_line + 1 - first, taken = c->b->store->open_floor - first;

	if (!c->gathered)
		return all > 0 && taken > 0 ? (unsigned)(30 * taken / all) : 0;
	uint64_t lines = aic_gathered_lines(c->gathered);
	return 30 + (unsigned)(lines < (uint64_t)all ? 70 * lines / (uint64_t)(all + 1) : 69);
}

/* --- beginning --- */

static aic_code insert_batch(aic_closing *c, int64_t now, aic_error *err)
{
	aic_batch *b = &c->batch;
	aic_amount none = 0;
	int64_t number = 0;
	aic_sql *db = c->b->store->db;
	aic_code rc = aic_sql_int(db, &number, err, "SELECT coalesce(max(number), 0) FROM batch WHERE period=?1", "t",
	                          b->period);

	b->number = (uint64_t)number + 1;
	b->closed_at = now;
	if (rc == AIC_OK)
		rc = aic_sql_run(db, err, "INSERT INTO batch(period, number, state, start, end, fee_ppm, hash, evidence,"
		                 " lines, gross, fee, closed_at, closed_by, first_line, last_line) VALUES(?1, ?2, -1, ?3, ?4,"
		                 " ?5, x'', x'', 0, ?6, ?6, ?7, ?8, ?9, ?10)", "tiiiiaiiii", b->period, (int64_t)b->number,
		                 b->start, b->end, (int64_t)b->fee_ppm, &none, now, b->closed_by, b->first_line, c->last_line);
	b->id = aic_sql_last_id(db);
	return rc;
}

static aic_code refuse_idle(const aic_closing *c, aic_error *err)
{
	aic_sql *db = c->b->store->db;
	int64_t busy = 0, open = 0;
	aic_code rc = aic_sql_int(db, &busy, err, "SELECT EXISTS(SELECT 1 FROM batch WHERE state=-1)", "");

	if (rc == AIC_OK && busy)
		return aic_fail(err, AIC_REFUSED, "another batch is still being closed: wait until `aic batch list` has it in"
		                " review");
	if (rc == AIC_OK)
		rc = aic_sql_int(db, &open, err, "SELECT EXISTS(SELECT 1 FROM open_line WHERE ended<?1 AND NOT held AND gross"
		                 " > zeroblob(16))", "i", c->batch.end);
	if (rc == AIC_OK && !open)
		return aic_fail(err, AIC_REFUSED, "period %s has no open line that costs anything: there is nothing to close",
		                c->batch.period);
	return rc;
}

aic_code aic_closing_begin(aic_closing **out, const aic_batches *b, const char *period, int64_t start, int64_t end,
                           uint64_t fee_ppm, int64_t by, int64_t now, aic_error *err)
{
	aic_receipts_count count;
	aic_code rc = aic_receipts_sort_in(b->store, &count, err);

	*out = NULL;
	if (rc == AIC_OK)
		rc = aic_store_begin(b->store, err);
	if (rc != AIC_OK)
		return rc;
	aic_closing *c = closing_new(b, b->store->next_line - 1);
	c->first_time = true;
	c->batch = (aic_batch){.start = start, .end = end, .fee_ppm = fee_ppm, .closed_by = by,
	                       .first_line = b->store->open_floor};
	aic_str_copy(c->batch.period, sizeof(c->batch.period), period);
	rc = refuse_idle(c, err);
	if (rc == AIC_OK)
		rc = insert_batch(c, now, err);
	if (rc == AIC_OK)
		rc = aic_store_commit(b->store, err);
	else
		aic_store_rollback(b->store);
	if (rc != AIC_OK) {
		aic_closing_free(c);
		return rc;
	}
	*out = c;
	return AIC_OK;
}

#define ONE_BATCH "SELECT id, period, number, start, end, fee_ppm, closed_at, closed_by, first_line, last_line, hash FROM batch WHERE "

static aic_code read_closing(aic_closing **out, const aic_batches *b, sqlite3_stmt *st, aic_error *err)
{
	aic_code rc = aic_sql_step(b->store->db, st, err);

	if (rc != AIC_OK)
		return rc;
	aic_closing *c = closing_new(b, sqlite3_column_int64(st, 9));
	c->batch = (aic_batch){.id = sqlite3_column_int64(st, 0), .number = (uint64_t)sqlite3_column_int64(st, 2),
	                       .start = sqlite3_column_int64(st, 3), .end = sqlite3_column_int64(st, 4),
	                       .fee_ppm = (uint64_t)sqlite3_column_int64(st, 5), .closed_at = sqlite3_column_int64(st, 6),
	                       .closed_by = sqlite3_column_int64(st, 7), .first_line = sqlite3_column_int64(st, 8)};
	aic_str_copy(c->batch.period, sizeof(c->batch.period), aic_sql_text(st, 1));
	c->taken = INT64_MIN;
	c->first_time = sqlite3_column_bytes(st, 10) != AIC_HASH_LEN;
	if (!c->first_time)
		memcpy(c->batch.hash.b, sqlite3_column_blob(st, 10), AIC_HASH_LEN);
	aic_sql_done(st);
	if (!c->first_time)
		c->gathered = aic_gather_new(b, c->batch.id, c->batch.first_line, c->last_line, c->batch.fee_ppm);
	*out = c;
	return AIC_OK;
}

aic_code aic_closing_resume(aic_closing **out, const aic_batches *b, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(b->store->db, &st, err, ONE_BATCH "state=-1 ORDER BY id LIMIT 1", "");

	*out = NULL;
	return rc == AIC_OK ? read_closing(out, b, st, err) : rc;
}

/* --- in one go --- */

static aic_code close_all(aic_closing *c, aic_error *err)
{
	bool done = false;
	aic_code rc = AIC_OK;

	while (rc == AIC_OK && !done)
		rc = aic_closing_step(c, REOPEN_MS, &done, err);
	return rc;
}

aic_code aic_batch_close(const aic_batches *b, const char *period, int64_t start, int64_t end, uint64_t fee_ppm,
                         int64_t by, int64_t now, aic_batch *out, aic_error *err)
{
	aic_closing *c;
	aic_code rc;

	while ((rc = aic_closing_resume(&c, b, err)) == AIC_OK) {
		rc = close_all(c, err);
		aic_closing_free(c);
		if (rc != AIC_OK)
			return rc;
	}
	if (rc == AIC_NOT_FOUND)
		rc = aic_closing_begin(&c, b, period, start, end, fee_ppm, by, now, err);
	if (rc != AIC_OK)
		return rc;
	rc = close_all(c, err);
	if (rc == AIC_OK)
		rc = aic_batch_find(b->store, period, c->batch.number, out, err);
	aic_closing_free(c);
	return rc;
}

aic_code aic_batch_reopen(const aic_batches *b, int64_t id, aic_error *err)
{
	aic_closing *c = NULL;
	sqlite3_stmt *st;
	bool done = false;
	aic_code rc = aic_sql_start(b->store->db, &st, err, ONE_BATCH "id=?1 AND state<2", "i", id);

	if (rc == AIC_OK)
		rc = read_closing(&c, b, st, err);
	if (rc == AIC_NOT_FOUND)
		return aic_fail(err, AIC_REFUSED, "that batch is posted: nothing of it changes any more");
	if (rc == AIC_OK)
		rc = aic_sql_run(b->store->db, err, "UPDATE batch SET state=-1 WHERE id=?1", "i", id);
	if (rc == AIC_OK)
		rc = aic_approved_forget(b->store, &c->batch.hash, err);
	if (rc == AIC_OK)
		rc = slice(c, aic_monotonic_ms() + REOPEN_MS, &done, err);
	aic_closing_free(c);
	return rc;
}
