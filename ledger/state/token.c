/* token.c: see token.h. */
#include "ledger/state/token.h"

#include <string.h>

#include "ledger/state/execute.h"

static const aic_u256 infinite = {{~0ULL, ~0ULL, ~0ULL, ~0ULL}};

/* --- bodies --- */

static void put_address(aic_bytes *out, const aic_address *a)
{
	aic_cbor_put_bytes(out, a->b, AIC_ADDRESS_LEN);
}

static void get_address(aic_cbor *c, aic_address *a)
{
	aic_cbor_bytes_exact(c, a->b, AIC_ADDRESS_LEN);
}

void aic_transfer_body(aic_bytes *out, const aic_address *from, const aic_address *to, aic_amount value)
{
	aic_cbor_put_array(out, 3);
	put_address(out, from);
	put_address(out, to);
	aic_cbor_put_amount(out, value);
}

void aic_allowance_body(aic_bytes *out, const aic_address *owner, const aic_address *spender, aic_u256 value)
{
	aic_cbor_put_array(out, 3);
	put_address(out, owner);
	put_address(out, spender);
	aic_cbor_put_u256(out, value);
}

void aic_transfer_from_body(aic_bytes *out, const aic_address *spender, const aic_address *from, const aic_address *to,
                            aic_amount value)
{
	aic_cbor_put_array(out, 4);
	put_address(out, spender);
	put_address(out, from);
	put_address(out, to);
	aic_cbor_put_amount(out, value);
}

void aic_burn_body(aic_bytes *out, const aic_address *owner, aic_amount value)
{
	aic_cbor_put_array(out, 2);
	put_address(out, owner);
	aic_cbor_put_amount(out, value);
}

void aic_burn_from_body(aic_bytes *out, const aic_address *spender, const aic_address *owner, aic_amount value)
{
	aic_cbor_put_array(out, 3);
	put_address(out, spender);
	put_address(out, owner);
	aic_cbor_put_amount(out, value);
}

/* --- allowances: absent is zero --- */

static void allowance_key(uint8_t key[2 * AIC_ADDRESS_LEN], const aic_address *owner, const aic_address *spender)
{
	memcpy(key, owner->b, AIC_ADDRESS_LEN);
	memcpy(key + AIC_ADDRESS_LEN, spender->b, AIC_ADDRESS_LEN);
}

aic_code aic_allowance(aic_state *s, const aic_address *owner, const aic_address *spender, aic_u256 *value, aic_error *err)
{
	uint8_t key[2 * AIC_ADDRESS_LEN];
	const uint8_t *row;
	size_t len;
	aic_cbor c;

	memset(value, 0, sizeof(*value));
	allowance_key(key, owner, spender);
	aic_code code = aic_state_get(s, AIC_TABLE_ALLOWANCE, key, sizeof(key), &row, &len, err);
	if (code)
		return code == AIC_NOT_FOUND ? AIC_OK : code;
	aic_cbor_init(&c, row, len);
	*value = aic_cbor_u256(&c);
	return aic_cbor_finish(&c, err);
}

static aic_code allowance_write(aic_state *s, const aic_address *owner, const aic_address *spender, aic_u256 value, aic_error *err)
{
	uint8_t key[2 * AIC_ADDRESS_LEN];
	aic_bytes row = {0};

	allowance_key(key, owner, spender);
	if (aic_u256_cmp(value, aic_u256_from(0)) == 0)
		return aic_state_delete(s, AIC_TABLE_ALLOWANCE, key, sizeof(key), err);
	aic_cbor_put_u256(&row, value);
	aic_code code = aic_state_put(s, AIC_TABLE_ALLOWANCE, key, sizeof(key), &row, err);
	aic_bytes_free(&row);
	return code;
}

static aic_code allowance_spend(aic_state *s, const aic_address *owner, const aic_address *spender, aic_amount value, aic_error *err)
{
	char has[AIC_AMOUNT_TEXT] = "more", needs[AIC_AMOUNT_TEXT], who[AIC_ADDRESS_TEXT];
	aic_u256 left;
	aic_amount small;
	aic_code code = aic_allowance(s, owner, spender, &left, err);

	if (code || aic_u256_cmp(left, infinite) == 0)
		return code;
	if (aic_u256_to_amount(left, &small))
		aic_amount_format(has, small);
	if (!aic_u256_sub(&left, left, aic_u256_from(value)))
		return aic_fail(err, AIC_REFUSED, "wallet %s has approved %s AIC, this needs %s AIC", aic_address_text(who, owner), has,
		                aic_amount_format(needs, value));
	return allowance_write(s, owner, spender, left, err);
}

/* approve and its two variants: change computes the new allowance from the old one and the value given. */
static aic_code change_allowance(aic_exec *x, bool (*change)(aic_u256 *out, aic_u256 old, aic_u256 by), const char *says,
                                 aic_error *err)
{
	aic_address owner, spender;
	aic_u256 value, old;
	aic_wallet w;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 3);
	get_address(&c, &owner);
	get_address(&c, &spender);
	value = aic_cbor_u256(&c);
	if ((code = aic_cbor_finish(&c, err)))
		return code;
	if (aic_address_is_zero(&owner) || aic_address_is_zero(&spender))
		return aic_fail(err, AIC_REFUSED, "the zero address can neither approve nor be approved");
	if ((code = aic_wallet_need(x->state, &owner, &w, err)) || (code = aic_wallet_controlled(x, &owner, &w, err)) ||
	    (code = aic_allowance(x->state, &owner, &spender, &old, err)))
		return code;
	if (!change(&value, old, value))
		return aic_fail(err, AIC_REFUSED, "%s", says);
	aic_state_emit(x->state, AIC_EVENT_APPROVAL, &owner, &spender, value, "");
	return allowance_write(x->state, &owner, &spender, value, err);
}

