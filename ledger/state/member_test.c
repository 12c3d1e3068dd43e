/* member_test.c: sites join, leave and lose keys by vote; administrators' keys and signed approvals; parameters, rates, pause. */
#define _GNU_SOURCE
#include "ledger/testing.h"

#include "common/cbor.h"
#include "ledger/state/member.h"
#include "ledger/state/settlement.h"
#include "ledger/state/token.h"
#include "ledger/state/vote.h"

#define SITES 4
#define LATE 1000000

static aic_state *ledger;
static aic_key key[SITES + 2];
static uint64_t height;

static int open_ledger(void **state)
{
	aic_bytes genesis = {0};
	char path[300];

	if (test_folder_make(state))
		return -1;
	for (int i = 0; i < SITES + 2; i++)
		test_site_key(&key[i], (uint8_t)(i + 1));
	test_genesis(&genesis, key, SITES);
	snprintf(path, sizeof(path), "%s/state.db", (char *)*state);
	if (aic_state_open(&ledger, path, AIC_DB_SCRATCH, NULL) || aic_genesis_apply(ledger, genesis.data, genesis.len, NULL))
		return -1;
	aic_bytes_free(&genesis);
	height = 1;
	aic_state_begin(ledger, height, 0);
	return 0;
}

static int close_ledger(void **state)
{
	aic_state_close(ledger);
	return test_folder_remove(state);
}

static void next_height(uint64_t h)
{
	aic_hash hash = aic_sha256_of(&height, sizeof(height));

	assert_ok(aic_state_commit(ledger, &hash, "b", 1, true, err));
	height = h;
	aic_state_begin(ledger, height, 0);
}

/* Frees the body. */
static aic_code send(const aic_key *by, uint64_t kind, aic_bytes *body, aic_error *err)
{
	aic_key_row k = {.nonce = 0};
	aic_bytes tx = {0};

	aic_state_key(ledger, by->public_key, &k, NULL);
	aic_tx_build(&tx, kind, by, &aic_state_head(ledger)->chain, k.nonce, body->data, body->len);
	aic_code code = aic_state_execute(ledger, tx.data, tx.len, err);
	aic_bytes_free(&tx);
	aic_bytes_free(body);
	return code;
}

static aic_code admit(int by, const aic_key *who, uint64_t expires, aic_error *err)
{
	aic_bytes body = {0};

	aic_site_admit_body(&body, expires, who->public_key);
	return send(&key[by], AIC_TX_SITE_ADMIT, &body, err);
}

static uint64_t members(uint64_t at)
{
	uint64_t n;

	assert_ok(aic_members_active(ledger, at, &n, err));
	return n;
}

static void test_quorum(void **state)
{
	static const uint64_t expected[] = {1, 1, 2, 2, 3, 4, 5, 5, 6, 7, 7};

	(void)state;
	for (uint64_t n = 1; n <= 10; n++)
		assert_int_equal(aic_quorum(n), expected[n]);
}

static void test_admit(void **state)
{
	aic_id id = aic_site_id(key[4].public_key);
	aic_member m;

	(void)state;
	assert_ok(admit(0, &key[4], LATE, err));
	assert_fails(admit(0, &key[4], LATE, err), AIC_REFUSED, "has voted for this already");
	assert_ok(admit(1, &key[4], LATE, err));
	assert_int_equal(aic_state_member(ledger, &id, &m, NULL), AIC_NOT_FOUND);
	assert_ok(admit(2, &key[4], LATE - 1, err)); /* another proposal: its own count */
	assert_int_equal(aic_state_member(ledger, &id, &m, NULL), AIC_NOT_FOUND);
	assert_ok(admit(3, &key[4], LATE, err)); /* the third of four */
	assert_ok(aic_state_member(ledger, &id, &m, err));
	assert_int_equal(m.since, height + AIC_MEMBER_DELAY);
	assert_int_equal(members(height), SITES);
	assert_int_equal(members(height + AIC_MEMBER_DELAY - 1), SITES);
	assert_int_equal(members(height + AIC_MEMBER_DELAY), SITES + 1);
	/* not before its time */
	assert_fails(admit(4, &key[5], LATE, err), AIC_REFUSED, "is not valid at height 1");
	next_height(height + AIC_MEMBER_DELAY);
	assert_ok(admit(4, &key[5], LATE, err));
	assert_fails(admit(0, &key[5], height - 1, err), AIC_REFUSED, "could be voted on until height 64, this is height 65");
}

static aic_code retire(int by, const aic_key *who, aic_error *err)
{
	aic_id id = aic_site_id(who->public_key);
	aic_bytes body = {0};

	aic_site_retire_body(&body, LATE, &id);
	return send(&key[by], AIC_TX_SITE_RETIRE, &body, err);
}

