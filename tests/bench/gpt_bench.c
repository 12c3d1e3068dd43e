/* gpt_bench.c: tokens a second in training a GPT, D0, against plain loops (gpt_reference.h), both with two threads, in turns in one run. */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "mpi-runner/collective.h"
#include "mpi-runner/optimizer.h"
#include "mpi-runner/step.h"
#include "tests/bench/bench.h"
#include "tests/bench/gpt_reference.h"

enum { BATCH = 4, POSITIONS = 64, THREADS = 2, SHARDS = 1, ROUNDS_MAX = 9 };

typedef struct {
	const char *name;
	size_t depth, width, heads, tokens;
	int rounds;
} shape;

/* The same batch again and again, to both. */
static uint32_t text[BATCH * (POSITIONS + 1)];

static void fetch(const aic_data *d, aic_part part, const uint32_t *index, size_t n, float *x, uint32_t *classes, float *values)
{
	(void)d;
	(void)part;
	(void)index;
	(void)values;
	for (size_t s = 0; s < n; s++) {
		for (size_t t = 0; t < POSITIONS; t++) {
			x[s * POSITIONS + t] = (float)text[s * (POSITIONS + 1) + t];
			classes[s * POSITIONS + t] = text[s * (POSITIONS + 1) + t + 1];
		}
	}
}

typedef struct {
	aic_spec *spec;
	aic_model *model;
	aic_cpu *cpu;
	aic_collective *self;
	aic_data_kind kind;
	aic_data data;
	aic_stepper stepper;
	aic_optimizer optimizer;
	float *weights;
	uint64_t step;
} trainer;

static int open_trainer(trainer *t, const shape *s, aic_error *err)
{
	char spec[512];

	snprintf(spec, sizeof(spec), "model: {input: 'text[%d]', output: 'class[%zu]', preset: gpt, depth: %zu, width: %zu, heads: %zu}\n"
	         "data: {asset: none, format: text}\ntrain: {batch: %d, steps: 1000}\nprove: {shards: %d}\n", POSITIONS, s->tokens, s->depth, s->width,
	         s->heads, BATCH, SHARDS);
	if (aic_spec_parse(&t->spec, "bench", spec, strlen(spec), err) != AIC_OK || aic_model_build(&t->model, t->spec, err) != AIC_OK ||
	    aic_cpu_open(&t->cpu, NULL, THREADS, err) != AIC_OK || aic_collective_self(&t->self, err) != AIC_OK)
		return aic_error_report("gpt_bench", err);
	t->kind.fetch = fetch;
	t->data = (aic_data){.kind = &t->kind, .spec = t->spec, .count = {BATCH, BATCH}};
	aic_stepper_init(&t->stepper, t->spec, t->model, t->cpu, &t->data, t->self);
	aic_optimizer_init(&t->optimizer, t->spec, t->model->parameters, 1000);
	t->weights = aic_xmalloc(t->model->parameters * sizeof(float));
	aic_model_init(t->model, 1, t->weights);
	return 0;
}

static void close_trainer(trainer *t)
{
	free(t->weights);
	aic_optimizer_free(&t->optimizer);
	aic_stepper_free(&t->stepper);
	aic_collective_close(t->self);
	aic_cpu_close(t->cpu);
	aic_model_free(t->model);
	aic_spec_free(t->spec);
}

static float one_step(trainer *t)
{
	aic_step_result r;
	aic_error err;

	if (aic_stepper_gradient(&t->stepper, t->step, t->weights, false, &r, &err) != AIC_OK)
		exit(aic_error_report("gpt_bench", &err));
	aic_optimizer_step(&t->optimizer, t->cpu, t->step++, r.norm, r.gradient, t->weights);
	return r.loss;
}

static int run(const shape *s)
{
	uint32_t in[BATCH * POSITIONS], target[BATCH * POSITIONS];
	double ours[ROUNDS_MAX], theirs[ROUNDS_MAX];
	float loss[2] = {0}, first[2] = {0};
	trainer t = {0};
	aic_error err;
	char what[96], absolute[128];

	for (size_t i = 0; i < sizeof(text) / sizeof(text[0]); i++)
		text[i] = (uint32_t)(i * 2654435761u >> 7) % (uint32_t)s->tokens;
	for (size_t r = 0; r < BATCH * POSITIONS; r++) {
		in[r] = text[r / POSITIONS * (POSITIONS + 1) + r % POSITIONS];
		target[r] = text[r / POSITIONS * (POSITIONS + 1) + r % POSITIONS + 1];
	}
	if (open_trainer(&t, s, &err) != 0)
		return 1;
	gpt_reference *g = gpt_reference_new(s->depth, s->width, s->heads, s->tokens, POSITIONS, BATCH);
	for (int round = -1; round < s->rounds; round++) { /* the first warms up */
		double start = bench_now();
		loss[0] = one_step(&t);
		double middle = bench_now();
		loss[1] = gpt_reference_step(g, in, target);
		double end = bench_now();
		if (round < 0) {
			memcpy(first, loss, sizeof(first));
			continue;
		}
		ours[round] = middle - start;
		theirs[round] = end - middle;
	}
	bool learns = loss[0] < first[0] && loss[1] < first[1] && fabsf(first[0] - first[1]) < 0.3f * first[1];
	double a = bench_median(ours, (size_t)s->rounds), b = bench_median(theirs, (size_t)s->rounds);
	snprintf(what, sizeof(what), "training a GPT, %s, batch 4 x 64, 2 threads, against plain OpenMP loops", s->name);
	snprintf(absolute, sizeof(absolute), "%.0f tokens/s, plain loops %.0f%s", BATCH * POSITIONS / a, BATCH * POSITIONS / b,
	         learns ? "" : " (losses do not fit: the figure is void)");
	bench_row(what, b / a, ">= 3", absolute);
	gpt_reference_free(g);
	close_trainer(&t);
	return learns ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const shape small = {"4 layers x 128", 4, 128, 4, 256, 9}, large = {"GPT-2's shape (12 x 768, 50257 tokens)", 12, 768, 12, 50257, 3};

	omp_set_num_threads(THREADS);
	if (run(&small) != 0)
		return 1;
	return argc > 1 && strcmp(argv[1], "small") == 0 ? 0 : run(&large);
}
