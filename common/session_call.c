#include "common/session_call.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/time.h"

#define SALTED "aic/salted/v1"
#define SEED "aic/seed/v1"
#define PAUSE_MIN_MS 4
#define PAUSE_MAX_MS 200

aic_hash aic_session_salted(const uint8_t salt[32], const aic_hash *thing)
{
	aic_bytes in = {0};

	aic_bytes_append_str(&in, SALTED);
	aic_bytes_append(&in, salt, 32);
	aic_bytes_append(&in, thing->b, AIC_HASH_LEN);
	aic_hash h = aic_sha256_of(in.data, in.len);
	aic_bytes_free(&in);
	return h;
}

uint64_t aic_session_seed(uint64_t spec_seed, const aic_hash *session, const aic_hash *entropy)
{
	aic_bytes in = {0};
	uint8_t be[8];

	aic_put_be64(be, spec_seed);
	aic_bytes_append_str(&in, SEED);
	aic_bytes_append(&in, be, sizeof(be));
	aic_bytes_append(&in, session->b, AIC_HASH_LEN);
	aic_bytes_append(&in, entropy->b, AIC_HASH_LEN);
	aic_hash h = aic_sha256_of(in.data, in.len);
	aic_bytes_free(&in);
	return aic_get_be64(h.b);
}

/* --- items --- */

static void put_hash(aic_bytes *out, const aic_hash *h)
{
	aic_cbor_put_bytes(out, h->b, sizeof(h->b));
}

static void get_hash(aic_cbor *c, aic_hash *h)
{
	aic_cbor_bytes_exact(c, h->b, sizeof(h->b));
}

static uint32_t get_u32(aic_cbor *c, const char *what, uint32_t max)
{
	uint64_t v = aic_cbor_uint(c);

	if (v > max)
		aic_cbor_fail(c, "%s %llu is above %lu", what, (unsigned long long)v, (unsigned long)max);
	return (uint32_t)v;
}

static void put_step(aic_bytes *out, const aic_job_step *s)
{
	aic_cbor_put_text(out, s->cluster);
	aic_cbor_put_uint(out, s->job);
	aic_cbor_put_uint(out, s->step);
	aic_cbor_put_uint(out, s->restart);
}

static void get_step(aic_cbor *c, aic_job_step *s)
{
	aic_cbor_text(c, s->cluster, sizeof(s->cluster));
	s->job = get_u32(c, "job", UINT32_MAX);
	s->step = get_u32(c, "step", UINT32_MAX);
	s->restart = get_u32(c, "restart", UINT32_MAX);
}

static void put_name(aic_bytes *out, const aic_session_name *n)
{
	put_hash(out, &n->session);
	aic_cbor_put_bytes(out, n->token, sizeof(n->token));
}

static void get_name(aic_cbor *c, aic_session_name *n)
{
	get_hash(c, &n->session);
	aic_cbor_bytes_exact(c, n->token, sizeof(n->token));
}

/* --- session-open --- */

void aic_session_open_put(aic_bytes *out, const aic_session_opening *o)
{
	aic_rpc_begin(out, "session-open", 13);
	aic_cbor_put_bytes(out, o->token, sizeof(o->token));
	put_step(out, &o->step);
	aic_cbor_put_uint(out, o->determinism);
	aic_cbor_put_bytes(out, o->device, o->device_len);
	aic_cbor_put_uint(out, o->shards);
	put_hash(out, &o->spec);
	put_hash(out, &o->data);
	put_hash(out, &o->code);
	aic_cbor_put_text(out, o->model);
	aic_cbor_put_array(out, o->n_assets);
	for (size_t i = 0; i < o->n_assets; i++)
		aic_cbor_put_text(out, o->asset[i]);
}

static void get_device(aic_cbor *c, aic_session_opening *o)
{
	const uint8_t *device = aic_cbor_bytes(c, &o->device_len);
	size_t want = o->determinism == AIC_CLASS_D1 ? AIC_HASH_LEN : 0;

	if (!aic_cbor_ok(c) || !device || o->device_len != want)
		aic_cbor_fail(c, "a device of %zu bytes, where class D%u has %zu", o->device_len, o->determinism, want);
	else if (want)
		memcpy(o->device, device, want);
}

