/* settlement_part_test.c: a settlement in parts does what the same one does whole, once, in any order, whatever comes between; parts
 * that are wrong, late or replaced do nothing. */
#define _GNU_SOURCE
#include "ledger/testing.h"

#include "ledger/state/settlement.h"
#include "ledger/state/settlement_part.h"

#define PIECE 64 /* bytes, so that a few lines make several parts */

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

static void make_body(aic_bytes *body, uint64_t number, aic_amount gross)
{
	aic_settlement_line l[6];
	aic_settlement s = {.period = "p", .number = number, .n_approvals = 1, .n_lines = 6, .line = l};

	for (unsigned i = 0; i < 6; i++)
		l[i] = (aic_settlement_line){.payer = test_wallet(0), .payee = test_wallet(i + 1), .n = 1, .gross = gross + i,
		                             .fee = (gross + i) / 10, .stake = (gross + i) / 10 * 1000000};
	/* test_wallet's addresses ascend with their number or not: the builder wants ascending payees */
	for (unsigned i = 0; i < 6; i++)
		for (unsigned k = i + 1; k < 6; k++)
			if (aic_address_cmp(&l[i].payee, &l[k].payee) > 0) {
				aic_settlement_line t = l[i];
				l[i] = l[k];
				l[k] = t;
			}
	aic_settlement_body(body, &s);
}

static aic_code send_part(const aic_bytes *body, uint64_t number, size_t part, aic_error *err)
{
	aic_bytes b = {0};
	aic_posted posted;

	aic_settlement_part_body(&b, "p", number, body, PIECE, part);
	aic_code code = aic_chain_post(&site.chain, AIC_TX_SETTLEMENT_PART, &b, &posted, err);
	aic_bytes_free(&b);
	return code;
}

static aic_amount sum_of_payees(void)
{
	aic_amount sum = 0;

	for (unsigned i = 1; i < 7; i++) {
		aic_address a = test_wallet(i);
		sum += test_balance(&site, &a);
	}
	return sum;
}

/* Number 1 in parts, number 2 whole: the same figures, as far as the curve lets them. */
static void test_parts_do_what_the_whole_does(void **state)
{
	aic_bytes body = {0}, whole = {0};
	aic_settlement_row in_parts, at_once;
	aic_posted posted;
	aic_hash tx[AIC_PARTS_MAX];
	size_t n, found;

	(void)state;
	make_body(&body, 1, AIC_UNIT);
	n = aic_settlement_parts(body.len, PIECE);
	assert_in_range(n, 3, AIC_PARTS_MAX);
	aic_amount before = sum_of_payees();
	for (size_t i = n; i-- > 1;) { /* the last part first */
		assert_ok(send_part(&body, 1, i, err));
		assert_true(sum_of_payees() == before);
		assert_int_equal(aic_state_settlement(site.state, &site.chain.site, "p", 1, &in_parts, NULL), AIC_NOT_FOUND);
	}
	assert_ok(send_part(&body, 1, 0, err));
	assert_ok(aic_state_settlement(site.state, &site.chain.site, "p", 1, &in_parts, err));
	assert_ok(aic_parts_posted(site.state, &site.chain.site, "p", 1, tx, &found, err));
	assert_int_equal(found, n);
	assert_memory_equal(tx[0].b, in_parts.tx.b, AIC_HASH_LEN);
	aic_hash content = aic_sha256_of(body.data, body.len);
	assert_memory_equal(content.b, in_parts.content.b, AIC_HASH_LEN);
	make_body(&whole, 2, AIC_UNIT);
	assert_ok(aic_chain_post(&site.chain, AIC_TX_SETTLEMENT, &whole, &posted, err));
	assert_ok(aic_state_settlement(site.state, &site.chain.site, "p", 2, &at_once, err));
	assert_int_equal(in_parts.n_lines, at_once.n_lines);
	assert_true(in_parts.gross == at_once.gross && in_parts.fee == at_once.fee);
	assert_true(test_sum_of_balances(&site) == test_totals(&site).supply);
	assert_fails(send_part(&body, 1, 0, err), AIC_REFUSED, "settlement p/1 of this site was posted at height");
	aic_parts w;
	assert_int_equal(aic_parts_waiting(site.state, &site.chain.site, &w, NULL), AIC_NOT_FOUND);
	aic_bytes_free(&body);
	aic_bytes_free(&whole);
}

/* Nothing of a settlement in parts is left in the state but its row and the list of its parts. */
static aic_code count_row(void *ctx, const aic_hash *key, const uint8_t *value, size_t len, aic_error *err)
{
	(void)key, (void)value, (void)len, (void)err;
	++*(size_t *)ctx;
	return AIC_OK;
}

static size_t count_rows(void)
{
	size_t n = 0;

	assert_ok(aic_tree_walk(aic_state_tree(site.state), count_row, &n, err));
	return n;
}

