#include "slurm-plugins/node/nvml.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

enum { NVML_SUCCESS = 0 };

typedef void *nvml_device;
typedef struct { unsigned gpu, memory; } nvml_utilization;
typedef struct { unsigned pid; unsigned long long memory; unsigned gpu_instance, compute_instance; } nvml_process; /* since _v2 */

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
#undef FIND
	return n->init && n->shutdown && n->count && n->handle && n->uuid && n->utilization && n->processes;
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

void aic_nvml_sample(aic_nvml *n, uint32_t gpu, aic_gpu_sample *s)
{
	nvml_device d = n->device[gpu];
	nvml_utilization u = { 0 };
	unsigned long long mj = 0;

	s->uuid[0] = '\0';
	s->used_known = s->energy_known = false;
	s->processes = 0;
	if (!d || n->uuid(d, s->uuid, sizeof(s->uuid)))
		return;
	if (!is_cut(n, d) && n->utilization(d, &u) == NVML_SUCCESS && u.gpu <= 100 && sample_processes(n, d, s)) {
		s->used_known = true;
		s->used_percent = u.gpu;
	}
	if (n->energy && n->energy(d, &mj) == NVML_SUCCESS) {
		s->energy_known = true;
		s->energy_mj = mj;
	}
}

void aic_nvml_close(aic_nvml *n)
{
	if (!n)
		return;
	n->shutdown();
	dlclose(n->library);
	free(n);
}
