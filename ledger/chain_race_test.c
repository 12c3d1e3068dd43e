/* chain_race_test.c: another site's block comes first, or the log goes silent once the block is in it: whoever posts is told the truth. */
#define _GNU_SOURCE
#include "ledger/testing.h"

typedef struct {
	aic_order inner;
	int races;               /* appends before which the rival posts */
	bool silent_after;       /* no attestation gets through */
} rivalled;

static test_site site, rival;
static rivalled engine;

static aic_code r_head(void *self, aic_order_head *head, aic_error *err)
{
	return aic_order_head_get(&((rivalled *)self)->inner, head, err);
}

static aic_code r_append(void *self, const aic_order_head *expected, const aic_hash *hash, const void *block, size_t len,
                         aic_error *why)
{
	rivalled *r = self;

	if (r->races > 0) {
		r->races--;
		assert_ok(test_transfer(&rival, 1, 2, AIC_UNIT, err));
	}
	return aic_order_append_if_head(&r->inner, expected, hash, block, len, why);
}

static aic_code r_read(void *self, uint64_t from, uint64_t n, aic_order_visit visit, void *ctx, aic_error *err)
{
	return aic_order_read(&((rivalled *)self)->inner, from, n, visit, ctx, err);
}

static aic_code r_watch(void *self, uint64_t from, int timeout_ms, bool *more, aic_error *err)
{
	return aic_order_watch(&((rivalled *)self)->inner, from, timeout_ms, more, err);
}

static aic_code r_attest(void *self, const aic_id *id, uint64_t height, const void *bytes, size_t len, aic_error *err)
{
	rivalled *r = self;

	return r->silent_after ? aic_fail(err, AIC_UNREACHABLE, "silence") : aic_order_attest(&r->inner, id, height, bytes, len, err);
}

static aic_code r_attestations(void *self, uint64_t height, aic_order_attested visit, void *ctx, aic_error *err)
{
	return aic_order_attestations(&((rivalled *)self)->inner, height, visit, ctx, err);
}

static void r_close(void *self)
{
	aic_order_close(&((rivalled *)self)->inner);
}

static int begin(void **state)
{
	static const aic_order_backend backend = {.head = r_head, .append_if_head = r_append, .read = r_read, .watch = r_watch,
	                                          .attest = r_attest, .attestations = r_attestations, .close = r_close};
	char path[300];
	aic_key keys[2];
	test_site *both[] = {&site, &rival};

	if (test_folder_make(state))
		return -1;
	memset(&engine, 0, sizeof(engine));
	test_site_key(&keys[0], 1);
	test_site_key(&keys[1], 2);
	for (int i = 0; i < 2; i++) {
		test_site *s = both[i];
		memset(s, 0, sizeof(*s));
		s->key = keys[0]; /* both keep the same wallets: it is the blocks that race */
		test_genesis(&s->genesis, keys, 1);
		snprintf(path, sizeof(path), "%s/order.db", (char *)*state);
		assert_ok(aic_order_local(&s->order, path, false, err));
		if (!i) {
			engine.inner = s->order;
			s->order = (aic_order){&backend, &engine};
		}
		snprintf(path, sizeof(path), "%s/state%d.db", (char *)*state, i);
		assert_ok(aic_state_open(&s->state, path, AIC_DB_SCRATCH, err));
		assert_ok(aic_chain_open(&s->chain, s->state, &s->order, &s->key, s->genesis.data, s->genesis.len, err));
	}
	return 0;
}

static int end(void **state)
{
	test_site_close(&site);
	test_site_close(&rival);
	return test_folder_remove(state);
}

static void another_block_comes_first(void **state)
{
	aic_address a = test_wallet(3);
	aic_amount before = test_balance(&site, &a);

	(void)state;
	for (int races = 1; races <= 3; races++) {
		engine.races = races;
		assert_ok(test_transfer(&site, 0, 3, AIC_UNIT, err));
		assert_true(test_balance(&site, &a) == before + (unsigned)races * AIC_UNIT);
	}
	assert_int_equal(aic_state_head(site.state)->height, 3 + 1 + 2 + 3);
	assert_ok(aic_chain_catch_up(&rival.chain, err));
	assert_true(aic_hash_equal(&aic_state_head(rival.state)->root, &aic_state_head(site.state)->root));
}

static void it_always_comes_too_late(void **state)
{
	(void)state;
	engine.races = 1000;
	assert_fails(test_transfer(&site, 0, 3, AIC_UNIT, err), AIC_REFUSED, "by now: build the block anew");
	engine.races = 0;
	assert_ok(test_transfer(&site, 0, 3, AIC_UNIT, err));
}

/* The block is in the log and in the copy: whoever was told otherwise would pay twice. */
static void the_log_goes_silent(void **state)
{
	aic_address a = test_wallet(3);
	aic_amount before = test_balance(&site, &a);

	(void)state;
	engine.silent_after = true;
	assert_ok(test_transfer(&site, 0, 3, AIC_UNIT, err));
	assert_true(test_balance(&site, &a) == before + AIC_UNIT);
	assert_int_equal(site.chain.final_height, 0);
	assert_fails(aic_chain_catch_up(&site.chain, err), AIC_UNREACHABLE, "silence");
	engine.silent_after = false;
	assert_ok(aic_chain_catch_up(&site.chain, err));
	assert_int_equal(site.chain.final_height, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(another_block_comes_first, begin, end),
		cmocka_unit_test_setup_teardown(it_always_comes_too_late, begin, end),
		cmocka_unit_test_setup_teardown(the_log_goes_silent, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
