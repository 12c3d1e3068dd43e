/* fuzz.h: what the targets share. A demand that does not hold is a finding, as a crash is.
 *
 * `make fuzz_programs` in a build with --enable-fuzz CC=clang; tests/fuzz/run.sh runs them, each from the seeds that it writes itself
 * (AIC_FUZZ_SEEDS=DIR PROGRAM -runs=0), `make fuzz-long` for hours. */
#ifndef AIC_FUZZ_H
#define AIC_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

#define demand(holds) \
	do { \
		if (!(holds)) { \
			fprintf(stderr, "%s:%d: demanded: %s\n", __FILE__, __LINE__, #holds); \
			abort(); \
		} \
	} while (0)

/* A first input of that name: first, where it is not negative, a byte that chooses, then the bytes. */
static inline void fuzz_seed(const char *name, int first, const void *data, size_t len)
{
	const char *dir = getenv("AIC_FUZZ_SEEDS");
	char path[600];
	FILE *f;

	if (!dir)
		return;
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	demand((f = fopen(path, "w")) != NULL);
	if (first >= 0)
		fputc(first, f);
	demand(fwrite(data, 1, len, f) == len && fclose(f) == 0);
}

#endif
