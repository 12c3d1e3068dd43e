/* service_settle.c: the operations on settlements and their reversals. */
#include <stdlib.h>

#include "common/log.h"
#include "ledger/service_operation.h"
#include "ledger/state/execute.h"
#include "ledger/state/settlement.h"
#include "ledger/state/settlement_part.h"

/* --- settlements --- */

/* Appends what a transaction's body holds of a settlement's: all of it, or a piece. */
static aic_code add_body(aic_service *s, const aic_hash *id, aic_bytes *body, aic_error *err)
{
	aic_bytes result = {0}, bytes = {0};
	aic_block b = {.n_tx = 0};
	aic_transaction tx;
	uint64_t height, index;
	aic_hash hash;
	bool valid;
	aic_code code;

	if (!(code = aic_state_find_tx(s->state, id, &height, &index, &result, err)) &&
	    !(code = aic_state_block(s->state, height, &bytes, &hash, &valid, err)) &&
	    !(code = aic_block_decode(&b, bytes.data, bytes.len, err)) &&
	    !(code = aic_tx_decode(&tx, b.tx[index].data, b.tx[index].len, err))) {
		size_t len = tx.body_len;
		const uint8_t *piece = tx.kind == AIC_TX_SETTLEMENT ? tx.body : aic_settlement_part_piece(tx.body, tx.body_len, &len);

		if (piece)
			aic_bytes_append(body, piece, len);
	}
	aic_block_clear(&b);
	aic_bytes_free(&bytes);
	aic_bytes_free(&result);
	return code;
}

/* The settlement's own body, from its block or from those of its parts. */
static aic_code settlement_body(aic_service *s, const char *period, uint64_t number, const aic_settlement_row *row, aic_bytes *body,
                                aic_error *err)
{
	aic_hash part[AIC_PARTS_MAX];
	size_t n = 0;
	aic_code code = aic_parts_posted(s->state, &s->chain.site, period, number, part, &n, err);

	if (code == AIC_NOT_FOUND)
		return add_body(s, &row->tx, body, err);
	for (size_t i = 0; i < n && !code; i++)
		code = add_body(s, &part[i], body, err);
	return code;
}

aic_code aic_service_settlement(aic_service *s, const char *period, uint64_t number, aic_settlement_row *row, aic_bytes *body, aic_error *err)
{
	aic_code code = aic_state_settlement(s->state, &s->chain.site, period, number, row, err);

	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_NOT_FOUND, "no settlement %s/%llu has been posted", period, (unsigned long long)number);
	return code ? code : settlement_body(s, period, number, row, body, err);
}

static aic_code settlement_result(aic_service *s, const char *period, uint64_t number, const aic_settlement_row *row,
                                  aic_settlement_result *out, aic_error *err)
{
	aic_bytes result = {0}, body = {0};
	uint64_t index;
	aic_code code = aic_state_find_tx(s->state, &row->tx, &out->height, &index, &result, err);

	if (code == AIC_NOT_FOUND)
		code = aic_fail(err, AIC_CORRUPT, "the settlement's transaction is missing from the state: rebuild the state by replay");
	if (!code)
		code = aic_settlement_result_decode(out, result.data, result.len, err);
	if (!code && !(code = settlement_body(s, period, number, row, &body, err)))
		code = aic_settlement_hashes_of(body.data, body.len, &out->evidence, &out->batch, err);
	out->posted = true;
	out->final = s->chain.final_height >= row->height;
	out->tx = row->tx;
	aic_bytes_free(&result);
	aic_bytes_free(&body);
	return code;
}

static aic_code answer_result(aic_request *r, const char *period, uint64_t number, const aic_settlement_row *row, aic_error *err)
{
	aic_settlement_result result = {0};
	aic_code code = settlement_result(r->s, period, number, row, &result, err);

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
	return code ? code : answer_result(r, period, number, &row, err);
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

/* Posts the parts that do not wait already, as after a stop on the way; the last one applies the whole. */
static aic_code post_parts(aic_chain *c, const aic_settlement *st, const aic_bytes *body, aic_posted *posted, aic_error *err)
{
	aic_hash root = aic_settlement_parts_root(body, AIC_PART_LEN);
	size_t n = aic_settlement_parts(body->len, AIC_PART_LEN);
	aic_code code = AIC_OK;

	for (size_t i = 0; i < n && !code; i++) {
		aic_bytes part = {0};
		aic_parts w;

		code = aic_parts_waiting(c->state, &c->site, &w, err);
		if (code == AIC_OK && aic_hash_equal(&w.root, &root) && w.there[i] && aic_state_head(c->state)->height < w.expires)
			continue;
		if (code && code != AIC_NOT_FOUND)
			return code;
		aic_settlement_part_body(&part, st->period, st->number, body, AIC_PART_LEN, i);
		code = aic_chain_post(c, AIC_TX_SETTLEMENT_PART, &part, posted, err);
		aic_bytes_free(&part);
	}
	return code;
}

static aic_code post(aic_request *r, const aic_settlement *st, const aic_bytes *body, aic_posted *posted, aic_error *err)
{
	if (aic_settlement_parts(body->len, AIC_PART_LEN) > 1)
		return post_parts(&r->s->chain, st, body, posted, err);
	return aic_service_post(r, AIC_TX_SETTLEMENT, body, posted, err);
}

static aic_code preview(aic_chain *c, const aic_settlement *st, const aic_bytes *body, aic_bytes *result, aic_error *err)
{
	size_t n = aic_settlement_parts(body->len, AIC_PART_LEN);
	aic_bytes *part = aic_xcalloc(n, sizeof(*part));
	aic_code code;

	if (n == 1) {
		code = aic_chain_preview(c, AIC_TX_SETTLEMENT, body, 1, result, err);
	} else {
		for (size_t i = 0; i < n; i++)
			aic_settlement_part_body(&part[i], st->period, st->number, body, AIC_PART_LEN, i);
		code = aic_chain_preview(c, AIC_TX_SETTLEMENT_PART, part, n, result, err);
	}
	for (size_t i = 0; i < n; i++)
		aic_bytes_free(&part[i]);
	free(part);
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
	if (code == AIC_NOT_FOUND && !(code = post(r, st, body, &posted, err))) {
		code = aic_state_settlement(r->s->state, &r->s->chain.site, st->period, st->number, &row, err);
		aic_info("settlement %s/%llu posted at height %llu, %zu lines, by uid %u", st->period, (unsigned long long)st->number,
		         (unsigned long long)posted.height, st->n_lines, (unsigned)r->who->uid);
	}
	return code ? code : answer_result(r, st->period, st->number, &row, err);
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

	if (!code && !(code = preview(&r->s->chain, &s, &body, &bytes, err)) &&
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

	if (!(code = settlement_body(r->s, q->period, q->number, row, &settlement, err)) &&
	    !(code = aic_reversal_body_of(&body, settlement.data, settlement.len, q->line, q->amount, &q->evidence, q->approval, q->n_approvals,
	                                   err)) &&
	    !(code = aic_service_post(r, AIC_TX_REVERSAL, &body, posted, err)))
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
