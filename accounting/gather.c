#include "accounting/gather.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/charge.h"
#include "accounting/storage.h"

#define LOOK_EVERY 256 /* jobs between two looks at the clock */

typedef struct {
	int64_t id, nth, payer, payee, segment, billable; /* nth: of the record among its job's */
	uint32_t restart;
	bool resizing;
	uint64_t state_ppm, penalty;
	aic_line_kind kind;
	aic_amount gross;
	aic_quality quality;
	aic_hash record;
	bool erased;             /* its record is: leaf is what it was */
	aic_hash leaf;
	char node[AIC_NAME_LEN], asset[AIC_NAME_LEN], act[256];
} gathered_line;

typedef struct {
	char name[AIC_NAME_LEN];
	int64_t first, last; /* job ids among the batch's lines */
} cluster;

struct aic_gathered {
	const aic_batches *b;
	int64_t batch;
	uint64_t fee_ppm;
	aic_tally tally;
	aic_frontier tree;
	aic_organisations organisations;
	aic_hmac *salt;
	aic_bytes leaf;
	uint64_t lines;
	bool as_posted;
	/* to prove one line: the hash of every leaf, and this line's own */
	int64_t wanted;
	bool found, wanted_erased;
	uint64_t wanted_at;
	aic_bytes wanted_leaf, hashes;
	/* clusters by name; NULL before they are known */
	bool bounded;
	int64_t first, last;     /* lines */
	size_t n_clusters, at;   /* at: the one being walked through */
	cluster *cluster;
	/* the job at hand; walking goes on behind it */
	int64_t job, submit;
	size_t n, cap;
	gathered_line *line;
};

aic_gathered *aic_gather_new(const aic_batches *b, int64_t batch, int64_t first, int64_t last, uint64_t fee_ppm)
{
	aic_gathered *g = aic_xcalloc(1, sizeof(*g));

	g->b = b;
	g->batch = batch;
	g->fee_ppm = fee_ppm;
	g->first = first;
	g->last = last;
	g->salt = aic_hmac_new(b->key.b, sizeof(b->key.b));
	return g;
}

void aic_gather_free(aic_gathered *g)
{
	if (!g)
		return;
	aic_tally_clear(&g->tally);
	aic_organisations_clear(&g->organisations);
	aic_hmac_free(g->salt);
	aic_bytes_free(&g->leaf);
	aic_bytes_free(&g->wanted_leaf);
	aic_bytes_free(&g->hashes);
	free(g->cluster);
	free(g->line);
	free(g);
}

/* --- where the lines' jobs are --- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const cluster *)a)->name, ((const cluster *)b)->name);
}

static void widen(aic_gathered *g, const char *name, int64_t first, int64_t last)
{
	cluster *c = NULL;

	for (size_t i = 0; i < g->n_clusters && !c; i++)
		if (!strcmp(g->cluster[i].name, name))
			c = &g->cluster[i];
	if (!c) {
		g->cluster = aic_xrealloc(g->cluster, (g->n_clusters + 1) * sizeof(*g->cluster));
		c = &g->cluster[g->n_clusters++];
		*c = (cluster){.first = first, .last = last};
		aic_str_copy(c->name, sizeof(c->name), name);
	}
	c->first = first < c->first ? first : c->first;
	c->last = last > c->last ? last : c->last;
}

static aic_code widen_by(aic_gathered *g, sqlite3_stmt *st, aic_error *err)
{
	aic_code rc;

	while ((rc = aic_sql_step(g->b->store->db, st, err)) == AIC_OK)
		widen(g, aic_sql_text(st, 0), sqlite3_column_int64(st, 1), sqlite3_column_int64(st, 2));
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static aic_code find_bounds(aic_gathered *g, aic_error *err)
{
	aic_sql *db = g->b->store->db;
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(db, &st, err, "SELECT cluster, first, last FROM job_span WHERE block BETWEEN ?1 AND ?2", "ii",
	                            g->first / AIC_SPAN_LINES, g->last / AIC_SPAN_LINES);

	if (rc == AIC_OK)
		rc = widen_by(g, st, err);
	if (rc == AIC_OK)
		rc = aic_sql_start(db, &st, err, "SELECT r.cluster, r.job, r.job FROM late_line t CROSS JOIN line l ON l.id=t.id CROSS JOIN"
		                   " record r ON r.id=l.record WHERE l.batch=?1", "i", g->batch);
	if (rc == AIC_OK)
		rc = widen_by(g, st, err);
	if (rc != AIC_OK)
		return rc;
	g->bounded = true;
	if (g->n_clusters) {
		qsort(g->cluster, g->n_clusters, sizeof(*g->cluster), by_name);
		g->job = g->cluster[0].first - 1;
	}
	return AIC_OK;
}

/* --- one job --- */

