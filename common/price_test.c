/* price_test.c: the charge formula against exact integers. */
#define _GNU_SOURCE
#include "common/price.h"
#include "common/testing.h"

static void assert_amount(aic_amount a, const char *aic)
{
	char text[AIC_AMOUNT_TEXT];
	assert_string_equal(aic_amount_format(text, a), aic);
}

static aic_node_share worked_share(void)
{
	aic_node_share s = {.name = "n1", .cpus = 8, .mem_mib = 64000, .gpu_types = 1, .gpu = {{"a100", 2}}};
	return s;
}

/* economics.md 1: 2 GPUs at 1 AIC/h, 8 CPUs at 0.01, 64,000 MiB at 0.001 per GiB, 7,200 s: 4.285 AIC. */
static void worked_example(void **state)
{
	(void)state;
	aic_rates r;
	aic_amount gross;
	aic_node_share s = worked_share();
	aic_rates_default(&r);
	r.gpu_types = 1;
	strcpy(r.gpu[0].type, "a100");
	r.gpu[0].per_hour = AIC_UNIT;
	assert_true(aic_price_node(&gross, &r, &s, 7200, AIC_PPM));
	assert_amount(gross, "4.285");
	aic_amount fee = aic_ppm_of(gross, 100000);
	assert_amount(fee, "0.4285");
	assert_amount(gross - fee, "3.8565");
	assert_true(aic_price_node(&gross, &r, &s, 7200, 500000));
	assert_amount(gross, "2.1425");
}

static void defaults(void **state)
{
	(void)state;
	aic_rates r;
	aic_rates_default(&r);
	assert_amount(r.gpu_default, "0.5");
	assert_amount(r.cpu, "0.01");
	assert_amount(r.mem_gib, "0.001");
	assert_int_equal(r.gpu_types, 0);
	assert_true(aic_rate_of_gpu(&r, "h100") == AIC_UNIT / 2);
	assert_true(aic_rate_of_gpu(&r, "") == AIC_UNIT / 2);
}

static void typed_rates(void **state)
{
	(void)state;
	aic_rates r;
	aic_amount out;
	aic_rates_default(&r);
	r.gpu_types = 2;
	strcpy(r.gpu[0].type, "a100");
	r.gpu[0].per_hour = AIC_UNIT;
	strcpy(r.gpu[1].type, "h100");
	r.gpu[1].per_hour = 3 * AIC_UNIT;
	aic_node_share s = {.gpu_types = 3, .gpu = {{"h100", 2}, {"a100", 1}, {"", 4}}};
	assert_true(aic_price_node(&out, &r, &s, 3600, AIC_PPM));
	assert_amount(out, "9"); /* 6 + 1 + 4 * 0.5 */
}

/* One floor for the whole node, not one a resource: 1/3600 of three thirds of a unit would be lost otherwise. */
static void one_floor(void **state)
{
	(void)state;
	aic_rates r = {.gpu_default = 1200, .cpu = 1200, .mem_gib = 1200};
	aic_node_share s = {.cpus = 1, .mem_mib = 1024, .gpu_types = 1, .gpu = {{"", 1}}};
	aic_amount out;
	assert_true(aic_price_node(&out, &r, &s, 1, AIC_PPM));
	assert_true(out == 1);
	assert_true(aic_price_node(&out, &r, &s, 1, AIC_PPM - 1));
	assert_true(out == 0);
	s.mem_mib = 1023; /* a mebibyte less is below the unit: MiB / 1024 enters the same fraction */
	assert_true(aic_price_node(&out, &r, &s, 1, AIC_PPM));
	assert_true(out == 0);
	assert_true(aic_price_node(&out, &r, &s, 2, AIC_PPM));
	assert_true(out == 1);
}