static bool replace(aic_u256 *out, aic_u256 old, aic_u256 by)
{
	(void)old;
	*out = by;
	return true;
}

aic_code aic_execute_approve(aic_exec *x, aic_error *err)
{
	return change_allowance(x, replace, "", err);
}

aic_code aic_execute_increase_allowance(aic_exec *x, aic_error *err)
{
	return change_allowance(x, aic_u256_add, "the allowance would be above 2^256 - 1", err);
}

aic_code aic_execute_decrease_allowance(aic_exec *x, aic_error *err)
{
	return change_allowance(x, aic_u256_sub, "the allowance would be below zero", err);
}

/* --- moving --- */

static aic_code transfer(aic_exec *x, const aic_address *from, const aic_address *to, aic_amount value, aic_error *err)
{
	aic_wallet w;
	aic_code code;

	if (aic_address_is_zero(from) || aic_address_is_zero(to))
		return aic_fail(err, AIC_REFUSED, "nothing can be transferred %s the zero address", aic_address_is_zero(to) ? "to" : "from");
	if ((code = aic_wallet_need(x->state, from, &w, err)) || (code = aic_wallet_unlocked(x, from, &w, err)) ||
	    (code = aic_wallet_move(x->state, from, to, value, err)))
		return code;
	aic_state_emit(x->state, AIC_EVENT_TRANSFER, from, to, aic_u256_from(value), "");
	return AIC_OK;
}

static aic_code acts_for(const aic_exec *x, const aic_address *a, aic_error *err)
{
	aic_wallet w;
	aic_code code = aic_wallet_need(x->state, a, &w, err);

	return code ? code : aic_wallet_controlled(x, a, &w, err);
}

aic_code aic_execute_transfer(aic_exec *x, aic_error *err)
{
	aic_address from, to;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 3);
	get_address(&c, &from);
	get_address(&c, &to);
	aic_amount value = aic_cbor_amount(&c);
	if ((code = aic_cbor_finish(&c, err)) || (code = acts_for(x, &from, err)))
		return code;
	return transfer(x, &from, &to, value, err);
}

aic_code aic_execute_transfer_from(aic_exec *x, aic_error *err)
{
	aic_address spender, from, to;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 4);
	get_address(&c, &spender);
	get_address(&c, &from);
	get_address(&c, &to);
	aic_amount value = aic_cbor_amount(&c);
	if ((code = aic_cbor_finish(&c, err)) || (code = acts_for(x, &spender, err)) ||
	    (code = allowance_spend(x->state, &from, &spender, value, err)))
		return code;
	return transfer(x, &from, &to, value, err);
}

static aic_code burn(aic_exec *x, const aic_address *owner, aic_amount value, aic_error *err)
{
	static const aic_address zero;
	char text[AIC_ADDRESS_TEXT], has[AIC_AMOUNT_TEXT], needs[AIC_AMOUNT_TEXT];
	aic_wallet w;
	aic_totals t;
	aic_code code;

	if ((code = aic_wallet_need(x->state, owner, &w, err)) || (code = aic_wallet_unlocked(x, owner, &w, err)) ||
	    (code = aic_state_totals(x->state, &t, err)))
		return code;
	if (!aic_amount_sub(&w.balance, w.balance, value))
		return aic_fail(err, AIC_REFUSED, "wallet %s holds %s AIC, %s AIC cannot be burnt", aic_address_text(text, owner),
		                aic_amount_format(has, w.balance), aic_amount_format(needs, value));
	t.supply -= value;
	t.burnt += value;
	aic_state_emit(x->state, AIC_EVENT_TRANSFER, owner, &zero, aic_u256_from(value), "");
	if ((code = aic_state_wallet_put(x->state, owner, &w, err)))
		return code;
	return aic_state_totals_put(x->state, &t, err);
}

aic_code aic_execute_burn(aic_exec *x, aic_error *err)
{
	aic_address owner;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 2);
	get_address(&c, &owner);
	aic_amount value = aic_cbor_amount(&c);
	if ((code = aic_cbor_finish(&c, err)) || (code = acts_for(x, &owner, err)))
		return code;
	return burn(x, &owner, value, err);
}

aic_code aic_execute_burn_from(aic_exec *x, aic_error *err)
{
	aic_address spender, owner;
	aic_cbor c;
	aic_code code;

	aic_cbor_init(&c, x->tx->body, x->tx->body_len);
	aic_cbor_array_exact(&c, 3);
	get_address(&c, &spender);
	get_address(&c, &owner);
	aic_amount value = aic_cbor_amount(&c);
	if ((code = aic_cbor_finish(&c, err)) || (code = acts_for(x, &spender, err)) ||
	    (code = allowance_spend(x->state, &owner, &spender, value, err)))
		return code;
	return burn(x, &owner, value, err);
}
