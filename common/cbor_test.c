/* cbor_test.c: values and their encodings, RFC 8949's examples among them, and the cursor. */
#define _GNU_SOURCE
#include "common/cbor_testing.h"

#define UNIT_MAX (~(aic_amount) 0)

static void assert_hex(const aic_bytes *got, const char *hex)
{
	char *text = aic_xmalloc(2 * got->len + 1);

	aic_hex(text, got->data, got->len);
	assert_string_equal(text, hex);
	free(text);
}

/* --- RFC 8949, appendix A --- */

static void test_unsigned(void **state)
{
	(void) state;
	static const struct { uint64_t v; const char *hex; } c[] = {
		{0, "00"}, {1, "01"}, {10, "0a"}, {23, "17"}, {24, "1818"}, {25, "1819"}, {100, "1864"}, {255, "18ff"},
		{256, "190100"}, {1000, "1903e8"}, {65535, "19ffff"}, {65536, "1a00010000"}, {1000000, "1a000f4240"},
		{UINT32_MAX, "1affffffff"}, {(uint64_t) UINT32_MAX + 1, "1b0000000100000000"},
		{1000000000000, "1b000000e8d4a51000"}, {UINT64_MAX, "1bffffffffffffffff"},
	};

	for (size_t i = 0; i < COUNT(c); i++) {
		aic_bytes b = {0};
		aic_cbor r;
		aic_cbor_put_uint(&b, c[i].v);
		assert_hex(&b, c[i].hex);
		aic_cbor_init(&r, b.data, b.len);
		assert_int_equal(aic_cbor_peek(&r), AIC_CBOR_UINT);
		assert_true(aic_cbor_uint(&r) == c[i].v);
		assert_int_equal(aic_cbor_peek(&r), AIC_CBOR_END);
		assert_int_equal(aic_cbor_finish(&r, NULL), AIC_OK);
		aic_bytes_free(&b);
	}
}

static void test_signed(void **state)
{
	(void) state;
	static const struct { int64_t v; const char *hex; } c[] = {
		{0, "00"}, {-1, "20"}, {-10, "29"}, {-24, "37"}, {-25, "3818"}, {-100, "3863"}, {-256, "38ff"}, {-257, "390100"},
		{-1000, "3903e7"}, {-65537, "3a00010000"}, {INT64_MAX, "1b7fffffffffffffff"}, {INT64_MIN, "3b7fffffffffffffff"},
	};
	aic_bytes b = {0};
	aic_cbor r;

	for (size_t i = 0; i < COUNT(c); i++) {
		aic_bytes_clear(&b);
		aic_cbor_put_int(&b, c[i].v);
		assert_hex(&b, c[i].hex);
		aic_cbor_init(&r, b.data, b.len);
		assert_true(aic_cbor_int(&r) == c[i].v);
		assert_int_equal(aic_cbor_finish(&r, NULL), AIC_OK);
	}
	aic_bytes_free(&b);
}

static void test_signed_refuses_65_bits(void **state)
{
	(void) state;
	static const char *const hex[] = {"1b8000000000000000", "1bffffffffffffffff", "3b8000000000000000", "3bffffffffffffffff"};

	for (size_t i = 0; i < COUNT(hex); i++) {
		aic_bytes b = from_hex(hex[i]);
		aic_cbor r;
		aic_cbor_init(&r, b.data, b.len);
		assert_int_equal(aic_cbor_int(&r), 0);
		assert_string_equal(r.err.message, "CBOR byte 0 of 9: an integer that needs more than 64 bits with its sign");
		aic_bytes_free(&b);
	}
}

static void test_simple_values(void **state)
{
	(void) state;
	aic_bytes b = {0};
	aic_cbor r;

	aic_cbor_put_bool(&b, false);
	aic_cbor_put_bool(&b, true);
	aic_cbor_put_null(&b);
	aic_cbor_put_uint(&b, 7);
	assert_hex(&b, "f4f5f607");
	aic_cbor_init(&r, b.data, b.len);
	assert_false(aic_cbor_null_next(&r));
	assert_false(aic_cbor_bool(&r));
	assert_true(aic_cbor_ok(&r));
	assert_true(aic_cbor_bool(&r));
	assert_true(aic_cbor_null_next(&r));
	assert_false(aic_cbor_null_next(&r));
	assert_int_equal(aic_cbor_uint(&r), 7);
	assert_int_equal(aic_cbor_finish(&r, NULL), AIC_OK);
	aic_bytes_free(&b);
}

