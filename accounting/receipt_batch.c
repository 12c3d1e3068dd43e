/* receipt_batch.c: nodes' signed batches on their way to the table of receipts. A batch holds one node's receipts of many jobs, each
 * of which lands on another page of the table: put there one batch after the other, each page is written anew for nearly every
 * receipt. So a batch is checked and kept as it came, which is what its node is told, and what has gathered is sorted into the table
 * by run in one transaction, a second later at most. */
#include <stdlib.h>
#include <string.h>

#include "accounting/hello.h"
#include "accounting/receipts.h"
#include "common/log.h"

aic_code aic_node_key_pin(aic_store *s, const char *node, const uint8_t key[AIC_PUBLIC_LEN], int64_t now, aic_error *err)
{
	sqlite3_stmt *st;
	bool same;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT key FROM node_key WHERE node=?1", "t", node);

	if (rc == AIC_OK)
		rc = aic_sql_step(s->db, st, err);
	if (rc == AIC_NOT_FOUND) {
		char hex[2 * AIC_PUBLIC_LEN + 1];
		aic_hex(hex, key, AIC_PUBLIC_LEN);
		aic_info("node %s signs with the key %s from now on", node, hex);
		return aic_sql_run(s->db, err, "INSERT INTO node_key(node, key, first) VALUES(?1, ?2, ?3)", "tbi", node, key,
		                   (size_t)AIC_PUBLIC_LEN, now);
	}
	if (rc != AIC_OK)
		return rc;
	same = sqlite3_column_bytes(st, 0) == AIC_PUBLIC_LEN && !memcmp(sqlite3_column_blob(st, 0), key, AIC_PUBLIC_LEN);
	aic_sql_done(st);
	if (same)
		return AIC_OK;
	return aic_fail(err, AIC_REFUSED, "node %s signs with another key than the one pinned for it: if the node was"
	                " installed anew, an administrator runs `aic doctor --forget-node %s`", node, node);
}

static aic_code sane(const aic_receipt *r, aic_error *err)
{
	const uint64_t v[] = {r->cpus, r->cpu_ms, r->mem_peak_mib, r->gpus, r->gpu_ms, r->energy_mj, r->read_mib,
	                      r->activity.samples};

	if (r->end < r->start)
		return aic_fail(err, AIC_CORRUPT, "receipt of job %u on %s ends before it starts", r->job_id, r->node);
	for (size_t i = 0; i < sizeof(v) / sizeof(v[0]); i++)
		if (v[i] != AIC_UNKNOWN && v[i] > INT64_MAX / 1000000)
			return aic_fail(err, AIC_CORRUPT, "receipt of job %u on %s has an impossible figure, %llu", r->job_id,
			                r->node, (unsigned long long)v[i]);
	return AIC_OK;
}

/* --- in --- */

static aic_code check_batch(const aic_receipt_batch *b, aic_error *err)
{
	aic_code rc = AIC_OK;

	for (size_t i = 0; i < b->n && rc == AIC_OK; i++)
		rc = sane(&b->receipt[i], err);
	return rc;
}

static aic_code keep_batch(aic_store *s, const aic_receipt_batch *b, const void *data, size_t len, int64_t now,
                           aic_error *err)
{
	aic_code rc = aic_store_begin(s, err);

	if (rc != AIC_OK)
		return rc;
	rc = aic_node_key_pin(s, b->node, b->public_key, now, err);
	if (rc == AIC_OK && b->n)
		rc = aic_sql_run(s->db, err, "INSERT INTO receipt_batch(at, n, body) VALUES(?1, ?2, ?3)", "iib", now,
		                 (int64_t)b->n, data, len);
	if (rc != AIC_OK) {
		aic_store_rollback(s);
		return rc;
	}
	rc = aic_store_commit(s, err);
	if (rc == AIC_OK)
		s->waiting += b->n;
	return rc;
}

aic_code aic_receipts_keep(aic_store *s, const void *data, size_t len, int64_t now, size_t *n, aic_error *err)
{
	aic_receipt_batch b = {0};
	aic_code rc = aic_receipt_batch_decode(&b, data, len, err);

	if (rc == AIC_OK)
		rc = check_batch(&b, err);
	if (rc == AIC_OK)
		rc = keep_batch(s, &b, data, len, now, err);
	*n = rc == AIC_OK ? b.n : 0;
	aic_receipt_batch_clear(&b);
	return rc;
}

/* --- sorted in --- */

typedef struct {
	aic_receipt receipt;
	int64_t at;
	size_t nth;      /* as they came: of two that contradict each other the first counts */
} waiting;

typedef struct {
	size_t n, cap;
	waiting *all, **sorted;
	int64_t last;    /* the newest batch among them */
	bool more;
} gathered;

