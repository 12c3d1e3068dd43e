/* gpu.h: a GPU that does a training's arithmetic in the CPU's stead, behind a module that is loaded when one is asked for.
 *
 * The module (aic_gpu.so, built where nvcc is) holds kernels with the CPU's bits (class D0) and, with cuBLAS, faster ones (D1).
 * Programs need no CUDA library to start. Where a pass, a fold or an optimizer has a GPU, its vectors are in the GPU's memory.
 * All calls are in order on one stream; what goes wrong is kept and told by check. */
#ifndef AIC_GPU_H
#define AIC_GPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "mpi-runner/collective.h"
#include "mpi-runner/kernels/cpu/kernels.h"
#include "mpi-runner/spec.h"

#define AIC_GPU_MODULE_VERSION 1

typedef struct aic_gpu aic_gpu;
struct aic_layer;
struct aic_pass;

typedef struct {
	unsigned version;
	/* ordinal: which of the visible GPUs, taken modulo their number; fast: class D1. */
	aic_code (*open)(aic_gpu **g, unsigned ordinal, bool fast, aic_error *err);
	void (*close)(aic_gpu *g);

	void *(*room)(aic_gpu *g, size_t bytes); /* zeros; NULL once something went wrong */
	void (*release)(aic_gpu *g, void *p);
	void (*upload)(aic_gpu *g, void *to, const void *from, size_t bytes);
	void (*download)(aic_gpu *g, void *to, const void *from, size_t bytes); /* waits */
	void (*zero)(aic_gpu *g, void *p, size_t bytes);
	void (*set)(aic_gpu *g, float *at, float value);
	void (*add)(aic_gpu *g, size_t n, const float *x, float *y); /* y += x */
	/* *to = (float)*count */
	void (*number)(aic_gpu *g, const uint64_t *count, float *to);

	/* The layer's forward and backward, as model.h says of the CPU's. */
	void (*forward)(aic_gpu *g, const struct aic_layer *l, struct aic_pass *p, const float *x, float *y);
	void (*backward)(aic_gpu *g, const struct aic_layer *l, struct aic_pass *p, const float *x, const float *y, const float *dy, float *dx);
	/* As aic_pass_loss; loss and correct are in the GPU's memory. */
	void (*loss)(aic_gpu *g, struct aic_pass *p, float scale, float *loss, uint64_t *correct);
	float (*norm)(aic_gpu *g, const float *v, size_t n); /* as aic_gradient_norm; waits */
	void (*adamw)(aic_gpu *g, size_t n, const aic_adamw_step *s, const float *gradient, float *w, float *m, float *v);
	void (*momentum)(aic_gpu *g, size_t n, float lr, float momentum, float decay, float scale, const float *gradient, float *w, float *m);

	/* Between GPUs without a detour through host memory (NCCL). join is called by all ranks, which have agreed to; until it has
	 * succeeded tree_sum must not be called. */
	bool joins;
	aic_code (*join)(aic_gpu *g, aic_collective *c, aic_error *err);
	/* out = the sum of all ranks' partials by tree.h's tree; out may be partial[0]. */
	aic_code (*tree_sum)(aic_gpu *g, aic_collective *c, uint32_t shards, float *const *partial, size_t n, float *out, aic_error *err);

	/* Waits for all work; the first thing that went wrong. */
	aic_code (*check)(aic_gpu *g, aic_error *err);
} aic_gpu_kind;

struct aic_gpu {
	const aic_gpu_kind *kind;
	char name[96];  /* "NVIDIA H100 80GB HBM3" */
	char place[64]; /* host and PCI address: two ranks with the same place share a GPU */
	bool joined;    /* tree_sum goes from GPU to GPU */
};

/* *g NULL: the CPU computes, because it was asked for, or because of auto and there is no GPU (why, if not NULL, says so). fast: a
 * GPU it must be. The module is $AIC_GPU_MODULE, else the installed one. */
aic_code aic_gpu_choose(aic_gpu **g, aic_device_wish wish, bool fast, aic_error *why, aic_error *err);
void aic_gpu_close(aic_gpu *g);
/* All ranks: joins their GPUs where every rank has one of its own. */
aic_code aic_gpu_meet(aic_gpu *g, aic_collective *c, aic_error *err);

#endif
