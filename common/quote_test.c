#define _GNU_SOURCE
#include "common/testing.h"

#include <stdio.h>
#include <string.h>

#include "common/quote.h"

static const aic_quote full = {
	.quoted = true, .cost = ~(aic_amount)0, .available = 7, .reserved = 3 * AIC_UNIT, .seconds = 86400, .tasks = 12,
	.ruling = AIC_QUOTE_HOLD, .account = "physics", .job = "12 tasks x 1 d x 2 a100 + 8 CPUs",
	.message = "account physics holds 0.00 AIC; this job needs more: it is held; shorten --time, or ask for a top-up",
};

static void what_is_said_is_understood(void **state)
{
	char line[AIC_QUOTE_TEXT], printed[AIC_QUOTE_TEXT + 64];
	aic_quote q;

	(void)state;
	snprintf(printed, sizeof(printed), "sbatch: 0: %s\n", aic_quote_write(line, &full)); /* as sbatch prints it for a part of a job */
	assert_true(aic_quote_read(&q, printed));
	assert_true(q.quoted && q.cost == full.cost && q.available == 7 && q.reserved == 3 * AIC_UNIT);
	assert_int_equal(q.seconds, 86400);
	assert_int_equal(q.tasks, 12);
	assert_int_equal(q.ruling, AIC_QUOTE_HOLD);
	assert_string_equal(q.account, full.account);
	assert_string_equal(q.job, full.job);
	assert_string_equal(q.message, full.message);
}

static void without_figures_too(void **state)
{
	aic_quote q, none = {.ruling = AIC_QUOTE_REFUSE, .message = "no wallet"};
	char line[AIC_QUOTE_TEXT];

	(void)state;
	assert_true(aic_quote_read(&q, aic_quote_write(line, &none)));
	assert_false(q.quoted);
	assert_int_equal(q.ruling, AIC_QUOTE_REFUSE);
	assert_string_equal(q.message, "no wallet");
}

static void anything_else_is_no_quote(void **state)
{
	static const char *const lines[] = {
		"", "sbatch: Job 17 to start at 2026-01-01T00:00:00", "aic-quote: ", "aic-quote: ruling=maybe; account=; message=",
		"aic-quote: ruling=admit; account=x", "aic-quote: ruling=admit; cost=-1; account=x; message=",
		"aic-quote: ruling=admit; cost=1; account=x; message=", "aic-quote: ruling=admit; colour=red; account=x; message=",
		"aic-quote: ruling=admit; cost=1; available=1; reserved=1; seconds=1x; tasks=1; account=x; job=; message=",
	};
	char line[AIC_QUOTE_TEXT];
	aic_quote q;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		assert_false(aic_quote_read(&q, lines[i]));
	aic_quote_write(line, &full);
	for (size_t cut = strcspn(line, "m"); cut > 0; cut--) { /* any end before the message */
		line[cut] = '\0';
		assert_false(aic_quote_read(&q, line));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_is_understood),
		cmocka_unit_test(without_figures_too),
		cmocka_unit_test(anything_else_is_no_quote),
	};

	return cmocka_run_group_tests_name("common/quote", tests, NULL, NULL);
}
