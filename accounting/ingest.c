#include "accounting/ingest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/rated.h"

bool aic_in_scope(const aic_config *c, const char *partition, const char *account)
{
	bool part = c->n_scope_partitions == 0, acct = c->n_scope_accounts == 0;

	for (size_t i = 0; i < c->n_scope_partitions && !part; i++)
		part = !strcmp(c->scope_partitions[i], partition);
	for (size_t i = 0; i < c->n_scope_accounts && !acct; i++)
		acct = !strcmp(c->scope_accounts[i], account);
	return part && acct;
}

/* Whether a batch holds a line of record ?1, or an administrator acted on one. */
#define FROZEN "SELECT EXISTS(SELECT 1 FROM record r JOIN line l ON l.id BETWEEN r.first_line AND r.last_line WHERE r.id=?1 AND" \
               " (l.batch IS NOT NULL OR l.act IS NOT NULL))"

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
static aic_code group_load(job_group *g, aic_store *s, const char *cluster, uint32_t job, int64_t submit, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(s->db, &st, err,
	                            "SELECT id, body, EXISTS(SELECT 1 FROM line WHERE id BETWEEN first_line AND last_line AND (batch IS NOT NULL"
	                            " OR act IS NOT NULL)) FROM record WHERE job=?1 AND submit=?2 AND cluster=?3"
	                            " ORDER BY restart, segment, resizing DESC", "iit", (int64_t)job, submit, cluster);

	memset(g, 0, sizeof(*g));
	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		group_grow(g);
		g->id[g->n] = sqlite3_column_int64(st, 0);
		g->frozen[g->n] = sqlite3_column_int(st, 2);
		rc = aic_job_record_decode(&g->record[g->n], sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1), err);
		if (rc == AIC_OK)
			g->n++;
		else
			aic_sql_done(st);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

/* --- lines --- */

/* A record's charge with the qualities of its lines; of up to FEW lines without memory of its own. */
#define FEW 8
typedef struct {
	aic_charge charge;
	aic_use use;
	aic_rated_line *line, few[FEW];
} rated_charge;

static aic_code lines_drop(const aic_ingest *in, int64_t record, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(in->store->db, &st, err, "SELECT payer, gross FROM line WHERE id BETWEEN (SELECT first_line FROM record WHERE"
	                            " id=?1) AND (SELECT last_line FROM record WHERE id=?1)", "i", record);

	while (rc == AIC_OK && (rc = aic_sql_step(in->store->db, st, err)) == AIC_OK) {
		rc = aic_store_unowe(aic_store_wallet_by_id(in->store, sqlite3_column_int64(st, 0)), aic_sql_amount(st, 1), err);
		if (rc != AIC_OK)
			aic_sql_done(st);
	}
	if (rc != AIC_NOT_FOUND)
		return rc;
	return aic_sql_run(in->store->db, err, "DELETE FROM line WHERE id BETWEEN (SELECT first_line FROM record WHERE id=?1) AND"
	                   " (SELECT last_line FROM record WHERE id=?1)", "i", record);
}

static aic_code line_add(const aic_ingest *in, int64_t record, int64_t ended, aic_wallet_row *payer, const aic_charge_line *l,
                         const aic_quality *q, aic_error *err)
{
	aic_wallet_row *payee;
	aic_code rc = aic_store_wallet(in->store, l->payee, &payee, err);

	if (rc == AIC_OK)
		rc = aic_sql_run(in->store->db, err, "INSERT INTO line(id, record, node, kind, asset, payer, payee, gross, cpus, gpus, ended,"
		                                     " verified, useful, quality, quality_reason) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9,"
		                                     " ?10, ?11, ?12, ?13, ?14, ?15)",
		                 "iititiiaiiiiiii", in->store->next_line, record, l->node, (int64_t)l->kind, l->asset, payer->id, payee->id,
		                 &l->gross, (int64_t)l->cpus, (int64_t)l->gpus, ended, (int64_t)q->verified, (int64_t)q->useful,
		                 (int64_t)q->quality, (int64_t)q->reason);
	if (rc != AIC_OK)
		return rc;
	in->store->next_line++;
	aic_store_owe(payer, l->gross);
	return AIC_OK;
}

