/* service_key_test.c: keys by aicledgerd: registered under a local name, revoked, the site's own rotated across a restart at any
 * moment or replaced by the other members' votes, a policy that settlements and reversals need signatures. */
#define _GNU_SOURCE
#include "ledger/service_testing.h"

#include <sys/stat.h>
#include <unistd.h>

#include "ledger/state/member.h"
#include "ledger/state/settlement.h"

static aic_code key_register(uid_t uid, const char *name, aic_role role, const aic_key *k, uint64_t *height, aic_error *err)
{
	aic_bytes args = {0}, out = {0};
	aic_cbor c;

	aic_cbor_put_text(&args, name);
	aic_cbor_put_uint(&args, role);
	aic_cbor_put_bytes(&args, k->public_key, AIC_PUBLIC_LEN);
	aic_cbor_put_uint(&args, 0);
	aic_cbor_put_bytes(&args, "", 0);
	aic_code code = test_ask(uid, "key_register", &args, &out, &c, err);
	if (!code)
		*height = aic_cbor_uint(&c);
	aic_bytes_free(&out);
	return code;
}

static aic_code ask_text(const char *op, const char *text, aic_error *err)
{
	aic_bytes args = {0}, out = {0};
	aic_cbor c;

	aic_cbor_put_text(&args, text);
	aic_code code = test_ask(0, op, &args, &out, &c, err);
	aic_bytes_free(&out);
	return code;
}

static aic_code policy(uint64_t approvals, aic_error *err)
{
	aic_bytes args = {0}, out = {0};
	aic_cbor c;

	aic_cbor_put_uint(&args, approvals);
	aic_code code = test_ask(0, "policy", &args, &out, &c, err);
	aic_bytes_free(&out);
	return code;
}

static aic_code rotate(uint8_t key[AIC_PUBLIC_LEN], aic_error *err)
{
	aic_bytes args = {0}, out = {0};
	aic_cbor c;
	aic_code code = test_ask(0, "key_rotate", &args, &out, &c, err);

	if (!code)
		aic_cbor_bytes_exact(&c, key, AIC_PUBLIC_LEN);
	aic_bytes_free(&out);
	return code;
}

static void reopen(void)
{
	aic_service_close(&test_service);
	assert_ok(aic_service_open(&test_service, &test_config, err));
}

/* How many keys the list shows, and whether the last one is valid. */
static size_t list_keys(bool *last_valid)
{
	aic_bytes args = {0}, out = {0};
	aic_cbor c;
	char name[AIC_NAME_LEN];
	uint8_t key[AIC_PUBLIC_LEN];

	assert_ok(test_ask(TEST_ADMIN_UID, "keys", &args, &out, &c, err));
	aic_cbor_uint(&c);
	size_t n = aic_cbor_array(&c, 100);
	for (size_t i = 0; i < n; i++) {
		aic_cbor_array_exact(&c, 7);
		aic_cbor_text(&c, name, sizeof(name));
		aic_cbor_uint(&c);
		aic_cbor_bytes_exact(&c, key, sizeof(key));
		aic_cbor_uint(&c);
		aic_cbor_uint(&c);
		*last_valid = aic_cbor_bool(&c);
		aic_cbor_skip(&c);
	}
	assert_ok(aic_cbor_finish(&c, err));
	aic_bytes_free(&out);
	return n;
}

static void test_register_and_revoke(void **state)
{
	aic_key alice, bob;
	uint64_t first = 0, again = 0;
	bool valid = false;

	(void)state;
	test_site_key(&alice, 41);
	test_site_key(&bob, 42);
	assert_fails(key_register(TEST_ADMIN_UID, "alice", AIC_ROLE_ADMIN, &alice, &first, err), AIC_REFUSED,
	             "root and the user that aic.yaml names");
	assert_ok(key_register(0, "alice", AIC_ROLE_ADMIN, &alice, &first, err));
	assert_ok(key_register(TEST_SERVICE_UID, "alice", AIC_ROLE_ADMIN, &alice, &again, err)); /* a repeat changes nothing */
	assert_true(first == again && first == aic_state_head(test_service.state)->height);
	assert_fails(key_register(0, "alice", AIC_ROLE_NODE, &alice, &again, err), AIC_REFUSED, "stands on the ledger already");
	assert_fails(key_register(0, "", AIC_ROLE_ADMIN, &bob, &again, err), AIC_REFUSED, "1 to");
	assert_fails(key_register(0, "bob", AIC_ROLE_SITE, &bob, &again, err), AIC_REFUSED, "2 for a node, 3 for an administrator");
	assert_int_equal(list_keys(&valid), 2);
	assert_true(valid);
	assert_fails(ask_text("key_revoke", "carol", err), AIC_NOT_FOUND, "no key named carol");
	assert_ok(ask_text("key_revoke", "alice", err));
	assert_int_equal(list_keys(&valid), 2);
	assert_false(valid);
	assert_fails(ask_text("key_revoke", "alice", err), AIC_REFUSED, "ended at height");
	assert_ok(key_register(0, "alice", AIC_ROLE_ADMIN, &bob, &again, err)); /* the same name, a new key */
	assert_ok(ask_text("key_revoke", "alice", err));
}

