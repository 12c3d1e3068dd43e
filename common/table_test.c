/* table_test.c: one table in each of its formats, to the byte. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/table.h"

static const aic_column columns[] = {
	{"job", "JOB", AIC_COLUMN_NUMBER},
	{"name", "NAME", AIC_COLUMN_TEXT},
	{"gross", "GROSS AIC", AIC_COLUMN_AMOUNT},
	{"ended", "ENDED", AIC_COLUMN_TIME},
};

static void add_row(aic_table *t, int64_t job, const char *name, aic_amount gross, int64_t ended)
{
	aic_table_number(t, job);
	aic_table_text(t, name);
	aic_table_amount(t, gross);
	aic_table_time(t, ended);
}

static aic_table *sample(void)
{
	aic_table *t = aic_table_new(columns, 4);

	add_row(t, 7, "train", 12 * AIC_UNIT + AIC_UNIT / 2, 1795421100);
	add_row(t, 1234, NULL, 1, 0);
	aic_table_rule(t);
	aic_table_text(t, NULL);
	aic_table_text(t, "total");
	aic_table_amount(t, 12 * AIC_UNIT + AIC_UNIT / 2 + 1);
	aic_table_time(t, 0);
	aic_table_note(t, "%d jobs", 2);
	aic_table_note(t, "Fees are included.");
	return t;
}

static void assert_prints(const aic_table *t, aic_format format, const char *expected)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	aic_table_print(t, format, f);
	fclose(f);
	assert_string_equal(text, expected);
	free(text);
}

static void test_table(void **state)
{
	(void) state;
	aic_table *t = sample();

	assert_prints(t, AIC_FORMAT_TABLE,
	              " JOB  NAME   GROSS AIC  ENDED\n"
	              "----  -----  ---------  --------------------\n"
	              "   7  train    12.5000  2026-11-23T08:05:00Z\n"
	              "1234  -        <0.0001  -\n"
	              "----  -----  ---------  --------------------\n"
	              "   -  total    12.5000  -\n"
	              "\n"
	              "2 jobs\n"
	              "Fees are included.\n");
	assert_int_equal(aic_table_rows(t), 2);
	aic_table_free(t);
}

static void test_parsable(void **state)
{
	(void) state;
	aic_table *t = sample();

	assert_prints(t, AIC_FORMAT_PARSABLE,
	              "job|name|gross|ended\n"
	              "7|train|12.5|2026-11-23T08:05:00Z\n"
	              "1234||0.000000000000000001|\n");
	aic_table_free(t);
}

static void test_csv(void **state)
{
	(void) state;
	aic_table *t = sample();

	assert_prints(t, AIC_FORMAT_CSV,
	              "job,name,gross,ended\r\n"
	              "7,train,12.5,2026-11-23T08:05:00Z\r\n"
	              "1234,,0.000000000000000001,\r\n");
	aic_table_free(t);
}

static void test_json(void **state)
{
	(void) state;
	aic_table *t = sample();

	assert_prints(t, AIC_FORMAT_JSON,
	              "[\n"
	              "  {\"job\": 7, \"name\": \"train\", \"gross\": \"12.5\", \"ended\": \"2026-11-23T08:05:00Z\"},\n"
	              "  {\"job\": 1234, \"name\": null, \"gross\": \"0.000000000000000001\", \"ended\": null}\n"
	              "]\n");
	aic_table_free(t);
}

static void test_empty(void **state)
{
	(void) state;
	aic_table *t = aic_table_new(columns, 4);

	assert_int_equal(aic_table_rows(t), 0);
	assert_prints(t, AIC_FORMAT_TABLE, "JOB  NAME  GROSS AIC  ENDED\n---  ----  ---------  -----\n");
	assert_prints(t, AIC_FORMAT_PARSABLE, "job|name|gross|ended\n");
	assert_prints(t, AIC_FORMAT_CSV, "job,name,gross,ended\r\n");
	assert_prints(t, AIC_FORMAT_JSON, "[]\n");
	aic_table_free(t);
	aic_table_free(NULL);
}

/* RFC 4180, 2.5 to 2.7; the other formats neutralise or escape the same texts. */
static void test_difficult_texts(void **state)
{
	(void) state;
	static const aic_column two[] = {{"text", "TEXT", AIC_COLUMN_TEXT}, {"x", "X", AIC_COLUMN_TEXT}};
	static const struct { const char *text, *table, *parsable, *csv, *json; } c[] = {
		{"a,b", "a,b ", "a,b", "\"a,b\"", "\"a,b\""},
		{"a\"b", "a\"b ", "a\"b", "\"a\"\"b\"", "\"a\\\"b\""},
		{"a\nb", "a?b ", "a?b", "\"a\nb\"", "\"a\\nb\""},
		{"a\r\nb", "a??b", "a??b", "\"a\r\nb\"", "\"a\\r\\nb\""},
		{"a|b", "a|b ", "a?b", "a|b", "\"a|b\""},
		{"\033[2J", "?[2J", "?[2J", "\033[2J", "\"\\u001b[2J\""},
		{"a\\b", "a\\b ", "a\\b", "a\\b", "\"a\\\\b\""},
		{"\b\f\t", "??? ", "???", "\b\f\t", "\"\\b\\f\\t\""},
		{"\x01\x7f", "??  ", "??", "\x01\x7f", "\"\\u0001\\u007f\""},
		{"\xc2\x9b" "2J", "??2J", "??2J", "\xc2\x9b" "2J", "\"\xc2\x9b" "2J\""},
		{"a\xff", "a?  ", "a?", "a\xff", "\"a\\ufffd\""},
		{"\xc3\xbc", "\xc3\xbc   ", "\xc3\xbc", "\xc3\xbc", "\"\xc3\xbc\""},
		{"", "    ", "", "", "\"\""},
	};
	char expected[200];

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		aic_table *t = aic_table_new(two, 2);
		aic_table_text(t, c[i].text);
		aic_table_text(t, "|");
		snprintf(expected, sizeof(expected), "TEXT  X\n----  -\n%s  |\n", c[i].table);
		assert_prints(t, AIC_FORMAT_TABLE, expected);
		snprintf(expected, sizeof(expected), "text|x\n%s|?\n", c[i].parsable);
		assert_prints(t, AIC_FORMAT_PARSABLE, expected);
		snprintf(expected, sizeof(expected), "text,x\r\n%s,|\r\n", c[i].csv);
		assert_prints(t, AIC_FORMAT_CSV, expected);
		snprintf(expected, sizeof(expected), "[\n  {\"text\": %s, \"x\": \"|\"}\n]\n", c[i].json);
		assert_prints(t, AIC_FORMAT_JSON, expected);
		aic_table_free(t);
	}
}

