/* u256_test.c: 256-bit arithmetic against known values, OpenSSL's big numbers and algebra. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <openssl/bn.h>

#include "common/amount.h"

#define ROUNDS 20000
#define ONES UINT64_MAX

static const aic_u256 zero, largest = {{ONES, ONES, ONES, ONES}};

static void assert_same(aic_u256 a, aic_u256 b)
{
	assert_memory_equal(a.limb, b.limb, sizeof(a.limb));
}

/* Limbs of all zeros, all ones, the top bit or few bits come often: there carries and estimates go wrong. */
static aic_u256 random_u256(uint64_t *seed)
{
	aic_u256 a;

	for (int i = 0; i < 4; i++) {
		uint64_t r = test_random(seed), kind = test_random(seed) % 8;
		a.limb[i] = kind == 0 ? 0 : kind == 1 ? ONES : kind == 2 ? (uint64_t) 1 << 63 : kind == 3 ? r >> (r % 64) :
		            kind == 4 ? ONES - r % 3 : r;
	}
	return aic_u256_shr(a, (unsigned) (test_random(seed) % 5) * 64);
}

static BIGNUM *bn_of(aic_u256 a)
{
	uint8_t be[32];

	aic_u256_to_be(be, a);
	return BN_bin2bn(be, sizeof(be), NULL);
}

static aic_u256 low_256_of(BIGNUM *n)
{
	uint8_t be[32];

	BN_mask_bits(n, 256);
	assert_int_equal(BN_bn2binpad(n, be, sizeof(be)), 32);
	return aic_u256_from_be(be);
}

static void test_known_products(void **state)
{
	(void) state;
	aic_amount all = ~(aic_amount) 0;

	/* (2^128 - 1)^2 = 2^256 - 2^129 + 1 */
	assert_same(aic_u256_mul128(all, all), (aic_u256) {{1, 0, ONES - 1, ONES}});
	assert_same(aic_u256_mul128(0, all), zero);
	/* 10^18 * 10^18 = 10^36 = 0xc097ce7bc90715 b34b9f1000000000 */
	assert_same(aic_u256_mul128(AIC_UNIT, AIC_UNIT), (aic_u256) {{0xb34b9f1000000000, 0xc097ce7bc90715, 0, 0}});
}

/* The operands of Hacker's Delight (divmnu) in 64-bit limbs, for which a first estimate is one too large. */
static void test_known_quotients(void **state)
{
	(void) state;
	static const struct { aic_u256 a, b, quotient, rest; } c[] = {
		{{{3, 0, (uint64_t) 1 << 63, 0}}, {{1, 0, (uint64_t) 1 << 61, 0}}, {{3, 0, 0, 0}}, {{0, 0, (uint64_t) 1 << 61, 0}}},
		{{{0, ONES - 1, (uint64_t) 1 << 63, 0}}, {{ONES, (uint64_t) 1 << 63, 0, 0}}, {{ONES, 0, 0, 0}},
		 {{ONES, ((uint64_t) 1 << 63) - 1, 0, 0}}},
		{{{ONES, ONES, ONES, ONES}}, {{ONES, ONES, 0, 0}}, {{1, 0, 1, 0}}, {{0, 0, 0, 0}}},
		{{{7, 0, 0, 0}}, {{0, 0, 0, 1}}, {{0, 0, 0, 0}}, {{7, 0, 0, 0}}},
		{{{ONES, ONES, ONES, ONES}}, {{ONES, ONES, ONES, ONES}}, {{1, 0, 0, 0}}, {{0, 0, 0, 0}}},
		{{{ONES, ONES, ONES, ONES}}, {{1, 0, 0, 0}}, {{ONES, ONES, ONES, ONES}}, {{0, 0, 0, 0}}},
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		aic_u256 rest;
		assert_same(aic_u256_div(c[i].a, c[i].b, &rest), c[i].quotient);
		assert_same(rest, c[i].rest);
	}
}

