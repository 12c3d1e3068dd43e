/* session_testing.c: see session_testing.h. */
#define _GNU_SOURCE
#include "ledger/state/session_testing.h"

#include "ledger/state/member.h"
#include "ledger/state/token.h"

aic_state *test_ledger;
aic_key test_member[TEST_SITES];
int64_t test_time;
aic_hash test_posted;

static aic_key node[256];

static void make_block(unsigned generator, bool begun)
{
	uint64_t height = aic_state_head(test_ledger)->height + 1;
	aic_id site = aic_site_id(test_member[generator].public_key);

	if (!begun)
		aic_state_begin(test_ledger, height, test_time);
	aic_state_generator(test_ledger, &site);
	aic_hash hash = aic_sha256_of(&height, sizeof(height));
	hash.b[0] ^= (uint8_t)generator;
	assert_ok(aic_state_commit(test_ledger, &hash, "b", 1, true, err));
	test_time++;
}

void test_block(unsigned generator)
{
	make_block(generator, false);
}

aic_code test_post(unsigned site, uint64_t kind, aic_bytes *body, aic_error *err)
{
	return test_post_by(&test_member[site], site, kind, body, err);
}

aic_code test_post_by(const aic_key *key, unsigned site, uint64_t kind, aic_bytes *body, aic_error *err)
{
	const aic_head *head = aic_state_head(test_ledger);
	aic_bytes tx = {0};
	aic_transaction decoded;
	aic_key_row me;

	assert_int_equal(aic_state_key(test_ledger, key->public_key, &me, NULL), AIC_OK);
	aic_tx_build(&tx, kind, key, &head->chain, me.nonce, body->data, body->len);
	aic_state_begin(test_ledger, head->height + 1, test_time);
	aic_code code = aic_state_execute(test_ledger, tx.data, tx.len, err);
	if (code) {
		aic_state_discard(test_ledger);
	} else {
		assert_int_equal(aic_tx_decode(&decoded, tx.data, tx.len, NULL), AIC_OK);
		test_posted = decoded.id;
		make_block(site, true);
	}
	aic_bytes_free(&tx);
	aic_bytes_free(body);
	return code;
}

aic_address test_member_wallet(unsigned site, unsigned i)
{
	aic_address a;

	memset(a.b, 0xa0 + (int)(16 * (site - 1) + i), sizeof(a.b));
	a.b[0] = (uint8_t)site;
	return site ? a : test_wallet(i);
}

static void register_wallets(unsigned site)
{
	for (unsigned i = 0; i < 4; i++) {
		aic_address a = test_member_wallet(site, i);
		aic_id organisation;
		aic_bytes body = {0};

		memset(organisation.b, (int)(0x40 + 16 * site + i), sizeof(organisation.b));
		aic_wallet_register_body(&body, &a, &organisation, AIC_WALLET_PLAIN);
		assert_ok(test_post(site, AIC_TX_WALLET_REGISTER, &body, err));
	}
}

static int open_ledger(void **state, size_t members)
{
	aic_bytes genesis = {0};
	char path[300];
	aic_error err = {0};

	if (test_folder_make(state))
		return -1;
	for (size_t i = 0; i < TEST_SITES; i++)
		test_site_key(&test_member[i], (uint8_t)(i + 1));
	test_genesis(&genesis, test_member, members);
	snprintf(path, sizeof(path), "%s/state.db", (char *)*state);
	aic_code code = aic_state_open(&test_ledger, path, AIC_DB_DURABLE, &err);
	if (!code)
		code = aic_genesis_apply(test_ledger, genesis.data, genesis.len, &err);
	aic_bytes_free(&genesis);
	test_time = TEST_START;
	for (unsigned i = 1; i < members && !code; i++)
		register_wallets(i);
	return code ? -1 : 0;
}

int test_ledger_one(void **state)
{
	return open_ledger(state, 1);
}

int test_ledger_six(void **state)
{
	return open_ledger(state, TEST_SITES);
}

int test_ledger_close(void **state)
{
	aic_state_close(test_ledger);
	return test_folder_remove(state);
}

void test_verifier(unsigned site, uint8_t seed, const aic_address *provider)
{
	aic_verifier v = {.provider = *provider};
	aic_bytes body = {0};

	test_site_key(&node[seed], seed);
	aic_key_register_body(&body, AIC_ROLE_NODE, node[seed].public_key, 0, NULL);
	assert_ok(test_post(site, AIC_TX_KEY_REGISTER, &body, err));
	memcpy(v.key, node[seed].public_key, AIC_PUBLIC_LEN);
	aic_verifier_register_body(&body, &v);
	assert_ok(test_post(site, AIC_TX_VERIFIER_REGISTER, &body, err));
}

