/* gpu_bench.c: what this machine's GPU makes of D0 and D1: matrix products of D0 against cuBLAS's fp32, and training of GPT-2's shape in
 * D1 against the rate of a large bf16 product, and against D0. Prints the GPU's name; skipped with a word where there is none. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "mpi-runner/kernels/cuda/gpu.h"
#include "mpi-runner/optimizer.h"
#include "mpi-runner/step.h"
#include "tests/bench/bench.h"

extern const aic_gpu_kind aic_gpu_module;

enum { ROUNDS = 7 };

typedef struct {
	size_t product, peak;                       /* sizes of the square products */
	size_t depth, width, heads, tokens, positions, batch;
} sizes;

static const sizes whole = {4096, 8192, 12, 768, 12, 50257, 1024, 8};
static const sizes small = {96, 64, 2, 48, 4, 100, 16, 4}; /* to see that it runs */

__attribute__((noreturn)) static void stop(const aic_error *err)
{
	exit(aic_error_report("gpu_bench", err));
}

static void check(aic_gpu *g)
{
	aic_error err;
	if (g->kind->check(g, &err) != AIC_OK)
		stop(&err);
}

static aic_gpu *open_gpu(bool fast)
{
	aic_error err;
	aic_gpu *g;

	aic_code rc = aic_gpu_module.open(&g, 0, fast, &err);
	if (rc == AIC_NOT_FOUND) {
		printf("| training on a GPU | | | skipped: %s |\n", err.message);
		exit(0);
	}
	if (rc != AIC_OK)
		stop(&err);
	return g;
}

/* A vector of values between -1 and 1. */
static float *values(aic_gpu *g, size_t n)
{
	float *live = g->kind->room(g, n * sizeof(float)), *home = aic_xmalloc(n * sizeof(float));
	uint32_t state = 1;

	check(g);
	for (size_t i = 0; i < n; i++) {
		state = state * 1664525u + 1013904223u;
		home[i] = (float)(int32_t)state * 0x1p-31f;
	}
	g->kind->upload(g, live, home, n * sizeof(float));
	free(home);
	return live;
}

typedef struct {
	cublasHandle_t handle;
	size_t n;
	float *a, *b, *c;
	uint16_t *left, *right;
} products;

static void product_d0(cuda_gpu *g, const products *p)
{
	aic_cu_gemm(g->stream, (aic_cu_product){.m = p->n, .n = p->n, .k = p->n, .count = 1, .heads = 1, .a = {p->a, p->n, 1, 0, 0},
	                                        .b = {p->b, p->n, 1, 0, 0}, .c = p->c, .ldc = p->n});
}

static void product_cublas(cuda_gpu *g, const products *p)
{
	const float one = 1.0f, zero = 0.0f;
	int n = (int)p->n;

	(void)g;
	if (cublasSgemm(p->handle, CUBLAS_OP_N, CUBLAS_OP_N, n, n, n, &one, p->b, n, p->a, n, &zero, p->c, n) != CUBLAS_STATUS_SUCCESS)
		abort();
}

static void product_bf16(cuda_gpu *g, const products *p)
{
	const float one = 1.0f, zero = 0.0f;
	int n = (int)p->n;

	(void)g;
	if (cublasGemmStridedBatchedEx(p->handle, CUBLAS_OP_N, CUBLAS_OP_N, n, n, n, &one, p->right, CUDA_R_16BF, n, 0, p->left, CUDA_R_16BF, n, 0, &zero,
	                               p->c, CUDA_R_32F, n, 0, 1, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT) != CUBLAS_STATUS_SUCCESS)
		abort();
}

/* TFLOP/s, the median of some rounds after one that warms up. */
static double rate(aic_gpu *g, const products *p, void (*product)(cuda_gpu *, const products *))
{
	double seconds[ROUNDS];

	for (int i = -1; i < ROUNDS; i++) {
		check(g);
		double start = bench_now();
		product((cuda_gpu *)g, p);
		check(g);
		if (i >= 0)
			seconds[i] = bench_now() - start;
	}
	return 2e-12 * (double)p->n * (double)p->n * (double)p->n / bench_median(seconds, ROUNDS);
}

static products make_products(aic_gpu *g, size_t n, bool bf16)
{
	cuda_gpu *own = (cuda_gpu *)g;
	products p = {.n = n, .a = values(g, n * n), .b = values(g, n * n), .c = values(g, n * n)};

	if (cublasCreate(&p.handle) != CUBLAS_STATUS_SUCCESS || cublasSetStream(p.handle, own->stream) != CUBLAS_STATUS_SUCCESS)
		abort();
	void *workspace = g->kind->room(g, 32 << 20);
	cublasSetWorkspace(p.handle, workspace, 32 << 20);
	if (bf16) {
		p.left = g->kind->room(g, n * n * sizeof(uint16_t));
		p.right = g->kind->room(g, n * n * sizeof(uint16_t));
		aic_cu_to_bf16(own->stream, 1, 1, n, n, p.a, n, 0, 0, p.left);
		aic_cu_to_bf16(own->stream, 1, 1, n, n, p.b, n, 0, 0, p.right);
	}
	check(g);
	return p;
}

static void free_products(aic_gpu *g, products *p)
{
	cublasDestroy(p->handle);
	float *all[] = {p->a, p->b, p->c, (float *)p->left, (float *)p->right};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		g->kind->release(g, all[i]);
}

