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
#define KERNEL(name, ...) KERNEL_OF(name, 0)
#define BLOCK_KERNEL(name, ...) KERNEL_OF(name, 1) /* its threads wait for each other */
#define LAUNCH(name, gx, gy, gz, block, stream, args)                                                    \
	((void)(stream), simt_launch(name##_thread, &(args), (simt_index){(unsigned)(gx), (unsigned)(gy), (unsigned)(gz)}, block, name##_waits))

/* --- the run-time library --- */

typedef int cudaError_t;
typedef void *cudaStream_t;
enum { cudaSuccess = 0, cudaErrorMemoryAllocation = 2, cudaErrorNoDevice = 100, cudaErrorNotReady = 600 };
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
cudaError_t cudaStreamQuery(cudaStream_t s);
cudaError_t cudaStreamDestroy(cudaStream_t s);
cudaError_t cudaGetLastError(void);
const char *cudaGetErrorString(cudaError_t e);

/* --- cuBLAS: bf16 times bf16 into float, sums in the order of the inner dimension --- */

typedef struct simt_blas *cublasHandle_t;
typedef enum { CUBLAS_STATUS_SUCCESS = 0, CUBLAS_STATUS_NOT_INITIALIZED = 1, CUBLAS_STATUS_INVALID_VALUE = 7, CUBLAS_STATUS_NOT_SUPPORTED = 15 } cublasStatus_t;
typedef enum { CUBLAS_OP_N, CUBLAS_OP_T } cublasOperation_t;
enum { CUDA_R_32F = 0, CUDA_R_16BF = 14, CUBLAS_COMPUTE_32F = 68, CUBLAS_GEMM_DEFAULT = -1, CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION = 16 };
cublasStatus_t cublasCreate(cublasHandle_t *h);
cublasStatus_t cublasDestroy(cublasHandle_t h);
cublasStatus_t cublasSetStream(cublasHandle_t h, cudaStream_t s);
cublasStatus_t cublasSetWorkspace(cublasHandle_t h, void *workspace, size_t bytes);
cublasStatus_t cublasSetMathMode(cublasHandle_t h, int mode);
cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t h, cublasOperation_t turn_a, cublasOperation_t turn_b, int m, int n, int k,
                                          const void *alpha, const void *a, int type_a, int lda, long long stride_a, const void *b, int type_b,
                                          int ldb, long long stride_b, const void *beta, void *c, int type_c, int ldc, long long stride_c,
                                          int batch, int compute, int algorithm);
cublasStatus_t cublasSgemm(cublasHandle_t h, cublasOperation_t turn_a, cublasOperation_t turn_b, int m, int n, int k, const float *alpha,
                           const float *a, int lda, const float *b, int ldb, const float *beta, float *c, int ldc);
const char *cublasGetStatusString(cublasStatus_t s);

/* --- NCCL, see simt_nccl.c --- */

typedef struct simt_comm *ncclComm_t;
typedef struct { char internal[128]; } ncclUniqueId;
typedef enum { ncclSuccess = 0, ncclInvalidArgument = 4 } ncclResult_t;
enum { ncclFloat = 7 };
ncclResult_t ncclGetUniqueId(ncclUniqueId *id);
ncclResult_t ncclCommInitRank(ncclComm_t *comm, int size, ncclUniqueId id, int rank);
ncclResult_t ncclCommDestroy(ncclComm_t comm);
ncclResult_t ncclCommAbort(ncclComm_t comm);
ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *r);
ncclResult_t ncclGroupStart(void);
ncclResult_t ncclGroupEnd(void);
ncclResult_t ncclSend(const void *from, size_t n, int type, int peer, ncclComm_t comm, cudaStream_t s);
ncclResult_t ncclRecv(void *to, size_t n, int type, int peer, ncclComm_t comm, cudaStream_t s);
const char *ncclGetErrorString(ncclResult_t r);

#endif
