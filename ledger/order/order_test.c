/* order_test.c: what every order must do: the log, watching it, the board. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>

#include "common/time.h"
#include "ledger/order/order_testing.h"

#define BLOCK_LARGE (512u << 10)
#define SITES_MANY 70 /* more than one question to etcd can hold */

/* --- the log --- */

static void empty_log(void **state)
{
	order_fixture *f = *state;
	bool more = true;

	assert_true(order_head_of(&f->order).empty);
	assert_int_equal(order_count_read(&f->order, 0, 10), 0);
	assert_int_equal(order_count_read(&f->order, 7, 10), 0);
	assert_int_equal(order_count_attestations(&f->order, 0), 0);
	int64_t start = aic_monotonic_ms();
	assert_int_equal(aic_order_watch(&f->order, 0, 200, &more, NULL), AIC_OK);
	assert_false(more);
	assert_in_range(aic_monotonic_ms() - start, 150, 1500);
}

static void blocks_follow(void **state)
{
	order_fixture *f = *state;

	for (int i = 0; i < 30; i++) {
		order_append_numbered(&f->order, i, i + 1);
		char text[32];
		snprintf(text, sizeof(text), "block %d", i);
		aic_hash hash = order_hash_of(text, strlen(text));
		aic_order_head head = order_head_of(&f->order);
		assert_false(head.empty);
		assert_int_equal(head.height, i);
		assert_true(aic_hash_equal(&head.hash, &hash));
	}
	assert_int_equal(order_count_read(&f->order, 0, 100), 30);
	assert_int_equal(order_count_read(&f->order, 0, UINT64_MAX), 30);
	assert_int_equal(order_count_read(&f->order, 5, 7), 7);
	assert_int_equal(order_count_read(&f->order, 29, 1), 1);
	assert_int_equal(order_count_read(&f->order, 30, 1), 0);
	assert_int_equal(order_count_read(&f->order, 3, 0), 0);
	aic_order_close(&f->order);
	assert_int_equal(f->open(&f->order, f), AIC_OK);
	assert_int_equal(order_head_of(&f->order).height, 29);
	assert_int_equal(order_count_read(&f->order, 0, 100), 30);
}

static void stale_heads_are_refused(void **state)
{
	order_fixture *f = *state;
	aic_order_head empty = {.empty = true}, head = {.height = 4};
	aic_error err = {0};

	assert_int_equal(order_append_after(&f->order, &head, "x", 1, &err), AIC_REFUSED);
	assert_true(order_head_of(&f->order).empty);
	order_append_numbered(&f->order, 0, 3);
	head = order_head_of(&f->order);
	assert_int_equal(order_append_after(&f->order, &empty, "x", 1, &err), AIC_REFUSED);
	aic_order_head low = {.height = 1, .hash = order_hash_of("block 1", 7)}, high = {.height = 3, .hash = head.hash}, wrong = head;
	assert_int_equal(order_append_after(&f->order, &low, "x", 1, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "at height 2 by now"));
	assert_int_equal(order_append_after(&f->order, &high, "x", 1, &err), AIC_REFUSED);
	wrong.hash.b[31] ^= 1;
	assert_int_equal(order_append_after(&f->order, &wrong, "x", 1, &err), AIC_REFUSED);
	assert_int_equal(order_head_of(&f->order).height, 2);
	assert_int_equal(order_count_read(&f->order, 0, 10), 3);
	assert_int_equal(order_append_after(&f->order, &head, "block 3", 7, NULL), AIC_OK);
}

/* After a lost answer the same bytes are sent again: done or refused, and never there twice. */
static void a_repeated_append_doubles_nothing(void **state)
{
	order_fixture *f = *state;

	order_append_numbered(&f->order, 0, 2);
	aic_order_head before = order_head_of(&f->order);
	order_append_numbered(&f->order, 2, 3);
	for (int height = 2; height < 4; height++) {
		aic_code code = order_append_after(&f->order, &before, "block 2", 7, NULL);
		assert_true(code == AIC_OK || code == AIC_REFUSED);
		assert_int_equal(order_head_of(&f->order).height, height);
		order_append_numbered(&f->order, height + 1, height + 2);
	}
	assert_int_equal(order_append_after(&f->order, &before, "block X", 7, NULL), AIC_REFUSED);
	assert_int_equal(order_count_read(&f->order, 0, 10), 5);
}

