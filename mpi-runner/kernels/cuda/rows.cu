/* rows.cu: sums along rows, 16 interleaved chains and their binary tree, one thread to a chain; sums along columns, one chain each,
 * one thread to a column. */
#include "mpi-runner/kernels/cuda/kernels.h"
#include "mpi-runner/kernels/cuda/math.inc"

#define CHAINS 16
#define ROWS (THREADS / CHAINS) /* of a block */

/* The chains' tree, neighbours first; every thread of the block calls it, and the 16 of a row get the same value. */
INLINE float tree(float (*room)[CHAINS], float mine)
{
	float level[CHAINS];
	unsigned row = threadIdx.x / CHAINS;

	__syncthreads(); /* the last one's readers are done */
	room[row][threadIdx.x % CHAINS] = mine;
	__syncthreads();
	UNROLL
	for (unsigned i = 0; i < CHAINS; i++)
		level[i] = room[row][i];
	UNROLL
	for (unsigned width = CHAINS / 2; width > 0; width /= 2) {
		UNROLL
		for (unsigned i = 0; i < width; i++)
			level[i] = level[2 * i] + level[2 * i + 1];
	}
	return level[0];
}

/* The row's first largest value; *at its place. Rows that do not exist (n 0) take part, too. */
INLINE float maximum(float (*room)[CHAINS], size_t n, const float *x, uint32_t *at)
{
	unsigned row = threadIdx.x / CHAINS, chain = threadIdx.x % CHAINS;
	uint32_t best = chain < n ? chain : 0;

	for (size_t i = chain; i < n; i += CHAINS)
		best = x[i] > x[best] ? (uint32_t)i : best;
	__syncthreads();
	room[row][chain] = (float)0;
	memcpy(&room[row][chain], &best, sizeof(best));
	__syncthreads();
	for (unsigned i = 0; n > 0 && i < CHAINS; i++) {
		uint32_t other;
		memcpy(&other, &room[row][i], sizeof(other));
		if (i == 0)
			best = other;
		else if (x[other] > x[best] || (x[other] == x[best] && other < best))
			best = other;
	}
	*at = best;
	return n > 0 ? x[best] : 0.0f;
}

/* Row of this thread, its chain, and the row's length (0 where there is no such row). */
#define MY_ROW                                                                         \
	__shared__ float room[ROWS][CHAINS];                                           \
	size_t r = (size_t)blockIdx.x * ROWS + threadIdx.x / CHAINS;                   \
	unsigned chain = threadIdx.x % CHAINS;                                         \
	size_t n = r < a.rows ? a.n : 0;                                               \
	size_t at = r < a.rows ? r * a.n : 0;

static size_t row_blocks(size_t rows)
{
	return (rows + ROWS - 1) / ROWS;
}

typedef struct { size_t rows, period, n; float scale; const float *x; float *y; } softmax_args;
BLOCK_KERNEL(softmax, THREADS)
{
	MY_ROW
	const float *x = a.x + at;
	float *y = a.y + at, sum = 0.0f;
	size_t len = n > 0 ? r % a.period + 1 : 0;
	uint32_t top;
	float max = maximum(room, len, x, &top);

	__syncthreads(); /* x may be y */
	for (size_t i = chain; i < len; i += CHAINS) {
		float e = shared_exp((x[i] - max) * a.scale);
		y[i] = e;
		sum = sum + e;
	}
	float inverse = 1.0f / tree(room, sum);
	for (size_t i = chain; i < n; i += CHAINS)
		y[i] = i < len ? y[i] * inverse : 0.0f;
}

void aic_cu_softmax(cudaStream_t s, size_t rows, size_t period, size_t n, float scale, const float *x, float *y)
{
	softmax_args a = {rows, period, n, scale, x, y};
	if (rows > 0)
		LAUNCH(softmax, row_blocks(rows), 1, 1, THREADS, s, a);
}

