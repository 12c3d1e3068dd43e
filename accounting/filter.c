#include "accounting/filter.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/charge.h"
#include "accounting/receipts.h"

void aic_filter_read(aic_filter *f, aic_cbor *args)
{
	char *const text[] = {f->account, f->provider, f->user, f->node, f->cluster, f->asset};

	memset(f, 0, sizeof(*f));
	if (!aic_cbor_ok(args) || args->pos == args->len)
		return;
	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
		aic_cbor_text(args, text[i], AIC_NAME_LEN);
		f->any |= text[i][0] != '\0';
	}
}

static bool is(const char *wanted, const char *name)
{
	return !wanted[0] || !strcmp(wanted, name);
}

/* "lab-one" stands for provider/lab-one, and "site" for itself. */
static bool is_wallet(const char *wanted, const char *name)
{
	const char *slash = strchr(name, '/');

	return is(wanted, name) || (slash && !strcmp(slash + 1, wanted));
}

/* --- payouts --- */

#define FIELDS "SELECT l.payer, l.payee, l.kind, l.gross, l.verified, l.useful, l.quality, l.quality_reason, l.penalty, l.node, l.asset, "
#define OF_RECORD "coalesce(r.account, ''), coalesce(r.user, ''), coalesce(r.cluster, '')"
#define JOINED " LEFT JOIN record r ON r.id=l.record"
/* What a line says itself is asked of SQLite, before its record is looked up; a wallet's short name as in is_wallet. */
#define MATCHES(n) " AND (" n "='' OR l.payee IN (SELECT id FROM wallet WHERE name=" n " OR substr(name, instr(name, '/') + 1)=" n "))"
#define LINE_WANTED " AND (?2='' OR l.node=?2) AND (?3='' OR l.asset=?3)" MATCHES("?4")

/* Where nothing that the record knows is asked for, and who asks may see all, the record is not read. */
static bool needs_record(const aic_filter *f, const aic_viewer *v)
{
	return f->user[0] || f->cluster[0] || !v->admin;
}

static aic_code start_lines(const aic_filter *f, aic_sql *db, const aic_viewer *v, const aic_batch *batch, int64_t end, sqlite3_stmt **st,
                            aic_error *err)
{
	if (batch && needs_record(f, v))
		return aic_sql_start(db, st, err, FIELDS OF_RECORD " FROM taken_line l" JOINED " WHERE l.batch=?1" LINE_WANTED, "ittt", batch->id,
		                     f->node, f->asset, f->provider);
	if (batch)
		return aic_sql_start(db, st, err, FIELDS "'', '', '' FROM taken_line l WHERE l.batch=?1" LINE_WANTED, "ittt", batch->id, f->node,
		                     f->asset, f->provider);
	if (needs_record(f, v))
		return aic_sql_start(db, st, err, FIELDS OF_RECORD " FROM open_line l" JOINED " WHERE l.ended<?1 AND NOT l.held" LINE_WANTED, "ittt",
		                     end, f->node, f->asset, f->provider);
	return aic_sql_start(db, st, err, FIELDS "'', '', '' FROM open_line l WHERE l.ended<?1 AND NOT l.held" LINE_WANTED, "ittt", end, f->node,
	                     f->asset, f->provider);
}

static bool line_passes(const aic_filter *f, const aic_store *s, const aic_viewer *v, sqlite3_stmt *st)
{
	const char *payer = aic_store_wallet_by_id(s, sqlite3_column_int64(st, 0))->name;
	const char *payee = aic_store_wallet_by_id(s, sqlite3_column_int64(st, 1))->name;
	const char *account = aic_sql_text(st, 11), *user = aic_sql_text(st, 12);

	return is_wallet(f->account, payer) && is_wallet(f->provider, payee) && is(f->user, user) && is(f->node, aic_sql_text(st, 9)) &&
	       is(f->asset, aic_sql_text(st, 10)) && is(f->cluster, aic_sql_text(st, 13)) &&
	       (account[0] ? aic_viewer_sees_job(v, account, user) : aic_viewer_sees_wallet(v, payer));
}

