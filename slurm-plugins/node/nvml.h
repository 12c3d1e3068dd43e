/* nvml.h: the few calls of NVIDIA's management library that the meter needs, found at run time: a node without a driver
 * has no GPU meter and needs no package. Constants and layouts are those of NVML's public documentation: "NVML API Reference Guide",
 * and for GPM its chapter "GPM Structs" and "GPM Functions", nvml.h of CUDA 12 (NVML_GPM_METRICS_GET_VERSION 1). */
#ifndef AIC_NODE_NVML_H
#define AIC_NODE_NVML_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

#define AIC_NVML_LIBRARY "libnvidia-ml.so.1"
#define AIC_NVML_GPUS_MAX 64
#define AIC_NVML_PROCESSES_MAX 256
#define AIC_NVML_UUID_LEN 96

/* What one GPU says of itself at one moment; whatever it does not say is unknown, never zero. */
typedef struct {
	char uuid[AIC_NVML_UUID_LEN];
	bool used_known;         /* utilisation and processes */
	uint32_t used_percent;   /* share of the last moments in which a kernel ran */
	bool energy_known;
	uint64_t energy_mj;      /* since the driver was loaded */
	bool activity_known;     /* the next two: GPM, since the last sample of that GPU */
	uint32_t sm;             /* share of the SMs that had work, 10000 for all of them all the time */
	uint32_t tensor;         /* share of the time in which the tensor cores worked, likewise */
	uint32_t processes;
	pid_t process[AIC_NVML_PROCESSES_MAX];
} aic_gpu_sample;

typedef struct aic_nvml aic_nvml;

/* AIC_NOT_FOUND where there is no library, no driver or no GPU. */
aic_code aic_nvml_open(aic_nvml **n, const char *library, aic_error *err);
uint32_t aic_nvml_count(const aic_nvml *n);
/* Never fails: see the flags. */
void aic_nvml_sample(aic_nvml *n, uint32_t gpu, aic_gpu_sample *s);
void aic_nvml_close(aic_nvml *n);

#endif
