/* close.c: open lines -> rated lines -> sums, evidence, hash. Lines are taken in the order of their keys, so the same input in
 * any order of arrival gives the same bytes. */
#include <stdlib.h>
#include <string.h>

#include "accounting/audit.h"
#include "accounting/batch.h"
#include "accounting/charge.h"
#include "accounting/receipts.h"
#include "accounting/storage.h"
#include "common/cbor.h"
#include "ledger/merkle.h"

typedef struct {
	int64_t id, payer, payee;
	char node[AIC_NAME_LEN], asset[AIC_NAME_LEN];
	aic_line_kind kind;
	aic_amount gross;
	uint64_t cpus, gpus;
	uint64_t penalty;      /* ppm */
	bool open;             /* in no batch yet, and not held */
	char act[256];
} line;

typedef struct {
	int64_t id, submit, segment, start, end, billable;
	uint32_t job, restart;
	bool resizing, part_of_run;
	uint64_t state_ppm;
	char cluster[AIC_NAME_LEN];
	aic_hash hash;
	size_t n, cap;
	line *line;
	aic_receipt *receipt;
	size_t n_receipts;
	aic_rated_node *node;
	size_t n_nodes;
} rated_record;

typedef struct {
	const aic_batches *b;
	int64_t batch;           /* 0: a draft, nothing is written */
	int64_t only;            /* lines of this batch instead of the open ones; 0: open ones */
	int64_t end;
	uint64_t fee_ppm;
	aic_tally *tally;
	aic_frontier tree;
	uint64_t leaves;
	size_t n_organisations;
	char (*organisation)[AIC_NAME_LEN]; /* by wallet id - 1; "" not asked yet */
	aic_bytes leaf;
} closing;

static aic_code organisation_of(closing *c, int64_t wallet, const char **out, aic_error *err)
{
	aic_store *s = c->b->store;

	if (c->n_organisations < s->n_wallets) {
		c->organisation = aic_xrealloc(c->organisation, s->n_wallets * sizeof(*c->organisation));
		memset(c->organisation + c->n_organisations, 0, (s->n_wallets - c->n_organisations) * sizeof(*c->organisation));
		c->n_organisations = s->n_wallets;
	}
	*out = c->organisation[wallet - 1];
	if (**out)
		return AIC_OK;
	return aic_wallet_organisation(s, c->b->config, s->wallet[wallet - 1]->name, c->organisation[wallet - 1], err);
}

