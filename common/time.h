/* time.h: UTC times as text. All stored times are seconds since the epoch (int64_t). */
#ifndef AIC_TIME_H
#define AIC_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

#define AIC_TIME_TEXT 32

char *aic_time_format(char buf[AIC_TIME_TEXT], int64_t t);       /* "2026-11-23T08:05:00Z"; 0 gives "-" */
/* The format above (seconds and Z may be left out), a date alone (its midnight), or "now" and "today", alone or followed
 * by + or - and a count of seconds, minutes, hours, days or weeks: "now-3days", as Slurm's tools accept. All are UTC. */
aic_code aic_time_parse(int64_t *t, const char *text, aic_error *err);
char *aic_duration_format(char buf[AIC_TIME_TEXT], int64_t s);   /* Slurm's [D-]HH:MM:SS; INT64_MAX is UNLIMITED */
/* Slurm's forms: M, M:S, H:M:S, D-H, D-H:M, D-H:M:S; result in seconds. As there, 1:90 is 150 seconds. */
aic_code aic_duration_parse(int64_t *s, const char *text, aic_error *err);
int64_t aic_now(void);           /* wall clock, seconds */
int64_t aic_monotonic_ms(void);

/* A clock that is passed in, so that what depends on time can be driven by a test. */
typedef struct {
	int64_t (*now)(void *ctx);           /* as aic_now */
	int64_t (*monotonic_ms)(void *ctx);  /* as aic_monotonic_ms */
	void *ctx;
} aic_clock;
extern const aic_clock aic_clock_system;

/* Accounting periods, UTC. */
typedef enum { AIC_PERIOD_DAY, AIC_PERIOD_WEEK, AIC_PERIOD_MONTH } aic_period_kind;
bool aic_period_kind_parse(aic_period_kind *k, const char *text); /* day | week | month */
/* Name of the period that holds t, "2026-11-23", "2026-W48" (ISO 8601), "2026-11", and its bounds [start, end). */
void aic_period_of(aic_period_kind k, int64_t t, char name[16], int64_t *start, int64_t *end);

#endif
