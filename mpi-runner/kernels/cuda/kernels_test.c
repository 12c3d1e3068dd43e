/* The GPU's kernels against the CPU's, bit for bit, on random shapes and values. Built twice: for simt.h, which runs the kernels on
 * the CPU, and, where there is nvcc, for a GPU; that one is skipped with a word where there is none. */
#define _GNU_SOURCE
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "common/testing.h"
#include "mpi-runner/kernels/cpu/gemm.h"
#include "mpi-runner/kernels/cuda/kernels.h"
#include "mpi-runner/layers/layers.h"

enum { GUARD = 32, SHAPES = 6 };
static const float MARK = -7.25f;

static aic_cpu *cpu;
static uint64_t state;

static uint64_t next_random(void)
{
	return test_random(&state);
}

static size_t between(size_t low, size_t high)
{
	return low + next_random() % (high - low + 1);
}

/* Values of all sizes, some zero, some equal. */
static float value(void)
{
	uint64_t r = next_random();
	float f = (float)(int32_t)(r >> 32) * 0x1p-31f;

	switch (r % 16) {
	case 0: return 0.0f;
	case 1: return 1.0f;
	case 2: return f * 0x1p-60f;
	case 3: return f * 40.0f;
	default: return f * 3.0f;
	}
}

/* A vector on both sides, with marks before and behind it. */
typedef struct {
	size_t n;
	float *room, *here, *live_room, *live;
} vector;

static void check(cudaError_t e)
{
	if (e != cudaSuccess)
		fail_msg("CUDA: %s", cudaGetErrorString(e));
}

static vector vector_of(size_t n)
{
	vector v = {.n = n, .room = aic_xcalloc(n + 2 * GUARD, sizeof(float))};

	v.here = v.room + GUARD;
	for (size_t i = 0; i < n + 2 * GUARD; i++)
		v.room[i] = i < GUARD || i >= GUARD + n ? MARK : value();
	check(cudaMalloc((void **)&v.live_room, (n + 2 * GUARD) * sizeof(float)));
	v.live = v.live_room + GUARD;
	check(cudaMemcpyAsync(v.live_room, v.room, (n + 2 * GUARD) * sizeof(float), cudaMemcpyHostToDevice, NULL));
	check(cudaStreamSynchronize(NULL));
	return v;
}

/* Both sides hold the same bits, marks included; then both are gone. */
static void same(const char *what, vector v)
{
	float *got = aic_xcalloc(v.n + 2 * GUARD, sizeof(float));

	check(cudaGetLastError());
	check(cudaMemcpyAsync(got, v.live_room, (v.n + 2 * GUARD) * sizeof(float), cudaMemcpyDeviceToHost, NULL));
	check(cudaStreamSynchronize(NULL));
	for (size_t i = 0; i < v.n + 2 * GUARD; i++)
		if (memcmp(&got[i], &v.room[i], sizeof(float)) != 0)
			fail_msg("%s: value %zd of %zu is %a on the GPU, %a on the CPU", what, (ssize_t)i - GUARD, v.n, (double)got[i], (double)v.room[i]);
	free(got);
	free(v.room);
	check(cudaFree(v.live_room));
}

/* Replaces the values by whole numbers below limit, as uint32_t or as floats. */
static void make_numbers(vector v, uint32_t limit, bool as_floats)
{
	for (size_t i = 0; i < v.n; i++) {
		uint32_t n = (uint32_t)between(0, limit - 1);
		float f = (float)n;
		memcpy(&v.here[i], as_floats ? (const void *)&f : (const void *)&n, sizeof(n));
	}
	check(cudaMemcpyAsync(v.live, v.here, v.n * sizeof(float), cudaMemcpyHostToDevice, NULL));
	check(cudaStreamSynchronize(NULL));
}