static void test_byte_strings(void **state)
{
	(void) state;
	aic_bytes b = {0};
	uint8_t out[4];
	size_t len;
	aic_cbor r;

	aic_cbor_put_bytes(&b, "", 0);
	aic_cbor_put_bytes(&b, "\1\2\3\4", 4);
	aic_cbor_put_bytes(&b, "\1\2\3\4", 4);
	assert_hex(&b, "40440102030444" "01020304");
	aic_cbor_init(&r, b.data, b.len);
	aic_cbor_bytes(&r, &len);
	assert_int_equal(len, 0);
	assert_ptr_equal(aic_cbor_bytes(&r, &len), b.data + 2);
	assert_int_equal(len, 4);
	assert_true(aic_cbor_bytes_exact(&r, out, 4));
	assert_memory_equal(out, "\1\2\3\4", 4);
	assert_int_equal(aic_cbor_finish(&r, NULL), AIC_OK);

	aic_cbor_init(&r, b.data + 1, 5);
	memset(out, 0x55, sizeof(out));
	assert_false(aic_cbor_bytes_exact(&r, out, 3));
	assert_memory_equal(out, "\0\0\0\x55", 4);
	assert_string_equal(r.err.message, "CBOR byte 0 of 5: expected 3 bytes, found 4");
	aic_bytes_free(&b);
}

static void test_texts(void **state)
{
	(void) state;
	static const struct { const char *text, *hex; } c[] = {
		{"", "60"}, {"a", "6161"}, {"IETF", "6449455446"}, {"\"\\", "62225c"}, {"\xc3\xbc", "62c3bc"},
		{"\xe6\xb0\xb4", "63e6b0b4"}, {"\xf0\x90\x85\x91", "64f0908591"}, {NULL, "60"},
		/* what is not UTF-8 */
		{"a\xff" "b", "63613f62"}, {"\xc3", "613f"}, {"\xed\xa0\x80", "633f3f3f"},
	};
	char text[8];
	aic_cbor r;

	for (size_t i = 0; i < COUNT(c); i++) {
		aic_bytes b = {0};
		aic_cbor_put_text(&b, c[i].text);
		assert_hex(&b, c[i].hex);
		aic_cbor_init(&r, b.data, b.len);
		assert_true(aic_cbor_text(&r, text, sizeof(text)));
		if (c[i].text && i < 7)
			assert_string_equal(text, c[i].text);
		assert_int_equal(aic_cbor_finish(&r, NULL), AIC_OK);
		aic_bytes_free(&b);
	}
}

static void test_texts_refused(void **state)
{
	(void) state;
	static const struct { const char *hex, *message; } c[] = {
		{"6449455446", "CBOR byte 0 of 5: a text of 4 bytes, more than 3"},
		{"63610062", "CBOR byte 0 of 4: a text that holds a NUL"},
		{"6161ff", NULL},
		{"62c3ff", "CBOR byte 0 of 3: expected a text, found text that is not UTF-8"},
		{"4161", "CBOR byte 0 of 2: expected a text, found a byte string"},
	};
	char text[4];

	for (size_t i = 0; i < COUNT(c); i++) {
		aic_bytes b = from_hex(c[i].hex);
		aic_cbor r;
		aic_cbor_init(&r, b.data, b.len);
		assert_int_equal(aic_cbor_text(&r, text, sizeof(text)), c[i].message == NULL);
		assert_string_equal(r.err.message, c[i].message ? c[i].message : "");
		assert_string_equal(text, c[i].message ? "" : "a");
		aic_bytes_free(&b);
	}
}