static int by_run(const void *a, const void *b)
{
	const aic_receipt *x = a, *y = b;

	if (x->job_id != y->job_id)
		return x->job_id < y->job_id ? -1 : 1;
	return x->restart != y->restart ? (x->restart < y->restart ? -1 : 1) : strcmp(x->cluster, y->cluster);
}

static int by_key(const void *a, const void *b)
{
	const waiting *x = *(waiting *const *)a, *y = *(waiting *const *)b;
	int order = by_run(&x->receipt, &y->receipt);

	if (!order)
		order = strcmp(x->receipt.node, y->receipt.node);
	if (!order && x->receipt.step_id != y->receipt.step_id)
		order = x->receipt.step_id < y->receipt.step_id ? -1 : 1;
	return order ? order : x->nth < y->nth ? -1 : 1;
}

static aic_code gather_batch(gathered *g, const void *data, size_t len, int64_t at, aic_error *err)
{
	aic_receipt_batch b = {0};
	aic_code rc = aic_receipt_batch_read(&b, data, len, err);

	if (rc != AIC_OK)
		return rc;
	if (g->n + b.n > g->cap) {
		g->cap = 2 * (g->n + b.n);
		g->all = aic_xrealloc(g->all, g->cap * sizeof(*g->all));
	}
	for (size_t i = 0; i < b.n; i++, g->n++)
		g->all[g->n] = (waiting){b.receipt[i], at, g->n};
	aic_receipt_batch_clear(&b);
	return AIC_OK;
}

static aic_code gather(gathered *g, aic_store *s, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT id, at, body FROM receipt_batch ORDER BY id", "");

	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		g->more = g->n >= AIC_RECEIPTS_AT_ONCE;
		if (!g->more) {
			g->last = sqlite3_column_int64(st, 0);
			rc = gather_batch(g, sqlite3_column_blob(st, 2), (size_t)sqlite3_column_bytes(st, 2),
			                  sqlite3_column_int64(st, 1), err);
		}
		if (g->more || rc != AIC_OK) {
			aic_sql_done(st);
			break;
		}
	}
	if (rc != AIC_OK && rc != AIC_NOT_FOUND)
		return rc;
	g->sorted = aic_xcalloc(g->n + 1, sizeof(*g->sorted));
	for (size_t i = 0; i < g->n; i++)
		g->sorted[i] = &g->all[i];
	qsort(g->sorted, g->n, sizeof(*g->sorted), by_key);
	return AIC_OK;
}

/* The receipts of one run, from `from` to before the return value in *to; the run is rated where something of it is new. */
static aic_code take_run(const gathered *g, aic_store *s, size_t from, size_t *to, aic_receipts_count *count,
                         aic_error *err)
{
	const aic_receipt *run = &g->sorted[from]->receipt;
	uint64_t before = count->accepted;
	aic_code rc = AIC_OK;
	size_t i = from;

	for (; i < g->n && !by_run(run, &g->sorted[i]->receipt) && rc == AIC_OK; i++)
		rc = aic_receipt_take(s, &g->sorted[i]->receipt, g->sorted[i]->at, count, err);
	*to = i;
	return rc == AIC_OK && count->accepted > before ? aic_rate_run(s, run->cluster, run->job_id, run->restart,
	                                                               err) : rc;
}

static aic_code sort_some(aic_store *s, bool *more, aic_receipts_count *count, aic_error *err)
{
	gathered g = {0};
	aic_code rc = gather(&g, s, err);

	for (size_t at = 0; at < g.n && rc == AIC_OK;)
		rc = take_run(&g, s, at, &at, count, err);
	if (rc == AIC_OK)
		rc = aic_sql_run(s->db, err, "DELETE FROM receipt_batch WHERE id<=?1", "i", g.last);
	*more = g.more;
	free(g.sorted);
	free(g.all);
	return rc;
}

aic_code aic_receipts_sort_in(aic_store *s, aic_receipts_count *count, aic_error *err)
{
	bool more = s->waiting > 0;
	aic_code rc = AIC_OK;

	memset(count, 0, sizeof(*count));
	while (more && rc == AIC_OK) {
		rc = aic_store_begin(s, err);
		if (rc != AIC_OK)
			return rc;
		AIC_FAILPOINT("sorting receipts in");
		rc = sort_some(s, &more, count, err);
		if (rc == AIC_OK)
			rc = aic_store_commit(s, err);
		else
			aic_store_rollback(s);
	}
	if (rc == AIC_OK)
		s->waiting = 0;
	return rc;
}

aic_code aic_receipts_ingest(aic_store *s, const void *data, size_t len, int64_t now, aic_receipts_count *count,
                             aic_error *err)
{
	size_t n;
	aic_code rc = aic_receipts_keep(s, data, len, now, &n, err);

	memset(count, 0, sizeof(*count));
	return rc == AIC_OK ? aic_receipts_sort_in(s, count, err) : rc;
}