static void test_against_openssl(void **state)
{
	(void) state;
	uint64_t seed = 1;
	BN_CTX *ctx = BN_CTX_new();
	BIGNUM *n = BN_new(), *m = BN_new();

	for (int i = 0; i < ROUNDS; i++) {
		aic_u256 a = random_u256(&seed), b = random_u256(&seed), got, rest;
		BIGNUM *x = bn_of(a), *y = bn_of(b);

		assert_int_equal(aic_u256_cmp(a, b), BN_cmp(x, y));
		BN_add(n, x, y);
		bool fits = BN_num_bits(n) <= 256;
		assert_int_equal(aic_u256_add(&got, a, b), fits);
		assert_same(got, low_256_of(n));
		BN_mul(n, x, y, ctx);
		fits = BN_num_bits(n) <= 256;
		assert_int_equal(aic_u256_mul(&got, a, b), fits);
		if (fits)
			assert_same(got, low_256_of(n));
		if (!BN_is_zero(y)) {
			BN_div(n, m, x, y, ctx);
			got = aic_u256_div(a, b, &rest);
			assert_same(got, low_256_of(n));
			assert_same(rest, low_256_of(m));
		}
		unsigned shift = (unsigned) (test_random(&seed) % 260);
		BN_rshift(n, x, (int) shift);
		assert_same(aic_u256_shr(a, shift), low_256_of(n));
		BN_lshift(n, x, (int) shift);
		assert_same(aic_u256_shl(a, shift), low_256_of(n));
		BN_free(x);
		BN_free(y);
	}
	BN_free(n);
	BN_free(m);
	BN_CTX_free(ctx);
}

static void test_algebra(void **state)
{
	(void) state;
	uint64_t seed = 2;

	for (int i = 0; i < ROUNDS; i++) {
		aic_u256 a = random_u256(&seed), b = random_u256(&seed), sum, back, quotient, rest;
		bool carried = !aic_u256_add(&sum, a, b);
		assert_int_equal(aic_u256_sub(&back, sum, b), !carried);
		assert_same(back, a);
		assert_int_equal(aic_u256_sub(&back, a, b), aic_u256_cmp(a, b) >= 0);
		if (aic_u256_cmp(b, zero) == 0)
			continue;
		quotient = aic_u256_div(a, b, &rest);
		assert_true(aic_u256_cmp(rest, b) < 0);
		assert_true(aic_u256_mul(&back, quotient, b));
		assert_true(aic_u256_add(&back, back, rest));
		assert_same(back, a);
		assert_same(aic_u256_div(a, b, NULL), quotient);
	}
}

static void test_edges(void **state)
{
	(void) state;
	aic_u256 out;
	aic_amount amount = 5;

	assert_false(aic_u256_add(&out, largest, aic_u256_from(1)));
	assert_same(out, zero);
	assert_false(aic_u256_sub(&out, zero, aic_u256_from(1)));
	assert_same(out, largest);
	assert_same(aic_u256_shl(largest, 256), zero);
	assert_same(aic_u256_shr(largest, 256), zero);
	assert_same(aic_u256_shl(largest, 0), largest);
	assert_true(aic_u256_to_amount((aic_u256) {{ONES, ONES, 0, 0}}, &amount));
	assert_true(amount == ~(aic_amount) 0);
	assert_false(aic_u256_to_amount((aic_u256) {{0, 0, 1, 0}}, &amount));
}

static void test_bytes(void **state)
{
	(void) state;
	uint8_t be[32], expected[32];

	for (int i = 0; i < 32; i++)
		expected[i] = (uint8_t) (i + 1);
	aic_u256_to_be(be, (aic_u256) {{0x191a1b1c1d1e1f20, 0x1112131415161718, 0x090a0b0c0d0e0f10, 0x0102030405060708}});
	assert_memory_equal(be, expected, 32);
	assert_same(aic_u256_from_be(expected), aic_u256_from_be(be));
	assert_true(aic_u256_from_be(expected).limb[3] == 0x0102030405060708);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_products),
		cmocka_unit_test(test_known_quotients),
		cmocka_unit_test(test_against_openssl),
		cmocka_unit_test(test_algebra),
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_bytes),
	};

	return cmocka_run_group_tests_name("u256", tests, NULL, NULL);
}
