/* issuance_test.c: the curve's published integers, its shape, and the parameters that are refused. */
#define _GNU_SOURCE
#include "ledger/testing.h"

#include "ledger/state/issuance.h"

static aic_amount units(const char *digits)
{
	aic_amount a;

	assert_true(aic_amount_from_units(&a, digits));
	return a;
}

static void test_golden(void **state)
{
	static const struct { const char *x, *s; } c[] = {
		{"0", "0"},
		{"1", "0"},
		{"1000000000000000000", "111016372215238897"},
		{"1000000000000000000000", "140213709540212759709"}, /* 1,000 AIC: economics.md */
		{"1000000000000000000000000", "140270128548845966347622"},
		{"100000000000000000000000000", "14340973527415157528226113"}, /* 10^8 AIC: economics.md */
		{"1000000000000000000000000000", "174280648735120334058467446"},
		{"3400000000000000000000000000", "864664716763387308238985373"},
		{"10000000000000000000000000000", "1954163322284966339810402691"},
		{"1000000000000000000000000000000", "2000000000000000000000000000"},
		{"340282366920938463463374607431768211455", "2000000000000000000000000000"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		char text[AIC_AMOUNT_TEXT];

		assert_string_equal(aic_amount_units(text, aic_issuable(&aic_parameters_default, units(c[i].x))), c[i].s);
	}
}

static void test_logistic(void **state)
{
	aic_amount one = (aic_amount)1 << 64;

	(void)state;
	assert_true(aic_logistic(0) == one / 2);
	for (int64_t x = -80 * ((int64_t)1 << 32); x <= 80 * ((int64_t)1 << 32); x += 0x35a3f1b7) {
		assert_true(aic_logistic(x) + aic_logistic(-x) == one);
		assert_true(aic_logistic(x) <= aic_logistic(x + 1));
	}
	assert_true(aic_logistic((int64_t)0x7fffffff << 32) == one);
	assert_true(aic_logistic(-((int64_t)0x7fffffff << 32)) == 0);
}

static void test_monotone_and_bounded(void **state)
{
	uint64_t seed = 1;
	aic_amount x = 0, before = 0;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		x += (aic_amount)(test_random(&seed) % 1000000007) * 2000000000000000ULL;
		aic_amount s = aic_issuable(&aic_parameters_default, x);

		assert_true(s >= before && s <= aic_parameters_default.a_max);
		before = s;
	}
}

static void test_parameters(void **state)
{
	aic_parameters p = aic_parameters_default;

	(void)state;
	assert_ok(aic_parameters_check(&p, err));
	p.verify_ppm = 100001;
	assert_fails(aic_parameters_check(&p, err), AIC_REFUSED, "rho 450000 + kappa 350000 + verify 100001");
	p = aic_parameters_default;
	p.a_max += p.a_max / 20; /* 1.05: the default stands at 0.954 of the bound */
	assert_fails(aic_parameters_check(&p, err), AIC_REFUSED, "a_max 2100000000 AIC is too much");
	p = aic_parameters_default;
	p.kappa_ppm = 300000;
	assert_fails(aic_parameters_check(&p, err), AIC_REFUSED, "is too much for x_scale");
	p = aic_parameters_default;
	p.x_scale = 0;
	assert_fails(aic_parameters_check(&p, err), AIC_REFUSED, "x_scale must be above 0");
	p = aic_parameters_default;
	p.x0 = 41;
	assert_fails(aic_parameters_check(&p, err), AIC_REFUSED, "x0 41 is outside");
	p = aic_parameters_default;
	p.fee_ppm = 1000001;
	assert_fails(aic_parameters_check(&p, err), AIC_REFUSED, "parts per million");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),
		cmocka_unit_test(test_logistic),
		cmocka_unit_test(test_monotone_and_bounded),
		cmocka_unit_test(test_parameters),
	};

	return cmocka_run_group_tests_name("ledger issuance", tests, NULL, NULL);
}