static aic_code record_mark(const aic_ingest *in, int64_t id, int64_t first, const rated_charge *r, const aic_segment *s, aic_error *err)
{
	const aic_charge *c = &r->charge;

	return aic_sql_run(in->store->db, err,
	                   "UPDATE record SET started=?2, ended=?3, billable=?4, state_ppm=?5, status=?6, reason=?7, cpu_seconds=?8,"
	                   " gpu_seconds=?9, cpu_ms=?10, gpu_ms=?11, first_line=?12, last_line=?13, parted=?14 WHERE id=?1", "iiiiiitiiuuiii",
	                   id, s->start, s->end, c->billable, (int64_t)c->state_ppm, (int64_t)c->status, c->reason[0] ? c->reason : NULL,
	                   (int64_t)c->cpu_seconds, (int64_t)c->gpu_seconds, r->use.cpu_ms, r->use.gpu_ms, first, in->store->next_line - 1,
	                   (int64_t)s->parted);
}

static aic_code charge_of(const aic_ingest *in, const aic_job_record *r, const aic_segment *s, aic_charge *c, aic_error *err)
{
	memset(c, 0, sizeof(*c));
	if (aic_in_scope(in->config, r->partition, r->account))
		return aic_charge_record(c, r, s, in->registry, err);
	c->status = AIC_OUT_OF_SCOPE;
	snprintf(c->reason, sizeof(c->reason), "not charged: partition or account outside the scope of aic.yaml");
	return AIC_OK;
}

static void rated_clear(rated_charge *r)
{
	if (r->line != r->few)
		free(r->line);
	aic_charge_clear(&r->charge);
}

static aic_code charge_and_rate(const aic_ingest *in, const aic_job_record *r, const aic_segment *s, rated_charge *out, aic_error *err)
{
	aic_rated_run run = {.cluster = r->cluster, .job = r->job_id, .restart = r->restart, .started = s->start, .ended = s->end,
	                     .part_of_run = s->parted};
	aic_charge *c = &out->charge;
	aic_code rc = charge_of(in, r, s, c, err);

	out->line = out->few;
	out->use = (aic_use){AIC_UNKNOWN, AIC_UNKNOWN};
	if (rc != AIC_OK || c->status == AIC_OUT_OF_SCOPE)
		return rc;
	if (c->n > FEW)
		out->line = aic_xcalloc(c->n, sizeof(*out->line));
	for (size_t i = 0; i < c->n; i++)
		out->line[i] = (aic_rated_line){.node = c->line[i].node, .kind = c->line[i].kind, .gross = c->line[i].gross,
		                                .cpus = c->line[i].cpus, .gpus = c->line[i].gpus};
	run.billable = c->billable;
	return aic_rate_lines(in->store, &run, out->line, c->n, &out->use, err);
}

static aic_code lines_add(const aic_ingest *in, int64_t id, const rated_charge *r, const aic_segment *s, aic_error *err)
{
	const aic_charge *c = &r->charge;
	aic_wallet_row *payer;
	aic_code rc = c->n ? aic_store_wallet(in->store, c->payer, &payer, err) : AIC_OK;

	for (size_t i = 0; i < c->n && rc == AIC_OK; i++)
		rc = line_add(in, id, s->end, payer, &c->line[i], &r->line[i].quality, err);
	return rc;
}

static aic_code charge_into(const aic_ingest *in, int64_t id, const aic_job_record *r, const aic_segment *s, aic_error *err)
{
	int64_t first = in->store->next_line;
	rated_charge c;
	aic_code rc = charge_and_rate(in, r, s, &c, err);

	if (rc == AIC_OK)
		rc = lines_add(in, id, &c, s, err);
	if (rc == AIC_OK)
		rc = record_mark(in, id, first, &c, s, err);
	rated_clear(&c);
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
	aic_code rc = aic_sql_run(in->store->db, err, "UPDATE record SET parted=?2 WHERE id=?1 AND parted<>?2", "ii", id, (int64_t)s->parted);

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
			rc = lines_drop(in, g.id[i], err);
		if (rc == AIC_OK)
			rc = charge_into(in, g.id[i], &g.record[i], &g.segment[i], err);
	}
	group_clear(&g);
	return rc;
}

/* --- arrival --- */

/* Nothing is kept beside a record that was erased: it would name the person again. */
static aic_code keep_duplicate(const aic_ingest *in, int64_t id, const void *body, size_t len, const char *note, aic_error *err)
{
	aic_hash hash = aic_sha256_of(body, len);
	int64_t erased = 0;
	aic_code rc = aic_sql_int(in->store->db, &erased, err, "SELECT erased IS NOT NULL FROM record WHERE id=?1", "i", id);

	if (rc != AIC_OK || erased)
		return rc;
	rc = aic_sql_run(in->store->db, err, "INSERT OR IGNORE INTO duplicate(record, hash, body, at, note)"
	                                              " VALUES(?1, ?2, ?3, ?4, ?5)",
	                          "ihbit", id, &hash, body, len, aic_now(), note);

	if (rc == AIC_OK)
		rc = aic_sql_run(in->store->db, err, "UPDATE record SET flags = flags | 1 WHERE id=?1", "i", id);
	return rc;
}

