/* block_call.c: see block_call.h. */
#include "common/block_call.h"

#include <string.h>

#include "common/cbor.h"

#define NODE_DOMAIN "aic/node/v1"
#define HEADER_ITEMS 13
#define HEADER_SKIP 6 /* between previous hash and generator: time and four roots; doc/formats/block.md */

void aic_node_id(uint8_t id[AIC_NODE_ID_LEN], const uint8_t key[AIC_PUBLIC_LEN])
{
	uint8_t in[sizeof(NODE_DOMAIN) - 1 + AIC_PUBLIC_LEN];

	memcpy(in, NODE_DOMAIN, sizeof(NODE_DOMAIN) - 1);
	memcpy(in + sizeof(NODE_DOMAIN) - 1, key, AIC_PUBLIC_LEN);
	aic_hash h = aic_sha256_of(in, sizeof(in));
	memcpy(id, h.b, AIC_NODE_ID_LEN);
}

void aic_task_clear(aic_task *t)
{
	aic_bytes_free(&t->bytes);
	memset(t, 0, sizeof(*t));
}

static void get_task(aic_cbor *c, aic_task *t)
{
	uint64_t kind = aic_cbor_uint(c);
	size_t len;

	if (kind > AIC_TASK_ATTEST)
		aic_cbor_fail(c, "a task of kind %llu is not known to this release", (unsigned long long)kind);
	t->kind = (aic_task_kind)kind;
	t->height = aic_cbor_uint(c);
	aic_cbor_bytes_exact(c, t->beacon.b, AIC_HASH_LEN);
	t->nodes = aic_cbor_uint(c);
	const uint8_t *bytes = aic_cbor_bytes(c, &len);
	if (aic_cbor_ok(c))
		aic_bytes_append(&t->bytes, bytes, len);
}

aic_code aic_block_call_wait(aic_rpc *rpc, const uint8_t key[AIC_PUBLIC_LEN], uint64_t drawn, aic_task *t, aic_error *err)
{
	aic_bytes body = {0}, keep = {0};
	aic_cbor c;

	aic_task_clear(t);
	aic_rpc_begin(&body, "node_wait", 2);
	aic_cbor_put_bytes(&body, key, AIC_PUBLIC_LEN);
	aic_cbor_put_uint(&body, drawn);
	aic_code code = aic_rpc_call(rpc, &body, &keep, &c, err);
	if (!code) {
		get_task(&c, t);
		code = aic_cbor_finish(&c, err);
	}
	if (code)
		aic_task_clear(t);
	aic_bytes_free(&body);
	aic_bytes_free(&keep);
	return code;
}

static aic_code call(aic_rpc *rpc, aic_bytes *body, aic_error *err)
{
	aic_bytes keep = {0};
	aic_cbor c;
	aic_code code = aic_rpc_call(rpc, body, &keep, &c, err);

	if (!code)
		code = aic_cbor_finish(&c, err);
	aic_bytes_free(body);
	aic_bytes_free(&keep);
	return code;
}

aic_code aic_block_call_draw(aic_rpc *rpc, const uint8_t key[AIC_PUBLIC_LEN], uint64_t height, const uint8_t proof[AIC_VRF_PROOF_LEN],
                             aic_error *err)
{
	aic_bytes body = {0};

	aic_rpc_begin(&body, "node_draw", 3);
	aic_cbor_put_bytes(&body, key, AIC_PUBLIC_LEN);
	aic_cbor_put_uint(&body, height);
	aic_cbor_put_bytes(&body, proof, AIC_VRF_PROOF_LEN);
	return call(rpc, &body, err);
}

aic_code aic_block_call_sign(aic_rpc *rpc, const uint8_t key[AIC_PUBLIC_LEN], aic_task_kind kind, uint64_t height,
                             const uint8_t signature[AIC_SIGNATURE_LEN], aic_error *err)
{
	aic_bytes body = {0};

	aic_rpc_begin(&body, "node_sign", 4);
	aic_cbor_put_bytes(&body, key, AIC_PUBLIC_LEN);
	aic_cbor_put_uint(&body, (uint64_t)kind);
	aic_cbor_put_uint(&body, height);
	aic_cbor_put_bytes(&body, signature, AIC_SIGNATURE_LEN);
	return call(rpc, &body, err);
}

/* --- before signing --- */

static bool fits_header(const aic_task *t, const uint8_t key[AIC_PUBLIC_LEN], aic_task_claim *claim, aic_error *err)
{
	uint8_t id[AIC_NODE_ID_LEN], generator[AIC_NODE_ID_LEN], session[AIC_HASH_LEN];
	aic_cbor c;

	aic_node_id(id, key);
	aic_cbor_init(&c, t->bytes.data, t->bytes.len);
	aic_cbor_array_exact(&c, HEADER_ITEMS);
	aic_cbor_skip(&c); /* version */
	aic_cbor_bytes_exact(&c, claim->chain.b, AIC_HASH_LEN);
	uint64_t height = aic_cbor_uint(&c);
	for (int i = 0; i < HEADER_SKIP; i++)
		aic_cbor_skip(&c);
	aic_cbor_bytes_exact(&c, generator, sizeof(generator));
	aic_cbor_skip(&c); /* model */
	aic_cbor_bytes_exact(&c, session, sizeof(session));
	aic_cbor_bytes_exact(&c, claim->proof, sizeof(claim->proof));
	if (aic_cbor_finish(&c, err)) {
		aic_error_prefix(err, "the header to be signed for height %llu", (unsigned long long)t->height);
		return false;
	}
	if (height == t->height && memcmp(id, generator, sizeof(id)) == 0)
		return true;
	aic_fail(err, AIC_REFUSED, "the header to be signed for height %llu is of height %llu, or of another node", (unsigned long long)t->height,
	         (unsigned long long)height);
	return false;
}

/* The items of an attestation stand without the head of their array. */
static bool fits_attestation(const aic_task *t, aic_task_claim *claim, aic_error *err)
{
	aic_cbor c;

	aic_cbor_init(&c, t->bytes.data, t->bytes.len);
	aic_cbor_skip(&c); /* version */
	aic_cbor_bytes_exact(&c, claim->chain.b, AIC_HASH_LEN);
	uint64_t height = aic_cbor_uint(&c);
	for (int i = 0; i < 3; i++)
		aic_cbor_skip(&c); /* block, state root, site */
	if (aic_cbor_finish(&c, err)) {
		aic_error_prefix(err, "the attestation to be signed for height %llu", (unsigned long long)t->height);
		return false;
	}
	if (height == t->height)
		return true;
	aic_fail(err, AIC_REFUSED, "the attestation to be signed for height %llu is of height %llu", (unsigned long long)t->height,
	         (unsigned long long)height);
	return false;
}

bool aic_task_fits(const aic_task *t, const uint8_t key[AIC_PUBLIC_LEN], aic_task_claim *claim, aic_error *err)
{
	aic_task_claim unasked;

	if (!claim)
		claim = &unasked;
	memset(claim, 0, sizeof(*claim));
	if (t->kind == AIC_TASK_BLOCK)
		return fits_header(t, key, claim, err);
	if (t->kind == AIC_TASK_ATTEST)
		return fits_attestation(t, claim, err);
	aic_fail(err, AIC_USAGE, "a task of kind %d asks for no signature", (int)t->kind);
	return false;
}
