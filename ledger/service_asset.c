/* service_asset.c: what aicledgerd answers about assets, and what it does with those of this site's wallets. */
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "ledger/service_operation.h"
#include "ledger/state/revenue.h"

static void get_id(aic_cbor *c, aic_u256 *id)
{
	uint8_t b[AIC_ASSET_ID_LEN];

	aic_cbor_bytes_exact(c, b, sizeof(b));
	*id = aic_u256_from_be(b);
}

static void put_id(aic_bytes *out, aic_u256 id)
{
	uint8_t b[AIC_ASSET_ID_LEN];

	aic_u256_to_be(b, id);
	aic_cbor_put_bytes(out, b, sizeof(b));
}

aic_code aic_op_revenue(aic_request *r, aic_error *err)
{
	aic_u256 id;
	size_t n;
	aic_code code;

	get_id(r->args, &id);
	aic_amount amount = aic_cbor_amount(r->args);
	if ((code = aic_cbor_finish(r->args, err)))
		return code;
	aic_revenue *part = aic_xcalloc(AIC_REVENUE_MAX, sizeof(*part));
	if (!(code = aic_revenue_divide(r->s->state, id, amount, part, &n, err))) {
		aic_cbor_put_array(r->out, n);
		for (size_t i = 0; i < n; i++) {
			aic_cbor_put_array(r->out, 3);
			put_id(r->out, part[i].asset);
			aic_cbor_put_bytes(r->out, part[i].owner.b, AIC_ADDRESS_LEN);
			aic_cbor_put_amount(r->out, part[i].amount);
		}
		r->items = 1;
	}
	free(part);
	return code;
}

/* --- assets with what they were made from --- */

typedef struct {
	size_t n;
	aic_u256 id[AIC_REVENUE_MAX];
	aic_asset asset[AIC_REVENUE_MAX];
} family;

static aic_code add_member(aic_request *r, family *f, aic_u256 id, aic_error *err)
{
	for (size_t i = 0; i < f->n; i++)
		if (!aic_u256_cmp(f->id[i], id))
			return AIC_OK;
	if (f->n == AIC_REVENUE_MAX)
		return aic_fail(err, AIC_REFUSED, "more than %d assets would share one fee", AIC_REVENUE_MAX);
	aic_code code = aic_state_asset(r->s->state, id, &f->asset[f->n], err);
	if (!code)
		f->id[f->n++] = id;
	return code;
}

/* The asset first, each other one behind something that was made from it; n 0: it is not registered. */
static aic_code gather_family(aic_request *r, aic_u256 id, family *f, aic_error *err)
{
	f->n = 0;
	aic_code code = add_member(r, f, id, err);

	if (code == AIC_NOT_FOUND)
		return AIC_OK;
	for (size_t i = 0; i < f->n && !code; i++)
		for (size_t k = 0; k < f->asset[i].n_parents && !code; k++)
			code = add_member(r, f, f->asset[i].parent[k].asset, err);
	return code == AIC_NOT_FOUND ? aic_fail(err, AIC_CORRUPT, "a parent of an asset is not in the state: run `aic ledger verify`") : code;
}

static void put_member(aic_request *r, aic_u256 id, const aic_asset *a)
{
	char owner[AIC_NAME_LEN];

	aic_custody_name(r->s->custody, &a->owner, owner, sizeof(owner));
	aic_cbor_put_array(r->out, 9);
	put_id(r->out, id);
	aic_cbor_put_uint(r->out, a->kind);
	aic_cbor_put_text(r->out, owner);
	aic_cbor_put_bytes(r->out, a->content.b, AIC_HASH_LEN);
	aic_terms_put(r->out, &a->terms);
	aic_cbor_put_uint(r->out, a->since);
	aic_cbor_put_uint(r->out, a->retired);
	aic_cbor_put_uint(r->out, a->generation);
	aic_parents_put(r->out, a);
}