static aic_code add_line(const aic_batches *b, aic_organisations *o, const aic_batch *batch, uint64_t fee_ppm, sqlite3_stmt *st,
                         aic_tally *out, aic_error *err)
{
	int64_t payer = sqlite3_column_int64(st, 0), payee = sqlite3_column_int64(st, 1);
	aic_amount gross = aic_sql_amount(st, 3);
	aic_quality q = {.verified = (uint64_t)sqlite3_column_int64(st, 4), .useful = (uint64_t)sqlite3_column_int64(st, 5),
	                 .quality = (uint64_t)sqlite3_column_int64(st, 6), .reason = (aic_quality_reason)sqlite3_column_int(st, 7)};
	bool same = false;
	aic_code rc = batch ? AIC_OK : aic_same_organisation(o, b->store, b->config, payer, payee, &same, err);

	if (rc != AIC_OK)
		return rc;
	if (!batch) /* what a batch freezes when it takes a line */
		q = aic_quality_counted(q, gross > 0, same, (uint64_t)sqlite3_column_int64(st, 8));
	return aic_tally_add(out, payer, payee, (aic_line_kind)sqlite3_column_int(st, 2), gross, aic_fee_of(gross, fee_ppm), &q, err);
}

static const aic_sum *counterpart(const aic_tally *all, const aic_sum *s)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->sum[i].payer == s->payer && all->sum[i].payee == s->payee && all->sum[i].kind == s->kind)
			return &all->sum[i];
	return NULL;
}

static void take_rewards(aic_tally *part, const aic_tally *all)
{
	for (size_t i = 0; i < part->n; i++) {
		aic_sum *s = &part->sum[i];
		const aic_sum *whole = counterpart(all, s);
		if (!whole || !whole->stake || !aic_mul_div(&s->reward, whole->reward, s->stake, whole->stake) ||
		    !aic_mul_div(&s->issued, whole->issued, s->stake, whole->stake))
			s->reward = s->issued = 0;
		s->settled = whole && whole->settled;
	}
}

/* What was given back of the lines that pass. */
static aic_code take_refunds(const aic_filter *f, aic_store *s, const aic_viewer *v, const aic_batch *batch, aic_tally *out, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(s->db, &st, err, FIELDS OF_RECORD ", x.amount FROM refund x JOIN line l ON l.id=x.line" JOINED
	                            " WHERE l.batch=?1 AND x.state=2", "i", batch->id);

	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		if (!line_passes(f, s, v, st))
			continue;
		for (size_t i = 0; i < out->n; i++)
			if (out->sum[i].payer == sqlite3_column_int64(st, 0) && out->sum[i].payee == sqlite3_column_int64(st, 1) &&
			    out->sum[i].kind == (aic_line_kind)sqlite3_column_int(st, 2))
				out->sum[i].refunded += aic_sql_amount(st, 14);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

aic_code aic_filter_tally(const aic_filter *f, const aic_batches *b, const aic_viewer *v, const aic_batch *batch, int64_t end,
                          uint64_t fee_ppm, const aic_tally *all, aic_tally *out, aic_error *err)
{
	aic_organisations o = {0};
	sqlite3_stmt *st;
	aic_sql *db = b->store->db;
	aic_code rc = start_lines(f, db, v, batch, end, &st, err);

	memset(out, 0, sizeof(*out));
	while (rc == AIC_OK && (rc = aic_sql_step(db, st, err)) == AIC_OK)
		if (line_passes(f, b->store, v, st) && (rc = add_line(b, &o, batch, fee_ppm, st, out, err)) != AIC_OK)
			aic_sql_done(st);
	aic_organisations_clear(&o);
	if (rc != AIC_NOT_FOUND) {
		aic_tally_clear(out);
		return rc;
	}
	aic_tally_finish(out, b->store);
	take_rewards(out, all);
	return batch ? take_refunds(f, b->store, v, batch, out, err) : AIC_OK;
}

/* --- usage --- */

typedef struct {
	bool passes;
	int64_t cpus, gpus;      /* held where the filter looks */
	size_t nodes;            /* of these; node is their names */
	char (*node)[AIC_NAME_LEN];
	aic_amount charge;
} part;

static bool looks_at_nodes(const aic_filter *f)
{
	return f->node[0] || f->provider[0];
}

static void take_line(const aic_filter *f, const aic_store *s, sqlite3_stmt *st, part *p)
{
	bool hardware = sqlite3_column_int(st, 0) == AIC_KIND_HARDWARE;
	const char *node = aic_sql_text(st, 1), *payee = aic_store_wallet_by_id(s, sqlite3_column_int64(st, 3))->name;
	bool here = hardware && is(f->node, node) && is_wallet(f->provider, payee);
	bool its = is(f->asset, aic_sql_text(st, 2)) && (f->asset[0] ? !hardware : true);

	if (here) {
		p->node = aic_xrealloc(p->node, (p->nodes + 1) * sizeof(*p->node));
		aic_str_copy(p->node[p->nodes++], AIC_NAME_LEN, node);
		p->cpus += sqlite3_column_int64(st, 5);
		p->gpus += sqlite3_column_int64(st, 6);
	}
	/* with both, a run that used the asset and held the node: what it paid there */
	if (looks_at_nodes(f) ? here : its)
		p->charge += aic_sql_amount(st, 4);
	if (f->asset[0] && its)
		p->passes = true;
}

/* What of a record's lines the filter looks at. */
static aic_code look(const aic_filter *f, aic_store *s, int64_t first, int64_t last, part *p, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT kind, node, asset, payee, gross, cpus, gpus FROM line WHERE id BETWEEN ?1 AND ?2", "ii",
	                            first, last);

	memset(p, 0, sizeof(*p));
	p->passes = !f->asset[0];
	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK)
		take_line(f, s, st, p);
	if (looks_at_nodes(f) && !p->nodes)
		p->passes = false;
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

