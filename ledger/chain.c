/* chain.c: see chain.h. */
#include "ledger/chain.h"

#include <string.h>

#include "common/cbor.h"
#include "common/log.h"
#include "ledger/failpoint.h"
#include "ledger/genesis.h"
#include "ledger/state/member.h"

#define POST_TRIES 16      /* against other sites' blocks */
#define POST_WAIT_MS 1000  /* for the block that came first to show */

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

	if (code || !c->key || c->attested == head->height + 1)
		return code;
	code = aic_state_member(c->state, &c->site, &me, err);
	if (code)
		return code == AIC_NOT_FOUND ? AIC_OK : code;
	if (memcmp(me.key, c->key->public_key, AIC_PUBLIC_LEN) != 0)
		return AIC_OK; /* another key speaks for this site now */
	a.site = c->site;
	aic_attestation_build(&bytes, &a, c->key);
	aic_failpoint("chain: before attesting");
	code = aic_order_attest(c->order, &c->site, head->height, bytes.data, bytes.len, err);
	aic_bytes_free(&bytes);
	if (!code)
		c->attested = head->height + 1;
	return code;
}

typedef struct {
	aic_chain *c;
	uint64_t height, count;
	aic_hash block, root;
	bool own; /* this site's is among them */
} tally;

static aic_seen *place_of(aic_chain *c, const aic_attestation *a)
{
	return &c->seen[(aic_get_be32(a->site.b) + a->height) % AIC_CHAIN_SEEN];
}

static bool same_content(const aic_attestation *a, const aic_attestation *b)
{
	return aic_hash_equal(&a->block, &b->block) && aic_hash_equal(&a->state, &b->state);
}

/* Whether the signature is good. Another one of the same site and height than was seen before is evidence. */
static bool is_signed(aic_chain *c, const aic_attestation *a, const uint8_t key[AIC_PUBLIC_LEN])
{
	aic_seen *seen = place_of(c, a);
	bool met = seen->attestation.height == a->height && aic_id_equal(&seen->attestation.site, &a->site) &&
	           memcmp(seen->key, key, AIC_PUBLIC_LEN) == 0;

	if (met && same_content(&seen->attestation, a) && memcmp(seen->attestation.signature, a->signature, AIC_SIGNATURE_LEN) == 0)
		return true;
	if (!aic_attestation_signed_by(a, key))
		return false;
	if (met && !same_content(&seen->attestation, a)) {
		if (!c->caught)
			aic_warn("height %llu: a member site has attested two different things: it goes on the ledger as evidence",
			         (unsigned long long)a->height);
		c->lie[0] = *seen;
		c->lie[1] = (aic_seen){.attestation = *a};
		memcpy(c->lie[1].key, key, AIC_PUBLIC_LEN);
		c->caught = true;
	}
	seen->attestation = *a;
	memcpy(seen->key, key, AIC_PUBLIC_LEN);
	return true;
}

static aic_code count_one(void *ctx, const aic_id *site, const uint8_t *bytes, size_t len, aic_error *err)
{
	tally *t = ctx;
	aic_attestation a;
	aic_member m;
	aic_code code = aic_state_member(t->c->state, site, &m, err);

	if (code && code != AIC_NOT_FOUND)
		return code;
	if (code == AIC_NOT_FOUND || !aic_member_is_active(&m, t->height) || aic_attestation_decode(&a, bytes, len, NULL) ||
	    !aic_id_equal(&a.site, site) || a.height != t->height ||
	    !aic_hash_equal(&a.chain, &aic_state_head(t->c->state)->chain) || !is_signed(t->c, &a, m.key))
		return AIC_OK;
	t->own |= aic_id_equal(site, &t->c->site);
	if (aic_hash_equal(&a.block, &t->block) && aic_hash_equal(&a.state, &t->root))
		t->count++;
	else
		aic_warn("height %llu: a member site attests another block or state root", (unsigned long long)t->height);
	return AIC_OK;
}

static aic_code is_final(aic_chain *c, uint64_t height, bool *final, aic_error *err)
{
	tally t = {.c = c, .height = height};
	uint64_t members;
	aic_code code;

	if ((code = aic_state_hash_at(c->state, height, &t.block, err)) || (code = aic_state_root_at(c->state, height, &t.root, err)) ||
	    (code = aic_members_active(c->state, height, &members, err)) ||
	    (code = aic_order_attestations(c->order, height, count_one, &t, err)))
		return code;
	*final = t.count >= aic_quorum(members);
	if (!t.own && c->attested == height + 1)
		c->attested = 0; /* the board has lost it: it is put there again */
	return AIC_OK;
}

