/* block.h: what is ordered: a signed header and the transactions that it commits to. doc/formats/block.md draws it. */
#ifndef AIC_LEDGER_BLOCK_H
#define AIC_LEDGER_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/crypto.h"
#include "common/error.h"
#include "ledger/state/row.h"

#define AIC_BLOCK_VERSION 1
#define AIC_BLOCK_MAX (512u * 1024)
#define AIC_BLOCK_TX_MAX 65536
#define AIC_BLOCK_ID_MAX 32   /* model, session */
#define AIC_BLOCK_VRF_MAX 80  /* RFC 9381, ECVRF-EDWARDS25519 */

typedef struct {
	uint64_t version;
	aic_hash chain;
	uint64_t height;
	aic_hash previous;            /* hash of block height - 1 */
	int64_t time;                 /* seconds; never below the block before */
	aic_hash transactions;        /* RFC 6962 root of its transactions */
	aic_hash events;              /* RFC 6962 root of what they did */
	aic_hash state;               /* state root before it */
	aic_hash blocks;              /* RFC 6962 root of the hashes of blocks 0..height - 1 */
	aic_id generator;             /* site id (Backbone), or node id */
	uint8_t model[AIC_BLOCK_ID_MAX], session[AIC_BLOCK_ID_MAX], vrf[AIC_BLOCK_VRF_MAX];
	size_t model_len, session_len, vrf_len; /* 0: none */
} aic_header;

/* Pointers borrow the bytes that were decoded. */
typedef struct {
	aic_header header;
	const uint8_t *header_bytes;
	size_t header_len;
	uint8_t signature[AIC_SIGNATURE_LEN];
	size_t n_tx;
	struct aic_span { const uint8_t *data; size_t len; } *tx; /* owned: aic_block_clear */
	aic_hash transactions; /* root of what the body holds */
} aic_block;

/* transactions: their CBOR items, each a byte string, one after the other. */
void aic_block_build(aic_bytes *out, const aic_header *h, const aic_key *generator, const aic_bytes *transactions, size_t n);
/* The same in two steps, where another process signs the header, under AIC_BLOCK_DOMAIN (common/block_call.h). */
void aic_header_put(aic_bytes *out, const aic_header *h);
void aic_block_compose(aic_bytes *out, const aic_bytes *header, const uint8_t signature[AIC_SIGNATURE_LEN], const aic_bytes *transactions,
                       size_t n);
aic_code aic_block_decode(aic_block *b, const void *data, size_t len, aic_error *err);
void aic_block_clear(aic_block *b);
bool aic_block_signed_by(const aic_block *b, const uint8_t public_key[AIC_PUBLIC_LEN]);
/* The name of an ordered candidate. Where the body is what the header commits to: SHA-256(0x01 || header || signature), so
 * that a header proves its block; of any other bytes: SHA-256(0x02 || bytes). A pure function of the bytes. */
aic_hash aic_block_hash(const void *data, size_t len);
/* The first of the two, from the parts. */
aic_hash aic_block_name(const void *header, size_t len, const uint8_t signature[AIC_SIGNATURE_LEN]);

/* attestation = [version, chain, height, block hash, state root after it, site, signature over the first six] */
typedef struct {
	aic_hash chain;
	uint64_t height;
	aic_hash block, state;
	aic_id site;
	uint8_t signature[AIC_SIGNATURE_LEN];
} aic_attestation;

/* Signs *a and appends it. */
void aic_attestation_build(aic_bytes *out, aic_attestation *a, const aic_key *key);
/* One that is signed already. */
void aic_attestation_put(aic_bytes *out, const aic_attestation *a);
aic_code aic_attestation_decode(aic_attestation *a, const void *data, size_t len, aic_error *err);
bool aic_attestation_signed_by(const aic_attestation *a, const uint8_t public_key[AIC_PUBLIC_LEN]);

#endif
