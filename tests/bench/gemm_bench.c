/* gemm_bench.c: fixed-order products C = A B' against OpenBLAS, the same shapes in one run, as ratios of their speeds (above 1: faster
 * than OpenBLAS). Each figure is the best of several rounds, in which both take turns. */
#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "mpi-runner/kernels/cpu/gemm.h"
#include "mpi-runner/philox.h"
#include "tests/bench/bench.h"

extern void openblas_set_num_threads(int);
extern char *openblas_get_corename(void);

typedef struct {
	const char *name;
	size_t m, n, k;
	unsigned threads;
	const char *goal;
} shape;

static const shape shapes[] = {
	{"512^3", 512, 512, 512, 1, ">= 0.9"},           {"768x768x4096", 768, 768, 4096, 1, ">= 0.9"}, {"256x3072x768", 256, 3072, 768, 1, ">= 0.8"},
	{"64x10x784", 64, 10, 784, 1, ">= 0.8"},         {"32x256x784", 32, 256, 784, 1, ""},     {"512^3", 512, 512, 512, 2, ">= 0.85"},
	{"768x768x4096", 768, 768, 4096, 2, ">= 0.85"},
};

static float *draw(size_t n, uint32_t stream)
{
	float *v = aic_xmalloc(n * sizeof(float));
	for (size_t i = 0; i < n; i++)
		v[i] = (float)(int32_t)aic_random_block(1, AIC_RANDOM_SAMPLE, stream, 0, i).v[0] * 0x1p-31f;
	return v;
}

/* Runs one bench so often that a measurement takes a few milliseconds. */
static double best(const aic_cpu *cpu, const shape *s, const float *a, const float *b, float *c, int turns, double so_far)
{
	double t = bench_now();

	for (int i = 0; i < turns; i++) {
		if (cpu)
			aic_gemm(cpu, s->m, s->n, s->k, (aic_matrix){a, s->k, 1}, (aic_matrix){b, 1, s->k}, c, s->n, false);
		else
			cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)s->m, (int)s->n, (int)s->k, 1.0f, a, (int)s->k, b, (int)s->k,
			            0.0f, c, (int)s->n);
	}
	t = (bench_now() - t) / turns;
	return t < so_far ? t : so_far;
}

static int run(const shape *s)
{
	float *a = draw(s->m * s->k, 1), *b = draw(s->n * s->k, 2), *c = aic_xmalloc(s->m * s->n * sizeof(float));
	double flops = 2.0 * (double)s->m * (double)s->n * (double)s->k, ours = 1e9, theirs = 1e9;
	int turns = flops > 4e8 ? 1 : (int)(4e8 / flops);
	aic_cpu *cpu;
	aic_error err;

	if (aic_cpu_open(&cpu, NULL, s->threads, &err) != AIC_OK)
		return aic_error_report("gemm_bench", &err);
	openblas_set_num_threads((int)s->threads);
	for (int round = 0; round < 15; round++) {
		ours = best(cpu, s, a, b, c, turns, ours);
		theirs = best(NULL, s, a, b, c, turns, theirs);
	}
	char what[96], absolute[96];
	snprintf(what, sizeof(what), "fixed-order GEMM %s, %u thread%s, against OpenBLAS", s->name, s->threads, s->threads > 1 ? "s" : "");
	snprintf(absolute, sizeof(absolute), "%.1f GFLOP/s (%s), OpenBLAS %.1f (%s)", 1e-9 * flops / ours, cpu->k->name, 1e-9 * flops / theirs,
	         openblas_get_corename());
	bench_row(what, theirs / ours, s->goal, absolute);
	aic_cpu_close(cpu);
	free(a);
	free(b);
	free(c);
	return 0;
}

int main(void)
{
	for (size_t i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++)
		if (run(&shapes[i]) != 0)
			return 1;
	return 0;
}
