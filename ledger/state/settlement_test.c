/* settlement_test.c: economics.md 2 and 4 to the unit: rewards, issuance, debts, every bound, exactly once, nothing lost. */
#define _GNU_SOURCE
#include "ledger/testing.h"

#include "ledger/state/execute.h"
#include "ledger/state/settlement.h"

static test_site site;

static int open_site(void **state)
{
	aic_error err = {0};

	if (test_folder_make(state))
		return -1;
	return test_site_open(&site, *state, &err) ? -1 : 0;
}

static int close_site(void **state)
{
	test_site_close(&site);
	return test_folder_remove(state);
}

static aic_settlement_line line(unsigned payer, unsigned payee, aic_amount gross, uint64_t q_ppm)
{
	aic_settlement_line l = {.payer = test_wallet(payer), .payee = test_wallet(payee), .kind = AIC_KIND_HARDWARE, .n = 1,
	                         .gross = gross};

	l.fee = aic_ppm_of(gross, aic_parameters_default.fee_ppm);
	l.stake = l.fee * q_ppm;
	return l;
}

static void result_of(const char *period, uint64_t number, aic_settlement_result *r)
{
	aic_settlement_row row;
	aic_bytes bytes = {0};
	uint64_t index;

	memset(r, 0, sizeof(*r));
	assert_ok(aic_state_settlement(site.state, &site.chain.site, period, number, &row, err));
	assert_ok(aic_state_find_tx(site.state, &row.tx, &r->height, &index, &bytes, err));
	assert_ok(aic_settlement_result_decode(r, bytes.data, bytes.len, err));
	aic_bytes_free(&bytes);
}

/* The worked example of economics.md 1, with full quality: 4.285 AIC gross, 0.4285 fee; a newcomer's rating is one half. */
static void test_worked_example(void **state)
{
	aic_amount gross = AIC_UNIT * 4285 / 1000, fee = gross / 10, proven = fee / 2;
	aic_settlement_line l = line(0, 1, gross, 1000000);
	aic_address payer = test_wallet(0), payee = test_wallet(1), treasury = aic_treasury_address();
	aic_amount first, second, kappa_p, room;
	aic_settlement_result r;

	(void)state;
	assert_ok(test_settle(&site, "2026-W48", 1, &l, 1, err));
	first = proven * 45 / 100;
	kappa_p = proven * 35 / 100;
	room = aic_issuable(&aic_parameters_default, fee);
	second = room < kappa_p ? room : kappa_p;
	result_of("2026-W48", 1, &r);
	assert_int_equal(r.n_lines, 1);
	assert_true(r.reward[0] == first + second);
	assert_true(r.issued[0] == second);
	assert_true(test_balance(&site, &payer) == TEST_FUNDS - gross);
	assert_true(test_balance(&site, &payee) == TEST_FUNDS + gross - fee + first + second);
	assert_true(test_balance(&site, &treasury) == fee - first);
	assert_true(test_totals(&site).fees == fee);
	assert_true(test_totals(&site).issued == second);
	assert_true(test_totals(&site).supply == TEST_WALLETS * TEST_FUNDS + second);
	assert_true(test_sum_of_balances(&site) == test_totals(&site).supply);
	aic_settlement_result_clear(&r);
}

static void test_exactly_once(void **state)
{
	aic_settlement_line l = line(0, 1, AIC_UNIT, 500000);
	aic_address payer = test_wallet(0);
	uint64_t height;

	(void)state;
	assert_ok(test_settle(&site, "2026-W48", 1, &l, 1, err));
	height = aic_state_head(site.state)->height;
	assert_fails(test_settle(&site, "2026-W48", 1, &l, 1, err), AIC_REFUSED, "2026-W48/1 of this site was posted at height 1");
	l.gross += 10;
	assert_fails(test_settle(&site, "2026-W48", 1, &l, 1, err), AIC_REFUSED, "was posted at height 1");
	assert_int_equal(aic_state_head(site.state)->height, height);
	assert_true(test_balance(&site, &payer) == TEST_FUNDS - AIC_UNIT);
	l.gross -= 10;
	assert_ok(test_settle(&site, "2026-W48", 2, &l, 1, err));
}