aic_code aic_session_open_get(aic_session_opening *o, aic_cbor *c, aic_error *err)
{
	*o = (aic_session_opening){0};
	aic_cbor_bytes_exact(c, o->token, sizeof(o->token));
	get_step(c, &o->step);
	o->determinism = get_u32(c, "class", AIC_CLASS_D2);
	get_device(c, o);
	o->shards = get_u32(c, "shards", AIC_SESSION_SHARDS_MAX);
	if (aic_cbor_ok(c) && (o->shards == 0 || (o->shards & (o->shards - 1)) != 0))
		aic_cbor_fail(c, "%u shards are no power of two", o->shards);
	get_hash(c, &o->spec);
	get_hash(c, &o->data);
	get_hash(c, &o->code);
	aic_cbor_text(c, o->model, sizeof(o->model));
	o->n_assets = aic_cbor_array(c, AIC_SESSION_ASSETS_MAX);
	for (size_t i = 0; i < o->n_assets && aic_cbor_ok(c); i++)
		aic_cbor_text(c, o->asset[i], sizeof(o->asset[i]));
	return aic_cbor_finish(c, err);
}

void aic_session_opened_put(aic_bytes *out, const aic_session_opened *o)
{
	put_hash(out, &o->session);
	put_hash(out, &o->entropy);
}

/* --- session-nodes --- */

void aic_session_nodes_put(aic_bytes *out, const aic_session_name *name, const aic_job_step *step)
{
	aic_rpc_begin(out, "session-nodes", 6);
	put_name(out, name);
	put_step(out, step);
}

aic_code aic_session_nodes_get(aic_session_name *name, aic_job_step *step, aic_cbor *c, aic_error *err)
{
	get_name(c, name);
	get_step(c, step);
	return aic_cbor_finish(c, err);
}

/* --- session-commit --- */

void aic_session_commit_put(aic_bytes *out, const aic_session_commitment *m)
{
	aic_rpc_begin(out, "session-commit", 4);
	put_name(out, &m->name);
	aic_cbor_put_uint(out, m->first);
	aic_cbor_put_array(out, m->n);
	for (size_t i = 0; i < m->n; i++) {
		aic_cbor_put_array(out, 3);
		aic_cbor_put_uint(out, m->checkpoint[i].step);
		put_hash(out, &m->checkpoint[i].chain);
		put_hash(out, &m->checkpoint[i].root);
	}
}

static void get_checkpoint(aic_cbor *c, const aic_session_commitment *m, size_t i)
{
	aic_committed *p = &m->checkpoint[i];

	aic_cbor_array_exact(c, 3);
	p->step = aic_cbor_uint(c);
	if (aic_cbor_ok(c) && i > 0 && p->step <= p[-1].step)
		aic_cbor_fail(c, "checkpoint %llu is of step %llu, the one before of %llu: steps ascend", (unsigned long long)(m->first + i),
		              (unsigned long long)p->step, (unsigned long long)p[-1].step);
	get_hash(c, &p->chain);
	get_hash(c, &p->root);
}

aic_code aic_session_commit_get(aic_session_commitment *m, aic_cbor *c, aic_error *err)
{
	*m = (aic_session_commitment){0};
	get_name(c, &m->name);
	m->first = aic_cbor_uint(c);
	m->n = aic_cbor_array(c, AIC_SESSION_COMMIT_MAX);
	if (aic_cbor_ok(c) && (m->n == 0 || m->first > INT64_MAX))
		aic_cbor_fail(c, "%zu checkpoints from number %llu: there must be one at least", m->n, (unsigned long long)m->first);
	if (aic_cbor_ok(c))
		m->checkpoint = aic_xcalloc(m->n, sizeof(*m->checkpoint));
	for (size_t i = 0; i < m->n && aic_cbor_ok(c); i++)
		get_checkpoint(c, m, i);
	aic_code rc = aic_cbor_finish(c, err);
	if (rc != AIC_OK) {
		free(m->checkpoint);
		*m = (aic_session_commitment){0};
	}
	return rc;
}

/* --- session-close --- */

