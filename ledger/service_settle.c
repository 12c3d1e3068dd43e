/* service_settle.c: the operations on settlements and their reversals. */
#include <stdlib.h>

#include "common/log.h"
#include "ledger/service_operation.h"
#include "ledger/state/execute.h"
#include "ledger/state/settlement.h"

/* --- settlements --- */

/* The settlement's own body, from its block. */
static aic_code settlement_body(aic_service *s, const aic_settlement_row *row, aic_bytes *body, aic_error *err)
{
	aic_bytes result = {0}, bytes = {0};
	aic_block b = {.n_tx = 0};
	aic_transaction tx;
	uint64_t height, index;
	aic_hash hash;
	bool valid;
	aic_code code;

	if (!(code = aic_state_find_tx(s->state, &row->tx, &height, &index, &result, err)) &&
	    !(code = aic_state_block(s->state, height, &bytes, &hash, &valid, err)) &&
	    !(code = aic_block_decode(&b, bytes.data, bytes.len, err)) &&
	    !(code = aic_tx_decode(&tx, b.tx[index].data, b.tx[index].len, err)))
		aic_bytes_append(body, tx.body, tx.body_len);
	aic_block_clear(&b);
	aic_bytes_free(&bytes);
	aic_bytes_free(&result);
	return code;
}

static aic_code settlement_result(aic_service *s, const aic_settlement_row *row, aic_settlement_result *out, aic_error *err)
{
	aic_bytes result = {0}, body = {0};
	uint64_t index;
	aic_code code = aic_state_find_tx(s->state, &row->tx, &out->height, &index, &result, err);

	if (code == AIC_NOT_FOUND)
		code = aic_fail(err, AIC_CORRUPT, "the settlement's transaction is missing from the state: rebuild the state by replay");
	if (!code)
		code = aic_settlement_result_decode(out, result.data, result.len, err);
	if (!code && !(code = settlement_body(s, row, &body, err)))
		code = aic_settlement_hashes_of(body.data, body.len, &out->evidence, &out->batch, err);
	out->posted = true;
	out->final = s->chain.final_height >= row->height;
	out->tx = row->tx;
	aic_bytes_free(&result);
	aic_bytes_free(&body);
	return code;
}

static aic_code answer_result(aic_request *r, const aic_settlement_row *row, aic_error *err)
{
	aic_settlement_result result = {0};
	aic_code code = settlement_result(r->s, row, &result, err);

	if (!code)
		aic_wire_put_result(r->out, &result);
	r->items = 1;
	aic_settlement_result_clear(&result);
	return code;
}

aic_code aic_op_settlement(aic_request *r, aic_error *err)
{
	char period[16];
	aic_settlement_row row;
	aic_code code;

	aic_cbor_text(r->args, period, sizeof(period));
	uint64_t number = aic_cbor_uint(r->args);
	if ((code = aic_cbor_finish(r->args, err)))
		return code;
	code = aic_state_settlement(r->s->state, &r->s->chain.site, period, number, &row, err);
	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_NOT_FOUND, "no settlement %s/%llu has been posted", period, (unsigned long long)number);
	return code ? code : answer_result(r, &row, err);
}

static aic_code read_settlement(aic_request *r, aic_settlement *s, aic_bytes *body, aic_error *err)
{
	aic_wire_get_settlement(r->args, s);
	aic_code code = aic_cbor_finish(r->args, err);

	if (!code)
		aic_settlement_body(body, s);
	free((void *)s->line);
	s->line = NULL;
	return code;
}

/* A repeat with the same content answers as the first did. */
static aic_code settle(aic_request *r, const aic_settlement *st, const aic_bytes *body, aic_error *err)
{
	aic_hash content = aic_sha256_of(body->data, body->len);
	aic_settlement_row row;
	aic_posted posted;
	aic_code code = aic_chain_catch_up(&r->s->chain, err);

	if (!code)
		code = aic_state_settlement(r->s->state, &r->s->chain.site, st->period, st->number, &row, err);
	if (code == AIC_OK && !aic_hash_equal(&row.content, &content))
		return aic_fail(err, AIC_REFUSED, "settlement %s/%llu was posted at height %llu with other content: nothing was changed",
		                st->period, (unsigned long long)st->number, (unsigned long long)row.height);
	if (code == AIC_NOT_FOUND && !(code = aic_chain_post(&r->s->chain, AIC_TX_SETTLEMENT, body, &posted, err))) {
		code = aic_state_settlement(r->s->state, &r->s->chain.site, st->period, st->number, &row, err);
		aic_info("settlement %s/%llu posted at height %llu, %zu lines, by uid %u", st->period, (unsigned long long)st->number,
		         (unsigned long long)posted.height, st->n_lines, (unsigned)r->who->uid);
	}
	return code ? code : answer_result(r, &row, err);
}