static void test_replaced_parts_leave_nothing(void **state)
{
	aic_bytes first = {0}, second = {0};
	size_t rows, n;

	(void)state;
	assert_ok(test_transfer(&site, 1, 2, 1, err)); /* rows that any block makes */
	rows = count_rows();
	make_body(&first, 1, AIC_UNIT);
	make_body(&second, 1, 2 * AIC_UNIT);
	assert_ok(send_part(&first, 1, 0, err));
	assert_ok(send_part(&first, 1, 1, err));
	assert_fails(send_part(&first, 1, 1, err), AIC_REFUSED, "part 2 of");
	n = aic_settlement_parts(second.len, PIECE);
	for (size_t i = 0; i < n; i++)
		assert_ok(send_part(&second, 1, i, err));
	assert_int_equal(count_rows(), rows + 2);
	assert_true(test_sum_of_balances(&site) == test_totals(&site).supply);
	aic_bytes_free(&first);
	aic_bytes_free(&second);
}

/* The last part is refused with the settlement and can be sent again once that can be applied. */
static void test_refused_whole_and_sent_again(void **state)
{
	aic_address payer = test_wallet(0);
	aic_bytes body = {0};
	size_t n;

	(void)state;
	make_body(&body, 1, 200 * AIC_UNIT); /* six of them are more than the payer holds */
	n = aic_settlement_parts(body.len, PIECE);
	for (size_t i = 0; i + 1 < n; i++)
		assert_ok(send_part(&body, 1, i, err));
	aic_amount before = test_balance(&site, &payer);
	assert_fails(send_part(&body, 1, n - 1, err), AIC_REFUSED, "lacks funds");
	assert_true(test_balance(&site, &payer) == before);
	assert_ok(test_transfer(&site, 6, 0, 500 * AIC_UNIT, err));
	assert_ok(send_part(&body, 1, n - 1, err));
	assert_true(test_sum_of_balances(&site) == test_totals(&site).supply);
	aic_bytes_free(&body);
}

static void test_survives_a_restart_on_the_way(void **state)
{
	aic_settlement_row row;
	aic_bytes body = {0};
	size_t n;

	make_body(&body, 1, AIC_UNIT);
	n = aic_settlement_parts(body.len, PIECE);
	for (size_t i = 0; i < n; i++) {
		assert_ok(send_part(&body, 1, i, err));
		test_site_close(&site);
		assert_ok(test_site_open(&site, *state, err));
	}
	assert_ok(aic_state_settlement(site.state, &site.chain.site, "p", 1, &row, err));
	aic_bytes_free(&body);
}

static void test_what_waited_too_long_counts_no_more(void **state)
{
	aic_settlement_row row;
	aic_bytes body = {0};
	aic_parts w;
	size_t n;

	(void)state;
	make_body(&body, 1, AIC_UNIT);
	n = aic_settlement_parts(body.len, PIECE);
	for (size_t i = 0; i + 1 < n; i++)
		assert_ok(send_part(&body, 1, i, err));
	assert_ok(aic_parts_waiting(site.state, &site.chain.site, &w, err));
	while (aic_state_head(site.state)->height < w.expires)
		assert_ok(test_transfer(&site, 1, 2, 1, err));
	assert_ok(send_part(&body, 1, n - 1, err)); /* begins anew */
	assert_int_equal(aic_state_settlement(site.state, &site.chain.site, "p", 1, &row, NULL), AIC_NOT_FOUND);
	assert_ok(aic_parts_waiting(site.state, &site.chain.site, &w, err));
	assert_false(w.there[0]);
	assert_true(w.there[n - 1]);
	aic_bytes_free(&body);
}

static aic_code send_raw(aic_bytes *b, aic_error *err)
{
	aic_posted posted;
	aic_code code = aic_chain_post(&site.chain, AIC_TX_SETTLEMENT_PART, b, &posted, err);

	aic_bytes_free(b);
	return code;
}

static void test_refusals(void **state)
{
	aic_bytes body = {0}, b = {0};

	(void)state;
	make_body(&body, 1, AIC_UNIT);
	aic_settlement_part_body(&b, "p", 1, &body, PIECE, 1);
	b.data[b.len - 1] ^= 1;
	assert_fails(send_raw(&b, err), AIC_REFUSED, "part 2 of settlement p/1 does not belong under its root");
	aic_settlement_part_body(&b, "p", 1, &body, body.len, 0);
	assert_fails(send_raw(&b, err), AIC_REFUSED, "part 1 of 1: a settlement in parts has 2 to 64 of them");
	aic_settlement_part_body(&b, "p", 1, &body, 2, 0);
	assert_fails(send_raw(&b, err), AIC_REFUSED, "a settlement in parts has 2 to 64 of them");
	aic_bytes_append(&b, "\x81\x01", 2);
	assert_fails(send_raw(&b, err), AIC_CORRUPT, "part of a settlement");
	/* parts that call themselves another number than what they hold */
	size_t n = aic_settlement_parts(body.len, PIECE);
	for (size_t i = 0; i + 1 < n; i++)
		assert_ok(send_part(&body, 9, i, err));
	assert_fails(send_part(&body, 9, n - 1, err), AIC_REFUSED, "the parts of settlement p/9 make settlement p/1");
	aic_bytes_free(&body);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_site, close_site)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_parts_do_what_the_whole_does),    TEST(test_replaced_parts_leave_nothing), TEST(test_refused_whole_and_sent_again),
		TEST(test_survives_a_restart_on_the_way),   TEST(test_what_waited_too_long_counts_no_more), TEST(test_refusals),
	};

	return cmocka_run_group_tests_name("ledger settlements in parts", tests, NULL, NULL);
}
