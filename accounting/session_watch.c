#include "accounting/session_watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/post.h"
#include "accounting/session_effects.h"
#include "common/file.h"
#include "common/log.h"

#define EVERY_MS 2000
#define REFUTED_STAYS 262800   /* seconds after a decision in which it can be appealed against, and an hour */
#define REQUEUED_WAITS 604800  /* for a run that Slurm has put back into its queue */
#define LOST_AFTER 120         /* seconds after which an opening of which no answer is known is looked for on the ledger */
#define FORGOTTEN_AFTER 3600   /* and given up where it is not there */
#define LIST_MAX 10000

/* --- what the ledger says --- */

static void say_segments(char out[160], const aic_ledger_session *w)
{
	out[0] = '\0';
	for (size_t i = 0, at = 0; i < w->n_segments && at < 140; i++)
		at += (size_t)snprintf(out + at, 160 - at, "%s%llu", i ? " " : "", (unsigned long long)w->segment[i]);
}

static bool is_key(const uint8_t key[AIC_PUBLIC_LEN])
{
	static const uint8_t none[AIC_PUBLIC_LEN];

	return memcmp(key, none, AIC_PUBLIC_LEN) != 0;
}

/* Nothing counts before it is final: what a later block could undo is left out. */
static void take_final(aic_session_row *s, const aic_ledger_session *w, uint64_t final)
{
	uint64_t ppm;
	bool decided = aic_session_counts(w->state, &ppm);
	const aic_ledger_finding *f = w->decision.there ? &w->decision : &w->verdict;

	s->counts_as = w->counts_as;
	s->checkpoints = w->checkpoints;
	s->closing = w->closed != 0;
	s->closed = w->closed_at;
	if (decided ? w->decided > final : w->drawn > final)
		return;
	s->state = w->state;
	s->appeals = w->appeals;
	s->decided = decided ? w->decided_at : 0;
	if (!w->n_segments)
		return;
	say_segments(s->segments, w);
	memcpy(s->verifier, w->verifier, AIC_PUBLIC_LEN);
	memcpy(s->third, w->third, AIC_PUBLIC_LEN);
	s->has_verifier = is_key(s->verifier);
	s->has_third = is_key(s->third) && (w->decision.there || w->state == AIC_SESSION_DOUBTED); /* drawn always, asked where in doubt */
	s->judged = f->there;
	s->result = f->result;
	s->segment = f->segment;
	s->step = f->step;
}

static aic_code write_state(aic_sql *db, const aic_session_row *s, bool changed, aic_error *err)
{
	return aic_sql_run(db, err, "UPDATE session SET state=?2, counts_as=?3, checkpoints=max(checkpoints, ?4), closing=?5, closed=?6, decided=?7,"
	                   " appeals=?8, segments=?9, verifier=?10, third=?11, result=?12, segment=?13, step=?14, settled=?15, changed=changed+?16"
	                   " WHERE id=?1", "iiiiiiiitbbuiiii", s->id, (int64_t)s->state, (int64_t)s->counts_as, (int64_t)s->checkpoints,
	                   (int64_t)s->closing, s->closed, s->decided, (int64_t)s->appeals, s->segments[0] ? s->segments : NULL, s->verifier,
	                   (size_t)(s->has_verifier ? AIC_PUBLIC_LEN : 0), s->third, (size_t)(s->has_third ? AIC_PUBLIC_LEN : 0),
	                   s->judged ? s->result : AIC_UNKNOWN, (int64_t)s->segment, (int64_t)s->step, (int64_t)s->settled, (int64_t)changed);
}

