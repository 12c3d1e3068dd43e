/* commit.h: what a training commits to (doc/formats/checkpoint.md): a hash chain over the bits of each step's loss and gradient norm,
 * and for each checkpoint a Merkle root over its state and over chunks of weights and moments, of which every rank can hash a share. */
#ifndef AIC_COMMIT_H
#define AIC_COMMIT_H

#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/crypto.h"
#include "common/error.h"

#define AIC_COMMIT_CHUNK 65536   /* values in a leaf */
#define AIC_COMMIT_SECTIONS_MAX 3 /* weights, first moments, second moments */

/* --- steps --- */

typedef struct {
	uint32_t loss, norm; /* the bits of the floats */
} aic_step_bits;

/* The chain: H("aic/steps/v1" || identity), then for each step H(chain || u64 BE step || u32 BE loss || u32 BE norm), H being SHA-256. */
aic_hash aic_step_chain_start(const aic_hash *identity);
aic_hash aic_step_chain_next(const aic_hash *chain, uint64_t step, aic_step_bits bits);

/* The steps since the last multiple of checkpoint_every, which a checkpoint carries along: from them a verifier finds the first step
 * that differs. */
typedef struct {
	aic_hash opening, now; /* before the first and after the last of them */
	uint64_t first;        /* steps done before the first of them */
	aic_step_bits *bits;
	size_t n, room;
} aic_segment;

void aic_segment_begin(aic_segment *s, const aic_hash *chain, uint64_t first); /* empty from here on; zeros are a valid *s */
void aic_segment_add(aic_segment *s, float loss, float norm);
void aic_segment_free(aic_segment *s);

/* --- state --- */

/* What a checkpoint holds beside weights and moments: leaf 0. There is no other state: order of samples, initial weights and dropout
 * are functions of seed, step and sample (Philox counters). */
typedef struct {
	aic_hash identity;          /* of the specification and its data */
	uint64_t step;              /* steps done */
	uint64_t epoch, sample;     /* position: the next batch begins at this place of this epoch's order */
	uint64_t seed;
	uint64_t parameters;
	uint64_t sections;
	uint32_t power1, power2;    /* bits of beta1^step, beta2^step, which are running products */
	aic_hash chain;
} aic_train_state;

void aic_train_state_encode(const aic_train_state *s, aic_bytes *out); /* canonical CBOR */
aic_code aic_train_state_decode(aic_train_state *s, const void *data, size_t len, aic_error *err);

/* --- leaves --- */

/* Chunk i of all sections, i in 0..aic_commit_chunks - 1, is leaf 1 + i. */
typedef struct {
	unsigned section;
	size_t at, n; /* values */
} aic_commit_place;

size_t aic_commit_chunks(uint64_t parameters, uint64_t sections);
aic_commit_place aic_commit_where(uint64_t parameters, size_t chunk);
/* Chunks that rank r of n hashes begin here and end where those of r + 1 begin. */
size_t aic_commit_begin(size_t chunks, unsigned ranks, unsigned rank);
aic_hash aic_commit_leaf(const float *v, size_t n); /* little-endian IEEE binary32 */
aic_hash aic_commit_root(const aic_train_state *s, const aic_hash *leaf); /* leaf: one for each chunk */

#endif