static void test_retire(void **state)
{
	aic_bytes body = {0};
	aic_address a = test_wallet(0);

	(void)state;
	assert_ok(retire(0, &key[3], err));
	assert_ok(retire(1, &key[3], err));
	assert_ok(retire(2, &key[3], err));
	assert_fails(retire(0, &key[3], err), AIC_REFUSED, "no member, or is leaving");
	assert_int_equal(members(height), SITES);
	next_height(height + AIC_MEMBER_DELAY);
	assert_int_equal(members(height), SITES - 1);
	aic_transfer_body(&body, &a, &a, 1);
	assert_fails(send(&key[3], AIC_TX_TRANSFER, &body, err), AIC_REFUSED, "is not valid at height 65");
	/* a vote that a site gave before it left does not count afterwards */
	assert_ok(retire(0, &key[2], err));
}

static void test_lost_site_key(void **state)
{
	aic_id id = aic_site_id(key[0].public_key);
	aic_address a = test_wallet(0), b = test_wallet(1);
	aic_bytes body = {0};
	aic_member m;

	(void)state;
	for (int i = 1; i < SITES; i++) {
		aic_site_key_replace_body(&body, LATE, &id, key[5].public_key);
		assert_ok(send(&key[i], AIC_TX_SITE_KEY_REPLACE, &body, err));
	}
	assert_ok(aic_state_member(ledger, &id, &m, err));
	assert_memory_equal(m.key, key[5].public_key, AIC_PUBLIC_LEN);
	next_height(2);
	aic_transfer_body(&body, &a, &b, 1);
	assert_fails(send(&key[0], AIC_TX_TRANSFER, &body, err), AIC_REFUSED, "is not valid at height 2");
	aic_transfer_body(&body, &a, &b, 1);
	assert_ok(send(&key[5], AIC_TX_TRANSFER, &body, err)); /* the wallets are the site's, not the key's */
}

static void test_keys(void **state)
{
	aic_bytes body = {0};
	aic_key_row k;

	(void)state;
	aic_key_register_body(&body, AIC_ROLE_ADMIN, key[4].public_key, 0, NULL);
	assert_ok(send(&key[0], AIC_TX_KEY_REGISTER, &body, err));
	aic_key_register_body(&body, AIC_ROLE_ADMIN, key[4].public_key, 0, NULL);
	assert_fails(send(&key[1], AIC_TX_KEY_REGISTER, &body, err), AIC_REFUSED, "stands on the ledger already");
	aic_key_register_body(&body, AIC_ROLE_SITE, key[5].public_key, 0, NULL);
	assert_fails(send(&key[0], AIC_TX_KEY_REGISTER, &body, err), AIC_REFUSED, "2 for a node, 3 for an administrator");
	aic_key_register_body(&body, AIC_ROLE_NODE, key[5].public_key, 0, NULL);
	assert_fails(send(&key[4], AIC_TX_KEY_REGISTER, &body, err), AIC_REFUSED, "by a site's own key");
	aic_key_revoke_body(&body, key[4].public_key);
	assert_fails(send(&key[1], AIC_TX_KEY_REVOKE, &body, err), AIC_REFUSED, "of that site alone");
	aic_key_rotate_body(&body, key[5].public_key);
	assert_ok(send(&key[4], AIC_TX_KEY_ROTATE, &body, err));
	next_height(2);
	assert_ok(aic_state_key(ledger, key[5].public_key, &k, err));
	assert_int_equal(k.role, AIC_ROLE_ADMIN);
	aic_key_rotate_body(&body, key[4].public_key);
	assert_fails(send(&key[4], AIC_TX_KEY_ROTATE, &body, err), AIC_REFUSED, "is not valid at height 2");
	aic_key_revoke_body(&body, key[5].public_key);
	assert_ok(send(&key[0], AIC_TX_KEY_REVOKE, &body, err));
	aic_key_rotate_body(&body, key[4].public_key);
	assert_fails(send(&key[5], AIC_TX_KEY_ROTATE, &body, err), AIC_REFUSED, "is not valid at height 2");
}

static aic_code settle(uint64_t number, const aic_approval *approval, size_t n, aic_error *err)
{
	aic_settlement_line l = {.payer = test_wallet(0), .payee = test_wallet(1), .n = 1, .gross = AIC_UNIT, .fee = AIC_UNIT / 10};
	aic_settlement st = {.period = "p", .number = number, .n_lines = 1, .line = &l, .batch = aic_sha256_of("batch", 5)};
	aic_bytes body = {0};

	for (st.n_signed = 0; st.n_signed < n; st.n_signed++)
		st.signed_by[st.n_signed] = approval[st.n_signed];
	aic_settlement_body(&body, &st);
	return send(&key[0], AIC_TX_SETTLEMENT, &body, err);
}

