#define _GNU_SOURCE
#include "common/testing.h"

#include <stdio.h>
#include <string.h>

#include "common/file.h"
#include "slurm-plugins/allocator/plan.h"

static char folder[256];
static aic_provider_config providers[] = {
	{.name = "lab-one", .organisation = "one", .nodes = "n[1-2]"}, {.name = "lab-two", .organisation = "two", .nodes = "n3"},
};

static aic_code load(aic_lending *l, const char *text, aic_error *err)
{
	aic_config c = {.provider = providers, .n_providers = 2};
	char path[300];

	snprintf(path, sizeof(path), "%s/" AIC_LENDING_NAME, folder);
	snprintf(c.path, sizeof(c.path), "%s/aic.yaml", folder);
	assert_int_equal(aic_file_write_atomic(path, text, strlen(text), 0644, NULL), AIC_OK);
	return aic_lending_load(l, &c, NULL, err);
}

static const char two_rows[] =
	"bf_interval: 4\n"
	"lend:\n"
	"  - {provider: lab-one, owners: [physics, optics], gpus: 2, hours: \"19:00-07:00\", lease: 90, grace: 30}\n"
	"  - {provider: lab-two, owners: [biology], guests: [physics], partition: north}\n";

static void terms_are_read(void **state)
{
	aic_lending l;

	(void)state;
	assert_int_equal(load(&l, two_rows, NULL), AIC_OK);
	assert_int_equal(l.n, 2);
	assert_string_equal(l.lend[0].nodes, "n[1-2]");
	assert_string_equal(l.lend[0].lease, "lease1");
	assert_string_equal(l.lend[0].qos, "aic-lease1");
	assert_string_equal(l.lend[1].own, "north-own");
	assert_int_equal(l.lend[0].n_owners, 2);
	assert_int_equal(l.lend[1].grace_s, 60);
	assert_true(l.private_data);
	aic_lending_free(&l);
}

static void hours_cross_midnight(void **state)
{
	aic_lending l;

	(void)state;
	assert_int_equal(load(&l, two_rows, NULL), AIC_OK);
	assert_true(aic_lend_open(&l.lend[0], 19 * 60) && aic_lend_open(&l.lend[0], 0) && aic_lend_open(&l.lend[0], 7 * 60 - 1));
	assert_false(aic_lend_open(&l.lend[0], 7 * 60) || aic_lend_open(&l.lend[0], 19 * 60 - 1));
	assert_true(aic_lend_open(&l.lend[1], 12 * 60));
	l.lend[0].from_min = 60, l.lend[0].to_min = 120;
	assert_true(aic_lend_open(&l.lend[0], 60) && !aic_lend_open(&l.lend[0], 120) && !aic_lend_open(&l.lend[0], 0));
	aic_lending_free(&l);
}

static void mistakes_have_their_line(void **state)
{
	static const char *const bad[][2] = {
		{"lend:\n  - {provider: nobody, owners: [a]}\n", ":2: provider nobody is not in"},
		{"lend:\n  - {provider: lab-one}\n", ":2: provider lab-one has no \"owners\""},
		{"lend:\n  - {provider: lab-one, owners: [a], hours: \"7-19\"}\n", "\"hours: 7-19\" must be two times of the day"},
		{"lend:\n  - {provider: lab-one, owners: [a], hours: \"07:00-07:00\"}\n", "must be two times of the day"},
		{"lend:\n  - {provider: lab-one, owners: [a], hours: \"07:00-25:00\"}\n", "must be two times of the day"},
		{"lend:\n  - {provider: lab-one, owners: [a]}\n  - {provider: lab-one, owners: [b]}\n", ":3: provider lab-one or partition"},
		{"lend:\n  - {provider: lab-one, owners: [a], gpu: 1}\n", "gpu"},
		{"lend:\n  - {provider: lab-one, owners: [\"a b\"]}\n", "the account"},
		{"lend:\n  - lab-one\n", "each row of lend must be a map"},
		{"- lab-one\n", "must be a map with a list `lend`"},
	};
	aic_error err;
	aic_lending l;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(load(&l, bad[i][0], &err), AIC_USAGE);
		if (!strstr(err.message, bad[i][1]))
			fail_msg("\"%s\" does not say \"%s\"", err.message, bad[i][1]);
	}
}