typedef struct { size_t rows, period, n; float scale; const float *p, *dp; float *dx; } softmax_back_args;
BLOCK_KERNEL(softmax_back, THREADS)
{
	MY_ROW
	const float *p = a.p + at, *dp = a.dp + at;
	float sum = 0.0f;
	size_t len = n > 0 ? r % a.period + 1 : 0;

	for (size_t i = chain; i < len; i += CHAINS)
		sum = fmaf(p[i], dp[i], sum);
	float mean = tree(room, sum);
	for (size_t i = chain; i < n; i += CHAINS)
		a.dx[at + i] = i < len ? a.scale * (p[i] * (dp[i] - mean)) : 0.0f;
}

void aic_cu_softmax_back(cudaStream_t s, size_t rows, size_t period, size_t n, float scale, const float *p, const float *dp, float *dx)
{
	softmax_back_args a = {rows, period, n, scale, p, dp, dx};
	if (rows > 0)
		LAUNCH(softmax_back, row_blocks(rows), 1, 1, THREADS, s, a);
}

typedef struct { size_t rows, n; const float *x, *gamma, *beta; float *y, *stat; } layernorm_args;
BLOCK_KERNEL(layernorm, THREADS)
{
	MY_ROW
	const float *x = a.x + at;
	float sum = 0.0f, squares = 0.0f;

	for (size_t i = chain; i < n; i += CHAINS)
		sum = sum + x[i];
	float mean = tree(room, sum) / (float)a.n;
	for (size_t i = chain; i < n; i += CHAINS) {
		float d = x[i] - mean;
		squares = fmaf(d, d, squares);
	}
	float inverse = 1.0f / sqrtf(tree(room, squares) / (float)a.n + NORM_EPS);
	for (size_t i = chain; i < n; i += CHAINS)
		a.y[at + i] = fmaf((x[i] - mean) * inverse, a.gamma[i], a.beta[i]);
	if (n > 0 && chain == 0) {
		a.stat[2 * r] = mean;
		a.stat[2 * r + 1] = inverse;
	}
}

void aic_cu_layernorm(cudaStream_t s, size_t rows, size_t n, const float *x, const float *gamma, const float *beta, float *y, float *stat)
{
	layernorm_args a = {rows, n, x, gamma, beta, y, stat};
	if (rows > 0)
		LAUNCH(layernorm, row_blocks(rows), 1, 1, THREADS, s, a);
}

typedef struct { size_t rows, n; const float *x, *gamma, *stat, *dy; float *dx; } layernorm_back_args;
BLOCK_KERNEL(layernorm_back, THREADS)
{
	MY_ROW
	const float *x = a.x + at, *dy = a.dy + at;
	float mean = n > 0 ? a.stat[2 * r] : 0.0f, by = n > 0 ? a.stat[2 * r + 1] : 0.0f, sum = 0.0f, product = 0.0f;

	for (size_t i = chain; i < n; i += CHAINS) {
		float grad = dy[i] * a.gamma[i];
		sum = sum + grad;
		product = product + grad * ((x[i] - mean) * by);
	}
	float mean_g = tree(room, sum) / (float)a.n, mean_gx = tree(room, product) / (float)a.n;
	for (size_t i = chain; i < n; i += CHAINS)
		a.dx[at + i] = by * ((dy[i] * a.gamma[i] - mean_g) - (x[i] - mean) * by * mean_gx);
}

void aic_cu_layernorm_back(cudaStream_t s, size_t rows, size_t n, const float *x, const float *gamma, const float *stat, const float *dy,
                           float *dx)
{
	layernorm_back_args a = {rows, n, x, gamma, stat, dy, dx};
	if (rows > 0)
		LAUNCH(layernorm_back, row_blocks(rows), 1, 1, THREADS, s, a);
}

/* --- down the columns: blocks of a warp, so that all multiprocessors have some --- */

#define COLUMNS 32

