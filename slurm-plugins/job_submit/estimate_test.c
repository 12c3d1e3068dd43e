#define _GNU_SOURCE
#include "common/testing.h"

#include "slurm-plugins/job_submit/estimate.h"

/* Four nodes of 8 cores with 2 threads, 64,000 MiB and two a100; 1 h by default. */
static aic_partition partition(void)
{
	aic_partition p = {
		.nodes = 4, .max_nodes = AIC_UNSET, .min_nodes = 1, .cpus = 16, .sockets = 2, .threads = 2, .mem_mib = 64000,
		.memory_counted = true, .def_mem_per_cpu = 1000, .default_seconds = 3600,
	};

	p.gpus.n = 1;
	strcpy(p.gpus.gpu[0].type, "a100");
	p.gpus.gpu[0].count = 2;
	return p;
}

static aic_request request(void)
{
	aic_request r;

	aic_request_init(&r);
	return r;
}

static aic_estimate estimate(const aic_request *r, const aic_partition *p)
{
	aic_estimate e;

	aic_estimate_job(&e, r, p);
	return e;
}

static void gpus(aic_gpu_list *list, const char *tres)
{
	assert_int_equal(aic_gpu_list_parse(list, tres, NULL), AIC_OK);
}

static void a_job_that_says_nothing_gets_one_core_and_defaults(void **state)
{
	aic_partition p = partition();
	aic_request r = request();
	aic_estimate e = estimate(&r, &p);

	(void)state;
	assert_int_equal(e.nodes, 1);
	assert_int_equal(e.total.cpus, 2);
	assert_int_equal(e.total.mem_mib, 2000);
	assert_int_equal(e.total.gpu_types, 0);
	assert_int_equal(e.seconds, 3600);
	assert_int_equal(e.jobs, 1);
}

static void tasks_can_spread_over_as_many_nodes(void **state)
{
	aic_partition p = partition();
	aic_request r = request();

	(void)state;
	r.tasks = 3;
	assert_int_equal(estimate(&r, &p).nodes, 3);
	assert_int_equal(estimate(&r, &p).total.cpus, 6); /* a core each */
	r.tasks = 100;
	assert_int_equal(estimate(&r, &p).nodes, 4);
	assert_int_equal(estimate(&r, &p).total.cpus, 64); /* never more than the nodes have */
	r.tasks = 8, r.tasks_per_node = 4;
	assert_int_equal(estimate(&r, &p).nodes, 2);
	r.max_nodes = 1;
	assert_int_equal(estimate(&r, &p).nodes, 1);
	r.min_nodes = 1, r.max_nodes = 3; /* -N 1-3 */
	assert_int_equal(estimate(&r, &p).nodes, 3);
	p.max_nodes = 2;
	assert_int_equal(estimate(&r, &p).nodes, 2);
}

static void cpus_follow_tasks_gpus_and_mincpus(void **state)
{
	aic_partition p = partition();
	aic_request r = request();

	(void)state;
	r.min_nodes = r.max_nodes = 1;
	r.tasks = 2, r.cpus_per_task = 4;
	assert_int_equal(estimate(&r, &p).total.cpus, 8);
	r.node_cpus = 11;
	assert_int_equal(estimate(&r, &p).total.cpus, 12); /* half a core is a core */
	r = request();
	r.min_nodes = r.max_nodes = 2;
	gpus(&r.gpus_per_node, "gres:gpu:2");
	r.cpus_per_gpu = 3;
	assert_in_range(estimate(&r, &p).total.cpus, 12, 14);
	r.cpus_per_gpu = AIC_UNSET, p.def_cpu_per_gpu = 2;
	assert_in_range(estimate(&r, &p).total.cpus, 8, 10);
	p.threads = 1;
	assert_int_equal(estimate(&r, &p).total.cpus, 8);
}

