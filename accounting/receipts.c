#include "accounting/receipts.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/time.h"

static aic_code check_node_key(aic_store *s, const aic_receipt_batch *b, int64_t now, aic_error *err)
{
	sqlite3_stmt *st;
	bool same;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT key FROM node_key WHERE node=?1", "t", b->node);

	if (rc == AIC_OK)
		rc = aic_sql_step(s->db, st, err);
	if (rc == AIC_NOT_FOUND) {
		char hex[2 * AIC_PUBLIC_LEN + 1];
		aic_hex(hex, b->public_key, AIC_PUBLIC_LEN);
		aic_info("node %s signs with the key %s from now on", b->node, hex);
		return aic_sql_run(s->db, err, "INSERT INTO node_key(node, key, first) VALUES(?1, ?2, ?3)", "tbi", b->node, b->public_key,
		                   (size_t)AIC_PUBLIC_LEN, now);
	}
	if (rc != AIC_OK)
		return rc;
	same = sqlite3_column_bytes(st, 0) == AIC_PUBLIC_LEN && !memcmp(sqlite3_column_blob(st, 0), b->public_key, AIC_PUBLIC_LEN);
	aic_sql_done(st);
	if (same)
		return AIC_OK;
	return aic_fail(err, AIC_REFUSED, "node %s signs with another key than the one pinned for it: if the node was installed anew, an"
	                                  " administrator runs `aic doctor --forget-node %s`", b->node, b->node);
}

static void receipt_read(aic_receipt *r, sqlite3_stmt *st, int at)
{
	aic_str_copy(r->cluster, sizeof(r->cluster), aic_sql_text(st, at));
	r->job_id = (uint32_t)sqlite3_column_int64(st, at + 1);
	r->restart = (uint32_t)sqlite3_column_int64(st, at + 2);
	aic_str_copy(r->node, sizeof(r->node), aic_sql_text(st, at + 3));
	r->step_id = (uint32_t)sqlite3_column_int64(st, at + 4);
	r->uid = (uint32_t)sqlite3_column_int64(st, at + 5);
	r->start = sqlite3_column_int64(st, at + 6);
	r->end = sqlite3_column_int64(st, at + 7);
	r->cpus = aic_sql_uint_or_unknown(st, at + 8);
	r->cpu_ms = aic_sql_uint_or_unknown(st, at + 9);
	r->mem_peak_mib = aic_sql_uint_or_unknown(st, at + 10);
	r->gpus = aic_sql_uint_or_unknown(st, at + 11);
	r->gpu_ms = aic_sql_uint_or_unknown(st, at + 12);
	r->energy_mj = aic_sql_uint_or_unknown(st, at + 13);
	r->read_mib = aic_sql_uint_or_unknown(st, at + 14);
	r->determinism = (uint32_t)sqlite3_column_int64(st, at + 15);
}

#define COLUMNS "cluster, job, restart, node, step, uid, start, end, cpus, cpu_ms, mem_peak_mib, gpus, gpu_ms, energy_mj, read_mib," \
                " determinism"

static aic_code find_receipt(aic_store *s, const aic_receipt *key, aic_receipt *out, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT " COLUMNS " FROM receipt WHERE cluster=?1 AND job=?2 AND restart=?3"
	                                             " AND node=?4 AND step=?5", "tiiti", key->cluster, (int64_t)key->job_id,
	                            (int64_t)key->restart, key->node, (int64_t)key->step_id);

	if (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		memset(out, 0, sizeof(*out));
		receipt_read(out, st, 0);
		aic_sql_done(st);
	}
	return rc;
}

static aic_code insert_receipt(aic_store *s, const aic_receipt *r, int64_t now, aic_error *err)
{
	return aic_sql_run(s->db, err, "INSERT INTO receipt(" COLUMNS ", received) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11,"
	                               " ?12, ?13, ?14, ?15, ?16, ?17)", "tiitiiiiuuuuuuuii", r->cluster, (int64_t)r->job_id,
	                   (int64_t)r->restart, r->node, (int64_t)r->step_id, (int64_t)r->uid, r->start, r->end, r->cpus, r->cpu_ms,
	                   r->mem_peak_mib, r->gpus, r->gpu_ms, r->energy_mj, r->read_mib, (int64_t)r->determinism, now);
}

