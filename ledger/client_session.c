/* client_session.c: what other rooms ask about training sessions, and what they can compute of one by themselves; see client.h. */
#include <stdlib.h>
#include <string.h>

#include "ledger/client_call.h"
#include "ledger/state/verdict.h"

const char *aic_session_state_name(uint64_t state)
{
	static const char *const names[] = {"open", "closed", "challenged", "doubted", "unchallenged", "verified", "unverifiable",
	                                    "unproven", "refuted", "withheld", "expired", "decoy"};

	return state < sizeof(names) / sizeof(names[0]) ? names[state] : "unknown";
}

const char *aic_verdict_result_name(uint64_t result)
{
	static const char *const names[] = {"agrees", "differs", "withheld", "declined"};

	return result < sizeof(names) / sizeof(names[0]) ? names[result] : "unknown";
}

bool aic_session_counts(uint64_t state, uint64_t *ppm)
{
	static const uint64_t counts[] = {[AIC_SESSION_UNCHALLENGED] = 1000000, [AIC_SESSION_VERIFIED] = 1000000,
	                                  [AIC_SESSION_UNVERIFIABLE] = 700000,  [AIC_SESSION_UNPROVEN] = 700000,
	                                  [AIC_SESSION_REFUTED] = 0,            [AIC_SESSION_WITHHELD] = 0,
	                                  [AIC_SESSION_EXPIRED] = 500000,       [AIC_SESSION_DECOY] = 0};

	*ppm = state < sizeof(counts) / sizeof(counts[0]) ? counts[state] : 0;
	return state >= AIC_SESSION_UNCHALLENGED && state <= AIC_SESSION_DECOY;
}

/* --- posting --- */

static void put_nodes(aic_bytes *b, const aic_ledger_node *node, size_t n)
{
	aic_cbor_put_array(b, n);
	for (size_t i = 0; i < n; i++) {
		aic_cbor_put_array(b, 2);
		aic_cbor_put_bytes(b, node[i].key, AIC_PUBLIC_LEN);
		aic_cbor_put_text(b, node[i].provider);
	}
}

aic_code aic_ledger_session_open(aic_ledger *l, aic_ledger_session *s, const aic_ledger_node *node, size_t n, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "session_open", 11);
	aic_hash id;
	uint64_t height;

	aic_cbor_put_text(b, s->payer);
	aic_cbor_put_uint(b, s->run);
	aic_cbor_put_uint(b, s->class);
	aic_cbor_put_bytes(b, s->device, s->device_len);
	aic_cbor_put_uint(b, s->shards);
	aic_cbor_put_bytes(b, s->spec.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(b, s->data.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(b, s->code.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(b, s->model, s->model_len);
	aic_cbor_put_array(b, s->n_assets);
	for (size_t i = 0; i < s->n_assets; i++)
		aic_cbor_put_bytes(b, s->asset[i], AIC_ASSET_ID_LEN);
	put_nodes(b, node, n);
	aic_code code = aic_client_posted(l, "session", &id, &height, err);
	return code ? code : aic_ledger_session_get(l, &id, s, err);
}

aic_code aic_ledger_session_nodes(aic_ledger *l, const aic_hash *session, const aic_ledger_node *node, size_t n, uint64_t *height, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "session_nodes", 2);
	aic_hash tx;

	aic_cbor_put_bytes(b, session->b, AIC_HASH_LEN);
	put_nodes(b, node, n);
	return aic_client_posted(l, "session's nodes", &tx, height, err);
}

aic_code aic_ledger_session_commit(aic_ledger *l, const aic_hash *session, uint64_t first, const aic_ledger_commitment *c, size_t n,
                                   uint64_t *height, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "session_commit", 3);
	aic_hash tx;

	aic_cbor_put_bytes(b, session->b, AIC_HASH_LEN);
	aic_cbor_put_uint(b, first);
	aic_cbor_put_array(b, n);
	for (size_t i = 0; i < n; i++) {
		aic_cbor_put_array(b, 3);
		aic_cbor_put_uint(b, c[i].step);
		aic_cbor_put_bytes(b, c[i].chain.b, AIC_HASH_LEN);
		aic_cbor_put_bytes(b, c[i].root.b, AIC_HASH_LEN);
	}
	return aic_client_posted(l, "commitment", &tx, height, err);
}

