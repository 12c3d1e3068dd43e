/* issuance.c: see issuance.h. Integers only: the same result on every machine. */
#include "ledger/state/issuance.h"

#define ONE ((aic_amount)1 << 64)
#define LOG2_E 0xb8aa3b295c17f0bbULL /* floor(log2(e) * 2^63) */
#define X_MAX ((int64_t)0x7fffffff << 32)
#define X0_MAX 40 /* f(x0) stays below 2^64 */
#define REWARD_MAX_PPM 900000

const aic_parameters aic_parameters_default = {
	.fee_ppm = 100000,
	.rho_ppm = 450000,
	.kappa_ppm = 350000,
	.verify_ppm = 100000,
	.x0 = -2,
	.x_scale = (aic_amount)1700000000 * AIC_UNIT,
	.a_max = (aic_amount)2000000000 * AIC_UNIT,
};

/* root[i - 1] = 2^64 * 2^(-2^-i), rounded to nearest. */
static const uint64_t root[64] = {
	0xb504f333f9de6484ULL, 0xd744fccad69d6af4ULL, 0xeac0c6e7dd24392fULL, 0xf5257d152486cc2cULL,
	0xfa83b2db722a033aULL, 0xfd3e0c0cf486c175ULL, 0xfe9e115c7b8f884cULL, 0xff4ecb59511ec8a5ULL,
	0xffa756521c8daed2ULL, 0xffd3a751c0f7e10cULL, 0xffe9d2b2f7db2756ULL, 0xfff4e91bff1b8c3eULL,
	0xfffa747ea0040664ULL, 0xfffd3a3b7814eb54ULL, 0xfffe9d1cc60ddab1ULL, 0xffff4e8e25879bfaULL,
	0xffffa7470363f451ULL, 0xffffd3a37dda0313ULL, 0xffffe9d1bdf703afULL, 0xfffff4e8debe025eULL,
	0xfffffa746f4fa150ULL, 0xfffffd3a37a3f8b0ULL, 0xfffffe9d1bd1065aULL, 0xffffff4e8de845aeULL,
	0xffffffa746f41377ULL, 0xffffffd3a37a05e4ULL, 0xffffffe9d1bd01fcULL, 0xfffffff4e8de80c0ULL,
	0xfffffffa746f4051ULL, 0xfffffffd3a37a025ULL, 0xfffffffe9d1bd011ULL, 0xffffffff4e8de808ULL,
	0xffffffffa746f404ULL, 0xffffffffd3a37a02ULL, 0xffffffffe9d1bd01ULL, 0xfffffffff4e8de81ULL,
	0xfffffffffa746f40ULL, 0xfffffffffd3a37a0ULL, 0xfffffffffe9d1bd0ULL, 0xffffffffff4e8de8ULL,
	0xffffffffffa746f4ULL, 0xffffffffffd3a37aULL, 0xffffffffffe9d1bdULL, 0xfffffffffff4e8dfULL,
	0xfffffffffffa746fULL, 0xfffffffffffd3a38ULL, 0xfffffffffffe9d1cULL, 0xffffffffffff4e8eULL,
	0xffffffffffffa747ULL, 0xffffffffffffd3a3ULL, 0xffffffffffffe9d2ULL, 0xfffffffffffff4e9ULL,
	0xfffffffffffffa74ULL, 0xfffffffffffffd3aULL, 0xfffffffffffffe9dULL, 0xffffffffffffff4fULL,
	0xffffffffffffffa7ULL, 0xffffffffffffffd4ULL, 0xffffffffffffffeaULL, 0xfffffffffffffff5ULL,
	0xfffffffffffffffaULL, 0xfffffffffffffffdULL, 0xffffffffffffffffULL, 0xffffffffffffffffULL,
};

aic_amount aic_logistic(int64_t x)
{
	uint64_t y = x < 0 ? 0 - (uint64_t)x : (uint64_t)x;
	aic_amount t = ((aic_amount)y * LOG2_E) >> 31;
	uint64_t n = (uint64_t)(t >> 64), fraction = (uint64_t)t;
	aic_amount p = ONE;

	for (int i = 1; i <= 64; i++)
		if (fraction >> (64 - i) & 1)
			p = (p * root[i - 1]) >> 64;
	aic_amount d = ONE + (n < 65 ? p >> n : 0);
	/* floor(2^128 / d), 2^128 being one more than the largest aic_amount */
	aic_amount f = ~(aic_amount)0 / d;
	if (~(aic_amount)0 % d == d - 1)
		f++;
	return x < 0 ? ONE - f : f;
}

aic_amount aic_issuable(const aic_parameters *p, aic_amount fees_total)
{
	aic_amount steps, s;
	int64_t x0 = p->x0 * ((int64_t)1 << 32), x = X_MAX;
	aic_amount low = aic_logistic(x0);

	if (aic_mul_div(&steps, fees_total, (aic_amount)1 << 32, p->x_scale) && steps < (aic_amount)((uint64_t)X_MAX - (uint64_t)x0))
		x = x0 + (int64_t)steps;
	if (!aic_mul_div(&s, p->a_max, aic_logistic(x) - low, ONE - low))
		return p->a_max;
	return s;
}

static aic_code check_slope(const aic_parameters *p, aic_error *err)
{
	aic_amount high = ONE - aic_logistic(p->x0 * ((int64_t)1 << 32));
	aic_u256 left = aic_u256_mul128(p->a_max, ONE), right = aic_u256_mul128(p->x_scale, high);
	char a[AIC_AMOUNT_TEXT], x[AIC_AMOUNT_TEXT];

	if (aic_u256_mul(&left, left, aic_u256_from(AIC_PPM)) && aic_u256_mul(&right, right, aic_u256_from(4 * p->kappa_ppm)) &&
	    aic_u256_cmp(left, right) <= 0)
		return AIC_OK;
	return aic_fail(err, AIC_REFUSED,
	                "a_max %s AIC is too much for x_scale %s AIC and kappa %llu ppm: circular payments would earn at the curve's "
	                "middle; lower a_max or raise x_scale",
	                aic_amount_format(a, p->a_max), aic_amount_format(x, p->x_scale), (unsigned long long)p->kappa_ppm);
}

aic_code aic_parameters_check(const aic_parameters *p, aic_error *err)
{
	if (p->fee_ppm > AIC_PPM || p->rho_ppm > AIC_PPM || p->kappa_ppm > AIC_PPM || p->verify_ppm > AIC_PPM)
		return aic_fail(err, AIC_REFUSED, "fee, rho, kappa and verify are parts per million: give each as 0 to 1000000");
	if (p->rho_ppm + p->kappa_ppm + p->verify_ppm > REWARD_MAX_PPM)
		return aic_fail(err, AIC_REFUSED,
		                "rho %llu + kappa %llu + verify %llu ppm is more than %d: circular payments would earn; lower one of them",
		                (unsigned long long)p->rho_ppm, (unsigned long long)p->kappa_ppm, (unsigned long long)p->verify_ppm,
		                REWARD_MAX_PPM);
	if (p->x0 < -X0_MAX || p->x0 > X0_MAX)
		return aic_fail(err, AIC_REFUSED, "x0 %lld is outside -%d to %d", (long long)p->x0, X0_MAX, X0_MAX);
	if (!p->x_scale)
		return aic_fail(err, AIC_REFUSED, "x_scale must be above 0");
	return check_slope(p, err);
}
