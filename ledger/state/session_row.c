/* session_row.c: rows of sessions, their checkpoints and nodes, of verifiers and of the queue; see session.h. */
#include <stdlib.h>
#include <string.h>

#include "ledger/state/session.h"

static const char unreadable[] = "the state's row of a session";

/* --- a session --- */

static void get_optional(aic_cbor *c, uint8_t out[AIC_HASH_LEN], size_t *len)
{
	const uint8_t *data = aic_cbor_bytes(c, len);

	if (!aic_cbor_ok(c))
		return;
	if (*len > AIC_HASH_LEN)
		aic_cbor_fail(c, "%zu bytes where at most %d can be", *len, AIC_HASH_LEN);
	else if (*len)
		memcpy(out, data, *len);
}

static void put_verdict(aic_bytes *out, const aic_session_verdict *v)
{
	aic_cbor_put_array(out, v->there ? 4 : 0);
	if (!v->there)
		return;
	aic_cbor_put_uint(out, v->result);
	aic_cbor_put_uint(out, v->segment);
	aic_cbor_put_uint(out, v->step);
	aic_cbor_put_bytes(out, v->evidence.b, AIC_HASH_LEN);
}

static void get_verdict(aic_cbor *c, aic_session_verdict *v)
{
	v->there = aic_cbor_array(c, 4) > 0;
	if (!v->there)
		return;
	v->result = aic_cbor_uint(c);
	v->segment = aic_cbor_uint(c);
	v->step = aic_cbor_uint(c);
	aic_cbor_bytes_exact(c, v->evidence.b, AIC_HASH_LEN);
}

/* What the opening said: 15 items. */
static void put_opening(aic_bytes *out, const aic_session *r)
{
	aic_cbor_put_array(out, 15);
	aic_cbor_put_bytes(out, r->site.b, sizeof(r->site.b));
	aic_cbor_put_bytes(out, r->payer.b, AIC_ADDRESS_LEN);
	aic_cbor_put_uint(out, r->run);
	aic_cbor_put_uint(out, r->class);
	aic_cbor_put_uint(out, r->counts_as);
	aic_cbor_put_bytes(out, r->device, r->device_len);
	aic_cbor_put_uint(out, r->shards);
	aic_cbor_put_bytes(out, r->spec.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, r->data.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, r->code.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, r->mark.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, r->model, r->model_len);
	aic_cbor_put_array(out, r->n_assets);
	for (size_t i = 0; i < r->n_assets; i++)
		aic_cbor_put_u256(out, r->asset[i]);
	aic_cbor_put_uint(out, r->opened);
	aic_cbor_put_int(out, r->opened_at);
}

