/* proof.c: building a proof from a site's copy; see proof.h. */
#include "ledger/audit/proof.h"

#include <stdlib.h>
#include <string.h>

#include "common/cbor.h"
#include "ledger/block.h"
#include "ledger/genesis.h"
#include "ledger/state/member.h"
#include "ledger/state/path.h"
#include "ledger/state/settlement.h"
#include "ledger/state/settlement_part.h"

typedef struct {
	aic_bytes bytes;
	aic_block block;
	aic_hash hash;
} loaded;

typedef struct {
	aic_state *state;
	aic_order *board;
	aic_id site;
	const char *period;
	uint64_t number, line;
	aic_settlement_row row;
	uint64_t index;          /* of its transaction in the block */
	loaded head, after, block;
	bool followed;           /* there is a block after, at or below the head */
	aic_hash part[AIC_PARTS_MAX];
	size_t parts;            /* 0: posted in one transaction */
	aic_bytes body, opening; /* of the settlement; payload of the transaction that its body begins in */
} builder;

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

/* The first valid block after the payout's: an invalid one has a hash and no header, and leaves the state as it was. */
static aic_code load_after(builder *b, uint64_t head, aic_error *err)
{
	aic_code code = AIC_OK;

	for (uint64_t h = b->row.height + 1; h <= head && !code && !b->followed; h++) {
		bool valid;
		aic_hash hash;
		aic_bytes bytes = {0};

		if (!(code = aic_state_block(b->state, h, &bytes, &hash, &valid, err)) && valid) {
			b->followed = true;
			code = load(&b->after, b->state, h, err);
		}
		aic_bytes_free(&bytes);
	}
	return code;
}

static void unload(loaded *l)
{
	aic_block_clear(&l->block);
	aic_bytes_free(&l->bytes);
}

/* --- putting --- */

static void put_header(aic_bytes *out, const aic_block *b)
{
	aic_cbor_put_array(out, 2);
	aic_cbor_put_bytes(out, b->header_bytes, b->header_len);
	aic_cbor_put_bytes(out, b->signature, sizeof(b->signature));
}

static void put_hashes(aic_bytes *out, const aic_hash *path, size_t len)
{
	aic_cbor_put_array(out, len);
	for (size_t i = 0; i < len; i++)
		aic_cbor_put_bytes(out, path[i].b, AIC_HASH_LEN);
}

static void put_path(aic_bytes *out, const aic_hash *leaf, size_t n, size_t index)
{
	aic_hash path[64];

	put_hashes(out, path, aic_merkle_prove(path, leaf, n, index));
}

/* From a block to the root of blocks in the head's header. */
static aic_code put_block_path(aic_bytes *out, builder *b, uint64_t height, aic_error *err)
{
	uint64_t head = b->head.block.header.height;
	aic_hash *leaf = aic_xcalloc(head + 1, sizeof(*leaf));
	aic_code code = AIC_OK;

	for (uint64_t h = 0; h < head && !code; h++) {
		aic_hash hash;

		if (!(code = aic_state_hash_at(b->state, h, &hash, err)))
			leaf[h] = aic_merkle_leaf(hash.b, AIC_HASH_LEN);
	}
	if (height == head)
		aic_cbor_put_array(out, 0);
	else
		put_path(out, leaf, head, height);
	free(leaf);
	return code;
}

typedef struct {
	const builder *b;
	aic_hash root;           /* after the head */
	aic_genesis genesis;
	aic_bytes *found;        /* by member of genesis, who ascend by key */
	size_t n;
} attestations;

/* Of those that genesis names, with the keys that it names: what a checker has nothing else to compare with. */
static aic_code add_attestation(void *ctx, const aic_id *site, const uint8_t *bytes, size_t len, aic_error *err)
{
	attestations *all = ctx;
	aic_attestation a;

	(void)err;
	if (aic_attestation_decode(&a, bytes, len, NULL) || !aic_hash_equal(&a.block, &all->b->head.hash) || !aic_hash_equal(&a.state, &all->root))
		return AIC_OK;
	for (size_t i = 0; i < all->genesis.n_members; i++) {
		aic_id id = aic_site_id(all->genesis.member[i]);

		if (!aic_id_equal(&id, site) || all->found[i].len || !aic_attestation_signed_by(&a, all->genesis.member[i]))
			continue;
		aic_bytes_append(&all->found[i], bytes, len);
		all->n++;
	}
	return AIC_OK;
}