aic_code aic_op_assets(aic_request *r, aic_error *err)
{
	size_t n = aic_cbor_array(r->args, AIC_ASSETS_MAX);
	aic_u256 *id = aic_xcalloc(n + 1, sizeof(*id));
	family *f = aic_xcalloc(1, sizeof(*f));

	for (size_t i = 0; i < n; i++)
		get_id(r->args, &id[i]);
	aic_code code = aic_cbor_finish(r->args, err);
	if (!code)
		aic_cbor_put_array(r->out, n);
	for (size_t i = 0; i < n && !code; i++) {
		if ((code = gather_family(r, id[i], f, err)))
			break;
		aic_cbor_put_array(r->out, f->n);
		for (size_t k = 0; k < f->n; k++)
			put_member(r, f->id[k], &f->asset[k]);
	}
	r->items = 1;
	free(id);
	free(f);
	return code;
}

/* --- writing: an asset's owner acts, whose site this must be --- */

static aic_code post(aic_request *r, uint64_t kind, aic_bytes *body, const char *what, aic_error *err)
{
	char hex[2 * AIC_HASH_LEN + 1];
	aic_posted posted;
	aic_code code = aic_service_post(r, kind, body, &posted, err);

	aic_bytes_free(body);
	if (code)
		return code;
	aic_hash_hex(hex, &posted.tx);
	aic_info("%s at height %llu by uid %u, transaction %.16s", what, (unsigned long long)posted.height, (unsigned)r->who->uid, hex);
	aic_cbor_put_bytes(r->out, posted.tx.b, AIC_HASH_LEN);
	aic_cbor_put_uint(r->out, posted.height);
	r->items = 2;
	return AIC_OK;
}

aic_code aic_op_asset_register(aic_request *r, aic_error *err)
{
	char owner[AIC_NAME_LEN];
	aic_asset a = {0};
	aic_bytes body = {0};
	aic_code code;

	aic_cbor_text(r->args, owner, sizeof(owner));
	a.kind = aic_cbor_uint(r->args);
	aic_cbor_bytes_exact(r->args, a.content.b, AIC_HASH_LEN);
	aic_terms_get(r->args, &a.terms);
	aic_parents_get(r->args, &a);
	if ((code = aic_cbor_finish(r->args, err)) || (code = aic_custody_find(r->s->custody, owner, &a.owner, err)))
		return code;
	aic_asset_register_body(&body, &a);
	return post(r, AIC_TX_ASSET_REGISTER, &body, "an asset is registered", err);
}

aic_code aic_op_asset_terms(aic_request *r, aic_error *err)
{
	aic_terms terms;
	aic_address owner;
	aic_bytes body = {0};
	aic_u256 id;
	aic_code code;

	get_id(r->args, &id);
	aic_terms_get(r->args, &terms);
	if ((code = aic_cbor_finish(r->args, err)) || (code = aic_asset_owner_of(r->s->state, id, &owner, err)))
		return code;
	aic_asset_terms_body(&body, &owner, id, &terms);
	return post(r, AIC_TX_ASSET_TERMS, &body, "an asset has other terms", err);
}

aic_code aic_op_asset_transfer(aic_request *r, aic_error *err)
{
	char name[AIC_NAME_LEN];
	aic_address owner, to;
	aic_bytes body = {0};
	aic_u256 id;
	aic_code code;

	get_id(r->args, &id);
	aic_cbor_text(r->args, name, sizeof(name));
	if ((code = aic_cbor_finish(r->args, err)) || (code = aic_asset_owner_of(r->s->state, id, &owner, err)) ||
	    (code = aic_custody_find(r->s->custody, name, &to, err)))
		return code;
	aic_asset_transfer_body(&body, &owner, &owner, &to, id, true);
	return post(r, AIC_TX_ASSET_TRANSFER, &body, "an asset has another owner", err);
}

aic_code aic_op_asset_retire(aic_request *r, aic_error *err)
{
	aic_address owner;
	aic_bytes body = {0};
	aic_u256 id;
	aic_code code;

	get_id(r->args, &id);
	if ((code = aic_cbor_finish(r->args, err)) || (code = aic_asset_owner_of(r->s->state, id, &owner, err)))
		return code;
	aic_asset_retire_body(&body, &owner, id);
	return post(r, AIC_TX_ASSET_RETIRE, &body, "an asset is retired", err);
}
