/* gemm.h: C = A B or C continued by A B, every output one chain of fmaf over the inner dimension in order.
 *
 * The bits do not depend on blocking, threads, variant or on how a product is split along rows, columns or (continued) the
 * inner dimension. */
#ifndef AIC_GEMM_H
#define AIC_GEMM_H

#include "mpi-runner/kernels/cpu/kernels.h"
#include "mpi-runner/threads.h"

/* A processor at work: variant, threads, and packing room for each of them. */
typedef struct {
	const aic_kernels *k;
	aic_threads *threads;
	float **pack; /* one per thread */
	struct aic_gpu *gpu; /* does the arithmetic of training in its stead, see mpi-runner/gpu.h; borrowed, NULL: none */
} aic_cpu;

aic_code aic_cpu_open(aic_cpu **cpu, const char *simd, unsigned threads, aic_error *err); /* simd NULL: see aic_kernels_choose */
void aic_cpu_close(aic_cpu *cpu);

/* Element (i, j) is data[i * row + j * col]. */
typedef struct {
	const float *data;
	size_t row, col;
} aic_matrix;

/* c is m x n, rows ldc apart; k the inner dimension. continues: the chains start from what c holds, else from 0. */
void aic_gemm(const aic_cpu *cpu, size_t m, size_t n, size_t k, aic_matrix a, aic_matrix b, float *c, size_t ldc, bool continues);

/* The same, alone in a thread of the pool: for work that is split otherwise. */
void aic_gemm_alone(const aic_cpu *cpu, unsigned thread, size_t m, size_t n, size_t k, aic_matrix a, aic_matrix b, float *c, size_t ldc,
                    bool continues);

/* The same in three plain loops. */
void aic_gemm_reference(size_t m, size_t n, size_t k, aic_matrix a, aic_matrix b, float *c, size_t ldc, bool continues);

#endif
