#include "mpi-runner/kernels/cpu/kernels.h"

#include <stdlib.h>
#include <string.h>

const aic_kernels *const aic_kernels_all[] = {
	&aic_kernels_scalar,
#if defined(__x86_64__)
	&aic_kernels_avx2,
	&aic_kernels_avx512,
#endif
	NULL,
};

aic_code aic_kernels_choose(const aic_kernels **k, const char *name, aic_error *err)
{
	if (!name)
		name = getenv("AIC_SIMD");
	*k = NULL;
	for (size_t i = 0; aic_kernels_all[i]; i++) {
		const aic_kernels *candidate = aic_kernels_all[i];
		if (name && *name ? strcmp(name, candidate->name) == 0 : candidate->usable())
			*k = candidate;
	}
	if (!*k)
		return aic_fail(err, AIC_USAGE, "AIC_SIMD=%s is no variant of this build: use scalar, avx2 or avx512, or leave it out", name);
	if (!(*k)->usable())
		return aic_fail(err, AIC_USAGE, "AIC_SIMD=%s: this processor has no %s; leave AIC_SIMD out", name, name);
	return AIC_OK;
}