static void a_visitor_stops_the_reading(void **state)
{
	order_fixture *f = *state;
	order_reader r = {.numbered = true, .stop_at = 4};
	aic_error err = {0};

	order_append_numbered(&f->order, 0, 9);
	assert_int_equal(aic_order_read(&f->order, 0, 9, order_read_one, &r, &err), AIC_FULL);
	assert_string_equal(err.message, "enough");
	assert_int_equal(r.count, 5);
}

static uint8_t *large_block(int i)
{
	uint8_t *block = malloc(BLOCK_LARGE);
	uint64_t seed = (uint64_t)i;

	for (size_t k = 0; k < BLOCK_LARGE; k += sizeof(uint64_t)) {
		uint64_t word = test_random(&seed);
		memcpy(block + k, &word, sizeof(word));
	}
	return block;
}

static aic_code compare_large(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	int *count = ctx;

	(void)err;
	(*count)++;
	if (height < 60)
		return AIC_OK;
	uint8_t *want = large_block((int)height);
	assert_int_equal(len, BLOCK_LARGE);
	assert_memory_equal(block, want, BLOCK_LARGE);
	free(want);
	return AIC_OK;
}

/* Small ones first: whoever reads many of them at once must manage when they grow. */
static void large_blocks(void **state)
{
	order_fixture *f = *state;
	int count = 0;
	aic_error err = {0};

	order_append_numbered(&f->order, 0, 60);
	for (int i = 60; i < 80; i++) {
		uint8_t *block = large_block(i);
		order_append(&f->order, block, BLOCK_LARGE);
		free(block);
	}
	if (aic_order_read(&f->order, 0, 1000, compare_large, &count, &err))
		fail_msg("%s", err.message);
	assert_int_equal(count, 80);
}

static void odd_bytes(void **state)
{
	static const uint8_t odd[] = {0, 0xff, '"', '\\', 0, '\n', 0xc3, 0x28, 0};
	order_fixture *f = *state;

	for (size_t len = 1; len <= sizeof(odd); len++)
		order_append(&f->order, odd, len);
	for (size_t len = 1; len <= sizeof(odd); len++) {
		order_reader r = {.next = len - 1};
		aic_order_head head = order_head_of(&f->order);
		aic_hash hash = order_hash_of(odd, sizeof(odd));
		assert_true(aic_hash_equal(&head.hash, &hash));
		assert_int_equal(aic_order_read(&f->order, len - 1, 1, order_read_one, &r, NULL), AIC_OK);
		assert_int_equal(r.count, 1);
	}
}

static void two_handles_see_the_same(void **state)
{
	order_fixture *f = *state;
	aic_order other = order_another(f);

	order_append_numbered(&f->order, 0, 2);
	order_append_numbered(&other, 2, 4);
	aic_order_head stale = {.height = 1, .hash = order_hash_of("block 1", 7)};
	assert_int_equal(order_append_after(&f->order, &stale, "x", 1, NULL), AIC_REFUSED);
	order_append_numbered(&f->order, 4, 5);
	assert_int_equal(order_count_read(&other, 0, 10), 5);
	aic_order_close(&other);
}

/* --- watching --- */

static void *append_soon(void *ctx)
{
	aic_order *o = ctx;
	aic_order_head head;
	aic_hash hash = order_hash_of("block 1", 7);
	static aic_code code;

	poll(NULL, 0, 300);
	if (!(code = aic_order_head_get(o, &head, NULL)))
		code = aic_order_append_if_head(o, &head, &hash, "block 1", 7, NULL);
	return &code;
}

