/* vrf_test.c: RFC 9381's vectors for ECVRF-EDWARDS25519-SHA512-TAI (appendix B.3), and what must be refused. */
#define _GNU_SOURCE
#include <sodium.h>

#include "common/bytes.h"
#include "common/testing.h"
#include "common/vrf.h"

typedef struct {
	const char *secret, *public_key, *alpha, *proof, *output;
} vector;

/* Examples 16, 17 and 18: all of the suite. */
static const vector vectors[] = {
	{ "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	  "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	  "8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f26f8a57ccaed74ee1b190bed1f479d97"
	  "27d2d0f9b005a6e456a35d4fb0daab1268a1b0db10836d9826a528ca76567805",
	  "90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff"
	  "66b71dda49d2de59d03450451af026798e8f81cd2e333de5cdf4f3e140fdd8ae" },
	{ "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	  "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
	  "f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed5933bf0864a62558b3ed7f2fea45c92a465"
	  "301b3bbf5e3e54ddf2d935be3b67926da3ef39226bbc355bdc9850112c8f4b02",
	  "eb4440665d3891d668e7e0fcaf587f1b4bd7fbfe99d0eb2211ccec90496310eb"
	  "5e33821bc613efb94db5e5b54c70a848a0bef4553a41befc57663b56373a5031" },
	{ "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	  "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	  "9bc0f79119cc5604bf02d23b4caede71393cedfbb191434dd016d30177ccbf8096bb474e53895c362d8628ee9f9ea3c0"
	  "e52c7a5c691b6c18c9979866568add7a2d41b00b05081ed0f58ee5e31b3a970e",
	  "645427e5d00c62a23fb703732fa5d892940935942101e456ecca7bb217c61c45"
	  "2118fec1219202a0edcf038bb6373241578be7217ba85a2687f7a0310b2df19f" },
};
#define VECTORS (sizeof(vectors) / sizeof(vectors[0]))

static void read_key(aic_key *k, const vector *v)
{
	uint8_t secret[AIC_SECRET_LEN], public_key[AIC_PUBLIC_LEN];

	assert_true(aic_unhex(secret, sizeof(secret), v->secret));
	assert_true(aic_unhex(public_key, sizeof(public_key), v->public_key));
	aic_key_from_secret(k, secret);
	assert_memory_equal(k->public_key, public_key, sizeof(public_key));
}

static void test_vectors_of_the_rfc(void **state)
{
	(void)state;
	for (size_t i = 0; i < VECTORS; i++) {
		const vector *v = &vectors[i];
		uint8_t alpha[2], wanted_proof[AIC_VRF_PROOF_LEN], proof[AIC_VRF_PROOF_LEN];
		uint8_t wanted[AIC_VRF_OUTPUT_LEN], output[AIC_VRF_OUTPUT_LEN];
		size_t len = strlen(v->alpha) / 2;
		aic_key k;

		read_key(&k, v);
		assert_true(aic_unhex(alpha, len, v->alpha));
		assert_true(aic_unhex(wanted_proof, sizeof(wanted_proof), v->proof));
		assert_true(aic_unhex(wanted, sizeof(wanted), v->output));
		aic_vrf_prove(proof, &k, alpha, len);
		assert_memory_equal(proof, wanted_proof, sizeof(proof));
		assert_true(aic_vrf_verify(output, k.public_key, proof, alpha, len));
		assert_memory_equal(output, wanted, sizeof(output));
		memset(output, 0, sizeof(output));
		assert_true(aic_vrf_output(output, proof));
		assert_memory_equal(output, wanted, sizeof(output));
	}
}

