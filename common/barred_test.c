#define _GNU_SOURCE
#include "common/testing.h"

#include "common/barred.h"
#include "common/file.h"

static aic_config config_in(const char *folder)
{
	aic_config c = {.enforce = true};

	snprintf(c.snapshot, sizeof(c.snapshot), "%s/aic.snapshot", folder);
	return c;
}

static void write_text(const aic_config *c, const char *text)
{
	char path[AIC_PATH_LEN];

	assert_int_equal(aic_barred_path(path, c, NULL), AIC_OK);
	assert_int_equal(aic_file_write_atomic(path, text, strlen(text), 0640, NULL), AIC_OK);
}

static void test_what_is_written_is_read(void **state)
{
	aic_config c = config_in(*state);
	aic_barred b = {0}, got;
	aic_bytes text = {0};

	assert_int_equal(aic_barred_load(&got, &c, NULL), AIC_OK);
	assert_int_equal(got.n, 0);
	aic_barred_add(&b, "n1", 1795400798, "session 0123 was refuted:\nsegment 2");
	aic_barred_add(&b, "n2", 0, "");
	aic_barred_encode(&text, &b);
	aic_bytes_append(&text, "", 1);
	write_text(&c, (const char *)text.data);
	assert_int_equal(aic_barred_load(&got, &c, NULL), AIC_OK);
	assert_int_equal(got.n, 2);
	assert_string_equal(aic_barred_find(&got, "n1")->reason, "session 0123 was refuted: segment 2");
	assert_int_equal(aic_barred_find(&got, "n1")->since, 1795400798);
	assert_non_null(aic_barred_find(&got, "n2"));
	assert_null(aic_barred_find(&got, "n3"));
	aic_barred_free(&b);
	aic_barred_free(&got);
	aic_bytes_free(&text);
}

static void refused(void **state, const char *text, const char *why)
{
	aic_config c = config_in(*state);
	aic_error err = {0};
	aic_barred b;

	write_text(&c, text);
	assert_int_equal(aic_barred_load(&b, &c, &err), AIC_CORRUPT);
	if (!strstr(err.message, why))
		fail_msg("\"%s\" does not say \"%s\"", err.message, why);
	aic_barred_free(&b);
}

static void test_what_is_damaged_is_named(void **state)
{
	refused(state, "n1 5 x\n", "does not begin with \"aic-barred 1\"");
	refused(state, "aic-barred 1\nn1 5 x", "line 2 is cut off");
	refused(state, "aic-barred 1\nn1 5 x\nn2 five x\n", "line 3 is not \"NODE SINCE REASON\"");
	refused(state, "aic-barred 1\nn1\n", "line 2 is not \"NODE SINCE REASON\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_written_is_read, test_folder_make, test_folder_remove),
		cmocka_unit_test_setup_teardown(test_what_is_damaged_is_named, test_folder_make, test_folder_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