void aic_session_close_put(aic_bytes *out, const aic_session_closing *m)
{
	aic_rpc_begin(out, "session-close", 4);
	put_name(out, &m->name);
	aic_cbor_put_uint(out, m->steps);
	aic_cbor_put_uint(out, m->end);
}

aic_code aic_session_close_get(aic_session_closing *m, aic_cbor *c, aic_error *err)
{
	*m = (aic_session_closing){0};
	get_name(c, &m->name);
	m->steps = aic_cbor_uint(c);
	m->end = get_u32(c, "end", AIC_END_STOPPED);
	return aic_cbor_finish(c, err);
}

/* --- the whole call --- */

/* Whether the answer is ["waiting", ticket]. */
static bool is_waiting(const aic_cbor *answer, uint64_t *ticket)
{
	char word[8] = "";
	aic_cbor c = *answer;

	if (aic_cbor_peek(&c) != AIC_CBOR_TEXT)
		return false;
	aic_cbor_text(&c, word, sizeof(word));
	*ticket = aic_cbor_uint(&c);
	return aic_cbor_ok(&c) && !strcmp(word, "waiting");
}

/* Comes back until the answer is there, for as long as the connection's timeout. */
static aic_code call_and_wait(aic_rpc *rpc, const aic_bytes *body, aic_bytes *keep, aic_cbor *c, aic_error *err)
{
	int64_t until = aic_monotonic_ms() + aic_rpc_timeout(rpc);
	int pause = PAUSE_MIN_MS;
	uint64_t ticket;
	aic_code rc = aic_rpc_call(rpc, body, keep, c, err);

	while (rc == AIC_OK && is_waiting(c, &ticket)) {
		aic_bytes again = {0};

		if (aic_monotonic_ms() >= until)
			return aic_fail(err, AIC_UNREACHABLE, "the ledger has not answered within %d s: aicacctd goes on asking it, look again",
			                aic_rpc_timeout(rpc) / 1000);
		poll(NULL, 0, pause);
		pause = pause * 2 < PAUSE_MAX_MS ? pause * 2 : PAUSE_MAX_MS;
		aic_rpc_begin(&again, "resume", 1);
		aic_cbor_put_uint(&again, ticket);
		aic_bytes_free(keep);
		rc = aic_rpc_call(rpc, &again, keep, c, err);
		aic_bytes_free(&again);
	}
	return rc;
}

static aic_code call(aic_rpc *rpc, aic_bytes *body, void (*get)(aic_cbor *, void *), void *answer, aic_error *err)
{
	aic_bytes keep = {0};
	aic_cbor c;
	aic_code rc = call_and_wait(rpc, body, &keep, &c, err);

	if (rc == AIC_OK) {
		if (get)
			get(&c, answer);
		rc = aic_cbor_finish(&c, err);
	}
	aic_bytes_free(&keep);
	aic_bytes_free(body);
	return rc;
}

static void get_opened(aic_cbor *c, void *answer)
{
	aic_session_opened *o = answer;

	get_hash(c, &o->session);
	get_hash(c, &o->entropy);
}

static void get_count(aic_cbor *c, void *answer)
{
	*(uint64_t *)answer = aic_cbor_uint(c);
}

aic_code aic_session_call_open(aic_rpc *rpc, const aic_session_opening *o, aic_session_opened *answer, aic_error *err)
{
	aic_bytes body = {0};

	aic_session_open_put(&body, o);
	return call(rpc, &body, get_opened, answer, err);
}

aic_code aic_session_call_nodes(aic_rpc *rpc, const aic_session_name *name, const aic_job_step *step, aic_error *err)
{
	aic_bytes body = {0};

	aic_session_nodes_put(&body, name, step);
	return call(rpc, &body, NULL, NULL, err);
}

aic_code aic_session_call_commit(aic_rpc *rpc, const aic_session_commitment *m, uint64_t *stand, aic_error *err)
{
	aic_bytes body = {0};

	aic_session_commit_put(&body, m);
	return call(rpc, &body, get_count, stand, err);
}

aic_code aic_session_call_close(aic_rpc *rpc, const aic_session_closing *m, aic_error *err)
{
	aic_bytes body = {0};

	aic_session_close_put(&body, m);
	return call(rpc, &body, NULL, NULL, err);
}