/* Of two records of one key the one that ends first counts; at the same end the one with the lesser bytes, so that the order
 * of arrival does not matter. */
static bool outranks(const aic_job_record *a, const void *a_body, size_t a_len, const aic_job_record *b, const void *b_body,
                     size_t b_len)
{
	if (a->end != b->end)
		return a->end < b->end;
	int order = memcmp(a_body, b_body, a_len < b_len ? a_len : b_len);
	return order ? order < 0 : a_len < b_len;
}

static aic_code replace_body(const aic_ingest *in, int64_t id, const aic_job_record *r, const void *body, size_t len,
                             aic_error *err)
{
	aic_code rc = aic_usage_count(in->store->usage, in->store->db, id, false, err);

	/* out of scope, as if nothing had been counted, until it is charged again */
	return rc != AIC_OK ? rc : aic_sql_run(in->store->db, err, "UPDATE record SET body=?2, account=?3, user=?4, partition=?5, state=?6,"
	                                       " segment=?7, status=?8 WHERE id=?1", "ibtttiii", id, body, len, r->account, r->user,
	                                       r->partition, (int64_t)r->state, aic_segment_key(r), (int64_t)AIC_OUT_OF_SCOPE);
}

static aic_code meet_existing(const aic_ingest *in, int64_t id, const aic_bytes *old_body, const aic_job_record *r,
                              const void *body, size_t len, aic_ingest_result *what, aic_error *err)
{
	aic_job_record old = {0};
	int64_t frozen = 0;
	aic_code rc;

	if (old_body->len == len && !memcmp(old_body->data, body, len)) {
		*what = AIC_INGEST_EQUAL;
		return AIC_OK;
	}
	*what = AIC_INGEST_DIFFERENT;
	rc = aic_job_record_decode(&old, old_body->data, old_body->len, err);
	if (rc == AIC_OK)
		rc = aic_sql_int(in->store->db, &frozen, err, FROZEN, "i", id);
	if (rc == AIC_OK && !frozen && outranks(r, body, len, &old, old_body->data, old_body->len)) {
		rc = keep_duplicate(in, id, old_body->data, old_body->len, "ends later than the record that counts", err);
		if (rc == AIC_OK)
			rc = replace_body(in, id, r, body, len, err);
		if (rc == AIC_OK)
			rc = aic_ingest_recharge(in, r->cluster, r->job_id, r->submit, err);
	} else if (rc == AIC_OK) {
		rc = keep_duplicate(in, id, body, len, frozen ? "came after its batch was closed, or after an administrator acted on it" : "ends later than the record that counts",
		                    err);
	}
	aic_job_record_clear(&old);
	return rc;
}

/* Slurm counts restarts up behind each end of a run, so only a run's resizes are told apart by their moments: another start of
 * it comes from a slurmctld that was killed, forgot that the run had ended, and ran the job again. */
static aic_code find_existing(const aic_ingest *in, const aic_job_record *r, int64_t *id, aic_bytes *body, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(in->store->db, &st, err,
	                            "SELECT id, body FROM record WHERE job=?2 AND submit=?3 AND cluster=?1 AND restart=?4"
	                            " AND resizing=?6 AND (resizing=0 OR segment=?5)", "tiiiii", r->cluster, (int64_t)r->job_id, r->submit,
	                            (int64_t)r->restart, aic_segment_key(r), (int64_t)aic_segment_resizing(r));

	if (rc == AIC_OK && (rc = aic_sql_step(in->store->db, st, err)) == AIC_OK) {
		*id = sqlite3_column_int64(st, 0);
		aic_bytes_append(body, sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1));
		aic_sql_done(st);
	}
	return rc;
}

