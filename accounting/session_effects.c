#include "accounting/session_effects.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accounting/acts.h"
#include "accounting/audit.h"
#include "accounting/refund.h"
#include "common/barred.h"
#include "common/file.h"
#include "common/log.h"

#define OVERDUE_EVERY_MS 60000

typedef struct {
	int64_t id;
	int batch_state;       /* AIC_BATCH_...; -2: in none */
	aic_amount gross, charged;
	bool voided;           /* for this session */
} touched_line;

/* "session 0123456789abcdef": begins every reason, and knows its own acts again. */
static void mark_of(char out[32], const aic_session_row *s)
{
	char hex[2 * AIC_HASH_LEN + 1];

	aic_hash_hex(hex, &s->session);
	snprintf(out, 32, "session %.16s", hex);
}

static void reason_of(char out[200], const aic_session_row *s)
{
	char mark[32];

	mark_of(mark, s);
	if (s->judged && s->result == AIC_VERDICT_DIFFERS)
		snprintf(out, 200, "%s was refuted: segment %llu differs from step %llu on", mark, (unsigned long long)s->segment,
		         (unsigned long long)s->step);
	else
		snprintf(out, 200, "%s was refuted: checkpoints were withheld twice in a row", mark);
}

/* Hardware lines of its nodes. *out malloc'ed. */
static aic_code lines_of(aic_store *s, const aic_session_row *r, touched_line **out, size_t *n, aic_error *err)
{
	char mark[32], voided[48];
	sqlite3_stmt *st;

	mark_of(mark, r);
	snprintf(voided, sizeof(voided), "voided: %s", mark);
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT l.id, coalesce(b.state, -2), l.gross, coalesce(l.charged, l.gross), l.act FROM session_node n"
	                            " JOIN record r ON r.job=n.job AND r.cluster=n.cluster AND r.restart=n.restart AND r.ended>=n.since JOIN line l ON"
	                            " l.id BETWEEN r.first_line AND r.last_line AND l.node=n.node AND l.kind=?2 LEFT JOIN batch b ON b.id=l.batch WHERE"
	                            " n.session=?1 ORDER BY l.id", "ii", r->id, (int64_t)AIC_KIND_HARDWARE);
	*out = NULL;
	*n = 0;
	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		if (!(*n & (*n - 1)))
			*out = aic_xrealloc(*out, (*n ? 2 * *n : 1) * sizeof(**out));
		(*out)[(*n)++] = (touched_line){.id = sqlite3_column_int64(st, 0), .batch_state = sqlite3_column_int(st, 1), .gross = aic_sql_amount(st, 2),
		                                .charged = aic_sql_amount(st, 3), .voided = !strncmp(aic_sql_text(st, 4), voided, strlen(voided))};
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

/* What a posted line paid and nobody has asked back yet is asked back; administrators approve it as any refund. */
static aic_code ask_back(aic_acctd *d, const touched_line *l, const char *reason, aic_error *err)
{
	aic_amount left = l->gross;
	aic_refund *f, asked;
	size_t n;
	aic_code rc = aic_refund_list(d->store, l->id, &f, &n, err);

	for (size_t i = 0; i < n && rc == AIC_OK; i++)
		if (f[i].state != AIC_REFUND_WITHDRAWN || !strcmp(f[i].reason, reason)) /* an administrator who took it back had a reason */
			left -= f[i].amount < left ? f[i].amount : left;
	free(f);
	return rc == AIC_OK && left ? aic_refund_ask(&d->batches, l->id, left, reason, d->config.uid, aic_now(), &asked, err) : rc;
}

/* *later: a line's batch is being closed or posted, so it is looked at again. */
static aic_code void_line(aic_acctd *d, const touched_line *l, const char *reason, bool *later, aic_error *err)
{
	if (l->batch_state >= AIC_BATCH_POSTED)
		return l->gross ? ask_back(d, l, reason, err) : AIC_OK;
	if (!l->gross)
		return AIC_OK;
	if (l->batch_state == AIC_BATCH_CLOSING || l->batch_state == AIC_BATCH_POSTING) {
		*later = true;
		return AIC_OK;
	}
	return aic_line_act(&d->batches, l->id, AIC_ACT_VOID, 0, reason, d->config.uid, aic_now(), err);
}

