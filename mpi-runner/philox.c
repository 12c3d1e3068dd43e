#include "mpi-runner/philox.h"

__extension__ typedef unsigned __int128 wide;

#define AIC_SHARED_FN static inline
#include "mpi-runner/philox.inc"

aic_philox_block aic_philox(uint64_t key, const uint32_t counter[4])
{
	return shared_philox(key, counter);
}

aic_philox_block aic_random_block(uint64_t seed, aic_random_use use, uint32_t a, uint16_t b, uint64_t index)
{
	return shared_random_block(seed, use, a, b, index);
}

void aic_random_permutation(uint64_t seed, uint32_t epoch, uint32_t *order, size_t n)
{
	for (size_t i = 0; i < n; i++)
		order[i] = (uint32_t)i;
	/* Fisher and Yates, from the end; a 64-bit word scaled to the range leaves a bias below 2^-32 */
	for (size_t i = n; i > 1; i--) {
		aic_philox_block r = aic_random_block(seed, AIC_RANDOM_ORDER, epoch, 0, i);
		uint64_t word = (uint64_t)r.v[1] << 32 | r.v[0];
		size_t j = (size_t)(((wide)word * i) >> 64);
		uint32_t swap = order[i - 1];
		order[i - 1] = order[j];
		order[j] = swap;
	}
}
