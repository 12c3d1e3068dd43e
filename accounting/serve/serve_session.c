/* serve_session.c: what a training says of its session, in a thread that may wait for Slurm and for the ledger (background.h).
 * doc/formats/rpc-accounting.md, "Sessions". The row is on the disk before the ledger is asked, so that what a crash leaves there is
 * found again by its salted roots. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/acctd.h"
#include "accounting/ingest.h"
#include "accounting/session_watch.h"

/* --- who may --- */

static aic_code may_speak(const aic_request *q, uid_t owner, const char *whose, aic_error *err)
{
	if (q->who->uid == owner || q->who->uid == q->d->config.uid || q->viewer->admin)
		return AIC_OK;
	return aic_fail(err, AIC_REFUSED, "%s is uid %u's, and you are uid %u: its user speaks for it, and administrators", whose, (unsigned)owner,
	                (unsigned)q->who->uid);
}

static aic_code find_named(aic_request *q, const aic_session_name *name, aic_session_row *s, aic_error *err)
{
	char hex[2 * AIC_HASH_LEN + 1], whose[40];
	aic_code rc = aic_session_by_id(q->d->store->db, &name->session, s, err);

	aic_hash_hex(hex, &name->session);
	snprintf(whose, sizeof(whose), "session %.16s", hex);
	if (rc == AIC_NOT_FOUND)
		return aic_fail(err, AIC_NOT_FOUND, "%s was not opened here: `aic session list` shows those that were", whose);
	if (rc == AIC_OK && memcmp(s->token, name->token, sizeof(s->token)) != 0)
		return aic_fail(err, AIC_REFUSED, "%s was opened with another token: who speaks for it shows the one of its opening", whose);
	return rc == AIC_OK ? may_speak(q, s->uid, whose, err) : rc;
}

/* A ledger that is away is told of at once, before Slurm is asked. */
static aic_code need_ledger(aic_request *q, aic_ledger **l, aic_error *err)
{
	aic_ledger_status status;
	aic_code rc = aic_acctd_ledger(q->d, l, err);

	if (rc == AIC_OK && (rc = aic_ledger_status_get(*l, &status, err)) == AIC_OK && status.log[0])
		rc = aic_fail(err, AIC_UNREACHABLE, "the ledger takes nothing now: %s", status.log);
	return rc;
}

/* --- the nodes of a run --- */

static aic_code node_key(aic_sql *db, const char *node, uint8_t key[AIC_PUBLIC_LEN], aic_error *err)
{
	sqlite3_stmt *st;
	bool there = false;
	aic_code rc = aic_sql_start(db, &st, err, "SELECT key FROM node_key WHERE node=?1", "t", node);

	if (rc == AIC_OK && (rc = aic_sql_step(db, st, err)) == AIC_OK) {
		there = sqlite3_column_bytes(st, 0) == AIC_PUBLIC_LEN;
		if (there)
			memcpy(key, sqlite3_column_blob(st, 0), AIC_PUBLIC_LEN);
		aic_sql_done(st);
	}
	if (rc == AIC_NOT_FOUND || (rc == AIC_OK && !there))
		return aic_fail(err, AIC_REFUSED, "node %s has sent nothing yet, so that its key is not known: see that aicnoded runs there and reaches"
		                " aicacctd (`aic doctor`)", node);
	return rc;
}