static void products_have_the_same_bits(void **unused)
{
	(void)unused;
	for (int i = 0; i < 24; i++) {
		size_t m = between(1, 150), n = between(1, 150), k = i ? between(1, 70) : 0, heads = between(1, 3), samples = between(1, 2);
		bool at = next_random() & 1, bt = next_random() & 1, continues = next_random() & 1;
		size_t ldc = n + between(0, 3), count = heads * samples;
		if (i % 8 == 7) { /* enough tiles for the large kernel */
			m = between(1400, 1500);
			n = between(1400, 1500);
			ldc = n;
			k = between(1, 20);
			count = heads = samples = 1;
		}
		vector a = vector_of(count * m * k), b = vector_of(count * k * n), c = vector_of(count * m * ldc);
		for (size_t z = 0; z < count; z++)
			aic_gemm(cpu, m, n, k, (aic_matrix){a.here + z * m * k, at ? 1 : k, at ? m : 1}, (aic_matrix){b.here + z * k * n, bt ? 1 : n, bt ? k : 1},
			         c.here + z * m * ldc, ldc, continues);
		aic_cu_product p = {.m = m, .n = n, .k = k, .count = count, .heads = heads, .a = {a.live, at ? 1 : k, at ? m : 1, heads * m * k, m * k},
		                    .b = {b.live, bt ? 1 : n, bt ? k : 1, heads * k * n, k * n}, .c = c.live, .ldc = ldc, .c_outer = heads * m * ldc,
		                    .c_inner = m * ldc, .continues = continues};
		aic_cu_gemm(NULL, p);
		same("product", c);
		same("its left side", a);
		same("its right side", b);
	}
}

static void products_in_pieces(void **unused)
{
	(void)unused;
	for (int i = 0; i < SHAPES; i++) {
		size_t m = between(1, 40), n = between(1, 80), piece = between(1, 30), pieces = between(1, 6);
		vector a = vector_of(pieces * m * piece), b = vector_of(pieces * n * piece), c = vector_of(m * n);
		for (size_t s = 0; s < pieces; s++)
			aic_gemm(cpu, m, n, piece, (aic_matrix){a.here + s * m * piece, piece, 1}, (aic_matrix){b.here + s * n * piece, 1, piece}, c.here, n, true);
		aic_cu_gemm(NULL, (aic_cu_product){.m = m, .n = n, .k = piece * pieces, .count = 1, .heads = 1, .split = piece, .a = {a.live, piece, 1, 0, 0},
		                                   .a_jump = m * piece, .b = {b.live, 1, piece, 0, 0}, .b_jump = n * piece, .c = c.live, .ldc = n, .continues = 1});
		same("product in pieces", c);
		same("its left side", a);
		same("its right side", b);
	}
}

static void values_alone(void **unused)
{
	(void)unused;
	for (int i = 0; i < SHAPES; i++) {
		size_t n = between(1, 3000);
		vector x = vector_of(n), dy = vector_of(n), y = vector_of(n), w = vector_of(n), m = vector_of(n), v = vector_of(n);
#define BOTH(on_cpu, on_gpu, what, out)            \
		do {                               \
			on_cpu;                    \
			on_gpu;                    \
			same(what, out);           \
			(out) = vector_of((out).n); \
		} while (0)
		BOTH(cpu->k->add(n, x.here, y.here), aic_cu_add(NULL, n, x.live, y.live), "add", y);
		BOTH(cpu->k->multiply(n, x.here, dy.here, y.here), aic_cu_multiply(NULL, n, x.live, dy.live, y.live), "multiply", y);
		BOTH(cpu->k->relu(n, x.here, y.here), aic_cu_relu(NULL, n, x.live, y.live), "relu", y);
		BOTH(cpu->k->relu_back(n, x.here, dy.here, y.here), aic_cu_relu_back(NULL, n, x.live, dy.live, y.live), "relu_back", y);
		BOTH(cpu->k->gelu(n, x.here, y.here), aic_cu_gelu(NULL, n, x.live, y.live), "gelu", y);
		BOTH(cpu->k->gelu_back(n, x.here, dy.here, y.here), aic_cu_gelu_back(NULL, n, x.live, dy.live, y.live), "gelu_back", y);
		cpu->k->momentum(n, 0.1f, 0.9f, 0.01f, 0.5f, dy.here, w.here, m.here);
		aic_cu_momentum(NULL, n, 0.1f, 0.9f, 0.01f, 0.5f, dy.live, w.live, m.live);
		for (size_t j = 0; j < n; j++)
			v.here[j] = fabsf(v.here[j]);
		check(cudaMemcpyAsync(v.live, v.here, n * sizeof(float), cudaMemcpyHostToDevice, NULL));
		aic_adamw_step s = {1e-3f, 0.9f, 0.999f, 1e-8f, 0.01f, 0.1f, 0.001f, 0.7f};
		cpu->k->adamw(n, &s, dy.here, w.here, m.here, v.here);
		aic_cu_adamw(NULL, n, s.lr, s.beta1, s.beta2, s.eps, s.decay, s.correct1, s.correct2, s.scale, dy.live, w.live, m.live, v.live);
		same("adamw: weights", w);
		same("adamw: means", m);
		same("adamw: squares", v);
		same("x", x);
		same("dy", dy);
		same("y", y);
	}
}

