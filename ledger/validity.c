/* validity.c: whether a block may follow the head: a pure function of the state before and its bytes; see chain.h. */
#include "common/log.h"
#include "ledger/chain.h"
#include "ledger/state/drawer.h"
#include "ledger/state/evidence.h"
#include "ledger/state/member.h"

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

static aic_code execute_body(aic_state *s, const aic_block *b, const aic_author *a, aic_error *err)
{
	aic_code code;

	aic_state_begin(s, b->header.height, b->header.time);
	aic_state_generator(s, &a->site);
	aic_state_draw(s, a->output, a->drawn ? sizeof(a->output) : 0);
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
	aic_author a;
	aic_code code = aic_block_decode(&b, block, len, err);

	if (!code && !aic_hash_equal(&b.transactions, &b.header.transactions))
		code = aic_fail(err, AIC_CORRUPT, "the root of transactions differs");
	if (!code && !(code = check_place(head, &b.header, err)) && !(code = aic_block_author(s, &b, &a, err)))
		code = execute_body(s, &b, &a, err);
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

static aic_code accuse(aic_state *s, const void *block, size_t len, aic_error *err)
{
	aic_block b;
	aic_code code = aic_block_decode(&b, block, len, NULL) ? AIC_OK : aic_evidence_of_block(s, &b, err);

	aic_block_clear(&b);
	return code;
}

aic_code aic_block_apply(aic_state *s, const void *block, size_t len, bool *valid, aic_error *why_not, aic_error *err)
{
	aic_hash hash = aic_block_hash(block, len);
	aic_error why = {0};
	uint64_t failures = aic_state_failures(s);
	aic_code code = aic_block_execute(s, block, len, &why);

	if (code && (!says_invalid(code) || aic_state_failures(s) != failures)) {
		if (err)
			*err = why;
		return code;
	}
	if (valid)
		*valid = !code;
	if (why_not)
		*why_not = why;
	if (code && (code = accuse(s, block, len, err))) {
		aic_state_discard(s);
		return code;
	}
	return aic_state_commit(s, &hash, block, len, !why.code, err);
}
