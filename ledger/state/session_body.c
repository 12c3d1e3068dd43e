/* session_body.c: bodies of the transactions about sessions, as those who post them build them; see session.h. */
#include <stdlib.h>
#include <string.h>

#include "ledger/state/posted_line.h"
#include "ledger/state/session.h"

static int by_key(const void *a, const void *b)
{
	return memcmp(((const aic_session_node *)a)->key, ((const aic_session_node *)b)->key, AIC_PUBLIC_LEN);
}

static void put_nodes(aic_bytes *out, const aic_session_node *node, size_t n)
{
	aic_session_node *sorted = aic_xcalloc(n + 1, sizeof(*sorted));

	if (n)
		memcpy(sorted, node, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_key);
	aic_cbor_put_array(out, n);
	for (size_t i = 0; i < n; i++) {
		aic_cbor_put_array(out, 2);
		aic_cbor_put_bytes(out, sorted[i].key, AIC_PUBLIC_LEN);
		aic_cbor_put_bytes(out, sorted[i].provider.b, AIC_ADDRESS_LEN);
	}
	free(sorted);
}

void aic_session_open_body(aic_bytes *out, const aic_session *o, const aic_session_node *node, size_t n)
{
	aic_cbor_put_array(out, 12);
	aic_cbor_put_bytes(out, o->payer.b, AIC_ADDRESS_LEN);
	aic_cbor_put_uint(out, o->run);
	aic_cbor_put_uint(out, o->class);
	aic_cbor_put_bytes(out, o->device, o->device_len);
	aic_cbor_put_uint(out, o->shards);
	aic_cbor_put_bytes(out, o->spec.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, o->data.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, o->code.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, o->mark.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, o->model, o->model_len);
	aic_cbor_put_array(out, o->n_assets);
	for (size_t i = 0; i < o->n_assets; i++)
		aic_cbor_put_u256(out, o->asset[i]);
	put_nodes(out, node, n);
}

void aic_session_nodes_body(aic_bytes *out, const aic_hash *session, const aic_session_node *node, size_t n)
{
	aic_cbor_put_array(out, 2);
	aic_cbor_put_bytes(out, session->b, AIC_HASH_LEN);
	put_nodes(out, node, n);
}

void aic_session_commit_body(aic_bytes *out, const aic_hash *session, uint64_t first, const aic_session_checkpoint *c, size_t n)
{
	aic_cbor_put_array(out, 3);
	aic_cbor_put_bytes(out, session->b, AIC_HASH_LEN);
	aic_cbor_put_uint(out, first);
	aic_cbor_put_array(out, n);
	for (size_t i = 0; i < n; i++) {
		aic_cbor_put_array(out, 3);
		aic_cbor_put_uint(out, c[i].step);
		aic_cbor_put_bytes(out, c[i].chain.b, AIC_HASH_LEN);
		aic_cbor_put_bytes(out, c[i].root.b, AIC_HASH_LEN);
	}
}

void aic_session_close_body(aic_bytes *out, const aic_hash *session, uint64_t steps, uint64_t end, const aic_session_provider *p, size_t n)
{
	aic_cbor_put_array(out, 4);
	aic_cbor_put_bytes(out, session->b, AIC_HASH_LEN);
	aic_cbor_put_uint(out, steps);
	aic_cbor_put_uint(out, end);
	aic_cbor_put_array(out, n);
	for (size_t i = 0; i < n; i++) {
		aic_cbor_put_array(out, 2);
		aic_cbor_put_bytes(out, p[i].wallet.b, AIC_ADDRESS_LEN);
		aic_cbor_put_amount(out, p[i].fee);
	}
}

void aic_session_id_body(aic_bytes *out, const aic_hash *session)
{
	aic_cbor_put_array(out, 1);
	aic_cbor_put_bytes(out, session->b, AIC_HASH_LEN);
}

void aic_session_appeal_body(aic_bytes *out, const aic_hash *session, const aic_hash *reason, const aic_approval *approval, size_t n)
{
	aic_cbor_put_array(out, 3);
	aic_cbor_put_bytes(out, session->b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, reason->b, AIC_HASH_LEN);
	aic_approvals_put(out, approval, n);
}

void aic_session_rate_body(aic_bytes *out, const aic_hash *session, const aic_address *provider, const char *period, uint64_t number,
                           uint64_t line, const aic_settlement_line *l, const aic_hash *path, size_t path_len, aic_amount fee)
{
	aic_cbor_put_array(out, 8);
	aic_cbor_put_bytes(out, session->b, AIC_HASH_LEN);
	aic_cbor_put_bytes(out, provider->b, AIC_ADDRESS_LEN);
	aic_posted_line_put(out, period, number, line, l, path, path_len);
	aic_cbor_put_amount(out, fee);
}

aic_code aic_session_rate_body_of(aic_bytes *out, const aic_hash *session, const aic_address *provider, const void *settlement, size_t len,
                                  uint64_t line, aic_amount fee, aic_error *err)
{
	aic_settlement_line l;
	aic_hash path[64];
	char period[16];
	uint64_t number;
	size_t n;
	aic_code code = aic_settlement_key_of(settlement, len, period, &number, err);

	if (!code && !(code = aic_settlement_line_path(settlement, len, line, &l, path, &n, err)))
		aic_session_rate_body(out, session, provider, period, number, line, &l, path, n, fee);
	return code;
}

void aic_verifier_register_body(aic_bytes *out, const aic_verifier *v)
{
	aic_cbor_put_array(out, 3);
	aic_cbor_put_bytes(out, v->key, AIC_PUBLIC_LEN);
	aic_cbor_put_bytes(out, v->provider.b, AIC_ADDRESS_LEN);
	aic_cbor_put_bytes(out, v->device, v->device_len);
}

void aic_verifier_withdraw_body(aic_bytes *out, const uint8_t key[AIC_PUBLIC_LEN])
{
	aic_cbor_put_array(out, 1);
	aic_cbor_put_bytes(out, key, AIC_PUBLIC_LEN);
}
