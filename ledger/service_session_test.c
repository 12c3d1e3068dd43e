/* service_session_test.c: a session by aicledgerd from opening to verdict; what is asked for twice is done once. */
#define _GNU_SOURCE
#include "ledger/service_testing.h"

#include "ledger/state/verdict.h"

static void wallet(const char *name)
{
	aic_bytes args = {0}, out = {0};
	aic_cbor c;

	aic_cbor_put_text(&args, name);
	aic_cbor_put_text(&args, name);
	assert_ok(test_ask(TEST_SERVICE_UID, "wallet_ensure", &args, &out, &c, err));
	aic_bytes_free(&out);
}

static aic_code done(uid_t uid, const char *op, aic_bytes *args, aic_hash *tx, uint64_t *height, aic_error *err)
{
	aic_bytes out = {0};
	aic_hash id = {{0}};
	aic_cbor c;
	aic_code code = test_ask(uid, op, args, &out, &c, err);

	if (!code) {
		aic_cbor_bytes_exact(&c, id.b, AIC_HASH_LEN);
		*height = aic_cbor_uint(&c);
		code = aic_cbor_finish(&c, err);
	}
	if (tx)
		*tx = id;
	aic_bytes_free(&out);
	return code;
}

static void opening_by(aic_bytes *args, const char *payer, uint8_t salt)
{
	uint8_t spec[32], key[32] = {7};

	memset(spec, salt, sizeof(spec));
	aic_cbor_put_text(args, payer);
	aic_cbor_put_uint(args, AIC_RUN_SITE);
	aic_cbor_put_uint(args, AIC_CLASS_D0);
	aic_cbor_put_bytes(args, "", 0);
	aic_cbor_put_uint(args, 8);
	for (int i = 0; i < 3; i++)
		aic_cbor_put_bytes(args, spec, sizeof(spec));
	aic_cbor_put_bytes(args, "", 0);
	aic_cbor_put_array(args, 0);
	aic_cbor_put_array(args, 1);
	aic_cbor_put_array(args, 2);
	aic_cbor_put_bytes(args, key, sizeof(key));
	aic_cbor_put_text(args, "provider/north");
}

static void opening(aic_bytes *args, uint8_t salt)
{
	opening_by(args, "account/physics", salt);
}

static void commitment(aic_bytes *args, const aic_hash *id, uint64_t first, size_t n, uint8_t root)
{
	uint8_t hash[32] = {root};

	aic_cbor_put_bytes(args, id->b, AIC_HASH_LEN);
	aic_cbor_put_uint(args, first);
	aic_cbor_put_array(args, n);
	for (size_t i = 0; i < n; i++) {
		aic_cbor_put_array(args, 3);
		aic_cbor_put_uint(args, 10 * (first + i));
		aic_cbor_put_bytes(args, hash, sizeof(hash));
		aic_cbor_put_bytes(args, hash, sizeof(hash));
	}
}

static void closing_with(aic_bytes *args, const aic_hash *id, uint64_t steps, aic_amount fee)
{
	aic_cbor_put_bytes(args, id->b, AIC_HASH_LEN);
	aic_cbor_put_uint(args, steps);
	aic_cbor_put_uint(args, AIC_END_DONE);
	aic_cbor_put_array(args, 1);
	aic_cbor_put_array(args, 2);
	aic_cbor_put_text(args, "provider/north");
	aic_cbor_put_amount(args, fee);
}

static void closing(aic_bytes *args, const aic_hash *id, uint64_t steps)
{
	closing_with(args, id, steps, AIC_UNIT);
}

static void only_id(aic_bytes *args, const aic_hash *id)
{
	aic_cbor_put_bytes(args, id->b, AIC_HASH_LEN);
}

static aic_hash open_one(uint8_t salt)
{
	aic_bytes args = {0};
	uint64_t height;
	aic_hash id;

	opening(&args, salt);
	assert_ok(done(TEST_SERVICE_UID, "session_open", &args, &id, &height, err));
	return id;
}

