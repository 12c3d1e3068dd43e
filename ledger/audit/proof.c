/* proof.c: building a proof from a site's copy; see proof.h. */
#include "ledger/audit/proof.h"

#include <stdlib.h>
#include <string.h>

#include "common/cbor.h"
#include "ledger/block.h"
#include "ledger/state/settlement.h"

typedef struct {
	aic_bytes bytes;
	aic_block block;
	aic_hash hash;
} loaded;

static aic_code load(loaded *l, aic_state *s, uint64_t height, aic_error *err)
{
	bool valid;
	aic_code code = aic_state_block(s, height, &l->bytes, &l->hash, &valid, err);

	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_NOT_FOUND, "there is no block at height %llu yet", (unsigned long long)height);
	if (!code && (!valid || !height))
		return aic_fail(err, AIC_REFUSED, "height %llu holds no valid block with a header: take another head", (unsigned long long)height);
	return code ? code : aic_block_decode(&l->block, l->bytes.data, l->bytes.len, err);
}

static void unload(loaded *l)
{
	aic_block_clear(&l->block);
	aic_bytes_free(&l->bytes);
}

static void put_header(aic_bytes *out, const aic_block *b)
{
	aic_cbor_put_array(out, 2);
	aic_cbor_put_bytes(out, b->header_bytes, b->header_len);
	aic_cbor_put_bytes(out, b->signature, sizeof(b->signature));
}

static void put_path(aic_bytes *out, const aic_hash *leaf, size_t n, size_t index)
{
	aic_hash path[64];
	size_t len = aic_merkle_prove(path, leaf, n, index);

	aic_cbor_put_array(out, len);
	for (size_t i = 0; i < len; i++)
		aic_cbor_put_bytes(out, path[i].b, AIC_HASH_LEN);
}

/* From the payout's block to the root of blocks in the head's header. */
static aic_code put_block_path(aic_bytes *out, aic_state *s, uint64_t height, uint64_t head, aic_error *err)
{
	aic_hash *leaf = aic_xcalloc(head + 1, sizeof(*leaf));
	aic_code code = AIC_OK;

	for (uint64_t h = 0; h < head && !code; h++) {
		aic_hash hash;

		if (!(code = aic_state_hash_at(s, h, &hash, err)))
			leaf[h] = aic_merkle_leaf(hash.b, AIC_HASH_LEN);
	}
	if (height == head)
		aic_cbor_put_array(out, 0);
	else
		put_path(out, leaf, head, height);
	free(leaf);
	return code;
}

static void put_transaction(aic_bytes *out, const aic_block *b, uint64_t index)
{
	aic_hash *leaf = aic_xcalloc(b->n_tx + 1, sizeof(*leaf));

	for (size_t i = 0; i < b->n_tx; i++)
		leaf[i] = aic_merkle_leaf(b->tx[i].data, b->tx[i].len);
	aic_cbor_put_uint(out, index);
	aic_cbor_put_uint(out, b->n_tx);
	aic_cbor_put_bytes(out, b->tx[index].data, b->tx[index].len);
	put_path(out, leaf, b->n_tx, index);
	free(leaf);
}

typedef struct {
	aic_hash *leaf;
	struct aic_span *span;
	aic_event *event;
	size_t n, cap;
} event_list;

static aic_code read_events(event_list *l, const aic_bytes *events, aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, events->data, events->len);
	while (aic_cbor_ok(&c) && aic_cbor_peek(&c) != AIC_CBOR_END) {
		size_t start = c.pos;

		if (l->n == l->cap) {
			l->cap = l->cap ? 2 * l->cap : 64;
			l->leaf = aic_xrealloc(l->leaf, l->cap * sizeof(*l->leaf));
			l->span = aic_xrealloc(l->span, l->cap * sizeof(*l->span));
			l->event = aic_xrealloc(l->event, l->cap * sizeof(*l->event));
		}
		aic_event_get(&c, &l->event[l->n]);
		l->span[l->n] = (struct aic_span){events->data + start, c.pos - start};
		l->leaf[l->n] = aic_merkle_leaf(events->data + start, c.pos - start);
		l->n++;
	}
	return aic_cbor_finish(&c, err);
}

/* The events of a line follow each other: payer to payee, payer to treasury where something is left, issue to payee. They are
 * found by walking the settlement's events in the order in which settlement.c gives them. */