static int by_key(const void *a, const void *b)
{
	const gathered_line *x = a, *y = b;
	int order;

	if (x->restart != y->restart)
		return x->restart < y->restart ? -1 : 1;
	if (x->segment != y->segment)
		return x->segment < y->segment ? -1 : 1;
	if (x->resizing != y->resizing)
		return x->resizing ? 1 : -1;
	order = strcmp(x->node, y->node);
	if (!order)
		order = (int)x->kind - (int)y->kind;
	return order ? order : strcmp(x->asset, y->asset);
}

static aic_hash leaf_of(aic_gathered *g, const gathered_line *l, aic_amount fee)
{
	const aic_store *s = g->b->store;
	aic_evidence_line e = {
		.cluster = g->at < g->n_clusters ? g->cluster[g->at].name : "", .job = (uint32_t)g->job, .restart = l->restart, .submit = g->submit, .segment = l->segment,
		.resizing = l->resizing, .node = l->node, .asset = l->asset, .payer = aic_store_wallet_by_id(s, l->payer)->name,
		.payee = aic_store_wallet_by_id(s, l->payee)->name, .kind = l->kind, .gross = l->gross, .fee = fee,
		.billable = l->billable, .state_ppm = l->state_ppm, .quality = l->quality, .act = l->act, .record = l->record,
	};

	if (l->erased)
		return l->leaf;
	aic_bytes_clear(&g->leaf);
	aic_evidence_leaf(&g->leaf, g->salt, &e);
	return aic_merkle_leaf(g->leaf.data, g->leaf.len);
}

static void remember_leaf(aic_gathered *g, const gathered_line *l, const aic_hash *leaf)
{
	aic_bytes_append(&g->hashes, leaf->b, AIC_HASH_LEN);
	if (l->id != g->wanted)
		return;
	g->found = true;
	g->wanted_at = g->lines;
	g->wanted_erased = l->erased;
	if (!l->erased)
		aic_bytes_append(&g->wanted_leaf, g->leaf.data, g->leaf.len);
}

static void add_leaf(aic_gathered *g, const gathered_line *l, aic_amount fee)
{
	aic_hash leaf = leaf_of(g, l, fee);

	aic_frontier_add(&g->tree, &leaf);
	if (g->wanted)
		remember_leaf(g, l, &leaf);
	g->lines++;
}

static aic_code take_line(aic_gathered *g, gathered_line *l, aic_error *err)
{
	aic_amount fee = aic_fee_of(l->gross, g->fee_ppm);
	bool same;

	if (g->as_posted) {
		add_leaf(g, l, fee);
		return aic_tally_add(&g->tally, l->payer, l->payee, l->kind, l->gross, fee, &l->quality, err);
	}
	aic_code rc = aic_same_organisation(&g->organisations, g->b->store, g->b->config, l->payer, l->payee, &same, err);

	if (rc != AIC_OK)
		return rc;
	aic_quality q = aic_quality_counted(l->quality, l->gross > 0, same, l->penalty);
	bool changed = q.quality != l->quality.quality || q.reason != l->quality.reason || q.verified != l->quality.verified ||
	               q.useful != l->quality.useful;
	l->quality = q;
	rc = aic_tally_add(&g->tally, l->payer, l->payee, l->kind, l->gross, fee, &q, err);
	if (rc == AIC_OK && changed)
		rc = aic_sql_run(g->b->store->db, err, "UPDATE line SET verified=?2, useful=?3, quality=?4, quality_reason=?5"
		                 " WHERE id=?1", "iiiii", l->id, (int64_t)q.verified, (int64_t)q.useful, (int64_t)q.quality,
		                 (int64_t)q.reason);
	if (rc == AIC_OK)
		add_leaf(g, l, fee);
	return rc;
}

static aic_code take_job(aic_gathered *g, aic_error *err)
{
	aic_code rc = AIC_OK;

	if (g->n > 1)
		qsort(g->line, g->n, sizeof(*g->line), by_key);
	for (size_t i = 0; i < g->n && rc == AIC_OK; i++)
		rc = take_line(g, &g->line[i], err);
	g->n = 0;
	return rc;
}

