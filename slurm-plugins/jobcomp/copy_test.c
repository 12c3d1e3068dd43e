#define _GNU_SOURCE
#include "slurm-plugins/compat.h"

#include "common/testing.h"

#include "slurm-plugins/jobcomp/copy.h"

#define NODES 6

static node_record_t node[NODES];
static node_record_t *table[NODES];
static char *names[NODES] = { "n1", "n2", "n3", "n4", "n5", "n6" };

/* One entry of gres_list_alloc, as select/cons_tres leaves it: count[i] on the job's i-th node. */
static void add_gres(aic_slurm_list list, char *name, char *type, uint64_t *count, uint32_t nodes)
{
	gres_state_t *gres = xmalloc(sizeof(*gres));
	gres_job_state_t *js = xmalloc(sizeof(*js));

	js->type_name = type;
	js->node_cnt = nodes;
	js->gres_cnt_node_alloc = count;
	gres->gres_name = name;
	gres->gres_data = js;
	list_append(list, gres);
}

static void free_gres(void *entry)
{
	gres_state_t *gres = entry;

	xfree(gres->gres_data);
	xfree(gres);
}

static int setup(void **state)
{
	(void)state;
	for (int i = 0; i < NODES; i++) {
		node[i].name = names[i];
		table[i] = &node[i];
	}
	node_record_table_ptr = table;
	node_record_count = NODES;
	slurm_conf.cluster_name = "lab";
	return 0;
}

static uint16_t cpus[] = { 4, 8 };
static uint64_t memory[] = { 1000, 2000 };
static uint64_t a100[] = { 2, 1 }, v100[] = { 0, 3 }, shards[] = { 9, 9 };
static part_record_t part = { .name = "main", .max_time = 60 };
static aic_job_details details = { .submit_time = 900, .begin_time = 950 };

static job_record_t job_on(job_resources_t *res)
{
	job_record_t job = {
		.job_id = 7, .account = "physics", .part_ptr = &part, .partition = "debug,main", .name = "train", .details = &details,
		.array_task_id = NO_VAL, .restart_cnt = 2, .user_id = 0, .group_id = 100, .start_time = 1000, .end_time = 1100,
		.time_limit = 30, .job_state = JOB_COMPLETE | JOB_COMPLETING, .exit_code = 256, .tot_sus_time = 5, .job_resrcs = res,
	};

	return job;
}

static void nodes_have_what_the_job_held(void **state)
{
	char *env[] = { "_SLURM_SPANK_OPTION_aic_aic_dataset=fashion" };
	job_resources_t res = { .nhosts = 2, .cpus = cpus, .memory_allocated = memory };
	aic_record_scratch scratch = { 0 };
	job_record_t job = job_on(&res);
	const aic_job_record *r = &scratch.record;

	(void)state;
	res.node_bitmap = bit_alloc(NODES);
	bit_set(res.node_bitmap, 1);
	bit_set(res.node_bitmap, 4);
	job.gres_list_alloc = list_create(free_gres);
	add_gres(job.gres_list_alloc, "gpu", "a100", a100, 2);
	add_gres(job.gres_list_alloc, "shard", NULL, shards, 2);
	add_gres(job.gres_list_alloc, "gpu", "v100", v100, 2);
	job.spank_job_env = env;
	job.spank_job_env_size = 1;
	for (int again = 0; again < 3; again++) { /* the memory is used again: nothing may add up */
		aic_job_record_copy(&scratch, &job, 5000);
		assert_int_equal(r->nodes, 2);
		assert_string_equal(r->node[0].name, "n2");
		assert_int_equal(r->node[0].cpus, 4);
		assert_int_equal(r->node[0].mem_mib, 1000);
		assert_int_equal(r->node[0].gpu_types, 1);
		assert_string_equal(r->node[0].gpu[0].type, "a100");
		assert_int_equal(r->node[0].gpu[0].count, 2);
		assert_string_equal(r->node[1].name, "n5");
		assert_int_equal(r->node[1].gpu_types, 2);
		assert_int_equal(r->node[1].gpu[0].count, 1);
		assert_string_equal(r->node[1].gpu[1].type, "v100");
		assert_int_equal(r->node[1].gpu[1].count, 3);
	}
	assert_string_equal(r->cluster, "lab");
	assert_string_equal(r->account, "physics");
	assert_string_equal(r->partition, "main");
	assert_string_equal(r->dataset, "fashion");
	assert_string_equal(r->model, "");
	assert_string_equal(r->user, "root");
	assert_int_equal(r->state, AIC_STATE_COMPLETED);
	assert_int_equal(r->state_raw, 0x8003);
	assert_int_equal(r->restart, 2);
	assert_int_equal(r->submit, 900);
	assert_int_equal(r->eligible, 950);
	assert_int_equal(r->start, 1000);
	assert_int_equal(r->end, 1100);
	assert_int_equal(r->suspended, 5);
	assert_int_equal(r->time_limit, 1800);
	assert_int_equal(r->exit_code, 256);

	job.job_resrcs = NULL; /* the next job never started: nothing of this one is left over */
	job.gres_list_alloc = NULL;
	job.spank_job_env_size = 0;
	job.user_name = "ada";
	aic_job_record_copy(&scratch, &job, 5000);
	assert_int_equal(r->nodes, 0);
	assert_string_equal(r->dataset, "");
	assert_string_equal(r->user, "ada");
	aic_record_scratch_free(&scratch);
	FREE_NULL_BITMAP(res.node_bitmap);
}

