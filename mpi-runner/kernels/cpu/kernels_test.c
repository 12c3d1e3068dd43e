/* Every variant of every kernel gives the bits of the plain reference. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/bytes.h"
#include "mpi-runner/dmath.h"
#include "mpi-runner/kernels/cpu/gemm.h"
#include "mpi-runner/philox.h"

static uint64_t drawn;

static uint32_t word(void)
{
	aic_philox_block r = aic_random_block(11, AIC_RANDOM_SAMPLE, 0, 0, drawn++);
	return r.v[0];
}

static float draw(void)
{
	return (float)((int32_t)word() >> 8) * 0x1p-21f;
}

static float *draw_floats(size_t n)
{
	float *v = aic_xmalloc((n + 1) * sizeof(float));
	for (size_t i = 0; i < n; i++)
		v[i] = draw();
	return v;
}

static void assert_same(const float *a, const float *b, size_t n)
{
	assert_memory_equal(a, b, n * sizeof(float));
}

static aic_cpu *open_cpu(const char *name, unsigned threads)
{
	aic_cpu *cpu;
	aic_error err;
	assert_int_equal(aic_cpu_open(&cpu, name, threads, &err), AIC_OK);
	return cpu;
}

static void one_product(const aic_cpu *cpu, size_t m, size_t n, size_t k, bool a_turned, bool b_turned, bool continues)
{
	float *a = draw_floats(m * k), *b = draw_floats(k * n), *start = draw_floats(m * (n + 3));
	float *want = aic_xmalloc(m * (n + 3) * sizeof(float)), *have = aic_xmalloc(m * (n + 3) * sizeof(float));
	aic_matrix ma = a_turned ? (aic_matrix){a, 1, m} : (aic_matrix){a, k, 1};
	aic_matrix mb = b_turned ? (aic_matrix){b, 1, k} : (aic_matrix){b, n, 1};

	memcpy(want, start, m * (n + 3) * sizeof(float));
	memcpy(have, start, m * (n + 3) * sizeof(float));
	aic_gemm_reference(m, n, k, ma, mb, want, n + 3, continues);
	aic_gemm(cpu, m, n, k, ma, mb, have, n + 3, continues);
	assert_same(have, want, m * (n + 3));
	free(a);
	free(b);
	free(start);
	free(want);
	free(have);
}

static void products_equal_three_plain_loops(void **state)
{
	static const size_t shapes[][3] = {{1, 1, 1}, {3, 5, 7}, {12, 32, 16}, {13, 33, 321}, {64, 10, 784}, {25, 17, 640}, {250, 70, 9},
	                                   {5, 400, 33}, {31, 64, 0}, {33, 12, 18}, {7, 6, 401}, {1, 700, 3}, {97, 1, 50}};
	(void)state;
	for (size_t v = 0; aic_kernels_all[v]; v++) {
		if (!aic_kernels_all[v]->usable())
			continue;
		for (unsigned threads = 1; threads <= 3; threads += 2) {
			aic_cpu *cpu = open_cpu(aic_kernels_all[v]->name, threads);
			for (size_t s = 0; s < sizeof(shapes) / sizeof(shapes[0]); s++)
				for (int how = 0; how < 8; how++)
					one_product(cpu, shapes[s][0], shapes[s][1], shapes[s][2], how & 1, how & 2, how & 4);
			aic_cpu_close(cpu);
		}
	}
}

/* A product split along its inner dimension continues the same chains. */
static void a_chain_runs_on_across_calls(void **state)
{
	enum { M = 20, N = 40, K = 90, CUT = 37 };
	float *a = draw_floats(M * K), *b = draw_floats(K * N), whole[M * N], parts[M * N];
	aic_cpu *cpu = open_cpu(NULL, 1);

	(void)state;
	aic_gemm(cpu, M, N, K, (aic_matrix){a, K, 1}, (aic_matrix){b, N, 1}, whole, N, false);
	aic_gemm(cpu, M, N, CUT, (aic_matrix){a, K, 1}, (aic_matrix){b, N, 1}, parts, N, false);
	aic_gemm(cpu, M, N, K - CUT, (aic_matrix){a + CUT, K, 1}, (aic_matrix){b + CUT * N, N, 1}, parts, N, true);
	assert_same(parts, whole, M * N);
	aic_cpu_close(cpu);
	free(a);
	free(b);
}

typedef void (*kernel_case)(const aic_kernels *k, size_t n, float *out);

static void run_relu(const aic_kernels *k, size_t n, float *out)
{
	float *x = draw_floats(n), *dy = draw_floats(n);
	x[0] = -0.0f;
	k->relu(n, x, out);
	k->relu_back(n, x, dy, out + n);
	free(x);
	free(dy);
}

static void run_sums(const aic_kernels *k, size_t n, float *out)
{
	float *x = draw_floats(5 * n);
	memset(out, 0, 4 * n * sizeof(float));
	k->column_sums(5, n, n, x, out);
	out[n] = k->row_sum(n, x);
	out[n + 1] = k->row_squares(n, x);
	k->add(n, x, out + 2 * n);
	k->add(n, x + n, out + 2 * n);
	k->fill_rows(1, n, x, out + 3 * n);
	free(x);
}

static void run_entropy(const aic_kernels *k, size_t n, float *out)
{
	float *x = draw_floats(n);
	uint32_t best;
	x[n / 2] = x[0];
	out[n] = k->cross_entropy(n, x, (uint32_t)(n - 1), 0.125f, out, &best);
	out[n + 1] = (float)best;
	free(x);
}

