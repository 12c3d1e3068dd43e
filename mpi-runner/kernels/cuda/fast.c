/* fast.c: class D1's matrix products: inputs rounded to bf16, cuBLAS with accumulation in fp32, one stream, workspace of its own. The
 * same bits again on the same GPU architecture, number of multiprocessors and toolkit (cuBLAS's documentation, "Results
 * reproducibility"), not on others. */
#include "mpi-runner/kernels/cuda/gpu.h"

#include <stdlib.h>

#include "common/bytes.h"

enum { WORKSPACE = 32 << 20 }; /* what cuBLAS advises for Hopper, and enough for what came before */

struct aic_cuda_fast {
	cublasHandle_t handle;
	void *workspace;
	uint16_t *side[2];  /* left and right inputs as bf16 */
	size_t side_len[2];
};

static bool failed(cuda_gpu *g, cublasStatus_t s, const char *what)
{
	if (s != CUBLAS_STATUS_SUCCESS && !g->failed) {
		g->failed = true;
		aic_fail(&g->failure, AIC_SYSTEM, "%s: cuBLAS: %s failed: %s", g->base.name, what, cublasGetStatusString(s));
	}
	return s != CUBLAS_STATUS_SUCCESS;
}

void aic_cuda_fast_open(cuda_gpu *g)
{
	aic_cuda_fast *f = g->fast = aic_xcalloc(1, sizeof(*f));

	f->workspace = g->base.kind->room(&g->base, WORKSPACE);
	if (g->failed || failed(g, cublasCreate(&f->handle), "starting") || failed(g, cublasSetStream(f->handle, g->stream), "choosing a stream") ||
	    failed(g, cublasSetWorkspace(f->handle, f->workspace, WORKSPACE), "pinning its workspace"))
		return;
	failed(g, cublasSetMathMode(f->handle, CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION), "asking for sums in fp32");
}

void aic_cuda_fast_close(cuda_gpu *g)
{
	aic_cuda_fast *f = g->fast;

	if (!f)
		return;
	if (f->handle)
		cublasDestroy(f->handle);
	cudaFree(f->workspace);
	cudaFree(f->side[0]);
	cudaFree(f->side[1]);
	free(f);
}

/* One matrix of a product as cuBLAS takes it: its lines are contiguous in memory, `len` values each. */
typedef struct {
	const uint16_t *data;
	size_t lines, len;
} packed;

/* Rounds all count matrices x (rows x cols) into a side's room. */
static packed pack(cuda_gpu *g, unsigned side, const aic_cu_product *p, aic_cu_matrix x, size_t rows, size_t cols)
{
	aic_cuda_fast *f = g->fast;
	bool by_rows = x.col == 1;
	packed r = {NULL, by_rows ? rows : cols, by_rows ? cols : rows};

	if (f->side_len[side] < p->count * rows * cols) {
		cudaFree(f->side[side]);
		f->side_len[side] = p->count * rows * cols;
		f->side[side] = g->base.kind->room(&g->base, f->side_len[side] * sizeof(uint16_t));
	}
	r.data = f->side[side];
	if (!g->failed)
		aic_cu_to_bf16(g->stream, p->count, p->heads, r.lines, r.len, x.data, by_rows ? x.row : x.col, x.outer, x.inner, f->side[side]);
	return r;
}

/* Products first .. first + batch - 1. cuBLAS counts columns first: C' = B' A'. */
static void multiply(cuda_gpu *g, const aic_cu_product *p, packed a, packed b, size_t first, size_t batch)
{
	const float one = 1.0f, keep = p->continues ? 1.0f : 0.0f;
	float *c = p->c + first / p->heads * p->c_outer + first % p->heads * p->c_inner;
	/* by rows (k x n) B is, columns first, n x k already */
	cublasOperation_t turn_b = p->b.col == 1 ? CUBLAS_OP_N : CUBLAS_OP_T;
	cublasOperation_t turn_a = p->a.col == 1 ? CUBLAS_OP_N : CUBLAS_OP_T;

	failed(g, cublasGemmStridedBatchedEx(g->fast->handle, turn_b, turn_a, (int)p->n, (int)p->m, (int)p->k, &one, b.data + first * p->k * p->n,
	                                     CUDA_R_16BF, (int)b.len, (long long)(p->k * p->n), a.data + first * p->m * p->k, CUDA_R_16BF,
	                                     (int)a.len, (long long)(p->m * p->k), &keep, c, CUDA_R_32F, (int)p->ldc,
	                                     (long long)(batch > 1 ? p->c_inner : 0), (int)batch, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT),
	       "a matrix product");
}

static void whole(cuda_gpu *g, aic_cu_product p)
{
	if (p.heads == 1 || p.c_outer == p.heads * p.c_inner) { /* one distance between all products */
		p.c_inner = p.heads == 1 ? p.c_outer : p.c_inner;
		packed a = pack(g, 0, &p, p.a, p.m, p.k), b = pack(g, 1, &p, p.b, p.k, p.n);
		p.c_outer = p.heads * p.c_inner;
		if (!g->failed)
			multiply(g, &p, a, b, 0, p.count);
		return;
	}
	packed a = pack(g, 0, &p, p.a, p.m, p.k), b = pack(g, 1, &p, p.b, p.k, p.n);
	for (size_t first = 0; !g->failed && first < p.count; first += p.heads)
		multiply(g, &p, a, b, first, p.heads);
}

void aic_cuda_fast_product(cuda_gpu *g, aic_cu_product p)
{
	size_t pieces = p.split ? p.k / p.split : 1;

	if (p.m == 0 || p.n == 0 || p.k == 0)
		return;
	if (p.split)
		p.k = p.split;
	for (size_t i = 0; i < pieces; i++) {
		whole(g, p);
		p.a.data += p.a_jump;
		p.b.data += p.b_jump;
		p.continues = 1;
	}
}