static void test_bounds(void **state)
{
	aic_settlement_line ok = line(0, 1, AIC_UNIT, 1000000), two[2], l;
	aic_hash root = aic_state_head(site.state)->root;

	(void)state;
	l = ok;
	l.fee++;
	assert_fails(test_settle(&site, "p", 1, &l, 1, err), AIC_REFUSED, "line 1: fee 0.100000000000000001 AIC is not within 1 units");
	l = ok;
	l.fee -= 2;
	l.stake = 0;
	assert_fails(test_settle(&site, "p", 1, &l, 1, err), AIC_REFUSED, "line 1: fee 0.099999999999999998 AIC is not within 1 units");
	l = ok;
	l.stake++;
	assert_fails(test_settle(&site, "p", 1, &l, 1, err), AIC_REFUSED, "line 1: stake 100000000000000000000001 is above fee * 10^6");
	l = ok;
	l.n = 0;
	assert_fails(test_settle(&site, "p", 1, &l, 1, err), AIC_REFUSED, "line 1: n is 0");
	l = ok;
	l.n = (uint64_t)1 << 32;
	assert_fails(test_settle(&site, "p", 1, &l, 1, err), AIC_REFUSED, "line 1: n is 4294967296");
	l = ok;
	l.payee = l.payer;
	assert_fails(test_settle(&site, "p", 1, &l, 1, err), AIC_REFUSED, "line 1: payer and payee belong to one organisation");
	l = ok;
	l.payee = aic_treasury_address();
	assert_fails(test_settle(&site, "p", 1, &l, 1, err), AIC_REFUSED, "the treasury");
	l = ok;
	l.payee.b[3] ^= 1;
	assert_fails(test_settle(&site, "p", 1, &l, 1, err), AIC_REFUSED, "is not registered");
	two[0] = two[1] = ok;
	assert_fails(test_settle(&site, "p", 1, two, 2, err), AIC_CORRUPT, "line 2 does not follow line 1");
	two[0] = line(1, 0, AIC_UNIT, 0);
	assert_fails(test_settle(&site, "p", 1, two, 2, err), AIC_CORRUPT, "line 2 does not follow line 1");
	two[0] = ok;
	two[1] = line(2, 3, AIC_UNIT, 0);
	two[1].fee += 5;
	assert_fails(test_settle(&site, "p", 1, two, 2, err), AIC_REFUSED, "line 2: fee");
	assert_fails(test_settle(&site, "", 1, &ok, 1, err), AIC_REFUSED, "needs a period");
	assert_fails(test_settle(&site, "p", 0, &ok, 1, err), AIC_REFUSED, "a number from 1");
	assert_fails(test_settle(&site, "p", 1, &ok, 0, err), AIC_REFUSED, "at least one line");
	assert_memory_equal(&root, &aic_state_head(site.state)->root, sizeof(root));
	assert_ok(aic_tree_root(aic_state_tree(site.state), &root, err));
	assert_memory_equal(&root, &aic_state_head(site.state)->root, sizeof(root));
	ok.fee -= 1; /* one unit below is within n */
	ok.stake = 0;
	assert_ok(test_settle(&site, "p", 1, &ok, 1, err));
}

static void test_lack_of_funds(void **state)
{
	aic_settlement_line l[4];
	char text[AIC_ADDRESS_TEXT];
	aic_address a = test_wallet(0), b = test_wallet(2), c = test_wallet(1);

	(void)state;
	l[0] = line(0, 1, TEST_FUNDS / 2 + 1, 0);
	l[1] = line(0, 2, TEST_FUNDS / 2, 0);
	l[2] = line(1, 0, TEST_FUNDS, 0);
	l[3] = line(2, 3, TEST_FUNDS + AIC_UNIT, 0);
	assert_fails(test_settle(&site, "p", 1, l, 4, err), AIC_REFUSED, "2 wallets lack funds");
	assert_fails(test_settle(&site, "p", 1, l, 4, err), AIC_REFUSED, aic_address_text(text, &a));
	assert_fails(test_settle(&site, "p", 1, l, 4, err), AIC_REFUSED, aic_address_text(text, &b));
	assert_fails(test_settle(&site, "p", 1, l, 4, err), AIC_REFUSED, "holds 1000 AIC, its 1 line (first: line 4) needs 1001 AIC");
	assert_true(test_balance(&site, &c) == TEST_FUNDS);
	/* what a wallet gets in a settlement does not pay in the same one: the order of lines must not matter */
	l[0] = line(0, 1, TEST_FUNDS, 0);
	l[1] = line(1, 2, TEST_FUNDS + 1, 0);
	assert_fails(test_settle(&site, "p", 1, l, 2, err), AIC_REFUSED, "1 wallet lacks funds");
	l[1] = line(1, 2, TEST_FUNDS, 0);
	assert_ok(test_settle(&site, "p", 1, l, 2, err));
}