static aic_code restore_line(aic_acctd *d, const aic_session_row *s, const touched_line *l, bool *later, aic_error *err)
{
	char mark[32], reason[200];

	if (!l->voided || l->gross || l->batch_state >= AIC_BATCH_POSTED)
		return AIC_OK;
	if (l->batch_state == AIC_BATCH_CLOSING || l->batch_state == AIC_BATCH_POSTING) {
		*later = true;
		return AIC_OK;
	}
	mark_of(mark, s);
	snprintf(reason, sizeof(reason), "%s is %s on appeal", mark, aic_session_state_name(s->state));
	return aic_line_act(&d->batches, l->id, AIC_ACT_ADJUST, l->charged, reason, d->config.uid, aic_now(), err);
}

static aic_code bar_nodes(aic_acctd *d, const aic_session_row *s, const char *reason, aic_error *err)
{
	aic_code rc = aic_store_begin(d->store, err);

	if (rc == AIC_OK)
		rc = aic_sql_run(d->store->db, err, "INSERT OR IGNORE INTO barred_node(node, session, since, reason) SELECT DISTINCT node, ?2, ?3, ?4 FROM"
		                 " session_node WHERE session=?1", "ihit", s->id, &s->session, aic_now(), reason);
	if (rc == AIC_OK && aic_sql_changes(d->store->db))
		rc = aic_audit_add(d->store, d->config.uid, aic_now(), err, "its nodes are not lent until they are cleared: %s", reason);
	if (rc == AIC_OK)
		return aic_store_commit(d->store, err);
	aic_store_rollback(d->store);
	return rc;
}

aic_code aic_barred_clear(const aic_batches *b, const char *node, const char *reason, uid_t uid, int64_t now, aic_error *err)
{
	aic_code rc = AIC_OK;

	if (!reason[0])
		return aic_fail(err, AIC_USAGE, "say why: --reason TEXT; it is kept in the log of acts");
	rc = aic_store_begin(b->store, err);
	if (rc != AIC_OK)
		return rc;
	rc = aic_sql_run(b->store->db, err, "DELETE FROM barred_node WHERE node=?1", "t", node);
	if (rc == AIC_OK && !aic_sql_changes(b->store->db))
		rc = aic_fail(err, AIC_NOT_FOUND, "node %s is not barred from lending: `aic lease barred` shows those that are", node);
	if (rc == AIC_OK)
		rc = aic_audit_add(b->store, uid, now, err, "lends node %s again: %.200s", node, reason);
	if (rc == AIC_OK)
		return aic_store_commit(b->store, err);
	aic_store_rollback(b->store);
	return rc;
}

/* --- one session --- */

static aic_code rate_runs(aic_acctd *d, const aic_session_row *s, aic_error *err)
{
	aic_session_node_row *node;
	size_t n;
	aic_code rc = aic_session_nodes_of(d->store->db, s->id, &node, &n, err);

	if (rc != AIC_OK || (rc = aic_store_begin(d->store, err)) != AIC_OK) {
		free(node);
		return rc;
	}
	for (size_t i = 0; i < n && rc == AIC_OK; i++) {
		bool seen = false;
		for (size_t k = 0; k < i; k++)
			seen |= node[k].step.job == node[i].step.job && node[k].step.restart == node[i].step.restart &&
			        !strcmp(node[k].step.cluster, node[i].step.cluster);
		if (!seen)
			rc = aic_rate_run(d->store, node[i].step.cluster, node[i].step.job, node[i].step.restart, err);
	}
	free(node);
	if (rc == AIC_OK)
		return aic_store_commit(d->store, err);
	aic_store_rollback(d->store);
	return rc;
}

static aic_code judge_lines(aic_acctd *d, const aic_session_row *s, bool *later, aic_error *err)
{
	bool refuted = s->state == AIC_SESSION_REFUTED;
	touched_line *line;
	char reason[200];
	size_t n;
	aic_code rc = lines_of(d->store, s, &line, &n, err);

	reason_of(reason, s);
	for (size_t i = 0; i < n && rc == AIC_OK; i++)
		rc = refuted ? void_line(d, &line[i], reason, later, err) : restore_line(d, s, &line[i], later, err);
	free(line);
	if (rc == AIC_OK && refuted && !s->settled)
		rc = bar_nodes(d, s, reason, err);
	if (rc == AIC_OK && !refuted)
		rc = aic_sql_run(d->store->db, err, "DELETE FROM barred_node WHERE session=?1", "h", &s->session);
	return rc;
}

