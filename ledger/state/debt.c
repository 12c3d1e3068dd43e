/* debt.c: what a provider still owes after a reversal that its balance did not cover; served oldest first from settlement
 * credits, never from transfers (economics.md 3). */
#include <string.h>

#include "ledger/state/execute.h"

static void debt_key(uint8_t key[AIC_ADDRESS_LEN + 8], const aic_address *debtor, uint64_t number)
{
	memcpy(key, debtor->b, AIC_ADDRESS_LEN);
	aic_put_be64(key + AIC_ADDRESS_LEN, number);
}

static aic_code debt_write(aic_state *s, const aic_address *debtor, uint64_t number, const aic_debt *d, aic_error *err)
{
	uint8_t key[AIC_ADDRESS_LEN + 8];
	aic_bytes value = {0};

	debt_key(key, debtor, number);
	if (!d->amount)
		return aic_state_delete(s, AIC_TABLE_DEBT, key, sizeof(key), err);
	aic_debt_put(&value, d);
	aic_code code = aic_state_put(s, AIC_TABLE_DEBT, key, sizeof(key), &value, err);
	aic_bytes_free(&value);
	return code;
}

static aic_code debt_read(aic_state *s, const aic_address *debtor, uint64_t number, aic_debt *d, aic_error *err)
{
	uint8_t key[AIC_ADDRESS_LEN + 8];
	const uint8_t *value;
	size_t len;
	char text[AIC_ADDRESS_TEXT];

	debt_key(key, debtor, number);
	aic_code code = aic_state_get(s, AIC_TABLE_DEBT, key, sizeof(key), &value, &len, err);
	if (code == AIC_NOT_FOUND || (!code && !aic_debt_decode(d, value, len)))
		return aic_fail(err, AIC_CORRUPT, "debt %llu of wallet %s cannot be read: rebuild the state by replay",
		                (unsigned long long)number, aic_address_text(text, debtor));
	return code;
}

aic_code aic_debt_add(aic_state *s, const aic_address *debtor, const aic_address *creditor, aic_amount amount, aic_error *err)
{
	aic_debt d = {*creditor, amount};
	aic_wallet w;
	aic_code code = aic_wallet_need(s, debtor, &w, err);

	if (code || (code = debt_write(s, debtor, w.debt_next, &d, err)))
		return code;
	w.debt_next++;
	if (!aic_amount_add(&w.debt, w.debt, amount))
		return aic_fail(err, AIC_REFUSED, "the debts of one wallet do not fit 128 bits");
	aic_state_emit(s, AIC_EVENT_DEBT, debtor, creditor, aic_u256_from(amount), "");
	return aic_state_wallet_put(s, debtor, &w, err);
}

aic_code aic_debt_serve(aic_state *s, const aic_address *debtor, aic_amount credit, aic_error *err)
{
	aic_wallet w;
	aic_debt d;
	aic_code code = aic_wallet_need(s, debtor, &w, err);

	while (!code && credit && w.debt) {
		if ((code = debt_read(s, debtor, w.debt_first, &d, err)))
			return code;
		aic_amount pay = d.amount < credit ? d.amount : credit;

		credit -= pay;
		d.amount -= pay;
		w.debt -= pay;
		if ((code = debt_write(s, debtor, w.debt_first, &d, err)))
			return code;
		if (!d.amount)
			w.debt_first++;
		if ((code = aic_state_wallet_put(s, debtor, &w, err)) || (code = aic_wallet_move(s, debtor, &d.creditor, pay, err)))
			return code;
		aic_state_emit(s, AIC_EVENT_TRANSFER, debtor, &d.creditor, aic_u256_from(pay), "debt");
		code = aic_wallet_need(s, debtor, &w, err);
	}
	return code;
}
