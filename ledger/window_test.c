/* window_test.c: what leaves a shared log, and when: never below what two thirds of the member sites hold. */
#define _GNU_SOURCE
#include "ledger/testing.h"
#include "ledger/window.h"

#define SITES 4

static test_site site;
static aic_key key[SITES];

/* As test_site_open, with more members. */
static aic_code open_among(test_site *s, const char *dir, size_t members, aic_error *err)
{
	char path[300];
	aic_code code;

	memset(s, 0, sizeof(*s));
	s->key = key[0];
	test_genesis(&s->genesis, key, members);
	snprintf(path, sizeof(path), "%s/order.db", dir);
	if ((code = aic_order_local(&s->order, path, false, err)))
		return code;
	snprintf(path, sizeof(path), "%s/state.db", dir);
	if ((code = aic_state_open(&s->state, path, AIC_DB_DURABLE, err)))
		return code;
	return aic_chain_open(&s->chain, s->state, &s->order, &s->key, s->genesis.data, s->genesis.len, err);
}

static int begin_with(void **state, size_t members)
{
	aic_error err = {0};

	if (test_folder_make(state))
		return -1;
	for (size_t i = 0; i < SITES; i++)
		test_site_key(&key[i], (uint8_t)(i + 1));
	if (open_among(&site, *state, members, &err))
		print_error("%s\n", err.message);
	return err.code ? -1 : 0;
}

static int one_site(void **state)
{
	return begin_with(state, 1);
}

static int four_sites(void **state)
{
	return begin_with(state, SITES);
}

static int end(void **state)
{
	test_site_close(&site);
	return test_folder_remove(state);
}

static void post(int n)
{
	for (int i = 0; i < n; i++)
		assert_ok(test_transfer(&site, 0, 1, AIC_UNIT, err));
}

static uint64_t first_height(void)
{
	aic_order_space space;

	assert_ok(aic_order_space_get(&site.order, &space, err));
	return space.first;
}

/* The word of member i, or of whoever has its key. */
static aic_acknowledgement word(int i, uint64_t height)
{
	aic_acknowledgement a = {.chain = aic_state_head(site.state)->chain, .height = height, .site = aic_site_id(key[i].public_key)};

	assert_ok(aic_state_hash_at(site.state, height, &a.block, err));
	return a;
}

static void put_word(aic_acknowledgement *a, int signer, const aic_id *under)
{
	aic_bytes bytes = {0};

	aic_acknowledgement_build(&bytes, a, &key[signer]);
	assert_ok(aic_order_acknowledge(&site.order, under, bytes.data, bytes.len, err));
	aic_bytes_free(&bytes);
}

static bool archived(uint64_t *height)
{
	bool any;

	assert_ok(aic_window_archived(&site.chain, &any, height, err));
	return any;
}

static void one_site_keeps_a_window(void **state)
{
	aic_window w = {.blocks = 8, .bytes = AIC_WINDOW_BYTES, .step = 4};

	(void)state;
	post(10);
	assert_ok(aic_window_keep(&w, &site.chain, UINT64_MAX, err));
	assert_int_equal(w.acknowledged, 10);
	assert_int_equal(first_height(), 0); /* 3 could go: less than a step */
	post(1);
	assert_ok(aic_window_keep(&w, &site.chain, UINT64_MAX, err));
	assert_int_equal(w.acknowledged, 10);
	assert_int_equal(first_height(), 4);
	post(3);
	assert_ok(aic_window_keep(&w, &site.chain, 12, err)); /* its archive goes no further */
	assert_int_equal(w.acknowledged, 10);
	post(6);
	assert_ok(aic_window_keep(&w, &site.chain, UINT64_MAX, err));
	assert_int_equal(w.acknowledged, 20);
	assert_int_equal(first_height(), 13);
}

/* The site opens again and goes on, and one that lacks what left the log is told so by a code of its own. */
static void a_pruned_log_is_followed(void **state)
{
	aic_window w = {.blocks = 4, .bytes = AIC_WINDOW_BYTES, .step = 1};
	char path[300];
	aic_state *late;
	aic_chain c;

	post(6);
	snprintf(path, sizeof(path), "%s/late.db", (char *)*state);
	assert_ok(aic_state_open(&late, path, AIC_DB_SCRATCH, err));
	assert_ok(aic_chain_open(&c, late, &site.order, NULL, NULL, 0, err));
	post(9);
	assert_ok(aic_window_keep(&w, &site.chain, UINT64_MAX, err));
	assert_int_equal(first_height(), 12);
	assert_fails(aic_chain_catch_up(&c, err), AIC_NOT_FOUND, "begins at height 12");
	aic_state_close(late);
	test_site_close(&site);
	assert_ok(test_site_open(&site, *state, err));
	post(1);
	assert_int_equal(aic_state_head(site.state)->height, 16);
}

