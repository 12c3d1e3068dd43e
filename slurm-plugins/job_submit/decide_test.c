#define _GNU_SOURCE
#include "common/testing.h"

#include <unistd.h>

#include "common/file.h"
#include "common/time.h"
#include "slurm-plugins/job_submit/flight.h"
#include "slurm-plugins/job_submit/reserved.h"
#include "slurm-plugins/job_submit/view.h"
#include "slurm-plugins/param.h"

static const char *partition_names[3];
static int64_t partition_seconds;
static unsigned copied; /* how often a partition's details were asked for */

static const char *partition_at(void *ctx, uint32_t i, const aic_partition **out)
{
	static aic_partition partition, *p = &partition;

	(void)ctx;
	if (i >= 3 || !partition_names[i])
		return NULL;
	if (out) {
		*p = (aic_partition){ .nodes = 4, .max_nodes = AIC_UNSET, .cpus = 16, .threads = 1, .mem_mib = 64000,
		                      .default_seconds = partition_seconds };
		p->gpus.n = 2;
		strcpy(p->gpus.gpu[0].type, "v100");
		strcpy(p->gpus.gpu[1].type, "a100");
		p->gpus.gpu[0].count = p->gpus.gpu[1].count = 2;
		*out = p;
		copied++;
	}
	return partition_names[i];
}

typedef struct {
	aic_snapshot_content content;
	char path[256];
} world;

static const aic_snapshot_account accounts[] = {
	{ .name = "physics", .available = 3200 * (AIC_UNIT / 1000), .balance = 3200 * (AIC_UNIT / 1000) },
	{ .name = "chemistry", .available = 4 * AIC_UNIT, .balance = 9 * AIC_UNIT },
};
static const aic_snapshot_asset assets[] = {
	{ .name = "fashion", .terms = { .per_job = AIC_UNIT / 2 } },
	{ .name = "resnet", .is_model = true, .terms = { .per_gpu_hour = AIC_UNIT / 4 } },
};
static const char scope[][AIC_NAME_LEN] = { "main" };

static int setup(void **state)
{
	world *w = calloc(1, sizeof(*w));
	void *folder;

	test_folder_make(&folder);
	snprintf(w->path, sizeof(w->path), "%s/aic.snapshot", (char *)folder);
	free(folder);
	w->content = (aic_snapshot_content){
		.written_at = aic_now(), .enforce = true, .stale_after = 120, .accounts = 2, .account = accounts, .assets = 2,
		.asset = assets, .partitions = 1, .partition = scope,
	};
	aic_rates_default(&w->content.rates);
	w->content.rates.gpu_types = 1;
	strcpy(w->content.rates.gpu[0].type, "a100");
	w->content.rates.gpu[0].per_hour = AIC_UNIT;
	partition_names[0] = "main";
	partition_names[1] = partition_names[2] = NULL;
	partition_seconds = 3600;
	copied = 0;
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world *w = *state;

	unlink(w->path);
	*strrchr(w->path, '/') = '\0';
	rmdir(w->path);
	free(w);
	return 0;
}

static void write_snapshot(world *w)
{
	aic_bytes b = { 0 };

	aic_snapshot_encode(&b, &w->content);
	assert_int_equal(aic_file_write_atomic(w->path, b.data, b.len, 0640, NULL), AIC_OK);
	aic_bytes_free(&b);
}

/* One GPU hour of a100 is 1 AIC here, a CPU hour 0.01. */
static aic_request gpu_job(uint32_t gpus, int64_t seconds)
{
	aic_request r;

	aic_request_init(&r);
	r.min_nodes = r.max_nodes = 1;
	r.gpus.n = 1;
	strcpy(r.gpus.gpu[0].type, "a100");
	r.gpus.gpu[0].count = gpus;
	r.seconds = seconds;
	return r;
}

static aic_verdict decide(world *w, const char *account, const aic_request *r, const char *dataset, const char *model)
{
	aic_ask ask = { .account = account, .request = r, .dataset = dataset, .model = model, .partition = partition_at };
	aic_snapshot *s;
	aic_verdict v;

	write_snapshot(w);
	assert_int_equal(aic_snapshot_open(&s, w->path, NULL), AIC_OK);
	aic_decide(&v, s, "", false, aic_now(), &ask);
	aic_snapshot_close(s);
	return v;
}

