/* fake_nvml.c: a library with NVML's names that says what the file $FAKE_NVML says at that moment, one line per GPU:
 *
 *     UUID USED ENERGY MIG PIDS [SM TENSOR]       GPU-a 75 120000 0 4711,4712 61.5 40
 *
 * USED in percent, ENERGY in mJ, MIG 0 or 1, PIDS "-" for none. "-" for USED or ENERGY: not supported; "lost" for USED: the
 * GPU fell off the bus; "shy" for PIDS: the list of processes is not supported. No file: the driver is not loaded. SM and TENSOR
 * are GPM's percentages; without them the GPU has no GPM, "-": the metric is not supported, "fails": no sample can be had. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SUCCESS = 0, INVALID = 2, NOT_SUPPORTED = 3, INSUFFICIENT_SIZE = 7, DRIVER_NOT_LOADED = 9, LOST = 15, VERSION_MISMATCH = 25,
       UNKNOWN = 999, GPM_MAX = 333 };

typedef struct {
	char uuid[96], used[16], energy[32], pids[4096], sm[16], tensor[16];
	int mig, gpm;
} gpu;

typedef struct { unsigned pid; unsigned long long memory; unsigned gpu_instance, compute_instance; } process;
typedef struct { unsigned version, supported; } gpm_support;
typedef struct { unsigned id; int rc; double value; char *names[3]; } gpm_metric;
typedef struct { int taken; char sm[16], tensor[16]; } gpm_sample;
typedef struct { unsigned version, count; gpm_sample *from, *to; gpm_metric metric[GPM_MAX]; } gpm_metrics;

int nvmlInit_v2(void);
int nvmlShutdown(void);
int nvmlDeviceGetCount_v2(unsigned *count);
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device);
int nvmlDeviceGetUUID(void *device, char *uuid, unsigned length);
int nvmlDeviceGetUtilizationRates(void *device, unsigned rates[2]);
int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *count, process *list);
int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *mj);
int nvmlDeviceGetMigMode(void *device, unsigned *current, unsigned *pending);
int nvmlGpmQueryDeviceSupport(void *device, gpm_support *support);
int nvmlGpmSampleAlloc(gpm_sample **sample);
int nvmlGpmSampleFree(gpm_sample *sample);
int nvmlGpmSampleGet(void *device, gpm_sample *sample);
int nvmlGpmMetricsGet(gpm_metrics *metrics);

/* The n-th line; 0 where there is none. */
static int look(unsigned n, gpu *g)
{
	const char *path = getenv("FAKE_NVML");
	FILE *f = path ? fopen(path, "r") : NULL;
	char line[8192];
	int found = 0;

	while (f && fgets(line, sizeof(line), f))
		if (n-- == 0) {
			int n_read = sscanf(line, "%95s %15s %31s %d %4095s %15s %15s", g->uuid, g->used, g->energy, &g->mig, g->pids, g->sm,
			                    g->tensor);
			found = n_read >= 5;
			g->gpm = n_read == 7;
			break;
		}
	if (f)
		fclose(f);
	return found;
}

static int look_at(void *device, gpu *g)
{
	if (!device || !look((unsigned)(size_t)device - 1, g))
		return INVALID;
	return strcmp(g->used, "lost") ? SUCCESS : LOST;
}

int nvmlInit_v2(void)
{
	const char *path = getenv("FAKE_NVML");
	FILE *f = path ? fopen(path, "r") : NULL;

	if (!f)
		return DRIVER_NOT_LOADED;
	fclose(f);
	return SUCCESS;
}

int nvmlShutdown(void)
{
	return SUCCESS;
}

int nvmlDeviceGetCount_v2(unsigned *count)
{
	gpu g;

	for (*count = 0; look(*count, &g); ++*count)
		;
	return SUCCESS;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **device)
{
	*device = (void *)(size_t)(index + 1);
	return SUCCESS;
}

int nvmlDeviceGetUUID(void *device, char *uuid, unsigned length)
{
	gpu g;
	int rc = look_at(device, &g);

	if (rc)
		return rc;
	return (unsigned)snprintf(uuid, length, "%s", g.uuid) < length ? SUCCESS : INSUFFICIENT_SIZE;
}

int nvmlDeviceGetUtilizationRates(void *device, unsigned rates[2])
{
	gpu g;
	int rc = look_at(device, &g);

	if (rc)
		return rc;
	if (!strcmp(g.used, "-"))
		return NOT_SUPPORTED;
	rates[0] = (unsigned)atoi(g.used);
	rates[1] = 0;
	return SUCCESS;
}

int nvmlDeviceGetComputeRunningProcesses_v3(void *device, unsigned *count, process *list)
{
	unsigned room = *count;
	gpu g;
	int rc = look_at(device, &g);

	if (rc)
		return rc;
	if (!strcmp(g.pids, "shy"))
		return NOT_SUPPORTED;
	*count = 0;
	for (char *save = NULL, *p = strtok_r(g.pids, ",", &save); p && strcmp(p, "-"); p = strtok_r(NULL, ",", &save)) {
		if (*count == room)
			return INSUFFICIENT_SIZE;
		list[(*count)++] = (process){ .pid = (unsigned)atoi(p) };
	}
	return SUCCESS;
}

int nvmlDeviceGetTotalEnergyConsumption(void *device, unsigned long long *mj)
{
	gpu g;
	int rc = look_at(device, &g);

	if (rc)
		return rc;
	if (!strcmp(g.energy, "-"))
		return NOT_SUPPORTED;
	*mj = strtoull(g.energy, NULL, 10);
	return SUCCESS;
}

int nvmlDeviceGetMigMode(void *device, unsigned *current, unsigned *pending)
{
	gpu g;
	int rc = look_at(device, &g);

	if (rc)
		return rc;
	*current = *pending = (unsigned)g.mig;
	return SUCCESS;
}

int nvmlGpmQueryDeviceSupport(void *device, gpm_support *support)
{
	gpu g;
	int rc = look_at(device, &g);

	if (rc)
		return rc;
	if (support->version != 1)
		return VERSION_MISMATCH;
	support->supported = (unsigned)g.gpm;
	return SUCCESS;
}

int nvmlGpmSampleAlloc(gpm_sample **sample)
{
	*sample = calloc(1, sizeof(**sample));
	return *sample ? SUCCESS : UNKNOWN;
}

int nvmlGpmSampleFree(gpm_sample *sample)
{
	free(sample);
	return SUCCESS;
}

int nvmlGpmSampleGet(void *device, gpm_sample *sample)
{
	gpu g;
	int rc = look_at(device, &g);

	if (rc)
		return rc;
	if (!g.gpm || g.mig || !strcmp(g.sm, "fails"))
		return NOT_SUPPORTED;
	sample->taken = 1;
	memcpy(sample->sm, g.sm, sizeof(g.sm));
	memcpy(sample->tensor, g.tensor, sizeof(g.tensor));
	return SUCCESS;
}

/* What the file said when the later of the two was taken. */
int nvmlGpmMetricsGet(gpm_metrics *m)
{
	if (m->version != 1)
		return VERSION_MISMATCH;
	if (!m->from || !m->to || m->from == m->to || !m->from->taken || !m->to->taken || m->count > GPM_MAX)
		return INVALID;
	for (unsigned i = 0; i < m->count; i++) {
		const char *said = m->metric[i].id == 2 ? m->to->sm : m->metric[i].id == 5 ? m->to->tensor : "-";

		m->metric[i].rc = strcmp(said, "-") ? SUCCESS : NOT_SUPPORTED;
		m->metric[i].value = strtod(said, NULL);
	}
	return SUCCESS;
}
