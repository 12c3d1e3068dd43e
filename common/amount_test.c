/* amount_test.c: money as text and bytes, proportions, and what is refused. */
#define _GNU_SOURCE
#include "common/testing.h"

#include "common/amount.h"

#define ROUNDS 20000
#define MAX (~(aic_amount) 0)
#define MAX_TEXT "340282366920938463463.374607431768211455"
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void assert_amount(aic_amount got, aic_amount expected)
{
	char a[AIC_AMOUNT_TEXT], b[AIC_AMOUNT_TEXT];

	assert_string_equal(aic_amount_units(a, got), aic_amount_units(b, expected));
}

static aic_amount random_amount(uint64_t *seed)
{
	aic_amount a = (aic_amount) test_random(seed) << 64 | test_random(seed);

	return a >> (test_random(seed) % 128);
}

static void test_parse(void **state)
{
	(void) state;
	static const struct { const char *text; aic_amount units; } c[] = {
		{"0", 0}, {"0.0", 0}, {"1", AIC_UNIT}, {"12.5", 12 * AIC_UNIT + AIC_UNIT / 2}, {"007.10", 7 * AIC_UNIT + AIC_UNIT / 10},
		{"0.000000000000000001", 1}, {"10000000000", 10000000000 * AIC_UNIT}, {MAX_TEXT, MAX},
		{"1.000000000000000000", AIC_UNIT},
	};

	for (size_t i = 0; i < COUNT(c); i++) {
		aic_amount got = 42;
		aic_error err = {0};
		assert_int_equal(aic_amount_parse(&got, c[i].text, &err), AIC_OK);
		assert_amount(got, c[i].units);
	}
}

static void test_parse_refuses_with_place_and_remedy(void **state)
{
	(void) state;
	static const struct { const char *text, *message; } c[] = {
		{"", "amount is empty: write it as 12.5"},
		{"-3", "amount \"-3\" has a sign at character 1: amounts of AIC have none, write it as 12.5"},
		{"+3", "amount \"+3\" has a sign at character 1: amounts of AIC have none, write it as 12.5"},
		{"1,234", "amount \"1,234\" has a comma at character 2: leave out thousands separators and use a point for decimals"},
		{"12e3", "amount \"12e3\" has an exponent at character 3: write all its digits"},
		{"1.5E2", "amount \"1.5E2\" has an exponent at character 4: write all its digits"},
		{"12.", "amount \"12.\" ends at character 4 where a digit is expected: write it as 12.5"},
		{".5", "amount \".5\" has '.' at character 1 where a digit is expected: write it as 12.5"},
		{"1.2.3", "amount \"1.2.3\" has '.' at character 4 where a digit is expected: write it as 12.5"},
		{" 1", "amount \" 1\" has ' ' at character 1 where a digit is expected: write it as 12.5"},
		{"12 AIC", "amount \"12 AIC\" has ' ' at character 3 where a digit is expected: write it as 12.5"},
		{"0x10", "amount \"0x10\" has 'x' at character 2 where a digit is expected: write it as 12.5"},
		{"1\n", "amount has byte 0x0a at character 2 where a digit is expected: write it as 12.5"},
		{"1\xc2\xa0", "amount has byte 0xc2 at character 2 where a digit is expected: write it as 12.5"},
		{"0.0000000000000000001", "amount \"0.0000000000000000001\" has 19 decimals: 1 AIC divides into 10^18 units, "
		 "give at most 18 decimals"},
		{"340282366920938463463.374607431768211456", "amount \"340282366920938463463.374607431768211456\" is above the "
		 "largest one, 340282366920938463463 AIC"},
		{"340282366920938463464", "amount \"340282366920938463464\" is above the largest one, 340282366920938463463 AIC"},
		{"999999999999999999999999999999999999999999", "amount \"999999999999999999999999999999999999999999\" is above the "
		 "largest one, 340282366920938463463 AIC"},
	};

	for (size_t i = 0; i < COUNT(c); i++) {
		aic_amount got = 42;
		aic_error err = {0};
		assert_int_equal(aic_amount_parse(&got, c[i].text, &err), AIC_USAGE);
		assert_int_equal(err.code, AIC_USAGE);
		assert_string_equal(err.message, c[i].message);
		assert_amount(got, 42);
		assert_int_equal(aic_amount_parse(&got, c[i].text, NULL), AIC_USAGE);
	}
}

static void test_format(void **state)
{
	(void) state;
	static const struct { aic_amount units; const char *text; } c[] = {
		{0, "0"}, {1, "0.000000000000000001"}, {AIC_UNIT, "1"}, {AIC_UNIT + 10, "1.00000000000000001"},
		{12 * AIC_UNIT + AIC_UNIT / 2, "12.5"}, {100 * AIC_UNIT, "100"}, {MAX, MAX_TEXT},
	};
	char buf[AIC_AMOUNT_TEXT];

	for (size_t i = 0; i < COUNT(c); i++)
		assert_string_equal(aic_amount_format(buf, c[i].units), c[i].text);
}

static void test_human(void **state)
{
	(void) state;
	static const struct { aic_amount units; int decimals; const char *text; } c[] = {
		{0, 2, "0.00"}, {0, 0, "0"}, {AIC_UNIT - 1, 2, "0.99"}, {AIC_UNIT - 1, 0, "0"}, {999 * AIC_UNIT, 2, "999.00"},
		{1000 * AIC_UNIT, 0, "1,000"}, {1234 * AIC_UNIT + AIC_UNIT / 2, 2, "1,234.50"}, {123456 * AIC_UNIT, 1, "123,456.0"},
		{1234567 * AIC_UNIT, 0, "1,234,567"}, {1, 18, "0.000000000000000001"},
		{MAX, 18, "340,282,366,920,938,463,463.374607431768211455"},
	};
	char buf[AIC_AMOUNT_TEXT];

	for (size_t i = 0; i < COUNT(c); i++)
		assert_string_equal(aic_amount_human(buf, c[i].units, c[i].decimals), c[i].text);
}