static size_t listed(uint64_t which)
{
	aic_bytes args = {0}, out = {0};
	aic_cbor c;

	aic_cbor_put_uint(&args, which);
	aic_cbor_put_uint(&args, 100);
	assert_ok(test_ask(TEST_ADMIN_UID, "sessions", &args, &out, &c, err));
	size_t n = aic_cbor_array(&c, 100);
	aic_bytes_free(&out);
	return n;
}

static void test_twice_asked_once_done(void **state)
{
	aic_bytes args = {0};
	uint64_t first, again;
	aic_hash id, same;

	(void)state;
	wallet("account/physics");
	wallet("provider/north");
	id = open_one(1);
	same = open_one(1); /* the answer was lost, say */
	assert_memory_equal(&id, &same, sizeof(id));
	commitment(&args, &id, 0, 3, 5);
	assert_ok(done(TEST_SERVICE_UID, "session_commit", &args, NULL, &first, err));
	commitment(&args, &id, 0, 3, 5);
	assert_ok(done(TEST_SERVICE_UID, "session_commit", &args, NULL, &again, err));
	assert_int_equal(first, again);
	commitment(&args, &id, 1, 4, 5); /* two stand, two are new */
	assert_ok(done(TEST_SERVICE_UID, "session_commit", &args, NULL, &again, err));
	assert_int_equal(again, first + 1);
	commitment(&args, &id, 1, 4, 6);
	assert_fails(done(TEST_SERVICE_UID, "session_commit", &args, NULL, &again, err), AIC_REFUSED, "checkpoint 1 of session");
	closing(&args, &id, 45);
	assert_ok(done(TEST_SERVICE_UID, "session_close", &args, NULL, &first, err));
	closing(&args, &id, 45);
	assert_ok(done(TEST_SERVICE_UID, "session_close", &args, NULL, &again, err));
	assert_int_equal(first, again);
	closing(&args, &id, 46);
	assert_fails(done(TEST_SERVICE_UID, "session_close", &args, NULL, &again, err), AIC_REFUSED, "was closed at height");
}

static void test_reading(void **state)
{
	aic_bytes args = {0}, out = {0};
	char payer[AIC_NAME_LEN];
	const uint8_t *row;
	size_t len;
	aic_session s;
	aic_hash id, other = {{9}};
	uint64_t height;
	aic_cbor c;

	(void)state;
	wallet("account/physics");
	wallet("provider/north");
	id = open_one(1);
	open_one(2);
	assert_int_equal(listed(AIC_SESSIONS_ALL), 2);
	closing(&args, &id, 0); /* nothing was committed: decided at once */
	assert_ok(done(TEST_SERVICE_UID, "session_close", &args, NULL, &height, err));
	assert_int_equal(listed(AIC_SESSIONS_WAITING), 1);
	assert_int_equal(listed(AIC_SESSIONS_ASKED), 0);
	only_id(&args, &id);
	assert_ok(test_ask(TEST_ADMIN_UID, "session", &args, &out, &c, err));
	aic_cbor_array_exact(&c, 4);
	aic_cbor_skip(&c);
	row = aic_cbor_bytes(&c, &len);
	assert_ok(aic_session_decode(&s, row, len, err));
	aic_cbor_text(&c, payer, sizeof(payer));
	assert_string_equal(payer, "account/physics");
	assert_int_equal(s.state, AIC_SESSION_UNPROVEN);
	aic_bytes_free(&out);
	only_id(&args, &other);
	assert_fails(test_ask(TEST_ADMIN_UID, "session", &args, &out, &c, err), AIC_NOT_FOUND, "there is no session 0900000000000000...");
	aic_bytes_free(&out);
	aic_cbor_put_uint(&args, 3);
	aic_cbor_put_uint(&args, 1);
	assert_fails(test_ask(TEST_ADMIN_UID, "sessions", &args, &out, &c, err), AIC_CORRUPT, "the list is 0 to 2");
	aic_bytes_free(&out);
}