static void test_approvals(void **state)
{
	aic_hash batch = aic_sha256_of("batch", 5), other = aic_sha256_of("other", 5), chain = aic_state_head(ledger)->chain;
	aic_approval a[3];
	aic_bytes body = {0};

	(void)state;
	assert_ok(settle(1, NULL, 0, err));
	for (int i = 4; i < 6; i++) {
		aic_key_register_body(&body, AIC_ROLE_ADMIN, key[i].public_key, 0, NULL);
		assert_ok(send(&key[0], AIC_TX_KEY_REGISTER, &body, err));
	}
	aic_site_policy_body(&body, 2);
	assert_ok(send(&key[0], AIC_TX_SITE_POLICY, &body, err));
	assert_fails(settle(2, NULL, 0, err), AIC_REFUSED, "0 administrators have signed this batch, this site's policy asks for 2");
	aic_approval_sign(&a[0], &key[4], &chain, &batch);
	assert_fails(settle(2, a, 1, err), AIC_REFUSED, "1 administrators have signed");
	a[1] = a[0];
	assert_fails(settle(2, a, 2, err), AIC_CORRUPT, "approval 2 does not follow"); /* one person counts once */
	aic_approval_sign(&a[1], &key[1], &chain, &batch);
	assert_fails(settle(2, a, 2, err), AIC_REFUSED, "is not by a valid administrator's key of this site");
	aic_approval_sign(&a[1], &key[5], &chain, &other);
	assert_fails(settle(2, a, 2, err), AIC_REFUSED, "is not over this batch");
	aic_approval_sign(&a[1], &key[5], &chain, &batch);
	assert_ok(settle(2, a, 2, err));
	aic_key_revoke_body(&body, key[5].public_key);
	assert_ok(send(&key[0], AIC_TX_KEY_REVOKE, &body, err));
	assert_fails(settle(3, a, 2, err), AIC_REFUSED, "is not by a valid administrator's key");
}

static aic_code vote_parameters(int by, const aic_parameters *p, aic_error *err)
{
	aic_bytes body = {0};

	aic_parameters_body(&body, LATE, p);
	return send(&key[by], AIC_TX_PARAMETERS, &body, err);
}

static void test_parameters(void **state)
{
	aic_parameters p = aic_parameters_default, now;

	(void)state;
	p.fee_ppm = 50000;
	for (int i = 0; i < 3; i++) {
		assert_ok(aic_state_parameters(ledger, &now, err));
		assert_int_equal(now.fee_ppm, 100000);
		assert_ok(vote_parameters(i, &p, err));
	}
	assert_ok(aic_state_parameters(ledger, &now, err));
	assert_int_equal(now.fee_ppm, 50000);
	p.verify_ppm = 100001;
	assert_fails(vote_parameters(0, &p, err), AIC_REFUSED, "circular payments would earn");
}

static void test_pause(void **state)
{
	aic_address a = test_wallet(0), b = test_wallet(1);
	aic_bytes body = {0};

	(void)state;
	for (int i = 0; i < 3; i++) {
		aic_transfer_body(&body, &a, &b, 1);
		assert_ok(send(&key[0], AIC_TX_TRANSFER, &body, err));
		aic_pause_body(&body, LATE, true);
		assert_ok(send(&key[i], AIC_TX_PAUSE, &body, err));
	}
	aic_transfer_body(&body, &a, &b, 1);
	assert_fails(send(&key[0], AIC_TX_TRANSFER, &body, err), AIC_REFUSED, "the ledger is paused");
	assert_fails(settle(1, NULL, 0, err), AIC_REFUSED, "the ledger is paused");
	for (int i = 1; i < 4; i++) {
		aic_pause_body(&body, LATE, false);
		assert_ok(send(&key[i], AIC_TX_PAUSE, &body, err));
	}
	aic_transfer_body(&body, &a, &b, 1);
	assert_ok(send(&key[0], AIC_TX_TRANSFER, &body, err));
}

static void test_rates(void **state)
{
	aic_bytes body = {0};
	const uint8_t *row;
	size_t len;

	(void)state;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(aic_state_get(ledger, AIC_TABLE_RATES, "", 0, &row, &len, NULL), AIC_NOT_FOUND);
		aic_cbor_put_array(&body, 2);
		aic_cbor_put_uint(&body, LATE);
		aic_cbor_put_array(&body, 2);
		for (int k = 0; k < 2; k++) {
			aic_cbor_put_array(&body, 2);
			aic_cbor_put_text(&body, k ? "gpu:h100" : "gpu:a100");
			aic_cbor_put_amount(&body, AIC_UNIT);
		}
		assert_ok(send(&key[i], AIC_TX_RATES, &body, err));
	}
	assert_ok(aic_state_get(ledger, AIC_TABLE_RATES, "", 0, &row, &len, err));
}

/* A wallet of one site is not another's to move. */
static void test_custody(void **state)
{
	aic_address a = test_wallet(0), b = test_wallet(1);
	aic_bytes body = {0};

	(void)state;
	aic_transfer_body(&body, &a, &b, 1);
	assert_fails(send(&key[1], AIC_TX_TRANSFER, &body, err), AIC_REFUSED, "not in the custody of the site that signed");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_ledger, close_ledger)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quorum), TEST(test_admit),      TEST(test_retire), TEST(test_lost_site_key), TEST(test_keys),
		TEST(test_approvals),          TEST(test_parameters), TEST(test_pause),  TEST(test_rates),         TEST(test_custody),
	};

	return cmocka_run_group_tests_name("ledger members", tests, NULL, NULL);
}
