/* random.h: the simulator's only source of chance: splitmix64 from the seed. */
#ifndef AIC_SIM_RANDOM_H
#define AIC_SIM_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

/* https://prng.di.unimi.it/splitmix64.c */
static inline uint64_t sim_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* 0 .. n - 1 */
static inline unsigned sim_below(uint64_t *state, unsigned n)
{
	return (unsigned)(sim_random(state) % n);
}

static inline bool sim_chance(uint64_t *state, unsigned percent)
{
	return sim_below(state, 100) < percent;
}

#endif
