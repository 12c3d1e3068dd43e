/* request.c: see request.h. */
#include "ledger/state/request.h"

#include <string.h>

#include "ledger/state/asset.h"
#include "ledger/state/execute.h"

static const aic_address nobody;

aic_address aic_escrow_address(void)
{
	static const char text[] = "aic/escrow/v1";
	aic_hash h = aic_sha256_of(text, sizeof(text) - 1);
	aic_address a;

	memcpy(a.b, h.b, sizeof(a.b));
	return a;
}

/* --- bodies --- */

void aic_request_open_body(aic_bytes *out, const aic_request_row *r)
{
	aic_cbor_put_array(out, 5);
	aic_cbor_put_bytes(out, r->requester.b, AIC_ADDRESS_LEN);
	aic_cbor_put_uint(out, r->kind);
	aic_cbor_put_bytes(out, r->requirements.b, AIC_HASH_LEN);
	aic_cbor_put_amount(out, r->bounty);
	aic_cbor_put_uint(out, r->expires);
}

void aic_request_asset_body(aic_bytes *out, const aic_address *actor, aic_u256 request, aic_u256 asset)
{
	aic_cbor_put_array(out, 3);
	aic_cbor_put_bytes(out, actor->b, AIC_ADDRESS_LEN);
	aic_cbor_put_u256(out, request);
	aic_cbor_put_u256(out, asset);
}

void aic_request_withdraw_body(aic_bytes *out, const aic_address *actor, aic_u256 request)
{
	aic_cbor_put_array(out, 2);
	aic_cbor_put_bytes(out, actor->b, AIC_ADDRESS_LEN);
	aic_cbor_put_u256(out, request);
}

/* --- row: [requester, kind, requirements, bounty, expires, state, [* asset]] --- */

static aic_code request_put(aic_state *s, aic_u256 id, const aic_request_row *r, aic_error *err)
{
	uint8_t key[32];
	aic_bytes row = {0};

	aic_u256_to_be(key, id);
	aic_cbor_put_array(&row, 7);
	aic_cbor_put_bytes(&row, r->requester.b, AIC_ADDRESS_LEN);
	aic_cbor_put_uint(&row, r->kind);
	aic_cbor_put_bytes(&row, r->requirements.b, AIC_HASH_LEN);
	aic_cbor_put_amount(&row, r->bounty);
	aic_cbor_put_uint(&row, r->expires);
	aic_cbor_put_uint(&row, r->state);
	aic_cbor_put_array(&row, r->n_offers);
	for (size_t i = 0; i < r->n_offers; i++)
		aic_cbor_put_u256(&row, r->offer[i]);
	aic_code code = aic_state_put(s, AIC_TABLE_REQUEST, key, sizeof(key), &row, err);
	aic_bytes_free(&row);
	return code;
}

aic_code aic_state_request(aic_state *s, aic_u256 id, aic_request_row *r, aic_error *err)
{
	uint8_t key[32];
	const uint8_t *row;
	size_t len;
	aic_cbor c;

	aic_u256_to_be(key, id);
	aic_code code = aic_state_get(s, AIC_TABLE_REQUEST, key, sizeof(key), &row, &len, err);
	if (code)
		return code;
	aic_cbor_init(&c, row, len);
	aic_cbor_array_exact(&c, 7);
	aic_cbor_bytes_exact(&c, r->requester.b, AIC_ADDRESS_LEN);
	r->kind = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, r->requirements.b, AIC_HASH_LEN);
	r->bounty = aic_cbor_amount(&c);
	r->expires = aic_cbor_uint(&c);
	r->state = aic_cbor_uint(&c);
	r->n_offers = aic_cbor_array(&c, AIC_OFFERS_MAX);
	for (size_t i = 0; i < r->n_offers && aic_cbor_ok(&c); i++)
		r->offer[i] = aic_cbor_u256(&c);
	return aic_cbor_finish(&c, err) ? aic_error_prefix(err, "the state's row of a request") : AIC_OK;
}

/* --- what several transactions do --- */

