#include "accounting/sessions.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/charge.h"
#include "common/cbor.h"
#include "common/time.h"

#define METERED_PPM 500000u

/* --- reading --- */

#define COLUMNS "id, token, uid, account, run, class, spec, data, code, session, entropy, asked, committed, steps, end, closing, state," \
                " counts_as, checkpoints, appeals, closed, decided, segments, verifier, third, result, segment, step, settled, changed"

static bool read_bytes(void *out, size_t len, sqlite3_stmt *st, int column)
{
	bool there = sqlite3_column_bytes(st, column) == (int)len;

	if (there)
		memcpy(out, sqlite3_column_blob(st, column), len);
	return there;
}

static void read_row(aic_session_row *s, sqlite3_stmt *st)
{
	memset(s, 0, sizeof(*s));
	s->id = sqlite3_column_int64(st, 0);
	read_bytes(s->token, sizeof(s->token), st, 1);
	s->uid = (uid_t)sqlite3_column_int64(st, 2);
	aic_str_copy(s->account, sizeof(s->account), aic_sql_text(st, 3));
	s->run = (uint64_t)sqlite3_column_int64(st, 4);
	s->class = (uint64_t)sqlite3_column_int64(st, 5);
	read_bytes(s->spec.b, AIC_HASH_LEN, st, 6);
	read_bytes(s->data.b, AIC_HASH_LEN, st, 7);
	read_bytes(s->code.b, AIC_HASH_LEN, st, 8);
	s->on_ledger = read_bytes(s->session.b, AIC_HASH_LEN, st, 9);
	read_bytes(s->entropy.b, AIC_HASH_LEN, st, 10);
	s->asked = sqlite3_column_int64(st, 11);
	s->committed = sqlite3_column_int64(st, 12);
	s->steps = (uint64_t)sqlite3_column_int64(st, 13);
	s->end = sqlite3_column_type(st, 14) == SQLITE_NULL ? -1 : sqlite3_column_int64(st, 14);
	s->closing = sqlite3_column_int(st, 15);
	s->state = (uint64_t)sqlite3_column_int64(st, 16);
	s->counts_as = (uint64_t)sqlite3_column_int64(st, 17);
	s->checkpoints = (uint64_t)sqlite3_column_int64(st, 18);
	s->appeals = (uint64_t)sqlite3_column_int64(st, 19);
	s->closed = sqlite3_column_int64(st, 20);
	s->decided = sqlite3_column_int64(st, 21);
	aic_str_copy(s->segments, sizeof(s->segments), aic_sql_text(st, 22));
	s->has_verifier = read_bytes(s->verifier, AIC_PUBLIC_LEN, st, 23);
	s->has_third = read_bytes(s->third, AIC_PUBLIC_LEN, st, 24);
	s->judged = sqlite3_column_type(st, 25) != SQLITE_NULL;
	s->result = (uint64_t)sqlite3_column_int64(st, 25);
	s->segment = (uint64_t)sqlite3_column_int64(st, 26);
	s->step = (uint64_t)sqlite3_column_int64(st, 27);
	s->settled = sqlite3_column_int(st, 28);
	s->changed = sqlite3_column_int64(st, 29);
}

static aic_code read_one(aic_sql *db, sqlite3_stmt *st, aic_code rc, aic_session_row *out, aic_error *err)
{
	if (rc == AIC_OK)
		rc = aic_sql_step(db, st, err);
	if (rc != AIC_OK)
		return rc;
	read_row(out, st);
	aic_sql_done(st);
	return AIC_OK;
}

aic_code aic_session_by_token(aic_sql *db, const uint8_t token[AIC_SESSION_TOKEN_LEN], uint64_t class, aic_session_row *out, aic_error *err)
{
	sqlite3_stmt *st = NULL;
	aic_code rc = aic_sql_start(db, &st, err, "SELECT " COLUMNS " FROM session WHERE token=?1 AND class=?2", "bi", token,
	                            (size_t)AIC_SESSION_TOKEN_LEN, (int64_t)class);

	return read_one(db, st, rc, out, err);
}

aic_code aic_session_by_id(aic_sql *db, const aic_hash *session, aic_session_row *out, aic_error *err)
{
	sqlite3_stmt *st = NULL;
	aic_code rc = aic_sql_start(db, &st, err, "SELECT " COLUMNS " FROM session WHERE session=?1", "h", session);

	return read_one(db, st, rc, out, err);
}