static void a_watch_sees_the_next_block(void **state)
{
	order_fixture *f = *state;
	aic_order other = order_another(f);
	pthread_t thread;
	void *code;
	bool more = false;

	order_append_numbered(&f->order, 0, 1);
	assert_int_equal(aic_order_watch(&f->order, 0, 5000, &more, NULL), AIC_OK);
	assert_true(more);
	int64_t start = aic_monotonic_ms();
	assert_int_equal(pthread_create(&thread, NULL, append_soon, &other), 0);
	aic_code watched = aic_order_watch(&f->order, 1, 10000, &more, NULL);
	int64_t ms = aic_monotonic_ms() - start;
	pthread_join(thread, &code);
	assert_int_equal(*(aic_code *)code, AIC_OK);
	assert_int_equal(watched, AIC_OK);
	assert_true(more);
	assert_in_range(ms, 250, 2000);
	aic_order_close(&other);
}

/* --- the board --- */

static void one_attestation_per_site_and_height(void **state)
{
	order_fixture *f = *state;
	aic_error err = {0};

	assert_int_equal(order_attest(&f->order, 1, 5, NULL, NULL), AIC_OK);
	assert_int_equal(order_attest(&f->order, 1, 5, NULL, NULL), AIC_OK);
	assert_int_equal(order_attest(&f->order, 1, 5, "something else", &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "something else at height 5"));
	assert_int_equal(order_attest(&f->order, 1, 6, NULL, NULL), AIC_OK);
	assert_int_equal(order_attest(&f->order, 2, 5, NULL, NULL), AIC_OK);
	assert_int_equal(order_count_attestations(&f->order, 5), 2);
	assert_int_equal(order_count_attestations(&f->order, 6), 1);
	assert_int_equal(order_count_attestations(&f->order, 7), 0);
	aic_order other = order_another(f);
	assert_int_equal(order_attest(&other, 3, 5, NULL, NULL), AIC_OK); /* a site that the first handle has not heard of */
	assert_int_equal(order_count_attestations(&f->order, 5), 3);
	assert_int_equal(order_count_attestations(&other, 6), 1);
	aic_order_close(&other);
}

static void many_sites_attest(void **state)
{
	order_fixture *f = *state;

	for (int i = 0; i < SITES_MANY; i++) {
		assert_int_equal(order_attest(&f->order, i, 9, NULL, NULL), AIC_OK);
		if (i % 7 == 0)
			assert_int_equal(order_count_attestations(&f->order, 9), i + 1);
	}
	assert_int_equal(order_count_attestations(&f->order, 9), SITES_MANY);
	assert_int_equal(order_count_attestations(&f->order, 8), 0);
}

static aic_code stop_hearing(void *ctx, const aic_id *site, const uint8_t *bytes, size_t len, aic_error *err)
{
	(void)ctx, (void)site, (void)bytes, (void)len;
	return aic_fail(err, AIC_CORRUPT, "heard enough");
}

static void a_listener_stops_the_listing(void **state)
{
	order_fixture *f = *state;
	aic_error err = {0};

	assert_int_equal(order_attest(&f->order, 1, 5, NULL, NULL), AIC_OK);
	assert_int_equal(aic_order_attestations(&f->order, 5, stop_hearing, NULL, &err), AIC_CORRUPT);
	assert_string_equal(err.message, "heard enough");
}

int main(void)
{
	static const order_case cases[] = {
		{"empty_log", empty_log},
		{"blocks_follow", blocks_follow},
		{"stale_heads_are_refused", stale_heads_are_refused},
		{"a_repeated_append_doubles_nothing", a_repeated_append_doubles_nothing},
		{"a_visitor_stops_the_reading", a_visitor_stops_the_reading},
		{"large_blocks", large_blocks},
		{"odd_bytes", odd_bytes},
		{"two_handles_see_the_same", two_handles_see_the_same},
		{"a_watch_sees_the_next_block", a_watch_sees_the_next_block},
		{"one_attestation_per_site_and_height", one_attestation_per_site_and_height},
		{"many_sites_attest", many_sites_attest},
		{"a_listener_stops_the_listing", a_listener_stops_the_listing},
	};

	return order_run("order", cases, sizeof(cases) / sizeof(cases[0]));
}