/* Moves between a wallet and the escrow, with ERC-20's event. */
static aic_code move(aic_exec *x, const aic_address *from, const aic_address *to, aic_amount value, aic_error *err)
{
	aic_code code = aic_wallet_move(x->state, from, to, value, err);

	if (!code)
		aic_state_emit(x->state, AIC_EVENT_TRANSFER, from, to, aic_u256_from(value), "bounty");
	return code;
}

/* A wallet like the treasury. */
aic_code aic_escrow_ensure(aic_state *s, aic_error *err)
{
	aic_address escrow = aic_escrow_address();
	aic_wallet w = {.balance = 0};
	aic_totals t;
	aic_code code = aic_state_wallet(s, &escrow, &w, err);

	if (code != AIC_NOT_FOUND)
		return code;
	memset(&w, 0, sizeof(w));
	if ((code = aic_state_wallet_put(s, &escrow, &w, err)) || (code = aic_state_totals(s, &t, err)))
		return code;
	t.wallets++;
	return aic_state_totals_put(s, &t, err);
}

static aic_code need_open(const aic_exec *x, aic_u256 id, aic_request_row *r, aic_error *err)
{
	uint8_t be[32];
	char text[17];
	aic_code code = aic_state_request(x->state, id, r, err);

	if (code && code != AIC_NOT_FOUND)
		return code;
	aic_u256_to_be(be, id);
	aic_hex(text, be, 8);
	if (code)
		return aic_fail(err, AIC_REFUSED, "there is no request %s...", text);
	if (r->state != AIC_REQUEST_OPEN)
		return aic_fail(err, AIC_REFUSED, "request %s... was %s already", text, r->state == AIC_REQUEST_ACCEPTED ? "accepted" : "withdrawn");
	return AIC_OK;
}

static aic_code not_expired(const aic_exec *x, const aic_request_row *r, aic_error *err)
{
	if (x->height <= r->expires)
		return AIC_OK;
	return aic_fail(err, AIC_REFUSED, "this request could be answered until height %llu, this is height %llu",
	                (unsigned long long)r->expires, (unsigned long long)x->height);
}

static aic_code acts_for(const aic_exec *x, const aic_address *a, aic_error *err)
{
	aic_wallet w;
	aic_code code = aic_wallet_need(x->state, a, &w, err);

	return code ? code : aic_wallet_controlled(x, a, &w, err);
}

static aic_code read_asset_body(const aic_exec *x, aic_address *actor, aic_u256 *request, aic_u256 *asset, aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 3);
	aic_cbor_bytes_exact(&c, actor->b, AIC_ADDRESS_LEN);
	*request = aic_cbor_u256(&c);
	*asset = aic_cbor_u256(&c);
	return aic_cbor_finish(&c, err);
}

static bool same(aic_u256 a, aic_u256 b)
{
	return aic_u256_cmp(a, b) == 0;
}

/* --- transactions --- */

aic_code aic_execute_request_open(aic_exec *x, aic_error *err)
{
	aic_u256 id = aic_asset_id(&x->tx->id);
	aic_address escrow = aic_escrow_address();
	aic_request_row r = {.state = AIC_REQUEST_OPEN};
	aic_wallet w;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 5);
	aic_cbor_bytes_exact(&c, r.requester.b, AIC_ADDRESS_LEN);
	r.kind = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, r.requirements.b, AIC_HASH_LEN);
	r.bounty = aic_cbor_amount(&c);
	r.expires = aic_cbor_uint(&c);
	if ((code = aic_cbor_finish(&c, err)))
		return code;
	if (r.kind < AIC_ASSET_DATA || r.kind > AIC_ASSET_TRAINED)
		return aic_fail(err, AIC_REFUSED, "kind %llu of a request: 1 data set, 2 model, 3 trained model", (unsigned long long)r.kind);
	if (!r.bounty)
		return aic_fail(err, AIC_REFUSED, "a request without a bounty: give one above 0");
	if ((code = not_expired(x, &r, err)) || (code = aic_wallet_need(x->state, &r.requester, &w, err)) ||
	    (code = aic_wallet_may_spend(x, &r.requester, &w, err)) || (code = aic_escrow_ensure(x->state, err)) ||
	    (code = request_put(x->state, id, &r, err)))
		return code;
	aic_state_emit(x->state, AIC_EVENT_REQUEST, &r.requester, &nobody, id, "");
	return move(x, &r.requester, &escrow, r.bounty, err);
}