static void what_is_funded_passes_with_its_cost(void **state)
{
	aic_request r = gpu_job(2, 3600);
	aic_verdict v = decide(*state, "physics", &r, NULL, NULL);

	assert_int_equal(v.ruling, AIC_ADMIT);
	assert_true(v.quoted);
	assert_true(v.cost == 2 * AIC_UNIT + AIC_UNIT / 100);
	assert_string_equal(v.message, "");
}

static void what_is_not_is_held_or_refused_with_the_figures(void **state)
{
	world *w = *state;
	aic_request r = gpu_job(2, 7200);
	aic_verdict v = decide(w, "physics", &r, NULL, NULL);

	assert_int_equal(v.ruling, AIC_HOLD);
	assert_string_equal(v.message, "account physics holds 3.20 AIC; this job needs up to 4.02 AIC (2 h x 2 a100 + 1 CPUs): it is held; "
	                               "shorten --time, or ask for a top-up");
	w->content.refuse_unfunded = true;
	v = decide(w, "physics", &r, NULL, NULL);
	assert_int_equal(v.ruling, AIC_REFUSE);
	assert_string_equal(v.message, "account physics holds 3.20 AIC; this job needs up to 4.02 AIC (2 h x 2 a100 + 1 CPUs): "
	                               "shorten --time, or ask for a top-up");
}

/* available is what counts, not the balance; equality is enough, a unit less is not; figures that look alike get more digits. */
static void the_last_unit_decides(void **state)
{
	world *w = *state;
	aic_snapshot_account exact[] = { { .name = "exact", .available = AIC_UNIT + AIC_UNIT / 100, .balance = 5 * AIC_UNIT } };
	aic_request r = gpu_job(1, 3600);

	w->content.account = exact, w->content.accounts = 1;
	assert_int_equal(decide(w, "exact", &r, NULL, NULL).ruling, AIC_ADMIT);
	exact[0].available--;
	aic_verdict v = decide(w, "exact", &r, NULL, NULL);

	assert_int_equal(v.ruling, AIC_HOLD);
	assert_non_null(strstr(v.message, "holds 1.00 AIC; this job needs up to 1.01 AIC"));
}

static void terms_of_data_and_model_are_part_of_the_price(void **state)
{
	aic_request r = gpu_job(1, 3600);
	aic_verdict v = decide(*state, "physics", &r, "fashion", "resnet");

	assert_int_equal(v.ruling, AIC_ADMIT);
	assert_true(v.cost == AIC_UNIT + AIC_UNIT / 100 + AIC_UNIT / 2 + AIC_UNIT / 4);
	v = decide(*state, "physics", &r, "resnet", NULL); /* a model's name is no data set's */
	assert_int_equal(v.ruling, AIC_REFUSE);
	assert_string_equal(v.message, "data set \"resnet\" is not registered: check --aic-dataset, or ask its owner to register it");
	v = decide(*state, "physics", &r, NULL, "fashion");
	assert_int_equal(v.ruling, AIC_REFUSE);
}

static void untyped_gpus_cost_the_dearest(void **state)
{
	aic_request r = gpu_job(1, 3600);

	r.gpus.gpu[0].type[0] = '\0';
	assert_true(decide(*state, "physics", &r, NULL, NULL).cost == AIC_UNIT + AIC_UNIT / 100);
}

static void arrays_cost_all_their_tasks(void **state)
{
	aic_request r = gpu_job(1, 3600);
	aic_verdict v;

	r.array_tasks = 3;
	v = decide(*state, "physics", &r, NULL, NULL);
	assert_int_equal(v.ruling, AIC_ADMIT);
	r.array_tasks = 4;
	v = decide(*state, "physics", &r, NULL, NULL);
	assert_int_equal(v.ruling, AIC_HOLD);
	assert_non_null(strstr(v.message, "4.04 AIC (4 tasks x 1 h x 1 a100"));
	r.array_tasks = UINT32_MAX, r.seconds = INT64_MAX / 4;
	v = decide(*state, "physics", &r, NULL, NULL);
	assert_int_not_equal(v.ruling, AIC_ADMIT);
}