static void get_opening(aic_cbor *c, aic_session *r)
{
	aic_cbor_array_exact(c, 15);
	aic_cbor_bytes_exact(c, r->site.b, sizeof(r->site.b));
	aic_cbor_bytes_exact(c, r->payer.b, AIC_ADDRESS_LEN);
	r->run = aic_cbor_uint(c);
	r->class = aic_cbor_uint(c);
	r->counts_as = aic_cbor_uint(c);
	get_optional(c, r->device, &r->device_len);
	r->shards = aic_cbor_uint(c);
	aic_cbor_bytes_exact(c, r->spec.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(c, r->data.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(c, r->code.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(c, r->mark.b, AIC_HASH_LEN);
	get_optional(c, r->model, &r->model_len);
	r->n_assets = aic_cbor_array(c, AIC_SESSION_ASSETS_MAX);
	for (size_t i = 0; i < r->n_assets && aic_cbor_ok(c); i++)
		r->asset[i] = aic_cbor_u256(c);
	r->opened = aic_cbor_uint(c);
	r->opened_at = aic_cbor_int(c);
}

/* Where it stands: 11 items. */
static void put_course(aic_bytes *out, const aic_session *r)
{
	aic_cbor_put_array(out, 11);
	aic_cbor_put_bytes(out, r->entropy.b, AIC_HASH_LEN);
	aic_cbor_put_uint(out, r->checkpoints);
	aic_cbor_put_uint(out, r->last_step);
	aic_cbor_put_uint(out, r->state);
	aic_cbor_put_uint(out, r->closed);
	aic_cbor_put_int(out, r->closed_at);
	aic_cbor_put_uint(out, r->steps);
	aic_cbor_put_uint(out, r->end);
	aic_cbor_put_bool(out, r->demanded);
	aic_cbor_put_uint(out, r->decided);
	aic_cbor_put_int(out, r->decided_at);
}

static void get_course(aic_cbor *c, aic_session *r)
{
	aic_cbor_array_exact(c, 11);
	aic_cbor_bytes_exact(c, r->entropy.b, AIC_HASH_LEN);
	r->checkpoints = aic_cbor_uint(c);
	r->last_step = aic_cbor_uint(c);
	r->state = aic_cbor_uint(c);
	r->closed = aic_cbor_uint(c);
	r->closed_at = aic_cbor_int(c);
	r->steps = aic_cbor_uint(c);
	r->end = aic_cbor_uint(c);
	r->demanded = aic_cbor_bool(c);
	r->decided = aic_cbor_uint(c);
	r->decided_at = aic_cbor_int(c);
}

/* How it is judged: 11 items. */
static void put_challenge(aic_bytes *out, const aic_session *r)
{
	aic_cbor_put_array(out, 11);
	aic_cbor_put_uint(out, r->appeals);
	aic_cbor_put_uint(out, r->former);
	aic_cbor_put_uint(out, r->round);
	aic_cbor_put_uint(out, r->drawn);
	aic_cbor_put_int(out, r->asked_at);
	aic_cbor_put_array(out, r->n_segments);
	for (size_t i = 0; i < r->n_segments; i++)
		aic_cbor_put_uint(out, r->segment[i]);
	aic_cbor_put_bytes(out, r->verifier, sizeof(r->verifier));
	aic_cbor_put_bytes(out, r->third, sizeof(r->third));
	aic_cbor_put_array(out, r->n_asked);
	for (size_t i = 0; i < r->n_asked; i++)
		aic_cbor_put_bytes(out, r->asked[i].b, sizeof(r->asked[i].b));
	put_verdict(out, &r->verdict);
	put_verdict(out, &r->decision);
}

static void get_challenge(aic_cbor *c, aic_session *r)
{
	aic_cbor_array_exact(c, 11);
	r->appeals = aic_cbor_uint(c);
	r->former = aic_cbor_uint(c);
	r->round = aic_cbor_uint(c);
	r->drawn = aic_cbor_uint(c);
	r->asked_at = aic_cbor_int(c);
	r->n_segments = aic_cbor_array(c, AIC_SESSION_Q + 1);
	for (size_t i = 0; i < r->n_segments && aic_cbor_ok(c); i++)
		r->segment[i] = aic_cbor_uint(c);
	aic_cbor_bytes_exact(c, r->verifier, sizeof(r->verifier));
	aic_cbor_bytes_exact(c, r->third, sizeof(r->third));
	r->n_asked = aic_cbor_array(c, AIC_SESSION_ASKED_MAX);
	for (size_t i = 0; i < r->n_asked && aic_cbor_ok(c); i++)
		aic_cbor_bytes_exact(c, r->asked[i].b, sizeof(r->asked[i].b));
	get_verdict(c, &r->verdict);
	get_verdict(c, &r->decision);
}

/* Who judged it, and whether it was revealed as a decoy: 4 items. */
static void put_judges(aic_bytes *out, const aic_session *r)
{
	aic_cbor_put_array(out, 4);
	aic_cbor_put_bool(out, r->revealed);
	aic_cbor_put_uint(out, r->bad_segment);
	aic_cbor_put_amount(out, r->deposit);
	aic_cbor_put_array(out, r->n_judges);
	for (size_t i = 0; i < r->n_judges; i++) {
		const aic_session_judge *j = &r->judge[i];

		aic_cbor_put_array(out, 6);
		aic_cbor_put_bytes(out, j->wallet.b, AIC_ADDRESS_LEN);
		aic_cbor_put_bytes(out, j->party.b, sizeof(j->party.b));
		aic_cbor_put_uint(out, j->result);
		aic_cbor_put_uint(out, j->segments);
		aic_cbor_put_bool(out, j->passed);
		aic_cbor_put_amount(out, j->paid);
	}
}

static void get_judges(aic_cbor *c, aic_session *r)
{
	aic_cbor_array_exact(c, 4);
	r->revealed = aic_cbor_bool(c);
	r->bad_segment = aic_cbor_uint(c);
	r->deposit = aic_cbor_amount(c);
	r->n_judges = aic_cbor_array(c, AIC_SESSION_JUDGES_MAX);
	for (size_t i = 0; i < r->n_judges && aic_cbor_ok(c); i++) {
		aic_session_judge *j = &r->judge[i];

		aic_cbor_array_exact(c, 6);
		aic_cbor_bytes_exact(c, j->wallet.b, AIC_ADDRESS_LEN);
		aic_cbor_bytes_exact(c, j->party.b, sizeof(j->party.b));
		j->result = aic_cbor_uint(c);
		j->segments = aic_cbor_uint(c);
		j->passed = aic_cbor_bool(c);
		j->paid = aic_cbor_amount(c);
	}
}

void aic_session_encode(aic_bytes *row, const aic_session *r)
{
	aic_cbor_put_array(row, 5);
	put_opening(row, r);
	put_course(row, r);
	put_challenge(row, r);
	put_judges(row, r);
	aic_cbor_put_array(row, r->n_providers);
	for (size_t i = 0; i < r->n_providers; i++) {
		aic_cbor_put_array(row, 3);
		aic_cbor_put_bytes(row, r->provider[i].wallet.b, AIC_ADDRESS_LEN);
		aic_cbor_put_amount(row, r->provider[i].fee);
		aic_cbor_put_amount(row, r->provider[i].paid);
	}
}

aic_code aic_state_session_put(aic_state *s, const aic_hash *id, const aic_session *r, aic_error *err)
{
	aic_bytes row = {0};

	aic_session_encode(&row, r);
	aic_code code = aic_state_put(s, AIC_TABLE_SESSION, id->b, AIC_HASH_LEN, &row, err);
	aic_bytes_free(&row);
	return code;
}

aic_code aic_session_decode(aic_session *r, const void *row, size_t len, aic_error *err)
{
	aic_cbor c;

	memset(r, 0, sizeof(*r));
	aic_cbor_init(&c, row, len);
	aic_cbor_array_exact(&c, 5);
	get_opening(&c, r);
	get_course(&c, r);
	get_challenge(&c, r);
	get_judges(&c, r);
	r->n_providers = aic_cbor_array(&c, AIC_SESSION_PROVIDERS_MAX);
	for (size_t i = 0; i < r->n_providers && aic_cbor_ok(&c); i++) {
		aic_cbor_array_exact(&c, 3);
		aic_cbor_bytes_exact(&c, r->provider[i].wallet.b, AIC_ADDRESS_LEN);
		r->provider[i].fee = aic_cbor_amount(&c);
		r->provider[i].paid = aic_cbor_amount(&c);
	}
	return aic_cbor_finish(&c, err) ? aic_error_prefix(err, unreadable) : AIC_OK;
}

aic_code aic_state_session(aic_state *s, const aic_hash *id, aic_session *r, aic_error *err)
{
	const uint8_t *row;
	size_t len;
	aic_code code = aic_state_get(s, AIC_TABLE_SESSION, id->b, AIC_HASH_LEN, &row, &len, err);

	return code ? code : aic_session_decode(r, row, len, err);
}

/* --- checkpoints --- */

static size_t checkpoint_key(uint8_t key[AIC_HASH_LEN + 4], const aic_hash *id, uint64_t number)
{
	memcpy(key, id->b, AIC_HASH_LEN);
	aic_put_be32(key + AIC_HASH_LEN, (uint32_t)number);
	return AIC_HASH_LEN + 4;
}

aic_code aic_state_session_checkpoint(aic_state *s, const aic_hash *id, uint64_t number, aic_session_checkpoint *p, aic_error *err)
{
	uint8_t key[AIC_HASH_LEN + 4];
	const uint8_t *row;
	size_t len;
	aic_cbor c;
	aic_code code = aic_state_get(s, AIC_TABLE_SESSION_CHECKPOINT, key, checkpoint_key(key, id, number), &row, &len, err);

	if (code)
		return code;
	aic_cbor_init(&c, row, len);
	aic_cbor_array_exact(&c, 4);
	p->step = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, p->chain.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, p->root.b, AIC_HASH_LEN);
	p->height = aic_cbor_uint(&c);
	return aic_cbor_finish(&c, err) ? aic_error_prefix(err, unreadable) : AIC_OK;
}

aic_code aic_state_session_checkpoint_put(aic_state *s, const aic_hash *id, uint64_t number, const aic_session_checkpoint *p,
                                          aic_error *err)
{
	uint8_t key[AIC_HASH_LEN + 4];
	aic_bytes row = {0};

	aic_cbor_put_array(&row, 4);
	aic_cbor_put_uint(&row, p->step);
	aic_cbor_put_bytes(&row, p->chain.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(&row, p->root.b, AIC_HASH_LEN);
	aic_cbor_put_uint(&row, p->height);
	aic_code code = aic_state_put(s, AIC_TABLE_SESSION_CHECKPOINT, key, checkpoint_key(key, id, number), &row, err);
	aic_bytes_free(&row);
	return code;
}

/* --- lists --- */

aic_code aic_state_session_nodes(aic_state *s, const aic_hash *id, aic_session_node **node, size_t *n, aic_error *err)
{
	const uint8_t *row;
	size_t len;
	aic_cbor c;
	aic_code code = aic_state_get(s, AIC_TABLE_SESSION_NODES, id->b, AIC_HASH_LEN, &row, &len, err);

	*node = NULL;
	*n = 0;
	if (code)
		return code;
	aic_cbor_init(&c, row, len);
	*n = aic_cbor_array(&c, AIC_SESSION_NODES_MAX);
	*node = aic_xcalloc(*n + 1, sizeof(**node));
	for (size_t i = 0; i < *n && aic_cbor_ok(&c); i++) {
		aic_cbor_array_exact(&c, 2);
		aic_cbor_bytes_exact(&c, (*node)[i].key, AIC_PUBLIC_LEN);
		aic_cbor_bytes_exact(&c, (*node)[i].provider.b, AIC_ADDRESS_LEN);
	}
	return aic_cbor_finish(&c, err) ? aic_error_prefix(err, unreadable) : AIC_OK;
}

aic_code aic_state_session_nodes_put(aic_state *s, const aic_hash *id, const aic_session_node *node, size_t n, aic_error *err)
{
	aic_bytes row = {0};

	aic_cbor_put_array(&row, n);
	for (size_t i = 0; i < n; i++) {
		aic_cbor_put_array(&row, 2);
		aic_cbor_put_bytes(&row, node[i].key, AIC_PUBLIC_LEN);
		aic_cbor_put_bytes(&row, node[i].provider.b, AIC_ADDRESS_LEN);
	}
	aic_code code = aic_state_put(s, AIC_TABLE_SESSION_NODES, id->b, AIC_HASH_LEN, &row, err);
	aic_bytes_free(&row);
	return code;
}

aic_code aic_state_verifiers(aic_state *s, aic_verifier **v, size_t *n, aic_error *err)
{
	const uint8_t *row;
	size_t len;
	aic_cbor c;
	aic_code code = aic_state_get(s, AIC_TABLE_VERIFIERS, "", 0, &row, &len, err);

	*v = NULL;
	*n = 0;
	if (code)
		return code == AIC_NOT_FOUND ? AIC_OK : code;
	aic_cbor_init(&c, row, len);
	*n = aic_cbor_array(&c, AIC_VERIFIERS_MAX);
	*v = aic_xcalloc(*n + 1, sizeof(**v));
	for (size_t i = 0; i < *n && aic_cbor_ok(&c); i++) {
		aic_cbor_array_exact(&c, 3);
		aic_cbor_bytes_exact(&c, (*v)[i].key, AIC_PUBLIC_LEN);
		aic_cbor_bytes_exact(&c, (*v)[i].provider.b, AIC_ADDRESS_LEN);
		get_optional(&c, (*v)[i].device, &(*v)[i].device_len);
	}
	return aic_cbor_finish(&c, err) ? aic_error_prefix(err, "the state's row of verifiers") : AIC_OK;
}

aic_code aic_state_verifiers_put(aic_state *s, const aic_verifier *v, size_t n, aic_error *err)
{
	aic_bytes row = {0};

	aic_cbor_put_array(&row, n);
	for (size_t i = 0; i < n; i++) {
		aic_cbor_put_array(&row, 3);
		aic_cbor_put_bytes(&row, v[i].key, AIC_PUBLIC_LEN);
		aic_cbor_put_bytes(&row, v[i].provider.b, AIC_ADDRESS_LEN);
		aic_cbor_put_bytes(&row, v[i].device, v[i].device_len);
	}
	aic_code code = aic_state_put(s, AIC_TABLE_VERIFIERS, "", 0, &row, err);
	aic_bytes_free(&row);
	return code;
}

aic_code aic_state_queue(aic_state *s, aic_hash **id, size_t *n, aic_error *err)
{
	const uint8_t *row;
	size_t len;
	aic_cbor c;
	aic_code code = aic_state_get(s, AIC_TABLE_SESSION_QUEUE, "", 0, &row, &len, err);

	*id = NULL;
	*n = 0;
	if (code)
		return code == AIC_NOT_FOUND ? AIC_OK : code;
	aic_cbor_init(&c, row, len);
	*n = aic_cbor_array(&c, SIZE_MAX);
	*id = aic_xcalloc(*n + 1, sizeof(**id));
	for (size_t i = 0; i < *n && aic_cbor_ok(&c); i++)
		aic_cbor_bytes_exact(&c, (*id)[i].b, AIC_HASH_LEN);
	return aic_cbor_finish(&c, err) ? aic_error_prefix(err, "the state's queue of sessions") : AIC_OK;
}

aic_code aic_state_queue_put(aic_state *s, const aic_hash *id, size_t n, aic_error *err)
{
	aic_bytes row = {0};

	if (!n)
		return aic_state_delete(s, AIC_TABLE_SESSION_QUEUE, "", 0, err);
	aic_cbor_put_array(&row, n);
	for (size_t i = 0; i < n; i++)
		aic_cbor_put_bytes(&row, id[i].b, AIC_HASH_LEN);
	aic_code code = aic_state_put(s, AIC_TABLE_SESSION_QUEUE, "", 0, &row, err);
	aic_bytes_free(&row);
	return code;
}

aic_code aic_state_queue_add(aic_state *s, const aic_hash *id, aic_error *err)
{
	aic_hash *all;
	size_t n;
	bool there = false;
	aic_code code = aic_state_queue(s, &all, &n, err);

	for (size_t i = 0; i < n && !code; i++)
		there |= aic_hash_equal(&all[i], id);
	if (!code && !there) {
		all = aic_xrealloc(all, (n + 1) * sizeof(*all));
		all[n] = *id;
		code = aic_state_queue_put(s, all, n + 1, err);
	}
	free(all);
	return code;
}

aic_code aic_state_count(aic_state *s, aic_table_id table, const void *key, size_t len, uint64_t *n, aic_error *err)
{
	const uint8_t *row;
	size_t row_len;
	aic_cbor c;
	aic_code code = aic_state_get(s, table, key, len, &row, &row_len, err);

	*n = 0;
	if (code)
		return code == AIC_NOT_FOUND ? AIC_OK : code;
	aic_cbor_init(&c, row, row_len);
	*n = aic_cbor_uint(&c);
	return aic_cbor_finish(&c, err);
}

aic_code aic_state_count_put(aic_state *s, aic_table_id table, const void *key, size_t len, uint64_t n, aic_error *err)
{
	aic_bytes row = {0};

	if (!n)
		return aic_state_delete(s, table, key, len, err);
	aic_cbor_put_uint(&row, n);
	aic_code code = aic_state_put(s, table, key, len, &row, err);
	aic_bytes_free(&row);
	return code;
}
