/* pointwise.cu: kernels that work on each value alone. */
#include "mpi-runner/kernels/cuda/kernels.h"
#include "mpi-runner/kernels/cuda/math.inc"

/* A kernel over a.n values, and its launch. */
#define FOR_VALUES(name, stream, args)                                                  \
	do {                                                                            \
		if ((args).n > 0)                                                       \
			LAUNCH(name, aic_blocks((args).n), 1, 1, THREADS, stream, args); \
	} while (0)

typedef struct { float *at; float value; } set_args;
KERNEL(set, 1) { *a.at = a.value; }

void aic_cu_set(cudaStream_t s, float *at, float value)
{
	set_args a = {at, value};
	LAUNCH(set, 1, 1, 1, 1, s, a);
}

typedef struct { const uint64_t *count; float *to; } number_args;
KERNEL(number, 1) { *a.to = (float)*a.count; }

void aic_cu_number(cudaStream_t s, const uint64_t *count, float *to)
{
	number_args a = {count, to};
	LAUNCH(number, 1, 1, 1, 1, s, a);
}

typedef struct { size_t n; const float *x, *by; float *y; } value_args;

typedef value_args add_args;
KERNEL(add, THREADS) { EACH(i, a.n) a.y[i] = a.y[i] + a.x[i]; }
typedef value_args multiply_args;
KERNEL(multiply, THREADS) { EACH(i, a.n) a.y[i] = a.x[i] * a.by[i]; }
typedef value_args relu_args;
KERNEL(relu, THREADS) { EACH(i, a.n) a.y[i] = a.x[i] > 0.0f ? a.x[i] : 0.0f; }
typedef value_args relu_back_args; /* by is dy, y is dx */
KERNEL(relu_back, THREADS) { EACH(i, a.n) a.y[i] = a.x[i] > 0.0f ? a.by[i] : 0.0f; }
typedef value_args gelu_args;
KERNEL(gelu, THREADS) { EACH(i, a.n) a.y[i] = gelu_of(a.x[i]); }
typedef value_args gelu_back_args;
KERNEL(gelu_back, THREADS) { EACH(i, a.n) a.y[i] = gelu_slope(a.x[i]) * a.by[i]; }

#define VALUE_KERNEL(name)                                                                                \
	static void run_##name(cudaStream_t s, size_t n, const float *x, const float *by, float *y)       \
	{                                                                                                 \
		value_args a = {n, x, by, y};                                                             \
		FOR_VALUES(name, s, a);                                                                   \
	}
VALUE_KERNEL(add)
VALUE_KERNEL(multiply)
VALUE_KERNEL(relu)
VALUE_KERNEL(relu_back)
VALUE_KERNEL(gelu)
VALUE_KERNEL(gelu_back)

void aic_cu_add(cudaStream_t s, size_t n, const float *x, float *y) { run_add(s, n, x, NULL, y); }
void aic_cu_multiply(cudaStream_t s, size_t n, const float *x, const float *by, float *y) { run_multiply(s, n, x, by, y); }
void aic_cu_relu(cudaStream_t s, size_t n, const float *x, float *y) { run_relu(s, n, x, NULL, y); }
void aic_cu_relu_back(cudaStream_t s, size_t n, const float *x, const float *dy, float *dx) { run_relu_back(s, n, x, dy, dx); }
void aic_cu_gelu(cudaStream_t s, size_t n, const float *x, float *y) { run_gelu(s, n, x, NULL, y); }
void aic_cu_gelu_back(cudaStream_t s, size_t n, const float *x, const float *dy, float *dx) { run_gelu_back(s, n, x, dy, dx); }

typedef struct { size_t n, heads, lines, len, distance, outer, inner; const float *x; uint16_t *to; } to_bf16_args;
KERNEL(to_bf16, THREADS)
{
	EACH(i, a.n) {
		size_t z = i / (a.lines * a.len), line = i / a.len % a.lines;
		uint32_t u = to_bits(a.x[z / a.heads * a.outer + z % a.heads * a.inner + line * a.distance + i % a.len]);
		int nan = (u & 0x7fffffffu) > 0x7f800000u;
		a.to[i] = (uint16_t)(nan ? u >> 16 | 0x40u : (u + 0x7fffu + (u >> 16 & 1u)) >> 16);
	}
}

