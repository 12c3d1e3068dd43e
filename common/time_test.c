/* time_test.c: UTC times and durations as text, and the bounds of periods. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <time.h>

#include "common/time.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define DAY 86400

static void test_format(void **state)
{
	(void) state;
	static const struct { int64_t t; const char *text; } c[] = {
		{0, "-"}, {1, "1970-01-01T00:00:01Z"}, {-1, "1969-12-31T23:59:59Z"}, {1795421100, "2026-11-23T08:05:00Z"},
		{951782400, "2000-02-29T00:00:00Z"}, {253402300799, "9999-12-31T23:59:59Z"}, {253402300800, "@253402300800"},
		{-30610224000, "1000-01-01T00:00:00Z"}, {INT64_MAX, "@9223372036854775807"}, {INT64_MIN, "@-9223372036854775808"},
	};
	char buf[AIC_TIME_TEXT];

	for (size_t i = 0; i < COUNT(c); i++)
		assert_string_equal(aic_time_format(buf, c[i].t), c[i].text);
}

/* The zone of the process must not matter. */
static void test_times_are_utc(void **state)
{
	(void) state;
	char buf[AIC_TIME_TEXT];
	int64_t t = 0;

	setenv("TZ", "America/New_York", 1);
	tzset();
	assert_string_equal(aic_time_format(buf, 1795421100), "2026-11-23T08:05:00Z");
	assert_int_equal(aic_time_parse(&t, "2026-11-23T08:05:00Z", NULL), AIC_OK);
	assert_int_equal(t, 1795421100);
	unsetenv("TZ");
	tzset();
}

static void test_parse_absolute(void **state)
{
	(void) state;
	static const struct { const char *text; int64_t t; } c[] = {
		{"2026-11-23T08:05:00Z", 1795421100}, {"2026-11-23T08:05:00", 1795421100}, {"2026-11-23T08:05", 1795421100},
		{"2026-11-23T08:05Z", 1795421100}, {"2026-11-23", 1795392000}, {"1970-01-01", 0}, {"2000-02-29", 951782400},
	};

	for (size_t i = 0; i < COUNT(c); i++) {
		int64_t t = 42;
		assert_int_equal(aic_time_parse(&t, c[i].text, NULL), AIC_OK);
		assert_int_equal(t, c[i].t);
	}
}

static void test_format_and_parse_are_inverse(void **state)
{
	(void) state;
	uint64_t seed = 11;
	char buf[AIC_TIME_TEXT];

	for (int i = 0; i < 5000; i++) {
		int64_t t = (int64_t) (test_random(&seed) % 253402300799) + 1, back;
		assert_int_equal(aic_time_parse(&back, aic_time_format(buf, t), NULL), AIC_OK);
		assert_int_equal(back, t);
	}
}

static void test_parse_relative(void **state)
{
	(void) state;
	static const struct { const char *text; int64_t offset; } c[] = {
		{"now", 0}, {"NOW", 0}, {"now-30", -30}, {"now+30", 30}, {"now-30seconds", -30}, {"now-2minutes", -120}, {"now+1hour", 3600},
		{"now-3days", -3 * DAY}, {"now-2weeks", -14 * DAY}, {"now-1d", -DAY},
	};

	for (size_t i = 0; i < COUNT(c); i++) {
		int64_t before = aic_now(), t = 0;
		assert_int_equal(aic_time_parse(&t, c[i].text, NULL), AIC_OK);
		assert_in_range(t - c[i].offset, before, aic_now());
	}
}

static void test_parse_today(void **state)
{
	(void) state;
	int64_t before = aic_now(), today = 0, yesterday = 0;

	assert_int_equal(aic_time_parse(&today, "today", NULL), AIC_OK);
	assert_int_equal(aic_time_parse(&yesterday, "today-1day", NULL), AIC_OK);
	if (before / DAY == aic_now() / DAY) {
		assert_int_equal(today, before / DAY * DAY);
		assert_int_equal(yesterday, today - DAY);
	}
}

static void test_parse_refuses(void **state)
{
	(void) state;
	static const char *const bad[] = {
		"", "x", "nowhere", "now-", "now-3months", "now-3days ", "now--3", "today3", "2026", "2026-11", "2026-13-01", "2026-00-01",
		"2026-02-29", "2026-11-31", "2026-11-23T24:00:00Z", "2026-11-23T23:60:00Z", "2026-11-23T23:59:60Z", "2026-11-23T08",
		"2026-11-23Z", "2026-11-23T08:05:00+01:00", "2026-11-23 08:05:00", "26-11-23", "2026-1-2", " 2026-11-23",
		"now-99999999999",
	};
	char message[256];

	for (size_t i = 0; i < COUNT(bad); i++) {
		int64_t t = 42;
		aic_error err = {0};
		assert_int_equal(aic_time_parse(&t, bad[i], &err), AIC_USAGE);
		snprintf(message, sizeof(message), "\"%s\" is no time: write 2026-11-23T08:05:00Z (UTC), 2026-11-23, now, today, "
		         "or now-3days", bad[i]);
		assert_string_equal(err.message, message);
		assert_int_equal(t, 42);
	}
}

