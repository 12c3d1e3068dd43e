#define _GNU_SOURCE
#include "common/bytes.h"
#include "common/lottery.h"
#include "common/testing.h"

static aic_u256 from_hex(const char *hex)
{
	uint8_t be[32];

	assert_true(aic_unhex(be, sizeof(be), hex));
	return aic_u256_from_be(be);
}

static void test_input_is_domain_beacon_and_height(void **state)
{
	aic_hash beacon;
	uint8_t input[AIC_LOTTERY_INPUT_LEN];
	char hex[2 * AIC_LOTTERY_INPUT_LEN + 1];

	(void)state;
	memset(beacon.b, 0xab, sizeof(beacon.b));
	aic_lottery_input(input, &beacon, 0x0102030405060708);
	aic_hex(hex, input, sizeof(input));
	assert_string_equal(hex, "6169632f6c6f74746572792f7631"
	                         "abababababababababababababababababababababababababababababababab" "0102030405060708");
}

static void test_up_to_three_nodes_all_win(void **state)
{
	aic_u256 worst = from_hex("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff");

	(void)state;
	assert_false(aic_lottery_wins(aic_u256_from(0), 0));
	for (uint64_t n = 1; n <= 3; n++)
		assert_true(aic_lottery_wins(worst, n));
	assert_false(aic_lottery_wins(worst, 4));
}

/* Python: (2**256 * 3) // n */
static void test_target_to_the_last_bit(void **state)
{
	static const struct { uint64_t nodes; const char *target; } given[] = {
		{ 4, "c000000000000000000000000000000000000000000000000000000000000000" },
		{ 5, "9999999999999999999999999999999999999999999999999999999999999999" },
		{ 7, "6db6db6db6db6db6db6db6db6db6db6db6db6db6db6db6db6db6db6db6db6db6" },
		{ 1000, "00c49ba5e353f7ced916872b020c49ba5e353f7ced916872b020c49ba5e353f7" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(given) / sizeof(given[0]); i++) {
		aic_u256 target = from_hex(given[i].target), below;

		assert_true(aic_u256_sub(&below, target, aic_u256_from(1)));
		assert_true(aic_lottery_wins(below, given[i].nodes));
		assert_false(aic_lottery_wins(target, given[i].nodes));
		assert_int_equal(aic_lottery_wait_ms(below, given[i].nodes), 999);
		assert_in_range(aic_lottery_wait_ms(aic_u256_shr(target, 1), given[i].nodes), 499, 500); /* an odd target has no half */
		assert_int_equal(aic_lottery_wait_ms(aic_u256_from(0), given[i].nodes), 0);
	}
}

static void test_wait_of_few_nodes_is_the_draw(void **state)
{
	(void)state;
	assert_int_equal(aic_lottery_wait_ms(from_hex("8000000000000000000000000000000000000000000000000000000000000000"), 2), 500);
	assert_int_equal(aic_lottery_wait_ms(from_hex("ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"), 1), 999);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_input_is_domain_beacon_and_height),
		cmocka_unit_test(test_up_to_three_nodes_all_win),
		cmocka_unit_test(test_target_to_the_last_bit),
		cmocka_unit_test(test_wait_of_few_nodes_is_the_draw),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
