/* chain.c: see chain.h. */
#include "ledger/chain.h"

#include <string.h>

#include "common/cbor.h"
#include "common/log.h"
#include "common/time.h"
#include "ledger/failpoint.h"
#include "ledger/genesis.h"
#include "ledger/state/member.h"

#define UNFINAL_MAX 64 /* heights that are searched for the newest final one */

/* --- validity: a pure function of the state before and the bytes --- */

static aic_code check_place(const aic_head *head, const aic_header *h, aic_error *err)
{
	aic_hash blocks = aic_frontier_root(&head->blocks);

	if (!aic_hash_equal(&h->chain, &head->chain))
		return aic_fail(err, AIC_CORRUPT, "the chain id is not this ledger's");
	if (h->height != head->height + 1)
		return aic_fail(err, AIC_CORRUPT, "the header says height %llu", (unsigned long long)h->height);
	if (!aic_hash_equal(&h->previous, &head->hash))
		return aic_fail(err, AIC_CORRUPT, "the previous hash is not that of height %llu", (unsigned long long)head->height);
	if (h->time < head->time)
		return aic_fail(err, AIC_CORRUPT, "the time is before that of height %llu", (unsigned long long)head->height);
	if (!aic_hash_equal(&h->state, &head->root))
		return aic_fail(err, AIC_CORRUPT, "the state root before the block differs");
	if (!aic_hash_equal(&h->blocks, &blocks))
		return aic_fail(err, AIC_CORRUPT, "the root of the blocks before it differs");
	return AIC_OK;
}

static aic_code check_generator(aic_state *s, const aic_block *b, aic_error *err)
{
	aic_member m;
	aic_code code = aic_state_member(s, &b->header.generator, &m, err);

	if (code == AIC_NOT_FOUND || (!code && (b->header.height < m.since || (m.until && b->header.height >= m.until))))
		return aic_fail(err, AIC_CORRUPT, "its generator is no member site");
	if (code)
		return code;
	if (!aic_block_signed_by(b, m.key))
		return aic_fail(err, AIC_CORRUPT, "the generator's signature does not fit");
	return AIC_OK;
}

static aic_code execute_body(aic_state *s, const aic_block *b, aic_error *err)
{
	aic_code code;

	aic_state_begin(s, b->header.height, b->header.time);
	for (size_t i = 0; i < b->n_tx; i++) {
		if ((code = aic_state_execute(s, b->tx[i].data, b->tx[i].len, err))) {
			aic_error_prefix(err, "transaction %zu", i + 1);
			return code;
		}
	}
	aic_hash events = aic_state_events_root(s);
	if (!aic_hash_equal(&events, &b->header.events))
		return aic_fail(err, AIC_CORRUPT, "the root of events differs");
	return AIC_OK;
}

aic_code aic_block_execute(aic_state *s, const void *block, size_t len, aic_error *err)
{
	const aic_head *head = aic_state_head(s);
	aic_block b;
	aic_code code = aic_block_decode(&b, block, len, err);

	if (!code && !aic_hash_equal(&b.transactions, &b.header.transactions))
		code = aic_fail(err, AIC_CORRUPT, "the root of transactions differs");
	if (!code && !(code = check_place(head, &b.header, err)) && !(code = check_generator(s, &b, err)))
		code = execute_body(s, &b, err);
	if (code) {
		aic_state_begin(s, head->height + 1, head->time);
		aic_error_prefix(err, "height %llu", (unsigned long long)head->height + 1);
	}
	aic_block_clear(&b);
	return code;
}

static bool says_invalid(aic_code code)
{
	return code == AIC_REFUSED || code == AIC_CORRUPT || code == AIC_FULL;
}

aic_code aic_block_apply(aic_state *s, const void *block, size_t len, bool *valid, aic_error *why_not, aic_error *err)
{
	aic_hash hash = aic_block_hash(block, len);
	aic_error why = {0};
	aic_code code = aic_block_execute(s, block, len, &why);

	if (code && !says_invalid(code)) {
		if (err)
			*err = why;
		return code;
	}
	if (valid)
		*valid = !code;
	if (why_not)
		*why_not = why;
	return aic_state_commit(s, &hash, block, len, !code, err);
}