static void times_that_slurm_leaves_odd(void **state)
{
	aic_record_scratch scratch = { 0 };
	job_record_t job = job_on(NULL);
	const aic_job_record *r = &scratch.record;

	(void)state;
	job.start_time = 2000; /* cancelled while pending: the expected start lies behind the end */
	job.job_state = JOB_CANCELLED;
	job.exit_code = NO_VAL;
	aic_job_record_copy(&scratch, &job, 5000);
	assert_int_equal(r->start, 0);
	assert_int_equal(r->exit_code, 0);

	job = job_on(NULL); /* a resize: Slurm's end is the projected one */
	job.job_state = JOB_RUNNING | JOB_RESIZING;
	job.end_time = 9000;
	job.resize_time = 5000;
	aic_job_record_copy(&scratch, &job, 5000);
	assert_int_equal(r->state, AIC_STATE_RESIZING);
	assert_int_equal(r->end, 5000);
	assert_int_equal(r->resize, 5000);

	job = job_on(NULL);
	job.time_limit = NO_VAL; /* the partition's */
	aic_job_record_copy(&scratch, &job, 5000);
	assert_int_equal(r->time_limit, 3600);
	job.time_limit = INFINITE;
	aic_job_record_copy(&scratch, &job, 5000);
	assert_true(r->time_limit == INT64_MAX);
	job.part_ptr = NULL; /* the partition is gone */
	job.details = NULL;
	job.time_limit = NO_VAL;
	aic_job_record_copy(&scratch, &job, 5000);
	assert_true(r->time_limit == INT64_MAX);
	assert_string_equal(r->partition, "debug,main");
	assert_int_equal(r->submit, 0);
	aic_record_scratch_free(&scratch);
}

static void a_large_job_after_a_small_one(void **state)
{
	uint16_t many_cpus[NODES] = { 1, 2, 3, 4, 5, 6 };
	job_resources_t res = { .nhosts = NODES, .cpus = many_cpus };
	aic_record_scratch scratch = { 0 };
	job_record_t job = job_on(&res);

	(void)state;
	res.node_bitmap = bit_alloc(NODES);
	bit_set_all(res.node_bitmap);
	aic_job_record_copy(&scratch, &job, 5000);
	assert_int_equal(scratch.record.nodes, NODES);
	for (int i = 0; i < NODES; i++) {
		assert_int_equal(scratch.record.node[i].cpus, i + 1);
		assert_int_equal(scratch.record.node[i].mem_mib, 0); /* memory is no consumable resource there */
		assert_int_equal(scratch.record.node[i].gpu_types, 0);
	}
	node_record_table_ptr[2] = NULL; /* deleted while the job ran */
	aic_job_record_copy(&scratch, &job, 5000);
	assert_int_equal(scratch.record.nodes, NODES);
	assert_string_equal(scratch.record.node[2].name, "");
	node_record_table_ptr[2] = &node[2];
	aic_record_scratch_free(&scratch);
	FREE_NULL_BITMAP(res.node_bitmap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes_have_what_the_job_held),
		cmocka_unit_test(times_that_slurm_leaves_odd),
		cmocka_unit_test(a_large_job_after_a_small_one),
	};

	return cmocka_run_group_tests_name("jobcomp/copy", tests, setup, NULL);
}