typedef struct { size_t rows, n; const float *x, *stat, *dy; float *dgamma, *dbeta; } layernorm_sums_args;
KERNEL(layernorm_sums, COLUMNS)
{
	size_t c = (size_t)blockIdx.x * COLUMNS + threadIdx.x;

	if (c >= a.n)
		return;
	float gamma = a.dgamma[c], beta = a.dbeta[c];
#ifndef AIC_SIMT
#pragma unroll 8
#endif
	for (size_t r = 0; r < a.rows; r++) {
		float d = a.dy[r * a.n + c];
		gamma = fmaf(d, (a.x[r * a.n + c] - a.stat[2 * r]) * a.stat[2 * r + 1], gamma);
		beta = beta + d;
	}
	a.dgamma[c] = gamma;
	a.dbeta[c] = beta;
}

void aic_cu_layernorm_sums(cudaStream_t s, size_t rows, size_t n, const float *x, const float *stat, const float *dy, float *dgamma,
                           float *dbeta)
{
	layernorm_sums_args a = {rows, n, x, stat, dy, dgamma, dbeta};
	LAUNCH(layernorm_sums, (n + COLUMNS - 1) / COLUMNS, 1, 1, COLUMNS, s, a);
}

typedef struct { size_t rows, n; const float *x; float *sum; } column_sums_args;
KERNEL(column_sums, COLUMNS)
{
	size_t c = (size_t)blockIdx.x * COLUMNS + threadIdx.x;

	if (c >= a.n)
		return;
	float sum = a.sum[c];
#ifndef AIC_SIMT
#pragma unroll 16
#endif
	for (size_t r = 0; r < a.rows; r++)
		sum = sum + a.x[r * a.n + c];
	a.sum[c] = sum;
}

void aic_cu_column_sums(cudaStream_t s, size_t rows, size_t cols, const float *x, float *sum)
{
	column_sums_args a = {rows, cols, x, sum};
	LAUNCH(column_sums, (cols + COLUMNS - 1) / COLUMNS, 1, 1, COLUMNS, s, a);
}

/* A block to a channel: it fetches, its first thread adds in order. The bias's chain on the CPU is fmaf(x, 1, sum): the same. */
typedef struct { size_t samples, channels, places; const float *x; float *sum; } plane_sums_args;
BLOCK_KERNEL(plane_sums, THREADS)
{
	__shared__ float fetched[THREADS];
	size_t c = blockIdx.x, total = a.samples * a.places;
	float sum = a.sum[c];

	for (size_t from = 0; from < total; from += THREADS) {
		size_t i = from + threadIdx.x, len = total - from < THREADS ? total - from : THREADS;
		__syncthreads();
		fetched[threadIdx.x] = i < total ? a.x[(i / a.places * a.channels + c) * a.places + i % a.places] : 0.0f;
		__syncthreads();
		for (size_t j = 0; threadIdx.x == 0 && j < len; j++)
			sum = sum + fetched[j];
	}
	if (threadIdx.x == 0)
		a.sum[c] = sum;
}

void aic_cu_plane_sums(cudaStream_t s, size_t samples, size_t channels, size_t places, const float *x, float *sum)
{
	plane_sums_args a = {samples, channels, places, x, sum};
	LAUNCH(plane_sums, channels, 1, 1, THREADS, s, a);
}

/* --- losses and norms --- */

typedef struct { size_t rows, n; const float *x; const uint32_t *target; float scale; float *d, *loss; uint32_t *best; } cross_entropy_args;
BLOCK_KERNEL(cross_entropy, THREADS)
{
	MY_ROW
	const float *x = a.x + at;
	uint32_t top;
	float max = maximum(room, n, x, &top), mine = 0.0f;

	for (size_t i = chain; i < n; i += CHAINS)
		mine = mine + shared_exp(x[i] - max);
	float sum = tree(room, mine), inverse = 1.0f / sum;
	if (n == 0)
		return;
	uint32_t target = a.target[r];
	if (chain == 0) {
		a.best[r] = top;
		a.loss[r] = shared_log(sum) - (x[target] - max);
	}
	for (size_t i = chain; a.d && i < n; i += CHAINS)
		a.d[at + i] = (shared_exp(x[i] - max) * inverse - (i == target ? 1.0f : 0.0f)) * a.scale;
}

