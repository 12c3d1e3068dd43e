/* session_test.c: a session from opening to closing, and what is refused on the way. */
#define _GNU_SOURCE
#include "ledger/state/session_testing.h"

#include "ledger/audit/verify.h"
#include "ledger/state/asset.h"

static aic_session opening(void)
{
	return (aic_session){.payer = test_wallet(0), .run = AIC_RUN_SITE, .shards = 8};
}

static aic_code open_as(unsigned site, const aic_session *o, const aic_session_node *n, size_t nodes, aic_error *err)
{
	aic_bytes body = {0};

	aic_session_open_body(&body, o, n, nodes);
	return test_post(site, AIC_TX_SESSION_OPEN, &body, err);
}

static aic_code commit(const aic_hash *id, uint64_t first, uint64_t step, size_t n, aic_error *err)
{
	aic_session_checkpoint c[4] = {{.step = step}, {.step = step + 1}, {.step = step + 2}, {.step = step + 3}};
	aic_bytes body = {0};

	aic_session_commit_body(&body, id, first, c, n);
	return test_post(0, AIC_TX_SESSION_COMMIT, &body, err);
}

static void test_opening(void **state)
{
	aic_session_node n[2] = {{.key = {2}, .provider = test_wallet(1)}, {.key = {1}, .provider = test_wallet(2)}}, *all;
	aic_session o = opening(), r;
	aic_bytes body = {0};
	size_t nodes;

	(void)state;
	assert_ok(open_as(0, &o, n, 2, err));
	aic_hash id = test_posted, none = {{0}};
	r = test_row(&id);
	assert_int_equal(r.state, AIC_SESSION_OPEN);
	assert_true(r.n_providers == 2 && r.opened == aic_state_head(test_ledger)->height && r.opened_at == test_time - 1);
	assert_false(aic_hash_equal(&r.entropy, &none));
	n[0] = (aic_session_node){.key = {3}, .provider = test_wallet(3)};
	aic_session_nodes_body(&body, &id, n, 2); /* a requeue: one node is new, one was there */
	assert_ok(test_post(0, AIC_TX_SESSION_NODES, &body, err));
	assert_ok(aic_state_session_nodes(test_ledger, &id, &all, &nodes, err));
	assert_int_equal(nodes, 3);
	assert_int_equal(test_row(&id).n_providers, 3);
	free(all);
}

static void test_openings_refused(void **state)
{
	aic_session_node n = {.provider = test_wallet(1)}, foreign = {.provider = test_member_wallet(1, 0)};
	aic_session o = opening();

	(void)state;
	o.shards = 6;
	assert_fails(open_as(0, &o, &n, 1, err), AIC_REFUSED, "6 shards: a power of two up to 65536");
	o = opening();
	o.run = 2;
	assert_fails(open_as(0, &o, &n, 1, err), AIC_REFUSED, "run 2 and class 0");
	o = opening();
	o.class = AIC_CLASS_D1;
	assert_fails(open_as(0, &o, &n, 1, err), AIC_REFUSED, "names a device, 32 bytes, where its class is D1");
	o = opening();
	assert_fails(open_as(0, &o, &n, 0, err), AIC_REFUSED, "a session without a node");
	assert_fails(open_as(0, &o, &foreign, 1, err), AIC_REFUSED, "not in the custody of the site that signed");
	assert_fails(open_as(1, &o, &n, 1, err), AIC_REFUSED, "not in the custody of the site that signed");
	o.n_assets = 1;
	o.asset[0] = aic_u256_from(5);
	assert_fails(open_as(0, &o, &n, 1, err), AIC_REFUSED, "asset 1 of the session is not registered");
	aic_bytes body = {0};
	aic_bytes_append(&body, "\x81\x00", 2);
	assert_fails(test_post(0, AIC_TX_SESSION_OPEN, &body, err), AIC_CORRUPT, "session");
}

