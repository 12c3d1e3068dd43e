/* testing.h: what the unit tests share: cmocka with its prerequisites, a seeded generator, a temporary folder.
 * Define _GNU_SOURCE before including it. */
#ifndef AIC_TESTING_H
#define AIC_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* splitmix64: https://prng.di.unimi.it/splitmix64.c */
static inline uint64_t test_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* A setup function: *state becomes the path of a new folder. */
static inline int test_folder_make(void **state)
{
	char *path = strdup("/tmp/aic-test-XXXXXX");

	*state = path && mkdtemp(path) ? path : NULL;
	return *state ? 0 : -1;
}

static inline int test_remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void) st, (void) type, (void) ftw;
	return remove(path);
}

/* Its teardown. */
static inline int test_folder_remove(void **state)
{
	int rc = nftw(*state, test_remove_entry, 16, FTW_DEPTH | FTW_PHYS);

	free(*state);
	return rc;
}

#endif
