#define _GNU_SOURCE
#include "common/testing.h"

#include "common/session_call.h"

/* What was put is got again, byte for byte; args begins behind operation and head. */
static aic_cbor arguments_of(const aic_bytes *request, const char *op)
{
	char found[32];
	aic_cbor c;

	aic_cbor_init(&c, request->data, request->len);
	aic_cbor_array(&c, 32);
	aic_cbor_text(&c, found, sizeof(found));
	assert_true(aic_cbor_ok(&c));
	assert_string_equal(found, op);
	return c;
}

static aic_session_opening an_opening(void)
{
	aic_session_opening o = {.token = {1, 2, 3}, .step = {"university", 4711, 0, 2}, .determinism = AIC_CLASS_D1, .device_len = 32,
	                         .device = {7}, .shards = 8, .model = "mlp", .n_assets = 2, .asset = {"fashion-mnist", "words"}};

	o.spec = aic_sha256_of("spec", 4);
	o.data = aic_sha256_of("data", 4);
	o.code = aic_sha256_of("code", 4);
	return o;
}

static void test_opening(void **state)
{
	aic_session_opening o = an_opening(), got;
	aic_bytes b = {0}, again = {0};

	(void)state;
	aic_session_open_put(&b, &o);
	aic_cbor c = arguments_of(&b, "session-open");
	assert_int_equal(aic_session_open_get(&got, &c, NULL), AIC_OK);
	assert_string_equal(got.asset[1], "words");
	assert_int_equal(got.step.restart, 2);
	aic_session_open_put(&again, &got);
	assert_int_equal(again.len, b.len);
	assert_memory_equal(again.data, b.data, b.len);
	aic_bytes_free(&b);
	aic_bytes_free(&again);
}

static void refused(const aic_session_opening *o, const char *why)
{
	aic_session_opening got;
	aic_error err = {0};
	aic_bytes b = {0};

	aic_session_open_put(&b, o);
	aic_cbor c = arguments_of(&b, "session-open");
	assert_int_equal(aic_session_open_get(&got, &c, &err), AIC_CORRUPT);
	if (!strstr(err.message, why))
		fail_msg("\"%s\" does not say \"%s\"", err.message, why);
	aic_bytes_free(&b);
}

static void test_opening_refused(void **state)
{
	aic_session_opening o = an_opening();

	(void)state;
	o.shards = 6;
	refused(&o, "6 shards are no power of two");
	o = an_opening();
	o.determinism = AIC_CLASS_D0;
	refused(&o, "a device of 32 bytes, where class D0 has 0");
	o.determinism = 3;
	refused(&o, "class 3 is above 2");
	o = an_opening();
	o.device_len = 0;
	refused(&o, "a device of 0 bytes, where class D1 has 32");
}

static void test_commitment(void **state)
{
	aic_committed at[] = {{0, {{1}}, {{2}}}, {100, {{3}}, {{4}}}};
	aic_session_commitment m = {.name = {{{9}}, {8}}, .first = 4, .n = 2, .checkpoint = at}, got;
	aic_error err = {0};
	aic_bytes b = {0};

	(void)state;
	aic_session_commit_put(&b, &m);
	aic_cbor c = arguments_of(&b, "session-commit");
	assert_int_equal(aic_session_commit_get(&got, &c, NULL), AIC_OK);
	assert_int_equal(got.first, 4);
	assert_int_equal(got.n, 2);
	assert_memory_equal(got.checkpoint, at, sizeof(at));
	free(got.checkpoint);
	at[1].step = 0;
	aic_bytes_clear(&b);
	aic_session_commit_put(&b, &m);
	c = arguments_of(&b, "session-commit");
	assert_int_equal(aic_session_commit_get(&got, &c, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "checkpoint 5 is of step 0, the one before of 0: steps ascend"));
	m.n = 0;
	aic_bytes_clear(&b);
	aic_session_commit_put(&b, &m);
	c = arguments_of(&b, "session-commit");
	assert_int_equal(aic_session_commit_get(&got, &c, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "there must be one at least"));
	assert_null(got.checkpoint);
	aic_bytes_free(&b);
}

static void test_nodes_and_closing(void **state)
{
	aic_session_closing m = {.name = {{{5}}, {4}}, .steps = 1000, .end = AIC_END_STOPPED}, got;
	aic_job_step step = {"university", 12, 1, 3}, step_got;
	aic_session_name name = {{{6}}, {7}}, name_got;
	aic_bytes b = {0};

	(void)state;
	aic_session_nodes_put(&b, &name, &step);
	aic_cbor c = arguments_of(&b, "session-nodes");
	assert_int_equal(aic_session_nodes_get(&name_got, &step_got, &c, NULL), AIC_OK);
	assert_true(memcmp(&name, &name_got, sizeof(name)) == 0 && step_got.job == 12 && step_got.step == 1 && step_got.restart == 3);
	aic_bytes_clear(&b);
	aic_session_close_put(&b, &m);
	c = arguments_of(&b, "session-close");
	assert_int_equal(aic_session_close_get(&got, &c, NULL), AIC_OK);
	assert_true(memcmp(&got.name, &m.name, sizeof(m.name)) == 0 && got.steps == 1000 && got.end == AIC_END_STOPPED);
	aic_bytes_free(&b);
}

/* Golden: made with Python's hashlib from session.md's words. */
static void test_seed(void **state)
{
	aic_hash session, entropy;
	uint8_t salt[32];
	char hex[2 * AIC_HASH_LEN + 1];

	(void)state;
	memset(session.b, 0x11, sizeof(session.b));
	memset(entropy.b, 0x22, sizeof(entropy.b));
	memset(salt, 0x33, sizeof(salt));
	assert_true(aic_session_seed(7, &session, &entropy) == UINT64_C(0x6d15a5da7e781885));
	aic_hash salted = aic_session_salted(salt, &session);
	aic_hash_hex(hex, &salted);
	assert_string_equal(hex, "12be83a0c751f776b43e294fe4ae619ffc421f8b4400aa17a90e868ac89631b9");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opening), cmocka_unit_test(test_opening_refused), cmocka_unit_test(test_commitment),
		cmocka_unit_test(test_nodes_and_closing), cmocka_unit_test(test_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
