/* service_settle_test.c: a settlement larger than a block through aicledgerd: previewed, posted in parts, found again, repeated, and
 * gone on with after a stop on the way; the division of what an asset earned. */
#define _GNU_SOURCE
#include "ledger/service_testing.h"

#include "ledger/state/asset.h"
#include "ledger/state/settlement.h"
#include "ledger/state/settlement_part.h"

#define WALLETS 160
#define KINDS 2
#define LINES (WALLETS * (WALLETS - 1) * KINDS)

static aic_address wallet[WALLETS];
static aic_settlement_line line[LINES];

static int by_address(const void *a, const void *b)
{
	return aic_address_cmp(a, b);
}

static void make_wallets(void)
{
	for (unsigned i = 0; i < WALLETS; i++) {
		aic_bytes args = {0}, out = {0};
		char name[32];
		aic_cbor c;

		snprintf(name, sizeof(name), "lab/w%u", i);
		aic_cbor_put_text(&args, i ? name : "genesis/operating");
		aic_cbor_put_text(&args, i ? name : "genesis");
		assert_ok(test_ask(TEST_SERVICE_UID, "wallet_ensure", &args, &out, &c, err));
		aic_cbor_bytes_exact(&c, wallet[i].b, AIC_ADDRESS_LEN);
		aic_bytes_free(&out);
	}
}

/* Everybody pays everybody; only the wallet of genesis has something to pay with: 1,000 units a line. */
static aic_settlement make_settlement(uint64_t number)
{
	aic_address sorted[WALLETS], rich = wallet[0];
	size_t n = 0;

	memcpy(sorted, wallet, sizeof(sorted));
	qsort(sorted, WALLETS, sizeof(*sorted), by_address);
	for (unsigned i = 0; i < WALLETS; i++)
		for (unsigned k = 0; k < WALLETS * KINDS; k++) {
			aic_amount gross = aic_address_cmp(&sorted[i], &rich) ? 0 : 1000;

			if (i != k / KINDS)
				line[n++] = (aic_settlement_line){.payer = sorted[i], .payee = sorted[k / KINDS], .kind = (aic_line_kind)(k % KINDS),
				                                  .n = 1, .gross = gross, .fee = gross / 10};
		}
	return (aic_settlement){.period = "2026-W48", .number = number, .n_lines = LINES, .line = line};
}

static aic_code settle(const char *op, const aic_settlement *s, aic_settlement_result *r, aic_error *err)
{
	aic_bytes args = {0}, out = {0};
	aic_cbor c;

	aic_wire_put_settlement(&args, s);
	aic_code code = test_ask(TEST_SERVICE_UID, op, &args, &out, &c, err);
	memset(r, 0, sizeof(*r));
	if (!code) {
		aic_wire_get_result(&c, r);
		code = aic_cbor_finish(&c, err);
	}
	aic_bytes_free(&out);
	return code;
}

static void test_larger_than_a_block(void **state)
{
	aic_settlement_result preview, posted, again;
	aic_wallet before, after;

	(void)state;
	make_wallets();
	aic_settlement s = make_settlement(1);
	uint64_t height = aic_state_head(test_service.state)->height;
	assert_ok(aic_state_wallet(test_service.state, &wallet[0], &before, err));
	assert_ok(settle("settle_preview", &s, &preview, err));
	assert_int_equal(preview.n_lines, LINES);
	assert_int_equal(aic_state_head(test_service.state)->height, height);
	assert_ok(settle("settle", &s, &posted, err));
	assert_true(aic_state_head(test_service.state)->height >= height + 2);
	assert_int_equal(posted.n_lines, LINES);
	assert_int_equal(posted.height, aic_state_head(test_service.state)->height);
	assert_ok(aic_state_wallet(test_service.state, &wallet[0], &after, err));
	assert_true(before.balance - after.balance == (aic_amount)1000 * (WALLETS - 1) * KINDS);
	assert_ok(settle("settle", &s, &again, err)); /* a repeat answers as the first did */
	assert_memory_equal(again.tx.b, posted.tx.b, AIC_HASH_LEN);
	assert_int_equal(aic_state_head(test_service.state)->height, posted.height);
	aic_settlement_result_clear(&preview);
	aic_settlement_result_clear(&posted);
	aic_settlement_result_clear(&again);
}

