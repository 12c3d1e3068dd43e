/* erc20_model_test.c: random calls against a model of OpenZeppelin's ERC-20: result, balances, allowances, supply and events after
 * every one. */
#define _GNU_SOURCE
#include "ledger/state/erc20_testing.h"

#define CALLS 4000

static struct {
	aic_amount balance[USERS], supply;
	aic_u256 allowance[USERS][USERS + 1];
	uint64_t events; /* Transfer and Approval */
} model;

static bool model_move(unsigned from, unsigned to, aic_amount value) /* to USERS: burns */
{
	if (value > model.balance[from])
		return false;
	model.balance[from] -= value;
	if (to < USERS)
		model.balance[to] += value;
	else
		model.supply -= value;
	model.events++;
	return true;
}

static bool model_spend(unsigned owner, unsigned spender, aic_amount value, bool then)
{
	aic_u256 left = model.allowance[owner][spender];

	if (equal(left, infinite))
		return true;
	if (!aic_u256_sub(&left, left, aic_u256_from(value)) || !then)
		return false;
	model.allowance[owner][spender] = left;
	return true;
}

static bool model_call(operation op, unsigned actor, unsigned a, unsigned b, aic_u256 value)
{
	aic_u256 *slot = &model.allowance[actor][a];
	aic_amount amount = 0;

	aic_u256_to_amount(value, &amount);
	switch (op) {
	case TRANSFER:
		return a < USERS && model_move(actor, a, amount);
	case TRANSFER_FROM: /* all or nothing: the allowance stays where the move fails */
		return a < USERS && b < USERS && model_spend(a, actor, amount, amount <= model.balance[a]) && model_move(a, b, amount);
	case BURN:
		return model_move(actor, USERS, amount);
	case BURN_FROM:
		return a < USERS && model_spend(a, actor, amount, amount <= model.balance[a]) && model_move(a, USERS, amount);
	default:
		if (a == USERS || (op == INCREASE && !aic_u256_add(&value, *slot, value)) ||
		    (op == DECREASE && !aic_u256_sub(&value, *slot, value)))
			return false;
		*slot = value;
		model.events++;
		return true;
	}
}

static void check_model(void)
{
	assert_true(supply() == model.supply);
	for (unsigned i = 0; i < USERS; i++) {
		assert_true(balance(i) == model.balance[i]);
		for (unsigned k = 0; k < USERS; k++)
			assert_true(equal(allowance(i, k), model.allowance[i][k]));
	}
}

static void test_against_openzeppelin(void **state)
{
	int accepted = 0;
	uint64_t written = 0;
	aic_bytes events = {0};
	aic_hash hash = aic_sha256_of("x", 1);
	int64_t time;
	aic_cbor c;

	(void)state;
	memset(&model, 0, sizeof(model));
	model.supply = supply();
	for (unsigned i = 0; i < USERS; i++)
		model.balance[i] = TEST_FUNDS;
	for (int i = 0; i < CALLS; i++) {
		operation op = (operation)(test_random(&seed) % OPERATIONS);
		unsigned actor = any(), a = (unsigned)(test_random(&seed) % (USERS + 1)), b = (unsigned)(test_random(&seed) % (USERS + 1));
		aic_amount most = test_random(&seed) % 4 ? balance(actor) / 100 : TEST_FUNDS * 2;
		aic_u256 value = op == APPROVE || op == INCREASE || op == DECREASE ? any_u256() : aic_u256_from(below(most));
		bool expected = model_call(op, actor, a, b, value);

		assert_true(call(op, actor, a, b, value) == expected);
		accepted += expected;
		if (i % 50 == 0)
			check_model();
	}
	check_model();
	assert_true(accepted > CALLS / 4 && accepted < CALLS * 3 / 4);
	assert_ok(aic_state_commit(site.state, &hash, "x", 1, true, err));
	assert_ok(aic_state_events(site.state, 1, &events, &time, err));
	aic_cbor_init(&c, events.data, events.len);
	while (aic_cbor_peek(&c) != AIC_CBOR_END) {
		aic_event e;

		aic_event_get(&c, &e);
		assert_true(aic_cbor_ok(&c));
		assert_true(e.kind == AIC_EVENT_TRANSFER || e.kind == AIC_EVENT_APPROVAL);
		written++;
	}
	assert_int_equal(written, model.events);
	aic_bytes_free(&events);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_site, close_site)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_against_openzeppelin)};

	return cmocka_run_group_tests_name("ledger ERC-20 against OpenZeppelin's", tests, NULL, NULL);
}
