#include "accounting/erase.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/audit.h"
#include "accounting/gather.h"

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

#define SETTLED " AND (?2 OR NOT EXISTS(SELECT 1 FROM line l LEFT JOIN batch b ON b.id=l.batch WHERE l.id BETWEEN r.first_line AND" \
                " r.last_line AND (b.state IS NULL OR b.state<3)))"

/* Ids of at most `max` records that the statement finds. */
static aic_code find(aic_store *s, aic_error *err, int64_t **id, size_t *n, sqlite3_stmt *st, aic_code rc)
{
	size_t cap = 0;

	*id = NULL;
	*n = 0;
	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		if (*n == cap) {
			cap = cap ? 2 * cap : 64;
			*id = aic_xrealloc(*id, cap * sizeof(**id));
		}
		(*id)[(*n)++] = sqlite3_column_int64(st, 0);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static aic_code erase_all(const aic_batches *b, const int64_t *id, size_t n, int64_t now, aic_erased *out, aic_error *err)
{
	aic_code rc = AIC_OK;

	for (size_t i = 0; i < n && rc == AIC_OK; i++)
		rc = erase_record(b, id[i], now, err);
	if (rc == AIC_OK)
		out->erased += n;
	return rc;
}

static aic_code erase_of_user(const aic_batches *b, const char *user, int64_t now, uint64_t max, aic_erased *out, aic_error *err)
{
	aic_store *s = b->store;
	int64_t *id, left = 0;
	sqlite3_stmt *st;
	size_t n;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT r.id FROM record r WHERE r.user=?1" SETTLED " ORDER BY r.id LIMIT ?3", "tii", user,
	                            (int64_t)!b->config->enforce, (int64_t)max);

	rc = find(s, err, &id, &n, st, rc);
	if (rc == AIC_OK)
		rc = erase_all(b, id, n, now, out, err);
	free(id);
	if (rc == AIC_OK)
		rc = aic_sql_int(s->db, &left, err, "SELECT count(*) FROM record WHERE user=?1", "t", user);
	out->waiting += (uint64_t)left;
	if (rc == AIC_OK && !left)
		rc = aic_sql_run(s->db, err, "DELETE FROM erasure WHERE user=?1", "t", user);
	return rc;
}

static aic_code erase_expired(const aic_batches *b, int64_t expired, int64_t now, uint64_t max, aic_erased *out, aic_error *err)
{
	int64_t *id;
	sqlite3_stmt *st;
	size_t n;
	aic_code rc = aic_sql_start(b->store->db, &st, err, "SELECT r.id FROM record r WHERE r.ended<?1 AND r.erased IS NULL" SETTLED " LIMIT ?3",
	                            "iii", expired, (int64_t)!b->config->enforce, (int64_t)max);

	rc = find(b->store, err, &id, &n, st, rc);
	if (rc == AIC_OK)
		rc = erase_all(b, id, n, now, out, err);
	free(id);
	return rc;
}

/* --- in transactions --- */

static aic_code user_inside(const aic_batches *b, const char *user, uid_t by, int64_t now, uint64_t max, aic_erased *out, aic_error *err)
{
	aic_code rc = aic_sql_run(b->store->db, err, "INSERT OR IGNORE INTO erasure(user, at, uid) VALUES(?1, ?2, ?3)", "tii", user, now,
	                          (int64_t)by);

	if (rc == AIC_OK)
		rc = erase_of_user(b, user, now, max, out, err);
	return rc == AIC_OK ? aic_audit_add(b->store, by, now, err, "erased what names one user in %llu records, %llu are not settled yet",
	                                    (unsigned long long)out->erased, (unsigned long long)out->waiting) : rc;
}

aic_code aic_erase_user(const aic_batches *b, const char *user, uid_t by, int64_t now, uint64_t max, aic_erased *out, aic_error *err)
{
	aic_code rc;

	memset(out, 0, sizeof(*out));
	if (!user[0] || !strcmp(user, AIC_ERASED))
		return aic_fail(err, AIC_USAGE, "whose records? Give the user's name");
	rc = aic_store_begin(b->store, err);
	if (rc != AIC_OK)
		return rc;
	rc = user_inside(b, user, by, now, max, out, err);
	if (rc == AIC_OK)
		return aic_store_commit(b->store, err);
	aic_store_rollback(b->store);
	return rc;
}

static aic_code due_inside(const aic_batches *b, int64_t expired, int64_t now, uint64_t max, aic_erased *out, aic_error *err)
{
	char user[AIC_NAME_LEN] = "";
	aic_code rc = AIC_OK;

	while (rc == AIC_OK && out->erased < max) {
		sqlite3_stmt *st;
		rc = aic_sql_start(b->store->db, &st, err, "SELECT user FROM erasure WHERE user>?1 ORDER BY user LIMIT 1", "t", user);
		if (rc == AIC_OK && (rc = aic_sql_step(b->store->db, st, err)) == AIC_OK) {
			aic_str_copy(user, sizeof(user), aic_sql_text(st, 0));
			aic_sql_done(st);
			rc = erase_of_user(b, user, now, max - out->erased, out, err);
		}
	}
	if (rc == AIC_NOT_FOUND)
		rc = AIC_OK;
	if (rc == AIC_OK && expired && out->erased < max)
		rc = erase_expired(b, expired, now, max - out->erased, out, err);
	if (rc == AIC_OK && out->erased)
		rc = aic_audit_add(b->store, b->config->uid, now, err, "erased what names a person in %llu records that were due",
		                   (unsigned long long)out->erased);
	return rc;
}

aic_code aic_erase_due(const aic_batches *b, int64_t expired, int64_t now, uint64_t max, aic_erased *out, aic_error *err)
{
	aic_code rc = aic_store_begin(b->store, err);

	memset(out, 0, sizeof(*out));
	if (rc != AIC_OK)
		return rc;
	rc = due_inside(b, expired, now, max, out, err);
	if (rc == AIC_OK)
		return aic_store_commit(b->store, err);
	aic_store_rollback(b->store);
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
