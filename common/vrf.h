/* vrf.h: the verifiable random function ECVRF-EDWARDS25519-SHA512-TAI of RFC 9381, on libsodium's group operations.
 *
 * Whoever holds the key computes one output for an input and proves it; nobody else can tell it beforehand, and there is no second one
 * to choose. TAI and not ELL2: try-and-increment needs only the decoding of points, which libsodium has, while its Elligator is not RFC
 * 9380's; the time that it takes depends on the input, which is public here.
 *
 * A key is an Ed25519 key as crypto.h makes, loads and stores it (RFC 9381, section 5.5, takes the secret of RFC 8032), but never one
 * that also signs. All points must lie in the group of prime order, so that what is accepted has one encoding; the RFC would also take
 * a gamma, or a public key, with a part of small order, which no honest prover makes. */
#ifndef AIC_VRF_H
#define AIC_VRF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/crypto.h"

#define AIC_VRF_PROOF_LEN 80  /* gamma (32) || c (16) || s (32) */
#define AIC_VRF_OUTPUT_LEN 64

/* Deterministic: one proof for a key and an input. Constant time in the key. */
void aic_vrf_prove(uint8_t proof[AIC_VRF_PROOF_LEN], const aic_key *k, const void *input, size_t len);
/* True where the proof is the key's for this input; output (may be NULL) is undefined where it is not. Any 32 and 80 bytes may be
 * given: an encoding that is not canonical, a point off the curve, of small order or with a part of it, and an s not below the group's
 * order are false. */
bool aic_vrf_verify(uint8_t output[AIC_VRF_OUTPUT_LEN], const uint8_t public_key[AIC_PUBLIC_LEN],
                    const uint8_t proof[AIC_VRF_PROOF_LEN], const void *input, size_t len);
/* The output that a proof stands for, of a proof that was verified or made here; false where its gamma is no point of the group. */
bool aic_vrf_output(uint8_t output[AIC_VRF_OUTPUT_LEN], const uint8_t proof[AIC_VRF_PROOF_LEN]);
/* What a key must be before it is registered: a canonical point of the group of prime order, not the neutral one. */
bool aic_vrf_key_valid(const uint8_t public_key[AIC_PUBLIC_LEN]);

#endif
