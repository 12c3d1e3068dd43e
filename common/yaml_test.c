/* yaml_test.c: the tree, its lines, and a sentence for each way in which a file can be wrong. */
#define _GNU_SOURCE
#include <unistd.h>

#include "common/file.h"
#include "common/testing.h"
#include "common/yaml.h"

static aic_yaml *parse(const char *text)
{
	aic_yaml *y;
	aic_error err = {0};
	if (aic_yaml_parse(&y, "f.yaml", text, strlen(text), &err) != AIC_OK)
		fail_msg("%s", err.message);
	return y;
}

static void expect_refused(const char *text, const char *start, const char *within)
{
	aic_yaml *y;
	aic_error err = {0};
	assert_int_equal(aic_yaml_parse(&y, "f.yaml", text, strlen(text), &err), AIC_USAGE);
	if (strncmp(err.message, start, strlen(start)) != 0 || strstr(err.message, within) == NULL)
		fail_msg("\"%s\" does not start with \"%s\" or lacks \"%s\"", err.message, start, within);
}

static void tree_and_lines(void **state)
{
	(void)state;
	aic_yaml *y = parse("# comment\na: 1\nb:\n  - x\n  - {c: \"d: e\"}\nf: ''\n");
	const aic_yaml_node *root = aic_yaml_root(y), *list = aic_yaml_get(root, "b");
	assert_int_equal(aic_yaml_kind_of(root), AIC_YAML_MAP);
	assert_int_equal(aic_yaml_count(root), 3);
	assert_string_equal(aic_yaml_text(aic_yaml_get(root, "a")), "1");
	assert_int_equal(aic_yaml_line(aic_yaml_get(root, "a")), 2);
	assert_int_equal(aic_yaml_kind_of(list), AIC_YAML_LIST);
	assert_int_equal(aic_yaml_count(list), 2);
	assert_string_equal(aic_yaml_text(aic_yaml_item(list, 0)), "x");
	assert_int_equal(aic_yaml_line(aic_yaml_item(list, 1)), 5);
	assert_string_equal(aic_yaml_text(aic_yaml_get(aic_yaml_item(list, 1), "c")), "d: e");
	assert_string_equal(aic_yaml_text(aic_yaml_get(root, "f")), "");
	assert_null(aic_yaml_get(root, "none"));
	assert_null(aic_yaml_get(NULL, "a"));
	assert_null(aic_yaml_text(list));
	assert_int_equal(aic_yaml_count(NULL), 0);
	assert_string_equal(aic_yaml_key(root, 1), "b");
	assert_ptr_equal(aic_yaml_value(root, 1), list);
	aic_yaml_free(y);
}

static void typed_values(void **state)
{
	(void)state;
	aic_yaml *y = parse("t: text\nn: 12\nyes: true\nno: off\nmoney: 0.5\nlots: '12.25'\nd: -1.5e3\n");
	const aic_yaml_node *root = aic_yaml_root(y);
	char text[8] = "before";
	uint64_t n = 0;
	bool b = false;
	aic_amount a = 0;
	double d = 0;
	assert_int_equal(aic_yaml_get_text(root, "absent", text, sizeof text, NULL), AIC_OK);
	assert_string_equal(text, "before");
	assert_int_equal(aic_yaml_get_text(root, "t", text, sizeof text, NULL), AIC_OK);
	assert_string_equal(text, "text");
	assert_int_equal(aic_yaml_get_uint(root, "n", &n, 0, 12, NULL), AIC_OK);
	assert_int_equal(n, 12);
	assert_int_equal(aic_yaml_get_bool(root, "yes", &b, NULL), AIC_OK);
	assert_true(b);
	assert_int_equal(aic_yaml_get_bool(root, "no", &b, NULL), AIC_OK);
	assert_false(b);
	assert_int_equal(aic_yaml_get_amount(root, "money", &a, NULL), AIC_OK);
	assert_true(a == AIC_UNIT / 2);
	assert_int_equal(aic_yaml_get_amount(root, "lots", &a, NULL), AIC_OK);
	assert_true(a == AIC_UNIT * 49 / 4);
	assert_int_equal(aic_yaml_get_double(root, "d", &d, -2000, 0, NULL), AIC_OK);
	assert_true(d == -1500.0);
	assert_int_equal(aic_yaml_unknown(root, NULL), AIC_OK);
	aic_yaml_free(y);
}

static void wrong_values(void **state)
{
	(void)state;
	aic_yaml *y = parse("n: 13\nneg: -1\ntext: toolong\nlist: [1]\nb: maybe\nm: 1.0.0\nd: nan\nmap: {}\nbig: 99999999999999999999\n");
	const aic_yaml_node *root = aic_yaml_root(y);
	aic_error err = {0};
	char text[4] = "old";
	uint64_t n = 5;
	bool b;
	aic_amount a;
	double d;
	assert_int_equal(aic_yaml_get_uint(root, "n", &n, 0, 12, &err), AIC_USAGE);
	assert_string_equal(err.message, "f.yaml:1: \"n: 13\" must be a whole number from 0 to 12");
	assert_int_equal(aic_yaml_get_uint(root, "neg", &n, 0, 12, &err), AIC_USAGE);
	assert_int_equal(aic_yaml_get_uint(root, "big", &n, 0, UINT64_MAX, &err), AIC_USAGE);
	assert_int_equal(n, 5);
	assert_int_equal(aic_yaml_get_text(root, "text", text, sizeof text, &err), AIC_USAGE);
	assert_string_equal(err.message, "f.yaml:3: \"text\" has 7 bytes, 3 are the limit: shorten it");
	assert_string_equal(text, "old");
	assert_int_equal(aic_yaml_get_text(root, "list", text, sizeof text, &err), AIC_USAGE);
	assert_string_equal(err.message, "f.yaml:4: \"list\" must be one value, not a list");
	assert_int_equal(aic_yaml_get_uint(root, "map", &n, 0, 1, &err), AIC_USAGE);
	assert_int_equal(aic_yaml_get_bool(root, "b", &b, &err), AIC_USAGE);
	assert_string_equal(err.message, "f.yaml:5: \"b: maybe\" must be true or false");
	assert_int_equal(aic_yaml_get_amount(root, "m", &a, &err), AIC_USAGE);
	assert_int_equal(strncmp(err.message, "f.yaml:6: \"m\" must be an amount in AIC", 37), 0);
	assert_int_equal(aic_yaml_get_double(root, "d", &d, 0, 1, &err), AIC_USAGE);
	assert_string_equal(err.message, "f.yaml:7: \"d: nan\" must be a number from 0 to 1");
	aic_yaml_free(y);
}