aic_hash test_session(uint64_t run, uint64_t checkpoints)
{
	aic_session o = {.payer = test_wallet(0), .run = run, .shards = 8};
	aic_address provider = test_wallet(1);

	return test_session_of(&o, &provider, checkpoints);
}

aic_hash test_session_of(const aic_session *o, const aic_address *provider, uint64_t checkpoints)
{
	aic_session_node n = {.provider = *provider};
	aic_session_checkpoint c[128];
	aic_bytes body = {0};

	aic_session_open_body(&body, o, &n, 1);
	assert_ok(test_post(0, AIC_TX_SESSION_OPEN, &body, err));
	aic_hash id = test_posted;
	for (uint64_t i = 0; i < checkpoints; i++)
		c[i] = (aic_session_checkpoint){.step = 100 * i, .chain = aic_sha256_of(&i, sizeof(i)), .root = aic_sha256_of(&i, 4)};
	aic_session_commit_body(&body, &id, 0, c, checkpoints);
	if (checkpoints)
		assert_ok(test_post(0, AIC_TX_SESSION_COMMIT, &body, err));
	aic_bytes_free(&body);
	return id;
}

void test_close(const aic_hash *id, aic_amount fee)
{
	aic_session_provider p = {.wallet = test_row(id).provider[0].wallet, .fee = fee};
	aic_bytes body = {0};

	aic_session_close_body(&body, id, 100000, AIC_END_DONE, &p, 1);
	assert_ok(test_post(0, AIC_TX_SESSION_CLOSE, &body, err));
}

void test_demand(const aic_hash *id)
{
	aic_bytes body = {0};

	aic_session_id_body(&body, id);
	assert_ok(test_post(0, AIC_TX_SESSION_CHALLENGE, &body, err));
}

aic_session test_row(const aic_hash *id)
{
	aic_session r;

	assert_ok(aic_state_session(test_ledger, id, &r, err));
	return r;
}

aic_code test_judge(const aic_hash *id, uint64_t result, uint64_t segment, uint64_t step, aic_error *err)
{
	aic_session r = test_row(id);
	aic_verdict v = {.session = *id, .round = r.round, .result = result, .segment = segment, .step = step};
	const uint8_t *asked = r.state == AIC_SESSION_DOUBTED ? r.third : r.verifier;
	aic_bytes body = {0};

	for (size_t i = 0; i < 256; i++)
		if (memcmp(node[i].public_key, asked, AIC_PUBLIC_LEN) == 0)
			aic_verdict_sign(&v, &node[i], &aic_state_head(test_ledger)->chain);
	aic_verdict_body(&body, &v);
	return test_post(0, AIC_TX_VERDICT, &body, err);
}

void test_fee_paid(const aic_hash *id, aic_amount fee)
{
	static uint64_t number;
	aic_session r = test_row(id);
	aic_settlement_line line = {.payer = r.payer, .payee = r.provider[0].wallet, .n = 1, .gross = 10 * fee, .fee = fee};
	aic_settlement s = {.period = "fees", .number = ++number, .n_approvals = 1, .n_lines = 1, .line = &line};
	aic_bytes body = {0};

	line.stake = fee * AIC_PPM;
	aic_settlement_body(&body, &s);
	assert_ok(test_post(0, AIC_TX_SETTLEMENT, &body, err));
	aic_session_rate_body(&body, id, &line.payee, "fees", number, 0, &line, NULL, 0, fee);
	assert_ok(test_post(0, AIC_TX_SESSION_RATE, &body, err));
}

aic_code test_pay(unsigned site, const aic_hash *id, aic_error *err)
{
	aic_bytes body = {0};

	aic_session_id_body(&body, id);
	return test_post(site, AIC_TX_SESSION_PAY, &body, err);
}

aic_amount test_held(const aic_address *a)
{
	aic_wallet w;
	aic_code code = aic_state_wallet(test_ledger, a, &w, NULL);

	assert_true(code == AIC_OK || code == AIC_NOT_FOUND);
	return code ? 0 : w.balance;
}

static aic_code add_balance(void *ctx, const aic_hash *key, const uint8_t *value, size_t len, aic_error *err)
{
	aic_amount *sum = ctx;
	aic_wallet w;

	(void)key, (void)err;
	if (aic_wallet_decode(&w, value, len))
		*sum += w.balance;
	return AIC_OK;
}

void test_nothing_is_lost(void)
{
	aic_amount sum = 0;
	aic_totals t;

	assert_ok(aic_tree_walk(aic_state_tree(test_ledger), add_balance, &sum, err));
	assert_ok(aic_state_totals(test_ledger, &t, err));
	assert_true(sum == t.supply);
}