static void bytes_bound_it_too(void **state)
{
	uint64_t low, all = 0;
	aic_bytes block = {0};

	(void)state;
	post(10);
	for (uint64_t h = 8; h <= 10; h++) {
		aic_hash hash;
		bool valid;
		assert_ok(aic_state_block(site.state, h, &block, &hash, &valid, err));
		all += block.len;
	}
	assert_ok(aic_window_low(site.state, 4096, all, &low, err));
	assert_int_equal(low, 8);
	assert_ok(aic_window_low(site.state, 4096, all - 1, &low, err));
	assert_int_equal(low, 9);
	assert_ok(aic_window_low(site.state, 2, all, &low, err));
	assert_int_equal(low, 9);
	assert_ok(aic_window_low(site.state, 4096, 0, &low, err));
	assert_int_equal(low, 10);
	assert_ok(aic_window_low(site.state, 4096, AIC_WINDOW_BYTES, &low, err));
	assert_int_equal(low, 0);
	aic_bytes_free(&block);
}

static void two_thirds_let_go(void **state)
{
	aic_window w = {.blocks = 4, .bytes = AIC_WINDOW_BYTES, .step = 1};
	uint64_t height;

	(void)state;
	post(20);
	assert_ok(aic_window_keep(&w, &site.chain, UINT64_MAX, err));
	assert_int_equal(w.acknowledged, 0); /* nothing is final: one of four attests */
	for (int i = 0; i < SITES; i++) {
		aic_acknowledgement a = word(i, (uint64_t)(5 + i));
		assert_int_equal(archived(&height), i >= 3);
		put_word(&a, i, &a.site);
		if (i < 2)
			assert_ok(aic_window_keep(&w, &site.chain, UINT64_MAX, err));
		assert_int_equal(first_height(), 0);
	}
	assert_true(archived(&height));
	assert_int_equal(height, 6); /* 5, 6, 7, 8: three hold 6 */
	assert_ok(aic_window_keep(&w, &site.chain, UINT64_MAX, err));
	assert_int_equal(first_height(), 7);
}

/* Whatever is not a member's word about this very history does not count. */
static void false_words(void **state)
{
	uint64_t height;
	aic_id stranger = {{9}};

	(void)state;
	post(9);
	for (int i = 0; i < 2; i++) {
		aic_acknowledgement a = word(i, 8);
		put_word(&a, i, &a.site);
	}
	aic_acknowledgement third = word(2, 8), bad = third;
	assert_false(archived(&height));
	put_word(&bad, 3, &third.site);
	assert_false(archived(&height));
	bad = third;
	bad.block.b[0] ^= 1;
	put_word(&bad, 2, &third.site);
	assert_false(archived(&height));
	bad = third;
	bad.chain.b[0] ^= 1;
	put_word(&bad, 2, &third.site);
	assert_false(archived(&height));
	bad = third;
	bad.height = 500;
	put_word(&bad, 2, &third.site);
	assert_false(archived(&height));
	put_word(&third, 2, &stranger);
	assert_false(archived(&height));
	assert_ok(aic_order_acknowledge(&site.order, &third.site, "no cbor", 7, err));
	assert_false(archived(&height));
	put_word(&third, 2, &third.site);
	assert_true(archived(&height));
	assert_int_equal(height, 8);
}

static void one_bit_of_a_word(void **state)
{
	aic_acknowledgement a, b;
	aic_bytes bytes = {0};

	(void)state;
	post(1);
	a = word(0, 1);
	aic_acknowledgement_build(&bytes, &a, &key[0]);
	assert_ok(aic_acknowledgement_decode(&b, bytes.data, bytes.len, err));
	assert_true(aic_acknowledgement_signed_by(&b, key[0].public_key));
	assert_false(aic_acknowledgement_signed_by(&b, key[1].public_key));
	for (size_t i = 0; i < 8 * bytes.len; i++) {
		bytes.data[i / 8] ^= (uint8_t)(1u << i % 8);
		assert_false(!aic_acknowledgement_decode(&b, bytes.data, bytes.len, NULL) &&
		             aic_acknowledgement_signed_by(&b, key[0].public_key));
		bytes.data[i / 8] ^= (uint8_t)(1u << i % 8);
	}
	for (size_t len = 0; len < bytes.len; len++)
		assert_int_not_equal(aic_acknowledgement_decode(&b, bytes.data, len, NULL), AIC_OK);
	aic_bytes_free(&bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_site_keeps_a_window, one_site, end),
		cmocka_unit_test_setup_teardown(a_pruned_log_is_followed, one_site, end),
		cmocka_unit_test_setup_teardown(bytes_bound_it_too, one_site, end),
		cmocka_unit_test_setup_teardown(two_thirds_let_go, four_sites, end),
		cmocka_unit_test_setup_teardown(false_words, four_sites, end),
		cmocka_unit_test_setup_teardown(one_bit_of_a_word, one_site, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