static void test_duration_format(void **state)
{
	(void) state;
	static const struct { int64_t s; const char *text; } c[] = {
		{0, "00:00:00"}, {59, "00:00:59"}, {3661, "01:01:01"}, {DAY - 1, "23:59:59"}, {DAY, "1-00:00:00"},
		{100 * DAY + 7, "100-00:00:07"}, {-61, "-00:01:01"}, {INT64_MAX, "UNLIMITED"}, {INT64_MIN, "-106751991167300-15:30:08"},
	};
	char buf[AIC_TIME_TEXT];

	for (size_t i = 0; i < COUNT(c); i++)
		assert_string_equal(aic_duration_format(buf, c[i].s), c[i].text);
}

/* The forms that sbatch(1) lists for --time. */
static void test_duration_parse(void **state)
{
	(void) state;
	static const struct { const char *text; int64_t s; } c[] = {
		{"90", 5400}, {"0", 0}, {"1:30", 90}, {"1:90", 150}, {"02:00:00", 7200}, {"36:00:00", 129600}, {"1-0", DAY},
		{"2-12", 2 * DAY + 12 * 3600}, {"1-02:03", DAY + 7380}, {"1-02:03:04", DAY + 7384}, {"999999999", 59999999940},
	};

	for (size_t i = 0; i < COUNT(c); i++) {
		int64_t s = 42;
		assert_int_equal(aic_duration_parse(&s, c[i].text, NULL), AIC_OK);
		assert_int_equal(s, c[i].s);
	}
}

static void test_duration_refuses(void **state)
{
	(void) state;
	static const char *const bad[] = {"", "x", "-1", "1-", "1:", ":1", "1:2:3:4", "1-2-3", "1:2-3", "1-2:3:4:5", "1 ", "1h",
	                                  "9999999999", "UNLIMITED"};
	char message[256];

	for (size_t i = 0; i < COUNT(bad); i++) {
		int64_t s = 42;
		aic_error err = {0};
		assert_int_equal(aic_duration_parse(&s, bad[i], &err), AIC_USAGE);
		snprintf(message, sizeof(message), "\"%s\" is no duration: write minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM or D-HH:MM:SS",
		         bad[i]);
		assert_string_equal(err.message, message);
		assert_int_equal(s, 42);
	}
}

static void test_duration_round_trip(void **state)
{
	(void) state;
	uint64_t seed = 12;
	char buf[AIC_TIME_TEXT];

	for (int i = 0; i < 5000; i++) {
		int64_t s = (int64_t) (test_random(&seed) % (1000 * DAY)), back;
		assert_int_equal(aic_duration_parse(&back, aic_duration_format(buf, s), NULL), AIC_OK);
		assert_int_equal(back, s);
	}
}

static void test_clocks(void **state)
{
	(void) state;
	int64_t a = aic_monotonic_ms(), real = (int64_t) time(NULL);
	struct timespec pause = {0, 3000000};

	nanosleep(&pause, NULL);
	assert_true(aic_monotonic_ms() >= a + 3);
	assert_in_range(aic_now(), real, real + 5);
}

/* --- periods --- */

static void test_period_kinds(void **state)
{
	(void) state;
	aic_period_kind k = AIC_PERIOD_DAY;

	assert_true(aic_period_kind_parse(&k, "month"));
	assert_int_equal(k, AIC_PERIOD_MONTH);
	assert_true(aic_period_kind_parse(&k, "week"));
	assert_int_equal(k, AIC_PERIOD_WEEK);
	assert_false(aic_period_kind_parse(&k, "year"));
	assert_false(aic_period_kind_parse(&k, ""));
	assert_false(aic_period_kind_parse(&k, "weekly"));
	assert_int_equal(k, AIC_PERIOD_WEEK);
	assert_true(aic_period_kind_parse(&k, "day"));
	assert_int_equal(k, AIC_PERIOD_DAY);
}

