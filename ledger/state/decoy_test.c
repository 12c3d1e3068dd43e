/* decoy_test.c: known-bad segments: they find out who does not compute, look like any other session, and are no way out for who was caught. */
#define _GNU_SOURCE
#include "ledger/state/session_testing.h"

#include "ledger/state/decoy.h"
#include "ledger/state/pay.h"
#include "ledger/state/request.h"
#include "ledger/state/token.h"

#define FEE ((aic_amount)3 * AIC_UNIT / 10)
#define SEGMENTS 12
#define COST (10 * FEE / SEGMENTS) /* of a segment */
#define STEP 42

static aic_decoy decoy = {.segment = 0, .step = STEP, .salt = {1}, .nonce = {2}};
static aic_address house;

/* As in pay_test.c; and a wallet of site 0's that was made for decoys. */
static int open_ledger(void **state)
{
	aic_address rich = test_wallet(5);
	aic_id organisation = aic_decoy_house(decoy.nonce);
	aic_bytes body = {0};

	if (test_ledger_six(state))
		return -1;
	for (unsigned i = 1; i < 5; i++) {
		aic_address a = test_member_wallet(i, 1);
		test_verifier(i, (uint8_t)(100 + i), &a);
	}
	memset(house.b, 0x5c, sizeof(house.b));
	aic_wallet_register_body(&body, &house, &organisation, AIC_WALLET_PLAIN);
	assert_ok(test_post(0, AIC_TX_WALLET_REGISTER, &body, err));
	aic_transfer_body(&body, &rich, &house, 100 * AIC_UNIT);
	assert_ok(test_post(0, AIC_TX_TRANSFER, &body, err));
	return 0;
}

static aic_hash drawn(const aic_session *o)
{
	aic_address provider = test_wallet(1);
	aic_hash id = test_session_of(o, &provider, SEGMENTS + 1);

	test_demand(&id);
	test_close(&id, FEE);
	test_block(5);
	test_block(5);
	assert_int_equal(test_row(&id).state, AIC_SESSION_CHALLENGED);
	return id;
}

static aic_hash laid(void)
{
	aic_session o = {.payer = house, .run = AIC_RUN_SITE, .shards = 8};

	o.mark = aic_decoy_mark(decoy.salt, decoy.segment, decoy.step);
	return drawn(&o);
}

static aic_code reveal(unsigned site, const aic_hash *id, const aic_decoy *d, aic_error *err)
{
	aic_bytes body = {0};

	aic_session_reveal_body(&body, id, d);
	return test_post(site, AIC_TX_SESSION_REVEAL, &body, err);
}

static void find(const aic_hash *id, uint64_t step)
{
	assert_ok(test_judge(id, AIC_VERDICT_DIFFERS, 0, step, err));
	assert_ok(test_judge(id, AIC_VERDICT_DIFFERS, 0, step, err));
	assert_int_equal(test_row(id).state, AIC_SESSION_REFUTED);
}

static aic_wallet provider(void)
{
	aic_address a = test_wallet(1);
	aic_wallet w;

	assert_ok(aic_state_wallet(test_ledger, &a, &w, err));
	return w;
}

/* A good session of others, judged by whoever is drawn, paid for. */
static aic_hash good(void)
{
	aic_session o = {.payer = test_wallet(0), .run = AIC_RUN_SITE, .shards = 8};
	aic_hash id = drawn(&o);

	assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
	test_fee_paid(&id, FEE);
	return id;
}

/* Found: it rates nobody, counts nothing, and whoever laid it pays those who found it. */
static void test_found(void **state)
{
	aic_hash id = laid();
	aic_address escrow = aic_escrow_address();
	uint64_t ppm;

	(void)state;
	find(&id, STEP);
	assert_ok(reveal(0, &id, &decoy, err));
	aic_session r = test_row(&id);
	assert_int_equal(r.state, AIC_SESSION_DECOY);
	assert_true(aic_session_counts(AIC_SESSION_DECOY, &ppm) && ppm == 0);
	assert_true(test_held(&escrow) == (SEGMENTS - 1 + 1 + 2) * COST);
	test_time += AIC_SESSION_PAID_AFTER;
	test_block(5);
	assert_true(provider().alpha == 0 && provider().beta == 0);
	assert_ok(test_pay(3, &id, err));
	assert_true(test_held(&r.judge[0].wallet) == 11 * COST && test_held(&r.judge[1].wallet) == COST);
	assert_true(test_held(&escrow) == 0 && test_held(&house) == 100 * AIC_UNIT - 12 * COST);
	assert_fails(test_pay(3, &id, err), AIC_REFUSED, "all is paid");
	test_nothing_is_lost();
}

