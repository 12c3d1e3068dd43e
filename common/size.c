#include "common/size.h"

#include <stdio.h>
#include <string.h>

#include "common/amount.h"
#include "common/bytes.h"

static const struct {
	const char *unit;
	uint64_t bytes;
} units[] = {
	{"B", 1}, {"KiB", 1ull << 10}, {"MiB", 1ull << 20}, {"GiB", 1ull << 30}, {"TiB", 1ull << 40}, {"PiB", 1ull << 50},
};
#define UNITS (sizeof(units) / sizeof(units[0]))

aic_code aic_size_parse(uint64_t *bytes, const char *text, aic_error *err)
{
	size_t digits = strspn(text, "0123456789.");
	char number[32];
	aic_amount amount, sum = 0;

	if (digits && digits < sizeof(number)) {
		aic_str_copy(number, digits + 1, text);
		for (size_t i = 0; i < UNITS; i++)
			if ((!strcmp(text + digits, units[i].unit) || (i == 0 && !text[digits])) &&
			    aic_amount_parse(&amount, number, NULL) == AIC_OK && aic_mul_div(&sum, amount, units[i].bytes, AIC_UNIT) && sum &&
			    sum <= INT64_MAX) {
				*bytes = (uint64_t)sum;
				return AIC_OK;
			}
	}
	return aic_fail(err, AIC_USAGE, "\"%s\" is no size: write 4096, 200GiB or 1.5TiB", text);
}

char *aic_size_format(char buf[AIC_SIZE_TEXT], uint64_t bytes)
{
	size_t i = UNITS - 1;

	while (i > 0 && bytes < units[i].bytes)
		i--;
	uint64_t whole = bytes / units[i].bytes, tenths = i ? bytes % units[i].bytes / (units[i].bytes >> 10) * 10 >> 10 : 0;

	if (i == 0)
		snprintf(buf, AIC_SIZE_TEXT, "%llu B", (unsigned long long)bytes);
	else
		snprintf(buf, AIC_SIZE_TEXT, "%llu.%u %s", (unsigned long long)whole, (unsigned)(tenths % 10), units[i].unit);
	return buf;
}
