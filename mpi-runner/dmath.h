/* dmath.h: single-precision functions whose bits are the same on every machine, and the check that the
 * floating-point environment is the one that they and all of D0 assume.
 *
 * Only + - * / sqrt fmaf and integers are used, each rounded to nearest; no libm function whose last bit
 * its maintainers may improve. Errors are below 2 units in the last place. kernels/cpu has the same
 * formulas for vectors, held equal to these by test. */
#ifndef AIC_DMATH_H
#define AIC_DMATH_H

#include "common/error.h"

float aic_d_exp(float x);  /* 0 below -104, infinity above 88.73; NaN gives NaN */
float aic_d_log(float x);  /* x > 0; -infinity for 0, NaN below */
float aic_d_tanh(float x);
float aic_d_cos(float x);  /* |x| <= 4 pi: angles of schedules */

/* Sets round-to-nearest with subnormal numbers kept, for the calling thread, and verifies by computing. */
aic_code aic_d_environment(aic_error *err);

#endif