static aic_code load_lines(closing *c, rated_record *r, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(c->b->store->db, &st, err,
	                            "SELECT id, node, kind, asset, payer, payee, gross, cpus, gpus, batch, ended, held, act, penalty FROM line"
	                            " WHERE record=?1 ORDER BY node, kind, asset", "i", r->id);

	r->n = 0;
	while (rc == AIC_OK && (rc = aic_sql_step(c->b->store->db, st, err)) == AIC_OK) {
		if (r->n == r->cap) {
			r->cap = r->cap ? 2 * r->cap : 16;
			r->line = aic_xrealloc(r->line, r->cap * sizeof(*r->line));
			r->node = aic_xrealloc(r->node, r->cap * sizeof(*r->node));
		}
		line *l = &r->line[r->n++];
		l->id = sqlite3_column_int64(st, 0);
		aic_str_copy(l->node, sizeof(l->node), aic_sql_text(st, 1));
		l->kind = (aic_line_kind)sqlite3_column_int(st, 2);
		aic_str_copy(l->asset, sizeof(l->asset), aic_sql_text(st, 3));
		l->payer = sqlite3_column_int64(st, 4);
		l->payee = sqlite3_column_int64(st, 5);
		l->gross = aic_sql_amount(st, 6);
		l->cpus = (uint64_t)sqlite3_column_int64(st, 7);
		l->gpus = (uint64_t)sqlite3_column_int64(st, 8);
		int64_t batch = sqlite3_column_int64(st, 9); /* 0 for NULL */
		l->open = c->only ? batch == c->only : batch == 0 && sqlite3_column_int64(st, 10) < c->end && !sqlite3_column_int(st, 11);
		aic_str_copy(l->act, sizeof(l->act), aic_sql_text(st, 12));
		l->penalty = (uint64_t)sqlite3_column_int64(st, 13);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static void gather_nodes(rated_record *r)
{
	r->n_nodes = 0;
	for (size_t i = 0; i < r->n; i++) {
		const line *l = &r->line[i];
		if (l->kind == AIC_KIND_HARDWARE)
			r->node[r->n_nodes++] = (aic_rated_node){.start = r->start, .end = r->end, .billable = r->billable,
			                                         .part_of_run = r->part_of_run, .cpus = l->cpus, .gpus = l->gpus,
			                                         .node = l->node};
	}
}

static aic_code rate_line(closing *c, const rated_record *r, const line *l, aic_quality *q, aic_error *err)
{
	const char *payer, *payee;
	aic_code rc = organisation_of(c, l->payer, &payer, err);

	if (rc == AIC_OK)
		rc = organisation_of(c, l->payee, &payee, err);
	if (rc != AIC_OK)
		return rc;
	memset(q, 0, sizeof(*q));
	if (l->kind == AIC_KIND_HARDWARE) {
		for (size_t i = 0; i < r->n_nodes; i++)
			if (r->node[i].node == l->node)
				*q = aic_rate_node(&r->node[i], r->receipt, r->n_receipts);
	} else if (l->kind == AIC_KIND_STORAGE) {
		*q = aic_quality_of_storage();
	} else {
		*q = aic_rate_job(r->node, r->n_nodes, r->receipt, r->n_receipts);
	}
	if (!l->gross)
		*q = (aic_quality){.reason = AIC_QUALITY_NO_CHARGE};
	else if (!strcmp(payer, payee))
		*q = (aic_quality){.verified = q->verified, .useful = q->useful, .reason = AIC_QUALITY_SAME_ORGANISATION};
	aic_quality_penalize(q, l->penalty);
	return AIC_OK;
}

static void add_leaf(closing *c, const rated_record *r, const line *l, aic_amount fee, const aic_quality *q)
{
	aic_store *s = c->b->store;
	aic_evidence_line e = {
		.cluster = r->cluster, .job = r->job, .restart = r->restart, .submit = r->submit, .segment = r->segment,
		.resizing = r->resizing, .node = l->node, .asset = l->asset, .payer = aic_store_wallet_by_id(s, l->payer)->name,
		.payee = aic_store_wallet_by_id(s, l->payee)->name, .kind = l->kind, .gross = l->gross, .fee = fee,
		.billable = r->billable, .state_ppm = r->state_ppm, .quality = *q, .act = l->act, .record = r->hash,
	};
	aic_hash leaf;

	aic_bytes_clear(&c->leaf);
	aic_evidence_leaf(&c->leaf, &c->b->key, &e);
	leaf = aic_merkle_leaf(c->leaf.data, c->leaf.len);
	aic_frontier_add(&c->tree, &leaf);
	c->leaves++;
}

static aic_code take_line(closing *c, const rated_record *r, const line *l, aic_error *err)
{
	aic_amount fee = aic_fee_of(l->gross, c->fee_ppm);
	aic_quality q;
	aic_code rc = rate_line(c, r, l, &q, err);

	if (rc == AIC_OK)
		rc = aic_tally_add(c->tally, l->payer, l->payee, l->kind, l->gross, fee, &q, err);
	if (rc != AIC_OK)
		return rc;
	add_leaf(c, r, l, fee, &q);
	if (!c->batch)
		return AIC_OK;
	return aic_sql_run(c->b->store->db, err, "UPDATE line SET batch=?2, fee=?3, verified=?4, useful=?5, quality=?6,"
	                                         " quality_reason=?7 WHERE id=?1", "iiaiiii", l->id, c->batch, &fee,
	                   (int64_t)q.verified, (int64_t)q.useful, (int64_t)q.quality, (int64_t)q.reason);
}

static aic_code take_record(closing *c, rated_record *r, aic_error *err)
{
	aic_code rc = load_lines(c, r, err);

	if (rc == AIC_OK)
		rc = aic_receipts_of_run(c->b->store, r->cluster, r->job, r->restart, &r->receipt, &r->n_receipts, err);
	if (rc == AIC_OK)
		gather_nodes(r);
	for (size_t i = 0; i < r->n && rc == AIC_OK; i++)
		if (r->line[i].open)
			rc = take_line(c, r, &r->line[i], err);
	free(r->receipt);
	r->receipt = NULL;
	return rc;
}

static void read_record(rated_record *r, sqlite3_stmt *st)
{
	r->id = sqlite3_column_int64(st, 0);
	aic_str_copy(r->cluster, sizeof(r->cluster), aic_sql_text(st, 1));
	r->job = (uint32_t)sqlite3_column_int64(st, 2);
	r->submit = sqlite3_column_int64(st, 3);
	r->restart = (uint32_t)sqlite3_column_int64(st, 4);
	r->segment = sqlite3_column_int64(st, 5);
	r->resizing = sqlite3_column_int(st, 6);
	r->start = sqlite3_column_int64(st, 7);
	r->end = sqlite3_column_int64(st, 8);
	r->billable = sqlite3_column_int64(st, 9);
	r->state_ppm = (uint64_t)sqlite3_column_int64(st, 10);
	r->hash = aic_sha256_of(sqlite3_column_blob(st, 11), (size_t)sqlite3_column_bytes(st, 11));
	r->part_of_run = sqlite3_column_int(st, 12);
}

#define RECORD_COLUMNS                                                                                                            \
	"SELECT id, cluster, job, submit, restart, segment, resizing, started, ended, billable, state_ppm, body,"                 \
	" resizing OR EXISTS(SELECT 1 FROM record o WHERE o.cluster=record.cluster AND o.job=record.job AND o.submit=record.submit" \
	" AND o.restart=record.restart AND o.resizing) FROM record WHERE id IN (SELECT record FROM line WHERE "
#define RECORD_ORDER ") ORDER BY cluster, job, submit, restart, segment, resizing"

/* Held bytes prove themselves as far as a meter does; nobody re-runs storage. */
static aic_code take_storage_line(closing *c, const aic_storage_line *l, aic_error *err)
{
	rated_record r = {.submit = l->start, .segment = l->end, .state_ppm = AIC_PPM, .hash = l->evidence};
	line as_line = {.id = l->id, .payer = l->payer, .payee = l->payee, .kind = AIC_KIND_STORAGE, .gross = l->gross};

	aic_str_copy(as_line.asset, sizeof(as_line.asset), l->asset);
	aic_str_copy(as_line.act, sizeof(as_line.act), l->act);
	return take_line(c, &r, &as_line, err);
}

static aic_code take_storage(closing *c, aic_error *err)
{
	aic_storage_line *l;
	size_t n;
	aic_code rc = aic_storage_lines(c->b->store, c->only, c->end, &l, &n, err);

	for (size_t i = 0; i < n && rc == AIC_OK; i++)
		rc = take_storage_line(c, &l[i], err);
	free(l);
	return rc;
}

static aic_code take_all(closing *c, aic_error *err)
{
	rated_record r = {0};
	sqlite3_stmt *st;
	aic_code rc = c->only ? aic_sql_start(c->b->store->db, &st, err, RECORD_COLUMNS "batch=?1" RECORD_ORDER, "i", c->only)
	                      : aic_sql_start(c->b->store->db, &st, err, RECORD_COLUMNS "batch IS NULL AND ended<?1 AND NOT held" RECORD_ORDER, "i",
	                                      c->end);

	while (rc == AIC_OK && (rc = aic_sql_step(c->b->store->db, st, err)) == AIC_OK) {
		read_record(&r, st);
		rc = take_record(c, &r, err);
		if (rc != AIC_OK)
			aic_sql_done(st);
	}
	free(r.line);
	free(r.node);
	if (rc == AIC_NOT_FOUND)
		rc = take_storage(c, err);
	if (rc == AIC_OK)
		aic_tally_finish(c->tally, c->b->store);
	return rc;
}

static void closing_clear(closing *c)
{
	free(c->organisation);
	aic_bytes_free(&c->leaf);
}

aic_code aic_batch_draft(const aic_batches *b, int64_t end, uint64_t fee_ppm, aic_tally *out, aic_hash *evidence, aic_error *err)
{
	closing c = {.b = b, .end = end, .fee_ppm = fee_ppm, .tally = out};

	memset(out, 0, sizeof(*out));
	aic_code rc = take_all(&c, err);
	if (rc == AIC_OK && evidence)
		*evidence = aic_frontier_root(&c.tree);
	closing_clear(&c);
	if (rc != AIC_OK)
		aic_tally_clear(out);
	return rc;
}

/* --- hash and rows --- */

/* Everything that an administrator approves, doc/formats/batch.md. */
static aic_code batch_hash(closing *c, const aic_batch *batch, aic_hash *out, aic_error *err)
{
	aic_bytes body = {0};
	aic_store *s = c->b->store;
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
	aic_cbor_put_array(&body, c->tally->n);
	for (size_t i = 0; i < c->tally->n && rc == AIC_OK; i++) {
		const aic_sum *sum = &c->tally->sum[i];
		const char *payer, *payee;
		rc = organisation_of(c, sum->payer, &payer, err);
		if (rc == AIC_OK)
			rc = organisation_of(c, sum->payee, &payee, err);
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

static aic_code write_sums(closing *c, int64_t batch, aic_error *err)
{
	aic_code rc = aic_sql_run(c->b->store->db, err, "DELETE FROM batch_line WHERE batch=?1", "i", batch);

	for (size_t i = 0; i < c->tally->n && rc == AIC_OK; i++) {
		const aic_sum *s = &c->tally->sum[i];
		rc = aic_sql_run(c->b->store->db, err, "INSERT INTO batch_line(batch, payer, payee, kind, n, gross, fee, stake, note)"
		                                       " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", "iiiiiaaat", batch, s->payer,
		                 s->payee, (int64_t)s->kind, (int64_t)s->n, &s->gross, &s->fee, &s->stake, s->note);
	}
	return rc;
}

/* Rates, sums and hashes what c selects, and writes it as `batch`. */
static aic_code write_batch(closing *c, aic_batch *batch, aic_error *err)
{
	aic_code rc = take_all(c, err);

	if (rc == AIC_OK) {
		batch->evidence = aic_frontier_root(&c->tree);
		rc = batch_hash(c, batch, &batch->hash, err);
	}
	if (rc == AIC_OK)
		rc = write_sums(c, batch->id, err);
	if (rc == AIC_OK)
		rc = aic_sql_run(c->b->store->db, err, "UPDATE batch SET hash=?2, evidence=?3, lines=?4, gross=?5, fee=?6, state=0 WHERE id=?1",
		                 "ihhiaa", batch->id, &batch->hash, &batch->evidence, (int64_t)c->tally->lines, &c->tally->gross,
		                 &c->tally->fee);
	return rc;
}

static aic_code next_batch(const aic_batches *b, aic_batch *batch, int64_t by, int64_t now, aic_error *err)
{
	int64_t number = 0;
	aic_amount none = 0;
	aic_code rc = aic_sql_int(b->store->db, &number, err, "SELECT coalesce(max(number), 0) FROM batch WHERE period=?1", "t",
	                          batch->period);

	batch->number = (uint64_t)number + 1;
	if (rc == AIC_OK)
		rc = aic_sql_run(b->store->db, err, "INSERT INTO batch(period, number, state, start, end, fee_ppm, hash, evidence, lines,"
		                                    " gross, fee, closed_at, closed_by) VALUES(?1, ?2, 0, ?3, ?4, ?5, x'', x'', 0, ?6, ?6,"
		                                    " ?7, ?8)", "tiiiiaii", batch->period, (int64_t)batch->number, batch->start,
		                 batch->end, (int64_t)batch->fee_ppm, &none, now, by);
	batch->id = aic_sql_last_id(b->store->db);
	return rc;
}

aic_code aic_batch_close(const aic_batches *b, const char *period, int64_t start, int64_t end, uint64_t fee_ppm, int64_t by,
                         int64_t now, aic_batch *out, aic_error *err)
{
	aic_tally tally = {0};
	closing c = {.b = b, .end = end, .fee_ppm = fee_ppm, .tally = &tally};
	aic_batch batch = {.start = start, .end = end, .fee_ppm = fee_ppm};
	aic_code rc = aic_store_begin(b->store, err);

	if (rc != AIC_OK)
		return rc;
	aic_str_copy(batch.period, sizeof(batch.period), period);
	rc = next_batch(b, &batch, by, now, err);
	if (rc == AIC_OK) {
		c.batch = batch.id;
		rc = write_batch(&c, &batch, err);
	}
	if (rc == AIC_OK && tally.n)
		rc = aic_audit_add(b->store, by < 0 ? b->config->uid : (uid_t)by, now, err, "closed batch %s/%llu, hash %s", period,
		                   (unsigned long long)batch.number, aic_batch_hash_text(&batch, (char[65]){0}));
	if (rc == AIC_OK && !tally.n)
		rc = aic_fail(err, AIC_REFUSED, "period %s has no open line that costs anything: there is nothing to close", period);
	if (rc == AIC_OK)
		rc = aic_store_commit(b->store, err);
	else
		aic_store_rollback(b->store);
	closing_clear(&c);
	aic_tally_clear(&tally);
	return rc == AIC_OK ? aic_batch_find(b->store, period, batch.number, out, err) : rc;
}

aic_code aic_batch_reopen(const aic_batches *b, int64_t id, aic_error *err)
{
	aic_tally tally = {0};
	closing c = {.b = b, .batch = id, .only = id, .tally = &tally};
	aic_batch batch = {0};
	aic_hash before = {{0}};
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(b->store->db, &st, err, "SELECT period, number, start, end, fee_ppm, hash FROM batch WHERE id=?1 AND state<2",
	                            "i", id);

	if (rc == AIC_OK)
		rc = aic_sql_step(b->store->db, st, err);
	if (rc == AIC_NOT_FOUND)
		return aic_fail(err, AIC_REFUSED, "that batch is posted: nothing of it changes any more");
	if (rc != AIC_OK)
		return rc;
	batch.id = id;
	aic_str_copy(batch.period, sizeof(batch.period), aic_sql_text(st, 0));
	batch.number = (uint64_t)sqlite3_column_int64(st, 1);
	batch.start = sqlite3_column_int64(st, 2);
	batch.end = sqlite3_column_int64(st, 3);
	batch.fee_ppm = c.fee_ppm = (uint64_t)sqlite3_column_int64(st, 4);
	if (sqlite3_column_bytes(st, 5) == AIC_HASH_LEN)
		memcpy(before.b, sqlite3_column_blob(st, 5), AIC_HASH_LEN);
	aic_sql_done(st);
	rc = write_batch(&c, &batch, err);
	if (rc == AIC_OK)
		rc = aic_approved_forget(b->store, &before, err);
	closing_clear(&c);
	aic_tally_clear(&tally);
	return rc;
}
