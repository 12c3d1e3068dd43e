/* verdict_test.c: challenges, verdicts, and what they come to. */
#define _GNU_SOURCE
#include "ledger/state/session_testing.h"

#include "common/merkle.h"
#include "ledger/state/settlement.h"

#define FEE ((aic_amount)3 * AIC_UNIT)

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

/* Closed and drawn by site 5. */
static aic_hash challenged(uint64_t run)
{
	aic_hash id = test_session(run, 13);

	test_demand(&id);
	test_close(&id, FEE);
	test_block(5);
	test_block(5);
	assert_int_equal(test_row(&id).state, AIC_SESSION_CHALLENGED);
	return id;
}

static aic_hash refuted(uint64_t run)
{
	aic_hash id = challenged(run);

	assert_ok(test_judge(&id, AIC_VERDICT_DIFFERS, 0, 42, err));
	assert_int_equal(test_row(&id).state, AIC_SESSION_DOUBTED);
	assert_ok(test_judge(&id, AIC_VERDICT_DIFFERS, 0, 42, err));
	return id;
}

static uint64_t rating(void)
{
	aic_address a = test_wallet(1);
	aic_wallet w;

	assert_ok(aic_state_wallet(test_ledger, &a, &w, err));
	return aic_rating_ppm(w.alpha, w.beta);
}

static void test_honest(void **state)
{
	aic_hash id = test_session(AIC_RUN_SITE, 13);
	uint64_t ppm;

	(void)state;
	test_demand(&id);
	test_close(&id, FEE);
	test_block(5);
	assert_int_equal(test_row(&id).state, AIC_SESSION_CLOSED); /* closed + 1 */
	test_block(0);
	test_block(0);
	assert_int_equal(test_row(&id).state, AIC_SESSION_CLOSED); /* the session's own site draws nothing */
	test_block(5);
	aic_session r = test_row(&id);
	assert_int_equal(r.state, AIC_SESSION_CHALLENGED);
	assert_true(r.n_segments == AIC_SESSION_Q + 1 && r.segment[0] == 0 && r.n_asked == 2);
	assert_false(aic_id_equal(&r.asked[0], &r.asked[1]) || aic_id_equal(&r.asked[0], &r.site) || aic_id_equal(&r.asked[1], &r.site));
	assert_false(aic_session_counts(r.state, &ppm));
	assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
	assert_int_equal(test_row(&id).state, AIC_SESSION_VERIFIED);
	assert_true(aic_session_counts(AIC_SESSION_VERIFIED, &ppm) && ppm == 1000000);
	assert_fails(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err), AIC_REFUSED, "is verified: nobody is asked to judge it");
}

/* Without anybody who asks, the budget decides: few sessions of 12 segments are drawn, the others count in full. */
static void test_unchallenged(void **state)
{
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 20; i++) {
		aic_hash id = test_session(AIC_RUN_SITE, 13);
		test_close(&id, FEE);
		test_block(5);
		test_block(5);
		n += test_row(&id).state == AIC_SESSION_UNCHALLENGED;
	}
	assert_in_range(n, 15, 20); /* p is 1 % */
}

static void test_refuted_site_run(void **state)
{
	uint64_t before = rating(), ppm;
	aic_hash id = refuted(AIC_RUN_SITE);
	aic_session r = test_row(&id);

	(void)state;
	assert_true(r.state == AIC_SESSION_REFUTED && r.decision.segment == 0 && r.decision.step == 42);
	assert_true(aic_session_counts(r.state, &ppm) && ppm == 0);
	test_block(5);
	assert_int_equal(rating(), before); /* until the time for an appeal is over */
	test_time += AIC_SESSION_APPEAL;
	test_block(5);
	assert_int_equal(rating(), aic_rating_ppm(0, 60 * AIC_PPM)); /* 20 times 3 AIC */
	test_block(5);
	assert_int_equal(rating(), aic_rating_ppm(0, 60 * AIC_PPM)); /* once */
}

/* attack: a user who sabotages the own run to get the money back: nobody's rating moves. */
static void test_attack_sabotage_of_an_own_run(void **state)
{
	uint64_t before = rating();

	(void)state;
	refuted(AIC_RUN_USER);
	test_time += AIC_SESSION_APPEAL;
	test_block(5);
	test_block(5);
	assert_int_equal(rating(), before);
}

