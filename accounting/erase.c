#include "accounting/erase.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/audit.h"
#include "accounting/gather.h"
#include "accounting/usage.h"

#define SLICE_MS 1000

/* --- one record --- */

static aic_code without_person(aic_bytes *out, const void *body, size_t len, aic_error *err)
{
	aic_job_record r = {0};
	aic_code rc = aic_job_record_decode(&r, body, len, err);

	if (rc != AIC_OK)
		return rc;
	aic_str_copy(r.user, sizeof(r.user), AIC_ERASED);
	r.name[0] = '\0';
	r.uid = r.gid = 0;
	aic_bytes_clear(out);
	aic_job_record_encode(out, &r);
	aic_job_record_clear(&r);
	return AIC_OK;
}

typedef struct {
	int64_t id, first_line, last_line, job, restart;
	char cluster[AIC_NAME_LEN];
	aic_bytes body;
} erasing;

static aic_code read_record(aic_store *s, int64_t id, erasing *e, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT first_line, last_line, job, restart, cluster, body FROM record WHERE id=?1", "i", id);

	if (rc == AIC_OK)
		rc = aic_sql_step(s->db, st, err);
	if (rc != AIC_OK)
		return rc;
	e->id = id;
	e->first_line = sqlite3_column_int64(st, 0);
	e->last_line = sqlite3_column_int64(st, 1);
	e->job = sqlite3_column_int64(st, 2);
	e->restart = sqlite3_column_int64(st, 3);
	aic_str_copy(e->cluster, sizeof(e->cluster), aic_sql_text(st, 4));
	rc = without_person(&e->body, sqlite3_column_blob(st, 5), (size_t)sqlite3_column_bytes(st, 5), err);
	aic_sql_done(st);
	return rc;
}

/* Before anything of the record changes. On paper (mode observe) there is no posted root to keep. */
static aic_code keep_leaves(const aic_batches *b, const erasing *e, aic_error *err)
{
	aic_code rc = AIC_OK;

	for (int64_t line = e->first_line; line <= e->last_line && rc == AIC_OK; line++) {
		int64_t posted = 0;
		aic_hash leaf;
		rc = aic_sql_int(b->store->db, &posted, err, "SELECT b.state>=3 FROM line l JOIN batch b ON b.id=l.batch WHERE l.id=?1", "i", line);
		if (rc == AIC_OK && posted) {
			rc = aic_gather_leaf(b, line, &leaf, err);
			if (rc == AIC_OK)
				rc = aic_sql_run(b->store->db, err, "UPDATE line SET leaf=?2 WHERE id=?1", "ih", line, &leaf);
		} else if (rc == AIC_NOT_FOUND) {
			rc = AIC_OK;
		}
	}
	return rc;
}

static aic_code erase_aside(aic_store *s, const erasing *e, aic_error *err)
{
	aic_bytes body = {0};
	aic_hash hash = {{0}};
	sqlite3_stmt *st;
	aic_code rc;

	/* one at a time: each becomes another row */
	while ((rc = aic_sql_start(s->db, &st, err, "SELECT body, hash FROM duplicate WHERE record=?1 AND at>=0 LIMIT 1", "i", e->id)) == AIC_OK &&
	       (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		rc = without_person(&body, sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0), err);
		if (sqlite3_column_bytes(st, 1) == AIC_HASH_LEN)
			memcpy(hash.b, sqlite3_column_blob(st, 1), AIC_HASH_LEN);
		aic_sql_done(st);
		aic_hash now = aic_sha256_of(body.data, body.len);
		if (rc == AIC_OK)
			rc = aic_sql_run(s->db, err, "UPDATE OR REPLACE duplicate SET body=?3, hash=?4, at=-at-1 WHERE record=?1 AND hash=?2", "ihbh", e->id,
			                 &hash, body.data, body.len, &now);
		if (rc != AIC_OK)
			break;
	}
	aic_bytes_free(&body);
	if (rc == AIC_NOT_FOUND)
		rc = aic_sql_run(s->db, err, "UPDATE duplicate SET at=-at-1 WHERE record=?1 AND at<0", "i", e->id);
	if (rc == AIC_OK)
		rc = aic_sql_run(s->db, err, "UPDATE receipt_conflict SET body=x'' WHERE cluster=?1 AND job=?2 AND restart=?3", "tii", e->cluster, e->job,
		                 e->restart);
	return rc == AIC_OK ? aic_sql_run(s->db, err, "UPDATE receipt SET uid=0 WHERE job=?1 AND restart=?2 AND cluster=?3", "iit", e->job,
	                                  e->restart, e->cluster) : rc;
}

