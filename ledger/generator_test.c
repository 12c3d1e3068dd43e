/* generator_test.c: what waits gets into blocks, in order, as many as fit, at the time that courtesy allows. */
#define _GNU_SOURCE
#include "ledger/testing.h"

#include "ledger/generator.h"
#include "ledger/state/member.h"
#include "ledger/state/token.h"

static test_site site;
static aic_generator *generator;
static int64_t ms;

static int64_t test_now(void *ctx)
{
	(void)ctx;
	return 1700000000 + ms / 1000;
}

static int64_t test_ms(void *ctx)
{
	(void)ctx;
	return ms;
}

static const aic_clock test_clock = {test_now, test_ms, NULL};

static int start(void **state)
{
	aic_error err = {0};

	if (test_folder_make(state) || test_site_open(&site, *state, &err))
		return -1;
	ms = 0;
	site.chain.clock = &test_clock;
	generator = aic_generator_new(&site.chain, &aic_pacing_default);
	return 0;
}

static int stop(void **state)
{
	aic_generator_free(generator);
	test_site_close(&site);
	return test_folder_remove(state);
}

static uint64_t submit(aic_amount value)
{
	aic_address a = test_wallet(0), b = test_wallet(1);
	aic_bytes body = {0};
	uint64_t ticket = 0;

	aic_transfer_body(&body, &a, &b, value);
	assert_ok(aic_generator_submit(generator, AIC_TX_TRANSFER, &body, &ticket, err));
	aic_bytes_free(&body);
	return ticket;
}

static aic_fate ask(uint64_t ticket)
{
	aic_fate fate;

	assert_ok(aic_generator_ask(generator, ticket, &fate, err));
	return fate;
}

static uint64_t height(void)
{
	return aic_state_head(site.state)->height;
}

/* A site alone: all that waits, in one block, at once; what the state refuses is told so and holds nobody up. */
static void test_one_block_for_many(void **state)
{
	uint64_t ticket[100];

	(void)state;
	for (int i = 0; i < 100; i++)
		ticket[i] = submit(i == 50 ? TEST_FUNDS * 9 : 1 + (aic_amount)i);
	assert_int_equal(aic_generator_waiting(generator), 100);
	assert_ok(aic_generator_step(generator, err));
	assert_int_equal(height(), 1);
	assert_int_equal(aic_generator_waiting(generator), 0);
	for (int i = 0; i < 100; i++) {
		aic_fate fate = ask(ticket[i]);

		assert_int_equal(fate.state, i == 50 ? AIC_FATE_REFUSED : AIC_FATE_FINAL);
		if (i == 50)
			assert_non_null(strstr(fate.why.message, "this needs 9000"));
		else
			assert_int_equal(fate.height, 1);
	}
	aic_fate gone;
	assert_fails(aic_generator_ask(generator, ticket[0], &gone, err), AIC_NOT_FOUND, "no request 1 waits here");
	assert_int_equal(aic_state_head(site.state)->transactions, 99);
	assert_ok(aic_generator_step(generator, err)); /* nothing waits: no block, and no heartbeat of a site alone */
	ms += 600000;
	assert_ok(aic_generator_step(generator, err));
	assert_int_equal(height(), 1);
}

/* A block takes as many as fit into 512 KiB. */
static void test_a_block_has_an_end(void **state)
{
	const size_t n = 4000;
	aic_bytes block = {0};
	aic_hash hash;
	bool valid;

	(void)state;
	for (size_t i = 0; i < n; i++)
		submit(1 + i);
	assert_ok(aic_generator_step(generator, err));
	assert_int_equal(height(), 1);
	assert_ok(aic_state_block(site.state, 1, &block, &hash, &valid, err));
	assert_true(valid && block.len <= AIC_BLOCK_MAX && block.len > AIC_BLOCK_MAX - 4096);
	assert_ok(aic_generator_step(generator, err));
	assert_int_equal(height(), 2);
	assert_int_equal(aic_state_head(site.state)->transactions, n);
	aic_bytes huge = {0};
	uint64_t ticket;
	aic_bytes_reserve(&huge, AIC_BLOCK_MAX);
	memset(huge.data, 0, AIC_BLOCK_MAX);
	huge.len = AIC_BLOCK_MAX;
	assert_fails(aic_generator_submit(generator, AIC_TX_SETTLEMENT, &huge, &ticket, err), AIC_FULL, "does not fit a block of 524288");
	aic_bytes_free(&huge);
	aic_bytes_free(&block);
}