static void test_rotate(void **state)
{
	aic_id site = test_service.chain.site;
	uint8_t first[AIC_PUBLIC_LEN], second[AIC_PUBLIC_LEN], third[AIC_PUBLIC_LEN];
	char *next = aic_xasprintf("%s/keys/site.key.next", test_config.state_dir);

	(void)state;
	memcpy(first, test_service.chain.key->public_key, AIC_PUBLIC_LEN);
	assert_ok(rotate(second, err));
	assert_true(memcmp(first, second, AIC_PUBLIC_LEN) != 0);
	assert_memory_equal(test_service.chain.key->public_key, second, AIC_PUBLIC_LEN);
	assert_int_equal(access(next, F_OK), -1);
	assert_ok(policy(0, err)); /* the new key signs, the block is final: the site attests with it */
	assert_int_equal(test_service.chain.final_height, aic_state_head(test_service.state)->height);
	reopen();
	assert_memory_equal(test_service.chain.key->public_key, second, AIC_PUBLIC_LEN);
	assert_memory_equal(&test_service.chain.site, &site, sizeof(site));
	assert_ok(rotate(third, err));
	assert_ok(policy(0, err));
	free(next);
}

/* Between the file of the successor and the block that names it; and between that block and the renaming. */
static void test_rotate_interrupted(void **state)
{
	uint8_t first[AIC_PUBLIC_LEN], kept[AIC_PUBLIC_LEN], second[AIC_PUBLIC_LEN];
	char *key = aic_xasprintf("%s/keys/site.key", test_config.state_dir), *next = aic_xasprintf("%s.next", key);
	char *old = aic_xasprintf("%s.test", key);
	aic_error e = {0};

	(void)state;
	memcpy(first, test_service.chain.key->public_key, AIC_PUBLIC_LEN);
	assert_ok(aic_custody_next_make(test_service.custody, err));
	memcpy(kept, aic_custody_next_key(test_service.custody)->public_key, AIC_PUBLIC_LEN);
	reopen();
	assert_memory_equal(test_service.chain.key->public_key, first, AIC_PUBLIC_LEN);
	assert_ok(policy(0, err));
	assert_int_equal(link(key, old), 0);
	assert_ok(rotate(second, err));
	assert_memory_equal(second, kept, AIC_PUBLIC_LEN); /* not a third one */
	aic_service_close(&test_service);
	assert_int_equal(rename(key, next), 0);
	assert_int_equal(rename(old, key), 0);
	assert_ok(aic_service_open(&test_service, &test_config, err));
	assert_memory_equal(test_service.chain.key->public_key, second, AIC_PUBLIC_LEN);
	assert_int_equal(access(next, F_OK), -1);
	assert_ok(policy(0, err));
	assert_int_equal(test_service.chain.final_height, aic_state_head(test_service.state)->height);
	assert_int_equal(chmod(key, 0640), 0);
	aic_service_close(&test_service);
	assert_true(aic_service_open(&test_service, &test_config, &e) == AIC_REFUSED && strstr(e.message, "mode 0640") && strstr(e.message, "chmod 0600"));
	assert_int_equal(chmod(key, 0600), 0);
	assert_ok(aic_service_open(&test_service, &test_config, err));
	free(key);
	free(next);
	free(old);
}

static aic_code settle(aic_settlement *s, aic_error *err)
{
	aic_bytes args = {0}, out = {0};
	aic_cbor c;

	aic_wire_put_settlement(&args, s);
	aic_code code = test_ask(TEST_SERVICE_UID, "settle", &args, &out, &c, err);
	aic_bytes_free(&out);
	return code;
}

