/* meter.h: how much of the GPUs each step used.
 *
 * Every tick, each GPU's utilisation since the last one goes to the step whose process runs on it (found by its slurmstepd
 * among the process's ancestors), so neither Slurm's GPU numbers nor NVML's order matter. A batch script and the steps that it starts
 * have different slurmstepds: nothing counts twice. Where GPUs have GPM, what their SMs and tensor cores did is summed too. What cannot be told is unknown, never zero: a GPU that does not answer
 * or is cut into MIG instances, one that two steps share, ticks that were missed. */
#ifndef AIC_NODE_METER_H
#define AIC_NODE_METER_H

#include <stdint.h>

#include "common/error.h"
#include "common/receipt.h"

#define AIC_METER_INTERVAL_MS 1000
#define AIC_METER_GAP_MS 5000      /* a longer time between two ticks is a gap that nobody measured */
#define AIC_METER_SAVE_MS 10000    /* what steps used so far survives a kill up to that */
#define AIC_METER_COVERED 900000   /* ppm of a step's time that must have been measured */

typedef struct aic_meter aic_meter;

/* library NULL: the driver's. AIC_NOT_FOUND where the node has no NVIDIA GPU. Makes NODE_DIR/steps. */
aic_code aic_meter_open(aic_meter **m, const char *node_dir, const char *library, aic_error *err);
/* now_ms: the wall clock. */
void aic_meter_tick(aic_meter *m, int64_t now_ms);
/* Fills gpu_ms, energy_mj and activity where enough of the step was measured. */
void aic_meter_complete(const aic_meter *m, aic_receipt *r);
/* The receipt is safe: drops what is known of the step. */
void aic_meter_forget(aic_meter *m, const aic_receipt *r);
uint32_t aic_meter_gpus(const aic_meter *m);
void aic_meter_close(aic_meter *m);

#endif
