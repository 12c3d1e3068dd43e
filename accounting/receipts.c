#include "accounting/receipts.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/time.h"

#define CLOCKS_APART 300 /* seconds between a node and slurmctld; MUNGE bears no more */

/* What a rating asks for, and the rest. */
#define RATED "node, step, start, end, cpu_ms, gpu_ms"
#define COLUMNS RATED ", cluster, job, restart, uid, cpus, mem_peak_mib, gpus, energy_mj, read_mib, determinism, gpu_samples," \
                " sm_ppm, sm_sd_ppm, tensor_ppm, tensor_sd_ppm"

static void rated_read(aic_receipt *r, sqlite3_stmt *st)
{
	aic_str_copy(r->node, sizeof(r->node), aic_sql_text(st, 0));
	r->step_id = (uint32_t)sqlite3_column_int64(st, 1);
	r->start = sqlite3_column_int64(st, 2);
	r->end = sqlite3_column_int64(st, 3);
	r->cpu_ms = aic_sql_uint_or_unknown(st, 4);
	r->gpu_ms = aic_sql_uint_or_unknown(st, 5);
}

static void receipt_read(aic_receipt *r, sqlite3_stmt *st)
{
	rated_read(r, st);
	aic_str_copy(r->cluster, sizeof(r->cluster), aic_sql_text(st, 6));
	r->job_id = (uint32_t)sqlite3_column_int64(st, 7);
	r->restart = (uint32_t)sqlite3_column_int64(st, 8);
	r->uid = (uint32_t)sqlite3_column_int64(st, 9);
	r->cpus = aic_sql_uint_or_unknown(st, 10);
	r->mem_peak_mib = aic_sql_uint_or_unknown(st, 11);
	r->gpus = aic_sql_uint_or_unknown(st, 12);
	r->energy_mj = aic_sql_uint_or_unknown(st, 13);
	r->read_mib = aic_sql_uint_or_unknown(st, 14);
	r->determinism = (uint32_t)sqlite3_column_int64(st, 15);
	r->activity.samples = (uint64_t)sqlite3_column_int64(st, 16);
	r->activity.sm_ppm = (uint32_t)sqlite3_column_int64(st, 17);
	r->activity.sm_sd_ppm = (uint32_t)sqlite3_column_int64(st, 18);
	r->activity.tensor_ppm = (uint32_t)sqlite3_column_int64(st, 19);
	r->activity.tensor_sd_ppm = (uint32_t)sqlite3_column_int64(st, 20);
}

static aic_code insert_receipt(aic_store *s, const aic_receipt *r, int64_t life, int64_t now, aic_error *err)
{
	const aic_gpu_activity *a = &r->activity;

	return aic_sql_run(s->db, err, "INSERT OR IGNORE INTO receipt(" COLUMNS ", received, life) VALUES(?1, ?2, ?3, ?4,"
	                   " ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23)", "tiiiuutiiiuuuuuiiiiiiii",
	                   r->node, (int64_t)r->step_id, r->start, r->end, r->cpu_ms, r->gpu_ms, r->cluster,
	                   (int64_t)r->job_id, (int64_t)r->restart, (int64_t)r->uid, r->cpus, r->mem_peak_mib, r->gpus,
	                   r->energy_mj, r->read_mib, (int64_t)r->determinism, (int64_t)a->samples, (int64_t)a->sm_ppm, (int64_t)a->sm_sd_ppm,
	                   (int64_t)a->tensor_ppm, (int64_t)a->tensor_sd_ppm, now, life);
}

/* Whether a receipt of the key is there that is the same (equal) or touches its time; else *lives is the number of those kept. */
static aic_code find_touching(aic_store *s, const aic_receipt *r, bool *equal, int64_t *lives, aic_error *err)
{
	sqlite3_stmt *st;
	aic_bytes a = {0}, b = {0};
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT " COLUMNS " FROM receipt WHERE job=?1 AND restart=?2 AND"
	                            " cluster=?3 AND node=?4 AND step=?5 ORDER BY life", "iitti", (int64_t)r->job_id,
	                            (int64_t)r->restart, r->cluster, r->node, (int64_t)r->step_id);

	*lives = 0;
	aic_receipt_encode(&a, r);
	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		aic_receipt stored = {0};
		receipt_read(&stored, st);
		aic_bytes_clear(&b);
		aic_receipt_encode(&b, &stored);
		++*lives;
		*equal = a.len == b.len && !memcmp(a.data, b.data, a.len);
		if (*equal || (r->start <= stored.end && r->end >= stored.start)) {
			aic_sql_done(st);
			break;
		}
	}
	aic_bytes_free(&a);
	aic_bytes_free(&b);
	return rc;
}

