/* pay_test.c: what verdicts are paid, from what, and that nobody can milk it. */
#define _GNU_SOURCE
#include "ledger/state/session_testing.h"

#include "ledger/state/pay.h"
#include "ledger/state/token.h"

#define FEE ((aic_amount)3 * AIC_UNIT / 10)
#define SEGMENTS 12
#define PAID_VERIFIER (10 * FEE / SEGMENTS * (AIC_SESSION_Q + 1)) /* due for eleven of twelve segments: gross is ten times the fee */
#define PAID_THIRD (10 * FEE / SEGMENTS)

/* A verifier at each of the sites 1 to 4; site 5 only makes blocks. */
static int open_ledger(void **state)
{
	if (test_ledger_six(state))
		return -1;
	for (unsigned i = 1; i < 5; i++) {
		aic_address a = test_member_wallet(i, 1);
		test_verifier(i, (uint8_t)(100 + i), &a);
	}
	return 0;
}

static aic_hash challenged(uint64_t run, unsigned payer, unsigned provider)
{
	aic_session o = {.payer = test_wallet(payer), .run = run, .shards = 8};
	aic_address p = test_wallet(provider);
	aic_hash id = test_session_of(&o, &p, SEGMENTS + 1);

	test_demand(&id);
	test_close(&id, FEE);
	test_block(5);
	test_block(5);
	assert_int_equal(test_row(&id).state, AIC_SESSION_CHALLENGED);
	return id;
}

static aic_hash verified(void)
{
	aic_hash id = challenged(AIC_RUN_SITE, 0, 1);

	assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
	return id;
}

static aic_hash refuted(uint64_t run, unsigned provider)
{
	aic_hash id = challenged(run, 0, provider);

	assert_ok(test_judge(&id, AIC_VERDICT_DIFFERS, 0, 42, err));
	assert_ok(test_judge(&id, AIC_VERDICT_DIFFERS, 0, 42, err));
	assert_int_equal(test_row(&id).state, AIC_SESSION_REFUTED);
	return id;
}

/* Sessions of the same payer that paid their fees; nobody asks for a challenge. */
static void others_pay(unsigned n, aic_amount fee)
{
	for (unsigned i = 0; i < n; i++) {
		aic_hash id = test_session(AIC_RUN_SITE, SEGMENTS + 1);
		test_close(&id, fee);
		test_block(5);
		test_block(5);
		if (test_row(&id).state == AIC_SESSION_CHALLENGED)
			assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
		test_fee_paid(&id, fee);
	}
}

static void test_verdict_on_a_good_session(void **state)
{
	aic_address treasury = aic_treasury_address();
	aic_hash id = verified();
	aic_address judge = test_row(&id).judge[0].wallet;

	(void)state;
	assert_fails(test_pay(1, &id, err), AIC_REFUSED, "verdicts are paid after 432000 s");
	test_time += AIC_SESSION_PAID_AFTER;
	assert_fails(test_pay(1, &id, err), AIC_REFUSED, "no fee of session");
	test_fee_paid(&id, FEE);
	aic_amount before = test_held(&treasury);
	assert_ok(test_pay(1, &id, err)); /* what its own fee allows */
	assert_true(test_held(&judge) == FEE / 10 && test_held(&treasury) == before - FEE / 10);
	assert_fails(test_pay(1, &id, err), AIC_REFUSED, "verification may cost no more of what its payer's sessions have paid so far");
	others_pay(10, AIC_UNIT);
	assert_ok(test_pay(2, &id, err));
	assert_true(test_held(&judge) == FEE / 10 + AIC_UNIT);
	others_pay(10, 2 * AIC_UNIT);
	assert_ok(test_pay(2, &id, err));
	assert_true(test_held(&judge) == PAID_VERIFIER);
	assert_fails(test_pay(2, &id, err), AIC_REFUSED, "all is paid");
	test_nothing_is_lost();
}