static aic_code erase_record(const aic_batches *b, int64_t id, int64_t now, aic_error *err)
{
	aic_store *s = b->store;
	erasing e = {.body = {0}};
	aic_code rc = read_record(s, id, &e, err);

	if (rc == AIC_OK)
		rc = keep_leaves(b, &e, err);
	if (rc == AIC_OK)
		rc = aic_usage_count(s->usage, s->db, id, false, err);
	if (rc == AIC_OK)
		rc = aic_sql_run(s->db, err, "UPDATE record SET user=?2, body=?3, erased=?4 WHERE id=?1", "itbi", id, AIC_ERASED, e.body.data,
		                 e.body.len, now);
	if (rc == AIC_OK)
		rc = aic_usage_count(s->usage, s->db, id, true, err);
	if (rc == AIC_OK)
		rc = erase_aside(s, &e, err);
	aic_bytes_free(&e.body);
	return rc;
}

/* --- which --- */

#define WINDOW 4096 /* records between two looks at the clock */
#define SETTLED "(?1 OR NOT EXISTS(SELECT 1 FROM line l LEFT JOIN batch b ON b.id=l.batch WHERE l.id BETWEEN r.first_line AND" \
                " r.last_line AND (b.state IS NULL OR b.state<3)))"

typedef struct {
	size_t n, cap;
	int64_t *id;
	uint64_t waiting;
} found;