aic_code aic_ledger_session_close(aic_ledger *l, const aic_hash *session, uint64_t steps, aic_session_end end,
                                  const aic_ledger_session_fee *fee, size_t n, uint64_t *height, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "session_close", 4);
	aic_hash tx;

	aic_cbor_put_bytes(b, session->b, AIC_HASH_LEN);
	aic_cbor_put_uint(b, steps);
	aic_cbor_put_uint(b, end);
	aic_cbor_put_array(b, n);
	for (size_t i = 0; i < n; i++) {
		aic_cbor_put_array(b, 2);
		aic_cbor_put_text(b, fee[i].provider);
		aic_cbor_put_amount(b, fee[i].fee);
	}
	return aic_client_posted(l, "session's end", &tx, height, err);
}

aic_code aic_ledger_session_rate(aic_ledger *l, const aic_hash *session, const char *provider, const char *period, uint64_t number,
                                 uint64_t line, uint64_t *height, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "session_rate", 5);
	aic_hash tx;

	aic_cbor_put_bytes(b, session->b, AIC_HASH_LEN);
	aic_cbor_put_text(b, provider);
	aic_cbor_put_text(b, period);
	aic_cbor_put_uint(b, number);
	aic_cbor_put_uint(b, line);
	return aic_client_posted(l, "rating", &tx, height, err);
}

aic_code aic_ledger_verdict(aic_ledger *l, const aic_verdict *v, uint64_t *height, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "verdict", 1), body = {0};
	aic_hash tx;

	aic_verdict_body(&body, v);
	aic_cbor_put_bytes(b, body.data, body.len);
	aic_bytes_free(&body);
	return aic_client_posted(l, "verdict", &tx, height, err);
}

aic_code aic_ledger_session_challenge(aic_ledger *l, const aic_hash *session, uint64_t *height, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "session_challenge", 1);
	aic_hash tx;

	aic_cbor_put_bytes(b, session->b, AIC_HASH_LEN);
	return aic_client_posted(l, "challenge", &tx, height, err);
}

aic_code aic_ledger_session_appeal(aic_ledger *l, const aic_hash *session, const aic_hash *reason, const aic_approval *approval, size_t n,
                                   uint64_t *height, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "session_appeal", 3);
	aic_hash tx;

	aic_cbor_put_bytes(b, session->b, AIC_HASH_LEN);
	aic_cbor_put_bytes(b, reason->b, AIC_HASH_LEN);
	aic_approvals_put(b, approval, n);
	return aic_client_posted(l, "appeal", &tx, height, err);
}

aic_code aic_ledger_session_pay(aic_ledger *l, const aic_hash *session, uint64_t *height, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "session_pay", 1);
	aic_hash tx;

	aic_cbor_put_bytes(b, session->b, AIC_HASH_LEN);
	return aic_client_posted(l, "pay", &tx, height, err);
}

aic_code aic_ledger_session_decoy(aic_ledger *l, const char *wallet, uint64_t segment, uint64_t step, uint64_t *height, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "session_decoy", 3);
	aic_hash tx;

	aic_cbor_put_text(b, wallet);
	aic_cbor_put_uint(b, segment);
	aic_cbor_put_uint(b, step);
	return aic_client_posted(l, "decoys' wallet", &tx, height, err);
}

aic_code aic_ledger_session_reveal(aic_ledger *l, const aic_hash *session, uint64_t *height, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "session_reveal", 1);
	aic_hash tx;

	aic_cbor_put_bytes(b, session->b, AIC_HASH_LEN);
	return aic_client_posted(l, "decoy", &tx, height, err);
}

aic_code aic_ledger_verifier(aic_ledger *l, const char *node, const char *provider, const uint8_t device[32], uint64_t *height, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "verifier", 3);
	aic_hash tx;

	aic_cbor_put_text(b, node);
	aic_cbor_put_text(b, provider ? provider : "");
	aic_cbor_put_bytes(b, device, device ? AIC_HASH_LEN : 0);
	return aic_client_posted(l, "verifier", &tx, height, err);
}

/* --- reading --- */

static aic_ledger_finding finding(const aic_session_verdict *v)
{
	return (aic_ledger_finding){.there = v->there, .result = v->result, .segment = v->segment, .step = v->step};
}

static void copy_opening(aic_ledger_session *out, const aic_session *s)
{
	memcpy(out->site, s->site.b, sizeof(out->site));
	out->run = s->run;
	out->class = s->class;
	out->counts_as = s->counts_as;
	out->shards = s->shards;
	memcpy(out->device, s->device, sizeof(out->device));
	memcpy(out->model, s->model, sizeof(out->model));
	out->device_len = s->device_len;
	out->model_len = s->model_len;
	out->spec = s->spec;
	out->data = s->data;
	out->code = s->code;
	out->n_assets = s->n_assets;
	for (size_t i = 0; i < s->n_assets; i++)
		aic_u256_to_be(out->asset[i], s->asset[i]);
	out->entropy = s->entropy;
	out->opened = s->opened;
	out->opened_at = s->opened_at;
}

