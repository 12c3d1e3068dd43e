/* dmath_const.h: the constants of dmath.h's functions, shared with their vector forms.
 * Polynomials: exp and log after Moshier's Cephes (expf, logf, tanhf, cosf), which is in the public domain. */
#ifndef AIC_DMATH_CONST_H
#define AIC_DMATH_CONST_H

#define ROUND_MAGIC 12582912.0f /* 1.5 * 2^23: adding it rounds to an integer */

#define EXP_HIGH 89.0f
#define EXP_LOW (-104.0f)
#define LOG2_E 1.44269504088896341f
#define LN2_HIGH 0.693359375f
#define LN2_LOW (-2.12194440e-4f)
#define EXP_C2 5.0000001201E-1f
#define EXP_C3 1.6666665459E-1f
#define EXP_C4 4.1665795894E-2f
#define EXP_C5 8.3334519073E-3f
#define EXP_C6 1.3981999507E-3f
#define EXP_C7 1.9875691500E-4f

#define SQRT_HALF_BITS 0x3f3504f3u
#define LOG_LN2_HIGH 0.693359375f
#define LOG_LN2_LOW (-2.12194440e-4f)
#define LOG_C8 7.0376836292E-2f
#define LOG_C7 (-1.1514610310E-1f)
#define LOG_C6 1.1676998740E-1f
#define LOG_C5 (-1.2420140846E-1f)
#define LOG_C4 1.4249322787E-1f
#define LOG_C3 (-1.6668057665E-1f)
#define LOG_C2 2.0000714765E-1f
#define LOG_C1 (-2.4999993993E-1f)
#define LOG_C0 3.3333331174E-1f

#define TANH_SMALL 0.625f
#define TANH_C4 (-5.70498872745E-3f)
#define TANH_C3 2.06390887954E-2f
#define TANH_C2 (-5.37397155531E-2f)
#define TANH_C1 1.33314422036E-1f
#define TANH_C0 (-3.33332819422E-1f)

#define TWO_OVER_PI 0.63661977236758134f
#define HALF_PI_HIGH 1.5707963705062866f
#define HALF_PI_LOW (-4.3711388e-8f)
#define COS_C0 4.166664568298827E-002f
#define COS_C1 (-1.388731625493765E-003f)
#define COS_C2 2.443315711809948E-005f
#define SIN_C0 (-1.6666654611E-1f)
#define SIN_C1 8.3321608736E-3f
#define SIN_C2 (-1.9515295891E-4f)

/* Hendrycks and Gimpel, "Gaussian error linear units": 0.5 x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))). */
#define GELU_OUTER 0.797884561f
#define GELU_CUBE 0.044715f

#define NORM_EPS 1e-5f /* of layer normalisation, beside the variance */

#endif