/* --- following the log --- */

/* Which key speaks for this site, and which site it is. */
static aic_code know_key(aic_chain *c, aic_error *err)
{
	aic_key_row k;
	aic_code code = c->next ? aic_state_key(c->state, c->next->public_key, &k, err) : AIC_NOT_FOUND;

	if (!code) {
		c->key = c->next;
		c->next = NULL;
	} else if (code == AIC_NOT_FOUND) {
		code = c->key ? aic_state_key(c->state, c->key->public_key, &k, err) : AIC_NOT_FOUND;
	}
	if (!code)
		c->site = k.site;
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}

static aic_code attest(aic_chain *c, aic_error *err)
{
	const aic_head *head = aic_state_head(c->state);
	aic_attestation a = {.chain = head->chain, .height = head->height, .block = head->hash, .state = head->root};
	aic_bytes bytes = {0};
	aic_member me;
	aic_code code = know_key(c, err);

	if (!code)
		code = aic_state_member(c->state, &c->site, &me, err);
	if (code == AIC_NOT_FOUND || !c->key)
		return AIC_OK;
	if (code)
		return code;
	if (memcmp(me.key, c->key->public_key, AIC_PUBLIC_LEN) != 0)
		return AIC_OK; /* another key speaks for this site now */
	a.site = c->site;
	aic_attestation_build(&bytes, &a, c->key);
	aic_failpoint("chain: before attesting");
	code = aic_order_attest(c->order, &c->site, head->height, bytes.data, bytes.len, err);
	aic_bytes_free(&bytes);
	return code;
}

typedef struct {
	aic_chain *c;
	uint64_t height, count;
	aic_hash block, root;
} tally;

static aic_code count_one(void *ctx, const aic_id *site, const uint8_t *bytes, size_t len, aic_error *err)
{
	tally *t = ctx;
	aic_attestation a;
	aic_member m;
	aic_code code = aic_state_member(t->c->state, site, &m, err);

	if (code && code != AIC_NOT_FOUND)
		return code;
	if (code == AIC_NOT_FOUND || aic_attestation_decode(&a, bytes, len, NULL) || !aic_id_equal(&a.site, site) ||
	    a.height != t->height || !aic_attestation_signed_by(&a, m.key))
		return AIC_OK;
	if (aic_hash_equal(&a.block, &t->block) && aic_hash_equal(&a.state, &t->root))
		t->count++;
	else
		aic_warn("height %llu: a member site attests another block or state root", (unsigned long long)t->height);
	return AIC_OK;
}

aic_code aic_chain_finality(aic_chain *c, aic_error *err)
{
	const aic_head *head = aic_state_head(c->state);
	uint64_t members;
	aic_code code = aic_members_active(c->state, head->height, &members, err);

	/* from the top: finality of a height covers all below */
	for (uint64_t h = head->height; !code && h > c->final_height && head->height - h < UNFINAL_MAX; h--) {
		tally t = {.c = c, .height = h};
		aic_bytes block = {0};
		bool valid;

		if (!(code = aic_state_block(c->state, h, &block, &t.block, &valid, err)) &&
		    !(code = aic_state_root_at(c->state, h, &t.root, err)))
			code = aic_order_attestations(c->order, h, count_one, &t, err);
		aic_bytes_free(&block);
		if (!code && t.count >= aic_quorum(members))
			c->final_height = h;
	}
	return code;
}

static aic_code apply_next(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	aic_chain *c = ctx;
	bool valid;
	aic_error why = {0};
	aic_code code = aic_block_apply(c->state, block, len, &valid, &why, err);

	if (code)
		return code;
	if (!valid)
		aic_warn("the block at height %llu is invalid and changes nothing: %s", (unsigned long long)height, why.message);
	return attest(c, err);
}

