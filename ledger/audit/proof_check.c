/* proof_check.c: checking a proof, far from any ledger. What it says is hashed up to the head; the sizes of trees, which are not,
 * change nothing that is said. */
#include <string.h>

#include "common/cbor.h"
#include "ledger/block.h"
#include "ledger/audit/checkpoint.h"
#include "ledger/audit/proof.h"
#include "ledger/state/settlement.h"

#define EVENTS_MAX 3

typedef struct {
	aic_header header;
	aic_hash hash;
} head;

typedef struct {
	aic_hash hash[64];
	size_t len;
} path;

static aic_code wrong(const char *what, aic_error *err)
{
	return aic_fail(err, AIC_CORRUPT, "the proof does not hold: %s", what);
}

/* Header and signature name a block; the signature needs no check of its own: the head's hash vouches for both. */
static bool get_head(aic_cbor *c, head *h)
{
	aic_bytes block = {0};
	aic_block b;
	const uint8_t *bytes;
	size_t len;
	uint8_t signature[AIC_SIGNATURE_LEN];

	aic_cbor_array_exact(c, 2);
	bytes = aic_cbor_bytes(c, &len);
	if (!aic_cbor_bytes_exact(c, signature, sizeof(signature)))
		return false;
	aic_cbor_put_array(&block, 3);
	aic_cbor_put_bytes(&block, bytes, len);
	aic_cbor_put_bytes(&block, signature, sizeof(signature));
	aic_cbor_put_array(&block, 0);
	bool ok = aic_block_decode(&b, block.data, block.len, NULL) == AIC_OK;
	if (ok) {
		h->header = b.header;
		h->hash = aic_block_name(bytes, len, signature);
		aic_block_clear(&b);
	}
	aic_bytes_free(&block);
	return ok;
}

static void get_path(aic_cbor *c, path *p)
{
	p->len = aic_cbor_array(c, 64);
	for (size_t i = 0; i < p->len && aic_cbor_ok(c); i++)
		aic_cbor_bytes_exact(c, p->hash[i].b, AIC_HASH_LEN);
}

static bool leads(const path *p, const void *data, size_t len, uint64_t n, uint64_t index, const aic_hash *root)
{
	aic_hash leaf = aic_merkle_leaf(data, len);

	return n > 0 && aic_merkle_check(root, &leaf, n, index, p->hash, p->len);
}

/* One of the two: a final block's hash, or a root of blocks. */
typedef struct {
	const aic_hash *head;
	const aic_note *note;
} trusted;

static aic_code check_trusted(const head *top, const trusted *t, aic_error *err)
{
	if (t->head)
		return aic_hash_equal(&top->hash, t->head) ? AIC_OK : wrong("it is made against another head", err);
	if (top->header.height != t->note->size || !aic_hash_equal(&top->header.blocks, &t->note->root) ||
	    !aic_hash_equal(&top->header.chain, &t->note->chain))
		return wrong("it is made against another head than the checkpoint's (aic ledger prove --head SIZE)", err);
	return AIC_OK;
}

static aic_code check_blocks(aic_cbor *c, head *top, head *block, const trusted *t, aic_error *err)
{
	aic_code code;
	path p;

	if (!get_head(c, top) || !get_head(c, block))
		return wrong("a block header cannot be read", err);
	get_path(c, &p);
	if (!aic_cbor_ok(c))
		return wrong("the path from block to head cannot be read", err);
	if ((code = check_trusted(top, t, err)))
		return code;
	if (t->head && aic_hash_equal(&block->hash, &top->hash))
		return p.len ? wrong("a path where none is needed", err) : AIC_OK;
	if (!leads(&p, block->hash.b, AIC_HASH_LEN, top->header.height, block->header.height, &top->header.blocks))
		return wrong("the payout's block does not lead to the head", err);
	return AIC_OK;
}