/* attack: a verifier who always agrees: it passes a decoy, others show that, and it is paid for nothing of that window. */
static void test_attack_verifier_who_always_agrees(void **state)
{
	aic_hash before = good(), id = laid();

	(void)state;
	while (!aic_id_equal(&test_row(&before).judge[0].party, &test_row(&id).asked[0]))
		before = good(); /* judged by whom the decoy is shown to, lately */
	assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
	assert_ok(reveal(0, &id, &decoy, err));
	aic_session r = test_row(&id);
	assert_true(r.state == AIC_SESSION_CLOSED && r.round == 1);
	test_block(5);
	test_block(5);
	r = test_row(&id);
	assert_true(r.state == AIC_SESSION_CHALLENGED && r.n_segments == 1 && r.segment[0] == 0);
	assert_ok(test_judge(&id, AIC_VERDICT_DIFFERS, 0, STEP, err));
	assert_ok(test_judge(&id, AIC_VERDICT_DIFFERS, 0, STEP, err));
	r = test_row(&id);
	assert_true(r.state == AIC_SESSION_DECOY && r.n_judges == 3 && r.judge[0].passed && !r.judge[1].passed);
	test_time += AIC_SESSION_PAID_AFTER;
	assert_fails(test_pay(1, &before, err), AIC_REFUSED, "has passed a decoy since");
	assert_true(test_held(&r.judge[0].wallet) == 0);
	assert_ok(test_pay(1, &id, err));
	assert_true(test_held(&r.judge[0].wallet) == 0 && test_held(&r.judge[1].wallet) == COST && test_held(&r.judge[2].wallet) == COST);
	aic_hash later = good(); /* what it judges from then on is paid again */
	while (!aic_id_equal(&test_row(&later).judge[0].party, &r.judge[0].party))
		later = good();
	test_time += AIC_SESSION_PAID_AFTER;
	assert_ok(test_pay(1, &later, err));
	assert_true(test_held(&r.judge[0].wallet) > 0);
	test_nothing_is_lost();
}

/* attack: a site calls a good segment bad, to rob those who judged it: others look, nothing is lost, and the site's wallet pays all of them. */
static void test_attack_a_good_segment_called_bad(void **state)
{
	aic_hash id = laid();

	(void)state;
	assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
	assert_ok(reveal(0, &id, &decoy, err));
	assert_fails(reveal(0, &id, &decoy, err), AIC_REFUSED, "was revealed already");
	test_block(5);
	test_block(5);
	assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
	aic_session r = test_row(&id);
	assert_int_equal(r.state, AIC_SESSION_VERIFIED);
	test_time += AIC_SESSION_PAID_AFTER;
	assert_ok(test_pay(1, &id, err));
	assert_true(test_held(&r.judge[0].wallet) == 11 * COST && test_held(&r.judge[1].wallet) == COST);
	assert_true(test_held(&house) == 100 * AIC_UNIT - 12 * COST);
	test_nothing_is_lost();
}

