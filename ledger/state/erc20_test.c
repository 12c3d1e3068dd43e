/* erc20_test.c: the 25 properties that crytic/properties holds ERC-20 tokens to, each under its name, after random calls; and
 * those calls against a model of OpenZeppelin's contract: result, balances, allowances, supply and events after every one. */
#define _GNU_SOURCE
#include "ledger/testing.h"

#include "common/cbor.h"
#include "ledger/state/settlement.h"
#include "ledger/state/token.h"
#include "ledger/state/vote.h"

#define USERS 5
#define ROUNDS 30   /* of a property */
#define CALLS 4000  /* against the model */

typedef enum { TRANSFER, APPROVE, TRANSFER_FROM, INCREASE, DECREASE, BURN, BURN_FROM, OPERATIONS } operation;

static test_site site;
static uint64_t nonce, seed;

static int open_site(void **state)
{
	aic_error err = {0};

	nonce = 0;
	seed = 20;
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

/* --- the contract, as a caller sees it: user USERS is the zero address --- */

static aic_address user(unsigned i)
{
	return i < USERS ? test_wallet(i) : (aic_address){{0}};
}

static bool send(uint64_t kind, const aic_bytes *body)
{
	aic_bytes tx = {0};

	aic_tx_build(&tx, kind, &site.key, &aic_state_head(site.state)->chain, nonce, body->data, body->len);
	aic_code code = aic_state_execute(site.state, tx.data, tx.len, NULL);
	assert_true(code == AIC_OK || code == AIC_REFUSED);
	nonce += code == AIC_OK;
	aic_bytes_free(&tx);
	return code == AIC_OK;
}

static bool call(operation op, unsigned actor, unsigned a, unsigned b, aic_u256 value)
{
	static const uint64_t kind[] = {AIC_TX_TRANSFER, AIC_TX_APPROVE, AIC_TX_TRANSFER_FROM, AIC_TX_INCREASE_ALLOWANCE,
	                                AIC_TX_DECREASE_ALLOWANCE, AIC_TX_BURN, AIC_TX_BURN_FROM};
	aic_address x = user(actor), y = user(a), z = user(b);
	aic_bytes body = {0};
	aic_amount amount = 0;

	if (op != APPROVE && op != INCREASE && op != DECREASE)
		assert_true(aic_u256_to_amount(value, &amount));
	if (op == TRANSFER)
		aic_transfer_body(&body, &x, &y, amount);
	else if (op == TRANSFER_FROM)
		aic_transfer_from_body(&body, &x, &y, &z, amount);
	else if (op == BURN)
		aic_burn_body(&body, &x, amount);
	else if (op == BURN_FROM)
		aic_burn_from_body(&body, &x, &y, amount);
	else
		aic_allowance_body(&body, &x, &y, value);
	bool ok = send(kind[op], &body);
	aic_bytes_free(&body);
	return ok;
}

static bool transfer(unsigned from, unsigned to, aic_amount value)
{
	return call(TRANSFER, from, to, 0, aic_u256_from(value));
}

static bool transfer_from(unsigned spender, unsigned from, unsigned to, aic_amount value)
{
	return call(TRANSFER_FROM, spender, from, to, aic_u256_from(value));
}

static aic_amount balance(unsigned i)
{
	aic_address a = user(i);
	aic_wallet w = {.balance = 0};
	aic_code code = aic_state_wallet(site.state, &a, &w, NULL);

	assert_true(code == AIC_OK || code == AIC_NOT_FOUND);
	return w.balance;
}

static aic_u256 allowance(unsigned owner, unsigned spender)
{
	aic_address a = user(owner), b = user(spender);
	aic_u256 value;

	assert_ok(aic_allowance(site.state, &a, &b, &value, err));
	return value;
}

static aic_amount supply(void)
{
	return test_totals(&site).supply;
}

static const aic_u256 infinite = {{~0ULL, ~0ULL, ~0ULL, ~0ULL}};

static bool equal(aic_u256 a, aic_u256 b)
{
	return aic_u256_cmp(a, b) == 0;
}

static aic_amount below(aic_amount limit) /* 0 .. limit */
{
	aic_amount r = (aic_amount)test_random(&seed) << 64 | test_random(&seed);

	return limit == ~(aic_amount)0 ? r : r % (limit + 1);
}

static unsigned any(void)
{
	return (unsigned)(test_random(&seed) % USERS);
}

static unsigned other(unsigned than)
{
	return (than + 1 + (unsigned)(test_random(&seed) % (USERS - 1))) % USERS;
}

static aic_u256 any_u256(void)
{
	static const unsigned bits[] = {0, 1, 20, 64, 70, 127, 128, 200, 256};
	unsigned n = bits[test_random(&seed) % 9];
	aic_u256 v = infinite;

	if (n < 256)
		v = aic_u256_shr((aic_u256){{test_random(&seed), test_random(&seed), test_random(&seed), test_random(&seed)}}, 256 - (n ? n : 1));
	return n ? v : aic_u256_from(0);
}

/* A random valid or invalid call: what the fuzzer does between two looks at a property. */
static void anything(void)
{
	operation op = (operation)(test_random(&seed) % OPERATIONS);
	unsigned actor = any(), a = (unsigned)(test_random(&seed) % (USERS + 1)), b = (unsigned)(test_random(&seed) % (USERS + 1));
	aic_u256 value = op == APPROVE || op == INCREASE || op == DECREASE ? any_u256() : aic_u256_from(below(balance(actor) / 8 + 1));

	call(op, actor, a, b, value);
}

static void shake(void)
{
	for (int i = 0; i < 8; i++)
		anything();
	for (unsigned i = 0; i < USERS; i++) /* nobody may run dry, or the property would say nothing */
		if (balance(i) < 1000)
			for (unsigned k = 0; k < USERS; k++)
				if (k != i && balance(k) > 1000000)
					transfer(k, i, balance(k) / 4);
}

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

/* --- against the model --- */

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
		TEST(test_against_openzeppelin),
	};

	return cmocka_run_group_tests_name("ledger ERC-20", tests, NULL, NULL);
}