static int by_site(const void *a, const void *b)
{
	aic_attestation x = {.height = 0}, y = {.height = 0};

	aic_attestation_decode(&x, ((const aic_bytes *)a)->data, ((const aic_bytes *)a)->len, NULL);
	aic_attestation_decode(&y, ((const aic_bytes *)b)->data, ((const aic_bytes *)b)->len, NULL);
	return memcmp(x.site.b, y.site.b, sizeof(x.site.b));
}

static void put_attestations(aic_bytes *out, attestations *all)
{
	qsort(all->found, all->genesis.n_members, sizeof(*all->found), by_site);
	aic_cbor_put_array(out, all->n);
	for (size_t i = 0; i < all->genesis.n_members; i++) {
		if (all->found[i].len)
			aic_cbor_put_bytes(out, all->found[i].data, all->found[i].len);
		aic_bytes_free(&all->found[i]);
	}
}

static aic_code put_vouchers(aic_bytes *out, builder *b, aic_error *err)
{
	attestations all = {.b = b};
	aic_bytes bytes = {0};
	aic_hash hash;
	bool valid;
	aic_code code = aic_state_block(b->state, 0, &bytes, &hash, &valid, err);

	if (!code && !(code = aic_state_root_at(b->state, b->head.block.header.height, &all.root, err)) &&
	    !(code = aic_genesis_decode(&all.genesis, bytes.data, bytes.len, err))) {
		all.found = aic_xcalloc(all.genesis.n_members + 1, sizeof(*all.found));
		if (b->board)
			code = aic_order_attestations(b->board, b->head.block.header.height, add_attestation, &all, err);
		if (!code && !b->followed && all.n < aic_quorum(all.genesis.n_members))
			code = aic_fail(err, AIC_REFUSED, "the settlement is in the last block, which %zu of the %zu members that genesis names attest, where %llu "
			                                  "must: prove it again after the next block", all.n, all.genesis.n_members,
			                (unsigned long long)aic_quorum(all.genesis.n_members));
		aic_cbor_put_bytes(out, bytes.data, bytes.len);
		put_attestations(out, &all);
		free(all.found);
		aic_genesis_clear(&all.genesis);
	}
	aic_bytes_free(&bytes);
	return code;
}

static aic_code put_row(aic_bytes *out, builder *b, aic_table_id table, aic_error *err)
{
	aic_hash key = aic_settlement_row_key(table, &b->site, b->period, b->number), path[AIC_TREE_PATH_MAX];
	const uint8_t *value;
	uint64_t height;
	size_t len, n;
	aic_code code = aic_state_path(b->state, &key, path, &n, &height, err);

	if (code == AIC_NOT_FOUND || (!code && height != b->row.height))
		return aic_fail(err, AIC_REFUSED, "this copy has no path to settlement %s/%llu, which an older release applied: have state.db built "
		                                  "anew from the log", b->period, (unsigned long long)b->number);
	if (code || (code = aic_tree_get(aic_state_tree(b->state), &key, &value, &len, err)))
		return code;
	aic_cbor_put_array(out, 2);
	aic_cbor_put_bytes(out, value, len);
	put_hashes(out, path, n);
	return AIC_OK;
}

static aic_code put_line(aic_bytes *out, builder *b, aic_settlement_line *line, aic_error *err)
{
	aic_bytes leaf = {0};
	aic_hash path[64];
	size_t n;
	aic_code code = aic_settlement_line_path(b->body.data, b->body.len, b->line - 1, line, path, &n, err);

	if (code)
		return code;
	aic_settlement_leaf(&leaf, line);
	aic_cbor_put_array(out, 3);
	aic_cbor_put_uint(out, b->line);
	aic_cbor_put_bytes(out, leaf.data, leaf.len);
	put_hashes(out, path, n);
	aic_bytes_free(&leaf);
	return AIC_OK;
}

