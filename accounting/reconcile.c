#include "accounting/reconcile.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
	const aic_ingest *in;
	aic_difference *diff;
	size_t n, cap;
} comparison;

static aic_difference *add(comparison *c, aic_diff_kind kind, const char *cluster, uint32_t job, int64_t start)
{
	if (c->n == c->cap) {
		c->cap = c->cap ? 2 * c->cap : 32;
		c->diff = aic_xrealloc(c->diff, c->cap * sizeof(*c->diff));
	}
	aic_difference *d = &c->diff[c->n++];
	memset(d, 0, sizeof(*d));
	d->kind = kind;
	d->job = job;
	d->start = start;
	aic_str_copy(d->cluster, sizeof(d->cluster), cluster);
	return d;
}

typedef struct {
	int64_t id, ended, flags;
	aic_job_state state;
} ours;

/* Slurm writes the start into its database a second later now and then. */
static aic_code find_ours(comparison *c, const aic_job_record *t, ours *o, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(c->in->store->db, &st, err, "SELECT id, ended, flags, state FROM record WHERE cluster=?1 AND job=?2 AND"
	                            " started BETWEEN ?3 - 1 AND ?3 + 1 ORDER BY abs(started - ?3), id LIMIT 1", "tii", t->cluster,
	                            (int64_t)t->job_id, t->start);

	if (rc == AIC_OK)
		rc = aic_sql_step(c->in->store->db, st, err);
	if (rc == AIC_OK) {
		*o = (ours){sqlite3_column_int64(st, 0), sqlite3_column_int64(st, 1), sqlite3_column_int64(st, 2),
		            (aic_job_state)sqlite3_column_int(st, 3)};
		aic_sql_done(st);
	}
	return rc;
}