/* nth 0: the first of its job, AIC_NOT_FOUND where there is one already; else one more. Its lines begin at next_line. */
static aic_code record_add(const aic_ingest *in, const aic_job_record *r, const void *body, size_t len, unsigned flags, int64_t nth,
                           const aic_segment *s, const rated_charge *rated, aic_error *err)
{
	const aic_charge *c = &rated->charge;
	aic_code rc = aic_sql_run(in->store->db, err,
	                          "INSERT OR IGNORE INTO record(cluster, job, submit, restart, segment, resizing, account, user, partition, state,"
	                          " started, ended, billable, state_ppm, status, reason, cpu_seconds, gpu_seconds, flags, body, nth, first_line,"
	                          " last_line, parted, cpu_ms, gpu_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15,"
	                          " ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26)",
	                          "tiiiiitttiiiiiitiiibiiiiuu", r->cluster, (int64_t)r->job_id, r->submit, (int64_t)r->restart,
	                          aic_segment_key(r), (int64_t)aic_segment_resizing(r), r->account, r->user, r->partition, (int64_t)r->state,
	                          s->start, s->end, c->billable, (int64_t)c->state_ppm, (int64_t)c->status, c->reason[0] ? c->reason : NULL,
	                          (int64_t)c->cpu_seconds, (int64_t)c->gpu_seconds, (int64_t)flags, body, len, nth, in->store->next_line,
	                          in->store->next_line + (int64_t)c->n - 1, (int64_t)s->parted, rated->use.cpu_ms, rated->use.gpu_ms);

	return rc == AIC_OK && aic_sql_changes(in->store->db) == 0 ? AIC_NOT_FOUND : rc;
}

static void count_usage(const aic_ingest *in, const aic_job_record *r, const aic_segment *s, const rated_charge *c)
{
	aic_amount charge = 0;

	for (size_t i = 0; i < c->charge.n; i++)
		charge += c->charge.line[i].gross;
	aic_usage_sums sums = aic_usage_of_record(c->charge.status, (int64_t)c->charge.cpu_seconds, (int64_t)c->charge.gpu_seconds, &c->use,
	                                          charge);
	aic_usage_add(in->store->usage, s->end, r->account, r->user, &sums, true);
}

/* The first record of a job; AIC_NOT_FOUND where it has some already. */
static aic_code insert_alone(const aic_ingest *in, const aic_job_record *r, const void *body, size_t len, unsigned flags, aic_error *err)
{
	aic_segment s;
	rated_charge c;

	aic_segments_of_run(r, 1, &s);
	s.per_job_due = true;
	aic_code rc = charge_and_rate(in, r, &s, &c, err);
	if (rc == AIC_OK)
		rc = record_add(in, r, body, len, flags, 0, &s, &c, err);
	if (rc == AIC_OK)
		rc = lines_add(in, aic_sql_last_id(in->store->db), &c, &s, err);
	if (rc == AIC_OK)
		count_usage(in, r, &s, &c);
	rated_clear(&c);
	return rc;
}

/* One more record of a job: all of them are charged anew. */
static aic_code insert_among(const aic_ingest *in, const aic_job_record *r, const void *body, size_t len, unsigned flags, aic_error *err)
{
	aic_segment s = {.start = r->start, .end = r->end};
	rated_charge none = {.charge.status = AIC_OUT_OF_SCOPE, .use = {AIC_UNKNOWN, AIC_UNKNOWN}};
	int64_t nth = 0;
	aic_code rc = aic_sql_int(in->store->db, &nth, err, "SELECT max(nth) + 1 FROM record WHERE job=?1 AND submit=?2 AND cluster=?3", "iit",
	                          (int64_t)r->job_id, r->submit, r->cluster);

	if (rc == AIC_OK)
		rc = record_add(in, r, body, len, flags, nth, &s, &none, err);
	return rc == AIC_OK ? aic_ingest_recharge(in, r->cluster, r->job_id, r->submit, err) : rc;
}

static aic_code insert_new(const aic_ingest *in, const aic_job_record *r, const void *body, size_t len, unsigned flags,
                           aic_error *err)
{
	aic_code rc = insert_alone(in, r, body, len, flags, err);

	return rc == AIC_NOT_FOUND ? insert_among(in, r, body, len, flags, err) : rc;
}

