/* reversal.c: taking a posted payout back; settlement.h has the body and the rules. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/state/posted_line.h"
#include "ledger/state/vote.h"

typedef struct {
	aic_posted_line paid;
	aic_amount amount;
	aic_hash evidence;
	aic_approval approval[AIC_APPROVALS_MAX];
	size_t n_approvals;
} reversal;

/* --- body --- */

void aic_reversal_body(aic_bytes *out, const char *period, uint64_t number, uint64_t line, const aic_settlement_line *l,
                       const aic_hash *path, size_t path_len, aic_amount amount, const aic_hash *evidence,
                       const aic_approval *approval, size_t n)
{
	aic_cbor_put_array(out, 8);
	aic_posted_line_put(out, period, number, line, l, path, path_len);
	aic_cbor_put_amount(out, amount);
	aic_cbor_put_bytes(out, evidence->b, AIC_HASH_LEN);
	aic_approvals_put(out, approval, n);
}

aic_code aic_reversal_body_of(aic_bytes *out, const void *settlement, size_t len, uint64_t line, aic_amount amount,
                              const aic_hash *evidence, const aic_approval *approval, size_t n, aic_error *err)
{
	aic_settlement_line wanted;
	aic_hash path[64];
	char period[16];
	uint64_t number;
	size_t path_len;
	aic_code code = aic_settlement_key_of(settlement, len, period, &number, err);

	if (code || (code = aic_settlement_line_path(settlement, len, line, &wanted, path, &path_len, err)))
		return code;
	aic_reversal_body(out, period, number, line, &wanted, path, path_len, amount, evidence, approval, n);
	return AIC_OK;
}

static aic_code read_body(reversal *r, const aic_transaction *tx, aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, tx->body, tx->body_len);
	aic_cbor_array_exact(&c, 8);
	aic_posted_line_get(&c, &r->paid);
	r->amount = aic_cbor_amount(&c);
	aic_cbor_bytes_exact(&c, r->evidence.b, AIC_HASH_LEN);
	r->n_approvals = aic_approvals_get(&c, r->approval);
	return aic_cbor_finish(&c, err);
}

/* --- effects --- */

static size_t reversal_key(uint8_t key[2 * AIC_HASH_LEN + 4], const aic_hash *settlement_tx, uint64_t line, const aic_hash *evidence)
{
	memcpy(key, settlement_tx->b, AIC_HASH_LEN);
	aic_put_be32(key + AIC_HASH_LEN, (uint32_t)line);
	memcpy(key + AIC_HASH_LEN + 4, evidence->b, AIC_HASH_LEN);
	return 2 * AIC_HASH_LEN + 4;
}

aic_code aic_reversal_find(aic_state *s, const aic_hash *settlement_tx, uint64_t line, const aic_hash *evidence,
                           aic_reversal_row *row, aic_error *err)
{
	uint8_t key[2 * AIC_HASH_LEN + 4];
	const uint8_t *there;
	size_t len, key_len = reversal_key(key, settlement_tx, line, evidence);
	aic_cbor c;
	aic_code code = aic_state_get(s, AIC_TABLE_REVERSAL, key, key_len, &there, &len, err);

	if (code)
		return code;
	aic_cbor_init(&c, there, len);
	aic_cbor_array_exact(&c, 3);
	aic_cbor_bytes_exact(&c, row->tx.b, AIC_HASH_LEN);
	row->height = aic_cbor_uint(&c);
	row->amount = aic_cbor_amount(&c);
	return aic_cbor_finish(&c, err);
}

static aic_code record(aic_exec *x, const aic_settlement_row *settlement, const reversal *r, aic_error *err)
{
	uint8_t key[2 * AIC_HASH_LEN + 4];
	size_t key_len = reversal_key(key, &settlement->tx, r->paid.line, &r->evidence);
	aic_reversal_row there;
	aic_bytes value = {0};
	aic_code code = aic_reversal_find(x->state, &settlement->tx, r->paid.line, &r->evidence, &there, err);

	if (!code)
		return aic_fail(err, AIC_REFUSED, "line %llu was reversed for this evidence at height %llu already",
		                (unsigned long long)r->paid.line + 1, (unsigned long long)there.height);
	if (code != AIC_NOT_FOUND)
		return code;
	aic_cbor_put_array(&value, 3);
	aic_cbor_put_bytes(&value, x->tx->id.b, AIC_HASH_LEN);
	aic_cbor_put_uint(&value, x->height);
	aic_cbor_put_amount(&value, r->amount);
	code = aic_state_put(x->state, AIC_TABLE_REVERSAL, key, key_len, &value, err);
	aic_bytes_free(&value);
	return code;
}

/* What was taken back of this line so far, and the new sum. */
static aic_code add_reversed(aic_exec *x, const aic_settlement_row *row, const reversal *r, aic_error *err)
{
	char text[AIC_AMOUNT_TEXT], gross[AIC_AMOUNT_TEXT];
	aic_amount sum;
	aic_code code = aic_posted_line_add(x->state, AIC_TABLE_REVERSAL, &row->tx, r->paid.line, r->amount, r->paid.l.gross, &sum, err);

	if (code == AIC_REFUSED)
		return aic_fail(err, AIC_REFUSED, "line %llu: %s AIC would be taken back in all, its gross is %s AIC",
		                (unsigned long long)r->paid.line + 1, aic_amount_format(text, sum), aic_amount_format(gross, r->paid.l.gross));
	return code;
}

static aic_code pay_back(aic_exec *x, const reversal *r, aic_error *err)
{
	char note[AIC_EVENT_NOTE_LEN];
	aic_wallet payee;
	aic_code code;

	if ((code = aic_wallet_need(x->state, &r->paid.l.payee, &payee, err)) ||
	    (code = aic_wallet_controlled(x, &r->paid.l.payee, &payee, err)))
		return code;
	aic_amount now = payee.balance < r->amount ? payee.balance : r->amount;

	snprintf(note, sizeof(note), "%s/%llu", r->paid.period, (unsigned long long)r->paid.number);
	aic_state_emit(x->state, AIC_EVENT_REVERSAL, &r->paid.l.payee, &r->paid.l.payer, aic_u256_from(r->amount), note);
	if (now) {
		if ((code = aic_wallet_move(x->state, &r->paid.l.payee, &r->paid.l.payer, now, err)))
			return code;
		aic_state_emit(x->state, AIC_EVENT_TRANSFER, &r->paid.l.payee, &r->paid.l.payer, aic_u256_from(now), note);
	}
	return now < r->amount ? aic_debt_add(x->state, &r->paid.l.payee, &r->paid.l.payer, r->amount - now, err) : AIC_OK;
}

aic_code aic_execute_reversal(aic_exec *x, aic_error *err)
{
	aic_settlement_row row;
	reversal r = {.amount = 0};
	aic_code code = read_body(&r, x->tx, err);

	if (code)
		return code;
	if (x->signer.role != AIC_ROLE_SITE)
		return aic_fail(err, AIC_REFUSED, "only a member site's key can reverse a payout");
	if (!r.amount)
		return aic_fail(err, AIC_REFUSED, "a reversal takes something back: its amount is 0");
	if ((code = aic_posted_line_need(x, &r.paid, &row, err)))
		return code;
	if ((code = aic_approvals_check(x, r.approval, r.n_approvals, &r.evidence, err)) || (code = record(x, &row, &r, err)) ||
	    (code = add_reversed(x, &row, &r, err)))
		return code;
	return pay_back(x, &r, err);
}
