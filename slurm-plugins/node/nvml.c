#include "slurm-plugins/node/nvml.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

enum { NVML_SUCCESS = 0 };
enum { GPM_VERSION = 1, GPM_SM_UTIL = 2, GPM_ANY_TENSOR_UTIL = 5, GPM_METRIC_MAX = 333 };

typedef void *nvml_device;
typedef struct { unsigned gpu, memory; } nvml_utilization;
typedef struct { unsigned pid; unsigned long long memory; unsigned gpu_instance, compute_instance; } nvml_process; /* since _v2 */
typedef struct { unsigned version, supported; } gpm_support;
typedef struct { unsigned id; int rc; double value; char *names[3]; } gpm_metric;
typedef struct { unsigned version, count; void *from, *to; gpm_metric metric[GPM_METRIC_MAX]; } gpm_metrics;

struct aic_nvml {
	void *library;
	uint32_t gpus;
	nvml_device device[AIC_NVML_GPUS_MAX];
	int (*init)(void);
	int (*shutdown)(void);
	int (*count)(unsigned *count);
	int (*handle)(unsigned index, nvml_device *device);
	int (*uuid)(nvml_device device, char *uuid, unsigned length);
	int (*utilization)(nvml_device device, nvml_utilization *utilization);
	int (*processes)(nvml_device device, unsigned *count, nvml_process *process);
	int (*energy)(nvml_device device, unsigned long long *mj); /* the last two may be missing */
	int (*mig_mode)(nvml_device device, unsigned *current, unsigned *pending);
	int (*gpm_query)(nvml_device device, gpm_support *support); /* all five are there, or none is asked */
	int (*gpm_alloc)(void **sample);
	int (*gpm_free)(void *sample);
	int (*gpm_get)(nvml_device device, void *sample);
	int (*gpm_metrics)(gpm_metrics *metrics);
	void *before[AIC_NVML_GPUS_MAX], *now[AIC_NVML_GPUS_MAX]; /* GPM's samples; NULL where the GPU has none */
	bool begun[AIC_NVML_GPUS_MAX];                            /* before holds one */
};

static void *symbol(aic_nvml *n, const char *name, const char *older)
{
	void *s = dlsym(n->library, name);

	return s || !older ? s : dlsym(n->library, older);
}

static bool find_symbols(aic_nvml *n)
{
	/* ISO C has no cast from an object pointer to a function pointer; POSIX promises that the bits are the same. */
#define FIND(field, name, older) \
	do { void *s_ = symbol(n, name, older); memcpy(&n->field, &s_, sizeof(s_)); } while (0)
	FIND(init, "nvmlInit_v2", NULL);
	FIND(shutdown, "nvmlShutdown", NULL);
	FIND(count, "nvmlDeviceGetCount_v2", NULL);
	FIND(handle, "nvmlDeviceGetHandleByIndex_v2", NULL);
	FIND(uuid, "nvmlDeviceGetUUID", NULL);
	FIND(utilization, "nvmlDeviceGetUtilizationRates", NULL);
	FIND(processes, "nvmlDeviceGetComputeRunningProcesses_v3", "nvmlDeviceGetComputeRunningProcesses_v2");
	FIND(energy, "nvmlDeviceGetTotalEnergyConsumption", NULL);
	FIND(mig_mode, "nvmlDeviceGetMigMode", NULL);
	FIND(gpm_query, "nvmlGpmQueryDeviceSupport", NULL);
	FIND(gpm_alloc, "nvmlGpmSampleAlloc", NULL);
	FIND(gpm_free, "nvmlGpmSampleFree", NULL);
	FIND(gpm_get, "nvmlGpmSampleGet", NULL);
	FIND(gpm_metrics, "nvmlGpmMetricsGet", NULL);
#undef FIND
	return n->init && n->shutdown && n->count && n->handle && n->uuid && n->utilization && n->processes;
}

/* Since Hopper, and a driver that has the calls. */
static void find_gpm(aic_nvml *n, uint32_t gpu)
{
	gpm_support support = { .version = GPM_VERSION };

	if (!n->gpm_query || !n->gpm_alloc || !n->gpm_free || !n->gpm_get || !n->gpm_metrics)
		return;
	if (n->gpm_query(n->device[gpu], &support) || !support.supported || n->gpm_alloc(&n->before[gpu]))
		return;
	if (n->gpm_alloc(&n->now[gpu])) {
		n->gpm_free(n->before[gpu]);
		n->before[gpu] = n->now[gpu] = NULL;
	}
}

