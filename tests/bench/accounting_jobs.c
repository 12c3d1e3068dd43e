#include "tests/bench/accounting_jobs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED 42
#define ACCOUNTS 200
#define USERS 1000
#define PROVIDERS 20

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

void bench_job_make(bench_job *j, uint32_t id)
{
	aic_job_record *r = &j->record;
	uint64_t x = mix(SEED + id * 0x9e3779b97f4a7c15), y = mix(x + 0x9e3779b97f4a7c15);
	double u = ((double)(x >> 11) + 1) / 9007199254740994.0;
	uint32_t first = (uint32_t)(y >> 32) % (BENCH_NODES - BENCH_NODES_OF_JOB);

	memset(r, 0, sizeof(*r));
	memcpy(r->cluster, "centre", 7);
	r->job_id = id;
	r->array_job_id = id % 4 ? id - id % 50 : 0;
	r->array_task_id = r->array_job_id ? id % 50 : 0xfffffffe;
	r->uid = 1000 + (uint32_t)(x % USERS);
	snprintf(r->user, sizeof(r->user), "user%u", r->uid);
	snprintf(r->account, sizeof(r->account), "account%u", r->uid % ACCOUNTS);
	memcpy(r->partition, "gpu", 4);
	r->submit = 1000000 + id / 2; /* a million jobs in six days */
	r->start = r->submit + (int64_t)(x >> 40) % 600;
	r->end = r->start + (int64_t)(20 * pow(u, -0.7)) % 600000;
	r->time_limit = 604800;
	r->state = y % 50 == 0 ? AIC_STATE_NODE_FAIL : y % 10 == 0 ? AIC_STATE_FAILED : AIC_STATE_COMPLETED;
	r->nodes = y % 100 < 90 ? 1 : 2 + (uint32_t)(y >> 8) % (BENCH_NODES_OF_JOB - 1);
	r->node = j->node;
	for (uint32_t i = 0; i < r->nodes; i++) {
		aic_node_share *n = &j->node[i];
		n->name[0] = '\0';
		snprintf(n->name, sizeof(n->name), "n%u", first + i);
		n->cpus = 1 + (uint32_t)(x >> 16) % 64;
		n->mem_mib = 1024 * (1 + (x >> 24) % 256);
		n->gpu_types = y % 3 > 0;
		n->gpu[0].count = 1 + (uint32_t)(y >> 16) % 4;
		memcpy(n->gpu[0].type, "a100", 5);
	}
}

aic_receipt bench_job_receipt(const bench_job *j, uint32_t k)
{
	const aic_job_record *r = &j->record;
	uint64_t ran = (uint64_t)(r->end - r->start);
	aic_receipt t = {.job_id = r->job_id, .uid = r->uid, .start = r->start, .end = r->end, .cpus = j->node[k].cpus,
	                 .cpu_ms = ran * j->node[k].cpus * 700, .mem_peak_mib = 100, .gpus = AIC_UNKNOWN, .gpu_ms = ran * 400,
	                 .energy_mj = AIC_UNKNOWN, .read_mib = AIC_UNKNOWN, .determinism = 2};

	memcpy(t.cluster, r->cluster, sizeof(t.cluster));
	memcpy(t.node, j->node[k].name, sizeof(t.node));
	return t;
}

uint32_t bench_node_index(const char *node)
{
	return (uint32_t)atoi(node + 1);
}

typedef struct {
	int64_t end;
	uint32_t id;
} ended;

static int by_end(const void *a, const void *b)
{
	const ended *x = a, *y = b;

	if (x->end != y->end)
		return x->end < y->end ? -1 : 1;
	return x->id < y->id ? -1 : 1;
}

uint32_t *bench_job_order(uint32_t n)
{
	ended *all = aic_xcalloc(n, sizeof(*all));
	uint32_t *order = aic_xcalloc(n, sizeof(*order));
	bench_job j;

	for (uint32_t i = 0; i < n; i++) {
		bench_job_make(&j, i + 1);
		all[i] = (ended){j.record.end, i + 1};
	}
	qsort(all, n, sizeof(*all), by_end);
	for (uint32_t i = 0; i < n; i++)
		order[i] = all[i].id;
	free(all);
	return order;
}

void bench_centre(aic_config *c, const char *folder)
{
	const int each = BENCH_NODES / PROVIDERS;

	memset(c, 0, sizeof(*c));
	snprintf(c->spool, sizeof(c->spool), "%s/spool", folder);
	snprintf(c->run_dir, sizeof(c->run_dir), "%s/run", folder);
	snprintf(c->state_dir, sizeof(c->state_dir), "%s", folder);
	memcpy(c->site, "centre", 7);
	aic_rates_default(&c->rates);
	c->approvals = 1;
	c->n_providers = PROVIDERS;
	c->provider = aic_xcalloc(PROVIDERS, sizeof(*c->provider));
	for (int i = 0; i < PROVIDERS; i++) {
		snprintf(c->provider[i].name, AIC_NAME_LEN, "lab%d", i);
		snprintf(c->provider[i].organisation, AIC_NAME_LEN, "institute%d", i);
		snprintf(c->provider[i].nodes, AIC_PATH_LEN, "n[%d-%d]", i * each, (i + 1) * each - 1);
	}
}

void bench_centre_free(aic_config *c)
{
	free(c->provider);
}
