#define _GNU_SOURCE
#include "common/testing.h"

#include <slurm/slurm.h>

#include "slurm-plugins/jobcomp/state.h"
#include "slurm-plugins/option.h"

/* Values as slurmctld 22.05 has them at the hook. */
static void states_at_the_hook(void **state)
{
	static const struct {
		uint32_t slurm;
		aic_job_state aic;
	} rows[] = {
		{ JOB_COMPLETE | JOB_COMPLETING, AIC_STATE_COMPLETED },
		{ 0x8003, AIC_STATE_COMPLETED },
		{ JOB_FAILED | JOB_COMPLETING, AIC_STATE_FAILED },
		{ JOB_CANCELLED, AIC_STATE_CANCELLED },
		{ JOB_CANCELLED | JOB_COMPLETING, AIC_STATE_CANCELLED },
		{ JOB_TIMEOUT | JOB_COMPLETING, AIC_STATE_TIMEOUT },
		{ JOB_OOM | JOB_COMPLETING, AIC_STATE_OUT_OF_MEMORY },
		{ JOB_DEADLINE, AIC_STATE_DEADLINE },
		{ JOB_NODE_FAIL, AIC_STATE_NODE_FAIL },
		{ JOB_NODE_FAIL | JOB_COMPLETING, AIC_STATE_NODE_FAIL },
		{ JOB_BOOT_FAIL | JOB_COMPLETING, AIC_STATE_BOOT_FAIL },
		{ JOB_PREEMPTED, AIC_STATE_PREEMPTED },
		{ 0x400, AIC_STATE_REQUEUED },
		{ JOB_PENDING | JOB_REQUEUE | JOB_COMPLETING, AIC_STATE_REQUEUED },
		{ JOB_PENDING | JOB_SPECIAL_EXIT, AIC_STATE_REQUEUED },
		{ JOB_COMPLETE | JOB_REQUEUE, AIC_STATE_COMPLETED },
		{ JOB_RUNNING | JOB_RESIZING, AIC_STATE_RESIZING },
		{ JOB_CANCELLED | JOB_REVOKED, AIC_STATE_REVOKED },
		{ JOB_FAILED | JOB_LAUNCH_FAILED, AIC_STATE_LAUNCH_FAILED },
		{ JOB_PENDING, AIC_STATE_CANCELLED },
		{ 0xfe, AIC_STATE_FAILED },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(aic_jobcomp_state(rows[i].slurm), rows[i].aic);
}

static void options_among_a_jobs_spank_variables(void **state)
{
	char *env[] = { "_SLURM_SPANK_OPTION_pyxis_container_image=x", "_SLURM_SPANK_OPTION_aic_aic_dataset_extra=no",
	                "_SLURM_SPANK_OPTION_aic_aic_dataset=fashion=mnist", NULL, "_SLURM_SPANK_OPTION_aic_aic_model=" };

	(void)state;
	assert_string_equal(aic_option_find(env, 5, AIC_OPTION_DATASET), "fashion=mnist");
	assert_string_equal(aic_option_find(env, 5, AIC_OPTION_MODEL), "");
	assert_null(aic_option_find(env, 2, AIC_OPTION_DATASET));
	assert_null(aic_option_find(NULL, 5, AIC_OPTION_DATASET));
}

static void names_that_an_asset_may_have(void **state)
{
	char longest[AIC_NAME_LEN + 1];

	(void)state;
	assert_true(aic_option_valid("fashion-mnist_v1.2"));
	assert_true(aic_option_valid("lab/set:7@2+x"));
	assert_false(aic_option_valid(NULL));
	assert_false(aic_option_valid(""));
	assert_false(aic_option_valid("-x"));
	assert_false(aic_option_valid("a b"));
	assert_false(aic_option_valid("a\nb"));
	assert_false(aic_option_valid("caf\xc3\xa9"));
	memset(longest, 'a', sizeof(longest));
	longest[AIC_NAME_LEN] = '\0';
	assert_false(aic_option_valid(longest));
	longest[AIC_NAME_LEN - 1] = '\0';
	assert_true(aic_option_valid(longest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(states_at_the_hook),
		cmocka_unit_test(options_among_a_jobs_spank_variables),
		cmocka_unit_test(names_that_an_asset_may_have),
	};

	return cmocka_run_group_tests_name("jobcomp/state", tests, NULL, NULL);
}
