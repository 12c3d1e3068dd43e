/* simt_blas.c: simt.h's cuBLAS: strict about its arguments, so that tests find wrong ones. */
#include <stdlib.h>

#include "mpi-runner/kernels/cuda/simt.h"

struct simt_blas { bool workspace; };

cublasStatus_t cublasCreate(cublasHandle_t *h)
{
	*h = calloc(1, sizeof(**h));
	return *h ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_INITIALIZED;
}

cublasStatus_t cublasDestroy(cublasHandle_t h)
{
	free(h);
	return CUBLAS_STATUS_SUCCESS;
}

cublasStatus_t cublasSetStream(cublasHandle_t h, cudaStream_t s)
{
	(void)s;
	return h ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_NOT_INITIALIZED;
}

cublasStatus_t cublasSetWorkspace(cublasHandle_t h, void *workspace, size_t bytes)
{
	h->workspace = workspace && bytes;
	return (uintptr_t)workspace % 64 == 0 ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

cublasStatus_t cublasSetMathMode(cublasHandle_t h, int mode)
{
	return h && mode == CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

static float wide(uint16_t h)
{
	uint32_t u = (uint32_t)h << 16;
	float f;

	memcpy(&f, &u, sizeof(f));
	return f;
}

/* Element (i, j), columns first, of what turn makes of x. */
static float element(const uint16_t *x, cublasOperation_t turn, int ld, size_t i, size_t j)
{
	return wide(turn == CUBLAS_OP_N ? x[i + j * (size_t)ld] : x[j + i * (size_t)ld]);
}

cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t h, cublasOperation_t turn_a, cublasOperation_t turn_b, int m, int n, int k,
                                          const void *alpha, const void *a, int type_a, int lda, long long stride_a, const void *b, int type_b,
                                          int ldb, long long stride_b, const void *beta, void *c, int type_c, int ldc, long long stride_c,
                                          int batch, int compute, int algorithm)
{
	float scale = *(const float *)alpha, keep = *(const float *)beta;

	if (!h->workspace)
		return CUBLAS_STATUS_NOT_INITIALIZED;
	if (type_a != CUDA_R_16BF || type_b != CUDA_R_16BF || type_c != CUDA_R_32F || compute != CUBLAS_COMPUTE_32F || algorithm != CUBLAS_GEMM_DEFAULT)
		return CUBLAS_STATUS_NOT_SUPPORTED;
	if (m <= 0 || n <= 0 || k <= 0 || batch <= 0 || lda < (turn_a == CUBLAS_OP_N ? m : k) || ldb < (turn_b == CUBLAS_OP_N ? k : n) || ldc < m)
		return CUBLAS_STATUS_INVALID_VALUE;
	for (long long z = 0; z < batch; z++) {
		const uint16_t *left = (const uint16_t *)a + z * stride_a, *right = (const uint16_t *)b + z * stride_b;
		for (size_t i = 0; i < (size_t)m * (size_t)n; i++) {
			float *to = (float *)c + z * stride_c + i % (size_t)m + i / (size_t)m * (size_t)ldc, sum = 0.0f;
			for (size_t p = 0; p < (size_t)k; p++)
				sum = fmaf(element(left, turn_a, lda, i % (size_t)m, p), element(right, turn_b, ldb, p, i / (size_t)m), sum);
			*to = scale * sum + (keep == 0.0f ? 0.0f : keep * *to);
		}
	}
	return CUBLAS_STATUS_SUCCESS;
}

/* For the bench alone, which does not look at the result. */
cublasStatus_t cublasSgemm(cublasHandle_t h, cublasOperation_t turn_a, cublasOperation_t turn_b, int m, int n, int k, const float *alpha,
                           const float *a, int lda, const float *b, int ldb, const float *beta, float *c, int ldc)
{
	(void)a, (void)lda, (void)b, (void)ldb, (void)c, (void)ldc, (void)alpha, (void)beta, (void)turn_a, (void)turn_b;
	return h && m > 0 && n > 0 && k > 0 ? CUBLAS_STATUS_SUCCESS : CUBLAS_STATUS_INVALID_VALUE;
}

const char *cublasGetStatusString(cublasStatus_t s)
{
	return s == CUBLAS_STATUS_SUCCESS ? "success" : s == CUBLAS_STATUS_INVALID_VALUE ? "the value is not valid" : "not supported";
}