/* attack: who was caught says that it was a decoy. */
static void test_attack_escape_as_a_decoy(void **state)
{
	aic_session o = {.payer = test_wallet(0), .run = AIC_RUN_SITE, .shards = 8};
	aic_decoy other = decoy;
	aic_hash id = drawn(&o);

	(void)state;
	find(&id, STEP);
	assert_fails(reveal(0, &id, &decoy, err), AIC_REFUSED, "was not opened as a decoy with segment 0 and step 42");
	o.mark = aic_decoy_mark(decoy.salt, decoy.segment, decoy.step); /* prepared, but a customer pays */
	id = drawn(&o);
	find(&id, STEP);
	assert_fails(reveal(0, &id, &decoy, err), AIC_REFUSED, "is no wallet that its site made for decoys");
	id = laid(); /* refuted elsewhere than it was said to be */
	find(&id, STEP + 1);
	assert_fails(reveal(0, &id, &decoy, err), AIC_REFUSED, "was refuted in segment 0 at step 43, not where it is said to be bad");
	other.step = STEP + 1;
	assert_fails(reveal(0, &id, &other, err), AIC_REFUSED, "its mark says something else");
	assert_fails(reveal(1, &id, &decoy, err), AIC_REFUSED, "was opened by another site");
	test_time += AIC_SESSION_HOLD;
	assert_fails(reveal(0, &id, &decoy, err), AIC_REFUSED, "a decoy is revealed within 259200 s");
	test_block(5);
	assert_true(provider().beta > 0);
}

/* attack: a provider with a name prepares all of its sessions as decoys, wallets included: saying so costs it that name, and the wallet pays. */
static void test_attack_prepared_escape_costs_the_name(void **state)
{
	aic_hash id = good();

	(void)state;
	assert_true(provider().alpha == 3 * AIC_PPM / 10);
	id = laid();
	find(&id, STEP);
	assert_ok(reveal(0, &id, &decoy, err));
	assert_true(provider().alpha == 0); /* as a new wallet, which anybody can have */
	assert_true(test_held(&house) < 100 * AIC_UNIT - 11 * COST);
}

static void test_refused(void **state)
{
	aic_hash id = laid(), open = test_session(AIC_RUN_SITE, 3);
	aic_address rich = test_wallet(5);
	aic_decoy other = decoy;
	aic_bytes body = {0};

	(void)state;
	assert_fails(reveal(0, &open, &decoy, err), AIC_REFUSED, "is open: a decoy is revealed once it was judged");
	assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
	aic_transfer_body(&body, &house, &rich, 99 * AIC_UNIT);
	assert_ok(test_post(0, AIC_TX_TRANSFER, &body, err));
	assert_fails(reveal(0, &id, &decoy, err), AIC_REFUSED, "holds 1 AIC, whoever judges it is due up to 3.25 AIC: fund the wallet first");
	aic_bytes_append(&body, "\x80", 1);
	assert_fails(test_post(0, AIC_TX_SESSION_REVEAL, &body, err), AIC_CORRUPT, "session_reveal");
	aic_transfer_body(&body, &rich, &house, 99 * AIC_UNIT);
	assert_ok(test_post(0, AIC_TX_TRANSFER, &body, err));
	aic_session o = {.payer = house, .run = AIC_RUN_SITE, .shards = 8};
	uint64_t undrawn = 1;
	for (;; undrawn = 1) { /* a bad segment that is not drawn */
		other.segment = undrawn;
		o.mark = aic_decoy_mark(other.salt, other.segment, other.step);
		id = drawn(&o);
		aic_session r = test_row(&id);
		bool there = false;
		for (size_t i = 0; i < r.n_segments; i++)
			there |= r.segment[i] == undrawn;
		if (!there)
			break;
	}
	assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
	assert_fails(reveal(0, &id, &other, err), AIC_REFUSED, "segment 1 of session");
	id = laid(); /* differs elsewhere, and the third overrules that: nobody was asked about segment 0 who passed it */
	aic_session r = test_row(&id);
	uint64_t elsewhere = r.segment[1];
	assert_ok(test_judge(&id, AIC_VERDICT_DIFFERS, elsewhere, 100 * elsewhere + 1, err));
	assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
	assert_fails(reveal(0, &id, &decoy, err), AIC_REFUSED, "nobody has passed segment 0");
}

/* The third node overrules a verifier who was right about the decoy: it is the third that has passed it. */
static void test_third_node_passed_it(void **state)
{
	aic_hash id = laid();

	(void)state;
	assert_ok(test_judge(&id, AIC_VERDICT_DIFFERS, 0, STEP, err));
	assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
	assert_ok(reveal(0, &id, &decoy, err));
	test_block(5);
	test_block(5);
	assert_ok(test_judge(&id, AIC_VERDICT_DIFFERS, 0, STEP, err));
	assert_ok(test_judge(&id, AIC_VERDICT_DIFFERS, 0, STEP, err));
	aic_session r = test_row(&id);
	assert_true(r.state == AIC_SESSION_DECOY && !r.judge[0].passed && r.judge[1].passed);
	test_time += AIC_SESSION_PAID_AFTER;
	assert_ok(test_pay(1, &id, err));
	assert_true(test_held(&r.judge[0].wallet) == 11 * COST && test_held(&r.judge[1].wallet) == 0);
}