/* --- events --- */

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

static bool is_transfer(const event_list *l, size_t at, uint64_t tx)
{
	return at < l->n && l->event[at].tx == tx && l->event[at].kind == AIC_EVENT_TRANSFER;
}

/* The events of a line follow each other: payer to payee, payer to treasury where something is left, issue to payee. They are
 * found by walking the settlement's events in the order in which settlement.c gives them; its own event closes them. */
static aic_code find_line(const event_list *l, const builder *b, const aic_settlement_line *line, size_t *first, size_t *count,
                          size_t *closing, aic_error *err)
{
	aic_address treasury = aic_treasury_address();
	size_t at = 0;

	while (at < l->n && !is_transfer(l, at, b->index))
		at++;
	for (uint64_t i = 1; is_transfer(l, at, b->index); i++) {
		*first = at++;
		if (is_transfer(l, at, b->index) && !aic_address_cmp(&l->event[at].b, &treasury))
			at++;
		if (is_transfer(l, at, b->index) && aic_address_is_zero(&l->event[at].a))
			at++;
		*count = at - *first;
		if (i == b->line)
			break;
	}
	while (at < l->n && (l->event[at].tx != b->index || l->event[at].kind != AIC_EVENT_SETTLEMENT))
		at++;
	*closing = at;
	if (at < l->n && !aic_address_cmp(&l->event[*first].a, &line->payer) && !aic_address_cmp(&l->event[*first].b, &line->payee))
		return AIC_OK;
	return aic_fail(err, AIC_CORRUPT, "the events of this line are not where they must be: verify the ledger");
}

static void put_event(aic_bytes *out, const event_list *l, size_t at)
{
	aic_cbor_put_array(out, 3);
	aic_cbor_put_uint(out, at);
	aic_cbor_put_bytes(out, l->span[at].data, l->span[at].len);
	put_path(out, l->leaf, l->n, at);
}

static aic_code put_events(aic_bytes *out, builder *b, const aic_settlement_line *line, aic_error *err)
{
	event_list l = {.n = 0};
	aic_bytes events = {0};
	size_t first = 0, count = 0, closing;
	int64_t time;
	aic_code code = aic_state_events(b->state, b->row.height, &events, &time, err);

	if (!code && !(code = read_events(&l, &events, err)) && !(code = find_line(&l, b, line, &first, &count, &closing, err))) {
		aic_cbor_put_uint(out, l.n);
		aic_cbor_put_array(out, count + 1);
		for (size_t i = first; i < first + count; i++)
			put_event(out, &l, i);
		put_event(out, &l, closing);
	}
	free(l.leaf);
	free(l.span);
	free(l.event);
	aic_bytes_free(&events);
	return code;
}

/* --- the settlement --- */

static aic_code read_transaction(builder *b, const aic_hash *id, aic_bytes *payload, aic_bytes *body, aic_error *err)
{
	aic_bytes result = {0};
	uint64_t height, index;
	loaded l = {.hash = {{0}}};
	aic_transaction tx;
	const uint8_t *piece;
	size_t len;
	aic_code code = aic_state_find_tx(b->state, id, &height, &index, &result, err);

	if (!code && !(code = load(&l, b->state, height, err)) &&
	    !(code = aic_tx_decode(&tx, l.block.tx[index].data, l.block.tx[index].len, err))) {
		piece = tx.kind == AIC_TX_SETTLEMENT_PART ? aic_settlement_part_piece(tx.body, tx.body_len, &len) : tx.body;
		if (!piece)
			code = aic_fail(err, AIC_CORRUPT, "height %llu: transaction %llu is no part of a settlement: verify the ledger",
			                (unsigned long long)height, (unsigned long long)index);
		else
			aic_bytes_append(body, piece, tx.kind == AIC_TX_SETTLEMENT_PART ? len : tx.body_len);
		if (payload)
			aic_bytes_append(payload, tx.payload, tx.payload_len);
	}
	unload(&l);
	aic_bytes_free(&result);
	return code;
}

