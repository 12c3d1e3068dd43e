/* erc20_test.c: the 25 properties that crytic/properties holds ERC-20 tokens to, each under its name, after random calls. */
#define _GNU_SOURCE
#include "ledger/state/erc20_testing.h"

#define ROUNDS 30 /* of a property */

/* --- ERC20-BASE --- */

static void test_ERC20_constantSupply(void **state)
{
	aic_amount before = supply();

	(void)state;
	for (int i = 0; i < ROUNDS * 8; i++) {
		operation op = (operation)(test_random(&seed) % BURN);

		call(op, any(), any(), any(), op == TRANSFER || op == TRANSFER_FROM ? aic_u256_from(below(TEST_FUNDS)) : any_u256());
		assert_true(supply() == before);
	}
}

static void test_ERC20_userBalanceNotHigherThanSupply(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		shake();
		for (unsigned u = 0; u < USERS; u++)
			assert_true(balance(u) <= supply());
	}
}

static void test_ERC20_usersBalancesNotHigherThanSupply(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		aic_amount sum = 0;

		shake();
		for (unsigned u = 0; u < USERS; u++)
			sum += balance(u);
		assert_true(sum <= supply());
		assert_true(test_sum_of_balances(&site) == supply());
	}
}

static void test_ERC20_zeroAddressBalance(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		shake();
		assert_true(balance(USERS) == 0);
	}
}

static void test_ERC20_transferToZeroAddress(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned u = any();

		shake();
		assert_true(balance(u) > 0);
		assert_false(transfer(u, USERS, balance(u)));
		assert_false(transfer(u, USERS, 0));
	}
}

static void test_ERC20_transferFromToZeroAddress(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned u = any(), s = any();

		shake();
		assert_true(call(APPROVE, u, s, 0, aic_u256_from(balance(u))));
		assert_false(transfer_from(s, u, USERS, below(balance(u))));
	}
}

static void test_ERC20_selfTransfer(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned u = any();

		shake();
		aic_amount before = balance(u);
		assert_true(transfer(u, u, below(before)));
		assert_true(balance(u) == before);
	}
}

static void test_ERC20_selfTransferFrom(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned u = any(), s = any();

		shake();
		aic_amount before = balance(u);
		assert_true(call(APPROVE, u, s, 0, aic_u256_from(before)));
		assert_true(transfer_from(s, u, u, below(before)));
		assert_true(balance(u) == before);
	}
}

static void test_ERC20_transferMoreThanBalance(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned u = any(), to = other(u);

		shake();
		aic_amount mine = balance(u), theirs = balance(to);
		assert_false(transfer(u, to, mine + 1 + below(TEST_FUNDS)));
		assert_true(balance(u) == mine && balance(to) == theirs);
	}
}

static void test_ERC20_transferFromMoreThanBalance(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned u = any(), s = any(), to = other(u);

		shake();
		aic_amount mine = balance(u), theirs = balance(to);
		assert_true(call(APPROVE, u, s, 0, infinite));
		assert_false(transfer_from(s, u, to, mine + 1));
		assert_true(balance(u) == mine && balance(to) == theirs);
	}
}

static void test_ERC20_transferZeroAmount(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned u = any(), to = any();

		shake();
		aic_amount mine = balance(u), theirs = balance(to);
		assert_true(transfer(u, to, 0));
		assert_true(balance(u) == mine && balance(to) == theirs);
	}
}

static void test_ERC20_transferFromZeroAmount(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned u = any(), s = any(), to = any();

		shake();
		aic_amount mine = balance(u), theirs = balance(to);
		assert_true(call(APPROVE, u, s, 0, aic_u256_from(1)));
		assert_true(transfer_from(s, u, to, 0));
		assert_true(balance(u) == mine && balance(to) == theirs);
	}
}

static void test_ERC20_transfer(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned u = any(), to = other(u);

		shake();
		aic_amount mine = balance(u), theirs = balance(to), value = below(mine - 1) + 1;
		assert_true(transfer(u, to, value));
		assert_true(balance(u) == mine - value && balance(to) == theirs + value);
	}
}

