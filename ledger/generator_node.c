/* generator_node.c: blocks that nodes of this site sign: their draws, the header that one of them is asked to sign, and the block that it
 * becomes; see generator.h. Nothing here outlives the process: what a node has signed is on its own disk, and what is sent is the order's
 * to keep. */
#include <stdlib.h>
#include <string.h>

#include "common/block_call.h"
#include "common/lottery.h"
#include "ledger/generator_private.h"
#include "ledger/state/drawer.h"

#define SIGN_MS 2000   /* for a node to sign; then the next winner, or a site */
#define SEEN_MS 10000  /* a node that has not asked for so long is away */

static int64_t clock_of(const aic_generator *g)
{
	return g->chain->clock->monotonic_ms(g->chain->clock->ctx);
}

static uint64_t next_height(const aic_generator *g)
{
	return aic_state_head(g->chain->state)->height + 1;
}

void aic_generator_node_waits(aic_generator *g)
{
	g->seen = true;
	g->seen_ms = clock_of(g);
}

/* A site alone knows its nodes: where none asks for work, nobody waits for them. */
aic_code aic_generator_lottery(aic_generator *g, int64_t sites, bool *on, aic_error *err)
{
	uint64_t n;
	aic_code code = aic_drawers(g->chain->state, next_height(g), &n, err);

	*on = !code && n && (sites > 1 || (g->seen && clock_of(g) - g->seen_ms < SEEN_MS));
	return code;
}

/* --- draws --- */

static aic_code need_own(aic_generator *g, const uint8_t key[AIC_PUBLIC_LEN], aic_drawer *d, aic_key_row *k, aic_error *err)
{
	aic_id id = aic_drawer_id(key);
	aic_code code = aic_drawer_need(g->chain->state, &id, next_height(g), d, k, err);

	if (!code && !aic_id_equal(&k->site, &g->chain->site))
		code = aic_fail(err, AIC_CORRUPT, "the node is another site's");
	return code;
}

/* What makes a block corrupt is a draw refused. */
static aic_code refuse(aic_code code, aic_error *err)
{
	if (code != AIC_CORRUPT)
		return code;
	if (err)
		err->code = AIC_REFUSED;
	return AIC_REFUSED;
}

aic_code aic_generator_draw(aic_generator *g, const uint8_t key[AIC_PUBLIC_LEN], uint64_t height, const uint8_t proof[AIC_VRF_PROOF_LEN],
                            aic_error *err)
{
	uint8_t output[AIC_VRF_OUTPUT_LEN];
	aic_winner w = {.failed = false};
	aic_drawer d;
	aic_key_row k;
	uint64_t n;
	aic_code code;

	if (height != next_height(g))
		return aic_fail(err, AIC_NOT_FOUND, "the draw is for height %llu, the next block has height %llu", (unsigned long long)height,
		                (unsigned long long)next_height(g));
	if ((code = need_own(g, key, &d, &k, err)) || (code = aic_draw_check(g->chain->state, &k, proof, output, err)) ||
	    (code = aic_drawers(g->chain->state, height, &n, err)))
		return refuse(code, err);
	if (g->winners_at != height)
		g->n_winners = 0;
	g->winners_at = height;
	for (size_t i = 0; i < g->n_winners; i++)
		if (memcmp(g->winner[i].key, key, AIC_PUBLIC_LEN) == 0)
			return AIC_OK;
	memcpy(w.key, key, AIC_PUBLIC_LEN);
	memcpy(w.proof, proof, AIC_VRF_PROOF_LEN);
	w.wait_ms = aic_lottery_wait_ms(aic_lottery_draw(output), n);
	g->winner = aic_xrealloc(g->winner, (g->n_winners + 1) * sizeof(*g->winner));
	g->winner[g->n_winners++] = w;
	return AIC_OK;
}

/* --- headers --- */

void aic_generator_drop_proposal(aic_generator *g)
{
	aic_bytes_free(&g->proposal.header);
	aic_bytes_free(&g->proposal.items);
	g->proposal = (aic_proposal){.there = false};
}

static bool is_open(const aic_generator *g)
{
	return g->proposal.there && g->proposal.height == next_height(g);
}

/* The first winner whose time has come. */
static aic_winner *due(aic_generator *g, int64_t passed)
{
	aic_winner *first = NULL;

	for (size_t i = 0; i < g->n_winners && g->winners_at == next_height(g); i++) {
		aic_winner *w = &g->winner[i];

		if (!w->failed && w->wait_ms <= passed && (!first || w->wait_ms < first->wait_ms))
			first = w;
	}
	return first;
}