void aic_cu_to_bf16(cudaStream_t s, size_t count, size_t heads, size_t lines, size_t len, const float *x, size_t distance, size_t outer,
                    size_t inner, uint16_t *to)
{
	to_bf16_args a = {count * lines * len, heads, lines, len, distance, outer, inner, x, to};
	FOR_VALUES(to_bf16, s, a);
}

typedef struct { size_t n, period, each; const float *v; float *y; } fill_args;
KERNEL(fill, THREADS) { EACH(i, a.n) a.y[i] = a.v[i / a.each % a.period]; }

void aic_cu_fill_rows(cudaStream_t s, size_t rows, size_t cols, const float *v, float *y)
{
	fill_args a = {rows * cols, cols, 1, v, y};
	FOR_VALUES(fill, s, a);
}

void aic_cu_fill_planes(cudaStream_t s, size_t samples, size_t channels, size_t places, const float *v, float *y)
{
	fill_args a = {samples * channels * places, channels, places, v, y};
	FOR_VALUES(fill, s, a);
}

typedef struct {
	size_t n, per_sample; /* blocks of 4 values: in all, of a sample */
	size_t values;        /* of a sample */
	uint64_t seed, first;
	uint32_t step, threshold;
	uint16_t layer;
	float keep;
	const float *x;
	float *mask, *y;
} dropout_args;

KERNEL(dropout, THREADS)
{
	EACH(i, a.n) {
		size_t sample = i / a.per_sample, at = i % a.per_sample * 4;
		aic_philox_block r = shared_random_block(a.seed, AIC_RANDOM_DROPOUT, a.step, a.layer, a.first * a.per_sample + i);
		for (size_t j = 0; j < 4 && at + j < a.values; j++) {
			size_t to = sample * a.values + at + j;
			float mask = r.v[j] < a.threshold ? 0.0f : a.keep;
			a.mask[to] = mask;
			a.y[to] = a.x[to] * mask;
		}
	}
}

void aic_cu_dropout(cudaStream_t s, size_t samples, size_t n, uint64_t seed, uint32_t step, uint16_t layer, uint64_t first, uint32_t threshold,
                    float keep, const float *x, float *mask, float *y)
{
	size_t per_sample = (n + 3) / 4;
	dropout_args a = {samples * per_sample, per_sample, n, seed, first, step, threshold, layer, keep, x, mask, y};
	FOR_VALUES(dropout, s, a);
}

typedef struct {
	size_t n;
	float lr, beta1, beta2, eps, decay, correct1, correct2, scale;
	const float *g;
	float *w, *m, *v;
} adamw_args;

KERNEL(adamw, THREADS)
{
	float rest1 = 1.0f - a.beta1, rest2 = 1.0f - a.beta2;

	EACH(i, a.n) {
		float grad = a.g[i] * a.scale, weight = a.w[i];
		float mean = a.beta1 * a.m[i] + rest1 * grad;
		float square = a.beta2 * a.v[i] + rest2 * (grad * grad);
		float step = (mean / a.correct1) / (sqrtf(square / a.correct2) + a.eps);
		a.m[i] = mean;
		a.v[i] = square;
		a.w[i] = weight - a.lr * (step + a.decay * weight);
	}
}

void aic_cu_adamw(cudaStream_t s, size_t n, float lr, float beta1, float beta2, float eps, float decay, float correct1, float correct2,
                  float scale, const float *g, float *w, float *m, float *v)
{
	adamw_args a = {n, lr, beta1, beta2, eps, decay, correct1, correct2, scale, g, w, m, v};
	FOR_VALUES(adamw, s, a);
}

typedef struct {
	size_t n;
	float lr, keep, decay, scale;
	const float *g;
	float *w, *m;
} momentum_args;

KERNEL(momentum, THREADS)
{
	EACH(i, a.n) {
		float weight = a.w[i];
		float speed = a.keep * a.m[i] + (a.g[i] * a.scale + a.decay * weight);
		a.m[i] = speed;
		a.w[i] = weight - a.lr * speed;
	}
}

void aic_cu_momentum(cudaStream_t s, size_t n, float lr, float keep, float decay, float scale, const float *g, float *w, float *m)
{
	momentum_args a = {n, lr, keep, decay, scale, g, w, m};
	FOR_VALUES(momentum, s, a);
}