/* --- walking --- */

static gathered_line *next_line(aic_gathered *g)
{
	if (g->n == g->cap) {
		g->cap = g->cap ? 2 * g->cap : 16;
		g->line = aic_xrealloc(g->line, g->cap * sizeof(*g->line));
	}
	return &g->line[g->n++];
}

static void read_line(gathered_line *l, const gathered_line *before, sqlite3_stmt *st)
{
	l->nth = sqlite3_column_int64(st, 8);
	l->id = sqlite3_column_int64(st, 9);
	l->restart = (uint32_t)sqlite3_column_int64(st, 2);
	l->segment = sqlite3_column_int64(st, 3);
	l->resizing = sqlite3_column_int(st, 4);
	l->billable = sqlite3_column_int64(st, 5);
	l->state_ppm = (uint64_t)sqlite3_column_int64(st, 6);
	l->penalty = (uint64_t)sqlite3_column_int64(st, 21);
	l->kind = (aic_line_kind)sqlite3_column_int(st, 10);
	l->payer = sqlite3_column_int64(st, 11);
	l->payee = sqlite3_column_int64(st, 12);
	l->quality = (aic_quality){.verified = (uint64_t)sqlite3_column_int64(st, 13),
	                           .useful = (uint64_t)sqlite3_column_int64(st, 14),
	                           .quality = (uint64_t)sqlite3_column_int64(st, 15),
	                           .reason = (aic_quality_reason)sqlite3_column_int(st, 16)};
	aic_str_copy(l->node, sizeof(l->node), aic_sql_text(st, 17));
	aic_str_copy(l->asset, sizeof(l->asset), aic_sql_text(st, 18));
	l->gross = aic_sql_amount(st, 19);
	aic_str_copy(l->act, sizeof(l->act), aic_sql_text(st, 20));
	l->erased = sqlite3_column_bytes(st, 22) == AIC_HASH_LEN;
	if (l->erased)
		memcpy(l->leaf.b, sqlite3_column_blob(st, 22), AIC_HASH_LEN);
	l->record = before && before->nth == l->nth ? before->record
	                                         : aic_sha256_of(sqlite3_column_blob(st, 7),
	                                                         (size_t)sqlite3_column_bytes(st, 7));
}

#define LINE "SELECT r.job, r.submit, r.restart, r.segment, r.resizing, r.billable, r.state_ppm, r.body, r.nth, l.id," \
             " l.kind, l.payer, l.payee, l.verified, l.useful, l.quality, l.quality_reason, l.node, l.asset, l.gross, l.act," \
             " l.penalty, l.leaf"
/* By nth, too, as the index has it; asked for, SQLite would sort each job's rows, bodies and all. */
#define WALK LINE " FROM record r INDEXED BY record_key CROSS JOIN line l ON l.id BETWEEN r.first_line AND r.last_line" \
             " WHERE r.cluster=?1 AND r.job BETWEEN ?2 AND ?3 AND (r.job>?2 OR r.submit>?4) AND +l.batch=?5" \
             " ORDER BY r.job, r.submit"

/* The cluster at hand from behind the job at hand; *left where the time was up before its end. */
static aic_code walk(aic_gathered *g, int64_t until, bool *left, aic_error *err)
{
	const cluster *c = &g->cluster[g->at];
	sqlite3_stmt *st;
	size_t jobs = 0;
	aic_code rc = aic_sql_start(g->b->store->db, &st, err, WALK, "tiiii", c->name, g->job, c->last, g->submit,
	                            g->batch);

	*left = false;
	while (rc == AIC_OK && (rc = aic_sql_step(g->b->store->db, st, err)) == AIC_OK) {
		int64_t job = sqlite3_column_int64(st, 0), submit = sqlite3_column_int64(st, 1);
		if (job != g->job || submit != g->submit) {
			rc = take_job(g, err);
			if (rc == AIC_OK && ++jobs % LOOK_EVERY == 0 && aic_monotonic_ms() >= until)
				*left = true;
			if (rc != AIC_OK || *left) {
				aic_sql_done(st);
				return rc;
			}
			g->job = job;
			g->submit = submit;
		}
		gathered_line *l = next_line(g);
		read_line(l, g->n > 1 ? l - 1 : NULL, st);
	}
	return rc == AIC_NOT_FOUND ? take_job(g, err) : rc;
}