/* What nobody may read, or has no device for, is not proven; it is paid less, not punished. */
static void test_what_nobody_can_verify_is_d2(void **state)
{
	aic_session_node n = {.provider = test_wallet(1)};
	aic_asset a = {.owner = test_wallet(3), .kind = AIC_ASSET_DATA, .terms = {.verify = AIC_VERIFY_OWNER}};
	aic_session o = opening();
	aic_bytes body = {0};
	uint64_t ppm;

	(void)state;
	aic_asset_register_body(&body, &a);
	assert_ok(test_post(0, AIC_TX_ASSET_REGISTER, &body, err));
	o.n_assets = 1;
	o.asset[0] = aic_asset_id(&test_posted);
	assert_ok(open_as(0, &o, &n, 1, err));
	aic_hash id = test_posted;
	assert_int_equal(test_row(&id).counts_as, AIC_CLASS_D2);
	assert_ok(commit(&id, 0, 0, 3, err));
	test_close(&id, 1);
	assert_int_equal(test_row(&id).state, AIC_SESSION_UNPROVEN);
	assert_true(aic_session_counts(AIC_SESSION_UNPROVEN, &ppm) && ppm == 700000);
	o = opening();
	o.class = AIC_CLASS_D1;
	o.device_len = AIC_HASH_LEN;
	assert_ok(open_as(0, &o, &n, 1, err));
	assert_int_equal(test_row(&test_posted).counts_as, AIC_CLASS_D2);
}

/* attack: double commitments: what stands is not committed again, with the same bytes or with others. */
static void test_attack_double_commitments(void **state)
{
	aic_hash id = test_session(AIC_RUN_SITE, 3), other = aic_sha256_of("x", 1);
	aic_session_checkpoint c;
	aic_bytes body = {0};

	(void)state;
	assert_fails(commit(&id, 0, 0, 1, err), AIC_REFUSED, "has 3 checkpoints, the next is number 3, not 0");
	assert_fails(commit(&id, 2, 300, 2, err), AIC_REFUSED, "the next is number 3, not 2");
	assert_fails(commit(&id, 4, 300, 1, err), AIC_REFUSED, "the next is number 3, not 4");
	assert_fails(commit(&id, 3, 200, 1, err), AIC_REFUSED, "checkpoint 3 is of step 200, the one before it of step 200");
	assert_fails(commit(&id, 3, 300, 0, err), AIC_REFUSED, "a batch without a checkpoint");
	assert_fails(commit(&other, 0, 0, 1, err), AIC_REFUSED, "there is no session");
	assert_ok(commit(&id, 3, 300, 2, err));
	assert_int_equal(test_row(&id).checkpoints, 5);
	assert_ok(aic_state_session_checkpoint(test_ledger, &id, 1, &c, err)); /* as it was committed first */
	assert_int_equal(c.step, 100);
	id = test_session(AIC_RUN_SITE, 0);
	assert_fails(commit(&id, 0, 7, 1, err), AIC_REFUSED, "checkpoint 0 is of step 7");
	aic_session_commit_body(&body, &id, 0, &c, 1);
	assert_fails(test_post(1, AIC_TX_SESSION_COMMIT, &body, err), AIC_REFUSED, "was opened by another site, which alone can commit to it");
}

/* attack: the same session under another id: an id is a transaction's, so no two openings share one, and each has a seed of its own. */
static void test_attack_replayed_session_ids(void **state)
{
	aic_hash a = test_session(AIC_RUN_SITE, 2), b = test_session(AIC_RUN_SITE, 2);
	aic_session x = test_row(&a), y = test_row(&b);

	(void)state;
	assert_false(aic_hash_equal(&a, &b));
	assert_false(aic_hash_equal(&x.entropy, &y.entropy));
	assert_true(aic_session_seed(7, &a, &x.entropy) != aic_session_seed(7, &b, &y.entropy));
	assert_true(aic_session_seed(7, &a, &x.entropy) == aic_session_seed(7, &a, &x.entropy));
	assert_true(aic_session_seed(8, &a, &x.entropy) != aic_session_seed(7, &a, &x.entropy));
}