static aic_code reverse(const aic_approval *a, size_t n, const aic_hash *evidence, aic_error *err)
{
	aic_bytes args = {0}, out = {0};
	aic_cbor c;

	aic_cbor_put_text(&args, "2026-W48");
	aic_cbor_put_uint(&args, 1);
	aic_cbor_put_uint(&args, 0);
	aic_cbor_put_amount(&args, 10);
	aic_cbor_put_bytes(&args, evidence->b, AIC_HASH_LEN);
	aic_approvals_put(&args, a, n);
	aic_code code = test_ask(TEST_SERVICE_UID, "reverse", &args, &out, &c, err);
	aic_bytes_free(&out);
	return code;
}

static void test_signed_approvals(void **state)
{
	const aic_hash *chain = &aic_state_head(test_service.state)->chain;
	aic_hash evidence = aic_sha256_of("abuse", 5);
	aic_settlement s = {.period = "2026-W48", .number = 1, .batch = aic_sha256_of("batch", 5), .n_lines = 1};
	aic_settlement_line l = {.n = 1, .gross = 100, .fee = 10};
	aic_approval abuse;
	aic_key alice, stranger;
	uint64_t height;

	(void)state;
	test_site_key(&alice, 41);
	test_site_key(&stranger, 42);
	assert_ok(aic_custody_find(test_service.custody, "genesis/operating", &l.payer, err));
	assert_ok(aic_custody_find(test_service.custody, "genesis/team", &l.payee, err));
	s.line = &l;
	assert_ok(key_register(0, "alice", AIC_ROLE_ADMIN, &alice, &height, err));
	assert_ok(policy(1, err));
	assert_fails(settle(&s, err), AIC_REFUSED, "0 administrators have signed this batch, this site's policy asks for 1");
	s.n_signed = 1;
	aic_approval_sign(&s.signed_by[0], &stranger, chain, &s.batch);
	assert_fails(settle(&s, err), AIC_REFUSED, "not by a valid administrator's key");
	aic_approval_sign(&s.signed_by[0], &alice, chain, &evidence);
	assert_fails(settle(&s, err), AIC_REFUSED, "is not over this batch");
	aic_approval_sign(&s.signed_by[0], &alice, chain, &s.batch);
	assert_ok(settle(&s, err));
	assert_ok(settle(&s, err)); /* a repeat answers as the first did */
	aic_approval_sign(&abuse, &alice, chain, &evidence);
	assert_fails(reverse(NULL, 0, &evidence, err), AIC_REFUSED, "policy asks for 1");
	assert_ok(reverse(&abuse, 1, &evidence, err));
}

/* --- three sites over one log; the third loses its key --- */

typedef struct {
	aic_key key;
	aic_state *state;
	aic_order order;
	aic_chain chain;
} site;

static void open_site(site *s, const char *dir, unsigned number, const aic_bytes *genesis)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/order.db", dir);
	assert_ok(aic_order_local(&s->order, path, false, err));
	snprintf(path, sizeof(path), "%s/state-%u.db", dir, number);
	assert_ok(aic_state_open(&s->state, path, AIC_DB_DURABLE, err));
	assert_ok(aic_chain_open(&s->chain, s->state, &s->order, &s->key, genesis->data, genesis->len, err));
}

static void close_site(site *s)
{
	aic_state_close(s->state);
	aic_order_close(&s->order);
}

static void vote(site *s, const aic_id *member, const uint8_t *key, uint64_t expires)
{
	aic_bytes body = {0};
	aic_posted posted;

	aic_site_key_replace_body(&body, expires, member, key);
	assert_ok(aic_chain_post(&s->chain, AIC_TX_SITE_KEY_REPLACE, &body, &posted, err));
	aic_bytes_free(&body);
}

static aic_code say_something(site *s, aic_error *err)
{
	aic_bytes body = {0};
	aic_posted posted;

	aic_site_policy_body(&body, 0);
	aic_code code = aic_chain_post(&s->chain, AIC_TX_SITE_POLICY, &body, &posted, err);
	aic_bytes_free(&body);
	return code;
}

