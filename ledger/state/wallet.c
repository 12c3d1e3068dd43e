/* wallet.c: wallets as such: registering, holding, moving. */
#include "ledger/state/execute.h"
#include "ledger/state/request.h"
#include "ledger/state/token.h"

aic_code aic_wallet_need(aic_state *s, const aic_address *a, aic_wallet *w, aic_error *err)
{
	char text[AIC_ADDRESS_TEXT];
	aic_code code = aic_state_wallet(s, a, w, err);

	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_REFUSED, "wallet %s is not registered on the ledger: register it first", aic_address_text(text, a));
	return code;
}

aic_code aic_wallet_controlled(const aic_exec *x, const aic_address *a, const aic_wallet *w, aic_error *err)
{
	char text[AIC_ADDRESS_TEXT];

	if (x->signer.role == AIC_ROLE_SITE && aic_id_equal(&x->signer.site, &w->site))
		return AIC_OK;
	return aic_fail(err, AIC_REFUSED, "wallet %s is not in the custody of the site that signed: only its own site can move it",
	                aic_address_text(text, a));
}

aic_code aic_wallet_unlocked(const aic_exec *x, const aic_address *a, const aic_wallet *w, aic_error *err)
{
	char text[AIC_ADDRESS_TEXT];

	if (x->height >= w->locked_until)
		return AIC_OK;
	return aic_fail(err, AIC_REFUSED, "wallet %s is locked until height %llu, this is height %llu", aic_address_text(text, a),
	                (unsigned long long)w->locked_until, (unsigned long long)x->height);
}

aic_code aic_wallet_may_spend(const aic_exec *x, const aic_address *a, const aic_wallet *w, aic_error *err)
{
	aic_code code = aic_wallet_controlled(x, a, w, err);

	return code ? code : aic_wallet_unlocked(x, a, w, err);
}

aic_code aic_wallet_move(aic_state *s, const aic_address *from, const aic_address *to, aic_amount value, aic_error *err)
{
	char text[AIC_ADDRESS_TEXT], has[AIC_AMOUNT_TEXT], needs[AIC_AMOUNT_TEXT];
	aic_wallet w;
	aic_code code = aic_wallet_need(s, from, &w, err);

	if (code)
		return code;
	if (!aic_amount_sub(&w.balance, w.balance, value))
		return aic_fail(err, AIC_REFUSED, "wallet %s holds %s AIC, this needs %s AIC", aic_address_text(text, from),
		                aic_amount_format(has, w.balance), aic_amount_format(needs, value));
	if ((code = aic_state_wallet_put(s, from, &w, err)) || (code = aic_wallet_need(s, to, &w, err)))
		return code;
	if (!aic_amount_add(&w.balance, w.balance, value))
		return aic_fail(err, AIC_REFUSED, "wallet %s cannot hold %s AIC more", aic_address_text(text, to),
		                aic_amount_format(needs, value));
	return aic_state_wallet_put(s, to, &w, err);
}

void aic_wallet_register_body(aic_bytes *out, const aic_address *wallet, const aic_id *organisation, uint64_t type)
{
	aic_cbor_put_array(out, 3);
	aic_cbor_put_bytes(out, wallet->b, AIC_ADDRESS_LEN);
	aic_cbor_put_bytes(out, organisation->b, sizeof(organisation->b));
	aic_cbor_put_uint(out, type);
}

aic_code aic_execute_wallet_register(aic_exec *x, aic_error *err)
{
	aic_wallet w = {.site = x->signer.site}, there;
	aic_address a, zero = {{0}}, escrow = aic_escrow_address();
	aic_totals totals;
	aic_cbor c;
	char text[AIC_ADDRESS_TEXT];
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 3);
	aic_cbor_bytes_exact(&c, a.b, sizeof(a.b));
	aic_cbor_bytes_exact(&c, w.organisation.b, sizeof(w.organisation.b));
	w.type = aic_cbor_uint(&c);
	if (aic_cbor_ok(&c) && w.type > AIC_WALLET_REFUSES_ASSETS)
		aic_cbor_fail(&c, "wallet type %llu is unknown", (unsigned long long)w.type);
	if ((code = aic_cbor_finish(&c, err)))
		return code;
	if (x->signer.role != AIC_ROLE_SITE)
		return aic_fail(err, AIC_REFUSED, "only a member site's key can register a wallet");
	if (aic_address_is_zero(&a))
		return aic_fail(err, AIC_REFUSED, "the zero address cannot be a wallet");
	if (aic_address_cmp(&a, &escrow) == 0)
		return aic_fail(err, AIC_REFUSED, "wallet %s is the ledger's own, for bounties: no site can keep it", aic_address_text(text, &a));
	code = aic_state_wallet(x->state, &a, &there, err);
	if (code == AIC_OK)
		return aic_fail(err, AIC_REFUSED, "wallet %s is registered already", aic_address_text(text, &a));
	if (code != AIC_NOT_FOUND || (code = aic_state_wallet_put(x->state, &a, &w, err)) ||
	    (code = aic_state_totals(x->state, &totals, err)))
		return code;
	totals.wallets++;
	aic_state_emit(x->state, AIC_EVENT_WALLET, &a, &zero, aic_u256_from(0), "");
	return aic_state_totals_put(x->state, &totals, err);
}
