/* serve_report_sessions.c: the training sessions of a period's jobs, what their seconds count, and why. */
#define _GNU_SOURCE
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/acctd.h"
#include "accounting/session_effects.h"

typedef struct {
	aic_request *q;
	const aic_asked_period *p;
	const aic_filter *f;
	aic_rows *rows;
} reporting;

static const char *user_of(char out[AIC_NAME_LEN], uid_t uid)
{
	struct passwd pw, *found = NULL;
	char buf[4096];

	if (getpwuid_r(uid, &pw, buf, sizeof(buf), &found) || !found)
		snprintf(out, AIC_NAME_LEN, "%u", (unsigned)uid);
	else
		aic_str_copy(out, AIC_NAME_LEN, pw.pw_name);
	return out;
}

static bool is(const char *wanted, const char *has)
{
	return !wanted[0] || !strcmp(wanted, has);
}

static bool of_provider(const char *wanted, const char *wallet)
{
	return is(wanted, wallet) || (!strncmp(wallet, "provider/", 9) && !strcmp(wanted, wallet + 9));
}

/* It ran in the period, there, and passes the filter. */
static bool is_wanted(const reporting *r, const aic_session_node_row *n, int64_t now)
{
	int64_t end = n->until ? n->until : now;

	return n->since < r->p->end && end >= r->p->start && is(r->f->node, n->share.name) && is(r->f->cluster, n->step.cluster) &&
	       of_provider(r->f->provider, n->provider);
}

static void put_row(reporting *r, const aic_session_row *s, const aic_session_node_row *first, const char *user, const char *nodes, int64_t seconds)
{
	static const char *const classes[] = {"D0", "D1", "D2"};
	char hex[2 * AIC_HASH_LEN + 1] = "", job[16], counts[24], words[AIC_SESSION_WORDS];
	uint64_t ppm;

	if (s->on_ledger)
		aic_hash_hex(hex, &s->session);
	snprintf(job, sizeof(job), "%u", first->step.job);
	aic_rows_text(r->rows, job);
	aic_rows_text(r->rows, first->step.cluster);
	aic_rows_text(r->rows, s->account);
	aic_rows_text(r->rows, user);
	aic_rows_text(r->rows, hex);
	aic_rows_text(r->rows, s->run == AIC_RUN_SITE ? "site" : "user");
	aic_rows_text(r->rows, s->counts_as < 3 ? classes[s->counts_as] : "?");
	aic_rows_text(r->rows, nodes);
	aic_rows_number(r->rows, seconds);
	aic_rows_number(r->rows, (int64_t)s->checkpoints);
	aic_rows_text(r->rows, aic_session_state_name(s->state));
	snprintf(counts, sizeof(counts), "%llu", aic_session_counts(s->state, &ppm) ? (unsigned long long)ppm : 0);
	aic_rows_text(r->rows, aic_session_counts(s->state, &ppm) ? counts : NULL);
	aic_rows_text(r->rows, aic_session_why(words, s));
}

/* A node that a requeued job got again is named once. */
static bool named_before(const aic_session_node_row *node, size_t from, size_t k)
{
	for (size_t i = from; i < k; i++)
		if (node[i].step.job == node[k].step.job && !strcmp(node[i].step.cluster, node[k].step.cluster) &&
		    !strcmp(node[i].share.name, node[k].share.name))
			return true;
	return false;
}

/* A row for each job that it ran in. */
static void put_session(reporting *r, const aic_session_row *s, const aic_session_node_row *node, size_t n)
{
	int64_t now = aic_now();
	char user[AIC_NAME_LEN];

	user_of(user, s->uid);
	if (!aic_viewer_sees_job(r->q->viewer, s->account, user) || !is(r->f->account, s->account) || !is(r->f->user, user))
		return;
	for (size_t i = 0; i < n; i++) {
		bool seen = !is_wanted(r, &node[i], now);
		aic_bytes nodes = {0};
		int64_t seconds = 0;

		for (size_t k = 0; k < i; k++)
			seen |= is_wanted(r, &node[k], now) && node[k].step.job == node[i].step.job && !strcmp(node[k].step.cluster, node[i].step.cluster);
		if (seen)
			continue;
		for (size_t k = i; k < n; k++) {
			if (node[k].step.job != node[i].step.job || strcmp(node[k].step.cluster, node[i].step.cluster) || !is_wanted(r, &node[k], now))
				continue;
			seconds += aic_session_seconds(s, &node[k], now);
			if (!named_before(node, i, k))
				aic_bytes_printf(&nodes, "%s%s", nodes.len ? " " : "", node[k].share.name);
		}
		aic_bytes_append(&nodes, "", 1);
		put_row(r, s, &node[i], user, (const char *)nodes.data, seconds);
		aic_bytes_free(&nodes);
	}
}

/* [period, filter] : period text, rows */
aic_code aic_serve_report_sessions(aic_request *q, aic_error *err)
{
	aic_rows rows = {.columns = 13};
	aic_asked_period p;
	aic_filter f;
	reporting r = {q, &p, &f, &rows};
	aic_session_row *s = NULL;
	size_t n = 0;
	aic_code rc = aic_read_period(q, &p, &f, err);

	if (rc == AIC_OK)
		rc = aic_session_rows_of_period(q->d->store->db, p.start, p.end, &s, &n, err);
	for (size_t i = 0; i < n && rc == AIC_OK; i++) {
		aic_session_node_row *node;
		size_t nodes;
		rc = aic_session_nodes_of(q->d->store->db, s[i].id, &node, &nodes, err);
		if (rc == AIC_OK && !f.asset[0])
			put_session(&r, &s[i], node, nodes);
		free(node);
	}
	free(s);
	aic_cbor_put_text(q->out, p.name);
	aic_rows_finish(&rows, q->out);
	*q->items = 2;
	return rc;
}

/* [] : [* [node, since, session, reason]] */
aic_code aic_serve_barred(aic_request *q, aic_error *err)
{
	aic_rows rows = {.columns = 4};
	char hex[2 * AIC_HASH_LEN + 1];
	sqlite3_stmt *st;
	aic_code rc = aic_cbor_finish(q->args, err);

	if (rc == AIC_OK)
		rc = aic_sql_start(q->d->store->db, &st, err, "SELECT node, since, session, reason FROM barred_node ORDER BY node", "");
	while (rc == AIC_OK && (rc = aic_sql_step(q->d->store->db, st, err)) == AIC_OK) {
		aic_hex(hex, sqlite3_column_blob(st, 2), (size_t)sqlite3_column_bytes(st, 2));
		aic_rows_text(&rows, aic_sql_text(st, 0));
		aic_rows_number(&rows, sqlite3_column_int64(st, 1));
		aic_rows_text(&rows, hex);
		aic_rows_text(&rows, aic_sql_text(st, 3));
	}
	aic_rows_finish(&rows, q->out);
	*q->items = 1;
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

/* [node, reason] */
aic_code aic_serve_barred_clear(aic_request *q, aic_error *err)
{
	char node[AIC_NAME_LEN], reason[256];

	aic_cbor_text(q->args, node, sizeof(node));
	aic_cbor_text(q->args, reason, sizeof(reason));
	aic_code rc = aic_cbor_finish(q->args, err);
	if (rc == AIC_OK)
		rc = aic_barred_clear(&q->d->batches, node, reason, q->who->uid, aic_now(), err);
	*q->items = 0;
	return rc;
}