static void rows(void **unused)
{
	(void)unused;
	for (int i = 0; i < SHAPES; i++) {
		size_t n = i == 1 ? 1 : between(2, 100), rows = between(1, 70), period = n;
		vector x = vector_of(rows * n), dy = vector_of(rows * n), y = vector_of(rows * n), dx = vector_of(rows * n);
		vector gamma = vector_of(n), beta = vector_of(n), stat = vector_of(2 * rows), dgamma = vector_of(n), dbeta = vector_of(n);
		vector sum = vector_of(n);

		for (size_t r = 0; r < rows; r++)
			cpu->k->layernorm(n, x.here + r * n, gamma.here, beta.here, y.here + r * n, stat.here + 2 * r);
		aic_cu_layernorm(NULL, rows, n, x.live, gamma.live, beta.live, y.live, stat.live);
		for (size_t r = 0; r < rows; r++)
			cpu->k->layernorm_back(n, x.here + r * n, gamma.here, stat.here + 2 * r, dy.here + r * n, dx.here + r * n);
		aic_cu_layernorm_back(NULL, rows, n, x.live, gamma.live, stat.live, dy.live, dx.live);
		cpu->k->layernorm_sums(rows, n, 0, n, x.here, stat.here, dy.here, dgamma.here, dbeta.here);
		aic_cu_layernorm_sums(NULL, rows, n, x.live, stat.live, dy.live, dgamma.live, dbeta.live);
		BOTH((void)0, (void)0, "layernorm", y);
		BOTH((void)0, (void)0, "layernorm_back", dx);
		for (size_t r = 0; r < rows; r++) {
			size_t len = r % period + 1;
			cpu->k->softmax(len, 0.3f, x.here + r * n, y.here + r * n);
			memset(y.here + r * n + len, 0, (n - len) * sizeof(float));
			cpu->k->softmax_back(len, 0.3f, y.here + r * n, dy.here + r * n, dx.here + r * n);
			memset(dx.here + r * n + len, 0, (n - len) * sizeof(float));
		}
		aic_cu_softmax(NULL, rows, period, n, 0.3f, x.live, y.live);
		aic_cu_softmax_back(NULL, rows, period, n, 0.3f, y.live, dy.live, dx.live);
		BOTH((void)0, (void)0, "softmax", y);
		BOTH((void)0, (void)0, "softmax_back", dx);
		cpu->k->column_sums(rows, n, n, x.here, sum.here);
		aic_cu_column_sums(NULL, rows, n, x.live, sum.live);
		cpu->k->fill_rows(rows, n, gamma.here, y.here);
		aic_cu_fill_rows(NULL, rows, n, gamma.live, y.live);
		same("layernorm's numbers", stat);
		same("dgamma", dgamma);
		same("dbeta", dbeta);
		same("column_sums", sum);
		same("fill_rows", y);
		same("x", x);
		same("dy", dy);
		same("dx", dx);
		same("gamma", gamma);
		same("beta", beta);
	}
}