static aic_code fill_node(aic_generator *g, const aic_winner *w, aic_header *h, aic_error *err)
{
	aic_session r;
	aic_drawer d;
	aic_key_row k;
	aic_code code;

	if ((code = need_own(g, w->key, &d, &k, err)) || (code = aic_state_session(g->chain->state, &d.session[0], &r, err)))
		return code;
	h->generator = aic_drawer_id(w->key);
	memcpy(h->session, d.session[0].b, AIC_HASH_LEN);
	h->session_len = AIC_HASH_LEN;
	memcpy(h->model, r.model, r.model_len);
	h->model_len = r.model_len;
	memcpy(h->vrf, w->proof, AIC_VRF_PROOF_LEN);
	h->vrf_len = AIC_VRF_PROOF_LEN;
	return AIC_OK;
}

static void take_node(aic_header *h, const aic_header *of_node)
{
	h->generator = of_node->generator;
	memcpy(h->session, of_node->session, sizeof(h->session));
	memcpy(h->model, of_node->model, sizeof(h->model));
	memcpy(h->vrf, of_node->vrf, sizeof(h->vrf));
	h->session_len = of_node->session_len;
	h->model_len = of_node->model_len;
	h->vrf_len = of_node->vrf_len;
}

static aic_code build(aic_generator *g, const aic_winner *w, aic_error *err)
{
	aic_proposal *p = &g->proposal;
	aic_header of_node = {.height = 0}, h;
	aic_code code;

	aic_generator_drop_proposal(g);
	if ((code = fill_node(g, w, &of_node, err))) /* as it is before the block, which may end the node's session */
		return code;
	aic_chain_begin(g->chain);
	if (!(code = aic_generator_collect(g, &p->items, &p->n, err)))
		aic_chain_header(g->chain, &h);
	aic_state_discard(g->chain->state);
	if (code)
		return code;
	take_node(&h, &of_node);
	aic_header_put(&p->header, &h);
	memcpy(p->key, w->key, AIC_PUBLIC_LEN);
	p->height = h.height;
	p->since_ms = clock_of(g);
	p->there = true;
	return AIC_OK;
}

aic_code aic_generator_propose(aic_generator *g, int64_t passed, aic_error *err)
{
	int64_t now = clock_of(g);

	if (is_open(g) && now - g->proposal.since_ms < SIGN_MS)
		return AIC_OK;
	for (size_t i = 0; i < g->n_winners && is_open(g); i++)
		g->winner[i].failed |= memcmp(g->winner[i].key, g->proposal.key, AIC_PUBLIC_LEN) == 0;
	aic_generator_drop_proposal(g);
	aic_winner *w = due(g, passed);
	if (!w)
		return AIC_OK;
	aic_code code = build(g, w, err);
	if (code == AIC_CORRUPT || code == AIC_NOT_FOUND) { /* it may not make this block after all */
		w->failed = true;
		return AIC_OK;
	}
	return code;
}

bool aic_generator_header(const aic_generator *g, const uint8_t key[AIC_PUBLIC_LEN], uint64_t *height, const aic_bytes **header)
{
	if (!is_open(g) || memcmp(g->proposal.key, key, AIC_PUBLIC_LEN) != 0)
		return false;
	*height = g->proposal.height;
	*header = &g->proposal.header;
	return true;
}

aic_code aic_generator_sign(aic_generator *g, const uint8_t key[AIC_PUBLIC_LEN], uint64_t height,
                            const uint8_t signature[AIC_SIGNATURE_LEN], aic_error *err)
{
	aic_proposal *p = &g->proposal;
	aic_bytes block = {0};

	if (!is_open(g) || p->height != height || memcmp(p->key, key, AIC_PUBLIC_LEN) != 0)
		return aic_fail(err, AIC_NOT_FOUND, "the block at height %llu is no longer the node's to sign", (unsigned long long)height);
	if (!aic_verify(signature, key, AIC_BLOCK_DOMAIN, p->header.data, p->header.len))
		return aic_fail(err, AIC_REFUSED, "the signature is not the node's, or not of the header that it was given");
	aic_block_compose(&block, &p->header, signature, &p->items, p->n);
	aic_generator_drop_proposal(g);
	aic_code code = aic_chain_order_signed(g->chain, &block, err);
	aic_bytes_free(&block);
	return code;
}