static void test_ERC20_transferFrom(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned u = any(), s = other(u), to = other(u);

		shake();
		aic_amount mine = balance(u), theirs = balance(to), value = below(mine - 1) + 1;
		assert_true(call(APPROVE, u, s, 0, aic_u256_from(mine + 1)));
		assert_true(transfer_from(s, u, to, value));
		assert_true(balance(u) == mine - value && balance(to) == theirs + value);
	}
}

static void test_ERC20_setAllowance(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned u = any(), s = any();
		aic_u256 value = any_u256();

		shake();
		assert_true(call(APPROVE, u, s, 0, value));
		assert_true(equal(allowance(u, s), value));
	}
}

static void test_ERC20_setAllowanceTwice(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned u = any(), s = any();
		aic_u256 value = any_u256(), half = aic_u256_shr(value, 1);

		shake();
		assert_true(call(APPROVE, u, s, 0, value));
		assert_true(call(APPROVE, u, s, 0, half));
		assert_true(equal(allowance(u, s), half));
	}
}

static void test_ERC20_spendAllowanceAfterTransfer(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned u = any(), s = other(u), to = other(u);
		aic_u256 before, left;

		shake();
		aic_amount value = below(balance(u) - 1) + 1;
		before = i % 5 ? aic_u256_from(balance(u) + 1) : infinite;
		assert_true(call(APPROVE, u, s, 0, before));
		assert_true(transfer_from(s, u, to, value));
		left = before;
		if (i % 5)
			assert_true(aic_u256_sub(&left, before, aic_u256_from(value)));
		assert_true(equal(allowance(u, s), left)); /* 2^256 - 1 never decreases */
	}
}

/* --- ERC20-BURNABLE --- */

static void test_ERC20_burn(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned u = any();

		shake();
		aic_amount mine = balance(u), all = supply(), value = below(mine / 4);
		assert_true(call(BURN, u, 0, 0, aic_u256_from(value)));
		assert_true(balance(u) == mine - value && supply() == all - value);
		assert_false(call(BURN, u, 0, 0, aic_u256_from(balance(u) + 1)));
	}
}

static void test_ERC20_burnFrom(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned u = any(), s = other(u);

		shake();
		aic_amount mine = balance(u), all = supply(), value = below(mine / 4);
		assert_true(call(APPROVE, u, s, 0, aic_u256_from(mine)));
		assert_true(call(BURN_FROM, s, u, 0, aic_u256_from(value)));
		assert_true(balance(u) == mine - value && supply() == all - value);
	}
}

static void test_ERC20_burnFromUpdateAllowance(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned u = any(), s = other(u);

		shake();
		aic_amount mine = balance(u), value = below(mine / 4);
		assert_true(call(APPROVE, u, s, 0, aic_u256_from(mine)));
		assert_true(call(BURN_FROM, s, u, 0, aic_u256_from(value)));
		assert_true(equal(allowance(u, s), aic_u256_from(mine - value)));
		assert_false(call(BURN_FROM, s, u, 0, aic_u256_from(mine - value + 1)));
	}
}

/* --- ERC20-MINTABLE: minting is a settlement's issuance, by rule --- */

static void test_ERC20_mintTokens(void **state)
{
	aic_amount gross = 8 * AIC_UNIT; /* a fee of 0.8 AIC is more than one step of S (1.7 * 10^9 / 2^32 AIC) */

	(void)state;
	for (uint64_t i = 1; i <= ROUNDS; i++) {
		aic_settlement_line l = {.payer = test_wallet(0), .payee = test_wallet(1), .n = 1, .gross = gross, .fee = gross / 10,
		                         .stake = gross / 10 * 1000000};
		aic_settlement st = {.period = "mint", .number = i, .n_lines = 1, .line = &l};
		aic_totals before = test_totals(&site), after;
		aic_amount mine = balance(1);
		aic_bytes body = {0};

		aic_settlement_body(&body, &st);
		assert_true(send(AIC_TX_SETTLEMENT, &body));
		aic_bytes_free(&body);
		after = test_totals(&site);
		aic_amount minted = after.issued - before.issued, first = gross / 20 * 45 / 100;
		assert_true(minted > 0);
		assert_true(after.supply == before.supply + minted);
		assert_true(balance(1) == mine + gross * 9 / 10 + first + minted);
	}
}