/* From the top: finality of a height covers all below. */
aic_code aic_chain_finality(aic_chain *c, aic_error *err)
{
	bool final = false;
	aic_code code = AIC_OK;

	for (uint64_t h = aic_state_head(c->state)->height; !code && !final && h > c->final_height; h--) {
		code = is_final(c, h, &final, err);
		if (!code && final)
			c->final_height = h;
	}
	return code;
}

static aic_code apply_next(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	aic_chain *c = ctx;
	uint64_t next = aic_state_head(c->state)->height + 1;
	bool valid;
	aic_error why = {0};

	if (height != next)
		return aic_fail(err, AIC_UNREACHABLE, "the log was asked for height %llu and gave height %llu: it is asked again",
		                (unsigned long long)next, (unsigned long long)height);
	aic_code code = aic_block_apply(c->state, block, len, &valid, &why, err);
	if (code)
		return code;
	if (!valid)
		aic_warn("the block at height %llu is invalid and changes nothing: %s", (unsigned long long)height, why.message);
	return attest(c, err);
}

typedef struct {
	const aic_head *head;
	bool seen;
} comparison;

static aic_code compare_block(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	comparison *own = ctx;
	aic_hash hash = height ? aic_block_hash(block, len) : aic_genesis_chain(block, len);

	own->seen = height == own->head->height;
	if (own->seen && aic_hash_equal(&hash, &own->head->hash))
		return AIC_OK;
	return aic_fail(err, AIC_CORRUPT, "the log holds another block at height %llu than this site's copy: nothing is written until it is "
	                "restored (aic ledger reseed)", (unsigned long long)height);
}

/* The log may not be shorter than the own copy, nor hold another block where the copy ends. */
static aic_code check_log(aic_chain *c, aic_error *err)
{
	comparison own = {.head = aic_state_head(c->state)};
	uint64_t height = own.head->height;
	aic_code code = aic_order_head_get(c->order, &c->top, err);

	if (code)
		return code;
	if (c->top.empty || c->top.height < height)
		return aic_fail(err, AIC_CORRUPT,
		                "the log ends at height %llu, this site's copy at %llu: the log has lost blocks; nothing is written until "
		                "it is restored (aic ledger reseed)",
		                (unsigned long long)c->top.height, (unsigned long long)height);
	code = aic_order_read(c->order, height, 1, compare_block, &own, err);
	if (!code && !own.seen)
		code = aic_fail(err, AIC_UNREACHABLE, "the log ends at height %llu and does not show the block at height %llu: nothing is written "
		                "until it does",
		                (unsigned long long)c->top.height, (unsigned long long)height);
	return code;
}

aic_code aic_chain_catch_up(aic_chain *c, aic_error *err)
{
	aic_code code = check_log(c, err);
	uint64_t from = aic_state_head(c->state)->height + 1;

	if (!code && c->top.height >= from)
		code = aic_order_read(c->order, from, c->top.height - from + 1, apply_next, c, err);
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

	if (height)
		return aic_fail(err, AIC_UNREACHABLE, "the log was asked for height 0 and gave height %llu", (unsigned long long)height);
	if (f->genesis && (len != f->len || memcmp(block, f->genesis, len) != 0))
		return aic_fail(err, AIC_REFUSED, "the log began with another genesis than this site's: correct genesis.yaml or the log");
	return aic_state_is_empty(f->state) ? aic_genesis_apply(f->state, block, len, err) : AIC_OK;
}

/* An empty copy: genesis from the log, which gets the one given where it is new. */
static aic_code begin_ledger(aic_chain *c, const void *genesis, size_t len, aic_error *err)
{
	first f = {c->state, genesis, len};
	aic_code code = aic_order_head_get(c->order, &c->top, err);

	if (!code && c->top.empty) {
		if (!genesis)
			return aic_fail(err, AIC_NOT_FOUND, "the ledger is empty and no genesis was given");
		aic_hash chain = aic_genesis_chain(genesis, len);
		code = aic_order_append_if_head(c->order, &c->top, &chain, genesis, len, err);
	}
	if (!code)
		code = aic_order_read(c->order, 0, 1, apply_genesis, &f, err);
	if (!code && aic_state_is_empty(c->state))
		code = aic_fail(err, AIC_CORRUPT, "the log ends at height %llu and yet holds no genesis: restore the log",
		                (unsigned long long)c->top.height);
	return code ? code : aic_chain_catch_up(c, err);
}

