/* block_call_test.c: what a node checks before it signs: that the bytes are of the height that the task names, and its own. */
#define _GNU_SOURCE
#include <string.h>

#include "common/block_call.h"
#include "common/cbor.h"
#include "common/testing.h"

static const uint8_t key[AIC_PUBLIC_LEN] = {1}, other[AIC_PUBLIC_LEN] = {2};
static const uint8_t hash[AIC_HASH_LEN] = {3};

static const uint8_t proof[AIC_VRF_PROOF_LEN] = {4};

/* session_len: 0 is a site's block */
static void put_header(aic_bytes *out, uint64_t height, const uint8_t *of, size_t session_len)
{
	uint8_t id[AIC_NODE_ID_LEN];

	aic_node_id(id, of);
	aic_cbor_put_array(out, 13);
	aic_cbor_put_uint(out, 1);
	aic_cbor_put_bytes(out, hash, sizeof(hash));
	aic_cbor_put_uint(out, height);
	aic_cbor_put_bytes(out, hash, sizeof(hash));
	aic_cbor_put_uint(out, 1000);
	for (int i = 0; i < 4; i++)
		aic_cbor_put_bytes(out, hash, sizeof(hash));
	aic_cbor_put_bytes(out, id, sizeof(id));
	aic_cbor_put_bytes(out, hash, 0);
	aic_cbor_put_bytes(out, hash, session_len);
	aic_cbor_put_bytes(out, proof, sizeof(proof));
}

static void put_attestation(aic_bytes *out, uint64_t height)
{
	aic_cbor_put_uint(out, 1);
	aic_cbor_put_bytes(out, hash, sizeof(hash));
	aic_cbor_put_uint(out, height);
	aic_cbor_put_bytes(out, hash, sizeof(hash));
	aic_cbor_put_bytes(out, hash, sizeof(hash));
	aic_cbor_put_bytes(out, hash, AIC_NODE_ID_LEN);
}

static void a_header_of_another_height_or_node_is_not_signed(void **state)
{
	aic_task t = {.kind = AIC_TASK_BLOCK, .height = 7};
	aic_error err = {0};

	(void)state;
	put_header(&t.bytes, 7, key, sizeof(hash));
	assert_true(aic_task_fits(&t, key, NULL, &err));
	assert_false(aic_task_fits(&t, other, NULL, &err));
	assert_non_null(strstr(err.message, "or of another node"));
	t.height = 8;
	assert_false(aic_task_fits(&t, key, NULL, &err));
	assert_non_null(strstr(err.message, "height 8 is of height 7"));
	t.height = 7;
	aic_cbor_put_uint(&t.bytes, 0);
	assert_false(aic_task_fits(&t, key, NULL, &err));
	aic_task_clear(&t);
}

static void a_header_says_chain_and_proof_and_has_a_session(void **state)
{
	aic_task t = {.kind = AIC_TASK_BLOCK, .height = 7};
	aic_task_claim claim;
	aic_error err = {0};

	(void)state;
	put_header(&t.bytes, 7, key, sizeof(hash));
	assert_true(aic_task_fits(&t, key, &claim, &err));
	assert_memory_equal(claim.chain.b, hash, sizeof(hash));
	assert_memory_equal(claim.proof, proof, sizeof(proof));
	aic_bytes_clear(&t.bytes);
	put_header(&t.bytes, 7, key, 0);
	assert_false(aic_task_fits(&t, key, &claim, &err));
	assert_non_null(strstr(err.message, "the header to be signed for height 7"));
	aic_task_clear(&t);
}

static void an_attestation_of_another_height_is_not_signed(void **state)
{
	aic_task t = {.kind = AIC_TASK_ATTEST, .height = 7};
	aic_error err = {0};

	(void)state;
	put_attestation(&t.bytes, 7);
	assert_true(aic_task_fits(&t, key, NULL, &err));
	t.height = 6;
	assert_false(aic_task_fits(&t, key, NULL, &err));
	assert_non_null(strstr(err.message, "height 6 is of height 7"));
	t.kind = AIC_TASK_BLOCK; /* one is not taken for the other */
	assert_false(aic_task_fits(&t, key, NULL, &err));
	t.kind = AIC_TASK_DRAW;
	assert_false(aic_task_fits(&t, key, NULL, &err));
	aic_task_clear(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_header_of_another_height_or_node_is_not_signed),
		cmocka_unit_test(a_header_says_chain_and_proof_and_has_a_session),
		cmocka_unit_test(an_attestation_of_another_height_is_not_signed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
