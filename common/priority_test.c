#define _GNU_SOURCE
#include "common/testing.h"

#include <string.h>

#include "common/priority.h"

static void weights_are_read(void **state)
{
	static const char *const bad[] = {"rating", "rating=", "rating=x", "rating=1000001", "warm=-1", "colour=3", "rating=1,,x", "warm=12345678"};
	aic_priority_weights w;
	aic_error err;

	(void)state;
	assert_int_equal(aic_priority_parse(&w, NULL, NULL), AIC_OK);
	assert_int_equal(w.rating, 1000);
	assert_int_equal(w.warm, 500);
	assert_int_equal(aic_priority_parse(&w, "warm=0,rating=1000000", NULL), AIC_OK);
	assert_int_equal(w.rating, 1000000);
	assert_int_equal(w.warm, 0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(aic_priority_parse(&w, bad[i], &err), AIC_USAGE);
		assert_non_null(strstr(err.message, "is none of rating=N and warm=N, N from 0 to 1000000"));
	}
}

static void points_are_bounded(void **state)
{
	const aic_priority_weights w = {.rating = 1000, .warm = 500};

	(void)state;
	assert_int_equal(aic_priority_points(&w, 0, false), 0);
	assert_int_equal(aic_priority_points(&w, 500000, false), 500);
	assert_int_equal(aic_priority_points(&w, 999999, false), 999);
	assert_int_equal(aic_priority_points(&w, 1000000, true), 1500);
	assert_int_equal(aic_priority_points(&w, UINT64_MAX, true), 1500);
}

static void a_data_set_as_a_feature(void **state)
{
	char buf[64];

	(void)state;
	assert_string_equal(aic_priority_feature(buf, sizeof(buf), "fashion-mnist"), "aic-data-fashion-mnist");
	assert_string_equal(aic_priority_feature(buf, sizeof(buf), "lab/a:1@x+y"), "aic-data-lab_a_1_x_y");
	assert_int_equal(strlen(aic_priority_feature(buf, 12, "fashion-mnist")), 11);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(weights_are_read),
		cmocka_unit_test(points_are_bounded),
		cmocka_unit_test(a_data_set_as_a_feature),
	};

	return cmocka_run_group_tests_name("common/priority", tests, NULL, NULL);
}