/* Rows of id and whether it is settled. */
static aic_code take_found(aic_store *s, found *f, sqlite3_stmt *st, aic_code rc, aic_error *err)
{
	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		if (!sqlite3_column_int(st, 1)) {
			f->waiting++;
			continue;
		}
		if (f->n == f->cap) {
			f->cap = f->cap ? 2 * f->cap : 64;
			f->id = aic_xrealloc(f->id, f->cap * sizeof(*f->id));
		}
		f->id[f->n++] = sqlite3_column_int64(st, 0);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static aic_code erase_found(const aic_batches *b, found *f, aic_code rc, int64_t now, aic_error *err)
{
	for (size_t i = 0; i < f->n && rc == AIC_OK; i++)
		rc = erase_record(b, f->id[i], now, err);
	free(f->id);
	return rc;
}

static aic_code erase_window(const aic_batches *b, aic_erase_pass *p, int64_t now, aic_error *err)
{
	found f = {0};
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(b->store->db, &st, err, "SELECT r.id, " SETTLED " FROM record r WHERE r.id>?2 AND r.id<=?3 AND r.user=?4", "iiit",
	                            (int64_t)!b->config->enforce, p->after, p->after + WINDOW, p->user);

	rc = take_found(b->store, &f, st, rc, err);
	rc = erase_found(b, &f, rc, now, err);
	p->erased += f.n;
	p->waiting += f.waiting;
	p->after += WINDOW;
	return rc;
}

static aic_code windows(const aic_batches *b, aic_erase_pass *p, int64_t now, int64_t until, bool *done, aic_error *err)
{
	int64_t last = 0;
	aic_code rc = aic_sql_int(b->store->db, &last, err, "SELECT coalesce(max(id), 0) FROM record", "");

	do {
		if (rc == AIC_OK && p->after < last)
			rc = erase_window(b, p, now, err);
	} while (rc == AIC_OK && p->after < last && aic_monotonic_ms() < until);
	*done = rc == AIC_OK && p->after >= last;
	if (*done && !p->waiting)
		rc = aic_sql_run(b->store->db, err, "DELETE FROM erasure WHERE user=?1", "t", p->user);
	return rc;
}

/* --- in transactions --- */

static aic_code step_inside(const aic_batches *b, aic_erase_pass *p, uid_t by, int64_t now, int64_t until, bool *done, aic_error *err)
{
	aic_code rc = p->after ? AIC_OK : aic_sql_run(b->store->db, err, "INSERT OR IGNORE INTO erasure(user, at, uid) VALUES(?1, ?2, ?3)", "tii",
	                                              p->user, now, (int64_t)by);

	if (rc == AIC_OK)
		rc = windows(b, p, now, until, done, err);
	return rc == AIC_OK && *done ? aic_audit_add(b->store, by, now, err, "erased what names one user in %llu records, %llu are not settled yet",
	                                             (unsigned long long)p->erased, (unsigned long long)p->waiting) : rc;
}

aic_code aic_erase_step(const aic_batches *b, aic_erase_pass *p, uid_t by, int64_t now, int64_t until, bool *done, aic_error *err)
{
	aic_erase_pass next = *p;
	aic_code rc;

	*done = false;
	if (!p->user[0] || !strcmp(p->user, AIC_ERASED))
		return aic_fail(err, AIC_USAGE, "whose records? Give the user's name");
	rc = aic_store_begin(b->store, err);
	if (rc != AIC_OK)
		return rc;
	rc = step_inside(b, &next, by, now, until, done, err);
	if (rc == AIC_OK)
		rc = aic_store_commit(b->store, err);
	else
		aic_store_rollback(b->store);
	if (rc == AIC_OK)
		*p = next;
	return rc;
}

/* The user whose turn it is; users_done where there is none. */
static aic_code next_user(const aic_batches *b, aic_erase_round *r, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(b->store->db, &st, err, "SELECT user FROM erasure WHERE user>?1 ORDER BY user LIMIT 1", "t", r->last);

	if (rc == AIC_OK && (rc = aic_sql_step(b->store->db, st, err)) == AIC_OK) {
		r->pass = (aic_erase_pass){.after = 0};
		aic_str_copy(r->pass.user, sizeof(r->pass.user), aic_sql_text(st, 0));
		aic_sql_done(st);
	}
	r->users_done = rc == AIC_NOT_FOUND;
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static aic_code users(const aic_batches *b, aic_erase_round *r, int64_t now, int64_t until, aic_error *err)
{
	bool ended = false;
	aic_code rc = r->pass.user[0] ? AIC_OK : next_user(b, r, err);

	if (rc != AIC_OK || r->users_done)
		return rc;
	rc = windows(b, &r->pass, now, until, &ended, err);
	if (rc != AIC_OK || !ended)
		return rc;
	if (r->pass.erased)
		rc = aic_audit_add(b->store, b->config->uid, now, err, "erased what names a person in %llu records that were due",
		                   (unsigned long long)r->pass.erased);
	aic_str_copy(r->last, sizeof(r->last), r->pass.user);
	r->pass.user[0] = '\0';
	return rc;
}

/* The day's records that ended before `expired`, some thousand of them; the next day once none is left. */
static aic_code day(const aic_batches *b, aic_erase_round *r, int64_t expired, int64_t now, aic_error *err)
{
	found f = {0};
	sqlite3_stmt *st;
	int64_t end = (r->day + 1) * AIC_DAY;
	aic_code rc = aic_sql_start(b->store->db, &st, err, "SELECT r.id, 1 FROM record r WHERE r.ended>=?2 AND r.ended<?3 AND r.erased IS NULL AND "
	                            SETTLED " LIMIT ?4", "iiii", (int64_t)!b->config->enforce, r->day * AIC_DAY, end < expired ? end : expired,
	                            (int64_t)WINDOW);

	rc = take_found(b->store, &f, st, rc, err);
	rc = erase_found(b, &f, rc, now, err);
	r->erased += f.n;
	r->day += f.n < WINDOW;
	return rc;
}

static aic_code days(const aic_batches *b, aic_erase_round *r, int64_t expired, int64_t now, int64_t until, bool *done, aic_error *err)
{
	int64_t first = 0;
	aic_code rc = r->day ? AIC_OK : aic_sql_int(b->store->db, &first, err, "SELECT coalesce(min(ended), 0) FROM record WHERE ended>0", "");

	if (!r->day)
		r->day = first / AIC_DAY;
	while (rc == AIC_OK && r->day * AIC_DAY < expired && !*done) {
		rc = day(b, r, expired, now, err);
		if (aic_monotonic_ms() >= until)
			break;
	}
	*done = rc == AIC_OK && r->day * AIC_DAY >= expired;
	return rc == AIC_OK && *done && r->erased ? aic_audit_add(b->store, b->config->uid, now, err, "erased what names a person in %llu records"
	                                                          " that were due", (unsigned long long)r->erased) : rc;
}

aic_code aic_erase_due(const aic_batches *b, aic_erase_round *r, int64_t expired, int64_t now, int64_t until, bool *done, aic_error *err)
{
	aic_erase_round next = *r;
	aic_code rc = aic_store_begin(b->store, err);

	*done = false;
	if (rc != AIC_OK)
		return rc;
	do
		rc = next.users_done ? days(b, &next, expired, now, until, done, err) : users(b, &next, now, until, err);
	while (rc == AIC_OK && !*done && aic_monotonic_ms() < until);
	if (rc == AIC_OK)
		rc = aic_store_commit(b->store, err);
	else
		aic_store_rollback(b->store);
	if (rc == AIC_OK)
		*r = next;
	return rc;
}

/* --- proof --- */

static aic_code gather_posted(const aic_batches *b, const aic_batch *batch, aic_hash *root, uint64_t *lines, aic_error *err)
{
	int64_t first = 0, last = 0;
	bool done = false;
	aic_code rc = aic_sql_int(b->store->db, &first, err, "SELECT first_line FROM batch WHERE id=?1", "i", batch->id);

	if (rc == AIC_OK)
		rc = aic_sql_int(b->store->db, &last, err, "SELECT last_line FROM batch WHERE id=?1", "i", batch->id);
	if (rc != AIC_OK)
		return rc;
	aic_gathered *g = aic_gather_new(b, batch->id, first, last, batch->fee_ppm);
	aic_gather_as_posted(g);
	while (rc == AIC_OK && !done)
		rc = aic_gather_step(g, aic_monotonic_ms() + SLICE_MS, &done, err);
	*root = aic_gathered_evidence(g);
	*lines = aic_gathered_lines(g);
	aic_gather_free(g);
	return rc;
}

aic_code aic_batch_verify(const aic_batches *b, const aic_batch *batch, uint64_t *lines, uint64_t *erased, aic_error *err)
{
	char was[65], is[65];
	int64_t leaves = 0;
	aic_hash root;
	aic_code rc;

	if (batch->state < AIC_BATCH_POSTED)
		return aic_fail(err, AIC_REFUSED, "batch %s/%llu is not posted: its evidence may still change", batch->period,
		                (unsigned long long)batch->number);
	rc = gather_posted(b, batch, &root, lines, err);
	if (rc == AIC_OK)
		rc = aic_sql_int(b->store->db, &leaves, err, "SELECT count(*) FROM taken_line WHERE batch=?1 AND leaf IS NOT NULL", "i", batch->id);
	*erased = (uint64_t)leaves;
	if (rc != AIC_OK || aic_hash_equal(&root, &batch->evidence))
		return rc;
	aic_hash_hex(was, &batch->evidence);
	aic_hash_hex(is, &root);
	return aic_fail(err, AIC_CORRUPT, "batch %s/%llu was posted with the evidence %.16s..., its lines give %.16s... now: accounting.db was"
	                                  " changed, restore it from a backup", batch->period, (unsigned long long)batch->number, was, is);
}