static void test_period_names_and_bounds(void **state)
{
	(void) state;
	static const struct { aic_period_kind kind; const char *at, *name, *start, *end; } c[] = {
		{AIC_PERIOD_DAY, "2026-11-23T08:05:00Z", "2026-11-23", "2026-11-23", "2026-11-24"},
		{AIC_PERIOD_DAY, "2024-02-29T23:59:59Z", "2024-02-29", "2024-02-29", "2024-03-01"},
		{AIC_PERIOD_WEEK, "2026-11-23T00:00:00Z", "2026-W48", "2026-11-23", "2026-11-30"},
		{AIC_PERIOD_WEEK, "2026-11-22T23:59:59Z", "2026-W47", "2026-11-16", "2026-11-23"},
		{AIC_PERIOD_MONTH, "2026-11-23T08:05:00Z", "2026-11", "2026-11-01", "2026-12-01"},
		{AIC_PERIOD_MONTH, "2026-12-31T23:59:59Z", "2026-12", "2026-12-01", "2027-01-01"},
		{AIC_PERIOD_MONTH, "2024-02-29", "2024-02", "2024-02-01", "2024-03-01"},
		/* ISO 8601 at the edges of years: a week belongs to the year of its Thursday. */
		{AIC_PERIOD_WEEK, "2020-12-31", "2020-W53", "2020-12-28", "2021-01-04"},
		{AIC_PERIOD_WEEK, "2021-01-03", "2020-W53", "2020-12-28", "2021-01-04"},
		{AIC_PERIOD_WEEK, "2021-01-04", "2021-W01", "2021-01-04", "2021-01-11"},
		{AIC_PERIOD_WEEK, "2023-01-01", "2022-W52", "2022-12-26", "2023-01-02"},
		{AIC_PERIOD_WEEK, "2024-12-29", "2024-W52", "2024-12-23", "2024-12-30"},
		{AIC_PERIOD_WEEK, "2024-12-30", "2025-W01", "2024-12-30", "2025-01-06"},
		{AIC_PERIOD_WEEK, "2026-12-31", "2026-W53", "2026-12-28", "2027-01-04"},
		{AIC_PERIOD_WEEK, "2027-01-03", "2026-W53", "2026-12-28", "2027-01-04"},
		{AIC_PERIOD_WEEK, "2018-12-31", "2019-W01", "2018-12-31", "2019-01-07"},
	};

	for (size_t i = 0; i < COUNT(c); i++) {
		int64_t at, expected_start, expected_end, start, end;
		char name[16];
		assert_int_equal(aic_time_parse(&at, c[i].at, NULL), AIC_OK);
		assert_int_equal(aic_time_parse(&expected_start, c[i].start, NULL), AIC_OK);
		assert_int_equal(aic_time_parse(&expected_end, c[i].end, NULL), AIC_OK);
		aic_period_of(c[i].kind, at, name, &start, &end);
		assert_string_equal(name, c[i].name);
		assert_int_equal(start, expected_start);
		assert_int_equal(end, expected_end);
	}
}

/* Periods of a kind follow each other without gap or overlap, and their names sort as they do. */
static void test_periods_tile_time(void **state)
{
	(void) state;
	for (aic_period_kind k = AIC_PERIOD_DAY; k <= AIC_PERIOD_MONTH; k++) {
		int64_t start, end, at = 915148800 /* 1999-01-01 */;
		char name[16], before[16], other[16];
		aic_period_of(k, at, before, &start, &end);
		while (end < 2524608000 /* 2050-01-01 */) {
			int64_t last = end, s, e;
			aic_period_of(k, last - 1, other, &s, &e);
			assert_string_equal(other, before);
			assert_true(s == start && e == last);
			aic_period_of(k, last, name, &start, &end);
			assert_int_equal(start, last);
			assert_true(end > start);
			assert_true(strcmp(name, before) > 0);
			strcpy(before, name);
		}
	}
}

static void test_periods_before_the_epoch(void **state)
{
	(void) state;
	int64_t start, end;
	char name[16];

	aic_period_of(AIC_PERIOD_DAY, -1, name, &start, &end);
	assert_string_equal(name, "1969-12-31");
	assert_true(start == -DAY && end == 0);
	aic_period_of(AIC_PERIOD_WEEK, 0, name, &start, &end);
	assert_string_equal(name, "1970-W01");
	assert_true(start == -3 * DAY && end == 4 * DAY);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_format),
		cmocka_unit_test(test_times_are_utc),
		cmocka_unit_test(test_parse_absolute),
		cmocka_unit_test(test_format_and_parse_are_inverse),
		cmocka_unit_test(test_parse_relative),
		cmocka_unit_test(test_parse_today),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_duration_format),
		cmocka_unit_test(test_duration_parse),
		cmocka_unit_test(test_duration_refuses),
		cmocka_unit_test(test_duration_round_trip),
		cmocka_unit_test(test_clocks),
		cmocka_unit_test(test_period_kinds),
		cmocka_unit_test(test_period_names_and_bounds),
		cmocka_unit_test(test_periods_tile_time),
		cmocka_unit_test(test_periods_before_the_epoch),
	};

	return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