static aic_code compare_block(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	const aic_head *head = aic_state_head(ctx);
	aic_hash hash = height ? aic_block_hash(block, len) : aic_genesis_chain(block, len);

	if (aic_hash_equal(&hash, &head->hash))
		return AIC_OK;
	return aic_fail(err, AIC_CORRUPT, "the log holds another block at height %llu than this site's copy: nothing is written",
	                (unsigned long long)height);
}

/* The log may not be shorter than the own copy, nor hold another block where the copy ends. */
static aic_code check_log(aic_chain *c, aic_order_head *top, aic_error *err)
{
	const aic_head *head = aic_state_head(c->state);
	aic_code code = aic_order_head_get(c->order, top, err);

	if (code)
		return code;
	if (top->empty || top->height < head->height)
		return aic_fail(err, AIC_CORRUPT,
		                "the log ends at height %llu, this site's copy at %llu: the log has lost blocks; nothing is written until "
		                "it is restored",
		                (unsigned long long)top->height, (unsigned long long)head->height);
	return aic_order_read(c->order, head->height, 1, compare_block, c->state, err);
}

aic_code aic_chain_catch_up(aic_chain *c, aic_error *err)
{
	aic_order_head top;
	aic_code code = check_log(c, &top, err);
	uint64_t from = aic_state_head(c->state)->height + 1;

	if (!code && top.height >= from)
		code = aic_order_read(c->order, from, top.height - from + 1, apply_next, c, err);
	if (!code)
		code = attest(c, err);
	return code ? code : aic_chain_finality(c, err);
}

typedef struct {
	aic_state *state;
	const void *genesis;
	size_t len;
} first;

static aic_code apply_genesis(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	first *f = ctx;

	(void)height;
	if (f->genesis && (len != f->len || memcmp(block, f->genesis, len) != 0))
		return aic_fail(err, AIC_REFUSED, "the log began with another genesis than this site's: correct genesis.yaml or the log");
	return aic_state_is_empty(f->state) ? aic_genesis_apply(f->state, block, len, err) : AIC_OK;
}

aic_code aic_chain_open(aic_chain *c, aic_state *state, aic_order *order, const aic_key *key, const void *genesis, size_t len,
                        aic_error *err)
{
	first f = {state, genesis, len};
	aic_order_head top;
	aic_code code = aic_order_head_get(order, &top, err);

	*c = (aic_chain){.state = state, .order = order, .key = key};
	if (key)
		c->site = aic_site_id(key->public_key);
	if (!code && top.empty) {
		if (!genesis)
			return aic_fail(err, AIC_NOT_FOUND, "the ledger is empty and no genesis was given");
		if (!aic_state_is_empty(state))
			return aic_fail(err, AIC_CORRUPT, "the log is empty, this site's copy is at height %llu: restore the log",
			                (unsigned long long)aic_state_head(state)->height);
		aic_hash chain = aic_genesis_chain(genesis, len);
		code = aic_order_append_if_head(order, &top, &chain, genesis, len, err);
	}
	if (!code)
		code = aic_order_read(order, 0, 1, apply_genesis, &f, err);
	return code ? code : aic_chain_catch_up(c, err);
}

/* --- building --- */

static aic_code build_tx(aic_chain *c, aic_bytes *tx, uint64_t kind, const aic_bytes *body, aic_error *err)
{
	aic_key_row me;
	aic_code code;

	if (!c->key)
		return aic_fail(err, AIC_REFUSED, "this copy of the ledger has no key to sign with");
	code = aic_state_key(c->state, c->key->public_key, &me, err);
	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_REFUSED, "this site's key is not registered on the ledger: it is no member");
	if (!code)
		aic_tx_build(tx, kind, c->key, &aic_state_head(c->state)->chain, me.nonce, body->data, body->len);
	return code;
}