static void memory_per_node_cpu_gpu_or_default(void **state)
{
	aic_partition p = partition();
	aic_request r = request();

	(void)state;
	r.min_nodes = r.max_nodes = 2;
	r.mem_per_node = 3000;
	assert_int_equal(estimate(&r, &p).total.mem_mib, 6000);
	r.mem_per_node = 0; /* --mem=0: all of it */
	assert_int_equal(estimate(&r, &p).total.mem_mib, 128000);
	r.mem_per_node = UINT64_MAX, r.mem_per_cpu = 500;
	assert_int_equal(estimate(&r, &p).total.mem_mib, 2000);
	r.mem_per_gpu = 10000;
	gpus(&r.gpus, "gres:gpu:4");
	assert_int_equal(estimate(&r, &p).total.mem_mib, 40000);
	r = request();
	p.def_mem_per_cpu = 0, p.def_mem_per_node = 700;
	assert_int_equal(estimate(&r, &p).total.mem_mib, 700);
	p.def_mem_per_node = 0; /* no default at all: Slurm gives the node's memory */
	assert_int_equal(estimate(&r, &p).total.mem_mib, 64000);
	p.memory_counted = false;
	assert_int_equal(estimate(&r, &p).total.mem_mib, 0);
}

static void gpus_per_job_node_socket_and_task(void **state)
{
	aic_partition p = partition();
	aic_request r = request();
	aic_estimate e;

	(void)state;
	gpus(&r.gpus, "gres:gpu:a100:3");
	e = estimate(&r, &p);
	assert_int_equal(e.total.gpu_types, 1);
	assert_string_equal(e.total.gpu[0].type, "a100");
	assert_int_equal(e.total.gpu[0].count, 3);

	r = request();
	r.min_nodes = r.max_nodes = 3;
	gpus(&r.gpus_per_node, "gres:gpu:a100:1,gres:gpu:v100:2");
	e = estimate(&r, &p);
	assert_int_equal(e.total.gpu_types, 2);
	assert_int_equal(e.total.gpu[0].count, 3);
	assert_int_equal(e.total.gpu[1].count, 6);

	r = request();
	r.tasks = 5;
	gpus(&r.gpus_per_task, "gres:gpu:2");
	assert_int_equal(estimate(&r, &p).total.gpu[0].count, 10);

	r = request();
	r.min_nodes = r.max_nodes = 2;
	gpus(&r.gpus_per_socket, "gres:gpu:1");
	assert_int_equal(estimate(&r, &p).total.gpu[0].count, 4);
	r.sockets_per_node = 1;
	assert_int_equal(estimate(&r, &p).total.gpu[0].count, 2);

	/* --gpus beside --gpus-per-node agrees with it: not added up */
	r = request();
	r.min_nodes = r.max_nodes = 2;
	gpus(&r.gpus, "gres:gpu:4");
	gpus(&r.gpus_per_node, "gres:gpu:2");
	assert_int_equal(estimate(&r, &p).total.gpu[0].count, 4);
}

static void exclusive_takes_whole_nodes_but_only_the_memory_asked_for(void **state)
{
	aic_partition p = partition();
	aic_request r = request();
	aic_estimate e;

	(void)state;
	r.min_nodes = r.max_nodes = 2;
	r.exclusive = true;
	r.mem_per_node = 100;
	e = estimate(&r, &p);
	assert_int_equal(e.total.cpus, 32);
	assert_int_equal(e.total.gpu[0].count, 4);
	assert_int_equal(e.total.mem_mib, 200);
	r.exclusive = false, p.whole_nodes = true;
	assert_int_equal(estimate(&r, &p).total.cpus, 32);
}

static void time_is_the_request_or_the_partition(void **state)
{
	aic_partition p = partition();
	aic_request r = request();

	(void)state;
	r.seconds = 60;
	assert_int_equal(estimate(&r, &p).seconds, 60);
	r.seconds = AIC_UNLIMITED;
	assert_true(estimate(&r, &p).seconds == AIC_UNLIMITED);
	r.seconds = -1, p.default_seconds = AIC_UNLIMITED;
	assert_true(estimate(&r, &p).seconds == AIC_UNLIMITED);
}