static void test_locked_and_custody(void **state)
{
	aic_settlement_line l = line(TEST_LOCKED, 1, AIC_UNIT, 0);

	(void)state;
	assert_fails(test_settle(&site, "p", 1, &l, 1, err), AIC_REFUSED, "is locked until height 1000, this is height 1");
	assert_fails(test_transfer(&site, TEST_LOCKED, 0, 1, err), AIC_REFUSED, "is locked until height 1000");
	assert_ok(test_transfer(&site, 0, TEST_LOCKED, 1, err));
	l.payer = aic_treasury_address();
	assert_fails(test_settle(&site, "p", 1, &l, 1, err), AIC_REFUSED, "the treasury");
}

/* A debt is served oldest first from what a settlement credits, not from transfers. */
static void test_debts(void **state)
{
	aic_settlement_line l = line(0, 1, AIC_UNIT * 10, 0);
	aic_address debtor = test_wallet(1), old = test_wallet(2), recent = test_wallet(3);
	aic_wallet w;

	(void)state;
	aic_state_begin(site.state, 1, 0);
	assert_ok(aic_debt_add(site.state, &debtor, &old, AIC_UNIT * 5, err));
	assert_ok(aic_debt_add(site.state, &debtor, &recent, AIC_UNIT * 7, err));
	aic_hash hash = aic_sha256_of("x", 1);
	assert_ok(aic_state_commit(site.state, &hash, "x", 1, true, err));
	/* the log does not know that block: go on with the state alone */
	aic_key_row me;
	aic_bytes body = {0}, tx = {0};
	aic_settlement st = {.period = "p", .number = 1, .n_lines = 1, .line = &l};
	assert_ok(aic_state_key(site.state, site.key.public_key, &me, err));
	aic_settlement_body(&body, &st);
	aic_tx_build(&tx, AIC_TX_SETTLEMENT, &site.key, &aic_state_head(site.state)->chain, me.nonce, body.data, body.len);
	aic_state_begin(site.state, 2, 0);
	assert_ok(aic_state_execute(site.state, tx.data, tx.len, err));
	assert_ok(aic_state_commit(site.state, &hash, "y", 1, true, err));
	assert_ok(aic_state_wallet(site.state, &debtor, &w, err));
	assert_true(w.balance == TEST_FUNDS);
	assert_true(w.debt == AIC_UNIT * 3); /* 12 owed, 9 net earned */
	assert_true(test_balance(&site, &old) == TEST_FUNDS + AIC_UNIT * 5);
	assert_true(test_balance(&site, &recent) == TEST_FUNDS + AIC_UNIT * 4);
	assert_true(test_sum_of_balances(&site) == test_totals(&site).supply);
	aic_bytes_free(&body);
	aic_bytes_free(&tx);
}

/* The body of the settlement that stands in the block at that height. */
static void settlement_body_at(uint64_t height, aic_bytes *body)
{
	aic_bytes bytes = {0};
	aic_transaction tx;
	aic_block b;
	aic_hash hash;
	bool valid;

	assert_ok(aic_state_block(site.state, height, &bytes, &hash, &valid, err));
	assert_ok(aic_block_decode(&b, bytes.data, bytes.len, err));
	assert_ok(aic_tx_decode(&tx, b.tx[0].data, b.tx[0].len, err));
	aic_bytes_append(body, tx.body, tx.body_len);
	aic_block_clear(&b);
	aic_bytes_free(&bytes);
}

/* Each amount has an evidence of its own. */
static aic_code reverse(const aic_bytes *settlement, uint64_t at, aic_amount amount, aic_error *err)
{
	aic_hash evidence = aic_sha256_of(&amount, sizeof(amount));
	aic_bytes body = {0};
	aic_posted posted;
	aic_code code = aic_reversal_body_of(&body, settlement->data, settlement->len, at, amount, &evidence, NULL, 0, err);

	if (!code)
		code = aic_chain_post(&site.chain, AIC_TX_REVERSAL, &body, &posted, err);
	aic_bytes_free(&body);
	return code;
}

