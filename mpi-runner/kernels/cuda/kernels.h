/* kernels.h: the GPU's kernels, each with the bits of its namesake in kernels/cpu. They are queued on a stream; pointers are to
 * GPU memory; n may be 0. */
#ifndef AIC_CUDA_KERNELS_H
#define AIC_CUDA_KERNELS_H

#include "mpi-runner/kernels/cuda/cuda.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Element (i, j) of product z = sample * heads + head: data[sample * outer + head * inner + i * row + j * col]. */
typedef struct {
	const float *data;
	size_t row, col, outer, inner;
} aic_cu_matrix;

/* count products C = A B, or C continued, each an m x n matrix of fmaf chains over k in order; rows of c are ldc apart, products
 * c_outer and c_inner as in aic_cu_matrix. heads >= 1 divides count. With split > 0 the inner dimension lies in pieces of split
 * values: its place p is p % split columns (rows of B) and p / split jumps away. */
typedef struct {
	size_t m, n, k, count, heads, split, a_jump, b_jump;
	aic_cu_matrix a, b;
	float *c;
	size_t ldc, c_outer, c_inner;
	int continues;
} aic_cu_product;
void aic_cu_gemm(cudaStream_t s, aic_cu_product p);

/* to[z][line][i] = x[z's place + line * distance + i] rounded to bf16, ties to even; z as in aic_cu_matrix. */
void aic_cu_to_bf16(cudaStream_t s, size_t count, size_t heads, size_t lines, size_t len, const float *x, size_t distance, size_t outer,
                    size_t inner, uint16_t *to);

void aic_cu_set(cudaStream_t s, float *at, float value);
void aic_cu_number(cudaStream_t s, const uint64_t *count, float *to);
void aic_cu_add(cudaStream_t s, size_t n, const float *x, float *y);
void aic_cu_multiply(cudaStream_t s, size_t n, const float *x, const float *by, float *y);
void aic_cu_fill_rows(cudaStream_t s, size_t rows, size_t cols, const float *v, float *y);
/* y[(sample, channel, place)] = v[channel] */
void aic_cu_fill_planes(cudaStream_t s, size_t samples, size_t channels, size_t places, const float *v, float *y);
void aic_cu_relu(cudaStream_t s, size_t n, const float *x, float *y);
void aic_cu_relu_back(cudaStream_t s, size_t n, const float *x, const float *dy, float *dx);
void aic_cu_gelu(cudaStream_t s, size_t n, const float *x, float *y);
void aic_cu_gelu_back(cudaStream_t s, size_t n, const float *x, const float *dy, float *dx);
/* mask and y of dropout for samples x n values; threshold and keep as dropout.c has them. */
void aic_cu_dropout(cudaStream_t s, size_t samples, size_t n, uint64_t seed, uint32_t step, uint16_t layer, uint64_t first, uint32_t threshold,
                    float keep, const float *x, float *mask, float *y);
void aic_cu_adamw(cudaStream_t s, size_t n, float lr, float beta1, float beta2, float eps, float decay, float correct1, float correct2,
                  float scale, const float *g, float *w, float *m, float *v);
void aic_cu_momentum(cudaStream_t s, size_t n, float lr, float keep, float decay, float scale, const float *g, float *w, float *m);

/* Row r of `rows` has len = (r % period) + 1 values of a softmax, then zeros up to n; in place is allowed. */
void aic_cu_softmax(cudaStream_t s, size_t rows, size_t period, size_t n, float scale, const float *x, float *y);
void aic_cu_softmax_back(cudaStream_t s, size_t rows, size_t period, size_t n, float scale, const float *p, const float *dp, float *dx);
void aic_cu_layernorm(cudaStream_t s, size_t rows, size_t n, const float *x, const float *gamma, const float *beta, float *y, float *stat);
void aic_cu_layernorm_back(cudaStream_t s, size_t rows, size_t n, const float *x, const float *gamma, const float *stat, const float *dy,
                           float *dx);
void aic_cu_layernorm_sums(cudaStream_t s, size_t rows, size_t n, const float *x, const float *stat, const float *dy, float *dgamma,
                           float *dbeta);
void aic_cu_column_sums(cudaStream_t s, size_t rows, size_t cols, const float *x, float *sum);
/* sum[channel] continues a chain over (sample, place) */
void aic_cu_plane_sums(cudaStream_t s, size_t samples, size_t channels, size_t places, const float *x, float *sum);
/* d may be NULL */
void aic_cu_cross_entropy(cudaStream_t s, size_t rows, size_t n, const float *x, const uint32_t *target, float scale, float *d,
                          float *loss, uint32_t *best);
void aic_cu_squared(cudaStream_t s, size_t rows, size_t n, const float *x, const float *target, float scale, float *d, float *loss,
                    uint32_t *best);
/* *loss continues a chain over rows; *correct += rows whose best is the target (target NULL: none). */
void aic_cu_score(cudaStream_t s, size_t rows, const float *row_loss, const uint32_t *best, const uint32_t *target, float *loss,
                  uint64_t *correct);
/* sum[i] of the i-th `chunk` values' squares */
void aic_cu_chunk_squares(cudaStream_t s, size_t n, size_t chunk, const float *x, float *sum);
void aic_cu_chain(cudaStream_t s, size_t n, const float *x, float *sum); /* sum[0] = chain from 0 */

/* Convolutions: columns[sample][c, ky, kx][oy, ox] of inputs [sample][c][h][w], and back (dx = sum over taps in their order). */
typedef struct {
	size_t samples, channels, height, width, kernel, stride, pad, out_height, out_width;
} aic_cu_image;
void aic_cu_unfold(cudaStream_t s, aic_cu_image g, const float *x, float *columns);
void aic_cu_fold(cudaStream_t s, aic_cu_image g, const float *columns, float *dx);
/* kernel is the window's width; winner: place in the plane. */
void aic_cu_maxpool(cudaStream_t s, aic_cu_image g, const float *x, float *y, uint32_t *winner);
void aic_cu_maxpool_back(cudaStream_t s, aic_cu_image g, const uint32_t *winner, const float *dy, float *dx);

void aic_cu_embedding(cudaStream_t s, size_t rows, size_t positions, size_t tokens, size_t width, const float *x, const float *token,
                      const float *position, float *y);
void aic_cu_embedding_back(cudaStream_t s, size_t rows, size_t positions, size_t tokens, size_t width, const float *x, const float *dy,
                           float *token, float *position);

#ifdef __cplusplus
}
#endif
#endif
