/* A job's split over nodes as text: what is written is read back, what cannot be read changes nothing. */
#define _GNU_SOURCE
#include "common/testing.h"

#include "common/split.h"

static void add(aic_job_record *r, const char *name, uint32_t cpus, uint64_t mem, const char *gpu, uint32_t count)
{
	r->node = aic_xrealloc(r->node, (r->nodes + 1) * sizeof(*r->node));
	aic_node_share *n = &r->node[r->nodes++];
	memset(n, 0, sizeof(*n));
	aic_str_copy(n->name, sizeof(n->name), name);
	n->cpus = cpus;
	n->mem_mib = mem;
	if (gpu) {
		n->gpu_types = 1;
		n->gpu[0].count = count;
		aic_str_copy(n->gpu[0].type, sizeof(n->gpu[0].type), gpu);
	}
}

static char *text_of(const char *comment, const aic_job_record *r, bool want)
{
	aic_bytes out = {0};

	assert_int_equal(aic_split_put(&out, comment, r), want);
	aic_bytes_append(&out, "", 1);
	return (char *)out.data;
}

static aic_job_record example(void)
{
	aic_job_record r = {.restart = 2, .resize = 1795400799};

	aic_str_copy(r.dataset, sizeof(r.dataset), "faces");
	add(&r, "n08", 8, 64000, "a100", 2);
	add(&r, "n09", 8, 64000, "a100", 2);
	add(&r, "n10", 8, 64000, "a100", 2);
	add(&r, "n11", 8, 64000, "a100", 1);
	add(&r, "login", 4, 32000, NULL, 0);
	add(&r, "n12", 4, 32000, "", 3);
	r.node[3].gpu_types = 2;
	r.node[3].gpu[1] = (aic_gpu_count){.type = "v100", .count = 3};
	return r;
}

#define EXAMPLE "{aic:1 restart=2 segment=1795400799 dataset=faces n[08-10]:8:64000:a100=2 n11:8:64000:a100=1,v100=3 login:4:32000 n12:4:32000:=3}"

static void what_is_written_is_read(void **state)
{
	aic_job_record r = example(), back = {.job_id = 7};
	char *text = text_of("aic: up to 3.20 AIC [0badcafe.3]", &r, true);
	aic_bytes a = {0}, b = {0};

	(void)state;
	assert_string_equal(text, "aic: up to 3.20 AIC [0badcafe.3] " EXAMPLE);
	assert_true(aic_split_get(&back, text));
	r.job_id = 7;
	r.state = back.state = AIC_STATE_COMPLETED;
	aic_job_record_encode(&a, &r);
	aic_job_record_encode(&b, &back);
	assert_int_equal(a.len, b.len);
	assert_memory_equal(a.data, b.data, a.len);
	/* the next run's takes the place of this one's */
	back.restart = 3;
	char *again = text_of(text, &back, true);
	assert_non_null(strstr(again, "aic: up to 3.20 AIC [0badcafe.3] {aic:1 restart=3 "));
	assert_null(strstr(again, "restart=2"));
	free(again);
	free(text);
	aic_bytes_free(&a);
	aic_bytes_free(&b);
	aic_job_record_clear(&r);
	aic_job_record_clear(&back);
}

static void names_that_do_not_fit_are_not_written(void **state)
{
	aic_job_record r = example(), none = {.restart = 1};
	char *text;

	(void)state;
	aic_str_copy(r.dataset, sizeof(r.dataset), "two words");
	text = text_of("kept", &r, false);
	assert_string_equal(text, "kept");
	free(text);
	text = text_of(NULL, &none, false);
	assert_string_equal(text, "");
	free(text);
	r.dataset[0] = '\0';
	for (int i = 0; i < 4000; i++) { /* all different: 16 KiB do not hold them */
		char name[16];
		snprintf(name, sizeof(name), "x%d", i * 2);
		add(&r, name, (uint32_t)i, 1, NULL, 0);
	}
	text = text_of("kept", &r, false);
	assert_string_equal(text, "kept");
	free(text);
	aic_job_record_clear(&r);
}

static void many_equal_nodes_are_short(void **state)
{
	aic_job_record r = {.restart = 0}, back = {0};
	char name[16];

	(void)state;
	for (int i = 1; i <= 5000; i++) {
		snprintf(name, sizeof(name), "node%05d", i);
		add(&r, name, 64, 512000, "h100", 8);
	}
	char *text = text_of("", &r, true);
	assert_string_equal(text, "{aic:1 restart=0 node[00001-05000]:64:512000:h100=8}");
	assert_true(aic_split_get(&back, text));
	assert_int_equal(back.nodes, 5000);
	assert_string_equal(back.node[4999].name, "node05000");
	free(text);
	aic_job_record_clear(&r);
	aic_job_record_clear(&back);
}

static void what_cannot_be_read_changes_nothing(void **state)
{
	static const char *const bad[] = {
		"", "no split", "{aic:1 }", "{aic:1 restart=2}", "{aic:1 n1}", "{aic:1 n1:8}", "{aic:1 n1:8:1", "{aic:1 n1:x:1}", "{aic:1 n[1-3:8:1}",
		"{aic:1 n[3-1]:8:1}", "{aic:1 n[1-99999999]:8:1}", "{aic:1 n1:8:1:a100}", "{aic:1 restart=-1 n1:8:1}", "{aic:1 n1:8:1 }",
		"{aic:1 restart=99999999999 n1:8:1}", "{aic:2 n1:8:1}", "{aic:1 n[1-2]x:8:1}",
	};
	aic_job_record r = {.restart = 5};

	(void)state;
	add(&r, "mine", 1, 1, NULL, 0);
	assert_false(aic_split_get(&r, NULL));
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (aic_split_get(&r, bad[i]) || r.restart != 5 || r.nodes != 1 || strcmp(r.node[0].name, "mine"))
			fail_msg("read: %s", bad[i]);
	/* any cut or changed byte is read as something or refused, never a crash */
	for (size_t i = 0; i < sizeof(EXAMPLE) - 1; i++) {
		char text[] = EXAMPLE;
		aic_job_record other = {0};
		text[i] ^= 0x15;
		if (!text[i])
			continue;
		aic_split_get(&other, text);
		free(other.node);
		memset(&other, 0, sizeof(other));
		text[i] = '\0';
		assert_false(aic_split_get(&other, text));
	}
	aic_job_record_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read), cmocka_unit_test(names_that_do_not_fit_are_not_written),
		cmocka_unit_test(many_equal_nodes_are_short), cmocka_unit_test(what_cannot_be_read_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