static aic_code read_all(aic_sql *db, sqlite3_stmt *st, aic_code rc, aic_session_row **out, size_t *n, aic_error *err)
{
	*out = NULL;
	*n = 0;
	while (rc == AIC_OK && (rc = aic_sql_step(db, st, err)) == AIC_OK) {
		if (!(*n & (*n - 1)))
			*out = aic_xrealloc(*out, (*n ? 2 * *n : 1) * sizeof(**out));
		read_row(&(*out)[(*n)++], st);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

aic_code aic_session_rows(aic_sql *db, aic_sessions_rows which, const char *cluster, uint32_t job, aic_session_row **out, size_t *n, aic_error *err)
{
	sqlite3_stmt *st = NULL;
	aic_code rc = which == AIC_SESSIONS_UNSETTLED
	                  ? aic_sql_start(db, &st, err, "SELECT " COLUMNS " FROM session WHERE settled=0 ORDER BY id", "")
	            : which == AIC_SESSIONS_CHANGED
	                  ? aic_sql_start(db, &st, err, "SELECT " COLUMNS " FROM session WHERE changed<>0 ORDER BY id LIMIT 256", "")
	                  : aic_sql_start(db, &st, err, "SELECT " COLUMNS " FROM session WHERE id IN (SELECT session FROM session_node WHERE job=?1"
	                                                " AND cluster=?2) ORDER BY id", "it", (int64_t)job, cluster);

	return read_all(db, st, rc, out, n, err);
}

aic_code aic_session_rows_of_period(aic_sql *db, int64_t start, int64_t end, aic_session_row **out, size_t *n, aic_error *err)
{
	sqlite3_stmt *st = NULL;
	aic_code rc = aic_sql_start(db, &st, err, "SELECT " COLUMNS " FROM session WHERE asked<?2 AND EXISTS(SELECT 1 FROM session_node n WHERE"
	                            " n.session=session.id AND n.since<?2 AND (n.until=0 OR n.until>=?1)) ORDER BY id", "ii", start, end);

	return read_all(db, st, rc, out, n, err);
}

/* --- where it ran --- */

static void put_gpus(aic_bytes *out, const aic_node_share *s)
{
	aic_cbor_put_array(out, s->gpu_types);
	for (uint32_t i = 0; i < s->gpu_types; i++) {
		aic_cbor_put_array(out, 2);
		aic_cbor_put_text(out, s->gpu[i].type);
		aic_cbor_put_uint(out, s->gpu[i].count);
	}
}

static aic_code get_gpus(aic_node_share *s, const void *data, size_t len, aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, data, len);
	s->gpu_types = (uint32_t)aic_cbor_array(&c, AIC_GPU_TYPES_MAX);
	for (uint32_t i = 0; i < s->gpu_types && aic_cbor_ok(&c); i++) {
		aic_cbor_array_exact(&c, 2);
		aic_cbor_text(&c, s->gpu[i].type, sizeof(s->gpu[i].type));
		s->gpu[i].count = (uint32_t)aic_cbor_uint(&c);
	}
	return aic_cbor_finish(&c, err);
}

aic_code aic_session_nodes_of(aic_sql *db, int64_t session, aic_session_node_row **out, size_t *n, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(db, &st, err, "SELECT job, cluster, restart, node, key, provider, since, until, cpus, mem_mib, gpus FROM"
	                            " session_node WHERE session=?1 ORDER BY since, node", "i", session);

	*out = NULL;
	*n = 0;
	while (rc == AIC_OK && (rc = aic_sql_step(db, st, err)) == AIC_OK) {
		if (!(*n & (*n - 1)))
			*out = aic_xrealloc(*out, (*n ? 2 * *n : 1) * sizeof(**out));
		aic_session_node_row *r = &(*out)[(*n)++];
		memset(r, 0, sizeof(*r));
		r->step.job = (uint32_t)sqlite3_column_int64(st, 0);
		aic_str_copy(r->step.cluster, sizeof(r->step.cluster), aic_sql_text(st, 1));
		r->step.restart = (uint32_t)sqlite3_column_int64(st, 2);
		aic_str_copy(r->share.name, sizeof(r->share.name), aic_sql_text(st, 3));
		read_bytes(r->key, AIC_PUBLIC_LEN, st, 4);
		aic_str_copy(r->provider, sizeof(r->provider), aic_sql_text(st, 5));
		r->since = sqlite3_column_int64(st, 6);
		r->until = sqlite3_column_int64(st, 7);
		r->share.cpus = (uint32_t)sqlite3_column_int64(st, 8);
		r->share.mem_mib = (uint64_t)sqlite3_column_int64(st, 9);
		rc = get_gpus(&r->share, sqlite3_column_blob(st, 10), (size_t)sqlite3_column_bytes(st, 10), err);
		if (rc != AIC_OK)
			aic_sql_done(st);
	}
	if (rc == AIC_NOT_FOUND)
		return AIC_OK;
	free(*out);
	*out = NULL;
	*n = 0;
	return rc;
}

/* --- writing --- */

aic_code aic_session_insert(aic_sql *db, aic_session_row *s, aic_error *err)
{
	aic_code rc = aic_sql_run(db, err, "INSERT INTO session(token, uid, account, run, class, spec, data, code, asked, counts_as) VALUES(?1, ?2,"
	                          " ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?5)", "bitiihhhi", s->token, sizeof(s->token), (int64_t)s->uid, s->account,
	                          (int64_t)s->run, (int64_t)s->class, &s->spec, &s->data, &s->code, s->asked);

	s->id = aic_sql_last_id(db);
	return rc;
}

aic_code aic_session_join(aic_sql *db, int64_t session, const aic_session_node_row *node, size_t n, int64_t now, aic_error *err)
{
	aic_code rc = AIC_OK;

	if (n)
		rc = aic_sql_run(db, err, "UPDATE session_node SET until=?2 WHERE session=?1 AND until=0 AND NOT (job=?3 AND cluster=?4 AND restart=?5)",
		                 "iiiti", session, now, (int64_t)node->step.job, node->step.cluster, (int64_t)node->step.restart);
	for (size_t i = 0; i < n && rc == AIC_OK; i++) {
		const aic_session_node_row *r = &node[i];
		aic_bytes gpus = {0};

		put_gpus(&gpus, &r->share);
		rc = aic_sql_run(db, err, "INSERT INTO session_node(job, cluster, restart, session, node, key, provider, since, cpus, mem_mib, gpus)"
		                 " VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) ON CONFLICT DO UPDATE SET until=0", "itiitbtiiib",
		                 (int64_t)r->step.job, r->step.cluster, (int64_t)r->step.restart, session, r->share.name, r->key,
		                 (size_t)AIC_PUBLIC_LEN, r->provider, now, (int64_t)r->share.cpus, (int64_t)r->share.mem_mib, gpus.data, gpus.len);
		aic_bytes_free(&gpus);
	}
	return rc;
}

/* --- what it counts --- */

/* What was committed can be computed again; nothing is known of what came after it. */
static int64_t ends_at(int64_t until, int64_t committed, bool proven, int64_t now)
{
	int64_t end = until ? until : now;

	return proven && committed < end ? committed : end;
}

aic_code aic_session_covers(aic_store *s, const char *cluster, uint32_t job, uint32_t restart, int64_t ended, aic_covered **out, size_t *n,
                            aic_error *err)
{
	sqlite3_stmt *st;
	int64_t now = aic_now();
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT n.node, n.since, n.until, s.committed, s.state, s.run, s.settled FROM session_node n JOIN session s ON"
	                            " s.id=n.session WHERE n.job=?1 AND n.cluster=?2 AND n.restart=?3 AND s.session IS NOT NULL ORDER BY n.since,"
	                            " n.node", "iti", (int64_t)job, cluster, (int64_t)restart);

	*out = NULL;
	*n = 0;
	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		if (!(*n & (*n - 1)))
			*out = aic_xrealloc(*out, (*n ? 2 * *n : 1) * sizeof(**out));
		aic_covered *c = &(*out)[(*n)++];
		uint64_t state = (uint64_t)sqlite3_column_int64(st, 4);
		bool appealable = state == AIC_SESSION_REFUTED && sqlite3_column_int64(st, 5) == AIC_RUN_SITE && !sqlite3_column_int(st, 6);
		bool proven = state == AIC_SESSION_VERIFIED || state == AIC_SESSION_UNCHALLENGED;
		bool decided = aic_session_counts(state, &c->ppm);
		aic_str_copy(c->node, sizeof(c->node), aic_sql_text(st, 0));
		c->start = sqlite3_column_int64(st, 1);
		c->end = ends_at(sqlite3_column_int64(st, 2), sqlite3_column_int64(st, 3), proven, now);
		c->waits = (!decided || appealable) && now - ended < AIC_SESSION_HELD;
		if (!decided)
			c->ppm = METERED_PPM;
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

/* --- fees --- */

static aic_ledger_session_fee *fee_of(aic_ledger_session_fee *all, size_t *n, const char *provider)
{
	for (size_t i = 0; i < *n; i++)
		if (!strcmp(all[i].provider, provider))
			return &all[i];
	memset(&all[*n], 0, sizeof(*all));
	aic_str_copy(all[*n].provider, sizeof(all->provider), provider);
	return &all[(*n)++];
}

aic_code aic_session_stated_fees(aic_sql *db, const aic_session_row *s, const aic_rates *rates, uint64_t fee_ppm, int64_t now, aic_ledger_session_fee **out,
                          size_t *n, aic_error *err)
{
	aic_session_node_row *node;
	size_t nodes;
	aic_code rc = aic_session_nodes_of(db, s->id, &node, &nodes, err);

	*n = 0;
	*out = aic_xcalloc(nodes + 1, sizeof(**out));
	for (size_t i = 0; i < nodes && rc == AIC_OK; i++) {
		aic_ledger_session_fee *f = fee_of(*out, n, node[i].provider);
		int64_t end = ends_at(node[i].until, s->committed, s->class != AIC_CLASS_D2, now);
		aic_amount gross = 0;
		if (!aic_price_node(&gross, rates, &node[i].share, end > node[i].since ? end - node[i].since : 0, AIC_PPM))
			rc = aic_fail(err, AIC_REFUSED, "the session's seconds on %s cost more than fits 128 bits: lower the rates", node[i].share.name);
		f->fee += aic_fee_of(gross, fee_ppm);
	}
	free(node);
	return rc;
}
