/* revenue_test.c: a fee divided among an asset and what it was made from: worked by hand, and on random families. */
#define _GNU_SOURCE
#include "ledger/testing.h"

#include "ledger/state/revenue.h"

static test_site site;

static int open_site(void **state)
{
	aic_error err = {0};

	if (test_folder_make(state) || test_site_open(&site, *state, &err))
		return -1;
	aic_state_begin(site.state, 1, 0);
	return 0;
}

static int close_site(void **state)
{
	test_site_close(&site);
	return test_folder_remove(state);
}

static aic_u256 put(uint64_t id, unsigned owner, uint64_t generation, size_t n, const uint64_t parent[][2])
{
	aic_asset a = {.kind = AIC_ASSET_DATA, .owner = test_wallet(owner), .generation = generation, .n_parents = n};

	for (size_t i = 0; i < n; i++) {
		a.parent[i].asset = aic_u256_from(parent[i][0]);
		a.parent[i].ppm = parent[i][1];
	}
	assert_ok(aic_state_asset_put(site.state, aic_u256_from(id), &a, err));
	return aic_u256_from(id);
}

static aic_amount part_of(const aic_revenue *r, size_t n, uint64_t id)
{
	for (size_t i = 0; i < n; i++)
		if (!aic_u256_cmp(r[i].asset, aic_u256_from(id)))
			return r[i].amount;
	return 0;
}

/* 1 and 2 are data sets; 3 was trained on both, 4 from 3 and 2: 2 earns by two ways. */
static void test_by_hand(void **state)
{
	static aic_revenue r[AIC_REVENUE_MAX];
	size_t n;

	(void)state;
	put(1, 1, 1, 0, NULL);
	put(2, 2, 1, 0, NULL);
	put(3, 3, 2, 2, (const uint64_t[][2]){{1, 300000}, {2, 200000}});
	put(4, 4, 3, 2, (const uint64_t[][2]){{2, 100000}, {3, 400000}});
	assert_ok(aic_revenue_divide(site.state, aic_u256_from(4), 1000, r, &n, err));
	assert_int_equal(n, 4);
	assert_true(part_of(r, n, 4) == 500 && part_of(r, n, 3) == 200 && part_of(r, n, 2) == 100 + 80 && part_of(r, n, 1) == 120);
	aic_address owner = test_wallet(3);
	assert_true(!aic_u256_cmp(r[1].asset, aic_u256_from(3)) && !aic_address_cmp(&r[1].owner, &owner));
	/* 7 units: 0.7, 2.8 and 3.5 of them; the two units left go to 2 (0.7), then 3 (0.8): largest remainders first */
	assert_ok(aic_revenue_divide(site.state, aic_u256_from(4), 7, r, &n, err));
	assert_true(part_of(r, n, 4) == 3);
	assert_ok(aic_revenue_divide(site.state, aic_u256_from(1), 5, r, &n, err));
	assert_true(n == 1 && r[0].amount == 5);
	assert_ok(aic_revenue_divide(site.state, aic_u256_from(1), 0, r, &n, err));
	assert_int_equal(n, 0);
	assert_fails(aic_revenue_divide(site.state, aic_u256_from(99), 5, r, &n, err), AIC_REFUSED, "not registered: it earns nothing");
}

/* Of equal remainders the parents come first, in their order, the asset itself last. */
static void test_equal_remainders(void **state)
{
	static aic_revenue r[AIC_REVENUE_MAX];
	size_t n;

	(void)state;
	put(1, 1, 1, 0, NULL);
	put(2, 2, 1, 0, NULL);
	put(3, 3, 2, 2, (const uint64_t[][2]){{1, 250000}, {2, 250000}});
	assert_ok(aic_revenue_divide(site.state, aic_u256_from(3), 1, r, &n, err)); /* remainders 0.25, 0.25, 0.5 */
	assert_true(n == 1 && part_of(r, n, 3) == 1);
	assert_ok(aic_revenue_divide(site.state, aic_u256_from(3), 3, r, &n, err)); /* 0.75, 0.75, 1 + 0.5 */
	assert_true(part_of(r, n, 1) == 1 && part_of(r, n, 2) == 1 && part_of(r, n, 3) == 1);
	put(4, 4, 2, 2, (const uint64_t[][2]){{1, 500000}, {2, 500000}});
	assert_ok(aic_revenue_divide(site.state, aic_u256_from(4), 1, r, &n, err));
	assert_true(n == 1 && part_of(r, n, 1) == 1);
}

/* Eight generations, each of up to sixteen parents among all below: nothing is lost, whatever the amount. */
static void test_random_families(void **state)
{
	static aic_revenue r[AIC_REVENUE_MAX];
	uint64_t seed = 4;
	size_t n;

	(void)state;
	for (uint64_t g = 1; g <= AIC_GENERATIONS_MAX; g++)
		for (uint64_t k = 0; k < 30; k++) {
			uint64_t parent[AIC_PARENTS_MAX][2], below = (g - 1) * 30, id = (g - 1) * 30 + k, left = AIC_PPM;
			size_t parents = g > 1 ? test_random(&seed) % (AIC_PARENTS_MAX + 1) : 0;

			for (size_t i = 0; i < parents; i++) {
				parent[i][0] = below / parents * i + test_random(&seed) % (below / parents); /* ascending */
				parent[i][1] = test_random(&seed) % (left + 1);
				left -= parent[i][1];
			}
			put(id, (unsigned)(id % 7), g, parents, (const uint64_t(*)[2])parent);
		}
	for (int i = 0; i < 300; i++) {
		aic_amount amount = i < 100 ? (aic_amount)i : (aic_amount)test_random(&seed) << (test_random(&seed) % 60), sum = 0;

		assert_ok(aic_revenue_divide(site.state, aic_u256_from(7 * 30 + test_random(&seed) % 30), amount, r, &n, err));
		for (size_t k = 0; k < n; k++)
			sum += r[k].amount;
		assert_true(sum == amount);
	}
}

static void test_too_many(void **state)
{
	static aic_revenue r[AIC_REVENUE_MAX];
	uint64_t parent[AIC_PARENTS_MAX][2], id = 0, first = 0;
	size_t n;

	(void)state;
	/* 16^3 assets of the first generation under one of the fourth */
	for (; id < 4096; id++)
		put(id, 0, 1, 0, NULL);
	for (uint64_t g = 2, of = 4096; g <= 4; g++, of /= AIC_PARENTS_MAX) {
		uint64_t made = id;

		for (uint64_t k = 0; k < of / AIC_PARENTS_MAX; k++, id++) {
			for (unsigned i = 0; i < AIC_PARENTS_MAX; i++) {
				parent[i][0] = first + k * AIC_PARENTS_MAX + i;
				parent[i][1] = 60000;
			}
			put(id, 0, g, AIC_PARENTS_MAX, (const uint64_t(*)[2])parent);
		}
		first = made;
	}
	assert_fails(aic_revenue_divide(site.state, aic_u256_from(id - 1), AIC_UNIT, r, &n, err), AIC_REFUSED,
	             "more than 1024 assets would share one fee");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_site, close_site)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_by_hand), TEST(test_equal_remainders), TEST(test_random_families), TEST(test_too_many)};

	return cmocka_run_group_tests_name("ledger revenue of assets", tests, NULL, NULL);
}
