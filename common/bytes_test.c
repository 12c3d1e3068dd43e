/* bytes_test.c: byte strings, hexadecimal, big-endian integers, and the end of memory. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/utf8.h"

static void test_append_grows(void **state)
{
	(void) state;
	aic_bytes b = {0};

	for (int i = 0; i < 1000; i++) {
		uint8_t byte = (uint8_t) i;
		aic_bytes_append(&b, &byte, 1);
	}
	assert_int_equal(b.len, 1000);
	assert_true(b.cap >= b.len);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(b.data[i], i & 0xff);
	aic_bytes_free(&b);
	assert_null(b.data);
	assert_int_equal(b.len + b.cap, 0);
}

static void test_append_nothing(void **state)
{
	(void) state;
	aic_bytes b = {0};

	aic_bytes_append(&b, NULL, 0);
	aic_bytes_append_str(&b, "");
	assert_int_equal(b.len, 0);
	aic_bytes_free(&b);
}

static void test_clear_keeps_memory(void **state)
{
	(void) state;
	aic_bytes b = {0};

	aic_bytes_append_str(&b, "abc");
	uint8_t *before = b.data;
	aic_bytes_clear(&b);
	assert_int_equal(b.len, 0);
	aic_bytes_append_str(&b, "d");
	assert_ptr_equal(b.data, before);
	assert_memory_equal(b.data, "d", 1);
	aic_bytes_free(&b);
}

static void test_printf_appends_any_length(void **state)
{
	(void) state;
	aic_bytes b = {0};
	char long_text[3000];

	memset(long_text, 'y', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	aic_bytes_append_str(&b, ">");
	aic_bytes_printf(&b, "%d-%s", 42, long_text);
	assert_int_equal(b.len, 1 + 3 + sizeof(long_text) - 1);
	assert_memory_equal(b.data, ">42-yyy", 7);
	aic_bytes_free(&b);
}

/* The child must die by abort and say why; it must never go on with NULL. */
static void assert_aborts(void (*call)(void), const char *message)
{
	char got[256] = {0};
	int fds[2], status;

	assert_int_equal(pipe(fds), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct rlimit none = {0, 0};
		setrlimit(RLIMIT_CORE, &none);
		signal(SIGABRT, SIG_DFL);
		dup2(fds[1], STDERR_FILENO);
		call();
		_exit(0);
	}
	close(fds[1]);
	for (size_t len = 0; len < sizeof(got) - 1;) {
		ssize_t n = read(fds[0], got + len, sizeof(got) - 1 - len);
		if (n <= 0)
			break;
		len += (size_t) n;
	}
	close(fds[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	assert_string_equal(got, message);
}

static void reserve_too_much(void)
{
	aic_bytes b = {0};

	aic_bytes_append(&b, "x", 1);
	aic_bytes_reserve(&b, SIZE_MAX - 5);
}

static void test_size_overflow_aborts(void **state)
{
	(void) state;
	assert_aborts(reserve_too_much, "aic: out of memory: 18446744073709551610 bytes asked for\n");
}

static void test_xmalloc_family(void **state)
{
	(void) state;
	char *copy = aic_xstrdup("copy"), *text = aic_xasprintf("%s-%d", "n", 5);
	uint8_t *zeros = aic_xcalloc(16, 4), *none = aic_xmalloc(0);

	assert_string_equal(copy, "copy");
	assert_string_equal(text, "n-5");
	for (int i = 0; i < 64; i++)
		assert_int_equal(zeros[i], 0);
	assert_non_null(none);
	zeros = aic_xrealloc(zeros, 1);
	assert_int_equal(zeros[0], 0);
	free(copy);
	free(text);
	free(zeros);
	free(none);
}

static void test_hex_round_trip(void **state)
{
	(void) state;
	uint8_t data[256], back[256];
	char hex[513];

	for (int i = 0; i < 256; i++)
		data[i] = (uint8_t) i;
	aic_hex(hex, data, sizeof(data));
	assert_int_equal(strlen(hex), 512);
	assert_memory_equal(hex, "000102030405060708090a0b", 24);
	assert_true(aic_unhex(back, sizeof(back), hex));
	assert_memory_equal(back, data, sizeof(data));
	for (char *p = hex; *p; p++)
		*p = *p >= 'a' ? (char) (*p - 32) : *p;
	memset(back, 0, sizeof(back));
	assert_true(aic_unhex(back, sizeof(back), hex));
	assert_memory_equal(back, data, sizeof(data));
}

static void test_unhex_refuses(void **state)
{
	(void) state;
	uint8_t out[2];

	assert_true(aic_unhex(out, 2, "beEF"));
	assert_false(aic_unhex(out, 2, ""));
	assert_false(aic_unhex(out, 2, "bee"));
	assert_false(aic_unhex(out, 2, "beef0"));
	assert_false(aic_unhex(out, 2, "beefbeef"));
	assert_false(aic_unhex(out, 2, "be f"));
	assert_false(aic_unhex(out, 2, "beeg"));
	assert_false(aic_unhex(out, 2, "0xbe"));
	assert_true(aic_unhex(out, 0, ""));
}

static void test_big_endian(void **state)
{
	(void) state;
	uint8_t p[8];

	aic_put_be32(p, 0x01020304);
	assert_memory_equal(p, "\1\2\3\4", 4);
	assert_int_equal(aic_get_be32(p), 0x01020304);
	aic_put_be64(p, 0xfedcba9876543210);
	assert_memory_equal(p, "\xfe\xdc\xba\x98\x76\x54\x32\x10", 8);
	assert_true(aic_get_be64(p) == 0xfedcba9876543210);
	aic_put_be32(p, UINT32_MAX);
	assert_true(aic_get_be32(p) == UINT32_MAX);
}

static void test_str_copy_cuts_and_terminates(void **state)
{
	(void) state;
	char buf[4];

	memset(buf, 'z', sizeof(buf));
	assert_ptr_equal(aic_str_copy(buf, sizeof(buf), "abcdef"), buf);
	assert_string_equal(buf, "abc");
	assert_string_equal(aic_str_copy(buf, sizeof(buf), ""), "");
	assert_string_equal(aic_str_copy(buf, 1, "x"), "");
}

/* Every well-formed and every kind of malformed sequence of RFC 3629, section 4. */
static void test_utf8(void **state)
{
	(void) state;
	static const struct { const char *s; size_t len; uint32_t code; } good[] = {
		{"A", 1, 'A'}, {"\x7f", 1, 0x7f}, {"\xc2\x80", 2, 0x80}, {"\xdf\xbf", 2, 0x7ff}, {"\xe0\xa0\x80", 3, 0x800},
		{"\xed\x9f\xbf", 3, 0xd7ff}, {"\xee\x80\x80", 3, 0xe000}, {"\xef\xbf\xbf", 3, 0xffff},
		{"\xf0\x90\x80\x80", 4, 0x10000}, {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
	};
	static const char *const bad[] = {
		"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf8\x88\x80\x80\x80", "\xff", "\xc3(", "\xe2\x82(", "\xf0\x9f\x98(",
	};
	uint32_t code;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(aic_utf8_next(good[i].s, good[i].len, &code), good[i].len);
		assert_int_equal(code, good[i].code);
		for (size_t cut = 0; cut < good[i].len; cut++)
			assert_int_equal(aic_utf8_next(good[i].s, cut, NULL), 0);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(aic_utf8_next(bad[i], strlen(bad[i]), &code), 0);
	assert_int_equal(aic_utf8_valid("gr\xc3\xbc\xc3\x9f" "e", 7), 7);
	assert_int_equal(aic_utf8_valid("gr\xc3\xbc\xc3", 5), 4);
	assert_int_equal(aic_utf8_valid("", 0), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_append_grows),
		cmocka_unit_test(test_append_nothing),
		cmocka_unit_test(test_clear_keeps_memory),
		cmocka_unit_test(test_printf_appends_any_length),
		cmocka_unit_test(test_size_overflow_aborts),
		cmocka_unit_test(test_xmalloc_family),
		cmocka_unit_test(test_hex_round_trip),
		cmocka_unit_test(test_unhex_refuses),
		cmocka_unit_test(test_big_endian),
		cmocka_unit_test(test_str_copy_cuts_and_terminates),
		cmocka_unit_test(test_utf8),
	};

	return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
