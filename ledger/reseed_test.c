/* reseed_test.c: a log that has lost or changed blocks is put back from a copy, and nothing that was attested is discarded. */
#define _GNU_SOURCE
#include "ledger/reseed.h"
#include "ledger/testing.h"

#define HEIGHT 12

static test_site site;
static aic_key others[2];

/* Three members; this copy has HEIGHT blocks. */
static int begin(void **state)
{
	aic_key keys[3];
	char path[300];
	aic_error why = {0};

	if (test_folder_make(state))
		return -1;
	memset(&site, 0, sizeof(site));
	for (uint8_t i = 0; i < 3; i++)
		test_site_key(&keys[i], (uint8_t)(i + 1));
	site.key = keys[0];
	memcpy(others, keys + 1, sizeof(others));
	test_genesis(&site.genesis, keys, 3);
	snprintf(path, sizeof(path), "%s/order.db", (char *)*state);
	assert_ok(aic_order_local(&site.order, path, false, err));
	snprintf(path, sizeof(path), "%s/state.db", (char *)*state);
	assert_ok(aic_state_open(&site.state, path, AIC_DB_SCRATCH, err));
	assert_ok(aic_chain_open(&site.chain, site.state, &site.order, &site.key, site.genesis.data, site.genesis.len, err));
	for (int i = 0; i < HEIGHT; i++)
		if (test_transfer(&site, 0, 1, AIC_UNIT, &why))
			fail_msg("%s", why.message);
	return 0;
}

static int end(void **state)
{
	test_site_close(&site);
	return test_folder_remove(state);
}