/* --- training --- */

static const sizes *shape;

static void fetch(const aic_data *d, aic_part part, const uint32_t *index, size_t n, float *x, uint32_t *classes, float *targets)
{
	(void)d;
	(void)part;
	(void)targets;
	for (size_t s = 0; s < n; s++) {
		for (size_t t = 0; t < shape->positions; t++) {
			uint32_t token = (uint32_t)((index[s] * 7919 + t * 104729) % shape->tokens);
			x[s * shape->positions + t] = (float)token;
			classes[s * shape->positions + t] = (token + 1) % (uint32_t)shape->tokens;
		}
	}
}

/* Seconds of a step, the median. */
static double train(aic_gpu *g, size_t *parameters)
{
	char text[512];
	aic_spec *spec;
	aic_model *model;
	aic_cpu *cpu;
	aic_collective *self;
	aic_stepper stepper;
	aic_optimizer optimizer;
	aic_step_result r;
	aic_error err;
	double seconds[ROUNDS];

	snprintf(text, sizeof(text), "model: {input: 'text[%zu]', output: 'class[%zu]', preset: gpt, depth: %zu, width: %zu, heads: %zu}\n"
	         "data: {asset: none, format: text}\ntrain: {batch: %zu, steps: 1000}\nprove: {shards: 1}\n", shape->positions, shape->tokens, shape->depth,
	         shape->width, shape->heads, shape->batch);
	if (aic_spec_parse(&spec, "bench", text, strlen(text), &err) != AIC_OK || aic_model_build(&model, spec, &err) != AIC_OK ||
	    aic_cpu_open(&cpu, NULL, 1, &err) != AIC_OK || aic_collective_self(&self, &err) != AIC_OK)
		stop(&err);
	cpu->gpu = g;
	aic_data_kind kind = {.fetch = fetch};
	aic_data data = {.kind = &kind, .spec = spec, .count = {shape->batch, shape->batch}};
	aic_stepper_init(&stepper, spec, model, cpu, &data, self);
	aic_optimizer_init(&optimizer, spec, model->parameters, 1000);
	aic_optimizer_move(&optimizer, g);
	float *home = aic_xmalloc(model->parameters * sizeof(float)), *weights = g->kind->room(g, model->parameters * sizeof(float));
	aic_model_init(model, 1, home);
	g->kind->upload(g, weights, home, model->parameters * sizeof(float));
	check(g);
	for (int i = -2; i < ROUNDS; i++) {
		double start = bench_now();
		if (aic_stepper_gradient(&stepper, (uint64_t)(i + 2), weights, false, &r, &err) != AIC_OK)
			stop(&err);
		aic_optimizer_step(&optimizer, cpu, (uint64_t)(i + 2), r.norm, r.gradient, weights);
		check(g);
		if (i >= 0)
			seconds[i] = bench_now() - start;
	}
	*parameters = model->parameters;
	free(home);
	g->kind->release(g, weights);
	aic_optimizer_free(&optimizer);
	aic_stepper_free(&stepper);
	aic_collective_close(self);
	aic_cpu_close(cpu);
	aic_model_free(model);
	aic_spec_free(spec);
	return bench_median(seconds, ROUNDS);
}

/* Of a step: 6 for each weight that is multiplied and token, and attention's 12 x width x positions a layer and token. */
static double step_flops(size_t parameters)
{
	double tables = (double)((shape->tokens + shape->positions) * shape->width), tokens = (double)(shape->batch * shape->positions);
	return tokens * (6.0 * ((double)parameters - tables) + 12.0 * (double)(shape->depth * shape->width * shape->positions));
}

int main(int argc, char **argv)
{
	char absolute[200];
	size_t parameters;

	shape = argc > 1 && strcmp(argv[1], "small") == 0 ? &small : &whole;
	aic_gpu *d0 = open_gpu(false), *d1 = open_gpu(true);
	printf("GPU: %s\n", d0->name);
	products square = make_products(d0, shape->product, false);
	double ours = rate(d0, &square, product_d0), theirs = rate(d0, &square, product_cublas);
	snprintf(absolute, sizeof(absolute), "%s: %.1f and %.1f TFLOP/s", d0->name, ours, theirs);
	bench_row("D0 matrix product on a GPU / cuBLAS fp32", ours / theirs, ">= 0.5", absolute);
	free_products(d0, &square);
	square = make_products(d0, shape->peak, true);
	double peak = rate(d0, &square, product_bf16);
	free_products(d0, &square);
	double slow = train(d0, &parameters), fast = train(d1, &parameters), tokens = (double)(shape->batch * shape->positions);
	snprintf(absolute, sizeof(absolute), "%s: %.1f and %.1f TFLOP/s, %.0f tokens/s", d0->name, 1e-12 * step_flops(parameters) / fast, peak, tokens / fast);
	bench_row("D1 step of GPT-2's shape / a large bf16 product", 1e-12 * step_flops(parameters) / fast / peak, ">= 0.4", absolute);
	snprintf(absolute, sizeof(absolute), "%s: %.0f and %.0f tokens/s", d0->name, tokens / slow, tokens / fast);
	bench_row("D0 step of GPT-2's shape / D1", fast / slow, "", absolute);
	aic_gpu_module.close(d0);
	aic_gpu_module.close(d1);
	return 0;
}
