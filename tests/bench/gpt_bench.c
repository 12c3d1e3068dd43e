/* gpt_bench.c: tokens a second in training a GPT, D0, against plain loops (gpt_reference.h), both with two threads, in turns in one run. */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "mpi-runner/collective.h"
#include "tests/bench/bench.h"
#include "tests/bench/gpt_reference.h"
#include "tests/bench/gpt_trainer.h"

enum { BATCH = 4, THREADS = 2, ROUNDS_MAX = 9, TOKENS = BATCH * GPT_POSITIONS };

static int run(const char *name, const gpt_shape *s, int rounds)
{
	uint32_t in[TOKENS], target[TOKENS];
	double ours[ROUNDS_MAX], theirs[ROUNDS_MAX];
	float loss[2] = {0}, first[2] = {0};
	aic_collective *self;
	gpt_trainer t;
	aic_error err;
	char what[160], absolute[128];

	gpt_text_fill(s->tokens);
	for (size_t r = 0; r < TOKENS; r++) {
		in[r] = gpt_text[r / GPT_POSITIONS * (GPT_POSITIONS + 1) + r % GPT_POSITIONS];
		target[r] = gpt_text[r / GPT_POSITIONS * (GPT_POSITIONS + 1) + r % GPT_POSITIONS + 1];
	}
	if (aic_collective_self(&self, &err) != AIC_OK || gpt_trainer_open(&t, s, self, &err) != AIC_OK)
		return aic_error_report("gpt_bench", &err);
	gpt_reference *g = gpt_reference_new(s->depth, s->width, s->heads, s->tokens, GPT_POSITIONS, BATCH);
	for (int round = -1; round < rounds; round++) { /* the first warms up */
		double start = bench_now();
		loss[0] = gpt_trainer_step(&t);
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
	double a = bench_median(ours, (size_t)rounds), b = bench_median(theirs, (size_t)rounds);
	snprintf(what, sizeof(what), "training a GPT, %s, batch 4 x 64, 2 threads, against plain OpenMP loops", name);
	snprintf(absolute, sizeof(absolute), "%.0f tokens/s, plain loops %.0f%s", TOKENS / a, TOKENS / b,
	         learns ? "" : " (losses do not fit: the figure is void)");
	bench_row(what, b / a, ">= 3", absolute);
	gpt_reference_free(g);
	gpt_trainer_close(&t);
	aic_collective_close(self);
	return learns ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const gpt_shape small = {4, 128, 4, 256, BATCH, 1, THREADS}, large = {12, 768, 12, 50257, BATCH, 1, THREADS};

	omp_set_num_threads(THREADS);
	if (run("4 layers x 128, 256 tokens", &small, 9) != 0)
		return 1;
	return argc > 1 && strcmp(argv[1], "small") == 0 ? 0 : run("GPT-2's shape (12 x 768, 50257 tokens)", &large, 3);
}