/* A copy is there to be read, whatever has become of the log. */
static aic_code continue_ledger(aic_chain *c, const void *genesis, size_t len, aic_error *err)
{
	aic_hash chain = aic_genesis_chain(genesis, len);
	aic_error why = {0};

	if (genesis && !aic_hash_equal(&chain, &aic_state_head(c->state)->chain))
		return aic_fail(err, AIC_REFUSED, "this site's copy began with another genesis: correct genesis.yaml, or move the copy away");
	aic_code code = aic_chain_catch_up(c, &why);
	if (code == AIC_UNREACHABLE || code == AIC_CORRUPT || code == AIC_FULL || code == AIC_NOT_FOUND)
		return know_key(c, err);
	if (code && err)
		*err = why;
	return code;
}

aic_code aic_chain_open(aic_chain *c, aic_state *state, aic_order *order, const aic_key *key, const void *genesis, size_t len,
                        aic_error *err)
{
	*c = (aic_chain){.state = state, .order = order, .key = key, .clock = &aic_clock_system};
	if (key)
		c->site = aic_site_id(key->public_key);
	return aic_state_is_empty(state) ? begin_ledger(c, genesis, len, err) : continue_ledger(c, genesis, len, err);
}

/* --- building --- */

aic_code aic_chain_nonce(aic_chain *c, uint64_t *nonce, aic_error *err)
{
	aic_key_row me;
	aic_code code;

	if (!c->key)
		return aic_fail(err, AIC_REFUSED, "this copy of the ledger has no key to sign with");
	code = aic_state_key(c->state, c->key->public_key, &me, err);
	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_REFUSED, "this site's key is not registered on the ledger: it is no member");
	*nonce = code ? 0 : me.nonce;
	return code;
}

aic_code aic_chain_sign(aic_chain *c, uint64_t kind, const aic_bytes *body, uint64_t nonce, aic_bytes *tx, aic_error *err)
{
	if (!c->key)
		return aic_fail(err, AIC_REFUSED, "this copy of the ledger has no key to sign with");
	aic_tx_build(tx, kind, c->key, &aic_state_head(c->state)->chain, nonce, body->data, body->len);
	return AIC_OK;
}

void aic_chain_begin(aic_chain *c)
{
	const aic_head *head = aic_state_head(c->state);
	int64_t now = c->clock->now(c->clock->ctx);

	aic_state_begin(c->state, head->height + 1, now > head->time ? now : head->time);
	aic_state_generator(c->state, &c->site);
}

void aic_chain_header(aic_chain *c, aic_header *h)
{
	const aic_head *head = aic_state_head(c->state);

	*h = (aic_header){
		.version = AIC_BLOCK_VERSION,
		.chain = head->chain,
		.height = head->height + 1,
		.previous = head->hash,
		.time = aic_state_time(c->state),
		.transactions = aic_state_transactions_root(c->state),
		.events = aic_state_events_root(c->state),
		.state = head->root,
		.blocks = aic_frontier_root(&head->blocks),
		.generator = c->site,
	};
}

/* Order first: what is in the log is applied even if this process dies on the way. The log's own word for its head is what the
 * append compares with: who appended last may have named its block falsely, and check_log knows the block by its bytes. */