static void losses(void **unused)
{
	(void)unused;
	for (int i = 0; i < SHAPES; i++) {
		size_t n = between(2, 90), rows = between(1, 600);
		vector x = vector_of(rows * n), d = vector_of(rows * n), target = vector_of(rows), loss = vector_of(rows), best = vector_of(rows);
		vector total = vector_of(1), count = vector_of(2);
		uint64_t correct = 5;

		make_numbers(target, (uint32_t)n, false);
		memcpy(count.here, &correct, sizeof(correct));
		check(cudaMemcpyAsync(count.live, &correct, sizeof(correct), cudaMemcpyHostToDevice, NULL));
		for (size_t r = 0; r < rows; r++) {
			uint32_t t, top;
			memcpy(&t, &target.here[r], sizeof(t));
			loss.here[r] = cpu->k->cross_entropy(n, x.here + r * n, t, 0.125f, d.here + r * n, &top);
			memcpy(&best.here[r], &top, sizeof(top));
			total.here[0] = total.here[0] + loss.here[r];
			correct += top == t;
		}
		memcpy(count.here, &correct, sizeof(correct));
		aic_cu_cross_entropy(NULL, rows, n, x.live, (uint32_t *)target.live, 0.125f, d.live, loss.live, (uint32_t *)best.live);
		aic_cu_score(NULL, rows, loss.live, (uint32_t *)best.live, (uint32_t *)target.live, total.live, (uint64_t *)count.live);
		BOTH((void)0, (void)0, "cross_entropy's gradient", d);
		BOTH((void)0, (void)0, "cross_entropy", loss);
		same("the sum of losses", total);
		same("right answers", count);
		same("best", best);
		same("targets", target);

		vector wish = vector_of(rows * n), chunk = vector_of((rows * n + 63) / 64);
		best = vector_of(rows);
		for (size_t r = 0; r < rows; r++) {
			uint32_t none = 0;
			for (size_t j = r * n; j < (r + 1) * n; j++)
				d.here[j] = x.here[j] - wish.here[j];
			loss.here[r] = 0.5f * cpu->k->row_squares(n, d.here + r * n);
			for (size_t j = r * n; j < (r + 1) * n; j++)
				d.here[j] = d.here[j] * 0.125f;
			memcpy(&best.here[r], &none, sizeof(none));
		}
		aic_cu_squared(NULL, rows, n, x.live, wish.live, 0.125f, d.live, loss.live, (uint32_t *)best.live);
		for (size_t c = 0; c < chunk.n; c++)
			chunk.here[c] = cpu->k->row_squares(rows * n - c * 64 < 64 ? rows * n - c * 64 : 64, x.here + c * 64);
		aic_cu_chunk_squares(NULL, rows * n, 64, x.live, chunk.live);
		same("squared's gradient", d);
		same("squared", loss);
		same("best", best);
		same("wishes", wish);
		same("chunks", chunk);
		same("x", x);
	}
}

static int setup(void **unused)
{
	aic_error err;

	(void)unused;
	state = getenv("AIC_TEST_SEED") ? strtoull(getenv("AIC_TEST_SEED"), NULL, 10) : 20261123;
	printf("AIC_TEST_SEED=%llu\n", (unsigned long long)state);
	return aic_cpu_open(&cpu, NULL, 1, &err) == AIC_OK ? 0 : -1;
}

static int teardown(void **unused)
{
	(void)unused;
	aic_cpu_close(cpu);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(products_have_the_same_bits), cmocka_unit_test(products_in_pieces), cmocka_unit_test(values_alone),
		cmocka_unit_test(rows), cmocka_unit_test(losses),
	};
	int devices = 0;

	if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
		puts("1..1\nok 1 - the kernels on a GPU # SKIP there is none here");
		return 0;
	}
	return cmocka_run_group_tests(tests, setup, teardown);
}