/* attack: a flood of empty sessions: they count as unproven, never in full, and a site has at most so many that wait. */
static void test_attack_flood_of_empty_sessions(void **state)
{
	aic_session_node n = {.provider = test_wallet(1)};
	aic_session o = opening();
	aic_hash id = {{0}};

	(void)state;
	for (int i = 0; i < AIC_SESSIONS_UNDECIDED_MAX; i++) {
		assert_ok(open_as(0, &o, &n, 1, err));
		id = test_posted;
	}
	assert_fails(open_as(0, &o, &n, 1, err), AIC_REFUSED, "has 1024 sessions that are not decided, 1024 is the most");
	test_close(&id, 1);
	assert_int_equal(test_row(&id).state, AIC_SESSION_UNPROVEN);
	assert_ok(open_as(0, &o, &n, 1, err));
	o.payer = n.provider = test_member_wallet(1, 0);
	assert_ok(open_as(1, &o, &n, 1, err)); /* another site has room of its own */
}

/* attack: a one-minute session inside a day's job: what counts are the seconds between its own two blocks. */
static void test_attack_one_minute_session(void **state)
{
	aic_hash id = test_session(AIC_RUN_SITE, 3);
	int64_t opened = test_row(&id).opened_at;

	(void)state;
	test_time = opened + 60;
	test_close(&id, 1);
	test_time += 86400;
	aic_session r = test_row(&id);
	assert_int_equal(r.closed_at - r.opened_at, 60);
	assert_fails(commit(&id, 3, 300, 1, err), AIC_REFUSED, "was closed at height");
}

static void test_closings_refused(void **state)
{
	aic_session_provider p[2] = {{.wallet = test_wallet(1)}, {.wallet = test_wallet(2)}};
	aic_hash id = test_session(AIC_RUN_SITE, 3);
	aic_bytes body = {0};

	(void)state;
	aic_session_close_body(&body, &id, 300, AIC_END_DONE, p, 2);
	assert_fails(test_post(0, AIC_TX_SESSION_CLOSE, &body, err), AIC_REFUSED, "have 1 providers, its closing names 2");
	aic_session_close_body(&body, &id, 300, AIC_END_DONE, &p[1], 1);
	assert_fails(test_post(0, AIC_TX_SESSION_CLOSE, &body, err), AIC_REFUSED, "which has no node of the session in that place");
	aic_session_close_body(&body, &id, 199, AIC_END_DONE, p, 1);
	assert_fails(test_post(0, AIC_TX_SESSION_CLOSE, &body, err), AIC_REFUSED, "checkpoints of step 200 are committed");
	aic_session_close_body(&body, &id, 300, 3, p, 1);
	assert_fails(test_post(0, AIC_TX_SESSION_CLOSE, &body, err), AIC_REFUSED, "end is 0 to 2");
	test_close(&id, 1);
	aic_session_close_body(&body, &id, 100000, AIC_END_DONE, p, 1);
	assert_fails(test_post(0, AIC_TX_SESSION_CLOSE, &body, err), AIC_REFUSED, "was closed at height");
	test_demand(&id);
	aic_session_id_body(&body, &id);
	assert_fails(test_post(1, AIC_TX_SESSION_CHALLENGE, &body, err), AIC_REFUSED, "was asked for already");
}

