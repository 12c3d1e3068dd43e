/* asset_row.c: assets as bytes: rows of the state and bodies of transactions. */
#include <string.h>

#include "common/cbor.h"
#include "ledger/state/asset.h"

void aic_terms_put(aic_bytes *out, const aic_terms *t)
{
	aic_cbor_put_array(out, 4);
	aic_cbor_put_text(out, t->licence);
	aic_cbor_put_uint(out, t->verify);
	aic_cbor_put_amount(out, t->per_job);
	aic_cbor_put_amount(out, t->per_gpu_hour);
}

void aic_terms_get(aic_cbor *c, aic_terms *t)
{
	aic_cbor_array_exact(c, 4);
	aic_cbor_text(c, t->licence, sizeof(t->licence));
	t->verify = aic_cbor_uint(c);
	t->per_job = aic_cbor_amount(c);
	t->per_gpu_hour = aic_cbor_amount(c);
	if (aic_cbor_ok(c) && t->verify > AIC_VERIFY_NONE)
		aic_cbor_fail(c, "verify %llu is not 0 (members), 1 (owner) or 2 (none)", (unsigned long long)t->verify);
}

void aic_parents_put(aic_bytes *out, const aic_asset *a)
{
	aic_cbor_put_array(out, a->n_parents);
	for (size_t i = 0; i < a->n_parents; i++) {
		aic_cbor_put_array(out, 2);
		aic_cbor_put_u256(out, a->parent[i].asset);
		aic_cbor_put_uint(out, a->parent[i].ppm);
	}
}

void aic_parents_get(aic_cbor *c, aic_asset *a)
{
	uint64_t sum = 0;

	a->n_parents = aic_cbor_array(c, AIC_PARENTS_MAX);
	for (size_t i = 0; i < a->n_parents && aic_cbor_ok(c); i++) {
		aic_cbor_array_exact(c, 2);
		a->parent[i].asset = aic_cbor_u256(c);
		a->parent[i].ppm = aic_cbor_uint(c);
		if (!aic_cbor_ok(c))
			return;
		if (i && aic_u256_cmp(a->parent[i - 1].asset, a->parent[i].asset) >= 0)
			aic_cbor_fail(c, "parent %zu does not follow parent %zu in ascending order", i + 1, i);
		else if (a->parent[i].ppm > AIC_PPM || (sum += a->parent[i].ppm) > AIC_PPM)
			aic_cbor_fail(c, "the parents' shares sum to more than 1000000 ppm");
	}
}

void aic_asset_put(aic_bytes *out, const aic_asset *a)
{
	aic_cbor_put_array(out, 9);
	aic_cbor_put_uint(out, a->kind);
	aic_cbor_put_bytes(out, a->owner.b, AIC_ADDRESS_LEN);
	aic_cbor_put_bytes(out, a->approved.b, AIC_ADDRESS_LEN);
	aic_cbor_put_bytes(out, a->content.b, AIC_HASH_LEN);
	aic_terms_put(out, &a->terms);
	aic_cbor_put_uint(out, a->since);
	aic_cbor_put_uint(out, a->retired);
	aic_cbor_put_uint(out, a->generation);
	aic_parents_put(out, a);
}

bool aic_asset_decode(aic_asset *a, const void *data, size_t len)
{
	aic_cbor c;

	memset(a, 0, sizeof(*a));
	aic_cbor_init(&c, data, len);
	aic_cbor_array_exact(&c, 9);
	a->kind = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, a->owner.b, AIC_ADDRESS_LEN);
	aic_cbor_bytes_exact(&c, a->approved.b, AIC_ADDRESS_LEN);
	aic_cbor_bytes_exact(&c, a->content.b, AIC_HASH_LEN);
	aic_terms_get(&c, &a->terms);
	a->since = aic_cbor_uint(&c);
	a->retired = aic_cbor_uint(&c);
	a->generation = aic_cbor_uint(&c);
	aic_parents_get(&c, a);
	return aic_cbor_finish(&c, NULL) == AIC_OK;
}

aic_u256 aic_asset_id(const aic_hash *tx)
{
	return aic_u256_from_be(tx->b);
}

void aic_asset_register_body(aic_bytes *out, const aic_asset *a)
{
	aic_cbor_put_array(out, 5);
	aic_cbor_put_bytes(out, a->owner.b, AIC_ADDRESS_LEN);
	aic_cbor_put_uint(out, a->kind);
	aic_cbor_put_bytes(out, a->content.b, AIC_HASH_LEN);
	aic_terms_put(out, &a->terms);
	aic_parents_put(out, a);
}

void aic_asset_transfer_body(aic_bytes *out, const aic_address *actor, const aic_address *from, const aic_address *to, aic_u256 id,
                             bool safe)
{
	aic_cbor_put_array(out, 5);
	aic_cbor_put_bytes(out, actor->b, AIC_ADDRESS_LEN);
	aic_cbor_put_bytes(out, from->b, AIC_ADDRESS_LEN);
	aic_cbor_put_bytes(out, to->b, AIC_ADDRESS_LEN);
	aic_cbor_put_u256(out, id);
	aic_cbor_put_bool(out, safe);
}

void aic_asset_approve_body(aic_bytes *out, const aic_address *actor, const aic_address *approved, aic_u256 id)
{
	aic_cbor_put_array(out, 3);
	aic_cbor_put_bytes(out, actor->b, AIC_ADDRESS_LEN);
	aic_cbor_put_bytes(out, approved->b, AIC_ADDRESS_LEN);
	aic_cbor_put_u256(out, id);
}

void aic_asset_approve_for_all_body(aic_bytes *out, const aic_address *owner, const aic_address *operator_, bool yes)
{
	aic_cbor_put_array(out, 3);
	aic_cbor_put_bytes(out, owner->b, AIC_ADDRESS_LEN);
	aic_cbor_put_bytes(out, operator_->b, AIC_ADDRESS_LEN);
	aic_cbor_put_bool(out, yes);
}

void aic_asset_terms_body(aic_bytes *out, const aic_address *actor, aic_u256 id, const aic_terms *terms)
{
	aic_cbor_put_array(out, 3);
	aic_cbor_put_bytes(out, actor->b, AIC_ADDRESS_LEN);
	aic_cbor_put_u256(out, id);
	aic_terms_put(out, terms);
}

void aic_asset_retire_body(aic_bytes *out, const aic_address *actor, aic_u256 id)
{
	aic_cbor_put_array(out, 2);
	aic_cbor_put_bytes(out, actor->b, AIC_ADDRESS_LEN);
	aic_cbor_put_u256(out, id);
}