/* Columns align by what a terminal shows: umlauts 1, ideographs 2, combining marks 0. */
static void test_width_of_text(void **state)
{
	(void) state;
	static const aic_column two[] = {{"name", "N", AIC_COLUMN_TEXT}, {"n", "#", AIC_COLUMN_NUMBER}};
	aic_table *t = aic_table_new(two, 2);

	aic_table_text(t, "abcdef");
	aic_table_number(t, 1);
	aic_table_text(t, "gr\xc3\xbc\xc3\x9f" "e");
	aic_table_number(t, 22);
	aic_table_text(t, "\xe6\xb0\xb4\xe6\xb0\xb4");
	aic_table_number(t, -3);
	aic_table_text(t, "e\xcc\x81");
	aic_table_number(t, 4);
	assert_prints(t, AIC_FORMAT_TABLE,
	              "N        #\n"
	              "------  --\n"
	              "abcdef   1\n"
	              "gr\xc3\xbc\xc3\x9f" "e   22\n"
	              "\xe6\xb0\xb4\xe6\xb0\xb4    -3\n"
	              "e\xcc\x81        4\n");
	aic_table_free(t);
}

static void test_amounts_keep_about_five_digits(void **state)
{
	(void) state;
	static const aic_column one[] = {{"a", "A", AIC_COLUMN_AMOUNT}};
	static const struct { aic_amount largest, other; const char *expected; } c[] = {
		{1234567 * AIC_UNIT, AIC_UNIT / 2, "           A\n------------\n1,234,567.00\n        0.50\n"},
		{1234567 * AIC_UNIT, AIC_UNIT / 1000, "           A\n------------\n1,234,567.00\n       <0.01\n"},
		{3 * AIC_UNIT, 2 * (AIC_UNIT / 3), "     A\n------\n3.0000\n0.6666\n"},
		{AIC_UNIT / 4, AIC_UNIT / 1000000 - 1, "        A\n---------\n 0.250000\n<0.000001\n"},
		{0, 0, "   A\n----\n0.00\n0.00\n"},
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		aic_table *t = aic_table_new(one, 1);
		aic_table_amount(t, c[i].largest);
		aic_table_amount(t, c[i].other);
		assert_prints(t, AIC_FORMAT_TABLE, c[i].expected);
		aic_table_free(t);
	}
}

