/* service_session.c: what aicledgerd answers about training sessions, and what it posts of those of this site. What stands already is
 * answered as the first time: who posts may repeat after any failure. */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "ledger/service_operation.h"
#include "ledger/state/path.h"
#include "ledger/state/posted_line.h"
#include "ledger/state/verdict.h"

static void get_hash(aic_cbor *c, aic_hash *h)
{
	aic_cbor_bytes_exact(c, h->b, AIC_HASH_LEN);
}

static void get_some(aic_cbor *c, uint8_t *out, size_t *len, const char *what)
{
	const uint8_t *data = aic_cbor_bytes(c, len);

	if (aic_cbor_ok(c) && *len > AIC_HASH_LEN)
		aic_cbor_fail(c, "%s of %zu bytes, %d is the most", what, *len, AIC_HASH_LEN);
	else if (aic_cbor_ok(c) && *len)
		memcpy(out, data, *len);
}

aic_code aic_service_session_answer(aic_request *r, const aic_hash *tx, uint64_t height)
{
	aic_cbor_put_bytes(r->out, tx->b, AIC_HASH_LEN);
	aic_cbor_put_uint(r->out, height);
	r->items = 2;
	return AIC_OK;
}

aic_code aic_service_session_post(aic_request *r, uint64_t kind, aic_bytes *body, const aic_hash *session, aic_error *err)
{
	char text[20];
	aic_posted posted;
	aic_code code = aic_service_post(r, kind, body, &posted, err);

	aic_bytes_free(body);
	if (code)
		return code;
	aic_info("%s of session %s at height %llu by uid %u", aic_tx_kind_name(kind), aic_session_text(text, session ? session : &posted.tx),
	         (unsigned long long)posted.height, (unsigned)r->who->uid);
	return aic_service_session_answer(r, &posted.tx, posted.height);
}

/* --- opening --- */

static aic_code get_nodes(aic_request *r, aic_session_node **node, size_t *n, aic_error *err)
{
	aic_code code = AIC_OK;

	*n = aic_cbor_array(r->args, AIC_SESSION_NODES_MAX);
	*node = aic_xcalloc(*n + 1, sizeof(**node));
	for (size_t i = 0; i < *n && aic_cbor_ok(r->args) && !code; i++) {
		char provider[AIC_NAME_LEN];

		aic_cbor_array_exact(r->args, 2);
		aic_cbor_bytes_exact(r->args, (*node)[i].key, AIC_PUBLIC_LEN);
		aic_cbor_text(r->args, provider, sizeof(provider));
		if (aic_cbor_ok(r->args))
			code = aic_custody_find(r->s->custody, provider, &(*node)[i].provider, err);
	}
	return code;
}

static aic_code get_opening(aic_request *r, aic_session *o, aic_error *err)
{
	uint8_t id[AIC_ASSET_ID_LEN];
	char payer[AIC_NAME_LEN];
	aic_cbor *c = r->args;

	aic_cbor_text(c, payer, sizeof(payer));
	o->run = aic_cbor_uint(c);
	o->class = aic_cbor_uint(c);
	get_some(c, o->device, &o->device_len, "a device");
	o->shards = aic_cbor_uint(c);
	get_hash(c, &o->spec);
	get_hash(c, &o->data);
	get_hash(c, &o->code);
	get_some(c, o->model, &o->model_len, "a model");
	o->n_assets = aic_cbor_array(c, AIC_SESSION_ASSETS_MAX);
	for (size_t i = 0; i < o->n_assets && aic_cbor_ok(c); i++) {
		aic_cbor_bytes_exact(c, id, sizeof(id));
		o->asset[i] = aic_u256_from_be(id);
	}
	if (!aic_cbor_ok(c))
		return AIC_OK;
	aic_code code = aic_custody_find(r->s->custody, payer, &o->payer, err);
	return code ? code : aic_service_mark(r->s, o, payer, err);
}

typedef struct {
	aic_request *r;
	const aic_session *o;
	aic_hash found;
	uint64_t height;
} search;

