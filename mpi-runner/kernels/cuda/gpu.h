/* gpu.h: this module's GPU, shared by its files. */
#ifndef AIC_CUDA_GPU_H
#define AIC_CUDA_GPU_H

#include "mpi-runner/gpu.h"
#include "mpi-runner/kernels/cuda/kernels.h"
#include "mpi-runner/model.h"

typedef struct aic_cuda_fast aic_cuda_fast;
typedef struct aic_cuda_ranks aic_cuda_ranks;

typedef struct {
	aic_gpu base;
	cudaStream_t stream;
	bool failed;
	aic_error failure; /* the first */
	float *norm_room;  /* chunks of the norm, and their sum behind them */
	size_t norm_chunks;
	aic_cuda_fast *fast; /* class D1 */
	aic_cuda_ranks *ranks; /* joined by NCCL */
} cuda_gpu;

/* Keeps the first failure; true where e is one. */
bool aic_cuda_failed(cuda_gpu *g, cudaError_t e, const char *what);

void aic_cuda_fast_open(cuda_gpu *g);
void aic_cuda_fast_close(cuda_gpu *g);
/* As aic_cu_gemm, with D1's arithmetic. */
void aic_cuda_fast_product(cuda_gpu *g, aic_cu_product p);

#ifdef AIC_WITH_NCCL
aic_code aic_cuda_join(aic_gpu *g, aic_collective *c, aic_error *err);
void aic_cuda_leave(cuda_gpu *g);
aic_code aic_cuda_tree_sum(aic_gpu *g, aic_collective *c, uint32_t shards, float *const *partial, size_t n, float *out, aic_error *err);
#endif

void aic_cuda_forward(aic_gpu *g, const aic_layer *l, aic_pass *p, const float *x, float *y);
void aic_cuda_backward(aic_gpu *g, const aic_layer *l, aic_pass *p, const float *x, const float *y, const float *dy, float *dx);

#endif