/* Held bytes stand behind the jobs, under no cluster; doc/formats/batch.md. */
static aic_code take_storage(aic_gathered *g, aic_error *err)
{
	aic_storage_line *all;
	size_t n;
	aic_code rc = aic_storage_lines(g->b->store, g->batch, 0, &all, &n, err);

	for (size_t i = 0; i < n && rc == AIC_OK; i++) {
		gathered_line l = {.id = all[i].id, .payer = all[i].payer, .payee = all[i].payee, .segment = all[i].end,
		                   .state_ppm = AIC_PPM, .kind = AIC_KIND_STORAGE, .gross = all[i].gross,
		                   .quality = all[i].quality, .record = all[i].evidence};
		aic_str_copy(l.asset, sizeof(l.asset), all[i].asset);
		aic_str_copy(l.act, sizeof(l.act), all[i].act);
		g->job = 0;
		g->submit = all[i].start;
		rc = take_line(g, &l, err);
	}
	free(all);
	return rc;
}

aic_code aic_gather_step(aic_gathered *g, int64_t until, bool *done, aic_error *err)
{
	bool left = false;
	aic_code rc = g->bounded ? AIC_OK : find_bounds(g, err);

	*done = false;
	if (rc != AIC_OK)
		return rc;
	while (g->at < g->n_clusters) {
		rc = walk(g, until, &left, err);
		if (rc != AIC_OK || left)
			return rc;
		if (++g->at < g->n_clusters)
			g->job = g->cluster[g->at].first - 1;
	}
	rc = take_storage(g, err);
	if (rc == AIC_OK)
		aic_tally_finish(&g->tally, g->b->store);
	*done = rc == AIC_OK;
	return rc;
}

void aic_gather_as_posted(aic_gathered *g)
{
	g->as_posted = true;
}

void aic_gather_remember(aic_gathered *g, int64_t line)
{
	g->wanted = line;
}

aic_code aic_gather_path(aic_gathered *g, aic_bytes *leaf, uint64_t *index, aic_hash path[64], size_t *steps, aic_error *err)
{
	if (!g->found)
		return aic_fail(err, AIC_CORRUPT, "line %lld is not among its batch's lines: restore accounting.db", (long long)g->wanted);
	if (g->wanted_erased)
		return aic_fail(err, AIC_REFUSED, "the record of line %lld was erased: the hash of its leaf is kept, what it said is not",
		                (long long)g->wanted);
	*index = g->wanted_at;
	aic_bytes_append(leaf, g->wanted_leaf.data, g->wanted_leaf.len);
	*steps = aic_merkle_prove(path, (const aic_hash *)(const void *)g->hashes.data, g->lines, g->wanted_at);
	return AIC_OK;
}

aic_code aic_gather_leaf(const aic_batches *b, int64_t line, aic_hash *leaf, aic_error *err)
{
	gathered_line l = {0};
	cluster c = {.first = 0};
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(b->store->db, &st, err, LINE ", r.cluster, b.fee_ppm FROM line l JOIN record r ON"
	                            " r.id=l.record JOIN batch b ON b.id=l.batch WHERE l.id=?1", "i", line);

	if (rc == AIC_OK)
		rc = aic_sql_step(b->store->db, st, err);
	if (rc != AIC_OK)
		return rc == AIC_NOT_FOUND ? aic_fail(err, AIC_CORRUPT, "line %lld has no record or no batch",
		                                      (long long)line) : rc;
	aic_gathered *g = aic_gather_new(b, 0, 0, 0, (uint64_t)sqlite3_column_int64(st, 24));
	aic_str_copy(c.name, sizeof(c.name), aic_sql_text(st, 23));
	g->cluster = aic_xcalloc(1, sizeof(c));
	g->cluster[0] = c;
	g->n_clusters = 1;
	g->job = sqlite3_column_int64(st, 0);
	g->submit = sqlite3_column_int64(st, 1);
	read_line(&l, NULL, st);
	aic_sql_done(st);
	*leaf = leaf_of(g, &l, aic_fee_of(l.gross, g->fee_ppm));
	aic_gather_free(g);
	return AIC_OK;
}

aic_tally *aic_gathered_tally(aic_gathered *g)
{
	return &g->tally;
}

aic_hash aic_gathered_evidence(const aic_gathered *g)
{
	return aic_frontier_root(&g->tree);
}

uint64_t aic_gathered_lines(const aic_gathered *g)
{
	return g->lines;
}

aic_organisations *aic_gathered_organisations(aic_gathered *g)
{
	return &g->organisations;
}
