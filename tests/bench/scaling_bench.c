/* scaling_bench.c: training a GPT with two ranks against one, a thread each, the same batch of 8 x 64 tokens in two shards, in turns in one run; each the
 * best of several rounds. Started alone it starts itself under mpirun with 2 ranks; the second sleeps while the first trains alone. "small" is the small shape only. */
#include <mpi.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mpi-runner/collective.h"
#include "tests/bench/bench.h"
#include "tests/bench/gpt_trainer.h"

enum { TOKENS = 8 * GPT_POSITIONS };

/* All ranks come here; who is early sleeps rather than spins. */
static void meet(void)
{
	MPI_Request request;
	int done = 0;

	MPI_Ibarrier(MPI_COMM_WORLD, &request);
	for (;;) {
		MPI_Test(&request, &done, MPI_STATUS_IGNORE);
		if (done)
			return;
		usleep(500);
	}
}

static int run(const char *name, const gpt_shape *s, aic_collective *all, int rounds, const char *goal)
{
	double one = 1e9, two = 1e9;
	float loss[2] = {0};
	aic_collective *self;
	gpt_trainer alone, together;
	aic_error err;
	char what[160], absolute[128];

	gpt_text_fill(s->tokens);
	if (aic_collective_self(&self, &err) != AIC_OK || gpt_trainer_open(&together, s, all, &err) != AIC_OK ||
	    (all->rank == 0 && gpt_trainer_open(&alone, s, self, &err) != AIC_OK))
		return aic_error_report("scaling_bench", &err);
	for (int round = -1; round < rounds; round++) { /* the first warms up */
		meet();
		double start = bench_now();
		if (all->rank == 0)
			loss[0] = gpt_trainer_step(&alone);
		double middle = bench_now();
		meet();
		double again = bench_now();
		loss[1] = gpt_trainer_step(&together);
		double end = bench_now();
		if (round >= 0) {
			one = middle - start < one ? middle - start : one;
			two = end - again < two ? end - again : two;
		}
	}
	bool same = all->rank != 0 || memcmp(&loss[0], &loss[1], sizeof(float)) == 0;
	if (all->rank == 0) {
		gpt_trainer_close(&alone);
		snprintf(what, sizeof(what), "training a GPT, %s, batch 8 x 64: two ranks against one", name);
		snprintf(absolute, sizeof(absolute), "%.0f tokens/s, one rank %.0f%s", TOKENS / two, TOKENS / one, same ? "" : " (not the same bits)");
		bench_row(what, one / two, goal, absolute);
	}
	gpt_trainer_close(&together);
	aic_collective_close(self);
	return same ? 0 : 1;
}

int main(int argc, char **argv)
{
	static const gpt_shape small = {4, 128, 4, 256, 8, 2, 1}, large = {12, 768, 12, 256, 8, 2, 1};
	bool only_small = argc > 1 && strcmp(argv[1], "small") == 0;
	aic_collective *all;
	aic_error err;

	if (!getenv("OMPI_COMM_WORLD_SIZE")) {
		char command[1024];
		snprintf(command, sizeof(command), "mpirun --allow-run-as-root --oversubscribe -n 2 '%s'%s", argv[0], only_small ? " small" : "");
		return system(command) != 0;
	}
	if (aic_collective_mpi(&all, &argc, &argv, &err) != AIC_OK)
		return aic_error_report("scaling_bench", &err);
	int status = run("4 layers x 128", &small, all, 9, "");
	if (status == 0 && !only_small)
		status = run("GPT-2's shape with 256 tokens (12 x 768)", &large, all, 3, ">= 1.8");
	aic_collective_close(all);
	return status;
}
