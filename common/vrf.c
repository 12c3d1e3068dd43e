/* vrf.c: RFC 9381, section 5, for ECVRF-EDWARDS25519-SHA512-TAI (section 5.5); names are the RFC's. */
#include "common/vrf.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POINT crypto_core_ed25519_BYTES
#define SCALAR crypto_core_ed25519_SCALARBYTES
#define CHALLENGE 16
#define SUITE 0x03
#define ENCODE_TO_CURVE 0x01
#define CHALLENGE_GENERATION 0x02
#define PROOF_TO_HASH 0x03
#define DOMAIN_END 0x00

_Static_assert(POINT + CHALLENGE + SCALAR == AIC_VRF_PROOF_LEN && crypto_hash_sha512_BYTES == AIC_VRF_OUTPUT_LEN, "lengths of RFC 9381");

typedef struct {
	uint8_t gamma[POINT], c[SCALAR], s[SCALAR]; /* c with zeros behind its 16 bytes */
} proof_parts;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "aic: libsodium %s\n", what);
	abort();
}

/* --- points --- */

static const uint8_t neutral[POINT] = { 1 };

/* CVE-2025-69277: earlier libraries took a point plus the one of order 2 for a point of the group, so that two sites could judge one
 * proof differently. */
static void check_library(void)
{
	static const uint8_t one[SCALAR] = { 1 };
	uint8_t order2[POINT], base[POINT], mixed[POINT];

	memset(order2, 0xff, sizeof(order2));
	order2[0] = 0xec; /* y = -1 */
	order2[POINT - 1] = 0x7f;
	must(sodium_init() >= 0, "cannot be initialised");
	must(!crypto_scalarmult_ed25519_base_noclamp(base, one) && !crypto_core_ed25519_add(mixed, base, order2), "cannot add two points");
	must(!crypto_core_ed25519_is_valid_point(mixed),
	     "takes points outside the group of prime order (CVE-2025-69277): install 1.0.18-1+deb12u1 or later");
}

static void begin(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, check_library);
}

/* y < 2^255 - 19 */
static bool canonical(const uint8_t p[POINT])
{
	bool high = (p[POINT - 1] & 0x7f) == 0x7f;

	for (size_t i = 1; i < POINT - 1; i++)
		high = high && p[i] == 0xff;
	return !(high && p[0] >= 0xed);
}

bool aic_vrf_key_valid(const uint8_t public_key[AIC_PUBLIC_LEN])
{
	begin();
	return crypto_core_ed25519_is_valid_point(public_key) == 1;
}

/* 8 * p; false where p is no point of the curve or of small order. */
static bool clear_cofactor(uint8_t r[POINT], const uint8_t p[POINT])
{
	uint8_t two[POINT], four[POINT];

	return canonical(p) && !crypto_core_ed25519_add(two, p, p) && !crypto_core_ed25519_add(four, two, two) &&
	       !crypto_core_ed25519_add(r, four, four) && memcmp(r, neutral, POINT);
}

/* Section 5.4.1.1, with the public key as salt. False with a probability of 2^-256. */
static bool encode_to_curve(uint8_t h[POINT], const uint8_t public_key[POINT], const void *alpha, size_t len)
{
	static const uint8_t head[] = { SUITE, ENCODE_TO_CURVE };
	uint8_t hash[crypto_hash_sha512_BYTES];
	crypto_hash_sha512_state start, s;

	crypto_hash_sha512_init(&start);
	crypto_hash_sha512_update(&start, head, sizeof(head));
	crypto_hash_sha512_update(&start, public_key, POINT);
	crypto_hash_sha512_update(&start, alpha, len);
	for (unsigned ctr = 0; ctr < 256; ctr++) {
		uint8_t tail[] = { (uint8_t)ctr, DOMAIN_END };

		s = start;
		crypto_hash_sha512_update(&s, tail, sizeof(tail));
		crypto_hash_sha512_final(&s, hash);
		if (clear_cofactor(h, hash))
			return true;
	}
	return false;
}

/* Section 5.4.3: c = the first 16 bytes of the hash of the five points. */
static void challenge(uint8_t c[SCALAR], const uint8_t *points[5])
{
	static const uint8_t head[] = { SUITE, CHALLENGE_GENERATION }, tail[] = { DOMAIN_END };
	uint8_t hash[crypto_hash_sha512_BYTES];
	crypto_hash_sha512_state s;

	crypto_hash_sha512_init(&s);
	crypto_hash_sha512_update(&s, head, sizeof(head));
	for (int i = 0; i < 5; i++)
		crypto_hash_sha512_update(&s, points[i], POINT);
	crypto_hash_sha512_update(&s, tail, sizeof(tail));
	crypto_hash_sha512_final(&s, hash);
	memset(c, 0, SCALAR);
	memcpy(c, hash, CHALLENGE);
}

/* --- proving --- */

/* Section 5.4.2.2 (RFC 8032's nonce): k from the second half of the hashed secret and H. */
static void nonce(uint8_t k[SCALAR], const uint8_t half[32], const uint8_t h[POINT])
{
	uint8_t hash[crypto_hash_sha512_BYTES];
	crypto_hash_sha512_state s;

	crypto_hash_sha512_init(&s);
	crypto_hash_sha512_update(&s, half, 32);
	crypto_hash_sha512_update(&s, h, POINT);
	crypto_hash_sha512_final(&s, hash);
	crypto_core_ed25519_scalar_reduce(k, hash);
	sodium_memzero(hash, sizeof(hash));
	sodium_memzero(&s, sizeof(s));
}

