/* service_node.c: what aicledgerd answers to nodes of its site that draw for blocks: doc/formats/rpc-ledger.md, "Blocks from nodes". */
#include <string.h>

#include "common/block_call.h"
#include "common/log.h"
#include "ledger/service_operation.h"
#include "ledger/state/drawer.h"

#define AGAIN_MS 2000 /* a task of signing is given again after so long */

/* A node's key of this site, with which it can draw. */
static aic_code need_node(aic_request *r, const uint8_t key[AIC_PUBLIC_LEN], aic_error *err)
{
	aic_key_row k;
	aic_code code = aic_state_key(r->s->state, key, &k, err);

	if (code && code != AIC_NOT_FOUND)
		return code;
	if (code || k.role != AIC_ROLE_NODE || !k.has_vrf || !aic_id_equal(&k.site, &r->s->chain.site))
		return aic_fail(err, AIC_REFUSED, "this key is no node's of this site with a VRF key: aic key register --role node --vrf");
	return AIC_OK;
}

static void put_task(aic_request *r, aic_task_kind kind, uint64_t height, const aic_hash *beacon, uint64_t nodes, const aic_bytes *bytes)
{
	aic_cbor_put_uint(r->out, (uint64_t)kind);
	aic_cbor_put_uint(r->out, height);
	aic_cbor_put_bytes(r->out, beacon->b, AIC_HASH_LEN);
	aic_cbor_put_uint(r->out, nodes);
	aic_cbor_put_bytes(r->out, bytes ? bytes->data : NULL, bytes ? bytes->len : 0);
	r->items = 5;
}

/* The same task again only after a while, so that a node that cannot do it does not ask in circles. */
static bool is_given(aic_service *s, const uint8_t key[AIC_PUBLIC_LEN], uint64_t height)
{
	int64_t now = aic_monotonic_ms();
	bool same = s->given.height == height && memcmp(s->given.key, key, AIC_PUBLIC_LEN) == 0;

	if (same && now - s->given.at_ms < AGAIN_MS)
		return true;
	s->given.height = height;
	s->given.at_ms = now;
	memcpy(s->given.key, key, AIC_PUBLIC_LEN);
	return false;
}

/* *found false: it has nothing to draw for now. */
static aic_code give_draw(aic_request *r, const uint8_t key[AIC_PUBLIC_LEN], uint64_t drawn, bool *found, aic_error *err)
{
	aic_id id = aic_drawer_id(key);
	uint64_t height = aic_state_head(r->s->state)->height + 1, n;
	aic_drawer d;
	aic_key_row k;
	aic_hash beacon;
	aic_code code = aic_drawer_need(r->s->state, &id, height, &d, &k, err);

	*found = false;
	if (code == AIC_CORRUPT)
		return AIC_OK;
	if (code)
		return code;
	aic_generator_node_waits(r->s->generator);
	if (height <= drawn)
		return AIC_OK;
	if ((code = aic_state_beacon(r->s->state, &beacon, err)) || (code = aic_drawers(r->s->state, height, &n, err)))
		return code;
	*found = true;
	put_task(r, AIC_TASK_DRAW, height, &beacon, n, NULL);
	return AIC_OK;
}

aic_code aic_op_node_wait(aic_request *r, aic_error *err)
{
	static const aic_hash none;
	uint8_t key[AIC_PUBLIC_LEN];
	const aic_bytes *header;
	uint64_t height;
	bool found;
	aic_code code;

	aic_cbor_bytes_exact(r->args, key, sizeof(key));
	uint64_t drawn = aic_cbor_uint(r->args);
	if ((code = aic_cbor_finish(r->args, err)) || (code = need_node(r, key, err)))
		return code;
	if (aic_generator_header(r->s->generator, key, &height, &header) && !is_given(r->s, key, height)) {
		put_task(r, AIC_TASK_BLOCK, height, &none, 0, header);
		return AIC_OK;
	}
	if ((code = give_draw(r, key, drawn, &found, err)) || found)
		return code;
	if (r->who->waited_ms < AIC_BLOCK_CALL_WAIT_MS)
		r->items = AIC_RPC_LATER;
	else
		put_task(r, AIC_TASK_NONE, 0, &none, 0, NULL);
	return AIC_OK;
}

aic_code aic_op_node_draw(aic_request *r, aic_error *err)
{
	uint8_t key[AIC_PUBLIC_LEN], proof[AIC_VRF_PROOF_LEN];
	aic_error ignored;
	aic_code code;

	aic_cbor_bytes_exact(r->args, key, sizeof(key));
	uint64_t height = aic_cbor_uint(r->args);
	aic_cbor_bytes_exact(r->args, proof, sizeof(proof));
	if ((code = aic_cbor_finish(r->args, err)) || (code = need_node(r, key, err)) ||
	    (code = aic_generator_draw(r->s->generator, key, height, proof, err)))
		return code;
	(void)aic_generator_step(r->s->generator, &ignored); /* its turn may have come; a log that is away is the tick's to say */
	return AIC_OK;
}

aic_code aic_op_node_sign(aic_request *r, aic_error *err)
{
	uint8_t key[AIC_PUBLIC_LEN], signature[AIC_SIGNATURE_LEN];
	aic_code code;

	aic_cbor_bytes_exact(r->args, key, sizeof(key));
	uint64_t kind = aic_cbor_uint(r->args), height = aic_cbor_uint(r->args);
	aic_cbor_bytes_exact(r->args, signature, sizeof(signature));
	if ((code = aic_cbor_finish(r->args, err)) || (code = need_node(r, key, err)))
		return code;
	if (kind != AIC_TASK_BLOCK)
		return aic_fail(err, AIC_NOT_FOUND, "no attestation at height %llu waits for this node", (unsigned long long)height);
	code = aic_generator_sign(r->s->generator, key, height, signature, err);
	if (!code)
		aic_debug("height %llu: made by a node of this site", (unsigned long long)height);
	return code;
}