static aic_code look(aic_acctd *d, aic_ledger *l, aic_session_row *s, uint64_t final, int64_t now, aic_error *err)
{
	aic_ledger_session *w = aic_xcalloc(1, sizeof(*w));
	aic_session_row was = *s;
	uint64_t ppm;
	aic_code rc = aic_ledger_session_get(l, &s->session, w, err);

	if (rc == AIC_OK) {
		take_final(s, w, final);
		bool lasts = s->state == AIC_SESSION_REFUTED || s->state == AIC_SESSION_WITHHELD;
		s->settled = aic_session_counts(s->state, &ppm) && (!lasts || now - s->decided > REFUTED_STAYS);
		bool changed = s->state != was.state || s->settled != was.settled || s->appeals != was.appeals;
		bool differs = changed || s->closing != was.closing || s->checkpoints != was.checkpoints || s->judged != was.judged ||
		               strcmp(s->segments, was.segments);
		rc = differs ? write_state(d->store->db, s, changed, err) : AIC_OK;
	}
	free(w);
	return rc;
}

/* --- openings of which no answer is known --- */

static aic_code take_found(aic_sql *db, const aic_session_row *s, const aic_ledger_session *all, size_t n, int64_t now, aic_error *err)
{
	for (size_t i = 0; i < n; i++)
		if (aic_hash_equal(&all[i].spec, &s->spec) && aic_hash_equal(&all[i].data, &s->data) && aic_hash_equal(&all[i].code, &s->code) &&
		    all[i].class == s->class)
			return aic_sql_run(db, err, "UPDATE session SET session=?2, entropy=?3 WHERE id=?1 AND session IS NULL", "ihh", s->id, &all[i].id,
			                   &all[i].entropy);
	if (now - s->asked < FORGOTTEN_AFTER)
		return AIC_OK;
	aic_code rc = aic_sql_run(db, err, "DELETE FROM session_node WHERE session=?1", "i", s->id);
	return rc == AIC_OK ? aic_sql_run(db, err, "DELETE FROM session WHERE id=?1 AND session IS NULL", "i", s->id) : rc;
}

static aic_code find_lost(aic_acctd *d, aic_ledger *l, const aic_session_row *row, size_t n, int64_t now, aic_error *err)
{
	aic_ledger_session *all = NULL;
	size_t found = 0;
	bool lost = false;
	aic_code rc = AIC_OK;

	for (size_t i = 0; i < n; i++)
		lost |= !row[i].on_ledger && now - row[i].asked > LOST_AFTER;
	if (lost)
		rc = aic_ledger_sessions(l, AIC_SESSIONS_ALL, LIST_MAX, &all, &found, err);
	for (size_t i = 0; i < n && lost && rc == AIC_OK; i++)
		if (!row[i].on_ledger && now - row[i].asked > LOST_AFTER)
			rc = take_found(d->store->db, &row[i], all, found, now, err);
	free(all);
	return rc;
}

/* --- closing --- */

static aic_code write_fees(aic_sql *db, int64_t session, const aic_ledger_session_fee *fee, size_t n, aic_error *err)
{
	aic_code rc = aic_sql_begin(db, err);

	for (size_t i = 0; i < n && rc == AIC_OK; i++)
		rc = aic_sql_run(db, err, "INSERT OR IGNORE INTO session_fee(session, provider, fee) VALUES(?1, ?2, ?3)", "ita", session, fee[i].provider,
		                 &fee[i].fee);
	if (rc == AIC_OK)
		rc = aic_sql_commit(db, err);
	if (rc != AIC_OK)
		aic_sql_rollback(db);
	return rc;
}