/* --- ERC20-PAUSABLE --- */

static void pause_ledger(bool paused)
{
	aic_bytes body = {0};

	aic_pause_body(&body, 10, paused);
	assert_true(send(AIC_TX_PAUSE, &body));
	aic_bytes_free(&body);
}

static void test_ERC20_pausedTransfer(void **state)
{
	(void)state;
	shake();
	for (int i = 0; i < ROUNDS; i++) {
		unsigned u = any(), to = other(u);
		aic_amount mine = balance(u), theirs = balance(to);

		pause_ledger(true);
		assert_false(transfer(u, to, below(mine)));
		assert_true(balance(u) == mine && balance(to) == theirs);
		pause_ledger(false);
		assert_true(transfer(u, to, 1));
	}
}

static void test_ERC20_pausedTransferFrom(void **state)
{
	(void)state;
	shake();
	for (int i = 0; i < ROUNDS; i++) {
		unsigned u = any(), s = other(u), to = other(u);
		aic_amount mine = balance(u), theirs = balance(to);

		assert_true(call(APPROVE, u, s, 0, infinite));
		pause_ledger(true);
		assert_false(transfer_from(s, u, to, below(mine)));
		assert_true(balance(u) == mine && balance(to) == theirs);
		pause_ledger(false);
		assert_true(transfer_from(s, u, to, 1));
	}
}

/* --- ERC20-ALLOWANCE --- */

static void test_ERC20_setAndIncreaseAllowance(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned u = any(), s = any();
		aic_u256 value = any_u256(), by = any_u256(), sum;
		bool fits = aic_u256_add(&sum, value, by);

		shake();
		assert_true(call(APPROVE, u, s, 0, value));
		assert_true(call(INCREASE, u, s, 0, by) == fits);
		assert_true(equal(allowance(u, s), fits ? sum : value));
	}
}

static void test_ERC20_setAndDecreaseAllowance(void **state)
{
	(void)state;
	for (int i = 0; i < ROUNDS; i++) {
		unsigned u = any(), s = any();
		aic_u256 value = any_u256(), by = any_u256(), rest;
		bool fits = aic_u256_sub(&rest, value, by);

		shake();
		assert_true(call(APPROVE, u, s, 0, value));
		assert_true(call(DECREASE, u, s, 0, by) == fits);
		assert_true(equal(allowance(u, s), fits ? rest : value));
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_site, close_site)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_ERC20_constantSupply),
		TEST(test_ERC20_userBalanceNotHigherThanSupply),
		TEST(test_ERC20_usersBalancesNotHigherThanSupply),
		TEST(test_ERC20_zeroAddressBalance),
		TEST(test_ERC20_transferToZeroAddress),
		TEST(test_ERC20_transferFromToZeroAddress),
		TEST(test_ERC20_selfTransfer),
		TEST(test_ERC20_selfTransferFrom),
		TEST(test_ERC20_transferMoreThanBalance),
		TEST(test_ERC20_transferFromMoreThanBalance),
		TEST(test_ERC20_transferZeroAmount),
		TEST(test_ERC20_transferFromZeroAmount),
		TEST(test_ERC20_transfer),
		TEST(test_ERC20_transferFrom),
		TEST(test_ERC20_setAllowance),
		TEST(test_ERC20_setAllowanceTwice),
		TEST(test_ERC20_spendAllowanceAfterTransfer),
		TEST(test_ERC20_burn),
		TEST(test_ERC20_burnFrom),
		TEST(test_ERC20_burnFromUpdateAllowance),
		TEST(test_ERC20_mintTokens),
		TEST(test_ERC20_pausedTransfer),
		TEST(test_ERC20_pausedTransferFrom),
		TEST(test_ERC20_setAndIncreaseAllowance),
		TEST(test_ERC20_setAndDecreaseAllowance),
	};

	return cmocka_run_group_tests_name("ledger ERC-20", tests, NULL, NULL);
}
