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

static float from_bits(uint32_t u)
{
	float f;
	memcpy(&f, &u, sizeof(f));
	return f;
}

static uint32_t to_bits(float f)
{
	uint32_t u;
	memcpy(&u, &f, sizeof(u));
	return u;
}

float aic_d_exp(float x)
{
	x = x > EXP_HIGH ? EXP_HIGH : x;
	x = x < EXP_LOW ? EXP_LOW : x;
	float t = fmaf(x, LOG2_E, ROUND_MAGIC);
	int32_t n = (int32_t)(to_bits(t) - to_bits(ROUND_MAGIC));
	float whole = t - ROUND_MAGIC;
	float r = fmaf(whole, -LN2_HIGH, x);
	r = fmaf(whole, -LN2_LOW, r);
	float p = EXP_C7;
	p = fmaf(p, r, EXP_C6);
	p = fmaf(p, r, EXP_C5);
	p = fmaf(p, r, EXP_C4);
	p = fmaf(p, r, EXP_C3);
	p = fmaf(p, r, EXP_C2);
	p = fmaf(p, r, 1.0f);
	p = fmaf(p, r, 1.0f);
	/* 2^n in two factors, so that results below the normal range are rounded once */
	int32_t half = n >> 1;
	float a = from_bits((uint32_t)(half + 127) << 23);
	float b = from_bits((uint32_t)(n - half + 127) << 23);
	return p * a * b;
}

float aic_d_log(float x)
{
	if (!(x > 0.0f))
		return x == 0.0f ? -INFINITY : NAN;
	if (x > FLT_MAX)
		return x;
	int32_t e = 0;
	if (x < FLT_MIN) {
		x *= 0x1p25f;
		e = -25;
	}
	uint32_t u = to_bits(x);
	/* mantissa in [sqrt(1/2), sqrt(2)) */
	uint32_t shifted = u - SQRT_HALF_BITS;
	e += (int32_t)shifted >> 23;
	float f = from_bits((shifted & 0x007fffffu) + SQRT_HALF_BITS) - 1.0f;
	float z = f * f;
	float p = LOG_C8;
	p = fmaf(p, f, LOG_C7);
	p = fmaf(p, f, LOG_C6);
	p = fmaf(p, f, LOG_C5);
	p = fmaf(p, f, LOG_C4);
	p = fmaf(p, f, LOG_C3);
	p = fmaf(p, f, LOG_C2);
	p = fmaf(p, f, LOG_C1);
	p = fmaf(p, f, LOG_C0);
	float y = p * f * z;
	float scale = (float)e;
	y = fmaf(scale, LOG_LN2_LOW, y);
	y = fmaf(-0.5f, z, y);
	y = f + y;
	return fmaf(scale, LOG_LN2_HIGH, y);
}

float aic_d_tanh(float x)
{
	float a = from_bits(to_bits(x) & 0x7fffffffu);
	float z = x * x;
	float p = TANH_C4;
	p = fmaf(p, z, TANH_C3);
	p = fmaf(p, z, TANH_C2);
	p = fmaf(p, z, TANH_C1);
	p = fmaf(p, z, TANH_C0);
	float small = fmaf(p * z, x, x);
	float large = 1.0f - 2.0f / (aic_d_exp(a + a) + 1.0f);
	large = from_bits(to_bits(large) | (to_bits(x) & 0x80000000u));
	return a < TANH_SMALL ? small : large;
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