static aic_code find_gpus(aic_nvml *n, aic_error *err)
{
	unsigned count = 0;

	if (n->count(&count) || count == 0)
		return aic_fail(err, AIC_NOT_FOUND, "the NVIDIA driver reports no GPU");
	n->gpus = count < AIC_NVML_GPUS_MAX ? count : AIC_NVML_GPUS_MAX;
	for (uint32_t i = 0; i < n->gpus; i++)
		if (n->handle(i, &n->device[i]))
			n->device[i] = NULL; /* fell off the bus: the others are still metered */
		else
			find_gpm(n, i);
	return AIC_OK;
}

aic_code aic_nvml_open(aic_nvml **out, const char *library, aic_error *err)
{
	aic_nvml *n = aic_xcalloc(1, sizeof(*n));
	aic_code rc;

	n->library = dlopen(library ? library : AIC_NVML_LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!n->library)
		rc = aic_fail(err, AIC_NOT_FOUND, "no NVIDIA driver: %s", dlerror());
	else if (!find_symbols(n))
		rc = aic_fail(err, AIC_NOT_FOUND, "%s lacks calls that every driver since 450 has", library ? library : AIC_NVML_LIBRARY);
	else if (n->init())
		rc = aic_fail(err, AIC_NOT_FOUND, "the NVIDIA driver does not answer: is its kernel module loaded?");
	else if ((rc = find_gpus(n, err)))
		n->shutdown();
	if (rc) {
		if (n->library)
			dlclose(n->library);
		free(n);
		return rc;
	}
	*out = n;
	return AIC_OK;
}

uint32_t aic_nvml_count(const aic_nvml *n)
{
	return n->gpus;
}

/* A GPU cut into MIG instances has no utilisation of its own. */
static bool is_cut(aic_nvml *n, nvml_device d)
{
	unsigned current = 0, pending = 0;

	return n->mig_mode && n->mig_mode(d, &current, &pending) == NVML_SUCCESS && current;
}

static bool sample_processes(aic_nvml *n, nvml_device d, aic_gpu_sample *s)
{
	nvml_process process[AIC_NVML_PROCESSES_MAX];
	unsigned count = AIC_NVML_PROCESSES_MAX;

	if (n->processes(d, &count, process) || count > AIC_NVML_PROCESSES_MAX)
		return false;
	for (unsigned i = 0; i < count; i++)
		s->process[i] = (pid_t)process[i].pid;
	s->processes = count;
	return true;
}

/* Percent as 10000ths. */
static bool read_share(const gpm_metric *m, uint32_t *share)
{
	if (m->rc != NVML_SUCCESS || !(m->value >= 0 && m->value < 101)) /* 100 and what rounding adds */
		return false;
	*share = m->value >= 100 ? 10000 : (uint32_t)(m->value * 100 + 0.5);
	return true;
}

/* GPM counts between two samples: the first one says nothing yet. */
static void sample_activity(aic_nvml *n, uint32_t gpu, aic_gpu_sample *s)
{
	gpm_metrics m = { .version = GPM_VERSION, .count = 2, .from = n->before[gpu], .to = n->now[gpu],
	                  .metric = { { .id = GPM_SM_UTIL }, { .id = GPM_ANY_TENSOR_UTIL } } };
	bool begun = n->begun[gpu];

	n->begun[gpu] = n->gpm_get(n->device[gpu], n->now[gpu]) == NVML_SUCCESS;
	if (begun && n->begun[gpu] && n->gpm_metrics(&m) == NVML_SUCCESS)
		s->activity_known = read_share(&m.metric[0], &s->sm) && read_share(&m.metric[1], &s->tensor);
	n->before[gpu] = m.to;
	n->now[gpu] = m.from;
}

void aic_nvml_sample(aic_nvml *n, uint32_t gpu, aic_gpu_sample *s)
{
	nvml_device d = n->device[gpu];
	nvml_utilization u = { 0 };
	unsigned long long mj = 0;

	s->uuid[0] = '\0';
	s->used_known = s->energy_known = s->activity_known = false;
	s->processes = 0;
	if (!d || n->uuid(d, s->uuid, sizeof(s->uuid)))
		return;
	bool cut = is_cut(n, d);
	if (!cut && n->utilization(d, &u) == NVML_SUCCESS && u.gpu <= 100 && sample_processes(n, d, s)) {
		s->used_known = true;
		s->used_percent = u.gpu;
	}
	if (cut)
		n->begun[gpu] = false;
	else if (n->before[gpu])
		sample_activity(n, gpu, s);
	if (n->energy && n->energy(d, &mj) == NVML_SUCCESS) {
		s->energy_known = true;
		s->energy_mj = mj;
	}
}

void aic_nvml_close(aic_nvml *n)
{
	if (!n)
		return;
	for (uint32_t i = 0; i < n->gpus; i++)
		if (n->before[i]) {
			n->gpm_free(n->before[i]);
			n->gpm_free(n->now[i]);
		}
	n->shutdown();
	dlclose(n->library);
	free(n);
}
