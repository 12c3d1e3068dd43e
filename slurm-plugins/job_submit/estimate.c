#include "slurm-plugins/job_submit/estimate.h"

#include <string.h>

typedef struct {
	uint32_t nodes, tasks, cpus;
	aic_gpu_list gpus;
	uint64_t gpu_count;
} shape;

static uint32_t clamp32(uint64_t v)
{
	return v < UINT32_MAX ? (uint32_t)v : UINT32_MAX - 1;
}

static bool set(uint32_t v)
{
	return v != AIC_UNSET;
}

static uint64_t max64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t min64(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void gpus_add(aic_gpu_list *to, const aic_gpu_list *from, uint64_t times)
{
	for (uint32_t i = 0; i < from->n; i++) {
		uint32_t j = 0;

		while (j < to->n && strcmp(to->gpu[j].type, from->gpu[i].type))
			j++;
		if (j == AIC_GPU_TYPES_MAX)
			j--;
		else if (j == to->n)
			to->gpu[to->n++] = (aic_gpu_count){ .count = 0 }, memcpy(to->gpu[j].type, from->gpu[i].type, AIC_NAME_LEN);
		to->gpu[j].count = clamp32(to->gpu[j].count + times * from->gpu[i].count);
	}
}

static uint64_t gpus_sum(const aic_gpu_list *l)
{
	uint64_t n = 0;

	for (uint32_t i = 0; i < l->n; i++)
		n += l->gpu[i].count;
	return n;
}

/* Slurm may spread n tasks over up to n nodes, unless the request or the partition bounds them. */
static uint32_t most_nodes(const aic_request *r, const aic_partition *p)
{
	uint64_t n = set(r->max_nodes) && r->max_nodes ? r->max_nodes : UINT64_MAX;

	if (n == UINT64_MAX && set(r->tasks)) {
		uint32_t per_node = set(r->tasks_per_node) && r->tasks_per_node ? r->tasks_per_node : 1;

		n = ((uint64_t)r->tasks + per_node - 1) / per_node;
	}
	if (n == UINT64_MAX)
		n = set(r->min_nodes) ? r->min_nodes : 1;
	n = max64(n, set(r->min_nodes) ? r->min_nodes : 1);
	n = max64(n, set(p->min_nodes) ? p->min_nodes : 1);
	if (set(p->max_nodes))
		n = min64(n, max64(p->max_nodes, 1));
	if (p->nodes)
		n = min64(n, p->nodes);
	return clamp32(max64(n, 1));
}

static uint32_t most_tasks(const aic_request *r, uint32_t nodes)
{
	if (set(r->tasks))
		return r->tasks;
	if (set(r->tasks_per_node))
		return clamp32((uint64_t)r->tasks_per_node * nodes);
	if (set(r->tasks_per_gpu)) {
		uint64_t gpus = gpus_sum(&r->gpus) + (uint64_t)nodes * gpus_sum(&r->gpus_per_node);

		return clamp32(max64(gpus * r->tasks_per_gpu, nodes));
	}
	return nodes;
}

static void count_gpus(shape *s, const aic_request *r, const aic_partition *p)
{
	uint32_t sockets = set(r->sockets_per_node) ? r->sockets_per_node : p->sockets;

	gpus_add(&s->gpus, &r->gpus_per_node, s->nodes);
	gpus_add(&s->gpus, &r->gpus_per_task, s->tasks);
	gpus_add(&s->gpus, &r->gpus_per_socket, (uint64_t)s->nodes * (sockets ? sockets : 1));
	/* --gpus gives the sum; together with another option it agrees with it or Slurm refuses the job. */
	if (gpus_sum(&r->gpus) > gpus_sum(&s->gpus)) {
		s->gpus.n = 0;
		gpus_add(&s->gpus, &r->gpus, 1);
	}
	s->gpu_count = gpus_sum(&s->gpus);
}

/* Whole cores: a node's share of n CPUs can be up to threads - 1 above what was asked for. */
static uint64_t whole_cores(uint64_t cpus, uint64_t pieces, uint32_t threads)
{
	return threads > 1 ? max64(cpus + min64(pieces, cpus) * (threads - 1), pieces * threads) : max64(cpus, pieces);
}

static void count_cpus(shape *s, const aic_request *r, const aic_partition *p)
{
	uint32_t per_task = set(r->cpus_per_task) && r->cpus_per_task ? r->cpus_per_task : 1;
	uint32_t per_gpu = set(r->cpus_per_gpu) ? r->cpus_per_gpu : p->def_cpu_per_gpu;
	uint64_t cpus = (uint64_t)s->tasks * per_task;

	if (per_gpu && s->gpu_count)
		cpus = set(r->cpus_per_task) ? max64(cpus, s->gpu_count * per_gpu) : max64(s->gpu_count * per_gpu, s->tasks);
	if (set(r->min_cpus))
		cpus = max64(cpus, r->min_cpus);
	if (set(r->node_cpus))
		cpus = max64(cpus, (uint64_t)s->nodes * r->node_cpus);
	if (p->threads > 1 && cpus % p->threads == 0 && per_task % p->threads == 0)
		cpus = max64(cpus, (uint64_t)s->nodes * p->threads);
	else
		cpus = whole_cores(cpus, s->nodes, p->threads);
	if (p->cpus)
		cpus = min64(cpus, (uint64_t)s->nodes * p->cpus);
	s->cpus = clamp32(cpus);
}

static uint64_t memory(const shape *s, const aic_request *r, const aic_partition *p)
{
	uint64_t all = (uint64_t)s->nodes * p->mem_mib, mib;

	if (!p->memory_counted)
		return 0;
	if (r->mem_per_gpu != UINT64_MAX && r->mem_per_gpu)
		mib = s->gpu_count * r->mem_per_gpu;
	else if (r->mem_per_node != UINT64_MAX)
		mib = r->mem_per_node ? s->nodes * r->mem_per_node : all;
	else if (r->mem_per_cpu != UINT64_MAX)
		mib = r->mem_per_cpu ? s->cpus * r->mem_per_cpu : all;
	else if (p->def_mem_per_gpu && s->gpu_count)
		mib = s->gpu_count * p->def_mem_per_gpu;
	else if (p->def_mem_per_node)
		mib = s->nodes * p->def_mem_per_node;
	else if (p->def_mem_per_cpu)
		mib = s->cpus * p->def_mem_per_cpu;
	else
		mib = all;
	return all ? min64(mib, all) : mib;
}

static void fill(aic_estimate *e, shape *s, const aic_request *r, const aic_partition *p)
{
	bool whole = r->exclusive || p->whole_nodes;

	e->nodes = s->nodes;
	e->total.cpus = whole && p->cpus ? clamp32((uint64_t)s->nodes * p->cpus) : s->cpus;
	e->total.mem_mib = memory(s, r, p);
	if (whole && p->gpus.n) { /* every GPU of the nodes is then out of others' reach and counted to the job */
		s->gpus.n = 0;
		gpus_add(&s->gpus, &p->gpus, s->nodes);
	}
	e->total.gpu_types = s->gpus.n;
	memcpy(e->total.gpu, s->gpus.gpu, s->gpus.n * sizeof(s->gpus.gpu[0]));
}

void aic_request_init(aic_request *r)
{
	*r = (aic_request){
		.min_nodes = AIC_UNSET, .max_nodes = AIC_UNSET, .tasks = AIC_UNSET, .tasks_per_node = AIC_UNSET,
		.tasks_per_gpu = AIC_UNSET, .cpus_per_task = AIC_UNSET, .min_cpus = AIC_UNSET, .node_cpus = AIC_UNSET,
		.sockets_per_node = AIC_UNSET, .mem_per_node = UINT64_MAX, .mem_per_cpu = UINT64_MAX, .mem_per_gpu = UINT64_MAX,
		.cpus_per_gpu = AIC_UNSET, .array_tasks = 1, .seconds = -1,
	};
}

void aic_estimate_job(aic_estimate *e, const aic_request *r, const aic_partition *p)
{
	shape s = { .nodes = most_nodes(r, p) };

	s.tasks = most_tasks(r, s.nodes);
	count_gpus(&s, r, p);
	count_cpus(&s, r, p);
	*e = (aic_estimate){ .jobs = r->array_tasks, .seconds = r->seconds < 0 ? p->default_seconds : r->seconds };
	fill(e, &s, r, p);
}
