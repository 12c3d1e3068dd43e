/* cbor_canonical_test.c: the reader refuses everything that is not canonical, cut off or changed. */
#define _GNU_SOURCE
#include "common/cbor_testing.h"

static void assert_refused(const char *hex, const char *message)
{
	aic_bytes b = from_hex(hex);
	aic_error err = {0};

	assert_int_equal(skip_all(b.data, b.len, &err), AIC_CORRUPT);
	assert_int_equal(err.code, AIC_CORRUPT);
	assert_string_equal(err.message, message);
	aic_bytes_free(&b);
}

/* Examples of the appendix that lie outside of AIC's subset, and reserved heads. */
static void test_foreign_items_are_refused(void **state)
{
	(void) state;
	static const struct { const char *hex, *message; } c[] = {
		{"f90000", "CBOR byte 0 of 3: expected an item, found a floating-point number"},
		{"fa47c35000", "CBOR byte 0 of 5: expected an item, found a floating-point number"},
		{"fb3ff199999999999a", "CBOR byte 0 of 9: expected an item, found a floating-point number"},
		{"f7", "CBOR byte 0 of 1: expected an item, found the value undefined"},
		{"c074323031332d30332d32315432303a30343a30305a",
		 "CBOR byte 0 of 22: expected an item, found a tag other than 2 (bignum)"},
		{"c11a514b67b0", "CBOR byte 0 of 6: expected an item, found a tag other than 2 (bignum)"},
		{"c349010000000000000000", "CBOR byte 0 of 11: expected an item, found a tag other than 2 (bignum)"},
		{"d74401020304", "CBOR byte 0 of 6: expected an item, found a tag other than 2 (bignum)"},
		{"5f42010243030405ff", "CBOR byte 0 of 9: expected an item, found an indefinite length"},
		{"7f657374726561646d696e67ff", "CBOR byte 0 of 13: expected an item, found an indefinite length"},
		{"9fff", "CBOR byte 0 of 2: expected an item, found an indefinite length"},
		{"bf61610161629f0203ffff", "CBOR byte 0 of 11: expected an item, found an indefinite length"},
		{"82019f02ff", "CBOR byte 2 of 5: expected an item, found an indefinite length"},
		{"ff", "CBOR byte 0 of 1: expected an item, found a break outside of an item"},
		{"f0", "CBOR byte 0 of 1: expected an item, found a reserved head"},
		{"f814", "CBOR byte 0 of 2: expected an item, found a reserved head"},
		{"f8ff", "CBOR byte 0 of 2: expected an item, found a reserved head"},
		{"1c", "CBOR byte 0 of 1: expected an item, found a reserved head"},
		{"3d", "CBOR byte 0 of 1: expected an item, found a reserved head"},
		{"", "CBOR byte 0 of 0: expected an item, found the end of the data"},
		{"0001", "CBOR byte 1 of 2: 1 bytes left over behind the last item"},
		{"a202010101", "CBOR byte 3 of 5: a map whose keys are not in ascending order"},
		{"a201010102", "CBOR byte 3 of 5: a map whose keys are not in ascending order"},
		{"a2616101180101", "CBOR byte 4 of 7: expected an item, found a head that is longer than necessary"},
		{"9bffffffffffffffff00", "CBOR byte 0 of 10: an array of 18446744073709551615 items with 1 bytes left"},
		{"bb800000000000000000", "CBOR byte 0 of 10: a map of 9223372036854775808 items with 1 bytes left"},
		{"a30101", "CBOR byte 0 of 3: a map of 3 items with 2 bytes left"},
		{"5bffffffffffffffff00", "CBOR byte 0 of 10: expected an item, found an item that ends behind the data"},
	};

	for (size_t i = 0; i < COUNT(c); i++)
		assert_refused(c[i].hex, c[i].message);
}

/* --- heads --- */

static void put_head(aic_bytes *b, uint8_t major, int width, uint64_t value)
{
	uint8_t be[8], first = (uint8_t) (major << 5);

	aic_put_be64(be, value);
	first |= width == 0 ? (uint8_t) value : width == 1 ? 24 : width == 2 ? 25 : width == 4 ? 26 : 27;
	aic_bytes_append(b, &first, 1);
	aic_bytes_append(b, be + 8 - width, (size_t) width);
}

static int shortest_width(uint64_t v)
{
	return v < 24 ? 0 : v <= 0xff ? 1 : v <= 0xffff ? 2 : v <= 0xffffffff ? 4 : 8;
}

/* What a head of this kind and value needs behind it to be one whole item. */
static void put_content(aic_bytes *b, int major, uint64_t value)
{
	if (major == 2 || major == 3 || major == 4)
		for (uint64_t i = 0; i < value; i++)
			aic_bytes_append(b, major == 3 ? "x" : "\0", 1);
	if (major == 5)
		for (uint64_t i = 0; i < value; i++) {
			aic_cbor_put_uint(b, i);
			aic_cbor_put_null(b);
		}
	if (major == 6)
		aic_cbor_put_bytes(b, "\1\0\0\0\0\0\0\0\0", 9);
}

