/* session_refusal_test.c: what is refused about sessions, verdicts and their pay for its form, its size or its signer: each in one sentence. What
 * the other tests of sessions refuse on their way is there. */
#define _GNU_SOURCE
#include "ledger/state/session_testing.h"

#include "ledger/state/decoy.h"
#include "ledger/state/member.h"
#include "ledger/state/token.h"

#define SITE_ONLY "only a member site's key can "

static aic_session opening(void)
{
	return (aic_session){.payer = test_wallet(0), .run = AIC_RUN_SITE, .shards = 8};
}

static aic_code open_with(const aic_session *o, const aic_session_node *n, size_t nodes, aic_error *err)
{
	aic_bytes body = {0};

	aic_session_open_body(&body, o, n, nodes);
	return test_post(0, AIC_TX_SESSION_OPEN, &body, err);
}

/* A node's key stands on the ledger, and signs headers and verdicts; no transaction about sessions. */
static void test_nodes_keys_sign_none(void **state)
{
	aic_hash id = test_session(AIC_RUN_SITE, 3);
	aic_session_node n = {.provider = test_wallet(1)};
	aic_session_provider p = {.wallet = test_wallet(1)};
	aic_session_checkpoint c = {.step = 300};
	aic_session o = opening();
	aic_verifier v = {.provider = test_wallet(1)};
	aic_verdict verdict = {.session = id};
	aic_bytes body = {0};
	aic_key node;

	(void)state;
	test_site_key(&node, 99);
	aic_key_register_body(&body, AIC_ROLE_NODE, node.public_key, 0, NULL);
	assert_ok(test_post(0, AIC_TX_KEY_REGISTER, &body, err));
	aic_session_open_body(&body, &o, &n, 1);
	assert_fails(test_post_by(&node, 0, AIC_TX_SESSION_OPEN, &body, err), AIC_REFUSED, SITE_ONLY "open a session");
	aic_session_nodes_body(&body, &id, &n, 1);
	assert_fails(test_post_by(&node, 0, AIC_TX_SESSION_NODES, &body, err), AIC_REFUSED, SITE_ONLY "add nodes to it");
	aic_session_commit_body(&body, &id, 3, &c, 1);
	assert_fails(test_post_by(&node, 0, AIC_TX_SESSION_COMMIT, &body, err), AIC_REFUSED, SITE_ONLY "commit to it");
	aic_session_close_body(&body, &id, 300, AIC_END_DONE, &p, 1);
	assert_fails(test_post_by(&node, 0, AIC_TX_SESSION_CLOSE, &body, err), AIC_REFUSED, SITE_ONLY "close it");
	aic_session_id_body(&body, &id);
	assert_fails(test_post_by(&node, 0, AIC_TX_SESSION_CHALLENGE, &body, err), AIC_REFUSED, SITE_ONLY "ask for a challenge");
	aic_session_id_body(&body, &id);
	assert_fails(test_post_by(&node, 0, AIC_TX_SESSION_PAY, &body, err), AIC_REFUSED, SITE_ONLY "have verdicts paid");
	aic_verifier_register_body(&body, &v);
	assert_fails(test_post_by(&node, 0, AIC_TX_VERIFIER_REGISTER, &body, err), AIC_REFUSED, SITE_ONLY "name verifiers");
	aic_verdict_body(&body, &verdict);
	assert_fails(test_post_by(&node, 0, AIC_TX_VERDICT, &body, err), AIC_REFUSED, "a verdict is brought by a member site's key");
}

/* Bytes that no encoder of ours writes: lengths and orders. */
static void raw_opening(aic_bytes *b, size_t device, size_t model, const uint64_t *asset, size_t assets, const uint8_t *key, size_t keys)
{
	static const uint8_t long_bytes[64];
	aic_address payer = test_wallet(0), provider = test_wallet(1);

	aic_cbor_put_array(b, 12);
	aic_cbor_put_bytes(b, payer.b, AIC_ADDRESS_LEN);
	aic_cbor_put_uint(b, AIC_RUN_SITE);
	aic_cbor_put_uint(b, AIC_CLASS_D0);
	aic_cbor_put_bytes(b, long_bytes, device);
	aic_cbor_put_uint(b, 8);
	for (int i = 0; i < 4; i++)
		aic_cbor_put_bytes(b, long_bytes, AIC_HASH_LEN);
	aic_cbor_put_bytes(b, long_bytes, model);
	aic_cbor_put_array(b, assets);
	for (size_t i = 0; i < assets; i++)
		aic_cbor_put_u256(b, aic_u256_from(asset[i]));
	aic_cbor_put_array(b, keys);
	for (size_t i = 0; i < keys; i++) {
		uint8_t whole[AIC_PUBLIC_LEN] = {key[i]};

		aic_cbor_put_array(b, 2);
		aic_cbor_put_bytes(b, whole, sizeof(whole));
		aic_cbor_put_bytes(b, provider.b, AIC_ADDRESS_LEN);
	}
}