aic_code aic_op_settle(aic_request *r, aic_error *err)
{
	aic_settlement s;
	aic_bytes body = {0};
	aic_code code = read_settlement(r, &s, &body, err);

	if (!code)
		code = settle(r, &s, &body, err);
	aic_bytes_free(&body);
	return code;
}

aic_code aic_op_preview(aic_request *r, aic_error *err)
{
	aic_settlement s;
	aic_bytes body = {0}, bytes = {0};
	aic_settlement_result result = {0};
	aic_code code = read_settlement(r, &s, &body, err);

	if (!code && !(code = aic_chain_preview(&r->s->chain, AIC_TX_SETTLEMENT, &body, &bytes, err)) &&
	    !(code = aic_settlement_result_decode(&result, bytes.data, bytes.len, err)))
		aic_wire_put_result(r->out, &result);
	r->items = 1;
	aic_settlement_result_clear(&result);
	aic_bytes_free(&body);
	aic_bytes_free(&bytes);
	return code;
}

/* --- reversals --- */

typedef struct {
	char period[16];
	uint64_t number, line;
	aic_amount amount;
	aic_hash evidence;
	aic_approval approval[AIC_APPROVALS_MAX];
	size_t n_approvals;
} reversal_request;

static aic_code post_reversal(aic_request *r, const reversal_request *q, const aic_settlement_row *row, aic_posted *posted, aic_error *err)
{
	aic_bytes settlement = {0}, body = {0};
	char text[AIC_AMOUNT_TEXT];
	aic_code code;

	if (!(code = settlement_body(r->s, row, &settlement, err)) &&
	    !(code = aic_reversal_body_of(&body, settlement.data, settlement.len, q->line, q->amount, &q->evidence, q->approval, q->n_approvals,
	                                   err)) &&
	    !(code = aic_chain_post(&r->s->chain, AIC_TX_REVERSAL, &body, posted, err)))
		aic_info("reversal of %s AIC of settlement %s/%llu line %llu at height %llu by uid %u", aic_amount_format(text, q->amount),
		         q->period, (unsigned long long)q->number, (unsigned long long)q->line + 1, (unsigned long long)posted->height,
		         (unsigned)r->who->uid);
	aic_bytes_free(&settlement);
	aic_bytes_free(&body);
	return code;
}

/* A repeat for the same evidence answers as the first did. */
aic_code aic_op_reverse(aic_request *r, aic_error *err)
{
	reversal_request q = {.number = 0};
	aic_settlement_row row;
	aic_reversal_row there;
	aic_posted posted;
	aic_code code;

	aic_cbor_text(r->args, q.period, sizeof(q.period));
	q.number = aic_cbor_uint(r->args);
	q.line = aic_cbor_uint(r->args);
	q.amount = aic_cbor_amount(r->args);
	aic_cbor_bytes_exact(r->args, q.evidence.b, AIC_HASH_LEN);
	q.n_approvals = aic_approvals_get(r->args, q.approval);
	if ((code = aic_cbor_finish(r->args, err)) || (code = aic_chain_catch_up(&r->s->chain, err)))
		return code;
	code = aic_state_settlement(r->s->state, &r->s->chain.site, q.period, q.number, &row, err);
	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_NOT_FOUND, "no settlement %s/%llu has been posted", q.period, (unsigned long long)q.number);
	if (code)
		return code;
	code = aic_reversal_find(r->s->state, &row.tx, q.line, &q.evidence, &there, err);
	if (code == AIC_OK && there.amount != q.amount)
		return aic_fail(err, AIC_REFUSED, "line %llu was reversed for this evidence at height %llu with another amount",
		                (unsigned long long)q.line + 1, (unsigned long long)there.height);
	if (code == AIC_OK)
		posted = (aic_posted){there.tx, there.height};
	else if (code == AIC_NOT_FOUND)
		code = post_reversal(r, &q, &row, &posted, err);
	if (code)
		return code;
	aic_cbor_put_bytes(r->out, posted.tx.b, AIC_HASH_LEN);
	aic_cbor_put_uint(r->out, posted.height);
	r->items = 2;
	return AIC_OK;
}
