/* detection_test.c: through the real state machine and its draws, forged segments are found as often as the formula says, and nothing else is.
 * AIC_SEED=N replays one. tests/bench/detection_bench.c does the same with more sessions. */
#define _GNU_SOURCE
#include "ledger/testing.h"

#include <math.h>

#include "ledger/state/detection_testing.h"
#include "ledger/state/draw.h"

static uint64_t seed = 1;

static void within(size_t found, size_t of, double p)
{
	double expected = p * (double)of, sigma = sqrt(expected * (1 - p));

	printf("AIC_SEED=%llu: %zu of %zu, expected %.0f +- %.0f\n", (unsigned long long)seed, found, of, expected, sigma);
	assert_true(fabs((double)found - expected) <= 4 * sigma);
}

/* f = 10 % of 100 segments, q = 10. */
static void test_detection_as_the_formula_says(void **state)
{
	detection_plan plan = {.sessions = 300, .segments = 100, .forged = 10, .demanded = true, .seed = seed};
	detection_result r;

	assert_ok(detection_run(*state, &plan, &r, err));
	assert_true(r.challenged == 300 && r.refuted + r.verified == 300 && r.misplaced == 0);
	within(r.refuted, 300, detection_formula(100, 10, AIC_SESSION_Q));
}

static void test_honest_sessions_are_never_refuted(void **state)
{
	detection_plan plan = {.sessions = 200, .segments = 20, .demanded = true, .seed = seed};
	detection_result r;

	assert_ok(detection_run(*state, &plan, &r, err));
	assert_true(r.verified == 200 && r.refuted == 0 && r.misplaced == 0);
}

/* Who is challenged is what the budget allows. */
static void test_the_lot_keeps_to_the_budget(void **state)
{
	detection_plan plan = {.sessions = 400, .segments = 100, .seed = seed};
	detection_result r;

	assert_ok(detection_run(*state, &plan, &r, err));
	assert_true(r.challenged + r.unchallenged == 400 && r.verified == r.challenged);
	within(r.challenged, 400, (double)aic_draw_probability(&aic_parameters_default, 101) / AIC_PPM);
}

static void test_formula(void **state)
{
	(void)state;
	assert_true(fabs(detection_formula(100, 10, 10) - 0.6695) < 0.0001); /* by another program */
	assert_true(detection_formula(100, 0, 10) == 0 && detection_formula(10, 10, 1) == 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, test_folder_make, test_folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_detection_as_the_formula_says), TEST(test_honest_sessions_are_never_refuted), TEST(test_the_lot_keeps_to_the_budget),
		cmocka_unit_test(test_formula),
	};

	if (getenv("AIC_SEED"))
		seed = strtoull(getenv("AIC_SEED"), NULL, 10);
	return cmocka_run_group_tests_name("detection", tests, NULL, NULL);
}