/* attack: a verifier who always refuses: the third node decides. */
static void test_attack_verifier_who_always_refuses(void **state)
{
	aic_hash id = challenged(AIC_RUN_SITE);

	(void)state;
	assert_ok(test_judge(&id, AIC_VERDICT_DIFFERS, 0, 1, err));
	assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
	aic_session r = test_row(&id);
	assert_true(r.state == AIC_SESSION_VERIFIED && r.verdict.result == AIC_VERDICT_DIFFERS && r.decision.result == AIC_VERDICT_AGREES);
	id = challenged(AIC_RUN_SITE);
	assert_ok(test_judge(&id, AIC_VERDICT_WITHHELD, 0, 0, err)); /* a false word about a checkpoint, likewise */
	assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
	assert_int_equal(test_row(&id).state, AIC_SESSION_VERIFIED);
}

static void test_verdicts_refused(void **state)
{
	aic_hash id = challenged(AIC_RUN_SITE), other = challenged(AIC_RUN_SITE);
	aic_session r = test_row(&id);
	aic_verdict v = {.session = id, .round = r.round};
	aic_bytes body = {0};
	aic_key stranger;
	uint64_t undrawn = 1;

	(void)state;
	while (undrawn < 12) { /* eleven of twelve were drawn */
		bool drawn = false;
		for (size_t i = 0; i < r.n_segments; i++)
			drawn |= r.segment[i] == undrawn;
		if (!drawn)
			break;
		undrawn++;
	}
	assert_fails(test_judge(&id, AIC_VERDICT_DIFFERS, undrawn, 100 * undrawn + 1, err), AIC_REFUSED, "was not drawn");
	assert_fails(test_judge(&id, AIC_VERDICT_DIFFERS, 0, 0, err), AIC_REFUSED, "steps 1 to 100: the first wrong one cannot be step 0");
	assert_fails(test_judge(&id, AIC_VERDICT_DIFFERS, 0, 101, err), AIC_REFUSED, "cannot be step 101");
	assert_fails(test_judge(&id, AIC_VERDICT_AGREES, 1, 0, err), AIC_REFUSED, "a verdict names a step where something differs");
	assert_fails(test_judge(&id, AIC_VERDICT_WITHHELD, undrawn, 0, err), AIC_REFUSED, "a drawn segment where it was withheld");
	test_site_key(&stranger, 200);
	aic_verdict_sign(&v, &stranger, &aic_state_head(test_ledger)->chain);
	aic_verdict_body(&body, &v);
	assert_fails(test_post(0, AIC_TX_VERDICT, &body, err), AIC_REFUSED, "not by the node that session");
	memcpy(v.key, r.verifier, AIC_PUBLIC_LEN); /* in another's name */
	aic_verdict_body(&body, &v);
	assert_fails(test_post(0, AIC_TX_VERDICT, &body, err), AIC_REFUSED, "the signature of the verdict");
	v.round = 1;
	aic_verdict_body(&body, &v);
	assert_fails(test_post(0, AIC_TX_VERDICT, &body, err), AIC_REFUSED, "is of round 1, session");
	v.result = 4;
	aic_verdict_body(&body, &v);
	assert_fails(test_post(0, AIC_TX_VERDICT, &body, err), AIC_CORRUPT, "result 4 is unknown");
	assert_int_equal(test_row(&other).state, AIC_SESSION_CHALLENGED);
	aic_session_id_body(&body, &id);
	assert_fails(test_post(1, AIC_TX_SESSION_CHALLENGE, &body, err), AIC_REFUSED, "too late to ask for a challenge");
}