static void test_forms(void **state)
{
	static const uint64_t assets[] = {5, 5};
	static const uint8_t keys[] = {2, 1};
	aic_bytes b = {0};

	(void)state;
	raw_opening(&b, 33, 0, NULL, 0, keys, 1);
	assert_fails(test_post(0, AIC_TX_SESSION_OPEN, &b, err), AIC_CORRUPT, "a device of 33 bytes, 32 is the most");
	raw_opening(&b, 0, 33, NULL, 0, keys, 1);
	assert_fails(test_post(0, AIC_TX_SESSION_OPEN, &b, err), AIC_CORRUPT, "a model of 33 bytes, 32 is the most");
	raw_opening(&b, 0, 0, assets, 2, keys, 1);
	assert_fails(test_post(0, AIC_TX_SESSION_OPEN, &b, err), AIC_CORRUPT, "asset 2 does not follow asset 1 in ascending order");
	raw_opening(&b, 0, 0, NULL, 0, keys, 2);
	assert_fails(test_post(0, AIC_TX_SESSION_OPEN, &b, err), AIC_CORRUPT, "node 2 does not follow node 1 by key");
	raw_opening(&b, 0, 0, NULL, 0, keys, 1);
	assert_ok(test_post(0, AIC_TX_SESSION_OPEN, &b, err));
	aic_cbor_put_array(&b, 3);
	aic_cbor_put_bytes(&b, test_member[0].public_key, AIC_PUBLIC_LEN);
	aic_cbor_put_bytes(&b, test_wallet(1).b, AIC_ADDRESS_LEN);
	aic_cbor_put_bytes(&b, "short", 5);
	assert_fails(test_post(0, AIC_TX_VERIFIER_REGISTER, &b, err), AIC_CORRUPT, "a device of 5 bytes: none, or 32");
}

static void test_sizes(void **state)
{
	aic_session_node *n = aic_xcalloc(AIC_SESSION_NODES_MAX, sizeof(*n));
	aic_session o = opening(), r;
	aic_session_checkpoint c = {.step = 400};
	aic_bytes body = {0};

	(void)state;
	for (unsigned i = 0; i < AIC_SESSION_PROVIDERS_MAX + 1; i++) {
		aic_id organisation = {{1}};

		n[i].key[0] = (uint8_t)i;
		memset(n[i].provider.b, 0xd0, AIC_ADDRESS_LEN);
		n[i].provider.b[1] = (uint8_t)i;
		aic_wallet_register_body(&body, &n[i].provider, &organisation, AIC_WALLET_PLAIN);
		assert_ok(test_post(0, AIC_TX_WALLET_REGISTER, &body, err));
	}
	assert_fails(open_with(&o, n, AIC_SESSION_PROVIDERS_MAX + 1, err), AIC_REFUSED, "a session has nodes of at most 64 providers");
	assert_ok(open_with(&o, n, AIC_SESSION_PROVIDERS_MAX, err));
	aic_hash id = test_posted;
	for (unsigned i = 0; i < AIC_SESSION_NODES_MAX; i++) {
		n[i].key[0] = 0xff;
		aic_put_be32(n[i].key + 1, i);
		n[i].provider = n[0].provider;
	}
	aic_session_nodes_body(&body, &id, n, AIC_SESSION_NODES_MAX);
	assert_fails(test_post(0, AIC_TX_SESSION_NODES, &body, err), AIC_REFUSED, "a session would have 1088 nodes, 1024 is the most");
	free(n);
	id = test_session(AIC_RUN_SITE, 3);
	r = test_row(&id);
	r.checkpoints = UINT32_MAX; /* as after many years */
	aic_state_begin(test_ledger, aic_state_head(test_ledger)->height + 1, test_time);
	assert_ok(aic_state_session_put(test_ledger, &id, &r, err));
	aic_hash hash = aic_sha256_of("years", 5);
	assert_ok(aic_state_commit(test_ledger, &hash, "b", 1, true, err));
	aic_session_commit_body(&body, &id, UINT32_MAX, &c, 1);
	assert_fails(test_post(0, AIC_TX_SESSION_COMMIT, &body, err), AIC_REFUSED, "a session has at most 4294967295 checkpoints");
}

