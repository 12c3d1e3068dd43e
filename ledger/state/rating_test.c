/* rating_test.c: months of the calendar, fading by the month, and what a settlement makes of both. */
#define _GNU_SOURCE
#include "ledger/testing.h"

#include <time.h>

#include "ledger/state/settlement.h"

/* Against the C library, over four centuries. */
static void test_months_of_the_calendar(void **state)
{
	uint64_t seed = 12;

	(void)state;
	for (int i = 0; i < 20000; i++) {
		time_t t = i < 4000 ? (time_t)i * 86400 + i % 86400 : (time_t)(test_random(&seed) % 13000000000ULL);
		struct tm tm;

		gmtime_r(&t, &tm);
		assert_int_equal(aic_rating_month(t), (tm.tm_year - 70) * 12 + tm.tm_mon);
	}
	assert_int_equal(aic_rating_month(-1), 0);
}

static void test_fading(void **state)
{
	aic_wallet w = {.alpha = 0};

	(void)state;
	aic_wallet_rate(&w, 10, 1000005, 19);
	assert_true(w.alpha == 1000005 && w.beta == 19 && w.rated == 10);
	aic_wallet_age(&w, 10);
	assert_true(w.alpha == 1000005);
	aic_wallet_age(&w, 9); /* never backwards */
	assert_true(w.alpha == 1000005 && w.rated == 10);
	aic_wallet_age(&w, 11); /* floor(9 x / 10) */
	assert_true(w.alpha == 900004 && w.beta == 17 && w.rated == 11);
	aic_wallet_age(&w, 13);
	assert_true(w.alpha == 729002 && w.beta == 13);
	aic_wallet_age(&w, 100000); /* all gone: as if there had never been a rating */
	assert_true(!w.alpha && !w.beta && !w.rated);
	aic_wallet_rate(&w, 5, ~(aic_amount)0, 1);
	aic_wallet_rate(&w, 5, ~(aic_amount)0, ~(aic_amount)0);
	assert_int_equal(aic_rating_ppm(w.alpha, w.beta), 500000);
}

/* A provider's rating of long ago counts for less, and the settlement writes down what it has become. */
static void test_settlement_counts_what_is_left(void **state)
{
	aic_address payee = test_wallet(1);
	aic_settlement_line l = {.payer = test_wallet(0), .payee = payee, .n = 1, .gross = AIC_UNIT, .fee = AIC_UNIT / 10,
	                         .stake = AIC_UNIT / 10 * 1000000};
	aic_settlement s = {.period = "p", .number = 1, .n_lines = 1, .line = &l};
	aic_bytes body = {0}, tx = {0};
	aic_settlement_result r = {.n_lines = 0};
	aic_wallet w;
	test_site site;
	aic_hash hash = {{1}};

	assert_ok(test_site_open(&site, *state, err));
	aic_state_begin(site.state, 1, 0);
	assert_ok(aic_state_wallet(site.state, &payee, &w, err));
	aic_wallet_rate(&w, aic_rating_month(0) + 1, 8000000, 0);
	assert_ok(aic_state_wallet_put(site.state, &payee, &w, err));
	assert_ok(aic_state_commit(site.state, &hash, "b", 1, true, err));
	aic_state_begin(site.state, 2, (int64_t)40 * 86400 * 2); /* in March 1970: one month after February */
	aic_settlement_body(&body, &s);
	aic_tx_build(&tx, AIC_TX_SETTLEMENT, &site.key, &aic_state_head(site.state)->chain, 0, body.data, body.len);
	assert_ok(aic_state_execute(site.state, tx.data, tx.len, err));
	assert_ok(aic_settlement_result_decode(&r, aic_state_result_out(site.state)->data, aic_state_result_out(site.state)->len, err));
	/* R = 10^6 * (7.2 + 1) / (7.2 + 2) = 891304; first term floor(0.45 * proven) */
	aic_amount proven = (aic_amount)891304 * (AIC_UNIT / 10) / 1000000;
	assert_true(r.reward[0] - r.issued[0] == proven * 45 / 100);
	assert_ok(aic_state_wallet(site.state, &payee, &w, err));
	assert_true(w.alpha == 7200000 && w.rated == 2);
	aic_settlement_result_clear(&r);
	aic_bytes_free(&body);
	aic_bytes_free(&tx);
	test_site_close(&site);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_months_of_the_calendar),
		cmocka_unit_test(test_fading),
		cmocka_unit_test_setup_teardown(test_settlement_counts_what_is_left, test_folder_make, test_folder_remove),
	};

	return cmocka_run_group_tests_name("ledger ratings", tests, NULL, NULL);
}