static void test_late_verifier_is_replaced(void **state)
{
	aic_hash id = challenged(AIC_RUN_SITE);
	aic_session before = test_row(&id), after;

	(void)state;
	test_time += AIC_SESSION_ANSWER;
	test_block(0);
	assert_int_equal(test_row(&id).round, 0); /* not by the session's own site */
	test_block(5);
	after = test_row(&id);
	assert_true(after.state == AIC_SESSION_CHALLENGED && after.round == 1 && after.n_asked == 3);
	assert_memory_not_equal(after.verifier, before.verifier, AIC_PUBLIC_LEN);
	assert_memory_equal(after.third, before.third, AIC_PUBLIC_LEN);
	assert_ok(test_judge(&id, AIC_VERDICT_DECLINED, 0, 0, err));
	test_block(5); /* at once */
	after = test_row(&id);
	assert_true(after.round == 2 && after.n_asked == 4);
	assert_ok(test_judge(&id, AIC_VERDICT_DECLINED, 0, 0, err));
	test_block(5);
	assert_int_equal(test_row(&id).state, AIC_SESSION_UNVERIFIABLE); /* all four parties were asked */
}

static void test_third_is_replaced(void **state)
{
	aic_hash id = challenged(AIC_RUN_SITE);

	(void)state;
	assert_ok(test_judge(&id, AIC_VERDICT_DIFFERS, 0, 5, err));
	aic_session before = test_row(&id);
	test_time += AIC_SESSION_ANSWER;
	test_block(5);
	aic_session after = test_row(&id);
	assert_true(after.state == AIC_SESSION_DOUBTED && after.round == 1);
	assert_memory_not_equal(after.third, before.third, AIC_PUBLIC_LEN);
	assert_ok(test_judge(&id, AIC_VERDICT_DIFFERS, 0, 6, err));
	assert_true(test_row(&id).state == AIC_SESSION_REFUTED && test_row(&id).decision.step == 6);
}

static aic_hash withheld(void)
{
	aic_hash id = challenged(AIC_RUN_SITE);

	assert_ok(test_judge(&id, AIC_VERDICT_WITHHELD, 0, 0, err));
	assert_ok(test_judge(&id, AIC_VERDICT_WITHHELD, 0, 0, err));
	return id;
}

/* attack: withheld checkpoints: once counts 0, twice in a row is a refutation; a verified session ends the row. */
static void test_attack_withheld_checkpoints(void **state)
{
	aic_hash id = withheld();

	(void)state;
	assert_int_equal(test_row(&id).state, AIC_SESSION_WITHHELD);
	id = challenged(AIC_RUN_SITE);
	assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
	id = withheld();
	assert_int_equal(test_row(&id).state, AIC_SESSION_WITHHELD);
	id = withheld();
	assert_int_equal(test_row(&id).state, AIC_SESSION_REFUTED);
}

/* Nobody who could judge, or draw: nothing is refuted, and it counts less. */
static void test_alone(void **state)
{
	aic_hash id = test_session(AIC_RUN_SITE, 3);
	uint64_t ppm;

	(void)state;
	test_demand(&id);
	test_close(&id, FEE);
	test_block(0);
	test_block(0);
	assert_int_equal(test_row(&id).state, AIC_SESSION_UNVERIFIABLE);
	assert_true(aic_session_counts(AIC_SESSION_UNVERIFIABLE, &ppm) && ppm == 700000);
}

/* attack: the payer's organisation as verifier, and a provider who verifies itself, on a ledger of one member, where organisations are
 * the parties. */
static void test_attack_own_organisation_as_verifier(void **state)
{
	aic_address payer = test_wallet(0), provider = test_wallet(1), third = test_wallet(2), fourth = test_wallet(3);

	(void)state;
	test_verifier(0, 100, &payer);
	test_verifier(0, 101, &provider);
	test_verifier(0, 102, &third);
	aic_hash id = test_session(AIC_RUN_SITE, 3);
	test_demand(&id);
	test_close(&id, FEE);
	test_block(0);
	test_block(0);
	assert_int_equal(test_row(&id).state, AIC_SESSION_UNVERIFIABLE); /* one independent organisation is not two */
	test_verifier(0, 103, &fourth);
	for (int i = 0; i < 20; i++) {
		aic_key x, y;
		id = test_session(AIC_RUN_SITE, 3);
		test_demand(&id);
		test_close(&id, FEE);
		test_block(0);
		test_block(0);
		aic_session r = test_row(&id);
		test_site_key(&x, 102);
		test_site_key(&y, 103);
		bool forth = memcmp(r.verifier, x.public_key, AIC_PUBLIC_LEN) == 0 && memcmp(r.third, y.public_key, AIC_PUBLIC_LEN) == 0;
		bool back = memcmp(r.verifier, y.public_key, AIC_PUBLIC_LEN) == 0 && memcmp(r.third, x.public_key, AIC_PUBLIC_LEN) == 0;
		assert_true(r.state == AIC_SESSION_CHALLENGED && (forth || back));
	}
}