/* ["a", {"b": "c"}], {1: 2, 3: 4}, [1, [2, 3], [4, 5]], [1 .. 25] */
static void test_collections(void **state)
{
	(void) state;
	aic_bytes b = {0};
	char text[4];
	aic_cbor r;

	aic_cbor_put_array(&b, 2);
	aic_cbor_put_text(&b, "a");
	aic_cbor_put_map(&b, 1);
	aic_cbor_put_text(&b, "b");
	aic_cbor_put_text(&b, "c");
	assert_hex(&b, "826161a161626163");
	aic_cbor_init(&r, b.data, b.len);
	assert_int_equal(aic_cbor_array(&r, 2), 2);
	aic_cbor_text(&r, text, sizeof(text));
	assert_int_equal(aic_cbor_map(&r, 1), 1);
	aic_cbor_skip(&r);
	aic_cbor_text(&r, text, sizeof(text));
	assert_string_equal(text, "c");
	assert_int_equal(aic_cbor_finish(&r, NULL), AIC_OK);

	aic_bytes_clear(&b);
	aic_cbor_put_array(&b, 25);
	for (uint64_t i = 1; i <= 25; i++)
		aic_cbor_put_uint(&b, i);
	assert_hex(&b, "98190102030405060708090a0b0c0d0e0f101112131415161718181819");
	assert_int_equal(skip_all(b.data, b.len, NULL), AIC_OK);
	aic_bytes_free(&b);
}

static void test_whole_examples_are_accepted(void **state)
{
	(void) state;
	static const char *const hex[] = {
		"80", "83010203", "8301820203820405", "a0", "a201020304", "a26161016162820203",
		"a56161614161626142616361436164614461656145", "c249010000000000000000",
		"5818000102030405060708090a0b0c0d0e0f1011121314151617",
	};

	for (size_t i = 0; i < COUNT(hex); i++) {
		aic_bytes b = from_hex(hex[i]);
		assert_int_equal(skip_all(b.data, b.len, NULL), AIC_OK);
		LLVMFuzzerTestOneInput(b.data, b.len);
		aic_bytes_free(&b);
	}
}

/* --- amounts --- */

static void test_amounts(void **state)
{
	(void) state;
	static const struct { aic_amount v; const char *hex; } c[] = {
		{0, "00"}, {UINT64_MAX, "1bffffffffffffffff"}, {(aic_amount) UINT64_MAX + 1, "c249010000000000000000"},
		{100 * AIC_UNIT, "c249056bc75e2d63100000"}, {UNIT_MAX, "c250ffffffffffffffffffffffffffffffff"},
	};

	for (size_t i = 0; i < COUNT(c); i++) {
		aic_bytes b = {0};
		aic_cbor r;
		aic_cbor_put_amount(&b, c[i].v);
		assert_hex(&b, c[i].hex);
		aic_cbor_init(&r, b.data, b.len);
		assert_true(aic_cbor_amount(&r) == c[i].v);
		assert_int_equal(aic_cbor_finish(&r, NULL), AIC_OK);
		aic_bytes_free(&b);
	}
}

static void test_amounts_refused(void **state)
{
	(void) state;
	static const struct { const char *hex, *message; } c[] = {
		{"c240", "CBOR byte 0 of 2: a bignum of 0 bytes that has a shorter form"},
		{"c24101", "CBOR byte 0 of 3: a bignum of 1 bytes that has a shorter form"},
		{"c248ffffffffffffffff", "CBOR byte 0 of 10: a bignum of 8 bytes that has a shorter form"},
		{"c24a00010000000000000000", "CBOR byte 0 of 12: a bignum of 10 bytes that has a shorter form"},
		{"c2510100000000000000000000000000000000", "CBOR byte 0 of 19: a bignum of 17 bytes, more than 16"},
		{"c26161", "CBOR byte 1 of 3: expected a byte string, found a text"},
		{"c2", "CBOR byte 1 of 1: expected a byte string, found the end of the data"},
		{"c2c249010000000000000000", "CBOR byte 1 of 12: expected a byte string, found a bignum"},
		{"20", "CBOR byte 0 of 1: expected an unsigned integer, found a negative integer"},
	};

	for (size_t i = 0; i < COUNT(c); i++) {
		aic_bytes b = from_hex(c[i].hex);
		aic_cbor r;
		aic_cbor_init(&r, b.data, b.len);
		assert_true(aic_cbor_amount(&r) == 0);
		assert_string_equal(r.err.message, c[i].message);
		aic_bytes_free(&b);
	}
}

