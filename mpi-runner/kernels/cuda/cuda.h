/* cuda.h: what kernels are written in: CUDA, or simt.h's likeness of it on the CPU. The language is the part that C and C++ share. */
#ifndef AIC_CUDA_H
#define AIC_CUDA_H

#ifdef AIC_SIMT
#include "mpi-runner/kernels/cuda/simt.h"
#else
#include <cublas_v2.h>
#include <cuda_runtime.h>
#ifdef AIC_WITH_NCCL
#include <nccl.h>
#endif
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
/* KERNEL(name, threads [, blocks]) {...}: a kernel whose only parameter is name_args a, for as many threads to a block, and blocks to
 * a multiprocessor at least. A BLOCK_KERNEL's threads wait for each other. */
#define KERNEL_OF(name, ...) __global__ static void __launch_bounds__(__VA_ARGS__) name(const name##_args a)
#define KERNEL(name, ...) KERNEL_OF(name, __VA_ARGS__)
#define BLOCK_KERNEL(name, ...) KERNEL_OF(name, __VA_ARGS__)
#define LAUNCH(name, gx, gy, gz, block, stream, args) \
	name<<<dim3((unsigned)(gx), (unsigned)(gy), (unsigned)(gz)), (block), 0, (stream)>>>(args)
#endif

#ifdef AIC_SIMT
#define UNROLL
#else
#define UNROLL _Pragma("unroll")
#endif
#define INLINE static __device__ __forceinline__

#define THREADS 256
/* Runs the statement for i in [0, n), whatever the grid. */
#define EACH(i, n)                                                                                                          \
	for (size_t i = (size_t)blockIdx.x * blockDim.x + threadIdx.x; i < (n); i += (size_t)gridDim.x * blockDim.x)

static inline unsigned aic_blocks(size_t n)
{
	size_t blocks = (n + THREADS - 1) / THREADS, most = 132 * 16;
	return (unsigned)(blocks < most ? blocks ? blocks : 1 : most);
}

#endif
