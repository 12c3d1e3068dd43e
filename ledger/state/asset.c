/* asset.c: see asset.h. */
#include "ledger/state/asset.h"

#include <string.h>

#include "ledger/state/execute.h"

static void get_address(aic_cbor *c, aic_address *a)
{
	aic_cbor_bytes_exact(c, a->b, AIC_ADDRESS_LEN);
}

/* --- rows --- */

aic_code aic_state_asset(aic_state *s, aic_u256 id, aic_asset *a, aic_error *err)
{
	uint8_t key[32];
	const uint8_t *row;
	size_t len;

	aic_u256_to_be(key, id);
	aic_code code = aic_state_get(s, AIC_TABLE_ASSET, key, sizeof(key), &row, &len, err);
	if (!code && !aic_asset_decode(a, row, len))
		return aic_fail(err, AIC_CORRUPT, "the state's row of an asset cannot be read: rebuild the state by replay");
	return code;
}

aic_code aic_state_asset_put(aic_state *s, aic_u256 id, const aic_asset *a, aic_error *err)
{
	uint8_t key[32];
	aic_bytes row = {0};

	aic_u256_to_be(key, id);
	aic_asset_put(&row, a);
	aic_code code = aic_state_put(s, AIC_TABLE_ASSET, key, sizeof(key), &row, err);
	aic_bytes_free(&row);
	return code;
}

/* One that can be owned: registered and not retired. */
static aic_code need(aic_state *s, aic_u256 id, aic_asset *a, aic_error *err)
{
	uint8_t be[32];
	char text[17];
	aic_code code = aic_state_asset(s, id, a, err);

	if (code && code != AIC_NOT_FOUND)
		return code;
	if (!code && !a->retired)
		return AIC_OK;
	aic_u256_to_be(be, id);
	aic_hex(text, be, 8);
	if (code)
		return aic_fail(err, AIC_REFUSED, "asset %s... is not registered", text);
	return aic_fail(err, AIC_REFUSED, "asset %s... was retired at height %llu", text, (unsigned long long)a->retired);
}

static void operator_key(uint8_t key[2 * AIC_ADDRESS_LEN], const aic_address *owner, const aic_address *operator_)
{
	memcpy(key, owner->b, AIC_ADDRESS_LEN);
	memcpy(key + AIC_ADDRESS_LEN, operator_->b, AIC_ADDRESS_LEN);
}

aic_code aic_asset_is_operator(aic_state *s, const aic_address *owner, const aic_address *operator_, bool *yes, aic_error *err)
{
	uint8_t key[2 * AIC_ADDRESS_LEN];
	const uint8_t *row;
	size_t len;

	operator_key(key, owner, operator_);
	aic_code code = aic_state_get(s, AIC_TABLE_OPERATOR, key, sizeof(key), &row, &len, err);
	*yes = code == AIC_OK;
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}

/* --- views --- */

aic_code aic_asset_owner_of(aic_state *s, aic_u256 id, aic_address *owner, aic_error *err)
{
	aic_asset a;
	aic_code code = need(s, id, &a, err);

	if (!code)
		*owner = a.owner;
	return code;
}

aic_code aic_asset_get_approved(aic_state *s, aic_u256 id, aic_address *approved, aic_error *err)
{
	aic_asset a;
	aic_code code = need(s, id, &a, err);

	if (!code)
		*approved = a.approved;
	return code;
}

aic_code aic_asset_balance_of(aic_state *s, const aic_address *owner, uint64_t *n, aic_error *err)
{
	aic_wallet w;

	if (aic_address_is_zero(owner))
		return aic_fail(err, AIC_REFUSED, "the zero address owns no assets");
	aic_code code = aic_wallet_need(s, owner, &w, err);
	*n = w.assets;
	return code;
}

/* --- what several transactions do --- */

static aic_code acts_for(const aic_exec *x, const aic_address *a, aic_error *err)
{
	aic_wallet w;
	aic_code code = aic_wallet_need(x->state, a, &w, err);

	return code ? code : aic_wallet_controlled(x, a, &w, err);
}

