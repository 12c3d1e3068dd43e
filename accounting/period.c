#include "accounting/period.h"

#include <stdio.h>
#include <string.h>

aic_code aic_period_bounds(const char *name, int64_t *start, int64_t *end, aic_error *err)
{
	aic_period_kind kind = strchr(name, 'W') ? AIC_PERIOD_WEEK : strlen(name) == 7 ? AIC_PERIOD_MONTH : AIC_PERIOD_DAY;
	char first[16], found[16];
	int64_t at;

	snprintf(first, sizeof(first), "%.4s-01-01", name);
	if (strlen(name) < 7 || aic_time_parse(&at, first, NULL) != AIC_OK)
		return aic_fail(err, AIC_USAGE, "\"%s\" is no period: write 2026-11-23, 2026-W48 or 2026-11", name);
	at -= 7 * 86400;
	for (int64_t until = at + 380 * 86400; at < until; at = *end) {
		aic_period_of(kind, at, found, start, end);
		if (!strcmp(found, name))
			return AIC_OK;
	}
	return aic_fail(err, AIC_USAGE, "\"%s\" is no period: write 2026-11-23, 2026-W48 or 2026-11", name);
}