static void what_other_jobs_may_cost_is_reserved(void **state)
{
	aic_request r = gpu_job(2, 3600);
	aic_ask ask = { .account = "physics", .request = &r, .partition = partition_at };
	aic_snapshot *s;
	aic_verdict v;
	aic_amount cost;

	write_snapshot(*state);
	assert_int_equal(aic_snapshot_open(&s, ((world *)*state)->path, NULL), AIC_OK);
	ask.reserved = AIC_UNIT;
	aic_decide(&v, s, "", false, aic_now(), &ask);
	assert_int_equal(v.ruling, AIC_ADMIT);
	ask.reserved = 2 * AIC_UNIT;
	aic_decide(&v, s, "", false, aic_now(), &ask);
	assert_int_equal(v.ruling, AIC_HOLD);
	assert_non_null(strstr(v.message, "account physics holds 1.20 AIC beside 2.00 AIC reserved for its other jobs; this job needs up to "
	                                  "2.01 AIC (1 h x 2 a100 + 1 CPUs)"));
	ask.reserved = 99 * AIC_UNIT; /* more than there is: nothing is left, not less than nothing */
	aic_decide(&v, s, "", false, aic_now(), &ask);
	assert_int_equal(v.ruling, AIC_HOLD);
	assert_non_null(strstr(v.message, "holds 0.00 AIC beside 99.00"));
	assert_true(aic_quote_job(s, &ask, &cost)); /* the quote alone knows no balance */
	assert_true(cost == 2 * AIC_UNIT + AIC_UNIT / 100);
	r.seconds = AIC_UNLIMITED;
	assert_false(aic_quote_job(s, &ask, &cost));
	r.seconds = 60;
	partition_names[0] = "debug";
	assert_false(aic_quote_job(s, &ask, &cost));
	aic_snapshot_close(s);
}

static void sums_per_account(void **state)
{
	aic_reserved t = { 0 };
	char name[32], long_name[2 * AIC_NAME_LEN];

	(void)state;
	assert_true(aic_reserved_of(&t, "physics") == 0);
	for (int again = 0; again < 2; again++) {
		for (unsigned i = 0; i < 3000; i++) {
			snprintf(name, sizeof(name), "account%u", i % 1000);
			aic_reserved_add(&t, name, i);
		}
		for (unsigned i = 0; i < 1000; i++) {
			snprintf(name, sizeof(name), "account%u", i);
			assert_true(aic_reserved_of(&t, name) == 3 * i + 3000);
		}
		assert_true(aic_reserved_of(&t, "account1000") == 0);
		aic_reserved_clear(&t);
		assert_true(aic_reserved_of(&t, "account1") == 0);
	}
	aic_reserved_add(&t, "rich", ~(aic_amount)0 - 1);
	aic_reserved_add(&t, "rich", 5);
	assert_true(aic_reserved_of(&t, "rich") == ~(aic_amount)0);
	memset(long_name, 'x', sizeof(long_name));
	long_name[sizeof(long_name) - 1] = '\0';
	aic_reserved_add(&t, long_name, 1);
	aic_reserved_add(&t, "", 1);
	aic_reserved_add(&t, NULL, 1);
	assert_true(aic_reserved_of(&t, long_name) == 0);
	assert_true(aic_reserved_of(&t, NULL) == 0);
	aic_reserved_free(&t);
}

static void jobs_in_flight_are_reserved_until_they_land(void **state)
{
	aic_flight *f = calloc(1, sizeof(*f));
	aic_reserved t = { 0 };
	char first[AIC_FLIGHT_TEXT], second[AIC_FLIGHT_TEXT], text[AIC_FLIGHT_TEXT];

	(void)state;
	aic_flight_add(f, first, "physics", 10, 1000);
	aic_flight_add(f, second, "physics", 500, 2000);
	assert_non_null(strstr(first, "aic: up to 0.01 AIC ["));
	aic_flight_reserve(f, &t, 3000);
	assert_true(aic_reserved_of(&t, "physics") == 510);
	aic_flight_land(f, NULL);
	aic_flight_land(f, "something else [1.2]");
	aic_flight_land(f, "aic: up to 0.01 AIC [00000001.0]"); /* another slurmctld's */
	aic_flight_land(f, first);
	aic_flight_land(f, first);
	aic_reserved_clear(&t);
	aic_flight_reserve(f, &t, 3000);
	assert_true(aic_reserved_of(&t, "physics") == 500);
	aic_reserved_clear(&t);
	aic_flight_reserve(f, &t, 2000 + AIC_FLIGHT_MS); /* it will not come any more */
	assert_true(aic_reserved_of(&t, "physics") == 0);
	aic_flight_land(f, second); /* and if it does after all, nothing breaks */
	for (uint32_t i = 0; i < AIC_FLIGHT_ROWS + 10; i++) /* more than fit: the newest count */
		aic_flight_add(f, text, "physics", 1, 50000);
	aic_reserved_clear(&t);
	aic_flight_reserve(f, &t, 50000);
	assert_true(aic_reserved_of(&t, "physics") == AIC_FLIGHT_ROWS);
	aic_flight_land(f, second);
	aic_flight_land(f, text);
	aic_reserved_clear(&t);
	aic_flight_reserve(f, &t, 50000);
	assert_true(aic_reserved_of(&t, "physics") == AIC_FLIGHT_ROWS - 1);
	aic_reserved_free(&t);
	free(f);
}

