/* optimizer.h: from a gradient to new weights; its state travels in checkpoints. */
#ifndef AIC_OPTIMIZER_H
#define AIC_OPTIMIZER_H

#include "mpi-runner/kernels/cpu/gemm.h"
#include "mpi-runner/spec.h"

#define AIC_NORM_CHUNK 65536 /* values */

typedef struct {
	const aic_spec *spec;
	size_t n;
	float *mean, *square;   /* square NULL for sgd */
	float power1, power2;   /* beta1^t, beta2^t: running products */
	uint64_t total_steps;   /* for schedules */
	float *live_mean, *live_square; /* what steps work on: in a GPU's memory, or the very same vectors */
	struct aic_gpu *gpu;
} aic_optimizer;

void aic_optimizer_init(aic_optimizer *o, const aic_spec *spec, size_t n, uint64_t total_steps);
void aic_optimizer_free(aic_optimizer *o);
/* Steps happen in g's memory from now on; mean and square are sent there, again too, and fetched from there for a checkpoint. */
void aic_optimizer_move(aic_optimizer *o, struct aic_gpu *g);
void aic_optimizer_fetch(aic_optimizer *o);
/* Learning rate of step t (from 0): warm-up is linear over spec->warmup steps, then constant, or down to 0 at the end. */
float aic_optimizer_rate(const aic_optimizer *o, uint64_t step);
/* Euclidean norm: chunks of AIC_NORM_CHUNK values, each summed as row_squares does, chunks added in order. */
float aic_gradient_norm(const aic_cpu *cpu, const float *g, size_t n);
/* One step; norm is the gradient's, for clipping. */
void aic_optimizer_step(aic_optimizer *o, const aic_cpu *cpu, uint64_t step, float norm, const float *g, float *w);

#endif
