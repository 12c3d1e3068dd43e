#include "accounting/charged.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- one job's records in memory --- */

typedef struct {
	size_t n;
	int64_t *id;
	bool *frozen;           /* a batch holds a line of it, or an administrator acted on one */
	aic_job_record *record;
	aic_segment *segment;
} job_group;

static void group_clear(job_group *g)
{
	for (size_t i = 0; i < g->n; i++)
		aic_job_record_clear(&g->record[i]);
	free(g->id);
	free(g->frozen);
	free(g->record);
	free(g->segment);
	memset(g, 0, sizeof(*g));
}

static void group_grow(job_group *g)
{
	if (g->n & (g->n - 1) || (g->n && g->n < 4))
		return;
	size_t cap = g->n ? 2 * g->n : 4;
	g->id = aic_xrealloc(g->id, cap * sizeof(*g->id));
	g->frozen = aic_xrealloc(g->frozen, cap * sizeof(*g->frozen));
	g->record = aic_xrealloc(g->record, cap * sizeof(*g->record));
	g->segment = aic_xrealloc(g->segment, cap * sizeof(*g->segment));
}

/* By (restart, segment): the order in which things happened. */
static aic_code group_load(job_group *g, aic_store *s, const char *cluster, uint32_t job, int64_t submit,
                           aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(s->db, &st, err,
	                            "SELECT id, body, EXISTS(SELECT 1 FROM line WHERE id BETWEEN first_line AND last_line"
	                            " AND (batch IS NOT NULL OR act IS NOT NULL)) FROM record WHERE job=?1 AND submit=?2"
	                            " AND cluster=?3 ORDER BY restart, segment, resizing DESC", "iit", (int64_t)job,
	                            submit, cluster);

	memset(g, 0, sizeof(*g));
	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		group_grow(g);
		g->id[g->n] = sqlite3_column_int64(st, 0);
		g->frozen[g->n] = sqlite3_column_int(st, 2);
		rc = aic_job_record_decode(&g->record[g->n], sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1),
		                           err);
		if (rc == AIC_OK)
			g->n++;
		else
			aic_sql_done(st);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

/* --- lines --- */

aic_code aic_lines_drop(const aic_ingest *in, int64_t record, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(in->store->db, &st, err, "SELECT payer, gross FROM line WHERE id BETWEEN (SELECT"
	                            " first_line FROM record WHERE"
	                            " id=?1) AND (SELECT last_line FROM record WHERE id=?1)", "i", record);

	while (rc == AIC_OK && (rc = aic_sql_step(in->store->db, st, err)) == AIC_OK) {
		rc = aic_store_unowe(aic_store_wallet_by_id(in->store, sqlite3_column_int64(st, 0)), aic_sql_amount(st, 1),
		                     err);
		if (rc != AIC_OK)
			aic_sql_done(st);
	}
	if (rc != AIC_NOT_FOUND)
		return rc;
	return aic_sql_run(in->store->db, err, "DELETE FROM line WHERE id BETWEEN (SELECT first_line FROM record WHERE"
	                   " id=?1) AND"
	                   " (SELECT last_line FROM record WHERE id=?1)", "i", record);
}

static aic_code line_add(const aic_ingest *in, int64_t record, int64_t ended, aic_wallet_row *payer,
                         const aic_charge_line *l,
                         const aic_rated_line *rated, aic_error *err)
{
	const aic_quality *q = &rated->quality;
	aic_wallet_row *payee;
	aic_code rc = aic_store_wallet(in->store, l->payee, &payee, err);

	if (rc == AIC_OK)
		rc = aic_sql_run(in->store->db, err, "INSERT INTO line(id, record, node, kind, asset, payer, payee, gross,"
		                 " cpus, gpus, ended,"
		                                     " verified, useful, quality, quality_reason, held) VALUES(?1, ?2, ?3, ?4,"
		                                     " ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)",
		                 "iititiiaiiiiiiii", in->store->next_line, record, l->node, (int64_t)l->kind, l->asset,
		                 payer->id, payee->id, &l->gross, (int64_t)l->cpus, (int64_t)l->gpus, ended,
		                 (int64_t)q->verified, (int64_t)q->useful, (int64_t)q->quality, (int64_t)q->reason,
		                 (int64_t)(rated->waits ? AIC_HELD_SESSION : 0));
	if (rc != AIC_OK)
		return rc;
	in->store->next_line++;
	aic_store_owe(payer, l->gross);
	return AIC_OK;
}

static aic_code record_mark(const aic_ingest *in, int64_t id, int64_t first, const aic_rated_charge *r,
                            const aic_segment *s, aic_error *err)
{
	const aic_charge *c = &r->charge;

	return aic_sql_run(in->store->db, err,
	                   "UPDATE record SET started=?2, ended=?3, billable=?4, state_ppm=?5, status=?6, reason=?7,"
	                   " cpu_seconds=?8, gpu_seconds=?9, cpu_ms=?10, gpu_ms=?11, first_line=?12, last_line=?13,"
	                   " parted=?14 WHERE id=?1", "iiiiiitiiuuiii", id, s->start, s->end, c->billable,
	                   (int64_t)c->state_ppm, (int64_t)c->status, c->reason[0] ? c->reason : NULL,
	                   (int64_t)c->cpu_seconds, (int64_t)c->gpu_seconds, r->use.cpu_ms, r->use.gpu_ms, first,
	                   in->store->next_line - 1, (int64_t)s->parted);
}