static void test_who_may(void **state)
{
	static const char *const service[] = {"session_open", "session_nodes", "session_commit", "session_close", "session_rate", "verdict"};
	aic_bytes args = {0};
	uint64_t height;

	(void)state;
	for (size_t i = 0; i < sizeof(service) / sizeof(service[0]); i++)
		assert_fails(done(TEST_USER_UID, service[i], &args, NULL, &height, err), AIC_REFUSED, "AIC's own daemons");
	assert_fails(done(TEST_USER_UID, "session_challenge", &args, NULL, &height, err), AIC_REFUSED, "administrators");
	assert_fails(done(TEST_USER_UID, "session_appeal", &args, NULL, &height, err), AIC_REFUSED, "administrators");
	assert_fails(done(TEST_ADMIN_UID, "verifier", &args, NULL, &height, err), AIC_REFUSED, "root and the user that aic.yaml names");
	assert_fails(done(TEST_ADMIN_UID, "session_decoy", &args, NULL, &height, err), AIC_REFUSED, "root and the user that aic.yaml names");
	assert_fails(done(TEST_ADMIN_UID, "session_reveal", &args, NULL, &height, err), AIC_REFUSED, "root and the user that aic.yaml names");
	assert_fails(done(TEST_USER_UID, "session_pay", &args, NULL, &height, err), AIC_REFUSED, "administrators");
	aic_bytes_free(&args);
}

/* --- a challenge, judged by nodes of the site's own, as on a ledger of one member --- */

static aic_key node[2];

static void add_verifier(unsigned i, const char *name, const char *provider)
{
	aic_bytes args = {0}, out = {0};
	uint64_t height;
	aic_cbor c;

	test_site_key(&node[i], (uint8_t)(100 + i));
	aic_cbor_put_text(&args, name);
	aic_cbor_put_uint(&args, AIC_ROLE_NODE);
	aic_cbor_put_bytes(&args, node[i].public_key, AIC_PUBLIC_LEN);
	aic_cbor_put_uint(&args, 0);
	aic_cbor_put_bytes(&args, "", 0);
	assert_ok(test_ask(0, "key_register", &args, &out, &c, err));
	aic_bytes_free(&out);
	wallet(provider);
	aic_cbor_put_text(&args, name);
	aic_cbor_put_text(&args, provider);
	aic_cbor_put_bytes(&args, "", 0);
	assert_ok(done(0, "verifier", &args, NULL, &height, err));
}

static aic_session row_of(const aic_hash *id)
{
	aic_session s;

	assert_ok(aic_state_session(test_service.state, id, &s, err));
	return s;
}

static aic_code judge(const aic_hash *id, uint64_t result, uint64_t step, aic_error *err)
{
	aic_session s = row_of(id);
	aic_verdict v = {.session = *id, .round = s.round, .result = result, .step = step};
	const uint8_t *asked = s.state == AIC_SESSION_DOUBTED ? s.third : s.verifier;
	aic_bytes args = {0}, body = {0};
	uint64_t height;

	aic_verdict_sign(&v, &node[memcmp(asked, node[0].public_key, AIC_PUBLIC_LEN) != 0], &aic_state_head(test_service.state)->chain);
	aic_verdict_body(&body, &v);
	aic_cbor_put_bytes(&args, body.data, body.len);
	aic_bytes_free(&body);
	return done(TEST_SERVICE_UID, "verdict", &args, NULL, &height, err);
}

static void plan(aic_bytes *args, const char *payer, uint64_t segment)
{
	aic_cbor_put_text(args, payer);
	aic_cbor_put_uint(args, segment);
	aic_cbor_put_uint(args, 5);
}