static void test_u256_round_trip(void **state)
{
	(void) state;
	uint64_t seed = 6;

	for (int i = 0; i < 2000; i++) {
		aic_u256 v = {{test_random(&seed), test_random(&seed), test_random(&seed), test_random(&seed)}}, back;
		aic_bytes b = {0};
		aic_cbor r;
		v = aic_u256_shr(v, (unsigned) (test_random(&seed) % 257));
		aic_cbor_put_u256(&b, v);
		aic_cbor_init(&r, b.data, b.len);
		back = aic_cbor_u256(&r);
		assert_int_equal(aic_cbor_finish(&r, NULL), AIC_OK);
		assert_int_equal(aic_u256_cmp(v, back), 0);
		aic_bytes_free(&b);
	}
}

/* --- the cursor --- */

static void test_first_failure_stays(void **state)
{
	(void) state;
	static const char message[] = "CBOR byte 1 of 3: expected an unsigned integer, found a text";
	aic_bytes b = from_hex("016161");
	uint8_t buf[4] = {9, 9, 9, 9};
	aic_error err = {0};
	size_t len = 9;
	aic_cbor r;

	aic_cbor_init(&r, b.data, b.len);
	assert_int_equal(aic_cbor_uint(&r), 1);
	assert_int_equal(aic_cbor_uint(&r), 0);
	assert_int_equal(r.pos, 1);
	assert_int_equal(aic_cbor_peek(&r), AIC_CBOR_INVALID);
	assert_false(aic_cbor_text(&r, (char *) buf, sizeof(buf)));
	assert_string_equal((char *) buf, "");
	assert_int_equal(aic_cbor_int(&r) + aic_cbor_bool(&r) + (int64_t) aic_cbor_amount(&r), 0);
	assert_int_equal(aic_u256_cmp(aic_cbor_u256(&r), aic_u256_from(0)), 0);
	assert_null(aic_cbor_bytes(&r, &len));
	assert_int_equal(len + aic_cbor_array(&r, 9) + aic_cbor_map(&r, 9), 0);
	assert_false(aic_cbor_array_exact(&r, 0));
	assert_false(aic_cbor_bytes_exact(&r, buf, 1));
	assert_false(aic_cbor_null_next(&r));
	aic_cbor_skip(&r);
	aic_cbor_fail(&r, "later");
	assert_int_equal(aic_cbor_finish(&r, &err), AIC_CORRUPT);
	assert_string_equal(err.message, message);
	aic_bytes_free(&b);
}

static void test_counts(void **state)
{
	(void) state;
	aic_bytes b = from_hex("83010203");
	aic_cbor r;

	aic_cbor_init(&r, b.data, b.len);
	assert_int_equal(aic_cbor_array(&r, 2), 0);
	assert_string_equal(r.err.message, "CBOR byte 0 of 4: an array of 3 items, more than 2");
	aic_cbor_init(&r, b.data, b.len);
	assert_false(aic_cbor_array_exact(&r, 4));
	assert_string_equal(r.err.message, "CBOR byte 0 of 4: expected an array of 4 items, found 3");
	aic_cbor_init(&r, b.data, b.len);
	assert_true(aic_cbor_array_exact(&r, 3));
	assert_int_equal(aic_cbor_uint(&r), 1);
	aic_cbor_fail(&r, "price %d is too high", 7);
	assert_string_equal(r.err.message, "CBOR byte 2 of 4: price 7 is too high");
	aic_bytes_free(&b);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unsigned),
		cmocka_unit_test(test_signed),
		cmocka_unit_test(test_signed_refuses_65_bits),
		cmocka_unit_test(test_simple_values),
		cmocka_unit_test(test_byte_strings),
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_texts_refused),
		cmocka_unit_test(test_collections),
		cmocka_unit_test(test_whole_examples_are_accepted),
		cmocka_unit_test(test_amounts),
		cmocka_unit_test(test_amounts_refused),
		cmocka_unit_test(test_u256_round_trip),
		cmocka_unit_test(test_first_failure_stays),
		cmocka_unit_test(test_counts),
	};

	return cmocka_run_group_tests_name("cbor", tests, NULL, NULL);
}