/* Taken back from the provider alone, at most the gross in all; what its balance lacks is a debt, served by what it earns next. */
static void test_reversal(void **state)
{
	aic_settlement_line l[3] = {line(0, 1, 10 * AIC_UNIT, 0), line(2, 3, 4 * AIC_UNIT, 0), line(2, 4, 5 * AIC_UNIT, 0)}, next;
	aic_address customer = test_wallet(0), provider = test_wallet(1), treasury = aic_treasury_address();
	aic_bytes body = {0}, other = {0};
	aic_wallet w;

	(void)state;
	assert_ok(test_settle(&site, "p", 1, l, 3, err));
	settlement_body_at(1, &body);
	assert_ok(reverse(&body, 0, 4 * AIC_UNIT, err));
	assert_true(test_balance(&site, &customer) == TEST_FUNDS - 6 * AIC_UNIT);
	assert_true(test_balance(&site, &provider) == TEST_FUNDS + 5 * AIC_UNIT);
	assert_true(test_balance(&site, &treasury) == 19 * AIC_UNIT / 10); /* fees stay */
	assert_fails(reverse(&body, 0, 4 * AIC_UNIT, err), AIC_REFUSED, "line 1 was reversed for this evidence at height 2 already");
	assert_fails(reverse(&body, 0, 6 * AIC_UNIT + 1, err), AIC_REFUSED, "10.000000000000000001 AIC would be taken back in all");
	assert_fails(reverse(&body, 0, 0, err), AIC_REFUSED, "its amount is 0");
	assert_fails(reverse(&body, 3, 1, err), AIC_NOT_FOUND, "line 4 is not in this settlement");
	/* a line that was not settled so */
	l[0].gross = 100 * AIC_UNIT;
	aic_settlement forged = {.period = "p", .number = 1, .n_lines = 3, .line = l};
	aic_settlement_body(&other, &forged);
	assert_fails(reverse(&other, 0, 1, err), AIC_REFUSED, "line 1 of settlement p/1 is not what this says");
	/* the provider has moved its money on */
	assert_ok(test_transfer(&site, 1, 5, TEST_FUNDS + 3 * AIC_UNIT, err));
	assert_ok(reverse(&body, 0, 6 * AIC_UNIT, err));
	assert_ok(aic_state_wallet(site.state, &provider, &w, err));
	assert_true(w.balance == 0 && w.debt == 4 * AIC_UNIT);
	assert_ok(test_transfer(&site, 5, 1, AIC_UNIT, err)); /* transfers do not serve it */
	assert_ok(aic_state_wallet(site.state, &provider, &w, err));
	assert_true(w.balance == AIC_UNIT && w.debt == 4 * AIC_UNIT);
	next = line(2, 1, 10 * AIC_UNIT, 0);
	assert_ok(test_settle(&site, "p", 2, &next, 1, err));
	assert_ok(aic_state_wallet(site.state, &provider, &w, err));
	assert_true(w.balance == 6 * AIC_UNIT && w.debt == 0);
	assert_true(test_balance(&site, &customer) == TEST_FUNDS);
	assert_true(test_sum_of_balances(&site) == test_totals(&site).supply);
	aic_bytes_free(&body);
	aic_bytes_free(&other);
}

static int by_line(const void *a, const void *b)
{
	const aic_settlement_line *x = a, *y = b;
	int c = aic_address_cmp(&x->payer, &y->payer);

	if (!c)
		c = aic_address_cmp(&x->payee, &y->payee);
	return c ? c : (int)x->kind - (int)y->kind;
}

static size_t random_lines(aic_settlement_line *l, size_t max, uint64_t *seed)
{
	size_t n = 0, want = 1 + test_random(seed) % max;

	for (size_t i = 0; i < want; i++) {
		unsigned payer = (unsigned)(test_random(seed) % (TEST_WALLETS - 1)), payee = (unsigned)(test_random(seed) % TEST_WALLETS);

		l[n] = line(payer, payee, test_random(seed) % (20 * (uint64_t)AIC_UNIT / 10), payer == payee ? 0 : test_random(seed) % 1000001);
		l[n].kind = (aic_line_kind)(test_random(seed) % 4);
		n++;
	}
	qsort(l, n, sizeof(*l), by_line);
	size_t unique = 1;
	for (size_t i = 1; i < n; i++)
		if (by_line(&l[unique - 1], &l[i]))
			l[unique++] = l[i];
	return unique;
}

