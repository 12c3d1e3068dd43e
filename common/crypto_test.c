/* crypto_test.c: published vectors, domain separation, and what a verification must refuse. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <openssl/evp.h>
#include <pthread.h>

#include "common/bytes.h"
#include "common/crypto.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void assert_hash(aic_hash h, const char *hex)
{
	char got[2 * AIC_HASH_LEN + 1];

	aic_hash_hex(got, &h);
	assert_string_equal(got, hex);
}

/* FIPS 180-4 examples. */
static void test_sha256_vectors(void **state)
{
	(void) state;
	static const struct { const char *text, *hex; } c[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
		{"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
		 "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
	};
	aic_sha256 *s = aic_sha256_new();

	for (size_t i = 0; i < COUNT(c); i++) {
		assert_hash(aic_sha256_of(c[i].text, strlen(c[i].text)), c[i].hex);
		aic_sha256_reset(s);
		for (const char *p = c[i].text; *p; p++)
			aic_sha256_update(s, p, 1);
		assert_hash(aic_sha256_final(s), c[i].hex);
	}
	aic_sha256_free(s);
	aic_sha256_free(NULL);
}

static void test_sha256_million(void **state)
{
	(void) state;
	static const char hex[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
	char *text = aic_xmalloc(1000000);
	aic_sha256 *s = aic_sha256_new();

	memset(text, 'a', 1000000);
	for (size_t at = 0, n = 1; at < 1000000; at += n, n = n * 3 % 4099) {
		if (n > 1000000 - at)
			n = 1000000 - at;
		aic_sha256_update(s, text + at, n);
	}
	assert_hash(aic_sha256_final(s), hex);
	assert_hash(aic_sha256_of(text, 1000000), hex);
	aic_sha256_free(s);
	free(text);
}

static void test_sha256_one_shot_equals_incremental(void **state)
{
	(void) state;
	aic_sha256 *s = aic_sha256_new();
	uint8_t data[300];
	uint64_t seed = 8;

	for (size_t len = 0; len < sizeof(data); len++) {
		for (size_t i = 0; i < len; i++)
			data[i] = (uint8_t) test_random(&seed);
		size_t half = len ? test_random(&seed) % len : 0;
		aic_sha256_reset(s);
		aic_sha256_update(s, data, half);
		aic_sha256_update(s, data + half, len - half);
		aic_hash a = aic_sha256_final(s), b = aic_sha256_of(data, len);
		assert_true(aic_hash_equal(&a, &b));
		b.b[len % AIC_HASH_LEN] ^= 1;
		assert_false(aic_hash_equal(&a, &b));
	}
	aic_sha256_free(s);
}

static void *hash_much(void *expected)
{
	for (int i = 0; i < 2000; i++) {
		aic_hash h = aic_sha256_of("abc", 3);
		if (!aic_hash_equal(&h, expected))
			return expected;
	}
	return NULL;
}

static void test_sha256_from_threads(void **state)
{
	(void) state;
	aic_hash expected;
	pthread_t thread[4];
	void *failed;

	assert_true(aic_unhex(expected.b, sizeof(expected.b), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
	for (size_t i = 0; i < COUNT(thread); i++)
		assert_int_equal(pthread_create(&thread[i], NULL, hash_much, &expected), 0);
	for (size_t i = 0; i < COUNT(thread); i++) {
		pthread_join(thread[i], &failed);
		assert_null(failed);
	}
}

static void fill(uint8_t *out, uint8_t first, int step, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t) (first + step * (int) i);
}

/* RFC 4231, test cases 1 to 7; case 5 gives the first 128 bits. */
/* Both ways of asking. */
static aic_hash hmac(const void *key, size_t key_len, const void *data, size_t len)
{
	aic_hash once = aic_hmac_sha256(key, key_len, data, len);
	aic_hmac *ready = aic_hmac_new(key, key_len);

	for (int i = 0; i < 2; i++) {
		aic_hash again = aic_hmac_of(ready, data, len);
		assert_memory_equal(once.b, again.b, sizeof(once.b));
	}
	aic_hmac_free(ready);
	return once;
}

static void test_hmac_vectors(void **state)
{
	(void) state;
	static const char jefe[] = "what do ya want for nothing?", truncation[] = "Test With Truncation";
	static const char hash_first[] = "Test Using Larger Than Block-Size Key - Hash Key First";
	static const char both[] = "This is a test using a larger than block-size key and a larger than block-size data. "
	                           "The key needs to be hashed before being used by the HMAC algorithm.";
	uint8_t key[131], data[50];

	fill(key, 0x0b, 0, 20);
	assert_hash(hmac(key, 20, "Hi There", 8), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	assert_hash(hmac("Jefe", 4, jefe, strlen(jefe)),
	            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	fill(key, 0xaa, 0, 131);
	fill(data, 0xdd, 0, 50);
	assert_hash(hmac(key, 20, data, 50), "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
	assert_hash(hmac(key, 131, hash_first, strlen(hash_first)),
	            "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
	assert_hash(hmac(key, 131, both, strlen(both)),
	            "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
	fill(key, 0x01, 1, 25);
	fill(data, 0xcd, 0, 50);
	assert_hash(hmac(key, 25, data, 50), "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b");
	fill(key, 0x0c, 0, 20);
	aic_hash h = hmac(key, 20, truncation, strlen(truncation));
	char hex[2 * AIC_HASH_LEN + 1];
	aic_hash_hex(hex, &h);
	hex[32] = '\0';
	assert_string_equal(hex, "a3b6167473100ee06e0c796c2955552b");
}

static void test_hmac_of_nothing(void **state)
{
	(void) state;
	assert_hash(hmac(NULL, 0, NULL, 0), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static void test_random_differs(void **state)
{
	(void) state;
	uint8_t a[64] = {0}, b[64] = {0}, zero[64] = {0};

	aic_random(a, sizeof(a));
	aic_random(b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
	assert_memory_not_equal(a, zero, sizeof(a));
	aic_random(zero, 0);
}

/* --- Ed25519 --- */

/* RFC 8032, 7.1: tests 1, 2, 3 and SHA(abc). */
static const struct {
	const char *secret, *public_key, *message, *signature;
} rfc8032[] = {
	{"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	 "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	 "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24"
	 "655141438e7a100b"},
	{"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	 "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
	 "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aee"
	 "b00d291612bb0c00"},
	{"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	 "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	 "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28d"
	 "c027beceea1ec40a"},
	{"833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
	 "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
	 "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a"
	 "9ac94fa54ca49f",
	 "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17a"
	 "d9bef1177331a704"},
};

static aic_key key_of(size_t i)
{
	uint8_t secret[AIC_SECRET_LEN];
	aic_key k;

	assert_true(aic_unhex(secret, sizeof(secret), rfc8032[i].secret));
	aic_key_from_secret(&k, secret);
	return k;
}

/* A plain Ed25519 signature, straight from OpenSSL: what aic_sign is compared with. */
static void sign_plainly(uint8_t sig[AIC_SIGNATURE_LEN], const aic_key *k, const void *data, size_t len)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, k->secret, sizeof(k->secret));
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t sig_len = AIC_SIGNATURE_LEN;

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey), 1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &sig_len, data, len), 1);
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
}

/* The vectors' messages have no domain before them, so they check the keys and the comparison's own signatures. */
static void test_ed25519_vectors(void **state)
{
	(void) state;
	for (size_t i = 0; i < COUNT(rfc8032); i++) {
		aic_key k = key_of(i);
		uint8_t message[64], sig[AIC_SIGNATURE_LEN];
		size_t len = strlen(rfc8032[i].message) / 2;
		char hex[2 * AIC_SIGNATURE_LEN + 1];

		aic_hex(hex, k.public_key, sizeof(k.public_key));
		assert_string_equal(hex, rfc8032[i].public_key);
		assert_true(aic_unhex(message, len, rfc8032[i].message));
		sign_plainly(sig, &k, message, len);
		aic_hex(hex, sig, sizeof(sig));
		assert_string_equal(hex, rfc8032[i].signature);
		assert_false(aic_verify(sig, k.public_key, "", message, len));
	}
}

static void test_sign_puts_domain_and_zero_before_data(void **state)
{
	(void) state;
	static const struct { const char *domain, *data; size_t len; const char *whole; size_t whole_len; } c[] = {
		{"aic/block/v1", "payload", 7, "aic/block/v1\0payload", 20},
		{"", "payload", 7, "\0payload", 8},
		{"aic/block/v1", "", 0, "aic/block/v1\0", 13},
		{"", NULL, 0, "\0", 1},
	};
	uint8_t sig[AIC_SIGNATURE_LEN], expected[AIC_SIGNATURE_LEN];

	for (size_t i = 0; i < COUNT(c); i++) {
		aic_key k = key_of(i);
		aic_sign(sig, &k, c[i].domain, c[i].data, c[i].len);
		sign_plainly(expected, &k, c[i].whole, c[i].whole_len);
		assert_memory_equal(sig, expected, sizeof(sig));
		assert_true(aic_verify(sig, k.public_key, c[i].domain, c[i].data, c[i].len));
	}
}

static void test_verify_refuses_other_contexts(void **state)
{
	(void) state;
	aic_key k = key_of(0), other = key_of(1);
	uint8_t sig[AIC_SIGNATURE_LEN], zero[AIC_PUBLIC_LEN] = {0};

	aic_sign(sig, &k, "ab", "cd", 2);
	assert_true(aic_verify(sig, k.public_key, "ab", "cd", 2));
	assert_false(aic_verify(sig, k.public_key, "a", "bcd", 3));
	assert_false(aic_verify(sig, k.public_key, "abc", "d", 1));
	assert_false(aic_verify(sig, k.public_key, "", "ab\0cd", 5));
	assert_false(aic_verify(sig, k.public_key, "ab", "cd", 1));
	assert_false(aic_verify(sig, k.public_key, "ab", "cd\0", 3));
	assert_false(aic_verify(sig, other.public_key, "ab", "cd", 2));
	assert_false(aic_verify(sig, zero, "ab", "cd", 2));
}

static void test_verify_refuses_every_flipped_bit(void **state)
{
	(void) state;
	aic_key k = key_of(2);
	uint8_t sig[AIC_SIGNATURE_LEN];

	aic_sign(sig, &k, "d", "data", 4);
	for (size_t bit = 0; bit < 8 * sizeof(sig); bit++) {
		sig[bit / 8] ^= (uint8_t) (1 << bit % 8);
		assert_false(aic_verify(sig, k.public_key, "d", "data", 4));
		sig[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
	assert_true(aic_verify(sig, k.public_key, "d", "data", 4));
}

/* (R, S + L) satisfies the equation too; RFC 8032, 5.1.7 asks to refuse it, so that a signature has one form only. */
static void test_verify_refuses_malleated_signature(void **state)
{
	(void) state;
	static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9,
	                                  0xde, 0x14, [31] = 0x10};
	aic_key k = key_of(0);
	uint8_t sig[AIC_SIGNATURE_LEN];
	unsigned carry = 0;

	aic_sign(sig, &k, "d", "data", 4);
	for (size_t i = 0; i < 32; i++) {
		carry += (unsigned) sig[32 + i] + order[i];
		sig[32 + i] = (uint8_t) carry;
		carry >>= 8;
	}
	assert_int_equal(carry, 0);
	assert_false(aic_verify(sig, k.public_key, "d", "data", 4));
}

static void test_generated_keys(void **state)
{
	(void) state;
	aic_key a, b, again;
	uint8_t sig[AIC_SIGNATURE_LEN], zero[sizeof(aic_key)] = {0};

	aic_key_generate(&a);
	aic_key_generate(&b);
	assert_memory_not_equal(a.secret, b.secret, sizeof(a.secret));
	aic_key_from_secret(&again, a.secret);
	assert_memory_equal(&again, &a, sizeof(a));
	aic_sign(sig, &a, "d", "x", 1);
	assert_true(aic_verify(sig, a.public_key, "d", "x", 1));
	assert_false(aic_verify(sig, b.public_key, "d", "x", 1));
	aic_key_wipe(&a);
	assert_memory_equal(&a, zero, sizeof(a));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256_vectors),
		cmocka_unit_test(test_sha256_million),
		cmocka_unit_test(test_sha256_one_shot_equals_incremental),
		cmocka_unit_test(test_sha256_from_threads),
		cmocka_unit_test(test_hmac_vectors),
		cmocka_unit_test(test_hmac_of_nothing),
		cmocka_unit_test(test_random_differs),
		cmocka_unit_test(test_ed25519_vectors),
		cmocka_unit_test(test_sign_puts_domain_and_zero_before_data),
		cmocka_unit_test(test_verify_refuses_other_contexts),
		cmocka_unit_test(test_verify_refuses_every_flipped_bit),
		cmocka_unit_test(test_verify_refuses_malleated_signature),
		cmocka_unit_test(test_generated_keys),
	};

	return cmocka_run_group_tests_name("crypto", tests, NULL, NULL);
}
