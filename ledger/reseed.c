/* reseed.c: see reseed.h. */
#include "ledger/reseed.h"

#include <string.h>

#include "ledger/genesis.h"
#include "ledger/window.h"

#define ABOVE 64 /* heights above the copy's end at which the board is asked: a site attests each height that it applies */

/* --- what members have attested --- */

typedef struct {
	aic_state *state;
	uint64_t height;
	const aic_hash *block;   /* only attestations of this one count; NULL: of any */
	bool found;
	aic_id site;
} witness;

static aic_code hear(void *ctx, const aic_id *site, const uint8_t *bytes, size_t len, aic_error *err)
{
	witness *w = ctx;
	aic_attestation a;
	aic_member m;
	aic_code code = aic_state_member(w->state, site, &m, err);

	if (code)
		return code == AIC_NOT_FOUND ? AIC_OK : code;
	if (aic_attestation_decode(&a, bytes, len, NULL) || !aic_id_equal(&a.site, site) || a.height != w->height ||
	    !aic_hash_equal(&a.chain, &aic_state_head(w->state)->chain) || !aic_attestation_signed_by(&a, m.key) ||
	    (w->block && !aic_hash_equal(&a.block, w->block)))
		return AIC_OK;
	w->found = true;
	w->site = *site;
	return AIC_OK;
}

static aic_code attested(aic_state *s, aic_order *o, uint64_t height, const aic_hash *block, aic_error *err)
{
	witness w = {.state = s, .height = height, .block = block};
	char hex[2 * sizeof(w.site.b) + 1];
	aic_code code = aic_order_attestations(o, height, hear, &w, err);

	if (code || !w.found)
		return code;
	aic_hex(hex, w.site.b, sizeof(w.site.b));
	return block ? aic_fail(err, AIC_REFUSED, "site %s has attested the log's block at height %llu, this site's copy holds another: "
	                        "nothing is restored until the sites agree which of them is right", hex, (unsigned long long)height)
	             : aic_fail(err, AIC_REFUSED, "site %s has attested height %llu, this site's copy ends at %llu: restore the log from "
	                        "the site whose copy is longest", hex, (unsigned long long)height,
	                        (unsigned long long)aic_state_head(s)->height);
}

/* --- comparing --- */

typedef struct {
	aic_state *state;
	aic_order *order;
	aic_reseed_plan *plan;
	uint64_t next;
	aic_code fault;          /* of the copy: no part of what the log may get wrong */
} comparison;

static void put_back(aic_reseed_plan *p, uint64_t height)
{
	if (!p->needed || height < p->from)
		p->from = height;
	p->needed = true;
}

static aic_code compare(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	comparison *c = ctx;
	aic_hash hash = height ? aic_block_hash(block, len) : aic_genesis_chain(block, len), own;
	aic_code code = AIC_OK;

	c->next = height + 1;
	if (height > aic_state_head(c->state)->height) {
		if (c->plan->needed) { /* above a block that is not the copy's */
			c->plan->dropped++;
			code = attested(c->state, c->order, height, NULL, err);
		}
		return code;
	}
	c->fault = aic_state_hash_at(c->state, height, &own, err);
	if (c->fault || aic_hash_equal(&own, &hash))
		return c->fault;
	put_back(c->plan, height);
	c->plan->different++;
	return attested(c->state, c->order, height, &hash, err);
}

/* Heights low .. the end of copy or log, whichever is higher; those that the log lacks are passed over one by one. */
static aic_code compare_all(comparison *c, uint64_t low, aic_error *err)
{
	uint64_t height = aic_state_head(c->state)->height, top = c->plan->found.height;
	uint64_t last = !c->plan->found.empty && top > height ? top : height;
	aic_code code = AIC_OK;

	for (c->next = low; c->next <= last && !code;) {
		uint64_t before = c->next;

		code = c->plan->found.empty ? AIC_OK : aic_order_read(c->order, c->next, last - c->next + 1, compare, c, err);
		if (!c->fault && (code == AIC_NOT_FOUND || code == AIC_CORRUPT))
			code = AIC_OK; /* pruned, or a hole */
		if (code || c->next > last || c->next > before)
			continue;
		if (c->next <= height) {
			put_back(c->plan, c->next);
			c->plan->missing++;
		}
		c->next++;
	}
	if (!code && err)
		*err = (aic_error){.code = AIC_OK};
	return code;
}

aic_code aic_reseed_look(aic_state *s, aic_order *o, aic_reseed_plan *plan, aic_error *err)
{
	const aic_head *head = aic_state_head(s);
	comparison c = {.state = s, .order = o, .plan = plan};
	uint64_t low;
	aic_code code = aic_order_head_get(o, &plan->found, err);

	*plan = (aic_reseed_plan){.found = plan->found, .restored = {.height = head->height, .hash = head->hash}};
	if (aic_state_is_empty(s))
		return aic_fail(err, AIC_REFUSED, "this site has no copy of the ledger to restore the log from");
	if (code || (code = aic_window_low(s, AIC_WINDOW_BLOCKS, AIC_WINDOW_BYTES, &low, err)))
		return code;
	bool shorter = plan->found.empty || plan->found.height < head->height;
	if ((code = compare_all(&c, low, err)))
		return code;
	if (shorter)
		put_back(plan, head->height); /* the blocks may be there and only the head lost */
	for (uint64_t h = head->height + 1; plan->needed && h <= head->height + ABOVE && !code; h++)
		code = attested(s, o, h, NULL, err);
	return code;
}

/* --- putting back --- */

static aic_code from_copy(void *ctx, uint64_t height, aic_bytes *block, aic_hash *hash, aic_error *err)
{
	bool valid;

	return aic_state_block(ctx, height, block, hash, &valid, err);
}

aic_code aic_reseed_run(aic_state *s, aic_order *o, const aic_reseed_plan *plan, aic_error *err)
{
	return plan->needed ? aic_order_restore(o, &plan->found, &plan->restored, plan->from, from_copy, s, err) : AIC_OK;
}