/* RFC 8032, section 5.1.5; x modulo the group's order, which changes no product with a point of the group. */
static void secret_scalar(uint8_t x[SCALAR], const uint8_t hashed[crypto_hash_sha512_BYTES])
{
	uint8_t wide[crypto_core_ed25519_NONREDUCEDSCALARBYTES] = { 0 };

	memcpy(wide, hashed, SCALAR);
	wide[0] &= 248;
	wide[31] = (wide[31] & 127) | 64;
	crypto_core_ed25519_scalar_reduce(x, wide);
	sodium_memzero(wide, sizeof(wide));
}

void aic_vrf_prove(uint8_t proof[AIC_VRF_PROOF_LEN], const aic_key *key, const void *input, size_t len)
{
	uint8_t hashed[crypto_hash_sha512_BYTES], x[SCALAR], k[SCALAR], cx[SCALAR];
	uint8_t y[POINT], h[POINT], gamma[POINT], u[POINT], v[POINT], c[SCALAR], s[SCALAR];
	const uint8_t *points[5] = { y, h, gamma, u, v };

	begin();
	crypto_hash_sha512(hashed, key->secret, sizeof(key->secret));
	secret_scalar(x, hashed);
	must(!crypto_scalarmult_ed25519_base_noclamp(y, x), "cannot derive a public key"); /* never the caller's: another one would give x away */
	must(encode_to_curve(h, y, input, len), "finds no point for an input");
	nonce(k, hashed + 32, h);
	must(!crypto_scalarmult_ed25519_noclamp(gamma, x, h) && !crypto_scalarmult_ed25519_base_noclamp(u, k) &&
	     !crypto_scalarmult_ed25519_noclamp(v, k, h), "cannot multiply a point");
	challenge(c, points);
	crypto_core_ed25519_scalar_mul(cx, c, x);
	crypto_core_ed25519_scalar_add(s, k, cx);
	memcpy(proof, gamma, POINT);
	memcpy(proof + POINT, c, CHALLENGE);
	memcpy(proof + POINT + CHALLENGE, s, SCALAR);
	sodium_memzero(hashed, sizeof(hashed));
	sodium_memzero(x, sizeof(x));
	sodium_memzero(k, sizeof(k));
	sodium_memzero(cx, sizeof(cx));
}

/* --- verifying --- */

/* Section 5.4.4; false too for a gamma outside the group and where c or s is 0, which takes a broken hash. */
static bool decode_proof(proof_parts *p, const uint8_t proof[AIC_VRF_PROOF_LEN])
{
	uint8_t wide[crypto_core_ed25519_NONREDUCEDSCALARBYTES] = { 0 }, reduced[SCALAR];

	memset(p, 0, sizeof(*p));
	memcpy(p->gamma, proof, POINT);
	memcpy(p->c, proof + POINT, CHALLENGE);
	memcpy(p->s, proof + POINT + CHALLENGE, SCALAR);
	memcpy(wide, p->s, SCALAR);
	crypto_core_ed25519_scalar_reduce(reduced, wide);
	return !memcmp(reduced, p->s, SCALAR) && !sodium_is_zero(p->c, SCALAR) && !sodium_is_zero(p->s, SCALAR) &&
	       crypto_core_ed25519_is_valid_point(p->gamma) == 1;
}

/* s * p - c * q, p the base point where NULL. False where a product is the neutral point. */
static bool difference(uint8_t r[POINT], const proof_parts *proof, const uint8_t *p, const uint8_t *q)
{
	uint8_t sp[POINT], cq[POINT];
	int rc = p ? crypto_scalarmult_ed25519_noclamp(sp, proof->s, p) : crypto_scalarmult_ed25519_base_noclamp(sp, proof->s);

	return !rc && !crypto_scalarmult_ed25519_noclamp(cq, proof->c, q) && !crypto_core_ed25519_sub(r, sp, cq);
}

/* Section 5.2 */
static void proof_to_hash(uint8_t output[AIC_VRF_OUTPUT_LEN], const uint8_t gamma[POINT])
{
	uint8_t text[2 + POINT + 1] = { SUITE, PROOF_TO_HASH };

	must(clear_cofactor(text + 2, gamma), "cannot add a point to itself");
	text[sizeof(text) - 1] = DOMAIN_END;
	crypto_hash_sha512(output, text, sizeof(text));
}

bool aic_vrf_output(uint8_t output[AIC_VRF_OUTPUT_LEN], const uint8_t proof[AIC_VRF_PROOF_LEN])
{
	proof_parts p;

	begin();
	if (!decode_proof(&p, proof))
		return false;
	proof_to_hash(output, p.gamma);
	return true;
}

bool aic_vrf_verify(uint8_t output[AIC_VRF_OUTPUT_LEN], const uint8_t public_key[AIC_PUBLIC_LEN],
                    const uint8_t proof[AIC_VRF_PROOF_LEN], const void *input, size_t len)
{
	uint8_t h[POINT], u[POINT], v[POINT], c[SCALAR];
	const uint8_t *points[5] = { public_key, h, proof, u, v };
	proof_parts p;

	if (!aic_vrf_key_valid(public_key) || !decode_proof(&p, proof) || !encode_to_curve(h, public_key, input, len) ||
	    !difference(u, &p, NULL, public_key) || !difference(v, &p, h, p.gamma))
		return false;
	challenge(c, points);
	if (memcmp(c, p.c, SCALAR))
		return false;
	if (output)
		proof_to_hash(output, p.gamma);
	return true;
}