void aic_cu_cross_entropy(cudaStream_t s, size_t rows, size_t n, const float *x, const uint32_t *target, float scale, float *d,
                          float *loss, uint32_t *best)
{
	cross_entropy_args a = {rows, n, x, target, scale, d, loss, best};
	if (rows > 0)
		LAUNCH(cross_entropy, row_blocks(rows), 1, 1, THREADS, s, a);
}

typedef struct { size_t rows, n; const float *x, *target; float scale; float *d, *loss; uint32_t *best; } squared_args;
BLOCK_KERNEL(squared, THREADS)
{
	MY_ROW
	float squares = 0.0f;

	for (size_t i = chain; i < n; i += CHAINS) {
		float d = a.x[at + i] - a.target[at + i];
		squares = fmaf(d, d, squares);
		a.d[at + i] = d * a.scale;
	}
	float sum = tree(room, squares);
	if (n > 0 && chain == 0) {
		a.loss[r] = 0.5f * sum;
		a.best[r] = 0;
	}
}

void aic_cu_squared(cudaStream_t s, size_t rows, size_t n, const float *x, const float *target, float scale, float *d, float *loss,
                    uint32_t *best)
{
	squared_args a = {rows, n, x, target, scale, d, loss, best};
	if (rows > 0)
		LAUNCH(squared, row_blocks(rows), 1, 1, THREADS, s, a);
}

/* One block: it fetches, its first thread adds in order. */
typedef struct { size_t rows; const float *row_loss; const uint32_t *best, *target; float *loss; uint64_t *correct; } score_args;
BLOCK_KERNEL(score, THREADS)
{
	__shared__ float fetched[THREADS];
	__shared__ int right[THREADS];
	float loss = *a.loss;
	uint64_t correct = a.target ? *a.correct : 0;

	for (size_t from = 0; from < a.rows; from += THREADS) {
		size_t r = from + threadIdx.x, len = a.rows - from < THREADS ? a.rows - from : THREADS;
		__syncthreads();
		fetched[threadIdx.x] = r < a.rows ? a.row_loss[r] : 0.0f;
		right[threadIdx.x] = r < a.rows && a.target && a.best[r] == a.target[r];
		__syncthreads();
		for (size_t i = 0; threadIdx.x == 0 && i < len; i++) {
			loss = loss + fetched[i];
			correct += (uint64_t)right[i];
		}
	}
	if (threadIdx.x == 0) {
		*a.loss = loss;
		if (a.target)
			*a.correct = correct;
	}
}

void aic_cu_score(cudaStream_t s, size_t rows, const float *row_loss, const uint32_t *best, const uint32_t *target, float *loss,
                  uint64_t *correct)
{
	score_args a = {rows, row_loss, best, target, loss, correct};
	LAUNCH(score, 1, 1, 1, THREADS, s, a);
}

typedef struct { size_t rows, n, total; const float *x; float *sum; } chunk_squares_args;
BLOCK_KERNEL(chunk_squares, THREADS)
{
	__shared__ float room[ROWS][CHAINS];
	size_t r = (size_t)blockIdx.x * ROWS + threadIdx.x / CHAINS, from = r * a.n, end = from + a.n < a.total ? from + a.n : a.total;
	float squares = 0.0f;

#ifndef AIC_SIMT
#pragma unroll 8
#endif
	for (size_t i = from + threadIdx.x % CHAINS; i < end; i += CHAINS)
		squares = fmaf(a.x[i], a.x[i], squares);
	float sum = tree(room, squares);
	if (r < a.rows && threadIdx.x % CHAINS == 0)
		a.sum[r] = sum;
}

void aic_cu_chunk_squares(cudaStream_t s, size_t n, size_t chunk, const float *x, float *sum)
{
	chunk_squares_args a = {(n + chunk - 1) / chunk, chunk, n, x, sum};
	if (n > 0)
		LAUNCH(chunk_squares, row_blocks(a.rows), 1, 1, THREADS, s, a);
}

void aic_cu_chain(cudaStream_t s, size_t n, const float *x, float *sum)
{
	aic_cu_set(s, sum, 0.0f);
	aic_cu_score(s, n, x, NULL, NULL, sum, NULL);
}