/* Salted roots are of one opening alone, and of one more as class D2 where the first was given up: asked for again it is the same. */
static aic_code is_same(void *ctx, const aic_hash *id, aic_error *err)
{
	search *q = ctx;
	aic_session there;
	aic_code code = aic_state_session(q->r->s->state, id, &there, err);

	if (!code && aic_hash_equal(&there.spec, &q->o->spec) && aic_hash_equal(&there.data, &q->o->data) &&
	    aic_hash_equal(&there.code, &q->o->code) && there.class == q->o->class && aic_address_cmp(&there.payer, &q->o->payer) == 0) {
		q->found = *id;
		q->height = there.opened;
		return AIC_NOT_FOUND;
	}
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}

aic_code aic_op_session_open(aic_request *r, aic_error *err)
{
	aic_session o = {.run = 0};
	aic_session_node *node = NULL;
	aic_bytes body = {0};
	search q = {.r = r, .o = &o};
	size_t n;
	aic_code code = get_opening(r, &o, err);

	if (!code)
		code = get_nodes(r, &node, &n, err);
	if (!code && !(code = aic_cbor_finish(r->args, err)) && !(code = aic_chain_catch_up(&r->s->chain, err)) &&
	    !(code = r->resume ? AIC_OK : aic_state_sessions(r->s->state, is_same, &q, err))) {
		aic_session_open_body(&body, &o, node, n);
		code = q.height ? aic_service_session_answer(r, &q.found, q.height) : aic_service_session_post(r, AIC_TX_SESSION_OPEN, &body, NULL, err);
		aic_bytes_free(&body);
	}
	free(node);
	return code;
}

aic_code aic_op_session_nodes(aic_request *r, aic_error *err)
{
	aic_session_node *node = NULL;
	aic_bytes body = {0};
	aic_hash id;
	size_t n;
	aic_code code;

	get_hash(r->args, &id);
	if (!(code = get_nodes(r, &node, &n, err)) && !(code = aic_cbor_finish(r->args, err))) {
		aic_session_nodes_body(&body, &id, node, n);
		code = aic_service_session_post(r, AIC_TX_SESSION_NODES, &body, &id, err);
	}
	free(node);
	return code;
}

/* --- commitments --- */

/* How many of them stand already, all with these bytes. */
static aic_code skip_standing(aic_request *r, const aic_hash *id, uint64_t first, const aic_session_checkpoint *c, size_t n, size_t *skip,
                              uint64_t *height, aic_error *err)
{
	char text[20];
	aic_code code = AIC_OK;

	for (*skip = 0; *skip < n; ++*skip) {
		aic_session_checkpoint there;

		code = aic_state_session_checkpoint(r->s->state, id, first + *skip, &there, err);
		if (code)
			return code == AIC_NOT_FOUND ? AIC_OK : code;
		if (there.step != c[*skip].step || !aic_hash_equal(&there.chain, &c[*skip].chain) || !aic_hash_equal(&there.root, &c[*skip].root))
			return aic_fail(err, AIC_REFUSED, "checkpoint %llu of session %s stands with other bytes at height %llu: nothing is committed twice",
			                (unsigned long long)(first + *skip), aic_session_text(text, id), (unsigned long long)there.height);
		*height = there.height;
	}
	return code;
}