aic_code aic_execute_request_offer(aic_exec *x, aic_error *err)
{
	aic_request_row r;
	aic_address actor, owner;
	aic_u256 request, asset;
	aic_asset a;
	aic_code code;

	if ((code = read_asset_body(x, &actor, &request, &asset, err)) || (code = need_open(x, request, &r, err)) ||
	    (code = not_expired(x, &r, err)) || (code = acts_for(x, &actor, err)) ||
	    (code = aic_asset_owner_of(x->state, asset, &owner, err)) || (code = aic_state_asset(x->state, asset, &a, err)))
		return code;
	if (aic_address_cmp(&owner, &actor) != 0)
		return aic_fail(err, AIC_REFUSED, "an asset is offered by its owner: this wallet does not own it");
	if (a.kind != r.kind)
		return aic_fail(err, AIC_REFUSED, "the request asks for an asset of kind %llu, this one is of kind %llu",
		                (unsigned long long)r.kind, (unsigned long long)a.kind);
	for (size_t i = 0; i < r.n_offers; i++)
		if (same(r.offer[i], asset))
			return aic_fail(err, AIC_REFUSED, "this asset was offered for this request already");
	if (r.n_offers == AIC_OFFERS_MAX)
		return aic_fail(err, AIC_REFUSED, "this request has %d offers: no more can be made", AIC_OFFERS_MAX);
	r.offer[r.n_offers++] = asset;
	aic_state_emit(x->state, AIC_EVENT_REQUEST_OFFER, &actor, &r.requester, request, "");
	return request_put(x->state, request, &r, err);
}

aic_code aic_execute_request_accept(aic_exec *x, aic_error *err)
{
	aic_address escrow = aic_escrow_address(), actor, owner;
	aic_request_row r;
	aic_u256 request, asset;
	bool offered = false;
	aic_code code;

	if ((code = read_asset_body(x, &actor, &request, &asset, err)) || (code = need_open(x, request, &r, err)) ||
	    (code = not_expired(x, &r, err)) || (code = acts_for(x, &actor, err)))
		return code;
	if (aic_address_cmp(&actor, &r.requester) != 0)
		return aic_fail(err, AIC_REFUSED, "only the wallet that opened a request can accept an offer for it");
	for (size_t i = 0; i < r.n_offers; i++)
		offered = offered || same(r.offer[i], asset);
	if (!offered)
		return aic_fail(err, AIC_REFUSED, "this asset was not offered for this request");
	if ((code = aic_asset_owner_of(x->state, asset, &owner, err)))
		return code;
	r.state = AIC_REQUEST_ACCEPTED;
	r.n_offers = 1;
	r.offer[0] = asset;
	if ((code = request_put(x->state, request, &r, err)))
		return code;
	aic_state_emit(x->state, AIC_EVENT_REQUEST_ACCEPT, &r.requester, &owner, request, "");
	return move(x, &escrow, &owner, r.bounty, err);
}

aic_code aic_execute_request_withdraw(aic_exec *x, aic_error *err)
{
	aic_address escrow = aic_escrow_address(), actor;
	aic_request_row r;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 2);
	aic_cbor_bytes_exact(&c, actor.b, AIC_ADDRESS_LEN);
	aic_u256 request = aic_cbor_u256(&c);
	if ((code = aic_cbor_finish(&c, err)) || (code = need_open(x, request, &r, err)) || (code = acts_for(x, &actor, err)))
		return code;
	if (aic_address_cmp(&actor, &r.requester) != 0 && x->height <= r.expires)
		return aic_fail(err, AIC_REFUSED, "only the wallet that opened a request can withdraw it, until height %llu",
		                (unsigned long long)r.expires);
	r.state = AIC_REQUEST_WITHDRAWN;
	if ((code = request_put(x->state, request, &r, err)))
		return code;
	aic_state_emit(x->state, AIC_EVENT_REQUEST_WITHDRAW, &r.requester, &nobody, request, "");
	return move(x, &escrow, &r.requester, r.bounty, err);
}
