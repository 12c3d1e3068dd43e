#include "mpi-runner/philox.h"

__extension__ typedef unsigned __int128 wide;

enum { ROUNDS = 10 };

aic_philox_block aic_philox(uint64_t key, const uint32_t counter[4])
{
	uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
	uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];

	for (int round = 0; round < ROUNDS; round++) {
		uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
		uint32_t n0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0, n2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
		c0 = n0;
		c1 = (uint32_t)p1;
		c2 = n2;
		c3 = (uint32_t)p0;
		k0 += 0x9E3779B9u;
		k1 += 0xBB67AE85u;
	}
	return (aic_philox_block){{c0, c1, c2, c3}};
}

aic_philox_block aic_random_block(uint64_t seed, aic_random_use use, uint32_t a, uint16_t b, uint64_t index)
{
	uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32) ^ (uint32_t)b << 16, a, (uint32_t)use};
	return aic_philox(seed, counter);
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