aic_code aic_filter_record(const aic_filter *f, aic_store *s, int64_t first, int64_t last, bool *passes, aic_error *err)
{
	part p;
	aic_code rc = look(f, s, first, last, &p, err);

	*passes = p.passes;
	free(p.node);
	return rc;
}

static void add_use(uint64_t *sum, uint64_t v)
{
	if (v != AIC_UNKNOWN)
		*sum = (*sum == AIC_UNKNOWN ? 0 : *sum) + v;
}

/* Of the nodes that the filter looks at. A resized run's receipts cannot be told apart by its parts here: unknown. */
static aic_code use_of_nodes(aic_store *s, const aic_rated_run *run, const part *p, aic_use *use, aic_error *err)
{
	aic_code rc = run->part_of_run ? AIC_OK : aic_receipts_of_life(s, run, false, &s->receipts, err);

	*use = (aic_use){AIC_UNKNOWN, AIC_UNKNOWN};
	for (size_t i = 0; rc == AIC_OK && !run->part_of_run && i < s->receipts.n; i++)
		for (size_t k = 0; k < p->nodes; k++)
			if (!strcmp(s->receipts.receipt[i].node, p->node[k])) {
				add_use(&use->cpu_ms, s->receipts.receipt[i].cpu_ms);
				add_use(&use->gpu_ms, s->receipts.receipt[i].gpu_ms);
				break;
			}
	return rc;
}

aic_filter_usage *aic_filter_usage_add(aic_filter_usage **out, size_t *n, size_t *cap, const char *account, const char *user)
{
	if (*n == *cap) {
		*cap = *cap ? 2 * *cap : 32;
		*out = aic_xrealloc(*out, *cap * sizeof(**out));
	}
	aic_filter_usage *u = &(*out)[(*n)++];
	memset(u, 0, sizeof(*u));
	aic_str_copy(u->account, sizeof(u->account), account);
	aic_str_copy(u->user, sizeof(u->user), user);
	return u;
}

static aic_filter_usage *row_of(aic_filter_usage **out, size_t *n, size_t *cap, const char *account, const char *user)
{
	for (size_t i = *n; i-- > 0;)
		if (!strcmp((*out)[i].user, user) && !strcmp((*out)[i].account, account))
			return &(*out)[i];
	return aic_filter_usage_add(out, n, cap, account, user);
}

