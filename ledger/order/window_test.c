/* window_test.c: what every order must do as a window: acknowledgements, pruning, room, mending a damaged log. */
#define _GNU_SOURCE
#include "ledger/order/order_testing.h"

/* --- acknowledgements --- */

static aic_code add_up(void *ctx, const aic_id *site, const uint8_t *bytes, size_t len, aic_error *err)
{
	size_t *sum = ctx;

	(void)site, (void)bytes, (void)err;
	*sum += len;
	return AIC_OK;
}

static size_t acknowledged(aic_order *o)
{
	aic_error err = {0};
	size_t sum = 0;

	if (aic_order_acknowledgements(o, add_up, &sum, &err))
		fail_msg("%s", err.message);
	return sum;
}

static void a_site_acknowledges_anew(void **state)
{
	order_fixture *f = *state;
	aic_id a = order_site(1), b = order_site(2);
	aic_order other = order_another(f);

	assert_int_equal(acknowledged(&f->order), 0);
	assert_int_equal(aic_order_acknowledge(&f->order, &a, "1", 1, NULL), AIC_OK);
	assert_int_equal(aic_order_acknowledge(&other, &b, "12", 2, NULL), AIC_OK);
	assert_int_equal(acknowledged(&f->order), 3);
	assert_int_equal(aic_order_acknowledge(&f->order, &a, "1234", 4, NULL), AIC_OK);
	assert_int_equal(acknowledged(&other), 6);
	assert_int_equal(order_attest(&f->order, 1, 3, NULL, NULL), AIC_OK);
	assert_int_equal(order_count_attestations(&other, 3), 1);
	assert_int_equal(acknowledged(&f->order), 6);
	aic_order_close(&other);
}

/* --- pruning --- */

static uint64_t first_of(aic_order *o)
{
	aic_order_space space;
	aic_error err = {0};

	if (aic_order_space_get(o, &space, &err))
		fail_msg("%s", err.message);
	assert_false(space.full);
	assert_true(space.in_use <= space.used);
	return space.first;
}

static void prune(aic_order *o, int i, uint64_t below)
{
	aic_id site = order_site(i);
	aic_error err = {0};

	if (aic_order_prune(o, &site, below, &err))
		fail_msg("%s", err.message);
}

static void a_pruned_log_begins_higher(void **state)
{
	order_fixture *f = *state;
	order_reader r = {.numbered = true};
	aic_error err = {0};

	prune(&f->order, 1, 5);
	assert_int_equal(first_of(&f->order), 0);
	order_append_numbered(&f->order, 0, 10);
	for (uint64_t h = 3; h < 6; h++)
		for (int i = 1; i < 3; i++)
			assert_int_equal(order_attest(&f->order, i, h, NULL, NULL), AIC_OK);
	assert_int_equal(first_of(&f->order), 0);
	prune(&f->order, 1, 4);
	assert_int_equal(first_of(&f->order), 4);
	assert_int_equal(order_head_of(&f->order).height, 9);
	assert_int_equal(order_count_read(&f->order, 4, 100), 6);
	assert_int_equal(aic_order_read(&f->order, 0, 100, order_read_one, &r, &err), AIC_NOT_FOUND);
	assert_non_null(strstr(err.message, "begins at height 4"));
	assert_int_equal(aic_order_read(&f->order, 3, 1, order_read_one, &r, NULL), AIC_NOT_FOUND);
	assert_int_equal(r.count, 0);
	assert_int_equal(order_count_attestations(&f->order, 3), 1); /* the other site's is the other site's */
	assert_int_equal(order_count_attestations(&f->order, 4), 2);
	prune(&f->order, 1, 2);
	assert_int_equal(first_of(&f->order), 4);
	prune(&f->order, 2, 4);
	assert_int_equal(order_count_attestations(&f->order, 3), 0);
	order_append_numbered(&f->order, 10, 12);
	assert_int_equal(order_count_read(&f->order, 4, 100), 8);
}

