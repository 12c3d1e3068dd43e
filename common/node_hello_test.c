#define _GNU_SOURCE
#include "common/cbor.h"
#include "common/node_hello.h"
#include "common/testing.h"

static aic_node_hello given = { .node = "n1", .draws = true, .trouble = "aicledgerd does not answer at head:6828" };
static aic_key key, vrf;

static int set_up(void **state)
{
	uint8_t secret[AIC_SECRET_LEN] = { 1 };

	(void)state;
	aic_key_from_secret(&key, secret);
	secret[0] = 2;
	aic_key_from_secret(&vrf, secret);
	memcpy(given.vrf, vrf.public_key, sizeof(given.vrf));
	return 0;
}

static void refused(const aic_node_hello *h, aic_code code, const char *why)
{
	aic_bytes data = { 0 };
	aic_node_hello got;
	aic_error err;

	aic_node_hello_encode(&data, h, &key);
	assert_int_equal(aic_node_hello_decode(&got, data.data, data.len, &err), code);
	assert_non_null(strstr(err.message, why));
	aic_bytes_free(&data);
}

static void test_what_was_said_arrives(void **state)
{
	aic_node_hello got, mute = { .node = "n2" };
	aic_bytes data = { 0 };
	aic_error err;

	(void)state;
	aic_node_hello_encode(&data, &given, &key);
	assert_int_equal(aic_node_hello_decode(&got, data.data, data.len, &err), AIC_OK);
	assert_string_equal(got.node, "n1");
	assert_true(got.draws);
	assert_memory_equal(got.vrf, vrf.public_key, sizeof(got.vrf));
	assert_memory_equal(got.key, key.public_key, sizeof(got.key));
	assert_string_equal(got.trouble, given.trouble);
	aic_bytes_clear(&data);
	aic_node_hello_encode(&data, &mute, &key);
	assert_int_equal(aic_node_hello_decode(&got, data.data, data.len, &err), AIC_OK);
	assert_false(got.draws);
	aic_bytes_free(&data);
}

static void test_another_signature_is_refused(void **state)
{
	aic_bytes data = { 0 };
	aic_node_hello got;
	aic_error err;

	(void)state;
	aic_node_hello_encode(&data, &given, &key);
	data.data[data.len - 1] ^= 1;
	assert_int_equal(aic_node_hello_decode(&got, data.data, data.len, &err), AIC_REFUSED);
	assert_string_equal(err.message, "the hello of node n1 is not signed by the key that it names");
	assert_int_equal(aic_node_hello_decode(&got, data.data, data.len - 1, &err), AIC_CORRUPT);
	aic_bytes_free(&data);
}

static void test_keys_that_cannot_draw_are_refused(void **state)
{
	aic_node_hello h = given;

	(void)state;
	memcpy(h.vrf, key.public_key, sizeof(h.vrf));
	refused(&h, AIC_REFUSED, "node n1 draws with the key that it signs with: remove its vrf.key");
	memset(h.vrf, 0, sizeof(h.vrf)); /* a point of order 4 */
	refused(&h, AIC_REFUSED, "the VRF key of node n1 is no point of the group: remove its vrf.key");
	h = given;
	h.node[0] = '\0';
	refused(&h, AIC_CORRUPT, "the hello names no node");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_was_said_arrives),
		cmocka_unit_test(test_another_signature_is_refused),
		cmocka_unit_test(test_keys_that_cannot_draw_are_refused),
	};

	return cmocka_run_group_tests(tests, set_up, NULL);
}