static void test_round_trips(void **state)
{
	(void) state;
	uint64_t seed = 3;

	for (int i = 0; i < ROUNDS; i++) {
		aic_amount a = random_amount(&seed), back;
		char text[AIC_AMOUNT_TEXT];
		uint8_t be[16];

		assert_int_equal(aic_amount_parse(&back, aic_amount_format(text, a), NULL), AIC_OK);
		assert_true(back == a);
		assert_true(aic_amount_from_units(&back, aic_amount_units(text, a)));
		assert_true(back == a);
		aic_amount_to_be(be, a);
		assert_true(aic_amount_from_be(be) == a);
	}
}

static void test_units(void **state)
{
	(void) state;
	static const char *const bad[] = {"", "-1", "1.0", " 1", "1 ", "0x1", "340282366920938463463374607431768211456"};
	char buf[AIC_AMOUNT_TEXT];
	aic_amount a = 42;

	assert_string_equal(aic_amount_units(buf, MAX), "340282366920938463463374607431768211455");
	assert_string_equal(aic_amount_units(buf, 0), "0");
	for (size_t i = 0; i < COUNT(bad); i++)
		assert_false(aic_amount_from_units(&a, bad[i]));
	assert_amount(a, 42);
	assert_true(aic_amount_from_units(&a, "340282366920938463463374607431768211455"));
	assert_amount(a, MAX);
}

static void test_big_endian(void **state)
{
	(void) state;
	uint8_t be[16];

	aic_amount_to_be(be, (aic_amount) 0x0102030405060708 << 64 | 0x090a0b0c0d0e0f10);
	for (int i = 0; i < 16; i++)
		assert_int_equal(be[i], i + 1);
}

static void test_add_and_subtract(void **state)
{
	(void) state;
	aic_amount out = 42;

	assert_false(aic_amount_add(&out, MAX, 1));
	assert_false(aic_amount_sub(&out, 1, 2));
	assert_amount(out, 42);
	assert_true(aic_amount_add(&out, MAX - 1, 1));
	assert_amount(out, MAX);
	assert_true(aic_amount_sub(&out, MAX, MAX));
	assert_amount(out, 0);
}

static void test_ppm(void **state)
{
	(void) state;
	uint64_t seed = 4;

	assert_amount(aic_ppm_of(MAX, 1000000), MAX);
	assert_amount(aic_ppm_of(MAX, 0), 0);
	assert_amount(aic_ppm_of(999999, 1), 0);
	assert_amount(aic_ppm_of(1000000, 1), 1);
	assert_amount(aic_ppm_of(3 * AIC_UNIT, 333333), 999999 * (AIC_UNIT / 1000000));
	for (int i = 0; i < ROUNDS; i++) {
		aic_amount a = random_amount(&seed), expected, part;
		uint64_t ppm = test_random(&seed) % 1000001;
		assert_true(aic_mul_div(&expected, a, ppm, 1000000));
		part = aic_ppm_of(a, ppm);
		assert_true(part == expected);
		/* What one side gets and what is left are the whole, to the unit. */
		assert_true(part + (a - part) == a && part <= a);
	}
}

static void test_ppm_above_one_never_wraps(void **state)
{
	(void) state;
	assert_amount(aic_ppm_of(4 * AIC_UNIT, 1250000), 5 * AIC_UNIT);
	assert_amount(aic_ppm_of(MAX, 1000001), MAX);
	assert_amount(aic_ppm_of(MAX, UINT64_MAX), MAX);
	/* Around the largest amount whose 1,000,001 ppm still fit. */
	aic_amount border, exact;
	assert_true(aic_mul_div(&border, MAX, 1000000, 1000001));
	for (aic_amount a = border - 5; a <= border + 5; a++)
		assert_amount(aic_ppm_of(a, 1000001), aic_mul_div(&exact, a, 1000001, 1000000) ? exact : MAX);
	assert_false(aic_mul_div(&exact, border + 5, 1000001, 1000000));
}

static void test_mul_div(void **state)
{
	(void) state;
	uint64_t seed = 5;
	aic_amount out = 42;

	assert_true(aic_mul_div(&out, MAX, MAX, MAX));
	assert_amount(out, MAX);
	assert_true(aic_mul_div(&out, 7, 5, 3));
	assert_amount(out, 11);
	assert_true(aic_mul_div(&out, MAX, MAX - 1, MAX));
	assert_amount(out, MAX - 1);
	assert_false(aic_mul_div(&out, MAX, 2, 1));
	assert_false(aic_mul_div(&out, MAX, MAX, MAX - 1));
	for (int i = 0; i < ROUNDS; i++) {
		aic_amount a = random_amount(&seed), b = random_amount(&seed), d = random_amount(&seed) + 1;
		if (d == 0 || !aic_mul_div(&out, a, b, d))
			continue;
		/* out * d <= a * b < (out + 1) * d */
		aic_u256 product = aic_u256_mul128(a, b), low = aic_u256_mul128(out, d), rest;
		assert_true(aic_u256_sub(&rest, product, low));
		assert_true(aic_u256_cmp(rest, aic_u256_from(d)) < 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_parse_refuses_with_place_and_remedy),
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_human),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_units),
		cmocka_unit_test(test_big_endian),
		cmocka_unit_test(test_add_and_subtract),
		cmocka_unit_test(test_ppm),
		cmocka_unit_test(test_ppm_above_one_never_wraps),
		cmocka_unit_test(test_mul_div),
	};

	return cmocka_run_group_tests_name("amount", tests, NULL, NULL);
}