aic_code aic_receipt_take(aic_store *s, const aic_receipt *r, int64_t now, aic_receipts_count *count, aic_error *err)
{
	aic_receipt stored;
	aic_bytes a = {0}, b = {0};
	aic_code rc = find_receipt(s, r, &stored, err);

	if (rc == AIC_NOT_FOUND) {
		count->accepted++;
		return insert_receipt(s, r, now, err);
	}
	if (rc != AIC_OK)
		return rc;
	count->duplicates++;
	aic_receipt_encode(&a, r);
	aic_receipt_encode(&b, &stored);
	if (a.len != b.len || memcmp(a.data, b.data, a.len)) {
		aic_hash hash = aic_sha256_of(a.data, a.len);
		count->conflicts++;
		aic_warn("node %s: receipt of %s.%u.%u step %u contradicts the one that came before; kept aside", r->node, r->cluster,
		         r->job_id, r->restart, r->step_id);
		rc = aic_sql_run(s->db, err, "INSERT OR IGNORE INTO receipt_conflict(cluster, job, restart, node, step, hash, body, at)"
		                             " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", "tiitihbi", r->cluster, (int64_t)r->job_id,
		                 (int64_t)r->restart, r->node, (int64_t)r->step_id, &hash, a.data, a.len, now);
	}
	aic_bytes_free(&a);
	aic_bytes_free(&b);
	return rc;
}

static aic_code sane(const aic_receipt *r, aic_error *err)
{
	const uint64_t v[] = {r->cpus, r->cpu_ms, r->mem_peak_mib, r->gpus, r->gpu_ms, r->energy_mj, r->read_mib};

	if (r->end < r->start)
		return aic_fail(err, AIC_CORRUPT, "receipt of job %u on %s ends before it starts", r->job_id, r->node);
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		if (v[i] != AIC_UNKNOWN && v[i] > INT64_MAX / 1000000)
			return aic_fail(err, AIC_CORRUPT, "receipt of job %u on %s has an impossible figure, %llu", r->job_id, r->node,
			                (unsigned long long)v[i]);
	return AIC_OK;
}

aic_code aic_receipts_ingest(aic_store *s, const void *data, size_t len, int64_t now, aic_receipts_count *count, aic_error *err)
{
	aic_receipt_batch b = {0};
	aic_code rc = aic_receipt_batch_decode(&b, data, len, err);

	memset(count, 0, sizeof(*count));
	for (size_t i = 0; i < b.n && rc == AIC_OK; i++)
		rc = sane(&b.receipt[i], err);
	if (rc == AIC_OK)
		rc = aic_store_begin(s, err);
	if (rc != AIC_OK) {
		aic_receipt_batch_clear(&b);
		return rc;
	}
	rc = check_node_key(s, &b, now, err);
	for (size_t i = 0; i < b.n && rc == AIC_OK; i++)
		rc = aic_receipt_take(s, &b.receipt[i], now, count, err);
	if (rc == AIC_OK)
		rc = aic_store_commit(s, err);
	else
		aic_store_rollback(s);
	aic_receipt_batch_clear(&b);
	return rc;
}

aic_code aic_receipts_of_run(aic_store *s, const char *cluster, uint32_t job, uint32_t restart, aic_receipt **out, size_t *n,
                             aic_error *err)
{
	sqlite3_stmt *st;
	size_t cap = 0;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT " COLUMNS " FROM receipt WHERE cluster=?1 AND job=?2 AND restart=?3"
	                                             " ORDER BY node, step", "tii", cluster, (int64_t)job, (int64_t)restart);

	*out = NULL;
	*n = 0;
	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		if (*n == cap) {
			cap = cap ? 2 * cap : 8;
			*out = aic_xrealloc(*out, cap * sizeof(**out));
		}
		memset(&(*out)[*n], 0, sizeof(**out));
		receipt_read(&(*out)[(*n)++], st, 0);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}
