/* philox.h: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC11).
 *
 * Every random number is a function of what it is for: (seed, purpose, two coordinates, index), never of a
 * rank, a thread or how many were drawn before. */
#ifndef AIC_PHILOX_H
#define AIC_PHILOX_H

#include <stddef.h>
#include <stdint.h>

typedef struct { uint32_t v[4]; } aic_philox_block;

/* The cipher itself: key 64 bits, counter 128 bits. */
aic_philox_block aic_philox(uint64_t key, const uint32_t counter[4]);

typedef enum { AIC_RANDOM_INIT = 1, AIC_RANDOM_ORDER = 2, AIC_RANDOM_DROPOUT = 3, AIC_RANDOM_SAMPLE = 4 } aic_random_use;

/* Block number `index` of the stream (seed, use, a, b): counter words index, index >> 32 ^ b << 16, a, use. Callers keep
 * index below 2^48 and b below 2^16; a is an epoch, step or layer. */
aic_philox_block aic_random_block(uint64_t seed, aic_random_use use, uint32_t a, uint16_t b, uint64_t index);

/* order[0..n) becomes a permutation of 0..n-1 that depends on (seed, epoch) alone. */
void aic_random_permutation(uint64_t seed, uint32_t epoch, uint32_t *order, size_t n);

#endif