static void unknown_accounts_and_endless_jobs_are_refused(void **state)
{
	aic_request r = gpu_job(1, 3600);
	aic_verdict v = decide(*state, "biology", &r, NULL, NULL);

	assert_int_equal(v.ruling, AIC_REFUSE);
	assert_string_equal(v.message, "account biology has no wallet here: check --account, or ask an administrator to open one");
	assert_int_equal(decide(*state, NULL, &r, NULL, NULL).ruling, AIC_REFUSE);
	r.seconds = AIC_UNLIMITED;
	v = decide(*state, "physics", &r, NULL, NULL);
	assert_int_equal(v.ruling, AIC_REFUSE);
	assert_string_equal(v.message, "this job has no time limit, so its cost has no bound: give --time");
}

static void out_of_scope_nothing_is_looked_at(void **state)
{
	aic_request r = gpu_job(64, 360000);
	aic_verdict v;

	partition_names[0] = "debug";
	v = decide(*state, "biology", &r, "nothing", NULL);
	assert_int_equal(v.ruling, AIC_ADMIT);
	assert_false(v.quoted);
	assert_string_equal(v.message, "");
	assert_int_equal(copied, 0);
	partition_names[1] = "main"; /* -p debug,main can end in scope */
	assert_int_equal(decide(*state, "physics", &r, NULL, NULL).ruling, AIC_HOLD);
}

static void observe_mode_admits_everything_and_says_what_it_saw(void **state)
{
	world *w = *state;
	aic_request r = gpu_job(64, 360000);
	aic_verdict v;

	w->content.enforce = false;
	w->content.refuse_unfunded = true;
	v = decide(w, "physics", &r, NULL, NULL);
	assert_int_equal(v.ruling, AIC_ADMIT);
	assert_non_null(strstr(v.message, "holds 3.20 AIC"));
	assert_int_equal(decide(w, "biology", &r, "nothing", NULL).ruling, AIC_ADMIT);
	w->content.written_at -= 100000;
	w->content.closed_when_stale = true;
	assert_int_equal(decide(w, "physics", &r, NULL, NULL).ruling, AIC_ADMIT);
}

static void a_stale_snapshot_follows_the_policy(void **state)
{
	world *w = *state;
	aic_request r = gpu_job(64, 360000);
	aic_verdict v;

	w->content.written_at = aic_now() - 1000;
	v = decide(w, "physics", &r, NULL, NULL);
	assert_int_equal(v.ruling, AIC_ADMIT);
	assert_true(v.blind);
	w->content.closed_when_stale = true;
	v = decide(w, "physics", &r, NULL, NULL);
	assert_int_equal(v.ruling, AIC_REFUSE);
	assert_non_null(strstr(v.message, "the snapshot of balances is 1000 s old (is aicacctd running?)"));
}

/* --- the view: missing, damaged and replaced files --- */

static char logged[2048];
static unsigned log_lines;

static void note(bool is_error, const char *message)
{
	assert_true(is_error);
	snprintf(logged, sizeof(logged), "%s", message);
	log_lines++;
}

static aic_verdict view_decide(aic_view *view, const char *params)
{
	static aic_request r;
	aic_ask ask = { .account = "physics", .request = &r, .partition = partition_at };
	aic_verdict v;

	r = gpu_job(2, 7200);
	aic_view_decide(view, params, &v, &ask); /* tells the view where to look, */
	aic_view_look(view);                     /* which its thread would do within a second */
	aic_view_decide(view, params, &v, &ask);
	return v;
}

static void a_missing_snapshot_follows_slurm_conf(void **state)
{
	world *w = *state;
	char params[400];
	aic_view view;
	aic_verdict v;

	log_lines = 0;
	snprintf(params, sizeof(params), "batch_sched_delay=2,aic_snapshot=%s", w->path);
	aic_view_init(&view, params, note);
	v = view_decide(&view, params);
	assert_int_equal(v.ruling, AIC_ADMIT);
	assert_true(v.blind);
	view_decide(&view, params);
	assert_int_equal(log_lines, 1); /* said once, not per job */
	strcat(params, ",aic_stale=closed");
	v = view_decide(&view, params);
	assert_int_equal(v.ruling, AIC_REFUSE);
	assert_non_null(strstr(v.message, w->path));
	write_snapshot(w);
	assert_int_equal(view_decide(&view, params).ruling, AIC_HOLD);
	aic_view_close(&view);
}

