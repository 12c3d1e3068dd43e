/* kernels.h: what the layers ask of a processor, in variants that give the same bits.
 *
 * A variant is a table of functions compiled for one instruction set from the same templates (gemm.inc, pointwise.inc,
 * rows.inc). Every output of a matrix product is one chain of fmaf over the inner dimension in order; every sum
 * along a row is 16 interleaved chains and their binary tree; everything else is elementwise. So the width of a
 * variant's registers never shows in a result; kernels_test holds all of them to the plain references. */
#ifndef AIC_KERNELS_H
#define AIC_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

#define AIC_CHAINS 16 /* interleaved chains of a row's sum */

typedef struct {
	float lr, beta1, beta2, eps, decay;
	float correct1, correct2; /* 1 - beta1^t, 1 - beta2^t */
	float scale;              /* gradients are multiplied by this first: clipping */
} aic_adamw_step;

typedef struct {
	const char *name; /* "scalar", "avx2", "avx512" */
	bool (*usable)(void);

	/* Matrix products, see gemm.h. Panels of mr rows of A and nr columns of B, packed along the inner dimension. */
	size_t mr, nr;
	/* panel[p * width + i] = x[i * row + p * col], i < rows; something finite for rows <= i up to whole vectors; p < depth. Writes up to a
	 * vector beyond the panel. */
	void (*pack)(float *panel, size_t width, const float *x, size_t rows, size_t depth, size_t row, size_t col);
	/* c[rows][cols] = chain over depth, started from c (continues) or from 0; ldc the distance of rows. a: a panel (row 1), or rows as
	 * they lie in memory, `row` > 1 apart, the inner dimension contiguous. */
	void (*tile)(size_t rows, size_t cols, size_t depth, const float *a, size_t row, const float *b, float *c, size_t ldc, bool continues);

	/* c[rows][cols] = the same chains where cols <= mr is too few to fill vectors: lanes are rows. The inner dimension of both is
	 * contiguous: rows of a lie `row` apart, columns of b `col`. */
	void (*thin)(size_t rows, size_t cols, size_t depth, const float *a, size_t row, const float *b, size_t col, float *c, size_t ldc,
	             bool continues);

	void (*add)(size_t n, const float *x, float *y);                  /* y += x */
	void (*relu)(size_t n, const float *x, float *y);                 /* y = x > 0 ? x : 0 */
	void (*relu_back)(size_t n, const float *x, const float *dy, float *dx);
	void (*fill_rows)(size_t rows, size_t cols, const float *v, float *y);    /* every row of y = v */
	/* sum[c] continues a chain over the rows; rows are `row` apart. */
	void (*column_sums)(size_t rows, size_t cols, size_t row, const float *x, float *sum);
	float (*row_sum)(size_t n, const float *x);
	/* Mean of x's squares is the caller's: this is their sum in the same order as row_sum. */
	float (*row_squares)(size_t n, const float *x);
	/* One row of softmax cross-entropy: returns the loss; *best the first index of the maximum;
	 * d = (softmax(x) - onehot(target)) * scale. d may be NULL. */
	float (*cross_entropy)(size_t n, const float *x, uint32_t target, float scale, float *d, uint32_t *best);
	void (*adamw)(size_t n, const aic_adamw_step *s, const float *g, float *w, float *m, float *v);
	void (*momentum)(size_t n, float lr, float momentum, float decay, float scale, const float *g, float *w, float *m);
	void (*gelu)(size_t n, const float *x, float *y); /* tanh form */
	void (*gelu_back)(size_t n, const float *x, const float *dy, float *dx);
	void (*multiply)(size_t n, const float *x, const float *by, float *y);
	/* y = softmax(scale x); and from p = softmax(scale x) and dp: dx = scale p (dp - <p, dp>). */
	void (*softmax)(size_t n, float scale, const float *x, float *y);
	void (*softmax_back)(size_t n, float scale, const float *p, const float *dp, float *dx);
	/* One row: y = (x - mean) / sqrt(variance + 1e-5) gamma + beta; keeps mean and 1 / deviation in stat[2]. */
	void (*layernorm)(size_t n, const float *x, const float *gamma, const float *beta, float *y, float *stat);
	void (*layernorm_back)(size_t n, const float *x, const float *gamma, const float *stat, const float *dy, float *dx);
	/* Columns [from, to) of rows x cols: dgamma and dbeta continue a chain over the rows; stat as layernorm left it. */
	void (*layernorm_sums)(size_t rows, size_t cols, size_t from, size_t to, const float *x, const float *stat, const float *dy,
	                       float *dgamma, float *dbeta);
	void (*exp)(size_t n, const float *x, float *y);
	void (*tanh)(size_t n, const float *x, float *y);
} aic_kernels;

extern const aic_kernels aic_kernels_scalar;
#if defined(__x86_64__)
extern const aic_kernels aic_kernels_avx2, aic_kernels_avx512;
#endif

/* All variants of this build, NULL-terminated, widest last. */
extern const aic_kernels *const aic_kernels_all[];

/* The widest usable variant, or the one named (NULL: the environment's AIC_SIMD, if set). */
aic_code aic_kernels_choose(const aic_kernels **k, const char *name, aic_error *err);

#endif
