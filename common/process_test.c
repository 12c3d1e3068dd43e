#define _GNU_SOURCE
#include "common/testing.h"

#include <string.h>

#include "common/process.h"

static void input_output_and_status(void **state)
{
	const char *const both[] = {"sh", "-c", "cat; echo oops >&2; exit 3", NULL}, *const killed[] = {"sh", "-c", "kill -9 $$", NULL};
	aic_bytes said = {0};
	int status;

	(void)state;
	assert_int_equal(aic_process_run(both, "hello\n", &said, &status, NULL), AIC_OK);
	assert_int_equal(status, 3);
	assert_int_equal(said.len, strlen("hello\noops\n"));
	assert_memory_equal(said.data, "hello\noops\n", said.len);
	assert_int_equal(aic_process_run(killed, "", &said, &status, NULL), AIC_OK);
	assert_int_equal(status, 128 + 9);
	aic_bytes_free(&said);
}

static void input_that_nobody_reads_and_long_output(void **state)
{
	const char *const much[] = {"sh", "-c", "exec <&-; head -c 300000 /dev/zero", NULL};
	aic_bytes said = {0};
	int status;

	(void)state;
	assert_int_equal(aic_process_run(much, "ignored", &said, &status, NULL), AIC_OK);
	assert_int_equal(status, 0);
	assert_int_equal(said.len, 300000);
	aic_bytes_free(&said);
}

static void no_such_program(void **state)
{
	const char *const none[] = {"aic-no-such-program", NULL};
	aic_bytes said = {0};
	aic_error err;
	int status;

	(void)state;
	assert_int_equal(aic_process_run(none, "", &said, &status, &err), AIC_NOT_FOUND);
	assert_string_equal(err.message, "there is no program aic-no-such-program in PATH");
	aic_bytes_free(&said);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(input_output_and_status),
		cmocka_unit_test(input_that_nobody_reads_and_long_output),
		cmocka_unit_test(no_such_program),
	};

	return cmocka_run_group_tests_name("common/process", tests, NULL, NULL);
}