static void absurd_numbers_do_not_wrap(void **state)
{
	aic_partition p = partition();
	aic_request r = request();
	aic_estimate e;

	(void)state;
	p.cpus = p.nodes = 0, p.mem_mib = 0; /* a partition without nodes bounds nothing */
	r.tasks = UINT32_MAX - 2, r.cpus_per_task = 60000;
	gpus(&r.gpus_per_task, "gres:gpu:4000000000");
	e = estimate(&r, &p);
	assert_int_equal(e.total.cpus, UINT32_MAX - 1);
	assert_int_equal(e.total.gpu[0].count, UINT32_MAX - 1);
}

/* --- texts --- */

static void tres_texts(void **state)
{
	static const struct {
		const char *text, *type;
		uint32_t n, count;
	} good[] = {
		{ "gres:gpu", "", 1, 1 },       { "gres:gpu:4", "", 1, 4 },        { "gpu=4", "", 1, 4 },
		{ "gres:gpu:a100", "a100", 1, 1 }, { "gres/gpu:a100=2", "a100", 1, 2 }, { "gpu:a100:2,gpu:a100:3", "a100", 1, 5 },
		{ "license:x:2,gres:gpu:1k", "", 1, 1024 }, { "gres:gpumem:5", "", 0, 0 }, { "gres:shard:5", "", 0, 0 }, { "", "", 0, 0 },
		{ "none", "", 0, 0 },
	};
	static const char *const bad[] = { "gpu:a100:x", "gpu:a100:", "gpu:a100:99999999999", "gpu=1x" };

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		aic_gpu_list list = { 0 };

		gpus(&list, good[i].text);
		assert_int_equal(list.n, good[i].n);
		if (good[i].n) {
			assert_string_equal(list.gpu[0].type, good[i].type);
			assert_int_equal(list.gpu[0].count, good[i].count);
		}
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		aic_gpu_list list = { 0 };

		assert_int_equal(aic_gpu_list_parse(&list, bad[i], NULL), AIC_USAGE);
	}
	assert_int_equal(aic_per_gpu_parse("gres:gpu:6", 0), 6);
	assert_int_equal(aic_per_gpu_parse("gres:gpu:a100:7", 0), 7);
	assert_int_equal(aic_per_gpu_parse("gres:shard:7", 99), 99);
	assert_int_equal(aic_per_gpu_parse(NULL, 99), 99);
}

static void array_texts(void **state)
{
	(void)state;
	assert_int_equal(aic_array_count("5"), 1);
	assert_int_equal(aic_array_count("0-15"), 16);
	assert_int_equal(aic_array_count("0-15:4"), 4);
	assert_int_equal(aic_array_count("0-15:4,20,30-31%2"), 7);
	assert_int_equal(aic_array_count("[1-3,7]"), 4);
	assert_int_equal(aic_array_count("3-1"), 0);
	assert_int_equal(aic_array_count("1-"), 0);
	assert_int_equal(aic_array_count("x"), 0);
	assert_int_equal(aic_array_count(""), 0);
	assert_int_equal(aic_array_count("0-4294967295,0-9"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_job_that_says_nothing_gets_one_core_and_defaults),
		cmocka_unit_test(tasks_can_spread_over_as_many_nodes),
		cmocka_unit_test(cpus_follow_tasks_gpus_and_mincpus),
		cmocka_unit_test(memory_per_node_cpu_gpu_or_default),
		cmocka_unit_test(gpus_per_job_node_socket_and_task),
		cmocka_unit_test(exclusive_takes_whole_nodes_but_only_the_memory_asked_for),
		cmocka_unit_test(time_is_the_request_or_the_partition),
		cmocka_unit_test(absurd_numbers_do_not_wrap),
		cmocka_unit_test(tres_texts),
		cmocka_unit_test(array_texts),
	};

	return cmocka_run_group_tests_name("job_submit/estimate", tests, NULL, NULL);
}
