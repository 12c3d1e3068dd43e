#include "accounting/ingest.h"

#include <string.h>

#include "accounting/charged.h"

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

/* Nothing is kept beside a record that was erased: it would name the person again. */
static aic_code keep_duplicate(const aic_ingest *in, int64_t id, const void *body, size_t len, const char *note,
                               aic_error *err)
{
	aic_hash hash = aic_sha256_of(body, len);
	int64_t erased = 0;
	aic_code rc = aic_sql_int(in->store->db, &erased, err, "SELECT erased IS NOT NULL FROM record WHERE id=?1", "i",
	                          id);

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
static bool outranks(const aic_job_record *a, const void *a_body, size_t a_len, const aic_job_record *b,
                     const void *b_body,
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
	return rc != AIC_OK ? rc : aic_sql_run(in->store->db, err, "UPDATE record SET body=?2, account=?3, user=?4,"
	                                       " partition=?5, state=?6,"
	                                       " segment=?7, status=?8 WHERE id=?1", "ibtttiii", id, body, len, r->account,
	                                       r->user, r->partition, (int64_t)r->state, aic_segment_key(r),
	                                       (int64_t)AIC_OUT_OF_SCOPE);
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
		rc = keep_duplicate(in, id, body, len, frozen ? "came after its batch was closed, or after an administrator"
		                    " acted on it" : "ends later than the record that counts",
		                    err);
	}
	aic_job_record_clear(&old);
	return rc;
}

/* Slurm counts restarts up behind each end of a run, so only a run's resizes are told apart by their moments: another start of
 * it comes from a slurmctld that was killed, forgot that the run had ended, and ran the job again. */
static aic_code find_existing(const aic_ingest *in, const aic_job_record *r, int64_t *id, aic_bytes *body,
                              aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(in->store->db, &st, err,
	                            "SELECT id, body FROM record WHERE job=?2 AND submit=?3 AND cluster=?1 AND restart=?4"
	                            " AND resizing=?6 AND (resizing=0 OR segment=?5)", "tiiiii", r->cluster,
	                            (int64_t)r->job_id, r->submit, (int64_t)r->restart, aic_segment_key(r),
	                            (int64_t)aic_segment_resizing(r));

	if (rc == AIC_OK && (rc = aic_sql_step(in->store->db, st, err)) == AIC_OK) {
		*id = sqlite3_column_int64(st, 0);
		aic_bytes_append(body, sqlite3_column_blob(st, 1), (size_t)sqlite3_column_bytes(st, 1));
		aic_sql_done(st);
	}
	return rc;
}

/* nth 0: the first of its job, AIC_NOT_FOUND where there is one already; else one more. Its lines begin at next_line. */
static aic_code record_add(const aic_ingest *in, const aic_job_record *r, const void *body, size_t len,
                           unsigned flags, int64_t nth,
                           const aic_segment *s, const aic_rated_charge *rated, aic_error *err)
{
	const aic_charge *c = &rated->charge;
	aic_code rc = aic_sql_run(in->store->db, err,
	                          "INSERT OR IGNORE INTO record(cluster, job, submit, restart, segment, resizing, account,"
	                          " user, partition, state, started, ended, billable, state_ppm, status, reason,"
	                          " cpu_seconds, gpu_seconds, flags, body, nth, first_line, last_line, parted, cpu_ms,"
	                          " gpu_ms) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16,"
	                          " ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26)", "tiiiiitttiiiiiitiiibiiiiuu",
	                          r->cluster, (int64_t)r->job_id, r->submit, (int64_t)r->restart, aic_segment_key(r),
	                          (int64_t)aic_segment_resizing(r), r->account, r->user, r->partition, (int64_t)r->state,
	                          s->start, s->end, c->billable, (int64_t)c->state_ppm, (int64_t)c->status,
	                          c->reason[0] ? c->reason : NULL, (int64_t)c->cpu_seconds, (int64_t)c->gpu_seconds,
	                          (int64_t)flags, body, len, nth, in->store->next_line,
	                          in->store->next_line + (int64_t)c->n - 1, (int64_t)s->parted, rated->use.cpu_ms,
	                          rated->use.gpu_ms);

	return rc == AIC_OK && aic_sql_changes(in->store->db) == 0 ? AIC_NOT_FOUND : rc;
}