/* The whole body, from one transaction or from all that brought its pieces. */
static aic_code read_settlement(builder *b, aic_error *err)
{
	aic_bytes result = {0};
	uint64_t height;
	aic_code code = aic_parts_posted(b->state, &b->site, b->period, b->number, b->part, &b->parts, err);

	if (code == AIC_NOT_FOUND) {
		b->parts = 0;
		code = read_transaction(b, &b->row.tx, &b->opening, &b->body, err);
	}
	for (size_t i = 0; i < b->parts && !code; i++)
		code = read_transaction(b, &b->part[i], i ? NULL : &b->opening, &b->body, err);
	if (!code)
		code = aic_state_find_tx(b->state, &b->row.tx, &height, &b->index, &result, err);
	aic_bytes_free(&result);
	return code;
}

static aic_code build(aic_bytes *out, builder *b, aic_error *err)
{
	aic_settlement_line line;
	aic_code code;

	aic_cbor_put_array(out, 14);
	aic_cbor_put_text(out, AIC_PROOF_VERSION);
	if ((code = put_vouchers(out, b, err)))
		return code;
	put_header(out, &b->head.block);
	if (b->followed)
		put_header(out, &b->after.block);
	else
		aic_cbor_put_array(out, 0);
	if ((code = put_block_path(out, b, b->followed ? b->after.block.header.height : b->head.block.header.height, err)))
		return code;
	put_header(out, &b->block.block);
	if ((code = put_block_path(out, b, b->row.height, err)))
		return code;
	aic_cbor_put_array(out, 3);
	aic_cbor_put_bytes(out, b->site.b, sizeof(b->site.b));
	aic_cbor_put_text(out, b->period);
	aic_cbor_put_uint(out, b->number);
	if ((code = put_row(out, b, AIC_TABLE_SETTLEMENT, err)) || (code = put_line(out, b, &line, err)))
		return code;
	if (!b->parts)
		aic_cbor_put_array(out, 0);
	else if ((code = put_row(out, b, AIC_TABLE_PARTS_POSTED, err)))
		return code;
	aic_cbor_put_bytes(out, b->opening.data, b->opening.len);
	return put_events(out, b, &line, err);
}

static aic_code find_settlement(builder *b, uint64_t head, aic_error *err)
{
	aic_code code = aic_state_settlement(b->state, &b->site, b->period, b->number, &b->row, err);

	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_NOT_FOUND, "no settlement %s/%llu of this site has been posted", b->period, (unsigned long long)b->number);
	if (code)
		return code;
	if (!b->line || b->line > b->row.n_lines)
		return aic_fail(err, AIC_REFUSED, "settlement %s/%llu has lines 1 to %llu, not %llu", b->period, (unsigned long long)b->number,
		                (unsigned long long)b->row.n_lines, (unsigned long long)b->line);
	if (head < b->row.height)
		return aic_fail(err, AIC_REFUSED, "the settlement is at height %llu, the head to prove it against at %llu: wait for finality",
		                (unsigned long long)b->row.height, (unsigned long long)head);
	return AIC_OK;
}

aic_code aic_proof_build(aic_bytes *out, aic_state *s, aic_order *board, const aic_id *site, const char *period, uint64_t number,
                         uint64_t line, uint64_t head, aic_error *err)
{
	builder b = {.state = s, .board = board, .site = *site, .period = period, .number = number, .line = line};
	aic_code code = find_settlement(&b, head, err);

	if (!code && !(code = load(&b.head, s, head, err)) && !(code = load(&b.block, s, b.row.height, err)) &&
	    !(code = load_after(&b, head, err)) && !(code = read_settlement(&b, err)))
		code = build(out, &b, err);
	unload(&b.head);
	unload(&b.after);
	unload(&b.block);
	aic_bytes_free(&b.body);
	aic_bytes_free(&b.opening);
	return code;
}