/* Against a second calculation in plain 128-bit integers, where those suffice. */
static void random_nodes(void **state)
{
	(void)state;
	uint64_t seed = 7;
	for (int i = 0; i < 20000; i++) {
		aic_rates r = {.gpu_default = test_random(&seed) % 1000000, .cpu = test_random(&seed) % 1000000,
		               .mem_gib = test_random(&seed) % 1000000};
		aic_node_share s = {.cpus = (uint32_t)(test_random(&seed) % 1000), .mem_mib = test_random(&seed) % (1u << 22),
		                    .gpu_types = 1, .gpu = {{"", (uint32_t)(test_random(&seed) % 16)}}};
		int64_t seconds = (int64_t)(test_random(&seed) % 10000000);
		uint64_t ppm = test_random(&seed) % (AIC_PPM + 1);
		aic_amount sum = (r.gpu_default * s.gpu[0].count + r.cpu * s.cpus) * 1024 + r.mem_gib * s.mem_mib, out;
		assert_true(aic_price_node(&out, &r, &s, seconds, ppm));
		assert_true(out == sum * (aic_amount)seconds * ppm / ((aic_amount)1024 * 3600 * 1000000));
	}
}

static void nothing_and_too_much(void **state)
{
	(void)state;
	aic_rates r;
	aic_amount out = 5;
	aic_node_share s = worked_share();
	aic_rates_default(&r);
	assert_true(aic_price_node(&out, &r, &s, 0, AIC_PPM) && out == 0);
	assert_true(aic_price_node(&out, &r, &s, -1, AIC_PPM) && out == 0);
	assert_true(aic_price_node(&out, &r, &s, 7200, 0) && out == 0);
	assert_true(aic_price_node(&out, &r, &s, INT64_MAX, AIC_PPM)); /* an unlimited job has a figure too */
	r.gpu_default = ~(aic_amount)0;
	assert_false(aic_price_node(&out, &r, &s, 7200, AIC_PPM));
	assert_true(aic_price_node(&out, &r, &s, 1, AIC_PPM)); /* 2/3600 of the most fits again */
	r.cpu = r.mem_gib = ~(aic_amount)0;
	s.cpus = UINT32_MAX;
	s.mem_mib = UINT64_MAX;
	assert_false(aic_price_node(&out, &r, &s, INT64_MAX, AIC_PPM));
}

static void assets(void **state)
{
	(void)state;
	aic_asset_terms t = {.per_job = 10, .per_gpu_hour = 7200};
	aic_amount out;
	assert_true(aic_price_asset(&out, &t, 0) && out == 10);
	assert_true(aic_price_asset(&out, &t, 1) && out == 12);
	t.per_gpu_hour = 3599;
	assert_true(aic_price_asset(&out, &t, 1) && out == 10);
	assert_true(aic_price_asset(&out, &t, 3600) && out == 3609);
	t.per_gpu_hour = ~(aic_amount)0;
	assert_false(aic_price_asset(&out, &t, 3601));
	assert_true(aic_price_asset(&out, &t, 3500));
	t.per_job = ~(aic_amount)0;
	assert_false(aic_price_asset(&out, &t, 3600));
}

static void quote(void **state)
{
	(void)state;
	aic_rates r;
	aic_amount out, node;
	aic_node_share s = worked_share();
	aic_asset_terms data = {.per_job = AIC_UNIT / 100, .per_gpu_hour = 0}, model = {.per_gpu_hour = AIC_UNIT / 10};
	aic_rates_default(&r);
	assert_true(aic_price_node(&node, &r, &s, 7200, AIC_PPM));
	assert_true(aic_price_quote(&out, &r, &s, 3, 7200, NULL, NULL));
	assert_true(out == 3 * node);
	assert_true(aic_price_quote(&out, &r, &s, 3, 7200, &data, &model));
	assert_true(out == 3 * node + AIC_UNIT / 100 + AIC_UNIT / 10 * 12); /* 3 nodes x 2 GPUs x 2 h */
	assert_true(aic_price_quote(&out, &r, &s, 0, 7200, &data, &model));
	assert_true(out == AIC_UNIT / 100);
	assert_false(aic_price_quote(&out, &r, &s, UINT32_MAX, INT64_MAX, NULL, NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(worked_example), cmocka_unit_test(defaults), cmocka_unit_test(typed_rates),
		cmocka_unit_test(one_floor), cmocka_unit_test(random_nodes), cmocka_unit_test(nothing_and_too_much),
		cmocka_unit_test(assets), cmocka_unit_test(quote),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