static void count_usage(const aic_ingest *in, const aic_job_record *r, const aic_segment *s, const aic_rated_charge *c)
{
	aic_amount charge = 0;

	for (size_t i = 0; i < c->charge.n; i++)
		charge += c->charge.line[i].gross;
	aic_usage_sums sums = aic_usage_of_record(c->charge.status, (int64_t)c->charge.cpu_seconds,
	                                          (int64_t)c->charge.gpu_seconds, &c->use,
	                                          charge);
	aic_usage_add(in->store->usage, s->end, r->account, r->user, &sums, true);
}

/* The first record of a job; AIC_NOT_FOUND where it has some already. */
static aic_code insert_alone(const aic_ingest *in, const aic_job_record *r, const void *body, size_t len,
                             unsigned flags, aic_error *err)
{
	aic_segment s;
	aic_rated_charge c;

	aic_segments_of_run(r, 1, &s);
	s.per_job_due = true;
	aic_code rc = aic_charge_and_rate(in, r, &s, &c, err);
	if (rc == AIC_OK)
		rc = record_add(in, r, body, len, flags, 0, &s, &c, err);
	if (rc == AIC_OK)
		rc = aic_lines_add(in, aic_sql_last_id(in->store->db), r, &c, &s, err);
	if (rc == AIC_OK)
		count_usage(in, r, &s, &c);
	aic_rated_clear(&c);
	return rc;
}

/* One more record of a job: all of them are charged anew. */
static aic_code insert_among(const aic_ingest *in, const aic_job_record *r, const void *body, size_t len,
                             unsigned flags, aic_error *err)
{
	aic_segment s = {.start = r->start, .end = r->end};
	aic_rated_charge none = {.charge.status = AIC_OUT_OF_SCOPE, .use = {AIC_UNKNOWN, AIC_UNKNOWN}};
	int64_t nth = 0;
	aic_code rc = aic_sql_int(in->store->db, &nth, err, "SELECT max(nth) + 1 FROM record WHERE job=?1 AND submit=?2"
	                          " AND cluster=?3", "iit",
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
static aic_code drop_estimate(const aic_ingest *in, const aic_job_record *r, const void *body, size_t len,
                              bool *settled, aic_error *err)
{
	int64_t id, frozen = 0;
	aic_code rc = aic_sql_int(in->store->db, &id, err, "SELECT id FROM record WHERE cluster=?1 AND job=?2 AND"
	                          " submit=?3 AND flags & 2 AND"
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
		rc = aic_lines_drop(in, id, err);
	if (rc == AIC_OK)
		rc = aic_sql_run(in->store->db, err, "DELETE FROM record WHERE id=?1", "i", id);
	/* a job that has records has an nth of 0, which is how the next one finds out */
	return rc != AIC_OK ? rc : aic_sql_run(in->store->db, err, "UPDATE record SET nth=0 WHERE id=(SELECT id FROM"
	                                       " record WHERE job=?1 AND"
	                                       " submit=?2 AND cluster=?3 ORDER BY nth LIMIT 1)", "iit",
	                                       (int64_t)r->job_id, r->submit, r->cluster);
}

aic_code aic_ingest_estimate(const aic_ingest *in, const void *body, size_t len, bool split, aic_ingest_result *what,
                             aic_error *err)
{
	aic_job_record r = {0};
	aic_bytes own = {0};
	int64_t known = 0, runs = 0;
	aic_code rc = aic_job_record_decode(&r, body, len, err);

	*what = AIC_INGEST_EQUAL;
	if (rc == AIC_OK)
		rc = aic_sql_int(in->store->db, &known, err, "SELECT count(*) FROM record WHERE cluster=?1 AND job=?2 AND"
		                 " started BETWEEN ?3 - 1"
		                 " AND ?3 + 1", "tii", r.cluster, (int64_t)r.job_id, r.start);
	/* slurmdbd has no restart count, and the comment may be an earlier run's: it takes a number that no record of the job has */
	if (rc == AIC_OK && !known)
		rc = aic_sql_int(in->store->db, &runs, err, "SELECT CASE WHEN ?5 AND NOT EXISTS(SELECT 1 FROM record WHERE"
		                 " cluster=?1 AND job=?2"
		                 " AND submit=?3 AND restart=?4) THEN ?4 ELSE coalesce(max(restart) + 1, 0) END FROM record"
		                 " WHERE cluster=?1 AND job=?2 AND submit=?3", "tiiii", r.cluster, (int64_t)r.job_id, r.submit,
		                 (int64_t)r.restart, (int64_t)split);
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
static aic_code join_others(const aic_ingest *in, const aic_job_record *r, const void *body, size_t len,
                            aic_ingest_result *what,
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