static aic_code keep_aside(aic_store *s, const aic_receipt *r, int64_t now, aic_error *err)
{
	aic_bytes body = {0};

	aic_receipt_encode(&body, r);
	aic_hash hash = aic_sha256_of(body.data, body.len);
	aic_warn("node %s: receipt of %s.%u.%u step %u contradicts the one that came before; kept aside", r->node,
	         r->cluster, r->job_id, r->restart, r->step_id);
	aic_code rc = aic_sql_run(s->db, err, "INSERT OR IGNORE INTO receipt_conflict(cluster, job, restart, node, step,"
	                          " hash, body, at) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", "tiitihbi", r->cluster,
	                          (int64_t)r->job_id, (int64_t)r->restart, r->node, (int64_t)r->step_id, &hash, body.data,
	                          body.len, now);
	aic_bytes_free(&body);
	return rc;
}

aic_code aic_receipt_take(aic_store *s, const aic_receipt *r, int64_t now, aic_receipts_count *count, aic_error *err)
{
	bool equal = false;
	int64_t lives;
	aic_code rc = insert_receipt(s, r, 0, now, err);

	if (rc != AIC_OK)
		return rc;
	if (aic_sql_changes(s->db) == 0) {
		rc = find_touching(s, r, &equal, &lives, err);
		if (rc == AIC_OK) {
			count->duplicates++;
			count->conflicts += !equal;
			return equal ? AIC_OK : keep_aside(s, r, now, err);
		}
		if (rc == AIC_NOT_FOUND)
			rc = insert_receipt(s, r, lives, now, err);
	}
	count->accepted++;
	return rc;
}

/* Of two lives of one step that both touch the run, the one that started nearer to it. */
static bool is_nearer(const aic_receipt *a, const aic_receipt *b, int64_t started)
{
	uint64_t x = a->start < started ? (uint64_t)started - (uint64_t)a->start : (uint64_t)a->start - (uint64_t)started;
	uint64_t y = b->start < started ? (uint64_t)started - (uint64_t)b->start : (uint64_t)b->start - (uint64_t)started;

	return x != y ? x < y : a->start < b->start;
}

static bool same_step(const aic_receipt *a, const aic_receipt *b)
{
	return a->step_id == b->step_id && !strcmp(a->node, b->node);
}

#define OF_LIFE(columns) "SELECT " columns " FROM receipt WHERE job=?1 AND restart=?2 AND cluster=?3 AND start<=?4 AND end>=?5" \
                         " ORDER BY node, step, life"

aic_code aic_receipts_of_life(aic_store *s, const aic_rated_run *run, bool whole, aic_receipts *out, aic_error *err)
{
	int64_t to = run->ended < INT64_MAX - CLOCKS_APART ? run->ended + CLOCKS_APART : INT64_MAX;
	int64_t from = run->started > INT64_MIN + CLOCKS_APART ? run->started - CLOCKS_APART : INT64_MIN;
	sqlite3_stmt *st;
	aic_code rc = whole ? aic_sql_start(s->db, &st, err, OF_LIFE(COLUMNS), "iitii", (int64_t)run->job,
	                                    (int64_t)run->restart, run->cluster, to, from)
	                    : aic_sql_start(s->db, &st, err, OF_LIFE(RATED), "iitii", (int64_t)run->job,
	                                    (int64_t)run->restart, run->cluster, to, from);

	out->n = 0;
	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		if (out->n == out->cap) {
			out->cap = out->cap ? 2 * out->cap : 16;
			out->receipt = aic_xrealloc(out->receipt, out->cap * sizeof(*out->receipt));
		}
		aic_receipt *r = &out->receipt[out->n];
		(whole ? receipt_read : rated_read)(r, st);
		if (!out->n || !same_step(r, r - 1))
			out->n++;
		else if (is_nearer(r, r - 1, run->started))
			r[-1] = *r;
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}