/* For every kind of head and for values at each border: the shortest head is taken, every longer one refused. */
static void test_only_shortest_heads(void **state)
{
	(void) state;
	static const uint64_t values[] = {0, 1, 2, 23, 24, 255, 256, 65535, 65536, UINT32_MAX, (uint64_t) UINT32_MAX + 1};
	static const int widths[] = {0, 1, 2, 4, 8};
	int refused = 0;

	for (uint8_t major = 0; major <= 6; major++) {
		for (size_t i = 0; i < COUNT(values); i++) {
			uint64_t v = values[i];
			if ((major >= 2 && v > 65536) || (major == 6 && v != 2))
				continue;
			for (size_t w = 0; w < COUNT(widths); w++) {
				if (widths[w] < shortest_width(v))
					continue;
				bool shortest = widths[w] == shortest_width(v);
				aic_bytes b = {0};
				aic_error err = {0};
				put_head(&b, major, widths[w], v);
				put_content(&b, major, v);
				assert_int_equal(skip_all(b.data, b.len, &err), shortest ? AIC_OK : AIC_CORRUPT);
				if (!shortest) {
					assert_non_null(strstr(err.message, "found a head that is longer than necessary"));
					refused++;
				}
				aic_bytes_free(&b);
			}
		}
	}
	assert_int_equal(refused, 2 * 28 + 4 * 27 + 4);
}

static void put_sample(aic_bytes *b)
{
	aic_cbor_put_map(b, 3);
	aic_cbor_put_uint(b, 1);
	aic_cbor_put_text(b, "a100 gr\xc3\xbc\xc3\x9f" "e");
	aic_cbor_put_uint(b, 300);
	aic_cbor_put_array(b, 4);
	aic_cbor_put_amount(b, ~(aic_amount) 0);
	aic_cbor_put_int(b, INT64_MIN);
	aic_cbor_put_bytes(b, "0123456789abcdef0123456789abcdef", 32);
	aic_cbor_put_bool(b, true);
	aic_cbor_put_text(b, "k");
	aic_cbor_put_null(b);
}

static void test_truncated_at_every_byte(void **state)
{
	(void) state;
	aic_bytes b = {0};
	aic_error err = {0};

	put_sample(&b);
	assert_int_equal(skip_all(b.data, b.len, NULL), AIC_OK);
	for (size_t len = 0; len < b.len; len++) {
		assert_int_equal(skip_all(b.data, len, &err), AIC_CORRUPT);
		uint8_t *copy = aic_xmalloc(len);
		memcpy(copy, b.data, len);
		LLVMFuzzerTestOneInput(copy, len);
		free(copy);
	}
	aic_bytes_free(&b);
}

static void test_every_single_bit_flipped(void **state)
{
	(void) state;
	aic_bytes b = {0};

	put_sample(&b);
	for (size_t bit = 0; bit < 8 * b.len; bit++) {
		b.data[bit / 8] ^= (uint8_t) (1 << bit % 8);
		LLVMFuzzerTestOneInput(b.data, b.len);
		b.data[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
	aic_bytes_free(&b);
}

static void test_random_mutations(void **state)
{
	(void) state;
	uint64_t seed = 7;
	aic_bytes sample = {0};
	uint8_t copy[128];

	put_sample(&sample);
	assert_true(sample.len <= sizeof(copy));
	for (int i = 0; i < 20000; i++) {
		size_t len = test_random(&seed) % (sample.len + 1);
		memcpy(copy, sample.data, sample.len);
		for (uint64_t n = test_random(&seed) % 4; n > 0; n--)
			copy[test_random(&seed) % sample.len] = (uint8_t) test_random(&seed);
		LLVMFuzzerTestOneInput(copy + sample.len - len, len);
	}
	aic_bytes_free(&sample);
}

static aic_code skip_nested(uint8_t head, size_t depth, aic_error *err)
{
	uint8_t *data = aic_xmalloc(2 * depth + 1);
	size_t n = 0;

	for (size_t i = 0; i < depth; i++) {
		data[n++] = head;
		if (head == 0xa1)
			data[n++] = 0x00;
	}
	data[n++] = 0xf6;
	aic_code code = skip_all(data, n, err);
	free(data);
	return code;
}

static void test_nesting(void **state)
{
	(void) state;
	static const uint8_t heads[] = {0x81, 0xa1};
	aic_error err = {0};

	for (size_t i = 0; i < COUNT(heads); i++) {
		assert_int_equal(skip_nested(heads[i], 15, NULL), AIC_OK);
		assert_int_equal(skip_nested(heads[i], 16, &err), AIC_CORRUPT);
		assert_non_null(strstr(err.message, ": items nested more than 16 deep"));
		assert_int_equal(skip_nested(heads[i], 1000000, &err), AIC_CORRUPT);
		assert_non_null(strstr(err.message, ": items nested more than 16 deep"));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_foreign_items_are_refused),
		cmocka_unit_test(test_only_shortest_heads),
		cmocka_unit_test(test_truncated_at_every_byte),
		cmocka_unit_test(test_every_single_bit_flipped),
		cmocka_unit_test(test_random_mutations),
		cmocka_unit_test(test_nesting),
	};

	return cmocka_run_group_tests_name("cbor canonical", tests, NULL, NULL);
}
