#include "mpi-runner/dmath.h"

#include <fenv.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

#include "mpi-runner/dmath_const.h"

_Static_assert(FLT_EVAL_METHOD == 0, "D0 needs float arithmetic in float: compile for SSE2 or another IEEE unit");
_Static_assert(sizeof(float) == 4 && FLT_MANT_DIG == 24, "D0 needs IEEE binary32");

#define AIC_SHARED_FN static inline
#include "mpi-runner/dmath.inc"

float aic_d_exp(float x)
{
	return shared_exp(x);
}

float aic_d_log(float x)
{
	return shared_log(x);
}

float aic_d_tanh(float x)
{
	return shared_tanh(x);
}

float aic_d_cos(float x)
{
	float t = fmaf(x, TWO_OVER_PI, ROUND_MAGIC);
	int32_t quadrant = (int32_t)(to_bits(t) - to_bits(ROUND_MAGIC));
	float whole = t - ROUND_MAGIC;
	float r = fmaf(whole, -HALF_PI_HIGH, x);
	r = fmaf(whole, -HALF_PI_LOW, r);
	float z = r * r;
	float c = fmaf(fmaf(fmaf(COS_C2, z, COS_C1), z, COS_C0), z * z, fmaf(-0.5f, z, 1.0f));
	float s = fmaf(fmaf(fmaf(SIN_C2, z, SIN_C1), z, SIN_C0), z * r, r);
	switch (quadrant & 3) {
	case 0: return c;
	case 1: return -s;
	case 2: return -c;
	default: return s;
	}
}

aic_code aic_d_environment(aic_error *err)
{
	if (fesetround(FE_TONEAREST) != 0 || fegetround() != FE_TONEAREST)
		return aic_fail(err, AIC_SYSTEM, "the processor does not round to nearest here: D0 cannot run on it");
#if defined(__SSE__)
	_mm_setcsr(_mm_getcsr() & ~0x8040u); /* FTZ, DAZ */
#endif
	volatile float tiny = 0x1p-149f, half = 0.5f, one = 1.0f, ulp = 0x1p-24f;
	if (tiny * one != tiny || 0x1p-126f * half == 0.0f)
		return aic_fail(err, AIC_SYSTEM, "subnormal numbers are flushed to zero here: D0 cannot run; do not link with -ffast-math");
	if (one + ulp != one || one + 3 * ulp != one + 4 * ulp)
		return aic_fail(err, AIC_SYSTEM, "float sums are not rounded to nearest even here: D0 cannot run");
	volatile float a = 0x1.000002p0f;
	if (fmaf(a, a, -(a * a)) != 0x1p-46f)
		return aic_fail(err, AIC_SYSTEM, "fmaf rounds twice here: D0 cannot run; use another C library");
	return AIC_OK;
}
