/* erc721_model_test.c: random calls against a model of OpenZeppelin's ERC-721, events included; terms and parents of assets. */
#define _GNU_SOURCE
#include "ledger/state/erc721_testing.h"

#define CALLS 3000

static struct {
	unsigned owner[TOKENS], approved[TOKENS]; /* owner ZERO: burnt */
	bool operates[USERS + 2][USERS + 2];
} model;

static bool model_may(unsigned actor, unsigned t, bool by_approval)
{
	unsigned owner = model.owner[t];

	return owner != ZERO &&
	       (actor == owner || model.operates[owner][actor] || (by_approval && actor == model.approved[t]));
}

static bool model_move(unsigned actor, unsigned from, unsigned to, unsigned t, bool safe)
{
	if (!model_may(actor, t, true) || from != model.owner[t] || to == ZERO || (safe && to == UNSAFE))
		return false;
	model.owner[t] = to;
	model.approved[t] = ZERO;
	return true;
}

static void step(void)
{
	unsigned actor = (unsigned)(test_random(&seed) % (USERS + 1)), a = (unsigned)(test_random(&seed) % (ZERO + 1)),
	         b = (unsigned)(test_random(&seed) % (ZERO + 1)), t = (unsigned)(test_random(&seed) % TOKENS);
	bool flag = test_random(&seed) & 1, expected;

	switch (test_random(&seed) % 10) {
	case 0:
		expected = a != ZERO;
		if (expected)
			model.operates[actor][a] = flag;
		assert_true(approve_for_all(actor, a, flag) == expected);
		break;
	case 1:
	case 2:
		expected = model_may(actor, t, false);
		if (expected)
			model.approved[t] = a;
		assert_true(approve(actor, a, token[t]) == expected);
		break;
	case 3:
		if (test_random(&seed) % 4)
			break;
		expected = model_may(actor, t, true);
		if (expected)
			model.owner[t] = ZERO;
		assert_true(burn(actor, token[t]) == expected);
		break;
	default:
		if (test_random(&seed) % 3)
			a = model.owner[t];
		expected = model_move(actor, a, b, t, flag);
		assert_true(move(actor, a, b, token[t], flag) == expected);
		break;
	}
}

static void test_against_openzeppelin(void **state)
{
	uint64_t living_ = 0;

	(void)state;
	for (unsigned t = 0; t < TOKENS; t++) {
		model.owner[t] = t % USERS;
		model.approved[t] = ZERO;
	}
	for (int i = 0; i < CALLS; i++) {
		step();
		for (unsigned t = 0; t < TOKENS && i % 20 == 0; t++) {
			assert_int_equal(owner_of(token[t]), model.owner[t] == ZERO ? ZERO + 1 : model.owner[t]);
			if (model.owner[t] != ZERO)
				assert_int_equal(approved_for(token[t]), model.approved[t]);
		}
	}
	for (unsigned u = 0; u <= UNSAFE; u++) {
		uint64_t n = 0;

		for (unsigned t = 0; t < TOKENS; t++)
			n += model.owner[t] == u;
		assert_int_equal(balance(u), n);
		living_ += n;
	}
	assert_int_equal(supply(), living_);
}

/* --- terms and parents --- */

static void test_terms(void **state)
{
	aic_terms terms = {.licence = "for members", .verify = AIC_VERIFY_OWNER, .per_job = 5, .per_gpu_hour = AIC_UNIT};
	aic_address owner = user(0), stranger = user(1);
	aic_bytes body = {0};
	aic_asset a;

	(void)state;
	aic_asset_terms_body(&body, &stranger, token[0], &terms);
	assert_false(send(AIC_TX_ASSET_TERMS, &body, NULL));
	aic_asset_terms_body(&body, &owner, token[0], &terms);
	assert_true(send(AIC_TX_ASSET_TERMS, &body, NULL));
	assert_ok(aic_state_asset(site.state, token[0], &a, err));
	assert_string_equal(a.terms.licence, "for members");
	assert_true(a.terms.verify == AIC_VERIFY_OWNER && a.terms.per_job == 5 && a.terms.per_gpu_hour == AIC_UNIT);
}

static void test_parents(void **state)
{
	aic_asset a = {.kind = AIC_ASSET_TRAINED, .n_parents = 2}, got;
	aic_u256 id, before;

	(void)state;
	bool swap = aic_u256_cmp(token[0], token[1]) > 0;
	a.parent[0].asset = token[swap ? 1 : 0];
	a.parent[1].asset = token[swap ? 0 : 1];
	a.parent[0].ppm = 600000;
	a.parent[1].ppm = 400000;
	assert_true(mint(2, &a, &id));
	assert_ok(aic_state_asset(site.state, id, &got, err));
	assert_int_equal(got.generation, 2);
	assert_int_equal(got.parent[0].ppm, 600000);
	a.n_parents = 1;
	a.parent[0].asset = no_token();
	assert_false(mint(2, &a, &id));
	assert_true(burn(0, token[0]));
	a.parent[0].asset = token[0];
	assert_false(mint(2, &a, &id));
	before = token[1];
	for (int generation = 2; generation <= AIC_GENERATIONS_MAX; generation++) {
		a.parent[0].asset = before;
		assert_true(mint(2, &a, &before));
	}
	a.parent[0].asset = before;
	assert_false(mint(2, &a, &id));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_site, close_site)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_against_openzeppelin), TEST(test_terms), TEST(test_parents)};

	return cmocka_run_group_tests_name("ledger ERC-721 against OpenZeppelin's", tests, NULL, NULL);
}