static void a_damaged_snapshot_does_not_replace_a_good_one(void **state)
{
	world *w = *state;
	char params[400];
	aic_view view;

	log_lines = 0;
	snprintf(params, sizeof(params), "aic_snapshot=%s", w->path);
	write_snapshot(w);
	aic_view_init(&view, params, note);
	assert_int_equal(view_decide(&view, params).ruling, AIC_HOLD);
	assert_int_equal(aic_file_write_atomic(w->path, "AICSNAP1 and then nonsense", 26, 0640, NULL), AIC_OK);
	assert_int_equal(view_decide(&view, params).ruling, AIC_HOLD);
	assert_int_equal(log_lines, 1);
	assert_non_null(strstr(logged, w->path));
	w->content.refuse_unfunded = true;
	write_snapshot(w);
	assert_int_equal(view_decide(&view, params).ruling, AIC_REFUSE);
	aic_view_close(&view);
}

/* The thread finds a new file, and a new place after a reconfiguration, by itself. */
static void the_thread_keeps_looking(void **state)
{
	world *w = *state;
	aic_request r = gpu_job(2, 7200);
	aic_ask ask = { .account = "physics", .request = &r, .partition = partition_at };
	char params[400];
	aic_view view;
	aic_verdict v;

	write_snapshot(w);
	snprintf(params, sizeof(params), "aic_snapshot=%s", w->path);
	aic_view_init(&view, "aic_snapshot=/nonexistent/snapshot", note);
	assert_int_equal(aic_view_start(&view, NULL), AIC_OK);
	for (int64_t until = aic_monotonic_ms() + 5000; aic_monotonic_ms() < until; usleep(5000)) {
		aic_view_decide(&view, params, &v, &ask);
		if (v.ruling == AIC_HOLD)
			break;
	}
	assert_int_equal(v.ruling, AIC_HOLD);
	w->content.refuse_unfunded = true;
	write_snapshot(w);
	for (int64_t until = aic_monotonic_ms() + 5000; v.ruling == AIC_HOLD && aic_monotonic_ms() < until; usleep(5000))
		aic_view_decide(&view, params, &v, &ask);
	assert_int_equal(v.ruling, AIC_REFUSE);
	aic_view_close(&view);
}

static void parameters_are_found_by_their_whole_name(void **state)
{
	char value[8];

	(void)state;
	assert_true(aic_param_find("a=1,AIC_x=two,b", "aic_x", value, sizeof(value)));
	assert_string_equal(value, "two");
	assert_false(aic_param_find("not_aic_x=two", "aic_x", value, sizeof(value)));
	assert_false(aic_param_find("aic_xy=two", "aic_x", value, sizeof(value)));
	assert_false(aic_param_find("aic_x=,b=1", "aic_x", value, sizeof(value)));
	assert_false(aic_param_find("aic_x=12345678", "aic_x", value, sizeof(value)));
	assert_false(aic_param_find(NULL, "aic_x", value, sizeof(value)));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_is_funded_passes_with_its_cost),
		TEST(what_is_not_is_held_or_refused_with_the_figures),
		TEST(the_last_unit_decides),
		TEST(terms_of_data_and_model_are_part_of_the_price),
		TEST(untyped_gpus_cost_the_dearest),
		TEST(arrays_cost_all_their_tasks),
		TEST(what_other_jobs_may_cost_is_reserved),
		cmocka_unit_test(sums_per_account),
		cmocka_unit_test(jobs_in_flight_are_reserved_until_they_land),
		TEST(unknown_accounts_and_endless_jobs_are_refused),
		TEST(out_of_scope_nothing_is_looked_at),
		TEST(observe_mode_admits_everything_and_says_what_it_saw),
		TEST(a_stale_snapshot_follows_the_policy),
		TEST(a_missing_snapshot_follows_slurm_conf),
		TEST(a_damaged_snapshot_does_not_replace_a_good_one),
		TEST(the_thread_keeps_looking),
		cmocka_unit_test(parameters_are_found_by_their_whole_name),
	};

	return cmocka_run_group_tests_name("job_submit/decide", tests, NULL, NULL);
}