/* Lines wait for at most seven days. */
static void test_deadline(void **state)
{
	aic_hash id = challenged(AIC_RUN_SITE);
	uint64_t ppm;

	(void)state;
	for (int day = 0; day < 2; day++) {
		test_time += AIC_SESSION_ANSWER;
		test_block(5);
	}
	assert_int_equal(test_row(&id).state, AIC_SESSION_CHALLENGED);
	test_time = test_row(&id).closed_at + AIC_SESSION_DEADLINE;
	test_block(0);
	assert_int_equal(test_row(&id).state, AIC_SESSION_EXPIRED);
	assert_true(aic_session_counts(AIC_SESSION_EXPIRED, &ppm) && ppm == 500000);
}

/* --- appeals --- */

static aic_code appeal(unsigned site, const aic_hash *id, aic_error *err)
{
	aic_hash reason = aic_sha256_of("a disk was broken", 17);
	aic_bytes body = {0};

	aic_session_appeal_body(&body, id, &reason, NULL, 0);
	return test_post(site, AIC_TX_SESSION_APPEAL, &body, err);
}

static void test_appeal(void **state)
{
	aic_hash id = refuted(AIC_RUN_SITE);
	aic_session before = test_row(&id);

	(void)state;
	assert_fails(appeal(1, &id, err), AIC_REFUSED, "was opened by another site, which alone can appeal");
	assert_ok(appeal(0, &id, err));
	test_block(5);
	test_block(5);
	aic_session r = test_row(&id);
	assert_true(r.state == AIC_SESSION_CHALLENGED && r.n_asked == 4);
	assert_memory_not_equal(r.verifier, before.verifier, AIC_PUBLIC_LEN);
	assert_memory_not_equal(r.verifier, before.third, AIC_PUBLIC_LEN);
	assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
	assert_int_equal(test_row(&id).state, AIC_SESSION_VERIFIED);
	test_time += AIC_SESSION_APPEAL;
	test_block(5);
	assert_int_equal(rating(), 500000);
	assert_fails(appeal(0, &id, err), AIC_REFUSED, "is verified: there is nothing to appeal against");
}

/* attack: an appeal that finds no judge, or waits until nothing is decided any more, leaves what was judged before. */
static void test_attack_appeal_to_gain_time(void **state)
{
	aic_hash id = refuted(AIC_RUN_SITE), late = refuted(AIC_RUN_SITE), none = refuted(AIC_RUN_SITE);

	(void)state;
	assert_ok(appeal(0, &id, err));
	assert_fails(appeal(0, &id, err), AIC_REFUSED, "is closed: there is nothing to appeal against");
	test_time += AIC_SESSION_APPEAL;
	assert_fails(appeal(0, &late, err), AIC_REFUSED, "an appeal can come within 259200 s");
	test_time = test_row(&id).closed_at + AIC_SESSION_DEADLINE;
	test_block(0);
	assert_int_equal(test_row(&id).state, AIC_SESSION_REFUTED);
	assert_int_equal(rating(), aic_rating_ppm(0, 180 * AIC_PPM)); /* each of the three, once */
	assert_fails(appeal(0, &id, err), AIC_REFUSED, "was appealed for once already");
	assert_int_equal(test_row(&none).state, AIC_SESSION_REFUTED);
}

/* --- what raises a rating --- */

/* Wallet 0 pays wallet 1 10 AIC, fee 1 AIC, for hardware; and wallet 2 for data. */
static void settle(aic_settlement_line l[2])
{
	aic_settlement s = {.period = "p", .number = 1, .n_approvals = 1, .n_lines = 2, .line = l};
	aic_bytes body = {0};

	l[0] = (aic_settlement_line){.payer = test_wallet(0), .payee = test_wallet(1), .n = 1, .gross = 10 * AIC_UNIT, .fee = AIC_UNIT};
	l[1] = (aic_settlement_line){.payer = test_wallet(0), .payee = test_wallet(2), .kind = AIC_KIND_DATA, .n = 1, .gross = 10 * AIC_UNIT, .fee = AIC_UNIT};
	aic_settlement_body(&body, &s);
	assert_ok(test_post(0, AIC_TX_SETTLEMENT, &body, err));
}