static aic_code find_line(const event_list *l, uint64_t tx, const aic_settlement_line *line, uint64_t wanted, size_t *first,
                          size_t *count, aic_error *err)
{
	aic_address treasury = aic_treasury_address();
	size_t at = 0;

	while (at < l->n && l->event[at].tx != tx)
		at++;
	for (uint64_t i = 0; at < l->n; i++) {
		*first = at++;
		if (at < l->n && l->event[at].kind == AIC_EVENT_TRANSFER && !aic_address_cmp(&l->event[at].b, &treasury))
			at++;
		if (at < l->n && l->event[at].kind == AIC_EVENT_TRANSFER && aic_address_is_zero(&l->event[at].a))
			at++;
		*count = at - *first;
		if (i == wanted)
			break;
	}
	if (*first < l->n && !aic_address_cmp(&l->event[*first].a, &line->payer) && !aic_address_cmp(&l->event[*first].b, &line->payee))
		return AIC_OK;
	return aic_fail(err, AIC_CORRUPT, "the events of this line are not where they must be: verify the ledger");
}

static aic_code put_events(aic_bytes *out, const aic_bytes *events, uint64_t tx, const aic_settlement_line *line, uint64_t wanted,
                           aic_error *err)
{
	event_list l = {.n = 0};
	size_t first = 0, count = 0;
	aic_code code = read_events(&l, events, err);

	if (!code && !(code = find_line(&l, tx, line, wanted, &first, &count, err))) {
		aic_cbor_put_uint(out, l.n);
		aic_cbor_put_array(out, count);
		for (size_t i = first; i < first + count; i++) {
			aic_cbor_put_array(out, 3);
			aic_cbor_put_uint(out, i);
			aic_cbor_put_bytes(out, l.span[i].data, l.span[i].len);
			put_path(out, l.leaf, l.n, i);
		}
	}
	free(l.leaf);
	free(l.span);
	free(l.event);
	return code;
}

static aic_code build(aic_bytes *out, aic_state *s, const loaded *head, const loaded *block, uint64_t index, uint64_t line,
                      aic_error *err)
{
	aic_bytes events = {0};
	aic_settlement_line l;
	aic_transaction tx;
	int64_t time;
	aic_code code;

	if ((code = aic_tx_decode(&tx, block->block.tx[index].data, block->block.tx[index].len, err)))
		return code;
	if (tx.kind != AIC_TX_SETTLEMENT)
		return aic_fail(err, AIC_REFUSED, "this settlement was posted in parts, of which no proof of one line can be made: have an export "
		                                  "verified in its place");
	if ((code = aic_settlement_line_of(tx.body, tx.body_len, line - 1, &l, err)))
		return code;
	aic_cbor_put_array(out, 11);
	aic_cbor_put_text(out, AIC_PROOF_VERSION);
	put_header(out, &head->block);
	put_header(out, &block->block);
	if ((code = put_block_path(out, s, block->block.header.height, head->block.header.height, err)))
		return code;
	aic_cbor_put_uint(out, line);
	put_transaction(out, &block->block, index);
	if (!(code = aic_state_events(s, block->block.header.height, &events, &time, err)))
		code = put_events(out, &events, index, &l, line - 1, err);
	aic_bytes_free(&events);
	return code;
}

aic_code aic_proof_build(aic_bytes *out, aic_state *s, const aic_id *site, const char *period, uint64_t number, uint64_t line,
                         uint64_t head, aic_error *err)
{
	aic_settlement_row row;
	aic_bytes result = {0};
	loaded top = {.hash = {{0}}}, block = {.hash = {{0}}};
	uint64_t height, index;
	aic_code code = aic_state_settlement(s, site, period, number, &row, err);

	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_NOT_FOUND, "no settlement %s/%llu of this site has been posted", period, (unsigned long long)number);
	if (code)
		return code;
	if (!line || line > row.n_lines)
		return aic_fail(err, AIC_REFUSED, "settlement %s/%llu has lines 1 to %llu, not %llu", period, (unsigned long long)number,
		                (unsigned long long)row.n_lines, (unsigned long long)line);
	if (head < row.height)
		return aic_fail(err, AIC_REFUSED, "the settlement is at height %llu, the head to prove it against at %llu: wait for finality",
		                (unsigned long long)row.height, (unsigned long long)head);
	if (!(code = aic_state_find_tx(s, &row.tx, &height, &index, &result, err)) && !(code = load(&top, s, head, err)) &&
	    !(code = load(&block, s, height, err)))
		code = build(out, s, &top, &block, index, line, err);
	unload(&top);
	unload(&block);
	aic_bytes_free(&result);
	return code;
}