static void test_lost_site_key(void **state)
{
	aic_bytes genesis = {0};
	aic_key keys[3], fresh;
	site s[3];

	memset(s, 0, sizeof(s));
	for (unsigned i = 0; i < 3; i++) {
		test_site_key(&keys[i], (uint8_t)(i + 1));
		s[i].key = keys[i];
	}
	test_genesis(&genesis, keys, 3);
	test_site_key(&fresh, 9);
	aic_id lost = aic_site_id(keys[2].public_key);
	for (unsigned i = 0; i < 3; i++)
		open_site(&s[i], *state, i, &genesis);
	close_site(&s[2]);
	s[2].key = fresh;
	open_site(&s[2], *state, 2, &genesis); /* follows, and speaks for nobody yet */
	assert_fails(say_something(&s[2], err), AIC_REFUSED, "it is no member");
	vote(&s[0], &lost, fresh.public_key, 100);
	assert_fails(say_something(&s[2], err), AIC_REFUSED, "it is no member");
	vote(&s[1], &lost, fresh.public_key, 100);
	assert_ok(say_something(&s[2], err));
	assert_memory_equal(&s[2].chain.site, &lost, sizeof(lost));
	assert_ok(aic_chain_catch_up(&s[0].chain, err)); /* its attestation and the third's are two of three */
	assert_int_equal(s[0].chain.final_height, 3);
	close_site(&s[2]);
	s[2].key = keys[2]; /* whoever has the old key speaks for nobody */
	open_site(&s[2], *state, 2, &genesis);
	assert_fails(say_something(&s[2], err), AIC_REFUSED, "is not valid at height");
	for (unsigned i = 0; i < 3; i++)
		close_site(&s[i]);
	aic_bytes_free(&genesis);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, test_service_open, test_service_close)

/* --- VRF keys, and what nodes ask --- */

static aic_code register_vrf(const aic_key *k, const uint8_t *vrf, size_t len, uint64_t *height, aic_error *err)
{
	aic_bytes args = {0}, out = {0};
	aic_cbor c;

	aic_cbor_put_text(&args, "node7");
	aic_cbor_put_uint(&args, AIC_ROLE_NODE);
	aic_cbor_put_bytes(&args, k->public_key, AIC_PUBLIC_LEN);
	aic_cbor_put_uint(&args, 0);
	aic_cbor_put_bytes(&args, vrf, len);
	aic_code code = test_ask(0, "key_register", &args, &out, &c, err);
	if (!code)
		*height = aic_cbor_uint(&c);
	aic_bytes_free(&out);
	return code;
}

static aic_code wait_as(uid_t uid, const aic_key *k, aic_error *err)
{
	aic_bytes args = {0}, out = {0};
	aic_cbor c;

	aic_cbor_put_bytes(&args, k->public_key, AIC_PUBLIC_LEN);
	aic_cbor_put_uint(&args, 0);
	aic_code code = test_ask(uid, "node_wait", &args, &out, &c, err);
	if (!code)
		assert_int_equal(out.len, 0); /* no session is open: the answer comes later */
	aic_bytes_free(&out);
	return code;
}

static void test_a_node_gets_a_vrf_key(void **state)
{
	aic_key node, vrf, other;
	uint64_t first = 0, second = 0, again = 0;
	aic_key_row row;

	(void)state;
	test_site_key(&node, 71);
	test_site_key(&vrf, 72);
	test_site_key(&other, 73);
	assert_ok(register_vrf(&node, NULL, 0, &first, err));
	assert_fails(wait_as(0, &node, err), AIC_REFUSED, "this key is no node's of this site with a VRF key");
	assert_fails(register_vrf(&node, vrf.public_key, 31, &again, err), AIC_CORRUPT, "a VRF key of 31 bytes, 32 are needed");
	assert_ok(register_vrf(&node, vrf.public_key, AIC_PUBLIC_LEN, &second, err)); /* a key that stands gets one */
	assert_int_equal(second, first + 1);
	assert_ok(register_vrf(&node, vrf.public_key, AIC_PUBLIC_LEN, &again, err)); /* once */
	assert_ok(register_vrf(&node, NULL, 0, &again, err));
	assert_int_equal(aic_state_head(test_service.state)->height, second);
	assert_ok(aic_state_key(test_service.state, node.public_key, &row, err));
	assert_true(row.has_vrf);
	assert_memory_equal(row.vrf, vrf.public_key, AIC_PUBLIC_LEN);
	assert_ok(register_vrf(&node, other.public_key, AIC_PUBLIC_LEN, &second, err)); /* or another one */
	assert_int_equal(aic_state_head(test_service.state)->height, first + 2);
	assert_ok(wait_as(0, &node, err));
	assert_ok(wait_as(TEST_SERVICE_UID, &node, err));
	assert_fails(wait_as(TEST_USER_UID, &node, err), AIC_REFUSED, "may not ask the ledger for \"node_wait\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_register_and_revoke), TEST(test_rotate), TEST(test_rotate_interrupted), TEST(test_signed_approvals), TEST(test_a_node_gets_a_vrf_key),
		cmocka_unit_test_setup_teardown(test_lost_site_key, test_folder_make, test_folder_remove),
	};

	return cmocka_run_group_tests_name("ledger keys", tests, NULL, NULL);
}