static void the_head_stays(void **state)
{
	order_fixture *f = *state;

	order_append_numbered(&f->order, 0, 3);
	prune(&f->order, 1, UINT64_MAX);
	assert_int_equal(first_of(&f->order), 2);
	assert_int_equal(order_count_read(&f->order, 2, 1), 1);
	order_append_numbered(&f->order, 3, 4);
	assert_int_equal(order_count_read(&f->order, 2, 10), 2);
}

/* --- mending --- */

typedef struct {
	uint64_t asked, fail_at;
} archive;

static aic_code from_archive(void *ctx, uint64_t height, aic_bytes *block, aic_hash *hash, aic_error *err)
{
	archive *a = ctx;
	char text[32];

	a->asked++;
	if (a->fail_at && height == a->fail_at)
		return aic_fail(err, AIC_SYSTEM, "no more");
	int len = snprintf(text, sizeof(text), "block %d", (int)height);
	aic_bytes_append(block, text, (size_t)len);
	*hash = order_hash_of(text, (size_t)len);
	return AIC_OK;
}

static aic_order_head numbered_head(uint64_t height)
{
	char text[32];
	int len = snprintf(text, sizeof(text), "block %d", (int)height);

	return (aic_order_head){.height = height, .hash = order_hash_of(text, (size_t)len)};
}

static void an_empty_log_is_restored(void **state)
{
	order_fixture *f = *state;
	aic_order_head found = order_head_of(&f->order), restored = numbered_head(8);
	archive a = {.fail_at = 6};
	aic_error err = {0};

	assert_int_equal(aic_order_restore(&f->order, &found, &restored, 3, from_archive, &a, &err), AIC_SYSTEM);
	assert_true(order_head_of(&f->order).empty);
	a.fail_at = 0;
	for (int again = 0; again < 2; again++) {
		found = order_head_of(&f->order);
		if (aic_order_restore(&f->order, &found, &restored, 3, from_archive, &a, &err))
			fail_msg("%s", err.message);
		assert_int_equal(first_of(&f->order), 3);
		assert_int_equal(order_head_of(&f->order).height, 8);
		assert_int_equal(order_count_read(&f->order, 3, 100), 6);
	}
	order_append_numbered(&f->order, 9, 11);
	assert_int_equal(order_count_read(&f->order, 3, 100), 8);
}

static void another_history_is_replaced(void **state)
{
	order_fixture *f = *state;
	aic_order_head restored = numbered_head(4);
	archive a = {.asked = 0};
	aic_error err = {0};

	order_append_numbered(&f->order, 0, 3);
	aic_order_head stale = order_head_of(&f->order);
	for (int i = 0; i < 5; i++)
		order_append(&f->order, "of a liar", 9);
	assert_int_equal(aic_order_restore(&f->order, &stale, &restored, 2, from_archive, &a, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "head is at height 7 by now"));
	assert_int_equal(order_head_of(&f->order).height, 7);
	aic_order_head found = order_head_of(&f->order);
	assert_int_equal(aic_order_restore(&f->order, &found, &restored, 2, from_archive, &a, NULL), AIC_OK);
	assert_int_equal(order_head_of(&f->order).height, 4);
	assert_int_equal(order_count_read(&f->order, 0, 100), 5);
	order_append_numbered(&f->order, 5, 7);
	assert_int_equal(order_count_read(&f->order, 0, 100), 7);
}

int main(void)
{
	static const order_case cases[] = {
		{"a_site_acknowledges_anew", a_site_acknowledges_anew},
		{"a_pruned_log_begins_higher", a_pruned_log_begins_higher},
		{"the_head_stays", the_head_stays},
		{"an_empty_log_is_restored", an_empty_log_is_restored},
		{"another_history_is_replaced", another_history_is_replaced},
	};

	return order_run("window", cases, sizeof(cases) / sizeof(cases[0]));
}
