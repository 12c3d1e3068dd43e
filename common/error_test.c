/* error_test.c: what aic_error says, and what becomes of it. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <errno.h>
#include <unistd.h>

#include "common/error.h"

static void test_fail_fills_code_and_message(void **state)
{
	(void) state;
	aic_error err = {0};

	assert_int_equal(aic_fail(&err, AIC_REFUSED, "account %s holds %d", "physics", 3), AIC_REFUSED);
	assert_int_equal(err.code, AIC_REFUSED);
	assert_string_equal(err.message, "account physics holds 3");
}

static void test_null_is_allowed(void **state)
{
	(void) state;
	assert_int_equal(aic_fail(NULL, AIC_FULL, "x"), AIC_FULL);
	errno = EACCES;
	assert_int_equal(aic_fail_errno(NULL, "x"), AIC_SYSTEM);
	assert_int_equal(aic_error_prefix(NULL, "x"), AIC_SYSTEM);
}

static void test_errno_names_the_reason_and_full_disks(void **state)
{
	(void) state;
	static const struct { int number; aic_code code; const char *message; } c[] = {
		{ENOENT, AIC_SYSTEM, "cannot open f: No such file or directory"},
		{ENOSPC, AIC_FULL, "cannot open f: No space left on device"},
		{EDQUOT, AIC_FULL, "cannot open f: Disk quota exceeded"},
		{EFBIG, AIC_FULL, "cannot open f: File too large"},
	};

	for (size_t i = 0; i < sizeof(c) / sizeof(c[0]); i++) {
		aic_error err = {0};
		errno = c[i].number;
		assert_int_equal(aic_fail_errno(&err, "cannot open %s", "f"), c[i].code);
		assert_int_equal(err.code, c[i].code);
		assert_string_equal(err.message, c[i].message);
	}
}

static void test_prefix_keeps_code_and_stacks(void **state)
{
	(void) state;
	aic_error err = {0};

	aic_fail(&err, AIC_CORRUPT, "bad");
	assert_int_equal(aic_error_prefix(&err, "byte %d", 7), AIC_CORRUPT);
	aic_error_prefix(&err, "file %s", "f");
	assert_string_equal(err.message, "file f: byte 7: bad");
}

static void test_own_message_as_argument(void **state)
{
	(void) state;
	aic_error err = {0};

	aic_fail(&err, AIC_CORRUPT, "inner");
	aic_fail(&err, AIC_REFUSED, "outer (%s)", err.message);
	assert_string_equal(err.message, "outer (inner)");
	aic_error_prefix(&err, "[%s]", err.message);
	assert_string_equal(err.message, "[outer (inner)]: outer (inner)");
}

static void test_long_messages_are_cut_and_terminated(void **state)
{
	(void) state;
	char text[2000];
	aic_error err;

	memset(&err, 0x55, sizeof(err));
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	aic_fail(&err, AIC_USAGE, "%s", text);
	assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
	errno = EIO;
	aic_fail_errno(&err, "%s", text);
	assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
	aic_error_prefix(&err, "%s", text);
	assert_int_equal(strlen(err.message), sizeof(err.message) - 1);
}

static void test_exit_codes(void **state)
{
	(void) state;
	assert_int_equal(aic_exit_code(AIC_OK), 0);
	assert_int_equal(aic_exit_code(AIC_REFUSED), 1);
	assert_int_equal(aic_exit_code(AIC_USAGE), 2);
	assert_int_equal(aic_exit_code(AIC_UNREACHABLE), 3);
	for (aic_code code = AIC_CORRUPT; code <= AIC_SYSTEM; code++)
		assert_int_equal(aic_exit_code(code), 1);
}

static void test_report_goes_to_stderr(void **state)
{
	(void) state;
	aic_error err = {.code = AIC_UNREACHABLE, .message = "no daemon"};
	char got[64] = {0};
	int saved = dup(STDERR_FILENO), fds[2];

	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	int rc = aic_error_report("aic", &err);
	dup2(saved, STDERR_FILENO);
	close(fds[1]);
	close(saved);
	assert_int_equal(rc, 3);
	assert_true(read(fds[0], got, sizeof(got) - 1) > 0);
	close(fds[0]);
	assert_string_equal(got, "aic: no daemon\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fail_fills_code_and_message),
		cmocka_unit_test(test_null_is_allowed),
		cmocka_unit_test(test_errno_names_the_reason_and_full_disks),
		cmocka_unit_test(test_prefix_keeps_code_and_stacks),
		cmocka_unit_test(test_own_message_as_argument),
		cmocka_unit_test(test_long_messages_are_cut_and_terminated),
		cmocka_unit_test(test_exit_codes),
		cmocka_unit_test(test_report_goes_to_stderr),
	};

	return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