/* Laid by a wallet's name alone: whoever opens, commits and closes the session does nothing else than for any other. */
static void test_decoy(void **state)
{
	aic_bytes args = {0};
	uint64_t height, first;
	aic_hash id;

	(void)state;
	wallet("account/physics");
	wallet("provider/north");
	add_verifier(0, "one", "provider/east");
	add_verifier(1, "two", "provider/south");
	plan(&args, "account/physics", 0);
	assert_fails(done(0, "session_decoy", &args, NULL, &height, err), AIC_REFUSED, "wallet account/physics is organisation account/physics's: a decoy is paid by a wallet of its own");
	plan(&args, "account/pine", UINT64_MAX);
	assert_fails(done(0, "session_decoy", &args, NULL, &height, err), AIC_REFUSED, "a session has at most 4294967295 segments");
	plan(&args, "account/pine", 0);
	assert_ok(done(0, "session_decoy", &args, NULL, &first, err));
	plan(&args, "account/pine", 0);
	assert_ok(done(0, "session_decoy", &args, NULL, &height, err));
	assert_int_equal(first, height);
	wallet("account/pine"); /* as accounting does before it charges a job, whatever organisation it says */
	opening_by(&args, "account/pine", 1);
	assert_ok(done(TEST_SERVICE_UID, "session_open", &args, &id, &height, err));
	aic_hash other = open_one(2);
	commitment(&args, &id, 0, 3, 5);
	assert_ok(done(TEST_SERVICE_UID, "session_commit", &args, NULL, &height, err));
	only_id(&args, &id);
	assert_ok(done(TEST_ADMIN_UID, "session_challenge", &args, NULL, &height, err));
	closing_with(&args, &id, 25, 0);
	assert_ok(done(TEST_SERVICE_UID, "session_close", &args, NULL, &height, err));
	wallet("account/a");
	wallet("account/b");
	only_id(&args, &id);
	assert_fails(done(0, "session_reveal", &args, NULL, &height, err), AIC_REFUSED, "a decoy is revealed once it was judged");
	assert_ok(judge(&id, AIC_VERDICT_DIFFERS, 5, err));
	assert_ok(judge(&id, AIC_VERDICT_DIFFERS, 5, err));
	only_id(&args, &other);
	assert_fails(done(0, "session_reveal", &args, NULL, &height, err), AIC_REFUSED, "is paid by account/physics, which pays for no decoys");
	only_id(&args, &id);
	assert_ok(done(0, "session_reveal", &args, NULL, &height, err));
	assert_int_equal(row_of(&id).state, AIC_SESSION_DECOY);
	only_id(&args, &id);
	assert_fails(done(TEST_ADMIN_UID, "session_pay", &args, NULL, &height, err), AIC_REFUSED, "verdicts are paid after 432000 s");
}

static int64_t six_days_on(void *ctx)
{
	(void)ctx;
	return aic_now() + 6 * 86400;
}

/* aicledgerd asks by itself that its verifiers are paid, once it is time, and once. */
static void test_pay_is_claimed(void **state)
{
	aic_bytes args = {0};
	aic_clock later = aic_clock_system;
	aic_address provider;
	uint64_t height;
	aic_wallet w;

	(void)state;
	wallet("account/physics");
	wallet("provider/north");
	add_verifier(0, "one", "provider/east");
	add_verifier(1, "two", "provider/south");
	aic_hash id = open_one(1);
	commitment(&args, &id, 0, 3, 5);
	assert_ok(done(TEST_SERVICE_UID, "session_commit", &args, NULL, &height, err));
	only_id(&args, &id);
	assert_ok(done(TEST_ADMIN_UID, "session_challenge", &args, NULL, &height, err));
	closing(&args, &id, 25);
	assert_ok(done(TEST_SERVICE_UID, "session_close", &args, NULL, &height, err));
	wallet("account/a");
	wallet("account/b");
	assert_ok(judge(&id, AIC_VERDICT_DIFFERS, 5, err));
	assert_ok(judge(&id, AIC_VERDICT_DIFFERS, 5, err));
	aic_service_tick(&test_service);
	assert_true(row_of(&id).state == AIC_SESSION_REFUTED && row_of(&id).judge[0].paid == 0);
	later.now = six_days_on;
	test_service.chain.clock = &later;
	wallet("account/c"); /* a block of that day */
	for (int i = 0; i < 2; i++) {
		test_service.claimed = 0;
		aic_service_tick(&test_service);
		aic_service_tick(&test_service);
	}
	/* gross is 10 AIC for two segments; the verifier was asked for both, the third node for one; the provider holds nothing */
	assert_true(row_of(&id).judge[0].paid == 10 * AIC_UNIT && row_of(&id).judge[1].paid == 5 * AIC_UNIT);
	assert_ok(aic_custody_find(test_service.custody, "provider/north", &provider, err));
	assert_ok(aic_state_wallet(test_service.state, &provider, &w, err));
	assert_true(w.debt == 15 * AIC_UNIT);
	only_id(&args, &id);
	assert_fails(done(TEST_ADMIN_UID, "session_pay", &args, NULL, &height, err), AIC_REFUSED, "all is paid");
}