static void unknown_keys(void **state)
{
	(void)state;
	aic_yaml *y = parse("known: 1\n\nparttions: 2\n");
	const aic_yaml_node *root = aic_yaml_root(y);
	aic_error err = {0};
	uint64_t n = 0;
	assert_int_equal(aic_yaml_get_uint(root, "known", &n, 0, 9, NULL), AIC_OK);
	assert_int_equal(aic_yaml_unknown(root, &err), AIC_USAGE);
	assert_int_equal(strncmp(err.message, "f.yaml:3: key \"parttions\" is not known here", 43), 0);
	assert_null(aic_yaml_get(root, "partitions"));
	assert_int_equal(aic_yaml_unknown(root, &err), AIC_USAGE);
	assert_string_equal(err.message, "f.yaml:3: key \"parttions\" is not known: did you mean \"partitions\"?");
	aic_yaml_free(y);
}

static void refused_documents(void **state)
{
	(void)state;
	expect_refused("", "f.yaml:1: ", "empty");
	expect_refused("# nothing\n", "f.yaml:1: ", "empty");
	expect_refused("a: 1\nb: 2\na: 3\n", "f.yaml:3: key \"a\" is there twice, first in line 1", "keep one");
	expect_refused("a: &x 1\n", "f.yaml:1: ", "anchors");
	expect_refused("a: 1\nb: *x\n", "f.yaml:2: ", "aliases");
	expect_refused("a: !!python/object x\n", "f.yaml:1: ", "tags");
	expect_refused("a: 1\n---\nb: 2\n", "f.yaml:2: ", "second document");
	expect_refused("? [a, b]\n: 1\n", "f.yaml:1: ", "key");
	expect_refused("a:\n\tb: 1\n", "f.yaml:2: not valid YAML", "spaces");
	expect_refused("a: [1, 2\nb: 3\n", "f.yaml:2: not valid YAML", "");
	expect_refused("a: \"x\n", "f.yaml:", "not valid YAML");
	expect_refused("a: 1\nb: \xff\n", "f.yaml:2: not valid YAML", "");
	expect_refused("a: \"x\\0y\"\n", "f.yaml:1: ", "NUL");
	expect_refused(": : :\n- a\n", "f.yaml:", "");
}

static void depth(void **state)
{
	(void)state;
	char text[80] = "";
	for (int n = 32; n <= 33; n++) {
		memset(text, '[', (size_t)n);
		memset(text + n, ']', (size_t)n);
		text[2 * n] = '\0';
		aic_yaml *y;
		aic_error err = {0};
		aic_code code = aic_yaml_parse(&y, "f.yaml", text, strlen(text), &err);
		if (n == 32) {
			assert_int_equal(code, AIC_OK);
			aic_yaml_free(y);
		} else {
			assert_int_equal(code, AIC_USAGE);
			assert_non_null(strstr(err.message, "nested more than 32 deep"));
		}
	}
}

static void files(void **state)
{
	char path[256];
	aic_yaml *y;
	aic_error err = {0};
	snprintf(path, sizeof path, "%s/a.yaml", (char *)*state);
	assert_int_not_equal(aic_yaml_load(&y, path, &err), AIC_OK);
	assert_non_null(strstr(err.message, path));
	assert_int_equal(aic_file_write_atomic(path, "a: 1\nb", 6, 0600, NULL), AIC_OK);
	assert_int_equal(aic_yaml_load(&y, path, &err), AIC_USAGE);
	assert_int_equal(strncmp(err.message, path, strlen(path)), 0);
	assert_int_equal(aic_file_write_atomic(path, "", 0, 0600, NULL), AIC_OK);
	assert_int_equal(aic_yaml_load(&y, path, &err), AIC_USAGE);
	assert_int_equal(aic_file_write_atomic(path, "a: 1\n", 5, 0600, NULL), AIC_OK);
	assert_int_equal(aic_yaml_load(&y, path, &err), AIC_OK);
	aic_yaml_free(y);
}

static void too_large(void **state)
{
	(void)state;
	size_t len = (16u << 20) + 1;
	char *text = malloc(len);
	aic_yaml *y;
	aic_error err = {0};
	memset(text, ' ', len);
	assert_int_equal(aic_yaml_parse(&y, "f.yaml", text, len, &err), AIC_USAGE);
	assert_non_null(strstr(err.message, "16777217"));
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tree_and_lines), cmocka_unit_test(typed_values), cmocka_unit_test(wrong_values),
		cmocka_unit_test(unknown_keys), cmocka_unit_test(refused_documents), cmocka_unit_test(depth),
		cmocka_unit_test_setup_teardown(files, test_folder_make, test_folder_remove), cmocka_unit_test(too_large),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