static void test_each_changed_bit_of_a_proof_is_refused(void **state)
{
	uint8_t proof[AIC_VRF_PROOF_LEN];
	aic_key k;

	(void)state;
	read_key(&k, &vectors[1]);
	aic_vrf_prove(proof, &k, "height 7", 8);
	for (size_t bit = 0; bit < 8 * sizeof(proof); bit++) {
		proof[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_false(aic_vrf_verify(NULL, k.public_key, proof, "height 7", 8));
		proof[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_true(aic_vrf_verify(NULL, k.public_key, proof, "height 7", 8));
}

static void test_another_key_or_input_is_refused(void **state)
{
	uint8_t proof[AIC_VRF_PROOF_LEN];
	aic_key k, other;

	(void)state;
	read_key(&k, &vectors[0]);
	read_key(&other, &vectors[1]);
	aic_vrf_prove(proof, &k, "height 7", 8);
	assert_false(aic_vrf_verify(NULL, other.public_key, proof, "height 7", 8));
	assert_false(aic_vrf_verify(NULL, k.public_key, proof, "height 8", 8));
	assert_false(aic_vrf_verify(NULL, k.public_key, proof, "height 7", 7));
}

static void test_a_wrong_public_half_gives_no_secret_away(void **state)
{
	uint8_t proof[AIC_VRF_PROOF_LEN], same[AIC_VRF_PROOF_LEN];
	aic_key k;

	(void)state;
	read_key(&k, &vectors[0]);
	aic_vrf_prove(proof, &k, "x", 1);
	memset(k.public_key, 1, sizeof(k.public_key));
	aic_vrf_prove(same, &k, "x", 1);
	assert_memory_equal(proof, same, sizeof(proof));
}

/* The eight points of small order, as libsodium's own list names them by y. */
static const char *const small_order[] = {
	"0100000000000000000000000000000000000000000000000000000000000000", /* order 1 */
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", /* 2 */
	"0000000000000000000000000000000000000000000000000000000000000000", /* 4 */
	"0000000000000000000000000000000000000000000000000000000000000080", /* 4 */
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", /* 8 */
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85", /* 8 */
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", /* 8 */
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa", /* 8 */
};
#define SMALL (sizeof(small_order) / sizeof(small_order[0]))

static void test_points_of_small_order_are_no_keys(void **state)
{
	uint8_t point[32], mixed[32], eight[32], proof[AIC_VRF_PROOF_LEN], bent[AIC_VRF_PROOF_LEN], output[AIC_VRF_OUTPUT_LEN];
	aic_key k;

	(void)state;
	read_key(&k, &vectors[0]);
	aic_vrf_prove(proof, &k, "x", 1);
	assert_true(aic_vrf_key_valid(k.public_key));
	for (size_t i = 0; i < SMALL; i++) {
		assert_true(aic_unhex(point, sizeof(point), small_order[i]));
		assert_int_equal(crypto_core_ed25519_add(eight, point, point), 0); /* on the curve, and of order 8 at most */
		assert_int_equal(crypto_core_ed25519_add(eight, eight, eight), 0);
		assert_int_equal(crypto_core_ed25519_add(eight, eight, eight), 0);
		assert_true(eight[0] == 1 && sodium_is_zero(eight + 1, 31));
		assert_false(aic_vrf_key_valid(point));
		assert_false(aic_vrf_verify(NULL, point, proof, "x", 1));
		memcpy(bent, proof, sizeof(bent));
		memcpy(bent, point, sizeof(point));
		assert_false(aic_vrf_output(output, bent));
		if (i == 0)
			continue;
		assert_int_equal(crypto_core_ed25519_add(mixed, k.public_key, point), 0);
		assert_false(aic_vrf_key_valid(mixed));
		assert_int_equal(crypto_core_ed25519_add(bent, proof, point), 0);
		assert_false(aic_vrf_output(output, bent));
		assert_false(aic_vrf_verify(NULL, k.public_key, bent, "x", 1));
	}
}

static void test_encodings_that_are_not_canonical_are_refused(void **state)
{
	uint8_t proof[AIC_VRF_PROOF_LEN], output[AIC_VRF_OUTPUT_LEN], point[32];
	/* the group's order L, little-endian */
	uint8_t order[32];
	unsigned carry = 0;
	aic_key k;

	(void)state;
	read_key(&k, &vectors[0]);
	aic_vrf_prove(proof, &k, "x", 1);
	assert_true(aic_unhex(order, sizeof(order), "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"));
	for (size_t i = 0; i < 32; i++) { /* s + L: the same residue */
		carry += proof[48 + i] + order[i];
		proof[48 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	assert_int_equal(carry, 0);
	assert_false(aic_vrf_output(output, proof));
	assert_false(aic_vrf_verify(NULL, k.public_key, proof, "x", 1));
	for (unsigned low = 0xed; low <= 0xff; low++) { /* y + p */
		memset(point, 0xff, sizeof(point));
		point[0] = (uint8_t)low;
		assert_false(aic_vrf_key_valid(point));
		point[31] = 0x7f;
		assert_false(aic_vrf_key_valid(point));
	}
}

static void test_zeros_prove_nothing(void **state)
{
	uint8_t proof[AIC_VRF_PROOF_LEN] = { 0 }, output[AIC_VRF_OUTPUT_LEN];
	aic_key k;

	(void)state;
	read_key(&k, &vectors[0]);
	assert_false(aic_vrf_verify(NULL, k.public_key, proof, "x", 1));
	aic_vrf_prove(proof, &k, "x", 1);
	memset(proof + 48, 0, 32);
	assert_false(aic_vrf_output(output, proof));
	aic_vrf_prove(proof, &k, "x", 1);
	memset(proof + 32, 0, 16);
	assert_false(aic_vrf_output(output, proof));
}

static void test_any_key_proves_any_input(void **state)
{
	uint64_t seed = 20261123;
	uint8_t input[300], secret[AIC_SECRET_LEN], proof[AIC_VRF_PROOF_LEN], output[AIC_VRF_OUTPUT_LEN], again[AIC_VRF_OUTPUT_LEN];

	(void)state;
	print_message("seed %llu\n", (unsigned long long)seed);
	for (size_t i = 0; i < 100; i++) {
		size_t len = test_random(&seed) % (sizeof(input) + 1);
		aic_key k;

		for (size_t j = 0; j < sizeof(input); j++)
			input[j] = (uint8_t)test_random(&seed);
		for (size_t j = 0; j < sizeof(secret); j++)
			secret[j] = (uint8_t)test_random(&seed);
		aic_key_from_secret(&k, secret);
		assert_true(aic_vrf_key_valid(k.public_key));
		aic_vrf_prove(proof, &k, input, len);
		assert_true(aic_vrf_verify(output, k.public_key, proof, input, len));
		assert_true(aic_vrf_output(again, proof));
		assert_memory_equal(output, again, sizeof(again));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors_of_the_rfc),
		cmocka_unit_test(test_each_changed_bit_of_a_proof_is_refused),
		cmocka_unit_test(test_another_key_or_input_is_refused),
		cmocka_unit_test(test_a_wrong_public_half_gives_no_secret_away),
		cmocka_unit_test(test_points_of_small_order_are_no_keys),
		cmocka_unit_test(test_encodings_that_are_not_canonical_are_refused),
		cmocka_unit_test(test_zeros_prove_nothing),
		cmocka_unit_test(test_any_key_proves_any_input),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