static void the_file_for_slurm(void **state)
{
	static const char want[] =
		"# Written by `aic allocator apply` from providers.yaml: `aic allocator check` finds what is changed here.\n"
		"PreemptType=preempt/partition_prio\n"
		"PreemptMode=REQUEUE\n"
		"SchedulerParameters=bf_max_job_test=100,bf_interval=4,sched_interval=2\n"
		"SlurmctldParameters=aic_stale=open,preempt_send_user_signal\n"
		"PrivateData=accounts,usage,jobs,users\n"
		"PartitionName=own1 Nodes=n[1-2] State=UP PriorityTier=20 PreemptMode=OFF Hidden=YES AllowAccounts=physics,optics\n"
		"PartitionName=lease1 Nodes=n[1-2] State=DOWN PriorityTier=1 PreemptMode=REQUEUE GraceTime=30 QOS=aic-lease1\n"
		"PartitionName=north-own Nodes=n3 State=UP PriorityTier=20 PreemptMode=OFF Hidden=YES AllowAccounts=biology\n"
		"PartitionName=north Nodes=n3 State=UP PriorityTier=1 PreemptMode=REQUEUE GraceTime=60 QOS=aic-north AllowAccounts=physics\n";
	const aic_plan_settings now = {"bf_max_job_test=100,bf_interval=30,sched_interval=2", "aic_stale=open", "accounts,usage"};
	aic_bytes out = {0};
	aic_lending l;

	(void)state;
	assert_int_equal(load(&l, two_rows, NULL), AIC_OK);
	aic_plan_conf(&out, &l, &now);
	aic_bytes_append(&out, "", 1);
	assert_string_equal((char *)out.data, want);
	aic_lending_free(&l);
	aic_bytes_clear(&out);
	assert_int_equal(load(&l, "lend: []\n", NULL), AIC_OK);
	aic_plan_conf(&out, &l, &now);
	aic_bytes_append(&out, "", 1);
	assert_null(strstr((char *)out.data, "Preempt")); /* nobody lends: Slurm's own settings stand again */
	aic_lending_free(&l);
	aic_bytes_free(&out);
}

static void parameters_are_merged(void **state)
{
	char buf[64];

	(void)state;
	assert_true(aic_plan_merge(buf, sizeof(buf), "", "bf_interval", 5));
	assert_string_equal(buf, "bf_interval=5");
	assert_true(aic_plan_merge(buf, sizeof(buf), "BF_Interval=3,x", "bf_interval", 5));
	assert_string_equal(buf, "BF_Interval=3,x");
	assert_true(aic_plan_merge(buf, sizeof(buf), "bf_interval_long=9", "bf_interval", 5));
	assert_string_equal(buf, "bf_interval_long=9,bf_interval=5");
	assert_true(aic_plan_merge(buf, sizeof(buf), "a,jobs", "jobs", UINT64_MAX));
	assert_string_equal(buf, "a,jobs");
	assert_false(aic_plan_merge(buf, 8, "aaaaaaaa", "jobs", UINT64_MAX));
}

static void the_qos_as_sacctmgr_prints_it(void **state)
{
	aic_lend l = {.qos = "aic-lease1", .gpus = 2, .lease_min = 90};
	char buf[AIC_PLAN_QOS_LEN];

	(void)state;
	assert_string_equal(aic_plan_qos(buf, &l), "aic-lease1|gres/gpu=2|01:30:00");
	l.gpus = 0, l.lease_min = 1500;
	assert_string_equal(aic_plan_qos(buf, &l), "aic-lease1||1-01:00:00");
	l.lease_min = 0;
	assert_string_equal(aic_plan_qos(buf, &l), "aic-lease1||");
}

static int setup(void **state)
{
	if (test_folder_make(state))
		return -1;
	snprintf(folder, sizeof(folder), "%s", (char *)*state);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(terms_are_read),
		cmocka_unit_test(hours_cross_midnight),
		cmocka_unit_test(mistakes_have_their_line),
		cmocka_unit_test(the_file_for_slurm),
		cmocka_unit_test(parameters_are_merged),
		cmocka_unit_test(the_qos_as_sacctmgr_prints_it),
	};

	return cmocka_run_group_tests_name("allocator/plan", tests, setup, test_folder_remove);
}
