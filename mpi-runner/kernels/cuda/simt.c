#include "mpi-runner/kernels/cuda/simt.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <ucontext.h>

enum { STACK = 1 << 17, BLOCK_MAX = 1024 };

simt_index threadIdx, blockIdx, blockDim, gridDim;

/* --- blocks: a fiber for each thread, made once, switched by jumps, which unlike swapcontext ask nothing of the kernel --- */

static ucontext_t maker, born[BLOCK_MAX];
static jmp_buf scheduler, fiber[BLOCK_MAX];
static bool done[BLOCK_MAX];
static char *stack[BLOCK_MAX];
static void (*body)(const void *);
static const void *body_args;

void __syncthreads(void)
{
	if (_setjmp(fiber[threadIdx.x]) == 0)
		_longjmp(scheduler, 1);
}

static void live(void)
{
	if (_setjmp(fiber[threadIdx.x]) == 0)
		swapcontext(&born[threadIdx.x], &maker);
	for (;;) {
		body(body_args);
		done[threadIdx.x] = true;
		__syncthreads();
	}
}

static void make_fibers(unsigned block)
{
	static volatile unsigned t; /* getcontext may return twice */

	for (t = 0; t < block; t++) {
		if (stack[t])
			continue;
		if (!(stack[t] = malloc(STACK)))
			abort();
		getcontext(&born[t]);
		born[t].uc_stack.ss_sp = stack[t];
		born[t].uc_stack.ss_size = STACK;
		makecontext(&born[t], live, 0);
		threadIdx.x = t;
		swapcontext(&maker, &born[t]);
	}
}

/* Each thread of the block up to its next __syncthreads, or its end: from another one each time and in turns forwards and backwards, so
 * that a missing __syncthreads shows in the result. */
static void run_together(unsigned block)
{
	static volatile unsigned t, left, i; /* they outlive the jumps */
	static unsigned rounds;

	make_fibers(block);
	memset(done, 0, sizeof(done));
	do {
		left = 0;
		rounds++;
		for (i = 0; i < block; i++) {
			t = (rounds % 2 ? i : block - 1 - i) + rounds * 37 % block;
			t = t % block;
			if (done[t])
				continue;
			threadIdx.x = t;
			if (_setjmp(scheduler) == 0)
				_longjmp(fiber[t], 1);
			left += !done[t];
		}
	} while (left > 0);
}

void simt_launch(void (*thread)(const void *), const void *args, simt_index grid, unsigned block, bool together)
{
	body = thread;
	body_args = args;
	gridDim = grid;
	blockDim = (simt_index){block, 1, 1};
	if (block > BLOCK_MAX || !grid.x || !grid.y || !grid.z || grid.y > 65535 || grid.z > 65535) {
		fprintf(stderr, "simt: a GPU would refuse this launch: %u threads in %u x %u x %u blocks\n", block, grid.x, grid.y, grid.z);
		abort();
	}
	for (blockIdx.z = 0; blockIdx.z < grid.z; blockIdx.z++) {
		for (blockIdx.y = 0; blockIdx.y < grid.y; blockIdx.y++) {
			for (blockIdx.x = 0; blockIdx.x < grid.x; blockIdx.x++) {
				if (together)
					run_together(block);
				for (threadIdx.x = 0; !together && threadIdx.x < block; threadIdx.x++)
					thread(args);
			}
		}
	}
}

__attribute__((destructor)) static void free_stacks(void)
{
	for (size_t t = 0; t < BLOCK_MAX; t++)
		free(stack[t]);
}

/* --- the run-time library --- */

typedef struct {
	size_t bytes;
	char pad[56];
} block_head;

static size_t in_use;

static size_t number_in(const char *name, size_t otherwise)
{
	const char *text = getenv(name);
	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

cudaError_t cudaGetDeviceCount(int *n)
{
	*n = (int)number_in("SIMT_DEVICES", 1);
	return *n ? cudaSuccess : cudaErrorNoDevice;
}

cudaError_t cudaSetDevice(int device)
{
	(void)device;
	return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(struct cudaDeviceProp *p, int device)
{
	*p = (struct cudaDeviceProp){.major = 9, .totalGlobalMem = number_in("SIMT_MEMORY", (size_t)1 << 40)};
	snprintf(p->name, sizeof(p->name), "simulated GPU %d", device);
	return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char *text, int len, int device)
{
	snprintf(text, (size_t)len, "0000:%02x:00.0", (unsigned)device);
	return cudaSuccess;
}

cudaError_t cudaMalloc(void **p, size_t bytes)
{
	block_head *b;

	if (in_use + bytes > number_in("SIMT_MEMORY", SIZE_MAX))
		return cudaErrorMemoryAllocation;
	if (posix_memalign((void **)&b, 64, sizeof(*b) + bytes) != 0)
		return cudaErrorMemoryAllocation;
	b->bytes = bytes;
	in_use += bytes;
	memset(b + 1, 0xff, bytes);
	*p = b + 1;
	return cudaSuccess;
}

cudaError_t cudaFree(void *p)
{
	if (p) {
		block_head *b = (block_head *)p - 1;
		in_use -= b->bytes;
		free(b);
	}
	return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t *free_bytes, size_t *total)
{
	*total = number_in("SIMT_MEMORY", (size_t)1 << 40);
	*free_bytes = *total - in_use;
	return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void *to, const void *from, size_t bytes, int kind, cudaStream_t s)
{
	(void)kind;
	(void)s;
	memcpy(to, from, bytes);
	return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void *p, int value, size_t bytes, cudaStream_t s)
{
	(void)s;
	memset(p, value, bytes);
	return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t *s)
{
	*s = NULL;
	return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t s)
{
	(void)s;
	return cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t s)
{
	(void)s;
	return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t s)
{
	(void)s;
	return cudaSuccess;
}

cudaError_t cudaGetLastError(void)
{
	return cudaSuccess;
}

const char *cudaGetErrorString(cudaError_t e)
{
	return e == cudaErrorMemoryAllocation ? "out of memory" : e == cudaErrorNoDevice ? "no CUDA-capable device is detected" : "no error";
}
