#include "common/priority.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/amount.h"

aic_code aic_priority_parse(aic_priority_weights *w, const char *params, aic_error *err)
{
	*w = (aic_priority_weights){.rating = 1000, .warm = 500};
	for (const char *p = params; p && *p; p += strcspn(p, ","), p += *p == ',') {
		bool rating = !strncmp(p, "rating=", 7), known = rating || !strncmp(p, "warm=", 5);
		const char *digits = known ? strchr(p, '=') + 1 : "";
		size_t n = strcspn(digits, ",");

		if (n == 0 || n > 7 || strspn(digits, "0123456789") < n || strtoul(digits, NULL, 10) > AIC_PRIORITY_MAX)
			return aic_fail(err, AIC_USAGE, "PrioritySiteFactorParameters: \"%.*s\" is none of rating=N and warm=N, N from 0 to %d",
			                (int)strcspn(p, ","), p, AIC_PRIORITY_MAX);
		*(rating ? &w->rating : &w->warm) = (uint32_t)strtoul(digits, NULL, 10);
	}
	return AIC_OK;
}

uint32_t aic_priority_points(const aic_priority_weights *w, uint64_t rating_ppm, bool warm)
{
	uint64_t ppm = rating_ppm < AIC_PPM ? rating_ppm : AIC_PPM;

	return (uint32_t)(w->rating * ppm / AIC_PPM) + (warm ? w->warm : 0);
}

char *aic_priority_feature(char *buf, size_t size, const char *dataset)
{
	snprintf(buf, size, AIC_DATA_FEATURE "%s", dataset);
	for (char *p = buf; *p; p++)
		if (strchr("/:@+&|*,()[]", *p))
			*p = '_';
	return buf;
}