/* Whether a record of that start is kept aside under another run of the job. */
static aic_code kept_aside(comparison *c, const aic_job_record *t, bool *aside, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(c->in->store->db, &st, err, "SELECT d.body, r.id FROM duplicate d JOIN record r ON r.id=d.record WHERE"
	                            " r.cluster=?1 AND r.job=?2 AND r.submit=?3", "tii", t->cluster, (int64_t)t->job_id, t->submit);

	*aside = false;
	while (rc == AIC_OK && (rc = aic_sql_step(c->in->store->db, st, err)) == AIC_OK) {
		aic_job_record r = {0};
		rc = aic_job_record_decode(&r, sqlite3_column_blob(st, 0), (size_t)sqlite3_column_bytes(st, 0), err);
		*aside |= rc == AIC_OK && r.start >= t->start - 1 && r.start <= t->start + 1;
		aic_job_record_clear(&r);
		if (rc != AIC_OK)
			aic_sql_done(st);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static aic_code fill_missing(comparison *c, const aic_slurmdb_run *run, aic_difference *d, aic_error *err)
{
	aic_bytes body = {0};
	aic_ingest_result what;

	aic_job_record_encode(&body, &run->record);
	aic_code rc = aic_ingest_estimate(c->in, body.data, body.len, run->split, &what, err);
	aic_bytes_free(&body);
	d->filled = rc == AIC_OK && what == AIC_INGEST_NEW;
	d->split = run->split;
	return rc;
}

static void compare_times(comparison *c, const aic_job_record *t, const ours *o)
{
	bool twice = o->flags & AIC_RECORD_DOUBLE;
	int64_t off = t->end - o->ended;

	if (off < -1 || off > 1) {
		aic_difference *d = add(c, AIC_DIFF_END, t->cluster, t->job_id, t->start);
		d->our_end = o->ended;
		d->their_end = t->end;
		d->our_state = o->state;
		d->their_state = t->state;
		d->cause = off > 0 ? (twice ? "Slurm told this run twice; the record that ended first counts"
		                            : "slurmctld was down at its end, or a finished job was requeued: slurmdbd has the later end")
		                   : "slurmdbd has an earlier end: it missed the last update";
	} else if (t->state != o->state && t->state != AIC_STATE_RESIZING && o->state != AIC_STATE_REQUEUED &&
	           o->state != AIC_STATE_LAUNCH_FAILED && o->state != AIC_STATE_RESIZING) {
		aic_difference *d = add(c, AIC_DIFF_STATE, t->cluster, t->job_id, t->start);
		d->our_end = o->ended;
		d->their_end = t->end;
		d->our_state = o->state;
		d->their_state = t->state;
		d->cause = twice ? "Slurm told this run twice; the record that ended first counts"
		                 : "the state changed after jobcomp/aic was called";
	}
}

static aic_code compare_one(comparison *c, const aic_slurmdb_run *run, bool fill, aic_error *err)
{
	const aic_job_record *t = &run->record;
	ours o;
	aic_code rc = find_ours(c, t, &o, err);

	if (rc == AIC_NOT_FOUND) {
		bool aside;
		rc = kept_aside(c, t, &aside, err);
		if (rc != AIC_OK)
			return rc;
		aic_difference *d = add(c, aside ? AIC_DIFF_ASIDE : AIC_DIFF_MISSING, t->cluster, t->job_id, t->start);
		d->their_end = t->end;
		d->their_state = t->state;
		d->cause = "a killed slurmctld ran the job again; the run that ended first counts";
		if (aside)
			return AIC_OK;
		d->cause = "not in a spool: slurmctld was killed before it was written, or ran without jobcomp/aic";
		return fill ? fill_missing(c, run, d, err) : AIC_OK;
	}
	if (rc != AIC_OK)
		return rc;
	compare_times(c, t, &o);
	return aic_sql_run(c->in->store->db, err, "INSERT OR IGNORE INTO temp.matched(id) VALUES(?1)", "i", o.id);
}

static bool was_asked(const aic_slurmdb *s, const char *cluster)
{
	for (size_t i = 0; i < s->n_clusters; i++)
		if (!strcmp(s->cluster[i], cluster))
			return true;
	return false;
}

static aic_code find_unknown(comparison *c, const aic_slurmdb *theirs, int64_t since, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(c->in->store->db, &st, err, "SELECT cluster, job, started, ended, state FROM record WHERE ended>=?1 AND"
	                            " started>0 AND status<>3 AND NOT flags & 2 AND id NOT IN (SELECT id FROM temp.matched) ORDER BY cluster,"
	                            " job, started", "i", since);

	while (rc == AIC_OK && (rc = aic_sql_step(c->in->store->db, st, err)) == AIC_OK) {
		if (!was_asked(theirs, aic_sql_text(st, 0)))
			continue;
		aic_difference *d = add(c, AIC_DIFF_UNKNOWN_TO_SLURM, aic_sql_text(st, 0), (uint32_t)sqlite3_column_int64(st, 1),
		                        sqlite3_column_int64(st, 2));
		d->our_end = sqlite3_column_int64(st, 3);
		d->our_state = (aic_job_state)sqlite3_column_int(st, 4);
		d->cause = "slurmdbd was down or has purged it: the spool counts";
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static aic_code compare_all(comparison *c, int64_t since, const aic_slurmdb *theirs, bool fill, aic_error *err)
{
	aic_code rc = aic_sql_script(c->in->store->db, "CREATE TEMP TABLE IF NOT EXISTS matched(id INTEGER PRIMARY KEY);"
	                                               "DELETE FROM temp.matched;", err);

	for (size_t i = 0; i < theirs->n && rc == AIC_OK; i++)
		rc = compare_one(c, &theirs->run[i], fill, err);
	return rc == AIC_OK ? find_unknown(c, theirs, since, err) : rc;
}

aic_code aic_reconcile(const aic_ingest *in, int64_t since, const aic_slurmdb *theirs, bool fill, aic_difference **out, size_t *n_out,
                       aic_error *err)
{
	comparison c = {.in = in};
	aic_code rc = aic_store_begin(in->store, err);

	if (rc != AIC_OK)
		return rc;
	rc = compare_all(&c, since, theirs, fill, err);
	if (rc == AIC_OK)
		rc = aic_store_commit(in->store, err);
	else
		aic_store_rollback(in->store);
	if (rc != AIC_OK) {
		free(c.diff);
		c.diff = NULL;
		c.n = 0;
	}
	*out = c.diff;
	*n_out = c.n;
	return rc;
}