/* A second site is admitted, that never attests: from the height on at which it counts nothing is final any more. */
static void admit(unsigned seed)
{
	aic_key key;
	aic_bytes body = {0};
	aic_posted posted;

	test_site_key(&key, (uint8_t)seed);
	aic_site_admit_body(&body, 1000, key.public_key);
	assert_ok(aic_chain_post(&site.chain, AIC_TX_SITE_ADMIT, &body, &posted, err));
	aic_bytes_free(&body);
}

static void make_blocks(uint64_t until)
{
	while (height() < until)
		assert_ok(test_transfer(&site, 0, 1, 1, err));
}

/* Two members: an interval between blocks, every second height is the other site's unless it lets its turn pass. */
static void test_turns(void **state)
{
	int64_t own = 0, others = 0;

	(void)state;
	admit(2);
	make_blocks(AIC_MEMBER_DELAY + 2);
	for (int i = 0; i < 6; i++) {
		uint64_t before = height();
		int64_t since = ms;

		assert_ok(aic_generator_step(generator, err));
		submit(1);
		for (; height() == before; ms += 100)
			assert_ok(aic_generator_step(generator, err));
		int64_t took = ms - since - 100;
		if (took == aic_pacing_default.interval)
			own++;
		else if (took == aic_pacing_default.interval + aic_pacing_default.turn)
			others++;
		else
			fail_msg("height %d came after %d ms", (int)height(), (int)took);
	}
	assert_int_equal(own, 3);
	assert_int_equal(others, 3);
	/* nothing waits: a heartbeat */
	int64_t since = ms;
	uint64_t before = height();
	for (; height() == before; ms += 1000)
		assert_ok(aic_generator_step(generator, err));
	assert_true(ms - since >= aic_pacing_default.heartbeat && ms - since <= aic_pacing_default.heartbeat + 8000);
}

/* A request in a block that is not final says what it waits for; and with 64 such heights no more blocks are made. */
static void test_waits_for_finality(void **state)
{
	(void)state;
	admit(2);
	make_blocks(AIC_MEMBER_DELAY);
	assert_int_equal(site.chain.final_height, AIC_MEMBER_DELAY);
	uint64_t ticket = submit(1);
	ms += 10000;
	assert_ok(aic_generator_step(generator, err));
	ms += 10000;
	assert_ok(aic_generator_step(generator, err));
	aic_fate fate = ask(ticket);
	assert_int_equal(fate.state, AIC_FATE_ORDERED);
	assert_non_null(strstr(fate.why.message, "waits for the attestations of more member sites (final is height 64 of 65)"));
	make_blocks(site.chain.final_height + AIC_CHAIN_UNFINAL_MAX);
	ticket = submit(2);
	for (int i = 0; i < 5; i++, ms += 100000)
		assert_ok(aic_generator_step(generator, err));
	fate = ask(ticket);
	assert_int_equal(fate.state, AIC_FATE_WAITING);
	assert_non_null(strstr(fate.why.message, "no block is made while 64 heights wait"));
	assert_int_equal(height(), 2 * AIC_MEMBER_DELAY);
}

/* The log does not answer: the request stays, and says why. */
static void test_waits_for_the_log(void **state)
{
	uint64_t ticket = submit(1);
	sqlite3 *db;
	char path[300];

	snprintf(path, sizeof(path), "%s/order.db", (char *)*state);
	assert_ok(aic_db_open(&db, path, AIC_DB_DURABLE, err));
	assert_ok(aic_db_exec(db, "CREATE TABLE keep AS SELECT * FROM blk; DELETE FROM blk", err));
	assert_fails(aic_generator_step(generator, err), AIC_CORRUPT, "the log has lost blocks");
	aic_fate fate = ask(ticket);
	assert_int_equal(fate.state, AIC_FATE_WAITING);
	assert_non_null(strstr(fate.why.message, "the log has lost blocks"));
	assert_ok(aic_db_exec(db, "INSERT INTO blk SELECT * FROM keep", err));
	aic_db_close(db);
	assert_ok(aic_generator_step(generator, err));
	assert_int_equal(ask(ticket).state, AIC_FATE_FINAL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_block_for_many), TEST(test_a_block_has_an_end), TEST(test_turns), TEST(test_waits_for_finality),
		TEST(test_waits_for_the_log),
	};

	return cmocka_run_group_tests_name("ledger generator", tests, NULL, NULL);
}