/* The provider that owns it now, as aic.yaml says; else the site itself. */
static aic_code node_provider(aic_sql *db, const char *node, char wallet[AIC_NAME_LEN], aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(db, &st, err, "SELECT provider FROM ownership WHERE node=?1 ORDER BY since DESC LIMIT 1", "t", node);

	aic_str_copy(wallet, AIC_NAME_LEN, "site");
	if (rc == AIC_OK && (rc = aic_sql_step(db, st, err)) == AIC_OK) {
		if (aic_sql_text(st, 0)[0])
			snprintf(wallet, AIC_NAME_LEN, "provider/%.*s", AIC_NAME_LEN - 10, aic_sql_text(st, 0));
		aic_sql_done(st);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

typedef struct {
	aic_slurm_job job;
	aic_session_node_row *node;
	size_t n;
} run;

static void run_clear(run *r)
{
	aic_slurm_job_clear(&r->job);
	free(r->node);
}

static aic_code check_run(const aic_request *q, const aic_slurm_job *j, const aic_job_step *step, aic_error *err)
{
	char whose[24];

	snprintf(whose, sizeof(whose), "job %u", step->job);
	if (!j->running || !j->n)
		return aic_fail(err, AIC_REFUSED, "job %u does not run: a session is opened and continued while its job holds nodes", step->job);
	if (step->cluster[0] && strcmp(step->cluster, j->cluster))
		return aic_fail(err, AIC_REFUSED, "job %u is of cluster %s, aicacctd serves %s", step->job, step->cluster, j->cluster);
	if (!j->account[0] || !aic_in_scope(&q->d->config, j->partition, j->account))
		return aic_fail(err, AIC_REFUSED, "job %u is out of AIC's scope (partition %s, account %s): it has no session; `scope` of aic.yaml says what is in",
		                step->job, j->partition, j->account[0] ? j->account : "none");
	return may_speak(q, j->uid, whose, err);
}

/* Asks Slurm, and adds what the store knows of the nodes. */
static aic_code find_run(aic_request *q, const aic_job_step *step, run *r, aic_error *err)
{
	aic_sql *db = q->d->store->db;
	aic_code rc = q->d->job_ask(&r->job, &q->d->config, step, err);

	if (rc == AIC_OK)
		rc = check_run(q, &r->job, step, err);
	if (rc != AIC_OK)
		return rc;
	r->node = aic_xcalloc(r->job.n, sizeof(*r->node));
	for (; r->n < r->job.n && rc == AIC_OK; r->n++) {
		aic_session_node_row *n = &r->node[r->n];

		n->share = r->job.node[r->n];
		n->step = *step;
		n->step.restart = r->job.restart;
		aic_str_copy(n->step.cluster, sizeof(n->step.cluster), r->job.cluster);
		rc = node_key(db, n->share.name, n->key, err);
		if (rc == AIC_OK)
			rc = node_provider(db, n->share.name, n->provider, err);
	}
	return rc;
}

/* --- the ledger's side --- */

static int by_key(const void *a, const void *b)
{
	return memcmp(((const aic_ledger_node *)a)->key, ((const aic_ledger_node *)b)->key, AIC_PUBLIC_LEN);
}

/* Each key once, ascending. */
static aic_ledger_node *ledger_nodes(const aic_session_node_row *row, size_t n, size_t *out)
{
	aic_ledger_node *node = aic_xcalloc(n + 1, sizeof(*node));

	for (size_t i = 0; i < n; i++) {
		memcpy(node[i].key, row[i].key, AIC_PUBLIC_LEN);
		aic_str_copy(node[i].provider, sizeof(node[i].provider), row[i].provider);
	}
	qsort(node, n, sizeof(*node), by_key);
	*out = 0;
	for (size_t i = 0; i < n; i++)
		if (!*out || by_key(&node[i], &node[*out - 1]))
			node[(*out)++] = node[i];
	return node;
}

static bool is_registered(const aic_ledger_key *key, size_t n, const uint8_t wanted[AIC_PUBLIC_LEN])
{
	for (size_t i = 0; i < n; i++)
		if (key[i].role == AIC_ROLE_NODE && key[i].valid && !memcmp(key[i].key, wanted, AIC_PUBLIC_LEN))
			return true;
	return false;
}

/* A node's key stands on the ledger before a session names it. */
static aic_code register_keys(aic_ledger *l, const aic_session_node_row *row, size_t n, aic_error *err)
{
	aic_ledger_key *key = NULL;
	uint64_t approvals, height;
	size_t keys = 0;
	aic_code rc = aic_ledger_keys(l, &key, &keys, &approvals, err);

	for (size_t i = 0; i < n && rc == AIC_OK; i++)
		if (!is_registered(key, keys, row[i].key))
			rc = aic_ledger_key_register(l, row[i].share.name, AIC_ROLE_NODE, row[i].key, 0, NULL, &height, err);
	free(key);
	return rc;
}

/* Wallets that aicacctd registers in time (link.c). */
static aic_code need_wallet(aic_sql *db, const char *wallet, aic_error *err)
{
	int64_t registered = 0;
	aic_code rc = aic_sql_int(db, &registered, err, "SELECT registered FROM wallet WHERE name=?1", "t", wallet);

	if (rc == AIC_NOT_FOUND || (rc == AIC_OK && !registered))
		return aic_fail(err, AIC_UNREACHABLE, "wallet %s is not on the ledger yet: aicacctd registers it once slurmdbd has named its account; try"
		                " again in a minute", wallet);
	return rc;
}

static int by_number(const void *a, const void *b)
{
	return memcmp(a, b, AIC_ASSET_ID_LEN);
}

static const uint8_t *number_of(const aic_config *c, const char *name)
{
	for (size_t i = 0; i < c->n_assets; i++)
		if (c->asset[i].on_ledger && !strcmp(c->asset[i].name, name))
			return c->asset[i].number;
	return NULL;
}

/* Names that are not on the ledger are left out. */
static void take_assets(const aic_config *c, const aic_session_opening *o, aic_ledger_session *s)
{
	const uint8_t *model = o->model[0] ? number_of(c, o->model) : NULL;
	size_t n = 0;

	if (model) {
		memcpy(s->model, model, AIC_ASSET_ID_LEN);
		s->model_len = AIC_ASSET_ID_LEN;
	}
	for (size_t i = 0; i < o->n_assets; i++) {
		const uint8_t *number = number_of(c, o->asset[i]);
		if (number)
			memcpy(s->asset[n++], number, AIC_ASSET_ID_LEN);
	}
	qsort(s->asset, n, AIC_ASSET_ID_LEN, by_number);
	for (size_t i = 0; i < n; i++)
		if (!s->n_assets || by_number(s->asset[i], s->asset[s->n_assets - 1]))
			memmove(s->asset[s->n_assets++], s->asset[i], AIC_ASSET_ID_LEN);
}

/* --- opening --- */

static aic_code write_row(aic_sql *db, aic_session_row *s, const run *r, aic_error *err)
{
	aic_code rc = aic_sql_begin(db, err);

	if (rc == AIC_OK)
		rc = aic_session_insert(db, s, err);
	if (rc == AIC_OK)
		rc = aic_session_join(db, s->id, r->node, r->n, s->asked, err);
	if (rc == AIC_OK)
		rc = aic_sql_commit(db, err);
	if (rc != AIC_OK)
		aic_sql_rollback(db);
	return rc;
}

static aic_code new_row(aic_request *q, const aic_session_opening *o, aic_session_row *s, aic_error *err)
{
	run r = {.n = 0};
	aic_code rc = find_run(q, &o->step, &r, err);

	if (rc == AIC_OK) {
		*s = (aic_session_row){.uid = r.job.uid, .run = aic_config_is_site_run(&q->d->config, r.job.uid) ? AIC_RUN_SITE : AIC_RUN_USER,
		                       .class = o->determinism, .spec = o->spec, .data = o->data, .code = o->code, .asked = aic_now()};
		memcpy(s->token, o->token, sizeof(s->token));
		aic_str_copy(s->account, sizeof(s->account), r.job.account);
		rc = write_row(q->d->store->db, s, &r, err);
	}
	run_clear(&r);
	return rc;
}

static aic_code forget_row(aic_sql *db, int64_t id)
{
	aic_code rc = aic_sql_begin(db, NULL);

	if (rc == AIC_OK)
		rc = aic_sql_run(db, NULL, "DELETE FROM session_node WHERE session=?1", "i", id);
	if (rc == AIC_OK)
		rc = aic_sql_run(db, NULL, "DELETE FROM session WHERE id=?1 AND session IS NULL", "i", id);
	if (rc == AIC_OK)
		rc = aic_sql_commit(db, NULL);
	if (rc != AIC_OK)
		aic_sql_rollback(db);
	return rc;
}

/* Puts the row's session on the ledger, or finds it there. */
static aic_code open_on_ledger(aic_request *q, aic_ledger *l, const aic_session_opening *o, aic_session_row *s, aic_error *err)
{
	aic_ledger_session *w = aic_xcalloc(1, sizeof(*w));
	aic_session_node_row *row = NULL;
	aic_ledger_node *node = NULL;
	size_t rows = 0, n = 0;
	aic_code rc = aic_session_nodes_of(q->d->store->db, s->id, &row, &rows, err);

	*w = (aic_ledger_session){.run = s->run, .class = s->class, .device_len = o->device_len, .shards = o->shards, .spec = o->spec, .data = o->data,
	                          .code = o->code};
	memcpy(w->device, o->device, sizeof(w->device));
	snprintf(w->payer, sizeof(w->payer), "account/%.*s", AIC_NAME_LEN - 9, s->account);
	take_assets(&q->d->config, o, w);
	if (rc == AIC_OK) {
		node = ledger_nodes(row, rows, &n);
		rc = need_wallet(q->d->store->db, w->payer, err);
	}
	for (size_t i = 0; i < rows && rc == AIC_OK; i++)
		rc = need_wallet(q->d->store->db, row[i].provider, err);
	if (rc == AIC_OK)
		rc = register_keys(l, row, rows, err);
	if (rc == AIC_OK) {
		AIC_FAILPOINT("before session");
		rc = aic_ledger_session_open(l, w, node, n, err);
		AIC_FAILPOINT("after session");
	}
	if (rc == AIC_OK)
		rc = aic_sql_run(q->d->store->db, err, "UPDATE session SET session=?2, entropy=?3, counts_as=?4 WHERE id=?1", "ihhi", s->id, &w->id,
		                 &w->entropy, (int64_t)w->counts_as);
	s->session = w->id;
	s->entropy = w->entropy;
	free(w);
	free(row);
	free(node);
	return rc;
}

static aic_code same_roots(const aic_session_row *s, const aic_session_opening *o, aic_error *err)
{
	if (aic_hash_equal(&s->spec, &o->spec) && aic_hash_equal(&s->data, &o->data) && aic_hash_equal(&s->code, &o->code))
		return AIC_OK;
	return aic_fail(err, AIC_REFUSED, "this token was used for another specification: each run chooses its own at random");
}

aic_code aic_serve_session_open(aic_request *q, aic_error *err)
{
	aic_session_opening o;
	aic_session_row s;
	aic_ledger *l;
	aic_code rc = aic_session_open_get(&o, q->args, err);

	if (rc == AIC_OK)
		rc = aic_session_by_token(q->d->store->db, o.token, o.determinism, &s, err);
	bool known = rc == AIC_OK;
	if (known && ((rc = same_roots(&s, &o, err)) || (rc = may_speak(q, s.uid, "this session", err))))
		return rc;
	if (rc != AIC_OK && rc != AIC_NOT_FOUND)
		return rc;
	if (!known && !q->d->config.enforce)
		return aic_fail(err, AIC_REFUSED, "mode is observe: trainings are charged on paper, and no session of them is opened");
	if (!known || !s.on_ledger) {
		rc = need_ledger(q, &l, err);
		if (rc == AIC_OK && !known)
			rc = new_row(q, &o, &s, err);
		if (rc == AIC_OK) {
			rc = open_on_ledger(q, l, &o, &s, err);
			if (rc != AIC_OK && rc != AIC_UNREACHABLE)
				forget_row(q->d->store->db, s.id);
		}
	}
	if (rc == AIC_OK)
		aic_session_opened_put(q->out, &(aic_session_opened){s.session, s.entropy});
	*q->items = AIC_SESSION_OPENED_ITEMS;
	return rc;
}

/* --- its nodes --- */

static aic_code write_nodes(aic_sql *db, const aic_session_row *s, const run *r, aic_error *err)
{
	aic_code rc = aic_sql_begin(db, err);

	if (rc == AIC_OK)
		rc = aic_session_join(db, s->id, r->node, r->n, aic_now(), err);
	if (rc == AIC_OK)
		rc = aic_sql_run(db, err, "UPDATE session SET end=NULL WHERE id=?1", "i", s->id);
	if (rc == AIC_OK)
		rc = aic_sql_commit(db, err);
	if (rc != AIC_OK)
		aic_sql_rollback(db);
	return rc;
}

aic_code aic_serve_session_nodes(aic_request *q, aic_error *err)
{
	aic_session_name name;
	aic_ledger_node *node = NULL;
	aic_session_row s;
	aic_job_step step;
	run r = {.n = 0};
	aic_ledger *l;
	uint64_t height;
	size_t n = 0;
	aic_code rc = aic_session_nodes_get(&name, &step, q->args, err);

	if (rc == AIC_OK)
		rc = find_named(q, &name, &s, err);
	if (rc == AIC_OK && s.closing)
		rc = aic_fail(err, AIC_REFUSED, "this session is closed: a run that goes on from its checkpoints opens another one");
	if (rc == AIC_OK)
		rc = need_ledger(q, &l, err);
	if (rc == AIC_OK)
		rc = find_run(q, &step, &r, err);
	if (rc == AIC_OK && strcmp(r.job.account, s.account))
		rc = aic_fail(err, AIC_REFUSED, "job %u is of account %s, the session is paid by %s: open another one", step.job, r.job.account, s.account);
	for (size_t i = 0; i < r.n && rc == AIC_OK; i++)
		rc = need_wallet(q->d->store->db, r.node[i].provider, err);
	if (rc == AIC_OK)
		rc = register_keys(l, r.node, r.n, err);
	if (rc == AIC_OK) {
		node = ledger_nodes(r.node, r.n, &n);
		rc = aic_ledger_session_nodes(l, &s.session, node, n, &height, err);
	}
	if (rc == AIC_OK)
		rc = write_nodes(q->d->store->db, &s, &r, err);
	free(node);
	run_clear(&r);
	*q->items = 0;
	return rc;
}

/* --- commitments --- */

aic_code aic_serve_session_commit(aic_request *q, aic_error *err)
{
	aic_session_commitment m;
	aic_ledger_commitment *c;
	aic_session_row s = {.id = 0};
	aic_ledger *l;
	uint64_t height;
	aic_code rc = aic_session_commit_get(&m, q->args, err);

	if (rc != AIC_OK)
		return rc;
	c = aic_xcalloc(m.n, sizeof(*c));
	for (size_t i = 0; i < m.n; i++)
		c[i] = (aic_ledger_commitment){.step = m.checkpoint[i].step, .chain = m.checkpoint[i].chain, .root = m.checkpoint[i].root};
	rc = find_named(q, &m.name, &s, err);
	if (rc == AIC_OK)
		rc = need_ledger(q, &l, err);
	if (rc == AIC_OK)
		rc = aic_ledger_session_commit(l, &s.session, m.first, c, m.n, &height, err);
	if (rc == AIC_OK)
		rc = aic_sql_run(q->d->store->db, err, "UPDATE session SET committed=?3, checkpoints=?2 WHERE id=?1 AND checkpoints<?2", "iii", s.id,
		                 (int64_t)(m.first + m.n), aic_now());
	aic_cbor_put_uint(q->out, s.checkpoints > m.first + m.n ? s.checkpoints : m.first + m.n);
	*q->items = 1;
	free(m.checkpoint);
	free(c);
	return rc;
}

/* --- closing --- */

/* The end as the trainer says it: when its nodes stopped. A repeat does not move it. */
static aic_code note_end(aic_sql *db, const aic_session_row *s, const aic_session_closing *m, aic_error *err)
{
	aic_code rc = aic_sql_begin(db, err);

	if (rc == AIC_OK)
		rc = aic_sql_run(db, err, "UPDATE session SET steps=?2, end=?3 WHERE id=?1", "iii", s->id, (int64_t)m->steps, (int64_t)m->end);
	if (rc == AIC_OK)
		rc = aic_sql_run(db, err, "UPDATE session_node SET until=?2 WHERE session=?1 AND until=0", "ii", s->id, aic_now());
	if (rc == AIC_OK)
		rc = aic_sql_commit(db, err);
	if (rc != AIC_OK)
		aic_sql_rollback(db);
	return rc;
}

aic_code aic_serve_session_close(aic_request *q, aic_error *err)
{
	aic_session_closing m;
	aic_session_row s;
	aic_ledger *l;
	aic_code rc = aic_session_close_get(&m, q->args, err);

	if (rc == AIC_OK)
		rc = find_named(q, &m.name, &s, err);
	*q->items = 0;
	if (rc != AIC_OK || s.closing)
		return rc;
	rc = note_end(q->d->store->db, &s, &m, err);
	if (rc != AIC_OK || m.end == AIC_END_STOPPED) /* it may be requeued: session_watch.c knows when it was not */
		return rc;
	rc = need_ledger(q, &l, err);
	s.steps = m.steps;
	s.end = m.end;
	return rc == AIC_OK ? aic_session_close_on_ledger(q->d, l, &s, err) : rc;
}