static void copy_course(aic_ledger_session *out, const aic_session *s)
{
	out->closed = s->closed;
	out->drawn = s->drawn;
	out->decided = s->decided;
	out->closed_at = s->closed_at;
	out->asked_at = s->asked_at;
	out->decided_at = s->decided_at;
	out->state = s->state;
	out->checkpoints = s->checkpoints;
	out->last_step = s->last_step;
	out->steps = s->steps;
	out->end = s->end;
	out->round = s->round;
	out->appeals = s->appeals;
	out->demanded = s->demanded;
	out->n_segments = s->n_segments;
	memcpy(out->segment, s->segment, sizeof(out->segment));
	memcpy(out->verifier, s->verifier, sizeof(out->verifier));
	memcpy(out->third, s->third, sizeof(out->third));
	out->verdict = finding(&s->verdict);
	out->decision = finding(&s->decision);
}

static void get_session(aic_cbor *c, aic_ledger_session *out, aic_error *err)
{
	const uint8_t *row;
	aic_session s;
	size_t len;

	memset(out, 0, sizeof(*out));
	aic_cbor_array_exact(c, 4);
	aic_cbor_bytes_exact(c, out->id.b, AIC_HASH_LEN);
	row = aic_cbor_bytes(c, &len);
	aic_cbor_text(c, out->payer, sizeof(out->payer));
	size_t n = aic_cbor_array(c, AIC_SESSION_PAID_MAX);
	if (!aic_cbor_ok(c))
		return;
	if (aic_session_decode(&s, row, len, err) || n != s.n_providers) {
		aic_cbor_fail(c, "a session that this release cannot read");
		return;
	}
	copy_opening(out, &s);
	copy_course(out, &s);
	out->n_fees = n;
	for (size_t i = 0; i < n; i++) {
		aic_cbor_text(c, out->fee[i].provider, sizeof(out->fee[i].provider));
		out->fee[i].fee = s.provider[i].fee;
		out->fee[i].rated = s.provider[i].paid > 0;
	}
}

aic_code aic_ledger_session_get(aic_ledger *l, const aic_hash *session, aic_ledger_session *out, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "session", 1);
	aic_cbor c;
	aic_code code;

	aic_cbor_put_bytes(b, session->b, AIC_HASH_LEN);
	if ((code = aic_client_call(l, &c, err)))
		return code;
	get_session(&c, out, err);
	return aic_cbor_finish(&c, err);
}

aic_code aic_ledger_sessions(aic_ledger *l, aic_sessions_which which, uint64_t max, aic_ledger_session **out, size_t *n, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "sessions", 2);
	aic_cbor c;
	aic_code code;

	*out = NULL;
	*n = 0;
	aic_cbor_put_uint(b, which);
	aic_cbor_put_uint(b, max);
	if ((code = aic_client_call(l, &c, err)))
		return code;
	size_t all = aic_cbor_array(&c, SIZE_MAX);
	for (size_t room = 0; *n < all && aic_cbor_ok(&c); ++*n) {
		if (*n == room)
			*out = aic_xrealloc(*out, (room = room ? 2 * room : 16) * sizeof(**out));
		get_session(&c, &(*out)[*n], err);
	}
	if ((code = aic_cbor_finish(&c, err))) {
		free(*out);
		*out = NULL;
		*n = 0;
	}
	return code;
}

aic_code aic_ledger_session_commitments(aic_ledger *l, const aic_hash *session, uint64_t first, uint64_t max, aic_ledger_commitment **out,
                                        size_t *n, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "session_commitments", 3);
	aic_cbor c;
	aic_code code;

	*out = NULL;
	*n = 0;
	aic_cbor_put_bytes(b, session->b, AIC_HASH_LEN);
	aic_cbor_put_uint(b, first);
	aic_cbor_put_uint(b, max);
	if ((code = aic_client_call(l, &c, err)))
		return code;
	*n = aic_cbor_array(&c, AIC_SESSION_COMMIT_MAX);
	*out = aic_xcalloc(*n + 1, sizeof(**out));
	for (size_t i = 0; i < *n && aic_cbor_ok(&c); i++) {
		aic_cbor_array_exact(&c, 4);
		(*out)[i].step = aic_cbor_uint(&c);
		aic_cbor_bytes_exact(&c, (*out)[i].chain.b, AIC_HASH_LEN);
		aic_cbor_bytes_exact(&c, (*out)[i].root.b, AIC_HASH_LEN);
		(*out)[i].height = aic_cbor_uint(&c);
	}
	if ((code = aic_cbor_finish(&c, err))) {
		free(*out);
		*out = NULL;
		*n = 0;
	}
	return code;
}
