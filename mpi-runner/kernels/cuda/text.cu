/* text.cu: tokens to vectors, and the gradient back: chains in (sample, position) order. */
#include "mpi-runner/kernels/cuda/kernels.h"

typedef struct {
	size_t rows, positions, tokens, width;
	const float *x, *token, *position, *dy;
	float *y, *to_token, *to_position;
} embedding_args;

/* As layers/embedding.c: data sees to it that tokens are in range. */
INLINE size_t token_of(const embedding_args *a, size_t row)
{
	size_t t = (size_t)a->x[row];
	return t < a->tokens ? t : a->tokens - 1;
}

KERNEL(embedding, THREADS)
{
	EACH(i, a.rows * a.width) {
		size_t row = i / a.width, col = i % a.width;
		a.y[i] = a.token[token_of(&a, row) * a.width + col] + a.position[row % a.positions * a.width + col];
	}
}

void aic_cu_embedding(cudaStream_t s, size_t rows, size_t positions, size_t tokens, size_t width, const float *x, const float *token,
                      const float *position, float *y)
{
	embedding_args a = {rows, positions, tokens, width, x, token, position, NULL, y, NULL, NULL};
	LAUNCH(embedding, aic_blocks(rows * width), 1, 1, THREADS, s, a);
}

/* A thread to a column: one token may come many times, its additions are in the order of the rows. */
typedef embedding_args token_back_args;
KERNEL(token_back, 32)
{
	size_t col = (size_t)blockIdx.x * 32 + threadIdx.x;

	for (size_t row = 0; col < a.width && row < a.rows; row++) {
		float *to = a.to_token + token_of(&a, row) * a.width + col;
		*to = *to + a.dy[row * a.width + col];
	}
}

typedef embedding_args position_back_args;
KERNEL(position_back, THREADS)
{
	size_t each = a.positions * a.width;

	EACH(i, each) {
		float sum = a.to_position[i];
		for (size_t at = i; at < a.rows * a.width; at += each)
			sum = sum + a.dy[at];
		a.to_position[i] = sum;
	}
}

void aic_cu_embedding_back(cudaStream_t s, size_t rows, size_t positions, size_t tokens, size_t width, const float *x, const float *dy,
                           float *token, float *position)
{
	embedding_args a = {rows, positions, tokens, width, x, NULL, NULL, dy, NULL, token, position};
	LAUNCH(token_back, (width + 31) / 32, 1, 1, 32, s, a);
	LAUNCH(position_back, aic_blocks(positions * width), 1, 1, THREADS, s, a);
}