/* Owner or operator, and where `by_approval` the one that is approved for this asset. */
static aic_code may(const aic_exec *x, const aic_asset *a, const aic_address *actor, bool by_approval, aic_error *err)
{
	char text[AIC_ADDRESS_TEXT];
	bool operates;
	aic_code code = aic_asset_is_operator(x->state, &a->owner, actor, &operates, err);

	if (code || operates || aic_address_cmp(actor, &a->owner) == 0 || (by_approval && aic_address_cmp(actor, &a->approved) == 0))
		return code;
	return aic_fail(err, AIC_REFUSED, "wallet %s neither owns this asset nor is approved for it", aic_address_text(text, actor));
}

static aic_code add_owned(aic_state *s, const aic_address *owner, int by, aic_error *err)
{
	aic_wallet w;
	aic_code code = aic_wallet_need(s, owner, &w, err);

	if (code)
		return code;
	w.assets += (uint64_t)by;
	return aic_state_wallet_put(s, owner, &w, err);
}

static aic_code add_assets(aic_state *s, int by, aic_error *err)
{
	aic_totals t;
	aic_code code = aic_state_totals(s, &t, err);

	if (code)
		return code;
	t.assets += (uint64_t)by;
	return aic_state_totals_put(s, &t, err);
}

/* --- transactions --- */

static aic_code check_parents(aic_exec *x, aic_asset *a, aic_error *err)
{
	a->generation = 1;
	for (size_t i = 0; i < a->n_parents; i++) {
		aic_asset parent;
		aic_code code = need(x->state, a->parent[i].asset, &parent, err);

		if (code) {
			aic_error_prefix(err, "parent %zu", i + 1);
			return code;
		}
		if (parent.generation >= a->generation)
			a->generation = parent.generation + 1;
	}
	if (a->generation > AIC_GENERATIONS_MAX)
		return aic_fail(err, AIC_REFUSED, "the asset would be generation %llu: at most %d are counted",
		                (unsigned long long)a->generation, AIC_GENERATIONS_MAX);
	return AIC_OK;
}

aic_code aic_execute_asset_register(aic_exec *x, aic_error *err)
{
	static const aic_address zero;
	aic_u256 id = aic_asset_id(&x->tx->id);
	aic_asset a = {.since = x->height}, there;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 5);
	get_address(&c, &a.owner);
	a.kind = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, a.content.b, AIC_HASH_LEN);
	aic_terms_get(&c, &a.terms);
	aic_parents_get(&c, &a);
	if ((code = aic_cbor_finish(&c, err)))
		return code;
	if (a.kind < AIC_ASSET_DATA || a.kind > AIC_ASSET_TRAINED)
		return aic_fail(err, AIC_REFUSED, "kind %llu of an asset: 1 data set, 2 model, 3 trained model", (unsigned long long)a.kind);
	if ((code = acts_for(x, &a.owner, err)) || (code = check_parents(x, &a, err)))
		return code;
	code = aic_state_asset(x->state, id, &there, err);
	if (code == AIC_OK)
		return aic_fail(err, AIC_REFUSED, "this asset is registered already");
	if (code != AIC_NOT_FOUND || (code = aic_state_asset_put(x->state, id, &a, err)) ||
	    (code = add_owned(x->state, &a.owner, 1, err)) || (code = add_assets(x->state, 1, err)))
		return code;
	aic_state_emit(x->state, AIC_EVENT_ASSET_TRANSFER, &zero, &a.owner, id, "");
	return AIC_OK;
}

static aic_code check_receiver(aic_exec *x, const aic_address *to, bool safe, aic_error *err)
{
	char text[AIC_ADDRESS_TEXT];
	aic_wallet w;
	aic_code code;

	if (aic_address_is_zero(to))
		return aic_fail(err, AIC_REFUSED, "no asset can be transferred to the zero address: retire it");
	if ((code = aic_wallet_need(x->state, to, &w, err)))
		return code;
	if (safe && w.type == AIC_WALLET_REFUSES_ASSETS)
		return aic_fail(err, AIC_REFUSED, "wallet %s does not accept assets", aic_address_text(text, to));
	return AIC_OK;
}