static void run_optimizers(const aic_kernels *k, size_t n, float *out)
{
	float *g = draw_floats(n);
	const aic_adamw_step s = {.lr = 1e-3f, .beta1 = 0.9f, .beta2 = 0.999f, .eps = 1e-8f, .decay = 0.01f, .correct1 = 0.19f,
	                          .correct2 = 0.002f, .scale = 0.7f};
	for (size_t i = 0; i < n; i++)
		out[i] = draw();
	memset(out + n, 0, 3 * n * sizeof(float));
	k->adamw(n, &s, g, out, out + n, out + 2 * n);
	k->adamw(n, &s, g, out, out + n, out + 2 * n);
	k->momentum(n, 0.1f, 0.9f, 0.01f, 0.5f, g, out, out + 3 * n);
	free(g);
}

static void run_functions(const aic_kernels *k, size_t n, float *out)
{
	float *x = draw_floats(n);
	for (size_t i = 0; i < n; i++)
		x[i] *= i % 3 ? 10.0f : 0.25f;
	k->exp(n, x, out);
	k->tanh(n, x, out + n);
	for (size_t i = 0; i < n; i++) {
		float e = aic_d_exp(x[i]), t = aic_d_tanh(x[i]);
		assert_same(&e, &out[i], 1);
		assert_same(&t, &out[n + i], 1);
	}
	free(x);
}

static void run_norms(const aic_kernels *k, size_t n, float *out)
{
	float *x = draw_floats(3 * n), *dy = draw_floats(3 * n), *gamma = draw_floats(n), *beta = draw_floats(n), stat[6];

	for (size_t r = 0; r < 3; r++)
		k->layernorm(n, x + r * n, gamma, beta, out, stat + 2 * r);
	k->layernorm_back(n, x + 2 * n, gamma, stat + 4, dy, out + n);
	memset(out + 2 * n, 0, 2 * n * sizeof(float));
	k->layernorm_sums(3, n, n / 3, n, x, stat, dy, out + 2 * n, out + 3 * n);
	memcpy(out + 4 * n, stat, 2 * sizeof(float));
	free(x);
	free(dy);
	free(gamma);
	free(beta);
}

static void run_soft(const aic_kernels *k, size_t n, float *out)
{
	float *x = draw_floats(n), *d = draw_floats(n);

	k->softmax(n, 0.3f, x, out);
	k->softmax_back(n, 0.3f, out, d, out + n);
	k->gelu(n, x, out + 2 * n);
	k->gelu_back(n, x, d, out + 3 * n);
	k->multiply(n, x, d, x);
	out[4 * n] = k->row_sum(n, x);
	free(x);
	free(d);
}

static void variants_equal_the_portable_one(void **state)
{
	static const kernel_case cases[] = {run_relu, run_sums, run_entropy, run_optimizers, run_functions, run_norms, run_soft};
	enum { MOST = 70 };

	(void)state;
	for (size_t c = 0; c < sizeof(cases) / sizeof(cases[0]); c++) {
		for (size_t n = 1; n <= MOST; n++) {
			float want[4 * MOST + 8] = {0}, have[4 * MOST + 8] = {0};
			uint64_t start = drawn;
			cases[c](&aic_kernels_scalar, n, want);
			for (size_t v = 1; aic_kernels_all[v]; v++) {
				if (!aic_kernels_all[v]->usable())
					continue;
				drawn = start;
				cases[c](aic_kernels_all[v], n, have);
				assert_same(have, want, 4 * MOST + 8);
			}
		}
	}
}

/* Units in the last place between a result and the exact value. */
static double ulps(float have, double exact)
{
	int e;
	frexp(exact, &e);
	return fabs((double)have - exact) / ldexp(1.0, e - 24);
}

static void functions_are_accurate(void **state)
{
	double worst_exp = 0, worst_log = 0, worst_tanh = 0, worst_cos = 0;

	(void)state;
	for (int i = 0; i < 200000; i++) {
		float x = (float)(i - 100000) * 0.00087f, p = aic_d_exp((float)(i - 100000) * 0.0008f), a = (float)(i - 100000) * 1.2e-4f;
		worst_exp = fmax(worst_exp, ulps(aic_d_exp(x), exp((double)x)));
		worst_log = fmax(worst_log, fmin(ulps(aic_d_log(p), log((double)p)), fabs((double)aic_d_log(p) - log((double)p)) * 1e9));
		if (x != 0.0f)
			worst_tanh = fmax(worst_tanh, ulps(aic_d_tanh(x), tanh((double)x)));
		worst_cos = fmax(worst_cos, fabs((double)aic_d_cos(a) - cos((double)a)) * 0x1p24);
	}
	assert_true(worst_exp < 2.0);
	assert_true(worst_log < 2.0);
	assert_true(worst_tanh < 3.0);
	assert_true(worst_cos < 2.0);
	assert_true(aic_d_exp(-1000.0f) == 0.0f && isinf(aic_d_exp(1000.0f)) && isnan(aic_d_exp(NAN)));
	assert_true(isnan(aic_d_log(-1.0f)) && isinf(aic_d_log(0.0f)) && aic_d_log(1.0f) == 0.0f);
}

static void an_unknown_variant_is_refused(void **state)
{
	const aic_kernels *k;
	aic_error err;

	(void)state;
	assert_int_equal(aic_kernels_choose(&k, "mmx", &err), AIC_USAGE);
	assert_non_null(strstr(err.message, "mmx"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(products_equal_three_plain_loops), cmocka_unit_test(a_chain_runs_on_across_calls),
		cmocka_unit_test(variants_equal_the_portable_one), cmocka_unit_test(functions_are_accurate),
		cmocka_unit_test(an_unknown_variant_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
