/* clock.c: time stands still (--wrap of aic_now and of aic_clock_system), so that a target makes the same ledger each time and a
 * finding replays. */
#include "common/time.h"

int64_t __wrap_aic_now(void);
extern const aic_clock __wrap_aic_clock_system;

int64_t __wrap_aic_now(void)
{
	return 1764000000;
}

static int64_t now(void *ctx)
{
	(void)ctx;
	return __wrap_aic_now();
}

static int64_t monotonic_ms(void *ctx)
{
	return now(ctx) * 1000;
}

const aic_clock __wrap_aic_clock_system = {now, monotonic_ms, 0};