/* The transaction: in the block, a settlement, and its line. */
static aic_code check_transaction(aic_cbor *c, const head *block, aic_proven *out, uint64_t *index, aic_error *err)
{
	aic_settlement_line line;
	aic_transaction tx;
	const uint8_t *bytes;
	size_t len;
	path p;

	out->line = aic_cbor_uint(c);
	*index = aic_cbor_uint(c);
	uint64_t n = aic_cbor_uint(c);
	bytes = aic_cbor_bytes(c, &len);
	get_path(c, &p);
	if (!aic_cbor_ok(c) || !leads(&p, bytes, len, n, *index, &block->header.transactions))
		return wrong("the transaction does not lead to its block", err);
	if (aic_tx_decode(&tx, bytes, len, NULL) || tx.kind != AIC_TX_SETTLEMENT || !out->line ||
	    aic_settlement_line_of(tx.body, tx.body_len, out->line - 1, &line, NULL) ||
	    aic_settlement_key_of(tx.body, tx.body_len, out->period, &out->number, NULL) ||
	    aic_settlement_evidence_of(tx.body, tx.body_len, &out->evidence, NULL))
		return wrong("the transaction is no settlement with that line", err);
	out->tx = tx.id;
	out->payer = line.payer;
	out->payee = line.payee;
	out->kind = line.kind;
	out->n = line.n;
	out->gross = line.gross;
	out->fee = line.fee;
	return AIC_OK;
}

/* First payer to payee; then what the treasury got; then what was issued to the payee. They follow each other in the block. */
static bool fits(const aic_event *e, size_t i, uint64_t index, aic_proven *out)
{
	aic_address treasury = aic_treasury_address();
	aic_amount value;

	if (e->kind != AIC_EVENT_TRANSFER || e->tx != index || !aic_u256_to_amount(e->value, &value))
		return false;
	if (i == 0) {
		out->paid = value;
		return !aic_address_cmp(&e->a, &out->payer) && !aic_address_cmp(&e->b, &out->payee);
	}
	if (i == 1 && !aic_address_cmp(&e->a, &out->payer) && !aic_address_cmp(&e->b, &treasury))
		return true;
	out->issued = value;
	return aic_address_is_zero(&e->a) && !aic_address_cmp(&e->b, &out->payee);
}

static aic_code check_events(aic_cbor *c, const head *block, uint64_t index, aic_proven *out, aic_error *err)
{
	uint64_t n = aic_cbor_uint(c), before = 0;
	size_t count = aic_cbor_array(c, EVENTS_MAX);

	for (size_t i = 0; i < count && aic_cbor_ok(c); i++) {
		const uint8_t *bytes;
		size_t len;
		aic_event e;
		aic_cbor one;
		path p;

		aic_cbor_array_exact(c, 3);
		uint64_t at = aic_cbor_uint(c);
		bytes = aic_cbor_bytes(c, &len);
		get_path(c, &p);
		if (!aic_cbor_ok(c) || !leads(&p, bytes, len, n, at, &block->header.events))
			return wrong("an event does not lead to its block", err);
		aic_cbor_init(&one, bytes, len);
		aic_event_get(&one, &e);
		if (aic_cbor_finish(&one, NULL) || !fits(&e, i, index, out) || (i && at != before + 1))
			return wrong("an event is not of that line", err);
		before = at;
	}
	return aic_cbor_ok(c) && count ? AIC_OK : wrong("its events cannot be read", err);
}

static aic_code check(aic_proven *out, const void *proof, size_t len, const trusted *t, aic_error *err)
{
	head top, block;
	uint64_t index;
	char version[32];
	aic_cbor c;
	aic_code code;

	memset(out, 0, sizeof(*out));
	memset(&top, 0, sizeof(top));
	memset(&block, 0, sizeof(block));
	if (len > AIC_PROOF_MAX)
		return aic_fail(err, AIC_FULL, "a proof of %zu bytes is larger than %u", len, AIC_PROOF_MAX);
	aic_cbor_init(&c, proof, len);
	aic_cbor_array_exact(&c, 11);
	if (!aic_cbor_text(&c, version, sizeof(version)) || strcmp(version, AIC_PROOF_VERSION) != 0)
		return aic_fail(err, AIC_CORRUPT, "this is no proof of version %s", AIC_PROOF_VERSION);
	if ((code = check_blocks(&c, &top, &block, t, err)) || (code = check_transaction(&c, &block, out, &index, err)) ||
	    (code = check_events(&c, &block, index, out, err)))
		return code;
	if (aic_cbor_finish(&c, NULL))
		return wrong("there is something behind its end", err);
	out->chain = top.header.chain;
	out->head = top.hash;
	out->head_height = top.header.height;
	out->height = block.header.height;
	out->time = block.header.time;
	return AIC_OK;
}

aic_code aic_proof_check(aic_proven *out, const void *proof, size_t len, const aic_hash *trusted_head, aic_error *err)
{
	return check(out, proof, len, &(trusted){.head = trusted_head}, err);
}

aic_code aic_proof_check_note(aic_proven *out, const void *proof, size_t len, const aic_note *checkpoint, aic_error *err)
{
	return check(out, proof, len, &(trusted){.note = checkpoint}, err);
}