/* The fees that were computed first are told at each try: the ledger knows a repeat by them. */
static aic_code read_fees(aic_sql *db, int64_t session, aic_ledger_session_fee *fee, size_t *n, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(db, &st, err, "SELECT provider, fee FROM session_fee WHERE session=?1", "i", session);

	*n = 0;
	while (rc == AIC_OK && (rc = aic_sql_step(db, st, err)) == AIC_OK && *n < AIC_SESSION_PAID_MAX) {
		memset(&fee[*n], 0, sizeof(*fee));
		aic_str_copy(fee[*n].provider, sizeof(fee->provider), aic_sql_text(st, 0));
		fee[(*n)++].fee = aic_sql_amount(st, 1);
	}
	if (rc == AIC_OK)
		aic_sql_done(st);
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

aic_code aic_session_close_on_ledger(aic_acctd *d, aic_ledger *l, const aic_session_row *s, aic_error *err)
{
	aic_ledger_session_fee *fee, stated[AIC_SESSION_PAID_MAX];
	uint64_t height;
	size_t n;
	aic_code rc = aic_session_stated_fees(d->store->db, s, &d->config.rates, d->fee_ppm, aic_now(), &fee, &n, err);

	if (rc == AIC_OK)
		rc = write_fees(d->store->db, s->id, fee, n, err);
	if (rc == AIC_OK)
		rc = read_fees(d->store->db, s->id, stated, &n, err);
	free(fee);
	if (rc != AIC_OK)
		return rc;
	AIC_FAILPOINT("before session's end");
	rc = aic_ledger_session_close(l, &s->session, s->steps, (aic_session_end)s->end, stated, n, &height, err);
	AIC_FAILPOINT("after session's end");
	return rc == AIC_OK ? aic_sql_run(d->store->db, err, "UPDATE session SET closing=1, steps=?2, end=?3 WHERE id=?1", "iii", s->id,
	                                  (int64_t)s->steps, s->end) : rc;
}

/* How the last run of its job ended; AIC_NOT_FOUND: it runs. */
static aic_code last_run(aic_sql *db, int64_t session, aic_job_state *state, int64_t *ended, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(db, &st, err, "SELECT r.state, r.ended FROM session_node n JOIN record r ON r.job=n.job AND r.cluster=n.cluster AND"
	                            " r.restart=n.restart AND r.resizing=0 AND r.ended>=n.since WHERE n.session=?1 AND n.since=(SELECT max(since) FROM"
	                            " session_node WHERE session=?1) ORDER BY r.ended DESC LIMIT 1", "i", session);

	if (rc == AIC_OK && (rc = aic_sql_step(db, st, err)) == AIC_OK) {
		*state = (aic_job_state)sqlite3_column_int(st, 0);
		*ended = sqlite3_column_int64(st, 1);
		aic_sql_done(st);
	}
	return rc;
}

/* Whether nobody but aicacctd will say that it ended. */
static aic_code is_over(aic_sql *db, const aic_session_row *s, int64_t now, bool *over, int64_t *ended, aic_error *err)
{
	aic_job_state state = AIC_STATE_COMPLETED;
	aic_code rc = last_run(db, s->id, &state, ended, err);
	bool back = state == AIC_STATE_REQUEUED || state == AIC_STATE_PREEMPTED;

	*over = false;
	if (rc != AIC_OK)
		return rc == AIC_NOT_FOUND ? AIC_OK : rc;
	*over = now - *ended > (back ? REQUEUED_WAITS : s->end == AIC_END_STOPPED ? 0 : AIC_SESSION_ORPHANED);
	return AIC_OK;
}

static aic_code close_orphan(aic_acctd *d, aic_ledger *l, aic_session_row *s, int64_t now, aic_error *err)
{
	aic_ledger_session *w;
	int64_t ended = 0;
	bool over;
	aic_code rc = is_over(d->store->db, s, now, &over, &ended, err);

	if (rc != AIC_OK || !over)
		return rc;
	rc = aic_sql_run(d->store->db, err, "UPDATE session_node SET until=max(since, ?2) WHERE session=?1 AND until=0", "ii", s->id, ended);
	if (rc == AIC_OK && s->end < 0) {
		w = aic_xcalloc(1, sizeof(*w));
		s->end = AIC_END_FAILED;
		rc = aic_ledger_session_get(l, &s->session, w, err);
		s->steps = w->last_step;
		free(w);
	}
	if (rc == AIC_OK)
		rc = aic_session_close_on_ledger(d, l, s, err);
	return rc;
}

/* --- the round --- */

static aic_code look_at_all(aic_acctd *d, aic_ledger *l, uint64_t final, int64_t now, aic_error *err)
{
	aic_session_row *row;
	size_t n;
	aic_code rc = aic_session_rows(d->store->db, AIC_SESSIONS_UNSETTLED, NULL, 0, &row, &n, err);

	if (rc == AIC_OK)
		rc = find_lost(d, l, row, n, now, err);
	for (size_t i = 0; i < n && rc == AIC_OK; i++) {
		if (!row[i].on_ledger)
			continue;
		rc = look(d, l, &row[i], final, now, err);
		if (rc == AIC_OK && !row[i].closing)
			rc = close_orphan(d, l, &row[i], now, err);
		if (rc == AIC_REFUSED || rc == AIC_NOT_FOUND) { /* one of them is no reason to leave the others */
			aic_warn("session of account %s: %s", row[i].account, err->message);
			rc = AIC_OK;
		}
	}
	free(row);
	return rc;
}

aic_code aic_session_round(aic_acctd *d, aic_error *err)
{
	aic_ledger_status status;
	int64_t due = 0;
	aic_ledger *l;
	aic_code rc = aic_sql_int(d->store->db, &due, err, "SELECT EXISTS(SELECT 1 FROM session WHERE settled=0) OR EXISTS(SELECT 1 FROM session_fee"
	                          " WHERE state=0)", "");

	if (rc != AIC_OK || !due)
		return rc;
	rc = aic_acctd_ledger(d, &l, err);
	if (rc == AIC_OK)
		rc = aic_ledger_status_get(l, &status, err);
	if (rc == AIC_OK)
		rc = look_at_all(d, l, status.final_height, aic_now(), err);
	return rc == AIC_OK ? aic_session_rate_paid(d, l, err) : rc;
}

/* --- its thread --- */

struct aic_session_watch {
	pthread_t thread;
	bool running, complained;
	atomic_bool done;
	int64_t at;                 /* monotonic ms of the last round's start */
	aic_acctd own;              /* its own store and ledger connection; config is the daemon's */
	char path[AIC_PATH_LEN];
	aic_code code;
	aic_error err;
};

aic_session_watch *aic_session_watch_new(void)
{
	return aic_xcalloc(1, sizeof(aic_session_watch));
}

static void *work(void *arg)
{
	aic_session_watch *w = arg;

	w->code = aic_store_open_writer(&w->own.store, w->path, &w->err);
	w->own.batches.store = w->own.store;
	if (w->code == AIC_OK)
		w->code = aic_session_round(&w->own, &w->err);
	aic_ledger_close(w->own.ledger);
	aic_store_close(w->own.store);
	atomic_store(&w->done, true);
	return NULL;
}

static void collect(aic_session_watch *w)
{
	pthread_join(w->thread, NULL);
	w->running = false;
	if (w->code != AIC_OK && !w->complained)
		aic_warn("sessions: %s; looked at again every %d s", w->err.message, EVERY_MS / 1000);
	w->complained = w->code != AIC_OK;
}

void aic_session_watch_free(aic_session_watch *w)
{
	if (w && w->running)
		collect(w);
	free(w);
}

static void start(aic_session_watch *w, aic_acctd *d)
{
	aic_error e = {0};

	if (aic_path_join(w->path, sizeof(w->path), d->config.state_dir, "accounting.db", &e) != AIC_OK)
		return;
	w->own = (aic_acctd){.config = d->config, .fee_ppm = d->fee_ppm, .batches = d->batches};
	aic_str_copy(w->own.ledger_failure, sizeof(w->own.ledger_failure), d->ledger_failure);
	w->own.batches.config = &w->own.config;
	w->own.batches.read_only = true;
	w->err = (aic_error){0};
	atomic_store(&w->done, false);
	w->running = !pthread_create(&w->thread, NULL, work, w);
}

void aic_session_watch_tick(aic_session_watch *w, aic_acctd *d)
{
	int64_t now = aic_monotonic_ms();

	if (w->running && atomic_load(&w->done))
		collect(w);
	aic_session_effects(d);
	if (w->running || !d->background || d->ledger_failure[0] || (w->at && now - w->at < EVERY_MS))
		return;
	w->at = now;
	start(w, d);
}
