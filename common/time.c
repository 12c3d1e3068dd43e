/* time.c: UTC times, durations and accounting periods. */
#define _GNU_SOURCE
#include "common/time.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MINUTE 60
#define HOUR 3600
#define DAY 86400
#define YEAR_1000 INT64_C(-30610224000) /* 1000-01-01T00:00:00Z, the first with four digits */
#define YEAR_9999 INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

int64_t aic_now(void)
{
	return (int64_t) time(NULL);
}

int64_t aic_monotonic_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t) t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t system_now(void *ctx)
{
	(void) ctx;
	return aic_now();
}

static int64_t system_monotonic_ms(void *ctx)
{
	(void) ctx;
	return aic_monotonic_ms();
}

const aic_clock aic_clock_system = {system_now, system_monotonic_ms, NULL};

static int64_t midnight_before(int64_t t)
{
	int64_t rest = t % DAY;

	return t - (rest < 0 ? rest + DAY : rest);
}

static struct tm utc(int64_t t)
{
	time_t clock = (time_t) t;
	struct tm tm = {0};

	gmtime_r(&clock, &tm);
	return tm;
}

char *aic_time_format(char buf[AIC_TIME_TEXT], int64_t t)
{
	if (t == 0)
		return strcpy(buf, "-");
	if (t < YEAR_1000 || t > YEAR_9999) {
		snprintf(buf, AIC_TIME_TEXT, "@%lld", (long long) t);
		return buf;
	}
	struct tm tm = utc(t);
	strftime(buf, AIC_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return buf;
}

/* --- parsing times --- */

static aic_code fail_time(const char *text, aic_error *err)
{
	return aic_fail(err, AIC_USAGE, "\"%.64s\" is no time: write 2026-11-23T08:05:00Z (UTC), 2026-11-23, now, today, "
	                "or now-3days", text);
}

/* Unsigned decimal number of min to max digits at *s, which moves behind it; -1 where there is none. */
static int64_t take_digits(const char **s, int min, int max)
{
	int64_t v = 0;
	int n = 0;

	for (; n < max && isdigit((unsigned char) **s); n++, (*s)++)
		v = v * 10 + (**s - '0');
	return n < min ? -1 : v;
}

static bool take_char(const char **s, char c)
{
	if (**s != c)
		return false;
	(*s)++;
	return true;
}

/* "seconds", "s", "second"; "" is seconds, as in Slurm: any beginning of the unit's plural. */
static int64_t unit_seconds(const char *name)
{
	static const struct {
		const char *name;
		int64_t seconds;
	} unit[] = {{"seconds", 1}, {"minutes", MINUTE}, {"hours", HOUR}, {"days", DAY}, {"weeks", 7 * DAY}};

	for (size_t i = 0; i < sizeof(unit) / sizeof(unit[0]); i++)
		if (strncasecmp(name, unit[i].name, strlen(name)) == 0)
			return unit[i].seconds;
	return 0;
}

/* base, or base+N[UNIT], or base-N[UNIT]. */
static bool parse_relative(int64_t *t, int64_t base, const char *rest)
{
	int64_t count, unit;
	int sign = *rest == '-' ? -1 : 1;

	*t = base;
	if (*rest == '\0')
		return true;
	if (*rest != '-' && *rest != '+')
		return false;
	rest++;
	count = take_digits(&rest, 1, 10);
	unit = unit_seconds(rest);
	if (count < 0 || unit == 0)
		return false;
	*t = base + sign * count * unit;
	return true;
}

/* The absolute form; seconds and the Z may be left out. timegm moves 30 February to March: such a date is refused. */
static bool parse_absolute(int64_t *t, const char *text)
{
	struct tm tm = {0}, back;
	int64_t year, month, day, hour = 0, minute = 0, second = 0;

	if ((year = take_digits(&text, 4, 4)) < 0 || !take_char(&text, '-') || (month = take_digits(&text, 2, 2)) < 0 ||
	    !take_char(&text, '-') || (day = take_digits(&text, 2, 2)) < 0)
		return false;
	if (take_char(&text, 'T')) {
		if ((hour = take_digits(&text, 2, 2)) < 0 || !take_char(&text, ':') || (minute = take_digits(&text, 2, 2)) < 0)
			return false;
		if (take_char(&text, ':') && (second = take_digits(&text, 2, 2)) < 0)
			return false;
		take_char(&text, 'Z');
	}
	if (*text != '\0')
		return false;
	tm.tm_year = (int) year - 1900;
	tm.tm_mon = (int) month - 1;
	tm.tm_mday = (int) day;
	tm.tm_hour = (int) hour;
	tm.tm_min = (int) minute;
	tm.tm_sec = (int) second;
	*t = (int64_t) timegm(&tm);
	back = utc(*t);
	return back.tm_year == year - 1900 && back.tm_mon == month - 1 && back.tm_mday == day && back.tm_hour == hour &&
	       back.tm_min == minute && back.tm_sec == second;
}

aic_code aic_time_parse(int64_t *t, const char *text, aic_error *err)
{
	int64_t got;
	bool good;

	if (strncasecmp(text, "now", 3) == 0)
		good = parse_relative(&got, aic_now(), text + 3);
	else if (strncasecmp(text, "today", 5) == 0)
		good = parse_relative(&got, midnight_before(aic_now()), text + 5);
	else
		good = parse_absolute(&got, text);
	if (!good)
		return fail_time(text, err);
	*t = got;
	return AIC_OK;
}

/* --- durations --- */

char *aic_duration_format(char buf[AIC_TIME_TEXT], int64_t s)
{
	if (s == INT64_MAX)
		return strcpy(buf, "UNLIMITED");
	const char *sign = s < 0 ? "-" : "";
	uint64_t left = s < 0 ? -(uint64_t) s : (uint64_t) s;
	unsigned hour = (unsigned) (left % DAY / HOUR), minute = (unsigned) (left % HOUR / MINUTE);
	unsigned second = (unsigned) (left % MINUTE);

	if (left >= DAY)
		snprintf(buf, AIC_TIME_TEXT, "%s%llu-%02u:%02u:%02u", sign, (unsigned long long) (left / DAY), hour, minute, second);
	else
		snprintf(buf, AIC_TIME_TEXT, "%s%02u:%02u:%02u", sign, hour, minute, second);
	return buf;
}

/* The numbers between dash and colons; 0 where the text has another form. */
static int split_duration(const char *s, int64_t part[4], bool *dash)
{
	int n = 0;

	*dash = false;
	for (;;) {
		if (n == 4 || (part[n++] = take_digits(&s, 1, 9)) < 0)
			return 0;
		if (*s == '\0')
			return n;
		if (*s == '-' && n == 1)
			*dash = true;
		else if (*s != ':')
			return 0;
		s++;
	}
}

aic_code aic_duration_parse(int64_t *s, const char *text, aic_error *err)
{
	/* The unit of each part, by (a dash?, number of parts): without a dash one or two parts begin with minutes. */
	static const int64_t unit[2][5][4] = {
		{{0}, {MINUTE}, {MINUTE, 1}, {HOUR, MINUTE, 1}, {0}},
		{{0}, {0}, {DAY, HOUR}, {DAY, HOUR, MINUTE}, {DAY, HOUR, MINUTE, 1}},
	};
	int64_t part[4], total = 0;
	bool dash;
	int n = split_duration(text, part, &dash);

	if (unit[dash][n][0] == 0)
		return aic_fail(err, AIC_USAGE, "\"%.64s\" is no duration: write minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM or "
		                "D-HH:MM:SS", text);
	for (int i = 0; i < n; i++)
		total += part[i] * unit[dash][n][i];
	*s = total;
	return AIC_OK;
}

/* --- periods --- */

bool aic_period_kind_parse(aic_period_kind *k, const char *text)
{
	static const char *const name[] = {[AIC_PERIOD_DAY] = "day", [AIC_PERIOD_WEEK] = "week", [AIC_PERIOD_MONTH] = "month"};

	for (size_t i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
		if (strcmp(text, name[i]) == 0) {
			*k = (aic_period_kind) i;
			return true;
		}
	}
	return false;
}

static void month_of(int64_t t, char name[16], int64_t *start, int64_t *end)
{
	struct tm tm = utc(t);
	struct tm first = {.tm_year = tm.tm_year, .tm_mon = tm.tm_mon, .tm_mday = 1};
	struct tm next = {.tm_year = tm.tm_year, .tm_mon = tm.tm_mon + 1, .tm_mday = 1};

	strftime(name, 16, "%Y-%m", &tm);
	*start = (int64_t) timegm(&first);
	*end = (int64_t) timegm(&next);
}

void aic_period_of(aic_period_kind k, int64_t t, char name[16], int64_t *start, int64_t *end)
{
	struct tm tm = utc(t);

	switch (k) {
	case AIC_PERIOD_DAY:
		strftime(name, 16, "%Y-%m-%d", &tm);
		*start = midnight_before(t);
		*end = *start + DAY;
		break;
	case AIC_PERIOD_WEEK:
		strftime(name, 16, "%G-W%V", &tm);
		*start = midnight_before(t) - (tm.tm_wday + 6) % 7 * DAY;
		*end = *start + 7 * DAY;
		break;
	case AIC_PERIOD_MONTH:
		month_of(t, name, start, end);
		break;
	}
}