/* Random economies, rings among them: balances sum to the supply, which grows by what is issued; no reward above
 * (rho + kappa) of the line's own fee. */
static void test_conservation(void **state)
{
	uint64_t seed = 20261123;
	aic_settlement_line l[12];

	(void)state;
	for (int i = 1; i <= 150; i++) {
		aic_totals before = test_totals(&site);
		aic_settlement_result r;

		if (test_random(&seed) % 3 == 0) {
			aic_error err;
			test_transfer(&site, (unsigned)(test_random(&seed) % 8), (unsigned)(test_random(&seed) % 8),
			              test_random(&seed) % (3000 * (uint64_t)1000000000), &err);
			assert_true(test_sum_of_balances(&site) == before.supply);
			continue;
		}
		size_t n = random_lines(l, 12, &seed);
		aic_error err = {0};
		if (test_settle(&site, "ring", (uint64_t)i, l, n, &err)) {
			assert_non_null(strstr(err.message, "lack"));
			continue;
		}
		aic_totals after = test_totals(&site);
		aic_amount issued = 0;

		result_of("ring", (uint64_t)i, &r);
		for (size_t k = 0; k < n; k++) {
			assert_true(r.reward[k] <= l[k].fee * 800000 / 1000000);
			issued += r.issued[k];
		}
		assert_true(after.supply - before.supply == issued);
		assert_true(after.issued - before.issued == issued);
		assert_true(after.issued <= aic_issuable(&aic_parameters_default, after.fees));
		assert_true(test_sum_of_balances(&site) == after.supply);
		aic_settlement_result_clear(&r);
	}
	assert_true(test_totals(&site).issued > 0);
}

/* Circles lose: a ring of two wallets pays itself at full quality and ends with at least 10 % of its fees less. */
static void test_circles_lose(void **state)
{
	aic_amount before, after, fees = 0;
	aic_address a = test_wallet(0), b = test_wallet(1);

	(void)state;
	before = test_balance(&site, &a) + test_balance(&site, &b);
	for (uint64_t i = 1; i <= 20; i++) {
		aic_settlement_line l[2] = {line(0, 1, 100 * AIC_UNIT, 1000000), line(1, 0, 100 * AIC_UNIT, 1000000)};

		assert_ok(test_settle(&site, "ring", i, l, 2, err));
		fees += l[0].fee + l[1].fee;
	}
	after = test_balance(&site, &a) + test_balance(&site, &b);
	assert_true(before - after >= fees / 10);
}

/* Splitting a batch changes rewards by rounding alone, where the issuance curve does not bind. */
static void test_split_of_a_batch(void **state)
{
	aic_settlement_line l[2] = {line(0, 1, AIC_UNIT * 3 + 7, 700001), line(2, 3, AIC_UNIT * 5 + 1, 333333)};
	aic_settlement_result whole, first, second;

	(void)state;
	assert_ok(test_settle(&site, "w", 1, l, 2, err));
	assert_ok(test_settle(&site, "s", 1, &l[0], 1, err));
	assert_ok(test_settle(&site, "s", 2, &l[1], 1, err));
	result_of("w", 1, &whole);
	result_of("s", 1, &first);
	result_of("s", 2, &second);
	assert_true(whole.reward[0] - whole.issued[0] == first.reward[0] - first.issued[0]);
	assert_true(whole.reward[1] - whole.issued[1] == second.reward[0] - second.issued[0]);
	aic_settlement_result_clear(&whole);
	aic_settlement_result_clear(&first);
	aic_settlement_result_clear(&second);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_site, close_site)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_worked_example), TEST(test_exactly_once), TEST(test_bounds),       TEST(test_lack_of_funds),
		TEST(test_locked_and_custody), TEST(test_debts),    TEST(test_conservation), TEST(test_circles_lose),
		TEST(test_split_of_a_batch), TEST(test_reversal),
	};

	return cmocka_run_group_tests_name("ledger settlement", tests, NULL, NULL);
}