/* Nobody pays for a site-run session that was refuted: its provider pays for finding it out, at once or as a debt. */
static void test_refuted_provider_pays(void **state)
{
	aic_hash id = refuted(AIC_RUN_SITE, 1);
	aic_session r = test_row(&id);
	aic_address provider = test_wallet(1), poor = test_wallet(2), rich = test_wallet(3);
	aic_amount before = test_held(&provider);
	aic_bytes body = {0};
	aic_wallet w;

	(void)state;
	test_time += AIC_SESSION_PAID_AFTER;
	assert_ok(test_pay(2, &id, err));
	assert_true(r.n_judges == 2 && test_held(&r.judge[0].wallet) == PAID_VERIFIER && test_held(&r.judge[1].wallet) == PAID_THIRD);
	assert_true(test_held(&provider) == before - PAID_VERIFIER - PAID_THIRD);
	assert_fails(test_pay(2, &id, err), AIC_REFUSED, "all is paid");
	id = refuted(AIC_RUN_SITE, 2);
	aic_transfer_body(&body, &poor, &rich, TEST_FUNDS - AIC_UNIT);
	assert_ok(test_post(0, AIC_TX_TRANSFER, &body, err));
	test_time += AIC_SESSION_PAID_AFTER;
	assert_ok(test_pay(2, &id, err));
	assert_ok(aic_state_wallet(test_ledger, &poor, &w, err));
	assert_true(w.balance == 0 && w.debt == PAID_VERIFIER + PAID_THIRD - AIC_UNIT);
	assert_fails(test_pay(2, &id, err), AIC_REFUSED, "all is paid");
	test_nothing_is_lost();
}

/* The charge of a user's own run stands: what was paid for it pays its judges, and raises no rating. */
static void test_refuted_user_run(void **state)
{
	aic_hash id = refuted(AIC_RUN_USER, 1);
	aic_address provider = test_wallet(1);
	aic_session r = test_row(&id);
	aic_wallet w;

	(void)state;
	test_time += AIC_SESSION_PAID_AFTER;
	assert_fails(test_pay(1, &id, err), AIC_REFUSED, "no fee of session");
	test_fee_paid(&id, FEE);
	assert_ok(aic_state_wallet(test_ledger, &provider, &w, err));
	assert_true(w.alpha == 0 && w.beta == 0);
	assert_ok(test_pay(1, &id, err));
	assert_true(test_held(&r.judge[0].wallet) + test_held(&r.judge[1].wallet) == FEE / 10);
	test_nothing_is_lost();
}

/* attack: a verifier who always refuses: the third node overrules it, and it is paid nothing. */
static void test_attack_false_refusals_are_not_paid(void **state)
{
	aic_hash id = challenged(AIC_RUN_SITE, 0, 1);

	(void)state;
	assert_ok(test_judge(&id, AIC_VERDICT_DIFFERS, 0, 1, err));
	assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
	aic_session r = test_row(&id);
	test_fee_paid(&id, FEE);
	others_pay(5, AIC_UNIT);
	test_time += AIC_SESSION_PAID_AFTER;
	assert_ok(test_pay(1, &id, err));
	assert_true(test_held(&r.judge[0].wallet) == 0 && test_held(&r.judge[1].wallet) == PAID_THIRD);
}

/* attack: a verdict by somebody of the payer's organisation, who keeps the wallet at another site: it counts, and is not paid. */
static void test_attack_own_organisation_is_not_paid(void **state)
{
	aic_address payer = test_wallet(0), friend[5];
	aic_wallet w;

	(void)state;
	assert_ok(aic_state_wallet(test_ledger, &payer, &w, err));
	for (unsigned i = 1; i < 5; i++) {
		aic_bytes body = {0};
		friend[i] = test_member_wallet(i, 9);
		aic_wallet_register_body(&body, &friend[i], &w.organisation, AIC_WALLET_PLAIN);
		assert_ok(test_post(i, AIC_TX_WALLET_REGISTER, &body, err));
		test_verifier(i, (uint8_t)(110 + i), &friend[i]);
		aic_key other;
		test_site_key(&other, (uint8_t)(100 + i));
		aic_verifier_withdraw_body(&body, other.public_key);
		assert_ok(test_post(i, AIC_TX_VERIFIER_WITHDRAW, &body, err));
	}
	aic_hash id = verified();
	test_fee_paid(&id, FEE);
	test_time += AIC_SESSION_PAID_AFTER;
	assert_fails(test_pay(1, &id, err), AIC_REFUSED, "shares an organisation with it");
}

