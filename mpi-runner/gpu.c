#include "mpi-runner/gpu.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "mpi-runner/tree.h"

#ifndef AIC_MODULE_DIR
#define AIC_MODULE_DIR "/usr/lib/aic"
#endif

/* Tasks of a node share its GPUs out in their order; where Slurm gave each task its own, all of them are number 0. */
static unsigned ordinal_here(void)
{
	static const char *const names[] = {"SLURM_LOCALID", "OMPI_COMM_WORLD_LOCAL_RANK"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (getenv(names[i]))
			return (unsigned)strtoul(getenv(names[i]), NULL, 10);
	return 0;
}

static aic_code load(const aic_gpu_kind **kind, aic_error *err)
{
	const char *path = getenv("AIC_GPU_MODULE");

	path = path && *path ? path : AIC_MODULE_DIR "/aic_gpu.so";
	void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
	if (!module)
		return aic_fail(err, AIC_NOT_FOUND, "no part for GPUs is installed: %s", dlerror());
	*kind = dlsym(module, "aic_gpu_module");
	if (!*kind || (*kind)->version != AIC_GPU_MODULE_VERSION)
		return aic_fail(err, AIC_CORRUPT, "%s is %s: install the one of this version of AIC", path,
		                *kind ? "of another version" : "not AIC's part for GPUs");
	return AIC_OK;
}

aic_code aic_gpu_choose(aic_gpu **g, aic_device_wish wish, bool fast, aic_error *why, aic_error *err)
{
	const aic_gpu_kind *kind = NULL;
	aic_error reason = {0};

	*g = NULL;
	why->message[0] = '\0';
	if (wish == AIC_DEVICE_CPU)
		return AIC_OK;
	aic_code rc = load(&kind, &reason);
	if (rc == AIC_OK)
		rc = kind->open(g, ordinal_here(), fast, &reason);
	if (rc == AIC_OK)
		return AIC_OK;
	if (wish == AIC_DEVICE_AUTO && !fast && rc == AIC_NOT_FOUND) {
		*why = reason;
		return AIC_OK;
	}
	if (fast)
		return aic_fail(err, rc, "prove: class: D1 needs a GPU: %.500s; use class: D0, or a node with one", reason.message);
	return aic_fail(err, rc, "train: device: gpu: %.500s; use device: cpu, or a node with one", reason.message);
}

void aic_gpu_close(aic_gpu *g)
{
	if (g)
		g->kind->close(g);
}

/* True where all ranks have a GPU, and none the same as another's. */
static aic_code all_apart(const aic_gpu *g, aic_collective *c, bool *apart, aic_error *err)
{
	enum { WORDS = sizeof(((aic_gpu *)0)->place) / sizeof(uint64_t) };
	uint64_t *place = aic_xcalloc(c->size, WORDS * sizeof(uint64_t));

	if (g && g->kind->joins)
		memcpy(place + c->rank * WORDS, g->place, sizeof(g->place));
	aic_code rc = aic_collective_sum(c, place, c->size * WORDS, err);
	*apart = rc == AIC_OK;
	for (unsigned r = 0; r < c->size; r++) {
		*apart = *apart && place[r * WORDS] != 0;
		for (unsigned other = 0; other < r; other++)
			*apart = *apart && memcmp(place + r * WORDS, place + other * WORDS, sizeof(g->place)) != 0;
	}
	free(place);
	return rc;
}

aic_code aic_gpu_meet(aic_gpu *g, aic_collective *c, aic_error *err)
{
	bool apart = false;

	if (c->size == 1)
		return AIC_OK;
	aic_code rc = all_apart(g, c, &apart, err);
	if (rc != AIC_OK || !apart)
		return rc;
	rc = aic_collective_agree(c, g->kind->join(g, c, err), err);
	g->joined = rc == AIC_OK;
	return rc;
}