static aic_code rate(const aic_hash *id, const aic_settlement_line l[2], uint64_t line, aic_amount fee, aic_error *err)
{
	aic_hash leaf[2], path[64];
	aic_bytes body = {0}, one = {0};

	for (size_t i = 0; i < 2; i++) {
		aic_bytes_clear(&one);
		aic_settlement_leaf(&one, &l[i]);
		leaf[i] = aic_merkle_leaf(one.data, one.len);
	}
	size_t n = aic_merkle_prove(path, leaf, 2, line);
	aic_session_rate_body(&body, id, &l[line].payee, "p", 1, line, &l[line], path, n, fee);
	aic_bytes_free(&one);
	return test_post(0, AIC_TX_SESSION_RATE, &body, err);
}

static aic_hash verified(aic_amount fee)
{
	aic_hash id = test_session(AIC_RUN_SITE, 3);

	test_demand(&id);
	test_close(&id, fee);
	test_block(5);
	test_block(5);
	assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
	return id;
}

/* attack: stated fees that nobody paid: a rating grows by what a settlement's line shows, once, and no line counts twice. */
static void test_attack_fees_that_nobody_paid(void **state)
{
	aic_settlement_line l[2];
	aic_hash id = verified(AIC_UNIT * 6 / 10), more = verified(AIC_UNIT), open = test_session(AIC_RUN_SITE, 3);

	(void)state;
	assert_fails(rate(&id, (aic_settlement_line[2]){{.payee = test_wallet(1)}, {.n = 1}}, 0, AIC_UNIT / 2, err), AIC_REFUSED, "has posted no settlement p/1");
	settle(l);
	assert_fails(rate(&open, l, 0, AIC_UNIT / 2, err), AIC_REFUSED, "is open: it raises no rating");
	assert_fails(rate(&id, l, 0, AIC_UNIT, err), AIC_REFUSED, "its closing states 0.6");
	assert_fails(rate(&id, l, 1, AIC_UNIT / 2, err), AIC_REFUSED, "ran on no node of this provider");
	assert_ok(rate(&id, l, 0, AIC_UNIT * 6 / 10, err));
	assert_int_equal(rating(), aic_rating_ppm(AIC_PPM * 6 / 10, 0));
	assert_fails(rate(&id, l, 0, 1, err), AIC_REFUSED, "has counted for this provider's rating already");
	assert_fails(rate(&more, l, 0, AIC_UNIT, err), AIC_REFUSED, "paid a fee of 1");
	aic_settlement_line forged[2] = {l[0], l[1]};
	forged[0].fee = 9 * AIC_UNIT;
	assert_fails(rate(&more, forged, 0, AIC_UNIT, err), AIC_REFUSED, "is not what this says");
	assert_ok(rate(&more, l, 0, AIC_UNIT * 4 / 10, err));
	assert_int_equal(rating(), aic_rating_ppm(AIC_PPM, 0));
	assert_true(test_row(&more).provider[0].paid == AIC_UNIT * 4 / 10);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_ledger, test_ledger_close)
#define ALONE(f) cmocka_unit_test_setup_teardown(f, test_ledger_one, test_ledger_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_honest),                          TEST(test_unchallenged),
		TEST(test_refuted_site_run),                TEST(test_attack_sabotage_of_an_own_run),
		TEST(test_attack_verifier_who_always_refuses), TEST(test_verdicts_refused),
		TEST(test_late_verifier_is_replaced),       TEST(test_third_is_replaced),
		TEST(test_attack_withheld_checkpoints),     ALONE(test_alone),
		ALONE(test_attack_own_organisation_as_verifier), TEST(test_deadline),
		TEST(test_appeal),                          TEST(test_attack_appeal_to_gain_time),
		TEST(test_attack_fees_that_nobody_paid),
	};

	return cmocka_run_group_tests_name("ledger verdicts", tests, NULL, NULL);
}