static void test_refused(void **state)
{
	aic_hash open = test_session(AIC_RUN_SITE, 3), none = {{1}}, id;
	aic_key node;
	aic_bytes body = {0};

	(void)state;
	assert_fails(test_pay(0, &none, err), AIC_REFUSED, "there is no session 0100000000000000...");
	assert_fails(test_pay(0, &open, err), AIC_REFUSED, "is open: no verdict on it is paid");
	aic_bytes_append(&body, "\x80", 1);
	assert_fails(test_post(0, AIC_TX_SESSION_PAY, &body, err), AIC_CORRUPT, "");
	id = challenged(AIC_RUN_SITE, 0, 1);
	for (uint8_t i = 101; i < 105; i++) { /* it answers, and is registered no longer */
		test_site_key(&node, i);
		aic_verifier_withdraw_body(&body, node.public_key);
		assert_ok(test_post(i - 100u, AIC_TX_VERIFIER_WITHDRAW, &body, err));
	}
	assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
	test_fee_paid(&id, FEE);
	test_time += AIC_SESSION_PAID_AFTER;
	assert_fails(test_pay(0, &id, err), AIC_REFUSED, "nobody has judged it");
}

/* attack: milking of the verification budget. A ring of payer, provider and all verifiers asks for a challenge of each of its sessions, states
 * high fees, and pays them only where that is worth it, beside honest payers who have paid a lot. It never gets more than verify_ppm of what it
 * paid, and loses at least a tenth of its fees. */
static aic_amount held_by_ring(void)
{
	aic_address a = test_wallet(0), b = test_wallet(1);
	aic_amount sum = test_held(&a) + test_held(&b);

	for (unsigned i = 1; i < 5; i++) {
		a = test_member_wallet(i, 1);
		sum += test_held(&a);
	}
	return sum;
}

static void honest_fees(void)
{
	aic_session o = {.payer = test_wallet(3), .run = AIC_RUN_SITE, .shards = 8};
	aic_address provider = test_wallet(4);
	aic_hash id = test_session_of(&o, &provider, SEGMENTS + 1);

	test_close(&id, 90 * AIC_UNIT);
	test_block(5);
	test_block(5);
	if (test_row(&id).state == AIC_SESSION_CHALLENGED)
		assert_ok(test_judge(&id, AIC_VERDICT_DECLINED, 0, 0, err));
	else
		test_fee_paid(&id, 90 * AIC_UNIT);
}

static void test_attack_milking_of_the_verification_budget(void **state)
{
	const char *one = getenv("AIC_SEED");
	uint64_t seed = one ? strtoull(one, NULL, 10) : 7, rng = seed;
	aic_amount fees = 0;

	(void)state;
	printf("AIC_SEED=%llu\n", (unsigned long long)seed);
	honest_fees();
	aic_amount before = held_by_ring(), issued = 0;
	for (int i = 0; i < 40; i++) {
		uint64_t run = test_random(&rng) % 2;
		bool bad = test_random(&rng) % 3 == 0, pays = test_random(&rng) % 2 == 0;
		aic_hash id = challenged(run, 0, 1);
		aic_amount fee = FEE / (1 + test_random(&rng) % 7);
		aic_totals was, is;

		assert_ok(test_judge(&id, bad ? AIC_VERDICT_DIFFERS : AIC_VERDICT_AGREES, 0, bad, err));
		if (bad)
			assert_ok(test_judge(&id, AIC_VERDICT_DIFFERS, 0, 1, err));
		if (pays && !(bad && run == AIC_RUN_SITE)) {
			assert_ok(aic_state_totals(test_ledger, &was, err));
			test_fee_paid(&id, fee);
			assert_ok(aic_state_totals(test_ledger, &is, err));
			issued += is.issued - was.issued;
			fees += fee;
		}
		test_time += AIC_SESSION_PAID_AFTER;
		test_pay((unsigned)(test_random(&rng) % TEST_SITES), &id, NULL);
		test_nothing_is_lost();
	}
	assert_true(fees > 0);
	aic_amount after = held_by_ring();
	assert_true(after < before);
	/* rewards are at most (rho + kappa) of the fees, pay verify_ppm: what was issued shows that kappa's part was given */
	assert_true(10 * (before - after) >= fees);
	assert_true(issued <= fees * aic_parameters_default.kappa_ppm / AIC_PPM);
}