static void test_too_many_verifiers(void **state)
{
	aic_verifier *all = aic_xcalloc(AIC_VERIFIERS_MAX, sizeof(*all)), v = {.provider = test_wallet(1)};
	aic_bytes body = {0};
	aic_key node;

	(void)state;
	for (unsigned i = 0; i < AIC_VERIFIERS_MAX; i++) {
		aic_put_be32(all[i].key, i);
		all[i].provider = test_wallet(1);
	}
	aic_state_begin(test_ledger, aic_state_head(test_ledger)->height + 1, test_time);
	assert_ok(aic_state_verifiers_put(test_ledger, all, AIC_VERIFIERS_MAX, err));
	aic_hash hash = aic_sha256_of("many", 4);
	assert_ok(aic_state_commit(test_ledger, &hash, "b", 1, true, err));
	free(all);
	test_site_key(&node, 99);
	aic_key_register_body(&body, AIC_ROLE_NODE, node.public_key, 0, NULL);
	assert_ok(test_post(0, AIC_TX_KEY_REGISTER, &body, err));
	memcpy(v.key, node.public_key, AIC_PUBLIC_LEN);
	aic_verifier_register_body(&body, &v);
	assert_fails(test_post(0, AIC_TX_VERIFIER_REGISTER, &body, err), AIC_REFUSED, "there are 1024 verifiers: no more can be registered");
}

/* --- ratings --- */

static aic_code rate(unsigned site, const aic_hash *id, aic_settlement_line *l, uint64_t number, aic_error *why)
{
	aic_settlement s = {.period = "p", .number = number, .n_approvals = 1, .n_lines = 1, .line = l};
	aic_bytes body = {0};

	aic_settlement_body(&body, &s);
	assert_ok(test_post(0, AIC_TX_SETTLEMENT, &body, err));
	aic_session_rate_body(&body, id, &l->payee, "p", number, 0, l, NULL, 0, l->fee);
	return test_post(site, AIC_TX_SESSION_RATE, &body, why);
}

static void test_lines_that_rate_nobody(void **state)
{
	aic_settlement_line l = {.payer = test_wallet(0), .payee = test_wallet(1), .kind = AIC_KIND_DATA, .n = 1, .gross = 10 * AIC_UNIT, .fee = AIC_UNIT};
	aic_address kin = test_member_wallet(0, 4), payer = test_wallet(0);
	aic_session o = opening();
	aic_bytes body = {0};
	aic_wallet w;
	aic_hash id;

	(void)state;
	id = test_session(AIC_RUN_SITE, 3);
	test_close(&id, AIC_UNIT);
	test_block(5);
	test_block(5);
	assert_int_equal(test_row(&id).state, AIC_SESSION_UNCHALLENGED);
	assert_fails(rate(0, &id, &l, 1, err), AIC_REFUSED, "is not this session's payer paying this provider for hardware");
	l.kind = AIC_KIND_HARDWARE;
	assert_fails(rate(1, &id, &l, 2, err), AIC_REFUSED, "was opened by another site, which alone can show what was paid for it");
	memset(kin.b, 0xd1, AIC_ADDRESS_LEN);
	assert_ok(aic_state_wallet(test_ledger, &payer, &w, err));
	aic_wallet_register_body(&body, &kin, &w.organisation, AIC_WALLET_PLAIN);
	assert_ok(test_post(0, AIC_TX_WALLET_REGISTER, &body, err));
	id = test_session_of(&o, &kin, 3);
	test_close(&id, AIC_UNIT);
	test_block(5);
	test_block(5);
	l.payee = kin;
	assert_fails(rate(0, &id, &l, 3, err), AIC_REFUSED, "payer and provider belong to one organisation: that raises no rating");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, test_ledger_six, test_ledger_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_nodes_keys_sign_none), TEST(test_forms), TEST(test_sizes), TEST(test_too_many_verifiers), TEST(test_lines_that_rate_nobody),
	};

	return cmocka_run_group_tests_name("refusals about sessions", tests, NULL, NULL);
}