static aic_code charge_of(const aic_ingest *in, const aic_job_record *r, const aic_segment *s, aic_charge *c,
                          aic_error *err)
{
	memset(c, 0, sizeof(*c));
	if (aic_in_scope(in->config, r->partition, r->account))
		return aic_charge_record(c, r, s, in->registry, err);
	c->status = AIC_OUT_OF_SCOPE;
	snprintf(c->reason, sizeof(c->reason), "not charged: partition or account outside the scope of aic.yaml");
	return AIC_OK;
}

void aic_rated_clear(aic_rated_charge *r)
{
	if (r->line != r->few)
		free(r->line);
	aic_charge_clear(&r->charge);
}

aic_code aic_charge_and_rate(const aic_ingest *in, const aic_job_record *r, const aic_segment *s,
                             aic_rated_charge *out, aic_error *err)
{
	aic_rated_run run = {.cluster = r->cluster, .job = r->job_id, .restart = r->restart, .started = s->start,
	                     .ended = s->end,
	                     .part_of_run = s->parted};
	aic_charge *c = &out->charge;
	aic_code rc = charge_of(in, r, s, c, err);

	out->line = out->few;
	out->use = (aic_use){AIC_UNKNOWN, AIC_UNKNOWN};
	if (rc != AIC_OK || c->status == AIC_OUT_OF_SCOPE)
		return rc;
	if (c->n > AIC_RATED_FEW)
		out->line = aic_xcalloc(c->n, sizeof(*out->line));
	for (size_t i = 0; i < c->n; i++)
		out->line[i] = (aic_rated_line){.node = c->line[i].node, .kind = c->line[i].kind, .gross = c->line[i].gross,
		                                .cpus = c->line[i].cpus, .gpus = c->line[i].gpus};
	run.billable = c->billable;
	return aic_rate_lines(in->store, &run, out->line, c->n, &out->use, err);
}

aic_code aic_lines_add(const aic_ingest *in, int64_t id, const aic_job_record *job, const aic_rated_charge *r,
                       const aic_segment *s, aic_error *err)
{
	const aic_charge *c = &r->charge;
	int64_t first = in->store->next_line;
	aic_wallet_row *payer;
	aic_code rc = c->n ? aic_store_wallet(in->store, c->payer, &payer, err) : AIC_OK;

	for (size_t i = 0; i < c->n && rc == AIC_OK; i++)
		rc = line_add(in, id, s->end, payer, &c->line[i], &r->line[i], err);
	aic_spans_add(&in->store->spans, job->cluster, job->job_id, first, in->store->next_line - 1);
	return rc;
}

static aic_code charge_into(const aic_ingest *in, int64_t id, const aic_job_record *r, const aic_segment *s,
                            aic_error *err)
{
	int64_t first = in->store->next_line;
	aic_rated_charge c;
	aic_code rc = aic_charge_and_rate(in, r, s, &c, err);

	if (rc == AIC_OK)
		rc = aic_lines_add(in, id, r, &c, s, err);
	if (rc == AIC_OK)
		rc = record_mark(in, id, first, &c, s, err);
	aic_rated_clear(&c);
	return rc == AIC_OK ? aic_usage_count(in->store->usage, in->store->db, id, true, err) : rc;
}

/* The price per job falls due once per job: with the first record that is charged at all. */
static void mark_per_job(job_group *g)
{
	size_t due = g->n;

	for (size_t i = 0; i < g->n; i++) {
		const char *why;
		bool charged = g->record[i].start && g->record[i].nodes && aic_billable(&g->segment[i]) > 0 &&
		               aic_state_ppm(&g->record[i], &why) > 0;
		if (g->frozen[i] && charged) {
			due = i;
			break;
		}
		if (charged && due == g->n)
			due = i;
	}
	if (due < g->n)
		g->segment[due].per_job_due = true;
}

static void group_segments(job_group *g)
{
	for (size_t from = 0; from < g->n;) {
		size_t to = from + 1;
		while (to < g->n && g->record[to].restart == g->record[from].restart)
			to++;
		aic_segments_of_run(&g->record[from], to - from, &g->segment[from]);
		from = to;
	}
	mark_per_job(g);
}

/* A record whose charge stays may still have become a part of its run. */
static aic_code rate_again(const aic_ingest *in, int64_t id, const aic_segment *s, aic_error *err)
{
	aic_code rc = aic_sql_run(in->store->db, err, "UPDATE record SET parted=?2 WHERE id=?1 AND parted<>?2", "ii", id,
	                          (int64_t)s->parted);

	return rc == AIC_OK && aic_sql_changes(in->store->db) ? aic_rate_record(in->store, id, err) : rc;
}

aic_code aic_ingest_recharge(const aic_ingest *in, const char *cluster, uint32_t job, int64_t submit, aic_error *err)
{
	job_group g;
	aic_code rc = group_load(&g, in->store, cluster, job, submit, err);

	if (rc == AIC_OK)
		group_segments(&g);
	for (size_t i = 0; i < g.n && rc == AIC_OK; i++) {
		if (g.frozen[i]) {
			rc = rate_again(in, g.id[i], &g.segment[i], err);
			continue;
		}
		rc = aic_usage_count(in->store->usage, in->store->db, g.id[i], false, err);
		if (rc == AIC_OK)
			rc = aic_lines_drop(in, g.id[i], err);
		if (rc == AIC_OK)
			rc = charge_into(in, g.id[i], &g.record[i], &g.segment[i], err);
	}
	group_clear(&g);
	return rc;
}