static void transfer(unsigned site, const aic_address *from, const aic_address *to, aic_amount value)
{
	aic_bytes body = {0};

	aic_transfer_body(&body, from, to, value);
	assert_ok(test_post(site, AIC_TX_TRANSFER, &body, err));
}

/* attack: a wash-trading ring over two sites: payer and provider at one, its bank and a verifier at the other. The work is done, every
 * verdict is good, the rating rises to nearly 1: each round it still loses a tenth of its fees at least. */
static void test_attack_wash_trading_ring_over_two_sites(void **state)
{
	aic_address payer = test_wallet(0), provider = test_wallet(1), bank = test_member_wallet(1, 2), verifier = test_member_wallet(1, 1);
	aic_amount fees = 0, verifiers = 0, start = test_held(&payer) + test_held(&provider);
	aic_wallet w;

	(void)state;
	for (int i = 0; i < 40; i++) {
		aic_hash id = test_session(AIC_RUN_SITE, SEGMENTS + 1);

		if (i % 2)
			test_demand(&id);
		test_close(&id, 10 * AIC_UNIT);
		test_block(5);
		test_block(5);
		if (test_row(&id).state == AIC_SESSION_CHALLENGED)
			assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
		aic_amount before = test_held(&payer) + test_held(&provider) + test_held(&verifier);
		test_fee_paid(&id, 10 * AIC_UNIT);
		fees += 10 * AIC_UNIT;
		test_time += AIC_SESSION_PAID_AFTER;
		test_pay(1, &id, NULL);
		aic_amount after = test_held(&payer) + test_held(&provider) + test_held(&verifier);
		assert_true(after + AIC_UNIT <= before);
		aic_amount home = test_held(&provider) - TEST_FUNDS;
		transfer(0, &provider, &bank, home);
		transfer(1, &bank, &payer, home);
	}
	assert_ok(aic_state_wallet(test_ledger, &provider, &w, err));
	assert_true(aic_rating_ppm(w.alpha, w.beta) > 900000);
	for (unsigned i = 1; i < 5; i++) {
		aic_address a = test_member_wallet(i, 1);
		verifiers += test_held(&a);
	}
	assert_true(verifiers <= fees / 10);
	assert_true(test_held(&payer) + test_held(&provider) + test_held(&verifier) + fees / 10 <= start);
	test_nothing_is_lost();
}

/* attack: fees that were only stated, and absurd ones, pay for nothing. */
static void test_attack_stated_fees_pay_nobody(void **state)
{
	aic_hash id = test_session(AIC_RUN_SITE, SEGMENTS + 1);
	aic_address payer = test_wallet(0);
	aic_amount budget;

	(void)state;
	test_demand(&id);
	test_close(&id, ~(aic_amount)0);
	test_block(5);
	test_block(5);
	assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
	assert_ok(aic_verify_budget(test_ledger, &payer, &budget, err));
	assert_true(budget == 0);
	test_time += AIC_SESSION_PAID_AFTER;
	assert_fails(test_pay(1, &id, err), AIC_REFUSED, "no fee of session");
	id = test_session(AIC_RUN_SITE, SEGMENTS + 1);
	test_demand(&id);
	test_close(&id, ~(aic_amount)0);
	test_block(5);
	test_block(5);
	assert_ok(test_judge(&id, AIC_VERDICT_DIFFERS, 0, 1, err));
	assert_ok(test_judge(&id, AIC_VERDICT_DIFFERS, 0, 1, err));
	test_time += AIC_SESSION_PAID_AFTER;
	assert_fails(test_pay(1, &id, err), AIC_REFUSED, "no payment can have");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_ledger, test_ledger_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_verdict_on_a_good_session), TEST(test_refuted_provider_pays),
		TEST(test_refuted_user_run),          TEST(test_attack_false_refusals_are_not_paid),
		TEST(test_attack_own_organisation_is_not_paid), TEST(test_refused),
		TEST(test_attack_milking_of_the_verification_budget), TEST(test_attack_wash_trading_ring_over_two_sites),
		 TEST(test_attack_stated_fees_pay_nobody),
	};

	return cmocka_run_group_tests_name("pay of verdicts", tests, NULL, NULL);
}
