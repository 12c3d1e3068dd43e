/* author.c: whether a block is by who may make it: a member site, or a node whose draw has won; see drawer.h. */
#include <string.h>

#include "common/lottery.h"
#include "ledger/state/drawer.h"
#include "ledger/state/member.h"

/* --- a site --- */

static aic_code check_site(const aic_block *b, const aic_member *m, aic_error *err)
{
	if (!aic_member_is_active(m, b->header.height))
		return aic_fail(err, AIC_CORRUPT, "its generator is no member site");
	if (!aic_block_signed_by(b, m->key))
		return aic_fail(err, AIC_CORRUPT, "the generator's signature does not fit");
	if (b->header.model_len || b->header.session_len || b->header.vrf_len)
		return aic_fail(err, AIC_CORRUPT, "a site's block names no model, session or draw");
	return AIC_OK;
}

/* --- a node --- */

aic_code aic_drawer_need(aic_state *s, const aic_id *node, uint64_t height, aic_drawer *d, aic_key_row *k, aic_error *err)
{
	aic_member m;
	aic_code code = aic_state_drawer(s, node, d, err);

	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_CORRUPT, "its generator is no member site, and no node with a VRF key and an open session");
	if (code || (code = aic_state_key(s, d->key, k, err)) || (code = aic_state_member(s, &k->site, &m, err)))
		return code == AIC_NOT_FOUND ? aic_fail(err, AIC_CORRUPT, "the node's key or site is missing: rebuild the state by replay") : code;
	if (height < d->since)
		return aic_fail(err, AIC_CORRUPT, "the node draws from height %llu on", (unsigned long long)d->since);
	if (height < k->since || (k->until && height >= k->until) || !aic_member_is_active(&m, height))
		return aic_fail(err, AIC_CORRUPT, "the node's key, or its site, is not valid at height %llu", (unsigned long long)height);
	return AIC_OK;
}

aic_code aic_draw_check(aic_state *s, const aic_key_row *k, const uint8_t proof[AIC_VRF_PROOF_LEN], uint8_t output[AIC_VRF_OUTPUT_LEN],
                        aic_error *err)
{
	uint64_t height = aic_state_head(s)->height + 1, n;
	uint8_t input[AIC_LOTTERY_INPUT_LEN];
	aic_hash beacon;
	aic_code code;

	if ((code = aic_drawers(s, height, &n, err)) || (code = aic_state_beacon(s, &beacon, err)))
		return code;
	aic_lottery_input(input, &beacon, height);
	if (!aic_vrf_verify(output, k->vrf, proof, input, sizeof(input)))
		return aic_fail(err, AIC_CORRUPT, "the VRF proof is not the node's for height %llu", (unsigned long long)height);
	if (!aic_lottery_wins(aic_lottery_draw(output), n))
		return aic_fail(err, AIC_CORRUPT, "the node's draw is not below the target of %llu nodes", (unsigned long long)n);
	return AIC_OK;
}

/* One of the node's open sessions, with the model that it trains. */
static aic_code check_session(aic_state *s, const aic_header *h, const aic_drawer *d, aic_error *err)
{
	aic_session r;
	bool its = false;
	aic_code code;

	for (size_t i = 0; i < d->n; i++)
		its |= h->session_len == AIC_HASH_LEN && memcmp(d->session[i].b, h->session, AIC_HASH_LEN) == 0;
	if (!its)
		return aic_fail(err, AIC_CORRUPT, "it names a session that is not an open one of its node");
	aic_hash id;
	memcpy(id.b, h->session, AIC_HASH_LEN);
	if ((code = aic_session_need(s, &id, &r, err)))
		return code;
	if (h->model_len != r.model_len || memcmp(h->model, r.model, r.model_len) != 0)
		return aic_fail(err, AIC_CORRUPT, "it names another model than its session");
	return AIC_OK;
}

static aic_code check_node(aic_state *s, const aic_block *b, aic_author *a, aic_error *err)
{
	aic_drawer d;
	aic_key_row k;
	aic_code code = aic_drawer_need(s, &b->header.generator, b->header.height, &d, &k, err);

	if (code)
		return code;
	if (!aic_block_signed_by(b, d.key))
		return aic_fail(err, AIC_CORRUPT, "the generator's signature does not fit");
	if ((code = check_session(s, &b->header, &d, err)))
		return code;
	if (b->header.vrf_len != AIC_VRF_PROOF_LEN)
		return aic_fail(err, AIC_CORRUPT, "a node's block holds a VRF proof of %d bytes, this one of %zu", AIC_VRF_PROOF_LEN,
		                b->header.vrf_len);
	a->site = k.site;
	a->drawn = true;
	return aic_draw_check(s, &k, b->header.vrf, a->output, err);
}

aic_code aic_block_author(aic_state *s, const aic_block *b, aic_author *a, aic_error *err)
{
	aic_member m;
	aic_code code = aic_state_member(s, &b->header.generator, &m, err);

	*a = (aic_author){.site = b->header.generator};
	if (code == AIC_NOT_FOUND)
		return check_node(s, b, a, err);
	return code ? code : check_site(b, &m, err);
}