static aic_code effect(aic_acctd *d, const aic_session_row *s, aic_error *err)
{
	bool later = false;
	uint64_t ppm;
	aic_code rc = rate_runs(d, s, err);

	if (rc == AIC_OK && s->run == AIC_RUN_SITE && aic_session_counts(s->state, &ppm))
		rc = judge_lines(d, s, &later, err);
	AIC_FAILPOINT("after a session's effects");
	return rc == AIC_OK && !later ? aic_sql_run(d->store->db, err, "UPDATE session SET changed=0 WHERE id=?1 AND changed=?2", "ii", s->id,
	                                            s->changed) : rc;
}

/* Sessions that are not decided though their runs have waited long enough. */
static void find_overdue(aic_acctd *d)
{
	int64_t now = aic_monotonic_ms(), before = aic_now() - AIC_SESSION_HELD;

	if (d->overdue_at && now - d->overdue_at < OVERDUE_EVERY_MS)
		return;
	d->overdue_at = now;
	aic_sql_run(d->store->db, NULL, "UPDATE session SET changed=changed+1 WHERE settled=0 AND changed=0 AND asked<?1 AND EXISTS(SELECT 1 FROM"
	            " session_node n JOIN record r ON r.job=n.job AND r.cluster=n.cluster AND r.restart=n.restart JOIN line l ON l.id BETWEEN"
	            " r.first_line AND r.last_line WHERE n.session=session.id AND r.ended<=?1 AND l.held&2)", "i", before);
}

/* --- for the allocator --- */

static aic_code write_barred(aic_acctd *d, const aic_bytes *text, aic_error *err)
{
	char path[AIC_PATH_LEN];
	aic_code rc = aic_barred_path(path, &d->config, err);

	if (rc == AIC_OK)
		rc = aic_file_write_atomic(path, text->data, text->len, 0640, err);
	if (rc == AIC_OK && chown(path, (uid_t)-1, d->config.slurm_gid) && errno != EPERM)
		rc = aic_fail_errno(err, "%s: cannot give it to Slurm's group (gid %u)", path, (unsigned)d->config.slurm_gid);
	return rc;
}

static aic_code read_barred(aic_store *s, aic_barred *b, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT node, since, reason FROM barred_node ORDER BY node", "");

	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK)
		aic_barred_add(b, aic_sql_text(st, 0), sqlite3_column_int64(st, 1), aic_sql_text(st, 2));
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

/* Where the list has changed since it was written, and once at the start. */
static aic_code tell_allocator(aic_acctd *d, aic_error *err)
{
	aic_bytes text = {0};
	aic_barred b = {0};
	aic_code rc = read_barred(d->store, &b, err);

	aic_barred_encode(&text, &b);
	aic_hash now = aic_sha256_of(text.data, text.len);
	if (rc == AIC_OK && !aic_hash_equal(&now, &d->barred_told)) {
		rc = write_barred(d, &text, err);
		d->barred_told = rc == AIC_OK ? now : d->barred_told;
	}
	aic_barred_free(&b);
	aic_bytes_free(&text);
	return rc;
}

void aic_session_effects(aic_acctd *d)
{
	aic_session_row *row;
	aic_error e = {0};
	size_t n = 0;

	find_overdue(d);
	aic_code rc = aic_session_rows(d->store->db, AIC_SESSIONS_CHANGED, NULL, 0, &row, &n, &e);
	for (size_t i = 0; i < n && rc == AIC_OK; i++)
		rc = effect(d, &row[i], &e);
	free(row);
	if (rc == AIC_OK)
		rc = tell_allocator(d, &e);
	if (rc != AIC_OK && !d->effects_complained)
		aic_error_log("sessions: %s; tried again", e.message);
	d->effects_complained = rc != AIC_OK;
}
