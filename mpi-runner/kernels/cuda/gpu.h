/* gpu.h: this module's GPU, shared by its files. */
#ifndef AIC_CUDA_GPU_H
#define AIC_CUDA_GPU_H

#include "mpi-runner/gpu.h"
#include "mpi-runner/kernels/cuda/kernels.h"
#include "mpi-runner/model.h"

typedef struct {
	aic_gpu base;
	cudaStream_t stream;
	bool failed;
	aic_error failure; /* the first */
	float *norm_room;  /* chunks of the norm, and their sum behind them */
	size_t norm_chunks;
} cuda_gpu;

/* Keeps the first failure; true where e is one. */
bool aic_cuda_failed(cuda_gpu *g, cudaError_t e, const char *what);

void aic_cuda_forward(aic_gpu *g, const aic_layer *l, aic_pass *p, const float *x, float *y);
void aic_cuda_backward(aic_gpu *g, const aic_layer *l, aic_pass *p, const float *x, const float *y, const float *dy, float *dx);

#endif