aic_code aic_op_session_commit(aic_request *r, aic_error *err)
{
	static const aic_hash none;
	aic_session_checkpoint *c;
	aic_bytes body = {0};
	uint64_t height = 0;
	aic_hash id;
	size_t skip = 0;
	aic_code code;

	get_hash(r->args, &id);
	uint64_t first = aic_cbor_uint(r->args);
	size_t n = aic_cbor_array(r->args, AIC_SESSION_BATCH_MAX);
	c = aic_xcalloc(n + 1, sizeof(*c));
	for (size_t i = 0; i < n && aic_cbor_ok(r->args); i++) {
		aic_cbor_array_exact(r->args, 3);
		c[i].step = aic_cbor_uint(r->args);
		get_hash(r->args, &c[i].chain);
		get_hash(r->args, &c[i].root);
	}
	if (!(code = aic_cbor_finish(r->args, err)) && !(code = aic_chain_catch_up(&r->s->chain, err)) &&
	    !(code = r->resume ? AIC_OK : skip_standing(r, &id, first, c, n, &skip, &height, err))) {
		aic_session_commit_body(&body, &id, first + skip, c + skip, n - skip);
		code = n && skip == n ? aic_service_session_answer(r, &none, height) : aic_service_session_post(r, AIC_TX_SESSION_COMMIT, &body, &id, err);
		aic_bytes_free(&body);
	}
	free(c);
	return code;
}

/* --- closing --- */

static int by_wallet(const void *a, const void *b)
{
	return aic_address_cmp(&((const aic_session_provider *)a)->wallet, &((const aic_session_provider *)b)->wallet);
}

static bool closed_so(const aic_session *s, uint64_t steps, uint64_t end, const aic_session_provider *p, size_t n)
{
	bool same = s->state != AIC_SESSION_OPEN && s->steps == steps && s->end == end && s->n_providers == n;

	for (size_t i = 0; i < n && same; i++)
		same = s->provider[i].fee == p[i].fee && aic_address_cmp(&s->provider[i].wallet, &p[i].wallet) == 0;
	return same;
}

aic_code aic_op_session_close(aic_request *r, aic_error *err)
{
	static const aic_hash none;
	aic_session_provider p[AIC_SESSION_PROVIDERS_MAX];
	aic_bytes body = {0};
	aic_session there;
	aic_hash id;
	aic_code code = AIC_OK;

	get_hash(r->args, &id);
	uint64_t steps = aic_cbor_uint(r->args), end = aic_cbor_uint(r->args);
	size_t n = aic_cbor_array(r->args, AIC_SESSION_PROVIDERS_MAX);
	for (size_t i = 0; i < n && aic_cbor_ok(r->args) && !code; i++) {
		char provider[AIC_NAME_LEN];

		aic_cbor_array_exact(r->args, 2);
		aic_cbor_text(r->args, provider, sizeof(provider));
		p[i].fee = aic_cbor_amount(r->args);
		if (aic_cbor_ok(r->args))
			code = aic_custody_find(r->s->custody, provider, &p[i].wallet, err);
	}
	if (code || (code = aic_cbor_finish(r->args, err)) || (code = aic_chain_catch_up(&r->s->chain, err)) ||
	    (code = aic_session_need(r->s->state, &id, &there, err)))
		return code;
	qsort(p, n, sizeof(*p), by_wallet);
	if (!r->resume && closed_so(&there, steps, end, p, n))
		return aic_service_session_answer(r, &none, there.closed);
	aic_session_close_body(&body, &id, steps, end, p, n);
	return aic_service_session_post(r, AIC_TX_SESSION_CLOSE, &body, &id, err);
}

/* --- challenge, verdict, appeal, rating --- */

aic_code aic_op_session_challenge(aic_request *r, aic_error *err)
{
	aic_bytes body = {0};
	aic_hash id;
	aic_code code;

	get_hash(r->args, &id);
	if ((code = aic_cbor_finish(r->args, err)))
		return code;
	aic_session_id_body(&body, &id);
	return aic_service_session_post(r, AIC_TX_SESSION_CHALLENGE, &body, &id, err);
}

aic_code aic_op_session_appeal(aic_request *r, aic_error *err)
{
	aic_approval approval[AIC_APPROVALS_MAX];
	aic_hash id, reason;
	aic_bytes body = {0};
	aic_code code;

	get_hash(r->args, &id);
	get_hash(r->args, &reason);
	size_t n = aic_approvals_get(r->args, approval);
	if ((code = aic_cbor_finish(r->args, err)))
		return code;
	aic_session_appeal_body(&body, &id, &reason, approval, n);
	return aic_service_session_post(r, AIC_TX_SESSION_APPEAL, &body, &id, err);
}