/* A withheld segment shows nothing: the session stays what it was. */
static void test_a_decoy_that_is_not_handed_out(void **state)
{
	aic_hash id = laid();

	(void)state;
	assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
	assert_ok(reveal(0, &id, &decoy, err));
	test_block(5);
	test_block(5);
	assert_ok(test_judge(&id, AIC_VERDICT_WITHHELD, 0, 0, err));
	assert_ok(test_judge(&id, AIC_VERDICT_WITHHELD, 0, 0, err));
	aic_session r = test_row(&id);
	assert_int_equal(r.state, AIC_SESSION_VERIFIED);
	test_time += AIC_SESSION_PAID_AFTER;
	assert_ok(test_pay(1, &id, err));
	assert_true(test_held(&r.judge[0].wallet) == 11 * COST); /* by who laid it, or said so */
}

/* An appeal had it drawn again already: nobody is left to ask. */
static void test_not_after_an_appeal(void **state)
{
	aic_hash id = laid(), reason = {{1}};
	aic_bytes body = {0};

	(void)state;
	find(&id, STEP);
	aic_session_appeal_body(&body, &id, &reason, NULL, 0);
	assert_ok(test_post(0, AIC_TX_SESSION_APPEAL, &body, err));
	test_block(5);
	test_block(5);
	assert_ok(test_judge(&id, AIC_VERDICT_AGREES, 0, 0, err));
	assert_fails(reveal(0, &id, &decoy, err), AIC_REFUSED, "was drawn twice already: nobody is asked a third time");
}

/* What the ledger shows of a decoy before it is revealed differs from another session in nothing but hashes. */
static void test_nobody_can_tell_one(void **state)
{
	aic_session ordinary = {.payer = test_wallet(0), .run = AIC_RUN_SITE, .shards = 8};
	aic_address mine = test_wallet(0);
	aic_bytes a = {0}, b = {0};
	aic_wallet w, v;

	(void)state;
	ordinary.mark = aic_sha256_of("whatever", 8);
	aic_hash id = drawn(&ordinary), it = laid();
	aic_session x = test_row(&id), y = test_row(&it);
	assert_ok(aic_state_wallet(test_ledger, &mine, &w, err));
	assert_ok(aic_state_wallet(test_ledger, &house, &v, err));
	assert_true(w.type == v.type && aic_id_equal(&w.site, &v.site));
	y.payer = x.payer; /* addresses, organisations and the mark: 20, 16 and 32 bytes that look random */
	y.mark = x.mark;
	y.entropy = x.entropy;
	y.opened = x.opened, y.opened_at = x.opened_at, y.closed = x.closed, y.closed_at = x.closed_at;
	y.drawn = x.drawn, y.asked_at = x.asked_at;
	y.n_asked = x.n_asked;
	memcpy(y.asked, x.asked, sizeof(x.asked));
	memcpy(y.segment, x.segment, sizeof(x.segment));
	memcpy(y.verifier, x.verifier, sizeof(x.verifier));
	memcpy(y.third, x.third, sizeof(x.third));
	aic_session_encode(&a, &x);
	aic_session_encode(&b, &y);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	aic_bytes_free(&a);
	aic_bytes_free(&b);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_ledger, test_ledger_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_found),                            TEST(test_attack_verifier_who_always_agrees),
		TEST(test_attack_a_good_segment_called_bad), TEST(test_attack_escape_as_a_decoy),
		TEST(test_attack_prepared_escape_costs_the_name), TEST(test_refused),
		TEST(test_third_node_passed_it),             TEST(test_a_decoy_that_is_not_handed_out),
		TEST(test_not_after_an_appeal),              TEST(test_nobody_can_tell_one),
	};

	return cmocka_run_group_tests_name("decoys", tests, NULL, NULL);
}