/* A line of a settlement that went in parts is taken back as any other: its payee pays it back to its payer. */
static void test_reversal_of_a_line_in_parts(void **state)
{
	aic_bytes args = {0}, out = {0};
	aic_settlement_result posted;
	aic_wallet payer, payee, after;
	uint64_t at;
	aic_cbor c;

	(void)state;
	make_wallets();
	aic_settlement s = make_settlement(3);
	assert_ok(settle("settle", &s, &posted, err));
	for (at = LINES - 1; !line[at].gross;)
		at--;
	assert_ok(aic_state_wallet(test_service.state, &line[at].payer, &payer, err));
	assert_ok(aic_state_wallet(test_service.state, &line[at].payee, &payee, err));
	aic_cbor_put_text(&args, s.period);
	aic_cbor_put_uint(&args, s.number);
	aic_cbor_put_uint(&args, at);
	aic_cbor_put_amount(&args, 900);
	aic_cbor_put_bytes(&args, posted.tx.b, AIC_HASH_LEN); /* any evidence */
	aic_cbor_put_array(&args, 0);
	assert_ok(test_ask(TEST_SERVICE_UID, "reverse", &args, &out, &c, err));
	assert_ok(aic_state_wallet(test_service.state, &line[at].payer, &after, err));
	assert_true(after.balance == payer.balance + 900);
	assert_ok(aic_state_wallet(test_service.state, &line[at].payee, &after, err));
	assert_true(after.balance == payee.balance - 900);
	aic_settlement_result_clear(&posted);
	aic_bytes_free(&args);
	aic_bytes_free(&out);
}

/* The first part was posted, then the daemon stopped: it goes on with the second. */
static void test_goes_on_after_a_stop(void **state)
{
	aic_settlement_result posted;
	aic_bytes body = {0}, part = {0};
	aic_posted first;

	(void)state;
	make_wallets();
	aic_settlement s = make_settlement(2);
	aic_settlement_body(&body, &s);
	size_t n = aic_settlement_parts(body.len, AIC_PART_LEN);
	assert_int_equal(n, 2);
	aic_settlement_part_body(&part, s.period, s.number, &body, AIC_PART_LEN, 0);
	assert_ok(aic_chain_post(&test_service.chain, AIC_TX_SETTLEMENT_PART, &part, &first, err));
	aic_service_close(&test_service);
	assert_ok(aic_service_open(&test_service, &test_config, err));
	assert_ok(settle("settle", &s, &posted, err));
	assert_int_equal(posted.height, first.height + 1);
	aic_settlement_result_clear(&posted);
	aic_bytes_free(&body);
	aic_bytes_free(&part);
}

static void test_revenue(void **state)
{
	aic_asset a = {.kind = AIC_ASSET_DATA, .terms = {.licence = "CC0-1.0"}};
	aic_bytes body = {0}, args = {0}, out = {0};
	uint8_t id[32], got[32];
	aic_address owner;
	aic_posted posted;
	aic_cbor c;

	(void)state;
	assert_ok(aic_custody_find(test_service.custody, "genesis/operating", &a.owner, err));
	aic_asset_register_body(&body, &a);
	assert_ok(aic_chain_post(&test_service.chain, AIC_TX_ASSET_REGISTER, &body, &posted, err));
	aic_u256_to_be(id, aic_asset_id(&posted.tx));
	aic_cbor_put_bytes(&args, id, sizeof(id));
	aic_cbor_put_amount(&args, 1234);
	assert_ok(test_ask(TEST_SERVICE_UID, "revenue", &args, &out, &c, err));
	assert_int_equal(aic_cbor_array(&c, 10), 1);
	aic_cbor_array_exact(&c, 3);
	aic_cbor_bytes_exact(&c, got, sizeof(got));
	aic_cbor_bytes_exact(&c, owner.b, sizeof(owner.b));
	assert_true(aic_cbor_amount(&c) == 1234);
	assert_memory_equal(got, id, sizeof(id));
	assert_memory_equal(owner.b, a.owner.b, sizeof(owner.b));
	aic_bytes_free(&body);
	aic_bytes_free(&out);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, test_service_open, test_service_close)

int main(void)
{
	const struct CMUnitTest tests[] = {TEST(test_larger_than_a_block), TEST(test_goes_on_after_a_stop),
	                                   TEST(test_reversal_of_a_line_in_parts), TEST(test_revenue)};

	return cmocka_run_group_tests_name("ledger service: large settlements, revenue", tests, NULL, NULL);
}