/* Marks tell nobody anything: each session has its own, and the same one when it is asked for again. */
static void test_marks(void **state)
{
	aic_hash none = {{0}};

	(void)state;
	wallet("account/physics");
	wallet("provider/north");
	aic_hash a = open_one(1), b = open_one(2), again = open_one(1);
	aic_session x = row_of(&a), y = row_of(&b);
	assert_memory_equal(&a, &again, sizeof(a));
	assert_false(aic_hash_equal(&x.mark, &y.mark) || aic_hash_equal(&x.mark, &none) || aic_hash_equal(&x.mark, &x.spec));
}

static void test_judged(void **state)
{
	aic_bytes args = {0}, body = {0};
	uint64_t height;

	(void)state;
	wallet("account/physics");
	wallet("provider/north");
	add_verifier(0, "one", "provider/east");
	add_verifier(1, "two", "provider/south");
	aic_hash id = open_one(1);
	commitment(&args, &id, 0, 3, 5);
	assert_ok(done(TEST_SERVICE_UID, "session_commit", &args, NULL, &height, err));
	only_id(&args, &id);
	assert_ok(done(TEST_ADMIN_UID, "session_challenge", &args, NULL, &height, err));
	closing(&args, &id, 25);
	assert_ok(done(TEST_SERVICE_UID, "session_close", &args, NULL, &height, err));
	wallet("account/a"); /* two blocks more */
	wallet("account/b");
	assert_int_equal(listed(AIC_SESSIONS_ASKED), 1);
	aic_session s = row_of(&id);
	aic_verdict v = {.session = id, .round = s.round};
	aic_verdict_sign(&v, &node[memcmp(s.verifier, node[0].public_key, AIC_PUBLIC_LEN) != 0], &aic_state_head(test_service.state)->chain);
	aic_verdict_body(&body, &v);
	aic_cbor_put_bytes(&args, body.data, body.len);
	assert_ok(done(TEST_SERVICE_UID, "verdict", &args, NULL, &height, err));
	assert_int_equal(row_of(&id).state, AIC_SESSION_VERIFIED);
	assert_int_equal(listed(AIC_SESSIONS_ASKED), 0);
	aic_cbor_put_bytes(&args, id.b, AIC_HASH_LEN);
	aic_cbor_put_bytes(&args, id.b, AIC_HASH_LEN);
	aic_cbor_put_array(&args, 0);
	assert_fails(done(TEST_ADMIN_UID, "session_appeal", &args, NULL, &height, err), AIC_REFUSED, "there is nothing to appeal against");
	aic_cbor_put_bytes(&args, id.b, AIC_HASH_LEN);
	aic_cbor_put_text(&args, "provider/north");
	aic_cbor_put_text(&args, "p");
	aic_cbor_put_uint(&args, 1);
	aic_cbor_put_uint(&args, 0);
	assert_fails(done(TEST_SERVICE_UID, "session_rate", &args, NULL, &height, err), AIC_NOT_FOUND, "no settlement p/1 has been posted");
	aic_bytes_free(&body);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, test_service_open, test_service_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_twice_asked_once_done), TEST(test_reading), TEST(test_who_may), TEST(test_judged),
		TEST(test_decoy), TEST(test_pay_is_claimed), TEST(test_marks),
	};

	return cmocka_run_group_tests_name("sessions by aicledgerd", tests, NULL, NULL);
}