aic_code aic_execute_asset_transfer(aic_exec *x, aic_error *err)
{
	aic_address actor, from, to;
	aic_asset a;
	aic_u256 id;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 5);
	get_address(&c, &actor);
	get_address(&c, &from);
	get_address(&c, &to);
	id = aic_cbor_u256(&c);
	bool safe = aic_cbor_bool(&c);
	if ((code = aic_cbor_finish(&c, err)) || (code = acts_for(x, &actor, err)) || (code = need(x->state, id, &a, err)) ||
	    (code = check_receiver(x, &to, safe, err)) || (code = may(x, &a, &actor, true, err)))
		return code;
	if (aic_address_cmp(&from, &a.owner) != 0)
		return aic_fail(err, AIC_REFUSED, "the asset is not owned by the wallet that it is to be taken from");
	a.owner = to;
	memset(&a.approved, 0, sizeof(a.approved));
	if ((code = add_owned(x->state, &from, -1, err)) || (code = add_owned(x->state, &to, 1, err)) ||
	    (code = aic_state_asset_put(x->state, id, &a, err)))
		return code;
	aic_state_emit(x->state, AIC_EVENT_ASSET_TRANSFER, &from, &to, id, "");
	return AIC_OK;
}

aic_code aic_execute_asset_approve(aic_exec *x, aic_error *err)
{
	aic_address actor, approved;
	aic_asset a;
	aic_u256 id;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 3);
	get_address(&c, &actor);
	get_address(&c, &approved);
	id = aic_cbor_u256(&c);
	if ((code = aic_cbor_finish(&c, err)) || (code = acts_for(x, &actor, err)) || (code = need(x->state, id, &a, err)) ||
	    (code = may(x, &a, &actor, false, err)))
		return code;
	a.approved = approved;
	aic_state_emit(x->state, AIC_EVENT_ASSET_APPROVAL, &a.owner, &approved, id, "");
	return aic_state_asset_put(x->state, id, &a, err);
}

aic_code aic_execute_asset_approve_for_all(aic_exec *x, aic_error *err)
{
	uint8_t key[2 * AIC_ADDRESS_LEN];
	aic_address owner, operator_;
	aic_bytes row = {0};
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 3);
	get_address(&c, &owner);
	get_address(&c, &operator_);
	bool yes = aic_cbor_bool(&c);
	if ((code = aic_cbor_finish(&c, err)) || (code = acts_for(x, &owner, err)))
		return code;
	if (aic_address_is_zero(&operator_))
		return aic_fail(err, AIC_REFUSED, "the zero address cannot operate");
	operator_key(key, &owner, &operator_);
	aic_state_emit(x->state, AIC_EVENT_ASSET_APPROVAL_FOR_ALL, &owner, &operator_, aic_u256_from(yes), "");
	if (!yes)
		return aic_state_delete(x->state, AIC_TABLE_OPERATOR, key, sizeof(key), err);
	aic_cbor_put_bool(&row, true);
	code = aic_state_put(x->state, AIC_TABLE_OPERATOR, key, sizeof(key), &row, err);
	aic_bytes_free(&row);
	return code;
}

/* Terms are the owner's; an operator acts for the owner in this too. */
aic_code aic_execute_asset_terms(aic_exec *x, aic_error *err)
{
	aic_address actor;
	aic_asset a;
	aic_terms terms = {.verify = 0};
	aic_u256 id;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 3);
	get_address(&c, &actor);
	id = aic_cbor_u256(&c);
	aic_terms_get(&c, &terms);
	if ((code = aic_cbor_finish(&c, err)) || (code = acts_for(x, &actor, err)) || (code = need(x->state, id, &a, err)) ||
	    (code = may(x, &a, &actor, false, err)))
		return code;
	a.terms = terms;
	return aic_state_asset_put(x->state, id, &a, err);
}

aic_code aic_execute_asset_retire(aic_exec *x, aic_error *err)
{
	static const aic_address zero;
	aic_address actor;
	aic_asset a;
	aic_u256 id;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 2);
	get_address(&c, &actor);
	id = aic_cbor_u256(&c);
	if ((code = aic_cbor_finish(&c, err)) || (code = acts_for(x, &actor, err)) || (code = need(x->state, id, &a, err)) ||
	    (code = may(x, &a, &actor, true, err)))
		return code;
	a.approved = zero;
	a.retired = x->height;
	aic_state_emit(x->state, AIC_EVENT_ASSET_TRANSFER, &a.owner, &zero, id, "");
	if ((code = add_owned(x->state, &a.owner, -1, err)) || (code = add_assets(x->state, -1, err)))
		return code;
	return aic_state_asset_put(x->state, id, &a, err);
}
