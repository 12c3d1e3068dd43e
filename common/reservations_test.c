#define _GNU_SOURCE
#include "common/testing.h"

#include <string.h>

#include "common/reservations.h"

static void sample(aic_reservations *r)
{
	aic_held_job h = {.job = 4000000000u, .submitted = 1700000000, .account = "physics", .cost = ~(aic_amount)0, .own = true};

	*r = (aic_reservations){.written_at = 1700000100, .snapshot_at = 1700000099};
	aic_reservations_add(r, "biology", 1);
	aic_reservations_add(r, "physics", 100 * AIC_UNIT + 7);
	aic_reservations_add(r, "", 0);
	aic_reservations_hold(r, &h);
	h.job = 7, h.own = false, h.cost = 0;
	aic_reservations_hold(r, &h);
	aic_reservations_hold(r, &h);
}

static void what_is_written_is_read(void **state)
{
	aic_reservations in, out;
	aic_bytes b = {0};

	(void)state;
	sample(&in);
	aic_reservations_encode(&b, &in);
	assert_int_equal(aic_reservations_decode(&out, b.data, b.len, NULL), AIC_OK);
	assert_int_equal(out.written_at, in.written_at);
	assert_int_equal(out.snapshot_at, in.snapshot_at);
	assert_int_equal(out.n_rows, 3);
	assert_int_equal(out.n_held, 3);
	assert_true(aic_reservations_of(&out, "physics") == 100 * AIC_UNIT + 7);
	assert_true(aic_reservations_of(&out, "nobody") == 0);
	assert_int_equal(out.held[0].job, 4000000000u);
	assert_true(out.held[0].cost == ~(aic_amount)0);
	assert_true(out.held[0].own);
	assert_string_equal(out.held[1].account, "physics");
	assert_false(out.held[1].own);
	aic_reservations_free(&in);
	aic_reservations_free(&out);
	aic_bytes_free(&b);
}

static void every_cut_and_every_flip_is_noticed(void **state)
{
	aic_reservations in, out;
	aic_error err;
	aic_bytes b = {0};

	(void)state;
	sample(&in);
	aic_reservations_encode(&b, &in);
	for (size_t len = 0; len < b.len; len++) {
		assert_int_equal(aic_reservations_decode(&out, b.data, len, &err), AIC_CORRUPT);
		aic_reservations_free(&out);
	}
	for (size_t i = 0; i < b.len; i++) {
		b.data[i] ^= 0x10;
		assert_int_equal(aic_reservations_decode(&out, b.data, b.len, &err), AIC_CORRUPT);
		aic_reservations_free(&out);
		b.data[i] ^= 0x10;
	}
	b.data[b.len - 1] ^= 1;
	assert_int_equal(aic_reservations_decode(&out, b.data, b.len, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "its checksum does not match its"));
	aic_reservations_free(&out);
	aic_reservations_free(&in);
	aic_bytes_free(&b);
}

static void a_missing_file_is_told(void **state)
{
	aic_reservations r;

	(void)state;
	assert_int_equal(aic_reservations_load(&r, "/nonexistent/reservations", NULL), AIC_NOT_FOUND);
	aic_reservations_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(every_cut_and_every_flip_is_noticed),
		cmocka_unit_test(a_missing_file_is_told),
	};

	return cmocka_run_group_tests_name("common/reservations", tests, NULL, NULL);
}
