/* simt.h: as much of CUDA as this room's kernels use, run by the CPU, one thread of a block after the other: so that the kernels'
 * arithmetic, indices and host logic are tested where there is no GPU. Only for tests: it is slow.
 *
 * Threads of a block that wait for each other are fibers, switched at __syncthreads. Memory from cudaMalloc starts as NaNs. */
#ifndef AIC_SIMT_H
#define AIC_SIMT_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct { unsigned x, y, z; } simt_index;
extern simt_index threadIdx, blockIdx, blockDim, gridDim;

#define __global__
#define __device__
#define __forceinline__ inline __attribute__((always_inline))
#define __shared__ static
#define __restrict__ restrict
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
typedef struct __attribute__((aligned(16), may_alias)) { float x, y, z, w; } float4;

void __syncthreads(void);
void simt_launch(void (*thread)(const void *), const void *args, simt_index grid, unsigned block, bool together);

/* KERNEL(name) {...}: a kernel whose only parameter is name_args a. */
#define KERNEL_OF(name, waits)                                                                           \
	static void name(name##_args a);                                                                 \
	static void name##_thread(const void *args) { name(*(const name##_args *)args); }                \
	enum { name##_waits = waits };                                                                   \
	static void name(name##_args a)
#define KERNEL(name, threads) KERNEL_OF(name, 0)
#define BLOCK_KERNEL(name, threads) KERNEL_OF(name, 1) /* its threads wait for each other */
#define LAUNCH(name, gx, gy, gz, block, stream, args)                                                    \
	((void)(stream), simt_launch(name##_thread, &(args), (simt_index){(unsigned)(gx), (unsigned)(gy), (unsigned)(gz)}, block, name##_waits))

/* --- the run-time library --- */

typedef int cudaError_t;
typedef void *cudaStream_t;
enum { cudaSuccess = 0, cudaErrorMemoryAllocation = 2, cudaErrorNoDevice = 100 };
enum { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3 };
struct cudaDeviceProp { char name[256]; int major, minor; size_t totalGlobalMem; };

cudaError_t cudaGetDeviceCount(int *n); /* SIMT_DEVICES [1] */
cudaError_t cudaSetDevice(int device);
cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int device);
cudaError_t cudaDeviceGetPCIBusId(char *text, int len, int device);
cudaError_t cudaMalloc(void **p, size_t bytes); /* fails beyond SIMT_MEMORY bytes in all, if set */
cudaError_t cudaFree(void *p);
cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total);
cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, int kind, cudaStream_t s);
cudaError_t cudaMemsetAsync(void *p, int value, size_t bytes, cudaStream_t s);
cudaError_t cudaStreamCreate(cudaStream_t *s);
cudaError_t cudaStreamSynchronize(cudaStream_t s);
cudaError_t cudaStreamDestroy(cudaStream_t s);
cudaError_t cudaGetLastError(void);
const char *cudaGetErrorString(cudaError_t e);

#endif