static aic_code order_and_commit(aic_chain *c, const aic_bytes *block, aic_error *err)
{
	uint64_t height = aic_state_head(c->state)->height + 1;
	aic_hash hash = aic_block_hash(block->data, block->len);
	aic_error late = {0};
	aic_code code;

	if (block->len > AIC_BLOCK_MAX)
		return aic_fail(err, AIC_FULL, "a block of %zu bytes is larger than %u: split the batch", block->len, AIC_BLOCK_MAX);
	if (c->top.empty || c->top.height + 1 != height)
		return aic_fail(err, AIC_REFUSED, "the log's head is at height %llu by now: build the block anew",
		                (unsigned long long)c->top.height);
	if ((code = aic_order_append_if_head(c->order, &c->top, &hash, block->data, block->len, err)))
		return code;
	aic_failpoint("chain: ordered");
	c->top = (aic_order_head){.height = height, .hash = hash};
	if ((code = aic_state_commit(c->state, &hash, block->data, block->len, true, err))) {
		aic_error_prefix(err, "the block at height %llu is in the log and will be applied as soon as that is possible",
		                 (unsigned long long)height);
		return code;
	}
	/* it stands; where the log answers no more, only its finality is late */
	if (!(code = attest(c, &late)))
		code = aic_chain_finality(c, &late);
	if (code == AIC_UNREACHABLE)
		return AIC_OK;
	if (code && err)
		*err = late;
	return code;
}

aic_code aic_chain_order(aic_chain *c, const aic_bytes *transactions, size_t n, aic_error *err)
{
	aic_bytes block = {0};
	aic_header h;

	aic_chain_header(c, &h);
	aic_block_build(&block, &h, c->key, transactions, n);
	aic_code code = order_and_commit(c, &block, err);
	if (code)
		aic_state_discard(c->state);
	aic_bytes_free(&block);
	return code;
}

aic_code aic_chain_order_signed(aic_chain *c, const aic_bytes *block, aic_error *err)
{
	aic_code code = aic_block_execute(c->state, block->data, block->len, err);

	if (!code)
		code = order_and_commit(c, block, err);
	if (code)
		aic_state_discard(c->state);
	return code;
}

/* Signs with the next nonce and executes. */
static aic_code execute_own(aic_chain *c, uint64_t kind, const aic_bytes *body, aic_bytes *tx, aic_error *err)
{
	uint64_t nonce = 0;
	aic_code code;

	if (!(code = aic_chain_nonce(c, &nonce, err)) && !(code = aic_chain_sign(c, kind, body, nonce, tx, err)))
		code = aic_state_execute(c->state, tx->data, tx->len, err);
	return code;
}

/* *lost: another site's block has the height. */
static aic_code post_once(aic_chain *c, uint64_t kind, const aic_bytes *body, aic_bytes *tx, bool *lost, aic_error *err)
{
	aic_bytes item = {0};
	aic_code code = aic_chain_catch_up(c, err);

	*lost = false;
	if (code)
		return code;
	aic_chain_begin(c);
	if (!(code = execute_own(c, kind, body, tx, err))) {
		aic_cbor_put_bytes(&item, tx->data, tx->len);
		code = aic_chain_order(c, &item, 1, err);
		*lost = code == AIC_REFUSED;
	}
	aic_state_discard(c->state);
	aic_bytes_free(&item);
	return code;
}

aic_code aic_chain_post(aic_chain *c, uint64_t kind, const aic_bytes *body, aic_posted *out, aic_error *err)
{
	aic_bytes tx = {0};
	aic_transaction decoded;
	bool lost, more = true;
	aic_code code = AIC_OK;

	for (int tries = 0; tries < POST_TRIES; tries++) {
		uint64_t next = aic_state_head(c->state)->height + 1;

		aic_bytes_clear(&tx);
		code = post_once(c, kind, body, &tx, &lost, err);
		if (!lost || aic_order_watch(c->order, next, POST_WAIT_MS, &more, NULL) || !more)
			break;
	}
	if (!code) {
		aic_tx_decode(&decoded, tx.data, tx.len, NULL);
		out->tx = decoded.id;
		out->height = aic_state_head(c->state)->height;
	}
	aic_bytes_free(&tx);
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

aic_code aic_chain_preview(aic_chain *c, uint64_t kind, const aic_bytes *body, size_t n, aic_bytes *result, aic_error *err)
{
	aic_bytes tx = {0};
	aic_code code = aic_chain_catch_up(c, err);

	if (code)
		return code;
	aic_chain_begin(c);
	code = ask_for_no_signatures(c, err);
	for (size_t i = 0; i < n && !code; i++) {
		aic_bytes_clear(&tx);
		code = execute_own(c, kind, &body[i], &tx, err);
	}
	if (!code)
		aic_bytes_append(result, aic_state_result_out(c->state)->data, aic_state_result_out(c->state)->len);
	aic_state_discard(c->state);
	aic_bytes_free(&tx);
	return code;
}