/* What somebody with rights on the engine can do. */
static void damage(void **state, const char *sql)
{
	char path[300];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/order.db", (char *)*state);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static aic_reseed_plan look(void)
{
	aic_reseed_plan plan;

	assert_ok(aic_reseed_look(site.state, &site.order, &plan, err));
	return plan;
}

/* Restored, twice, and followed again. */
static void restore(void)
{
	for (int again = 0; again < 2; again++) {
		aic_reseed_plan plan = look();
		assert_int_equal(plan.needed, !again);
		assert_ok(aic_reseed_run(site.state, &site.order, &plan, err));
	}
	assert_ok(aic_chain_catch_up(&site.chain, err));
	assert_ok(test_transfer(&site, 0, 1, AIC_UNIT, err));
	assert_int_equal(aic_state_head(site.state)->height, HEIGHT + 1);
}

static void attest_as(int other, uint64_t height, const aic_hash *block)
{
	aic_attestation a = {.chain = aic_state_head(site.state)->chain, .height = height, .block = *block,
	                     .site = aic_site_id(others[other].public_key)};
	aic_bytes bytes = {0};

	aic_attestation_build(&bytes, &a, &others[other]);
	assert_ok(aic_order_attest(&site.order, &a.site, height, bytes.data, bytes.len, err));
	aic_bytes_free(&bytes);
}

static void a_sound_log(void **state)
{
	aic_reseed_plan plan = look();

	(void)state;
	assert_false(plan.needed);
	assert_int_equal(plan.found.height, HEIGHT);
	assert_int_equal(plan.restored.height, HEIGHT);
}

static void an_empty_log(void **state)
{
	damage(state, "DELETE FROM blk; DELETE FROM att");
	assert_fails(aic_chain_catch_up(&site.chain, err), AIC_CORRUPT, "aic ledger reseed");
	assert_fails(test_transfer(&site, 0, 1, AIC_UNIT, err), AIC_CORRUPT, "nothing is written");
	aic_reseed_plan plan = look();
	assert_true(plan.needed && plan.found.empty);
	assert_int_equal(plan.from, 0);
	assert_int_equal(plan.missing, HEIGHT + 1);
	restore();
}

static void a_lower_head(void **state)
{
	damage(state, "DELETE FROM blk WHERE height > 7");
	assert_fails(aic_chain_catch_up(&site.chain, err), AIC_CORRUPT, "ends at height 7, this site's copy at 12");
	aic_reseed_plan plan = look();
	assert_true(plan.needed);
	assert_int_equal(plan.from, 8);
	assert_int_equal(plan.missing, 5);
	restore();
}

static void a_hole(void **state)
{
	damage(state, "DELETE FROM blk WHERE height IN (4, 5, 9)");
	aic_reseed_plan plan = look();
	assert_int_equal(plan.from, 4);
	assert_int_equal(plan.missing, 3);
	assert_int_equal(plan.different, 0);
	restore();
}

/* Another block where the copy ends, and more above: they go, unless a member has attested one. */
static void a_rewritten_log(void **state)
{
	aic_hash liar = aic_block_hash("x", 1);

	damage(state, "UPDATE blk SET bytes = 'x' WHERE height = 12; INSERT INTO blk VALUES(13, zeroblob(32), 'x'), (14, zeroblob(32), 'x')");
	assert_fails(aic_chain_catch_up(&site.chain, err), AIC_CORRUPT, "another block at height 12");
	aic_reseed_plan plan = look();
	assert_int_equal(plan.from, 12);
	assert_int_equal(plan.different, 1);
	assert_int_equal(plan.dropped, 2);
	attest_as(0, 12, &liar);
	assert_fails(aic_reseed_look(site.state, &site.order, &plan, err), AIC_REFUSED, "has attested the log's block at height 12");
	damage(state, "DELETE FROM att WHERE height = 12");
	attest_as(0, 14, &liar);
	assert_fails(aic_reseed_look(site.state, &site.order, &plan, err), AIC_REFUSED, "has attested height 14, this site's copy ends at 12");
	damage(state, "DELETE FROM att WHERE height = 14");
	restore();
}

/* The board shows that another site's copy is longer. */
static void a_longer_copy_elsewhere(void **state)
{
	aic_hash block = aic_sha256_of("14", 2);
	aic_key stranger;
	aic_reseed_plan plan;

	damage(state, "DELETE FROM blk WHERE height > 7");
	test_site_key(&stranger, 77);
	aic_attestation a = {.chain = aic_state_head(site.state)->chain, .height = 13, .block = block, .site = aic_site_id(others[1].public_key)};
	aic_bytes bytes = {0};
	aic_attestation_build(&bytes, &a, &stranger); /* under a member's name, but not with its key */
	assert_ok(aic_order_attest(&site.order, &a.site, 13, bytes.data, bytes.len, err));
	aic_bytes_free(&bytes);
	plan = look();
	assert_true(plan.needed);
	attest_as(0, 13, &block);
	assert_fails(aic_reseed_look(site.state, &site.order, &plan, err), AIC_REFUSED, "has attested height 13, this site's copy ends at 12");
}

/* Blocks that the copy does not have yet are no damage. */
static void a_longer_log(void **state)
{
	aic_state *late;
	aic_reseed_plan plan;
	aic_chain c;
	char path[300];

	snprintf(path, sizeof(path), "%s/late.db", (char *)*state);
	assert_ok(aic_state_open(&late, path, AIC_DB_SCRATCH, err));
	assert_fails(aic_reseed_look(late, &site.order, &plan, err), AIC_REFUSED, "no copy of the ledger");
	assert_ok(aic_chain_open(&c, late, &site.order, NULL, NULL, 0, err));
	assert_ok(test_transfer(&site, 0, 1, AIC_UNIT, err));
	assert_ok(aic_reseed_look(late, &site.order, &plan, err));
	assert_false(plan.needed);
	assert_int_equal(plan.found.height, HEIGHT + 1);
	damage(state, "DELETE FROM blk WHERE height = 3");
	assert_fails(aic_reseed_look(late, &site.order, &plan, err), AIC_REFUSED, "restore the log from the site whose copy is longest");
	aic_state_close(late);
}

static void the_head_has_moved(void **state)
{
	damage(state, "DELETE FROM blk WHERE height > 7");
	aic_reseed_plan plan = look();
	damage(state, "DELETE FROM blk WHERE height > 6");
	assert_fails(aic_reseed_run(site.state, &site.order, &plan, err), AIC_REFUSED, "head is at height 6 by now");
	restore();
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		T(a_sound_log), T(an_empty_log), T(a_lower_head), T(a_hole), T(a_rewritten_log),
		T(a_longer_copy_elsewhere), T(a_longer_log), T(the_head_has_moved),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
