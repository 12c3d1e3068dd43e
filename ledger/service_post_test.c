/* service_post_test.c: who asks for what cannot have its block at once is told that it waits, and why, comes back for it, and gets
 * it once. */
#define _GNU_SOURCE
#include "ledger/service_testing.h"

#include "ledger/state/member.h"

/* The site's log, whose answers to appends get lost. */
static struct { aic_order log; bool silent, full; } engine;

static aic_code engine_head(void *self, aic_order_head *head, aic_error *err)
{
	(void)self;
	return aic_order_head_get(&engine.log, head, err);
}

static aic_code engine_append(void *self, const aic_order_head *expected, const aic_hash *hash, const void *block, size_t len,
                              aic_error *err)
{
	(void)self;
	if (engine.full)
		return aic_fail(err, AIC_FULL, "the log is full");
	aic_code code = aic_order_append_if_head(&engine.log, expected, hash, block, len, err);
	return engine.silent ? aic_fail(err, AIC_UNREACHABLE, "the log does not answer") : code;
}

static aic_code engine_read(void *self, uint64_t from, uint64_t n, aic_order_visit visit, void *ctx, aic_error *err)
{
	(void)self;
	return aic_order_read(&engine.log, from, n, visit, ctx, err);
}

static aic_code engine_attest(void *self, const aic_id *site, uint64_t height, const void *bytes, size_t len, aic_error *err)
{
	(void)self;
	return aic_order_attest(&engine.log, site, height, bytes, len, err);
}

static aic_code engine_attestations(void *self, uint64_t height, aic_order_attested visit, void *ctx, aic_error *err)
{
	(void)self;
	return aic_order_attestations(&engine.log, height, visit, ctx, err);
}

static void engine_close(void *self)
{
	(void)self;
	aic_order_close(&engine.log);
}

static const aic_order_backend backend = {.head = engine_head, .append_if_head = engine_append, .read = engine_read,
                                          .attest = engine_attest, .attestations = engine_attestations, .close = engine_close};

static int start(void **state)
{
	if (test_service_open(state))
		return -1;
	engine.log = test_service.order;
	engine.silent = engine.full = false;
	test_service.order = (aic_order){&backend, &engine};
	return 0;
}

/* Asks for the transfer, or resumes it under a ticket. */
static aic_code transfer(uint64_t ticket, aic_bytes *out, aic_cbor *answer, aic_error *err)
{
	aic_bytes args = {0};

	if (ticket) {
		aic_cbor_put_uint(&args, ticket);
		aic_cbor_put_text(&args, "transfer");
	}
	aic_cbor_put_text(&args, "genesis/operating");
	aic_cbor_put_text(&args, "genesis/team");
	aic_cbor_put_amount(&args, 5);
	return test_ask(TEST_ADMIN_UID, ticket ? "resume" : "transfer", &args, out, answer, err);
}

static uint64_t assert_waiting(aic_cbor *answer, const char *text)
{
	char word[16], why[768];

	aic_cbor_text(answer, word, sizeof(word));
	uint64_t ticket = aic_cbor_uint(answer);
	aic_cbor_text(answer, why, sizeof(why));
	assert_ok(aic_cbor_finish(answer, err));
	assert_string_equal(word, "waiting");
	if (!strstr(why, text))
		fail_msg("\"%s\" lacks \"%s\"", why, text);
	return ticket;
}

/* Its block was sent and nobody knows whether it arrived: it had; the transfer is there once. */
static void test_an_answer_gets_lost(void **state)
{
	aic_bytes out = {0};
	aic_cbor c;
	aic_hash tx;

	(void)state;
	uint64_t before = aic_state_head(test_service.state)->transactions;
	engine.silent = true;
	assert_ok(transfer(0, &out, &c, err));
	uint64_t ticket = assert_waiting(&c, "the transfer waits as request 1: the log does not answer");
	engine.silent = false;
	assert_ok(transfer(ticket, &out, &c, err));
	aic_cbor_bytes_exact(&c, tx.b, AIC_HASH_LEN);
	assert_int_equal(aic_cbor_uint(&c), aic_state_head(test_service.state)->height);
	assert_int_equal(aic_state_head(test_service.state)->transactions, before + 1);
	assert_fails(transfer(ticket, &out, &c, err), AIC_NOT_FOUND, "no request 1 waits here");
	aic_bytes_free(&out);
}

/* A log that is full for certain: nothing waits for it. */
static void test_a_full_log(void **state)
{
	aic_bytes out = {0};
	aic_cbor c;

	(void)state;
	engine.full = true;
	assert_fails(transfer(0, &out, &c, err), AIC_FULL, "the log is full");
	assert_int_equal(aic_generator_waiting(test_service.generator), 0);
	engine.full = false;
	aic_service_tick(&test_service);
	assert_int_equal(aic_state_head(test_service.state)->transactions, 0);
	aic_bytes_free(&out);
}

/* Turns: a second member's is first; when it has let it pass, the tick makes the block. */
static void test_another_site_has_its_turn(void **state)
{
	static const aic_pacing pacing = {.interval = 1, .turn = 50, .heartbeat = 0};
	aic_bytes out = {0}, body = {0};
	aic_posted posted;
	aic_cbor c;
	aic_key other;
	int waited = 0;

	(void)state;
	test_site_key(&other, 2);
	aic_site_admit_body(&body, 1000, other.public_key);
	assert_ok(aic_chain_post(&test_service.chain, AIC_TX_SITE_ADMIT, &body, &posted, err));
	aic_bytes_free(&body);
	while (aic_state_head(test_service.state)->height < AIC_MEMBER_DELAY + 2)
		assert_ok(transfer(0, &out, &c, err));
	aic_generator_free(test_service.generator);
	test_service.generator = aic_generator_new(&test_service.chain, &pacing);
	uint64_t height = aic_state_head(test_service.state)->height;
	for (int i = 0; i < 4; i++) {
		aic_hash tx;

		assert_ok(transfer(0, &out, &c, err));
		while (aic_cbor_peek(&c) == AIC_CBOR_TEXT) {
			uint64_t ticket = assert_waiting(&c, "which this site makes in");
			waited++;
			assert_ok(transfer(ticket, &out, &c, err));
		}
		aic_cbor_bytes_exact(&c, tx.b, AIC_HASH_LEN);
		assert_int_equal(aic_cbor_uint(&c), height + (uint64_t)i + 1);
	}
	assert_true(waited > 0);
	aic_bytes_free(&out);
}

static void test_no_such_ticket(void **state)
{
	aic_bytes out = {0}, args = {0};
	aic_cbor c;

	(void)state;
	assert_fails(transfer(99, &out, &c, err), AIC_NOT_FOUND, "no request 99 waits here");
	aic_cbor_put_uint(&args, 0);
	aic_cbor_put_text(&args, "transfer");
	assert_fails(test_ask(TEST_ADMIN_UID, "resume", &args, &out, &c, err), AIC_USAGE, "\"resume\" needs the ticket");
	aic_cbor_put_uint(&args, 1);
	aic_cbor_put_text(&args, "transfer");
	assert_fails(test_ask(TEST_USER_UID, "resume", &args, &out, &c, err), AIC_REFUSED, "may not ask the ledger for \"transfer\"");
	aic_bytes_free(&out);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, test_service_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_an_answer_gets_lost), TEST(test_a_full_log), TEST(test_another_site_has_its_turn), TEST(test_no_such_ticket),
	};

	return cmocka_run_group_tests_name("ledger requests that wait", tests, NULL, NULL);
}