static void add_sums(aic_usage_sums *to, const aic_usage_sums *s)
{
	to->runs += s->runs;
	to->cpu_seconds += s->cpu_seconds;
	to->gpu_seconds += s->gpu_seconds;
	to->cpu_runs += s->cpu_runs;
	to->cpu_metered += s->cpu_metered;
	to->cpu_ms += s->cpu_ms;
	to->gpu_runs += s->gpu_runs;
	to->gpu_metered += s->gpu_metered;
	to->gpu_ms += s->gpu_ms;
	to->charge += s->charge;
}

enum { R_JOB, R_RESTART, R_CLUSTER, R_STARTED, R_ENDED, R_BILLABLE, R_PARTED, R_FIRST, R_LAST, R_ACCOUNT, R_USER, R_STATUS, R_CPU, R_GPU,
       R_CPU_MS, R_GPU_MS };

static aic_code sums_of_record(const aic_filter *f, aic_store *s, sqlite3_stmt *st, const part *p, aic_usage_sums *out, aic_error *err)
{
	int64_t billable = sqlite3_column_int64(st, R_BILLABLE);
	aic_use use = {aic_sql_uint_or_unknown(st, R_CPU_MS), aic_sql_uint_or_unknown(st, R_GPU_MS)};
	aic_rated_run run = {.cluster = aic_sql_text(st, R_CLUSTER), .job = (uint32_t)sqlite3_column_int64(st, R_JOB),
	                     .restart = (uint32_t)sqlite3_column_int64(st, R_RESTART), .started = sqlite3_column_int64(st, R_STARTED),
	                     .ended = sqlite3_column_int64(st, R_ENDED), .part_of_run = sqlite3_column_int(st, R_PARTED)};
	int64_t cpu = looks_at_nodes(f) ? billable * p->cpus : sqlite3_column_int64(st, R_CPU);
	int64_t gpu = looks_at_nodes(f) ? billable * p->gpus : sqlite3_column_int64(st, R_GPU);
	aic_code rc = looks_at_nodes(f) ? use_of_nodes(s, &run, p, &use, err) : AIC_OK;

	*out = aic_usage_of_record(sqlite3_column_int(st, R_STATUS), cpu, gpu, &use, p->charge);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	const aic_filter_usage *x = a, *y = b;
	int order = strcmp(x->account, y->account);

	return order ? order : strcmp(x->user, y->user);
}

static bool record_passes(const aic_filter *f, const aic_viewer *v, sqlite3_stmt *st)
{
	const char *account = aic_sql_text(st, R_ACCOUNT), *user = aic_sql_text(st, R_USER);

	return is(f->account, account) && is(f->user, user) && is(f->cluster, aic_sql_text(st, R_CLUSTER)) &&
	       aic_viewer_sees_job(v, account, user);
}

aic_code aic_filter_use(const aic_filter *f, aic_store *s, const aic_viewer *v, int64_t start, int64_t end, aic_filter_usage **out,
                        size_t *n, aic_error *err)
{
	sqlite3_stmt *st;
	size_t cap = 0;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT job, restart, cluster, started, ended, billable, parted, first_line, last_line, account,"
	                            " user, status, cpu_seconds, gpu_seconds, cpu_ms, gpu_ms FROM record WHERE ended>=?1 AND ended<?2", "ii", start, end);

	*out = NULL;
	*n = 0;
	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		aic_usage_sums sums;
		part p = {0};
		if (record_passes(f, v, st))
			rc = look(f, s, sqlite3_column_int64(st, R_FIRST), sqlite3_column_int64(st, R_LAST), &p, err);
		if (rc == AIC_OK && p.passes && (rc = sums_of_record(f, s, st, &p, &sums, err)) == AIC_OK && sums.runs)
			add_sums(&row_of(out, n, &cap, aic_sql_text(st, R_ACCOUNT), aic_sql_text(st, R_USER))->sums, &sums);
		free(p.node);
		if (rc != AIC_OK)
			aic_sql_done(st);
	}
	if (rc != AIC_NOT_FOUND) {
		free(*out);
		*out = NULL;
		*n = 0;
		return rc;
	}
	if (*n)
		qsort(*out, *n, sizeof(**out), by_name);
	return AIC_OK;
}
