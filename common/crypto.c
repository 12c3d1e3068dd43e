/* crypto.c: hashes, signatures and random bytes by OpenSSL's EVP. Key files are in key_file.c. */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_CTX: EVP's states cost more to copy than a short input to hash */
#include "common/crypto.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

struct aic_sha256 {
	EVP_MD_CTX *ctx;
};

/* What OpenSSL refuses here can only be memory or a broken installation; no caller could do better. */
static void must(int ok, const char *what)
{
	if (ok == 1)
		return;
	fprintf(stderr, "aic: OpenSSL cannot %s\n", what);
	abort();
}

static EVP_MD *sha256;
static pthread_once_t sha256_once = PTHREAD_ONCE_INIT;

/* Fetched once: in OpenSSL 3 a look-up by name costs more than hashing a short input. */
static void fetch_sha256(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	must(sha256 != NULL, "provide SHA-256");
}

static const EVP_MD *sha256_md(void)
{
	pthread_once(&sha256_once, fetch_sha256);
	return sha256;
}

aic_sha256 *aic_sha256_new(void)
{
	aic_sha256 *s = aic_xmalloc(sizeof(*s));

	s->ctx = EVP_MD_CTX_new();
	must(s->ctx != NULL, "allocate a digest");
	aic_sha256_reset(s);
	return s;
}

void aic_sha256_update(aic_sha256 *s, const void *data, size_t len)
{
	must(EVP_DigestUpdate(s->ctx, data, len), "hash");
}

void aic_sha256_reset(aic_sha256 *s)
{
	must(EVP_DigestInit_ex2(s->ctx, sha256_md(), NULL), "start SHA-256");
}

aic_hash aic_sha256_final(aic_sha256 *s)
{
	aic_hash h;

	must(EVP_DigestFinal_ex(s->ctx, h.b, NULL), "finish SHA-256");
	return h;
}

void aic_sha256_free(aic_sha256 *s)
{
	if (!s)
		return;
	EVP_MD_CTX_free(s->ctx);
	free(s);
}

aic_hash aic_sha256_of(const void *data, size_t len)
{
	SHA256_CTX c;
	aic_hash h = {{0}};

	must(SHA256_Init(&c) && SHA256_Update(&c, data, len) && SHA256_Final(h.b, &c), "hash");
	return h;
}

bool aic_hash_equal(const aic_hash *a, const aic_hash *b)
{
	return CRYPTO_memcmp(a->b, b->b, sizeof(a->b)) == 0;
}

void aic_hash_hex(char hex[2 * AIC_HASH_LEN + 1], const aic_hash *h)
{
	aic_hex(hex, h->b, sizeof(h->b));
}

aic_hash aic_hmac_sha256(const void *key, size_t key_len, const void *data, size_t len)
{
	aic_hash h;

	must(HMAC(sha256_md(), key_len ? key : "", (int) key_len, data, len, h.b, NULL) != NULL, "compute an HMAC");
	return h;
}

struct aic_hmac {
	EVP_MAC_CTX *ctx;
};

aic_hmac *aic_hmac_new(const void *key, size_t key_len)
{
	aic_hmac *k = aic_xmalloc(sizeof(*k));
	EVP_MAC *mac = EVP_MAC_fetch(NULL, OSSL_MAC_NAME_HMAC, NULL);
	char digest[] = OSSL_DIGEST_NAME_SHA2_256;
	OSSL_PARAM params[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0), OSSL_PARAM_construct_end()};

	k->ctx = EVP_MAC_CTX_new(mac);
	EVP_MAC_free(mac);
	must(k->ctx && EVP_MAC_init(k->ctx, key_len ? key : "", key_len, params), "start an HMAC");
	return k;
}

aic_hash aic_hmac_of(aic_hmac *k, const void *data, size_t len)
{
	aic_hash h = {{0}};
	size_t out;

	must(EVP_MAC_init(k->ctx, NULL, 0, NULL) && EVP_MAC_update(k->ctx, data, len) &&
	     EVP_MAC_final(k->ctx, h.b, &out, sizeof(h.b)), "compute an HMAC");
	return h;
}

void aic_hmac_free(aic_hmac *k)
{
	if (!k)
		return;
	EVP_MAC_CTX_free(k->ctx);
	free(k);
}

void aic_random(void *out, size_t len)
{
	must(RAND_bytes(out, (int) len), "give random bytes");
}

void aic_key_generate(aic_key *k)
{
	uint8_t secret[AIC_SECRET_LEN];

	must(RAND_priv_bytes(secret, sizeof(secret)), "give random bytes");
	aic_key_from_secret(k, secret);
	OPENSSL_cleanse(secret, sizeof(secret));
}

static EVP_PKEY *private_key(const uint8_t secret[AIC_SECRET_LEN])
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, AIC_SECRET_LEN);

	must(pkey != NULL, "make an Ed25519 key");
	return pkey;
}

void aic_key_from_secret(aic_key *k, const uint8_t secret[AIC_SECRET_LEN])
{
	EVP_PKEY *pkey = private_key(secret);
	size_t len = sizeof(k->public_key);

	memmove(k->secret, secret, sizeof(k->secret));
	must(EVP_PKEY_get_raw_public_key(pkey, k->public_key, &len), "derive a public key");
	EVP_PKEY_free(pkey);
}

void aic_key_wipe(aic_key *k)
{
	OPENSSL_cleanse(k, sizeof(*k));
}

/* domain || 0x00 || data */
static void separate(aic_bytes *message, const char *domain, const void *data, size_t len)
{
	size_t head = strlen(domain) + 1;

	aic_bytes_reserve(message, head + len);
	aic_bytes_append(message, domain, head);
	aic_bytes_append(message, data, len);
}

void aic_sign_plain(uint8_t sig[AIC_SIGNATURE_LEN], const aic_key *k, const void *data, size_t len)
{
	EVP_PKEY *pkey = private_key(k->secret);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t sig_len = AIC_SIGNATURE_LEN;

	must(ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, pkey) == 1, "start a signature");
	must(EVP_DigestSign(ctx, sig, &sig_len, data, len), "sign");
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
}

bool aic_verify_plain(const uint8_t sig[AIC_SIGNATURE_LEN], const uint8_t public_key[AIC_PUBLIC_LEN], const void *data, size_t len)
{
	EVP_PKEY *pkey = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, public_key, AIC_PUBLIC_LEN);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good;

	must(pkey && ctx, "prepare a verification");
	ERR_set_mark();
	good = EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, pkey) == 1 && EVP_DigestVerify(ctx, sig, AIC_SIGNATURE_LEN, data, len) == 1;
	ERR_pop_to_mark();
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(pkey);
	return good;
}

void aic_sign(uint8_t sig[AIC_SIGNATURE_LEN], const aic_key *k, const char *domain, const void *data, size_t len)
{
	aic_bytes message = {0};

	separate(&message, domain, data, len);
	aic_sign_plain(sig, k, message.data, message.len);
	aic_bytes_free(&message);
}

bool aic_verify(const uint8_t sig[AIC_SIGNATURE_LEN], const uint8_t public_key[AIC_PUBLIC_LEN], const char *domain,
                const void *data, size_t len)
{
	aic_bytes message = {0};

	separate(&message, domain, data, len);
	bool good = aic_verify_plain(sig, public_key, message.data, message.len);
	aic_bytes_free(&message);
	return good;
}
