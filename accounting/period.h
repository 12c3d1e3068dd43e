/* period.h: from a period's name to its bounds. */
#ifndef AIC_ACCOUNTING_PERIOD_H
#define AIC_ACCOUNTING_PERIOD_H

#include "common/time.h"

/* "2026-11-23", "2026-W48" or "2026-11": [start, end). AIC_USAGE otherwise. */
aic_code aic_period_bounds(const char *name, int64_t *start, int64_t *end, aic_error *err);

#endif