aic_code aic_op_verdict(aic_request *r, aic_error *err)
{
	const uint8_t *bytes;
	size_t len;
	aic_bytes body = {0};
	aic_verdict v;
	aic_code code;

	bytes = aic_cbor_bytes(r->args, &len);
	if ((code = aic_cbor_finish(r->args, err)) || (code = aic_verdict_read(&v, bytes, len, err)))
		return code;
	aic_bytes_append(&body, bytes, len);
	return aic_service_session_post(r, AIC_TX_VERDICT, &body, &v.session, err);
}

/* At most what the line paid and no session has used: seconds by the trainer's clock, which the fee at closing is of, may be one more than
 * the job was charged for. */
static aic_code clamp_fee(aic_request *r, const aic_settlement_row *row, const aic_bytes *settlement, uint64_t line, aic_amount *fee, aic_error *err)
{
	aic_settlement_line l;
	aic_hash path[64];
	aic_amount used, left;
	size_t n;
	aic_code code = aic_settlement_line_path(settlement->data, settlement->len, line, &l, path, &n, err);

	if (!code)
		code = aic_posted_line_sum(r->s->state, AIC_TABLE_SESSION_RATED, &row->tx, line, &used, err);
	if (!code && aic_amount_sub(&left, l.fee, used) && left && *fee > left)
		*fee = left;
	return code;
}

aic_code aic_op_session_rate(aic_request *r, aic_error *err)
{
	char name[AIC_NAME_LEN], period[16];
	aic_bytes settlement = {0}, body = {0};
	aic_settlement_row row;
	aic_address provider;
	aic_session there;
	aic_amount fee = 0;
	aic_hash id;
	aic_code code;

	get_hash(r->args, &id);
	aic_cbor_text(r->args, name, sizeof(name));
	aic_cbor_text(r->args, period, sizeof(period));
	uint64_t number = aic_cbor_uint(r->args), line = aic_cbor_uint(r->args);
	if ((code = aic_cbor_finish(r->args, err)) || (code = aic_custody_find(r->s->custody, name, &provider, err)) ||
	    (code = aic_session_need(r->s->state, &id, &there, err)) ||
	    (code = aic_service_settlement(r->s, period, number, &row, &settlement, err)))
		return code;
	for (size_t i = 0; i < there.n_providers; i++)
		if (aic_address_cmp(&there.provider[i].wallet, &provider) == 0)
			fee = there.provider[i].fee;
	code = clamp_fee(r, &row, &settlement, line, &fee, err);
	if (!code)
		code = aic_session_rate_body_of(&body, &id, &provider, settlement.data, settlement.len, line, fee, err);
	aic_bytes_free(&settlement);
	if (!code)
		code = aic_service_session_post(r, AIC_TX_SESSION_RATE, &body, &id, err);
	aic_bytes_free(&body);
	return code;
}

aic_code aic_op_verifier(aic_request *r, aic_error *err)
{
	char node[AIC_NAME_LEN], provider[AIC_NAME_LEN];
	aic_verifier v = {.device_len = 0};
	aic_bytes body = {0};
	aic_hash key = {{0}};
	aic_code code;

	aic_cbor_text(r->args, node, sizeof(node));
	aic_cbor_text(r->args, provider, sizeof(provider));
	get_some(r->args, v.device, &v.device_len, "a device");
	if ((code = aic_cbor_finish(r->args, err)) || (code = aic_custody_key_find(r->s->custody, node, v.key, err)) ||
	    (provider[0] && (code = aic_custody_find(r->s->custody, provider, &v.provider, err))))
		return code;
	memcpy(key.b, v.key, AIC_PUBLIC_LEN);
	if (provider[0])
		aic_verifier_register_body(&body, &v);
	else
		aic_verifier_withdraw_body(&body, v.key);
	return aic_service_session_post(r, provider[0] ? AIC_TX_VERIFIER_REGISTER : AIC_TX_VERIFIER_WITHDRAW, &body, &key, err);
}
