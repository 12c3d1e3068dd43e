/* The file for Prometheus: every line is a sample or says what one means, labels are quoted, counters count from the start. */
#define _GNU_SOURCE
#include "common/testing.h"

#include "accounting/fixture.h"
#include "accounting/metrics.h"

static char *text_of(aic_metrics *m, const aic_acctd *d)
{
	aic_bytes out = {0};
	aic_error err = {0};

	if (aic_metrics_text(m, d, 12345, &out, &err) != AIC_OK)
		fail_msg("%s", err.message);
	aic_bytes_append(&out, "", 1);
	return (char *)out.data;
}

static void expect(const char *text, const char *line)
{
	char with_ends[256];

	snprintf(with_ends, sizeof(with_ends), "\n%s\n", line);
	if (!strstr(text, with_ends))
		fail_msg("no line \"%s\" in:\n%s", line, text);
}

/* Each sample follows the HELP and TYPE of its own name, and each name comes once. */
static void check_format(const char *text)
{
	char *copy = strdup(text), *save = NULL, name[128] = "";

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		char found[128];
		if (sscanf(line, "# HELP %127s ", found) == 1) {
			char head[160];
			snprintf(head, sizeof(head), "# HELP %s ", found);
			assert_ptr_equal(strstr(text, head), text + (line - copy));
			strcpy(name, found);
		} else if (sscanf(line, "# TYPE %127s ", found) == 1) {
			assert_string_equal(found, name);
		} else {
			assert_int_equal(strncmp(line, name, strlen(name)), 0);
			assert_true(line[strlen(name)] == ' ' || line[strlen(name)] == '{');
			assert_true(strlen(strrchr(line, ' ')) > 1);
		}
	}
	free(copy);
}

static void samples(void **state)
{
	fixture *f = *state;
	aic_acctd d = {.config = f->config, .store = f->store, .linked_height = 7};
	aic_metrics *m = aic_metrics_new();
	aic_job_record r = fixture_record(1, 7200), second = fixture_record(2, 3600);

	aic_str_copy(second.account, sizeof(second.account), "a\"b\\c");
	fixture_ingest(f, &r);
	char *text = text_of(m, &d);
	expect(text, "aic_ledger_connected 0");
	expect(text, "aic_ledger_height 7");
	expect(text, "aic_batches{state=\"review\"} 0");
	expect(text, "aic_account_unsettled_aic{account=\"physics\"} 4.285");
	assert_null(strstr(text, "\naic_runs_total{")); /* what came before the start is not counted */
	check_format(text);
	free(text);
	r.job_id = 3;
	fixture_ingest(f, &r);
	fixture_ingest(f, &second);
	for (int i = 0; i < 2; i++) { /* the second time nothing is new */
		text = text_of(m, &d);
		expect(text, "aic_runs_total{account=\"physics\"} 1");
		expect(text, "aic_cpu_seconds_total{account=\"physics\"} 57600");
		expect(text, "aic_gpu_seconds_total{account=\"physics\"} 14400");
		expect(text, "aic_runs_total{account=\"a\\\"b\\\\c\"} 1");
		check_format(text);
		free(text);
	}
	aic_metrics_free(m);
	aic_job_record_clear(&r);
	aic_job_record_clear(&second);
}

static void the_file_is_optional_and_whole(void **state)
{
	fixture *f = *state;
	aic_acctd d = {.config = f->config, .store = f->store, .metrics = aic_metrics_new()};
	char path[512], line[128] = "";

	snprintf(path, sizeof(path), "%s/aic.prom", f->folder);
	aic_acctd_metrics(&d);
	assert_null(fopen(path, "r"));
	aic_str_copy(d.config.metrics, sizeof(d.config.metrics), path);
	aic_acctd_metrics(&d);
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	assert_non_null(fgets(line, sizeof(line), file));
	assert_int_equal(strncmp(line, "# HELP aic_written_at_seconds ", 30), 0);
	fclose(file);
	aic_metrics_free(d.metrics);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(samples, fixture_open, fixture_close),
		cmocka_unit_test_setup_teardown(the_file_is_optional_and_whole, fixture_open, fixture_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
