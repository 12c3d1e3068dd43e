/* spec_fuzz.c: any text as a specification of aic-train: one that has an identity, or one sentence that begins with the file. */
#define _GNU_SOURCE
#include "tests/fuzz/fuzz.h"

#include "mpi-runner/spec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	aic_hash nothing = {{0}};
	aic_error err = {0};
	aic_spec *spec = NULL;

	if (aic_spec_parse(&spec, "fuzz", (const char *)data, size, &err) == AIC_OK) {
		(void)aic_spec_identity(spec, &nothing, NULL);
		aic_spec_free(spec);
	} else {
		demand(strncmp(err.message, "fuzz", 4) == 0);
	}
	return 0;
}