static void test_verifiers(void **state)
{
	aic_address w = test_wallet(1), foreign = test_member_wallet(1, 0);
	aic_verifier v = {.provider = w}, *all;
	aic_bytes body = {0};
	size_t n;

	(void)state;
	aic_verifier_register_body(&body, &v);
	assert_fails(test_post(0, AIC_TX_VERIFIER_REGISTER, &body, err), AIC_REFUSED, "no valid node's key of this site");
	test_verifier(0, 101, &w);
	test_verifier(0, 100, &w);
	assert_ok(aic_state_verifiers(test_ledger, &all, &n, err));
	assert_int_equal(n, 2);
	v = all[0];
	assert_true(memcmp(all[0].key, all[1].key, AIC_PUBLIC_LEN) < 0);
	free(all);
	v.provider = foreign;
	aic_verifier_register_body(&body, &v);
	assert_fails(test_post(0, AIC_TX_VERIFIER_REGISTER, &body, err), AIC_REFUSED, "not in the custody");
	aic_verifier_register_body(&body, &v);
	assert_fails(test_post(1, AIC_TX_VERIFIER_REGISTER, &body, err), AIC_REFUSED, "no valid node's key of this site");
	aic_verifier_withdraw_body(&body, v.key);
	assert_fails(test_post(1, AIC_TX_VERIFIER_WITHDRAW, &body, err), AIC_REFUSED, "not in the custody");
	aic_verifier_withdraw_body(&body, v.key);
	assert_ok(test_post(0, AIC_TX_VERIFIER_WITHDRAW, &body, err));
	aic_verifier_withdraw_body(&body, v.key);
	assert_fails(test_post(0, AIC_TX_VERIFIER_WITHDRAW, &body, err), AIC_REFUSED, "no verifier with that key");
}

/* Blocks from a real chain: a replay comes to the same state, draws included. */
static void test_a_replay_draws_the_same(void **state)
{
	aic_session_node n = {.provider = test_wallet(1)};
	aic_session_provider p = {.wallet = test_wallet(1), .fee = 5};
	aic_session_checkpoint c[3] = {{.step = 0}, {.step = 10}, {.step = 20}};
	aic_session o = opening(), r;
	aic_bytes body = {0};
	aic_posted posted;
	aic_verified v;
	aic_copy copy;
	test_site s;

	assert_ok(test_site_open(&s, *state, err));
	aic_session_open_body(&body, &o, &n, 1);
	assert_ok(aic_chain_post(&s.chain, AIC_TX_SESSION_OPEN, &body, &posted, err));
	aic_hash id = posted.tx;
	aic_bytes_clear(&body);
	aic_session_commit_body(&body, &id, 0, c, 3);
	assert_ok(aic_chain_post(&s.chain, AIC_TX_SESSION_COMMIT, &body, &posted, err));
	aic_bytes_clear(&body);
	aic_session_close_body(&body, &id, 25, AIC_END_DONE, &p, 1);
	assert_ok(aic_chain_post(&s.chain, AIC_TX_SESSION_CLOSE, &body, &posted, err));
	for (int i = 0; i < 3; i++)
		assert_ok(test_transfer(&s, 1, 2, 1, err));
	assert_ok(aic_state_session(s.state, &id, &r, err));
	assert_true(r.state == AIC_SESSION_UNCHALLENGED || r.state == AIC_SESSION_UNVERIFIABLE);
	test_site_close(&s);
	assert_ok(aic_copy_open(&copy, *state, err));
	assert_ok(aic_copy_verify(&copy, *state, NULL, NULL, &v, err));
	assert_int_equal(v.blocks, 7);
	aic_copy_close(&copy);
	aic_bytes_free(&body);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, test_ledger_six, test_ledger_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_opening),                     TEST(test_openings_refused),
		TEST(test_what_nobody_can_verify_is_d2), TEST(test_attack_double_commitments),
		TEST(test_attack_replayed_session_ids), TEST(test_attack_flood_of_empty_sessions),
		TEST(test_attack_one_minute_session),   TEST(test_closings_refused),
		TEST(test_verifiers),                   cmocka_unit_test_setup_teardown(test_a_replay_draws_the_same, test_folder_make, test_folder_remove),
	};

	return cmocka_run_group_tests_name("ledger sessions", tests, NULL, NULL);
}
