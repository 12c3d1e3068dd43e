#define _GNU_SOURCE
#include "common/testing.h"

#include <string.h>

#include "accounting/release.h"

static aic_amount ten(const void *ctx, const char *account)
{
	(void)ctx;
	return strcmp(account, "poor") ? 10 : 0;
}

static void held(aic_reservations *r, uint32_t job, int64_t submitted, const char *account, aic_amount cost, bool own)
{
	aic_held_job h = {.job = job, .submitted = submitted, .cost = cost, .own = own};

	aic_str_copy(h.account, sizeof(h.account), account);
	aic_reservations_hold(r, &h);
}

/* As aicacctd gets it. */
static void through_the_file(aic_reservations *r)
{
	aic_bytes b = {0};

	aic_reservations_encode(&b, r);
	aic_reservations_free(r);
	assert_int_equal(aic_reservations_decode(r, b.data, b.len, NULL), AIC_OK);
	aic_bytes_free(&b);
}

static void in_order_of_submit_as_long_as_they_fit(void **state)
{
	aic_reservations r = {0};
	uint32_t job[8];

	(void)state;
	aic_reservations_add(&r, "physics", 1); /* 9 are left */
	aic_reservations_add(&r, "art", 99);
	held(&r, 5, 200, "physics", 4, false);
	held(&r, 4, 200, "physics", 4, false);
	held(&r, 3, 100, "physics", 100, false);
	held(&r, 9, 100, "physics", 1, true);    /* its user holds it */
	held(&r, 6, 300, "physics", 2, false);
	held(&r, 7, 400, "physics", 1, false);
	held(&r, 8, 100, "poor", 1, false);
	held(&r, 10, 100, "art", 1, false);
	through_the_file(&r);
	assert_int_equal(aic_release_choose(job, &r, ten, NULL), 3);
	assert_int_equal(job[0], 4);
	assert_int_equal(job[1], 5);
	assert_int_equal(job[2], 7); /* 8 are taken: 6 does not fit, 7 does */
	aic_reservations_free(&r);
}

static void what_fits_to_the_unit_fits(void **state)
{
	aic_reservations r = {0};
	uint32_t job[2];

	(void)state;
	held(&r, 1, 1, "a", 10, false);
	held(&r, 2, 2, "a", 0, false);
	through_the_file(&r);
	assert_int_equal(aic_release_choose(job, &r, ten, NULL), 2);
	aic_reservations_free(&r);
	held(&r, 1, 1, "a", 11, false);
	through_the_file(&r);
	assert_int_equal(aic_release_choose(job, &r, ten, NULL), 0);
	aic_reservations_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order_of_submit_as_long_as_they_fit),
		cmocka_unit_test(what_fits_to_the_unit_fits),
	};

	return cmocka_run_group_tests_name("accounting/release", tests, NULL, NULL);
}