/* An estimate of this run goes when the real record comes, unless a batch or an act holds it: then the real one is kept aside. */
static aic_code drop_estimate(const aic_ingest *in, const aic_job_record *r, const void *body, size_t len, bool *settled, aic_error *err)
{
	int64_t id, frozen = 0;
	aic_code rc = aic_sql_int(in->store->db, &id, err, "SELECT id FROM record WHERE cluster=?1 AND job=?2 AND submit=?3 AND flags & 2 AND"
	                          " started BETWEEN ?4 - 1 AND ?4 + 1", "tiii", r->cluster, (int64_t)r->job_id, r->submit,
	                          aic_segment_resizing(r) ? r->start : aic_segment_key(r));

	*settled = false;
	if (rc != AIC_OK)
		return rc == AIC_NOT_FOUND ? AIC_OK : rc;
	rc = aic_sql_int(in->store->db, &frozen, err, FROZEN, "i", id);
	if (rc == AIC_OK && frozen) {
		*settled = true;
		return keep_duplicate(in, id, body, len, "came after an estimate of it was settled", err);
	}
	if (rc == AIC_OK)
		rc = aic_usage_count(in->store->usage, in->store->db, id, false, err);
	if (rc == AIC_OK)
		rc = lines_drop(in, id, err);
	if (rc == AIC_OK)
		rc = aic_sql_run(in->store->db, err, "DELETE FROM record WHERE id=?1", "i", id);
	/* a job that has records has an nth of 0, which is how the next one finds out */
	return rc != AIC_OK ? rc : aic_sql_run(in->store->db, err, "UPDATE record SET nth=0 WHERE id=(SELECT id FROM record WHERE job=?1 AND"
	                                       " submit=?2 AND cluster=?3 ORDER BY nth LIMIT 1)", "iit", (int64_t)r->job_id, r->submit, r->cluster);
}

aic_code aic_ingest_estimate(const aic_ingest *in, const void *body, size_t len, bool split, aic_ingest_result *what, aic_error *err)
{
	aic_job_record r = {0};
	aic_bytes own = {0};
	int64_t known = 0, runs = 0;
	aic_code rc = aic_job_record_decode(&r, body, len, err);

	*what = AIC_INGEST_EQUAL;
	if (rc == AIC_OK)
		rc = aic_sql_int(in->store->db, &known, err, "SELECT count(*) FROM record WHERE cluster=?1 AND job=?2 AND started BETWEEN ?3 - 1"
		                 " AND ?3 + 1", "tii", r.cluster, (int64_t)r.job_id, r.start);
	/* slurmdbd has no restart count, and the comment may be an earlier run's: it takes a number that no record of the job has */
	if (rc == AIC_OK && !known)
		rc = aic_sql_int(in->store->db, &runs, err, "SELECT CASE WHEN ?5 AND NOT EXISTS(SELECT 1 FROM record WHERE cluster=?1 AND job=?2"
		                 " AND submit=?3 AND restart=?4) THEN ?4 ELSE coalesce(max(restart) + 1, 0) END FROM record WHERE cluster=?1 AND job=?2"
		                 " AND submit=?3", "tiiii", r.cluster, (int64_t)r.job_id, r.submit, (int64_t)r.restart, (int64_t)split);
	if (rc == AIC_OK && !known) {
		*what = AIC_INGEST_NEW;
		r.restart = (uint32_t)runs;
		aic_job_record_encode(&own, &r);
		rc = insert_new(in, &r, own.data, own.len, AIC_RECORD_ESTIMATED | (split ? AIC_RECORD_SPLIT : 0), err);
	}
	aic_bytes_free(&own);
	aic_job_record_clear(&r);
	return rc;
}

/* Where the job has records already. */
static aic_code join_others(const aic_ingest *in, const aic_job_record *r, const void *body, size_t len, aic_ingest_result *what,
                            aic_error *err)
{
	aic_bytes old = {0};
	bool settled;
	int64_t id = 0;
	aic_code rc = drop_estimate(in, r, body, len, &settled, err);

	if (rc == AIC_OK && settled) {
		*what = AIC_INGEST_DIFFERENT;
		return AIC_OK;
	}
	if (rc == AIC_OK)
		rc = find_existing(in, r, &id, &old, err);
	if (rc == AIC_NOT_FOUND)
		rc = insert_new(in, r, body, len, 0, err);
	else if (rc == AIC_OK)
		rc = meet_existing(in, id, &old, r, body, len, what, err);
	aic_bytes_free(&old);
	return rc;
}

aic_code aic_ingest_record(const aic_ingest *in, const void *body, size_t len, aic_ingest_result *what, aic_error *err)
{
	aic_job_record r = {0};
	aic_code rc = aic_job_record_decode(&r, body, len, err);

	*what = AIC_INGEST_NEW;
	if (rc == AIC_OK)
		rc = insert_alone(in, &r, body, len, 0, err);
	if (rc == AIC_NOT_FOUND)
		rc = join_others(in, &r, body, len, what, err);
	aic_job_record_clear(&r);
	return rc;
}