static void build_block(aic_chain *c, aic_bytes *block, const aic_bytes *tx, int64_t time)
{
	const aic_head *head = aic_state_head(c->state);
	aic_bytes transactions = {0};
	aic_header h = {
		.version = AIC_BLOCK_VERSION,
		.chain = head->chain,
		.height = head->height + 1,
		.previous = head->hash,
		.time = time,
		.transactions = aic_state_transactions_root(c->state),
		.events = aic_state_events_root(c->state),
		.state = head->root,
		.blocks = aic_frontier_root(&head->blocks),
		.generator = c->site,
	};

	aic_cbor_put_bytes(&transactions, tx->data, tx->len);
	aic_block_build(block, &h, c->key, &transactions, 1);
	aic_bytes_free(&transactions);
}

/* Order first: what is in the log is applied even if this process dies on the way. */
static aic_code order_and_commit(aic_chain *c, const aic_bytes *block, aic_error *err)
{
	const aic_head *head = aic_state_head(c->state);
	aic_order_head expected = {.height = head->height, .hash = head->hash};
	aic_hash hash = aic_block_hash(block->data, block->len);
	aic_code code;

	if (block->len > AIC_BLOCK_MAX)
		return aic_fail(err, AIC_FULL, "a block of %zu bytes is larger than %u: split the batch", block->len, AIC_BLOCK_MAX);
	if ((code = aic_order_append_if_head(c->order, &expected, &hash, block->data, block->len, err)))
		return code;
	aic_failpoint("chain: ordered");
	if ((code = aic_state_commit(c->state, &hash, block->data, block->len, true, err))) {
		aic_error_prefix(err, "the block at height %llu is in the log and will be applied as soon as that is possible",
		                 (unsigned long long)expected.height + 1);
		return code;
	}
	if ((code = attest(c, err)))
		return code;
	return aic_chain_finality(c, err);
}

aic_code aic_chain_post(aic_chain *c, uint64_t kind, const aic_bytes *body, aic_posted *out, aic_error *err)
{
	aic_bytes tx = {0}, block = {0};
	aic_transaction decoded;
	int64_t now = aic_now();
	aic_code code;

	if ((code = aic_chain_catch_up(c, err)))
		return code;
	const aic_head *head = aic_state_head(c->state);
	now = now > head->time ? now : head->time;
	aic_state_begin(c->state, head->height + 1, now);
	if (!(code = build_tx(c, &tx, kind, body, err)) && !(code = aic_state_execute(c->state, tx.data, tx.len, err))) {
		build_block(c, &block, &tx, now);
		code = order_and_commit(c, &block, err);
	}
	if (!code) {
		aic_tx_decode(&decoded, tx.data, tx.len, NULL);
		out->tx = decoded.id;
		out->height = head->height;
	} else {
		aic_state_discard(c->state);
	}
	aic_bytes_free(&tx);
	aic_bytes_free(&block);
	return code;
}

/* As if the site's policy asked for no signatures: who reviews a batch sees its rewards before anybody has signed it. */
static aic_code ask_for_no_signatures(aic_chain *c, aic_error *err)
{
	aic_member m;
	aic_code code = aic_state_member(c->state, &c->site, &m, err);

	m.approvals = 0;
	return code ? code : aic_state_member_put(c->state, &c->site, &m, err);
}

aic_code aic_chain_preview(aic_chain *c, uint64_t kind, const aic_bytes *body, aic_bytes *result, aic_error *err)
{
	const aic_head *head = aic_state_head(c->state);
	aic_bytes tx = {0};
	aic_code code = aic_chain_catch_up(c, err);

	if (code)
		return code;
	aic_state_begin(c->state, head->height + 1, head->time);
	if (!(code = ask_for_no_signatures(c, err)) && !(code = build_tx(c, &tx, kind, body, err)) && !(code = aic_state_execute(c->state, tx.data, tx.len, err)))
		aic_bytes_append(result, aic_state_result_out(c->state)->data, aic_state_result_out(c->state)->len);
	aic_state_discard(c->state);
	aic_bytes_free(&tx);
	return code;
}