static void test_text_in_a_number_column(void **state)
{
	(void) state;
	static const aic_column one[] = {{"n", "NUMBER", AIC_COLUMN_NUMBER}};
	aic_table *t = aic_table_new(one, 1);

	aic_table_number(t, INT64_MIN);
	aic_table_text(t, "unknown");
	assert_prints(t, AIC_FORMAT_TABLE, "              NUMBER\n--------------------\n-9223372036854775808\n             unknown\n");
	assert_prints(t, AIC_FORMAT_JSON, "[\n  {\"n\": -9223372036854775808},\n  {\"n\": \"unknown\"}\n]\n");
	aic_table_free(t);
}

static void test_many_rows(void **state)
{
	(void) state;
	aic_table *t = aic_table_new(columns, 4);
	char *text = NULL, *p;
	size_t len, lines = 0;

	for (int i = 0; i < 1000; i++)
		add_row(t, i, "x", AIC_UNIT, 1);
	assert_int_equal(aic_table_rows(t), 1000);
	FILE *f = open_memstream(&text, &len);
	aic_table_print(t, AIC_FORMAT_PARSABLE, f);
	fclose(f);
	for (p = text; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	assert_int_equal(lines, 1001);
	assert_non_null(strstr(text, "\n999|x|1|1970-01-01T00:00:01Z\n"));
	free(text);
	aic_table_free(t);
}

/* What the table writes to a terminal. */
static char *on_a_terminal(const aic_table *t, aic_format format)
{
	static char got[4096];
	int master, slave;
	size_t len = 0;
	ssize_t n;

	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	FILE *f = fdopen(slave, "w");
	assert_non_null(f);
	aic_table_print(t, format, f);
	fflush(f);
	assert_int_equal(fcntl(master, F_SETFL, O_NONBLOCK), 0);
	while (len < sizeof(got) - 1 && (n = read(master, got + len, sizeof(got) - 1 - len)) > 0)
		len += (size_t) n;
	got[len] = '\0';
	fclose(f);
	close(master);
	return got;
}

static void test_colours_on_a_terminal_only(void **state)
{
	(void) state;
	static const aic_column one[] = {{"n", "N", AIC_COLUMN_NUMBER}};
	aic_table *t = aic_table_new(one, 1);

	aic_table_number(t, 5);
	aic_table_rule(t);
	aic_table_number(t, 5);
	unsetenv("NO_COLOR");
	assert_string_equal(on_a_terminal(t, AIC_FORMAT_TABLE),
	                    "\033[1mN\033[0m\r\n\033[2m-\033[0m\r\n5\r\n\033[2m-\033[0m\r\n5\r\n");
	assert_string_equal(on_a_terminal(t, AIC_FORMAT_PARSABLE), "n\r\n5\r\n");
	setenv("NO_COLOR", "1", 1);
	assert_string_equal(on_a_terminal(t, AIC_FORMAT_TABLE), "N\r\n-\r\n5\r\n-\r\n5\r\n");
	unsetenv("NO_COLOR");
	aic_table_free(t);
}

static void test_format_names(void **state)
{
	(void) state;
	static const char *const names[] = {"table", "parsable", "csv", "json"};
	aic_format f = AIC_FORMAT_CSV;

	for (size_t i = 0; i < 4; i++) {
		assert_true(aic_format_parse(&f, names[i]));
		assert_int_equal(f, i);
	}
	assert_false(aic_format_parse(&f, "xml"));
	assert_false(aic_format_parse(&f, ""));
	assert_false(aic_format_parse(&f, "JSON"));
	assert_int_equal(f, AIC_FORMAT_JSON);
}

static void test_json_null(void **state)
{
	(void) state;
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	aic_json_string(f, NULL);
	fclose(f);
	assert_string_equal(text, "null");
	free(text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_parsable),
		cmocka_unit_test(test_csv),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_difficult_texts),
		cmocka_unit_test(test_width_of_text),
		cmocka_unit_test(test_amounts_keep_about_five_digits),
		cmocka_unit_test(test_text_in_a_number_column),
		cmocka_unit_test(test_many_rows),
		cmocka_unit_test(test_colours_on_a_terminal_only),
		cmocka_unit_test(test_format_names),
		cmocka_unit_test(test_json_null),
	};

	return cmocka_run_group_tests_name("table", tests, NULL, NULL);
}
