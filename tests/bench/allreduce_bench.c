/* allreduce_bench.c: the deterministic sum against MPI_Allreduce, on the same buffers in turns, as ratios of their speeds (above 1:
 * faster than MPI's). Started alone it starts itself under mpirun with 2, 4 and 8 ranks. Each figure is the best of several rounds; a round ends when all ranks have. */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "mpi-runner/collective.h"
#include "mpi-runner/tree.h"
#include "tests/bench/bench.h"

enum { ROUNDS = 15, MIB = 1 << 20 };

typedef struct {
	aic_collective *c;
	uint32_t shards;
	aic_reduction sum;
	float *out;
} bench;

static double ours(bench *b)
{
	aic_error err;

	MPI_Barrier(MPI_COMM_WORLD);
	double t = MPI_Wtime();
	if (aic_reduction_finish(&b->sum, &err) != AIC_OK)
		aic_collective_abort(b->c, aic_error_report("allreduce_bench", &err));
	MPI_Barrier(MPI_COMM_WORLD);
	return MPI_Wtime() - t;
}

static double theirs(bench *b)
{
	MPI_Barrier(MPI_COMM_WORLD);
	double t = MPI_Wtime();
	MPI_Allreduce(b->sum.partial[0], b->out, (int)b->sum.n, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
	MPI_Barrier(MPI_COMM_WORLD);
	return MPI_Wtime() - t;
}

/* A sum of ones is as many as there are partials. */
static void check(const bench *b)
{
	aic_subtree tree[AIC_PARTIALS_MAX];
	size_t ones = 0;

	for (unsigned r = 0; r < b->c->size; r++)
		ones += aic_tree_partials(b->shards, b->c->size, r, tree);
	for (size_t i = 0; i < b->sum.n; i++) {
		if (b->sum.sum[i] != (float)ones) {
			fprintf(stderr, "allreduce_bench: element %zu is %g, not %zu\n", i, (double)b->sum.sum[i], ones);
			aic_collective_abort(b->c, 1);
		}
	}
}

static void run(bench *b, size_t mib)
{
	double best[2] = {1e9, 1e9};
	size_t n = mib * MIB / sizeof(float);
	aic_error err;

	if (aic_reduction_open(&b->sum, b->c, b->shards, n, &err) != AIC_OK)
		aic_collective_abort(b->c, aic_error_report("allreduce_bench", &err));
	for (size_t i = 0; i < b->sum.partials; i++)
		for (size_t j = 0; j < n; j++)
			b->sum.partial[i][j] = 1.0f;
	b->out = aic_xmalloc(n * sizeof(float));
	memset(b->out, 0, n * sizeof(float));
	for (int round = 0; round < ROUNDS; round++) {
		double t[2] = {ours(b), 0};
		if (round == 0)
			check(b);
		t[1] = theirs(b);
		for (int i = 0; i < 2; i++)
			best[i] = t[i] < best[i] ? t[i] : best[i];
	}
	if (b->c->rank == 0) {
		char what[96], absolute[96];
		snprintf(what, sizeof(what), "deterministic allreduce, %zu MiB, %u ranks, against MPI_Allreduce", mib, b->c->size);
		snprintf(absolute, sizeof(absolute), "%.2f ms, MPI_Allreduce %.2f ms", 1e3 * best[0], 1e3 * best[1]);
		bench_row(what, best[1] / best[0], ">= 1", absolute);
	}
	aic_reduction_close(&b->sum);
	free(b->out);
}

static int start_ranks(const char *self)
{
	static const unsigned ranks[] = {2, 4, 8};

	for (size_t i = 0; i < sizeof(ranks) / sizeof(ranks[0]); i++) {
		char command[1024];
		snprintf(command, sizeof(command), "mpirun --allow-run-as-root --oversubscribe -n %u '%s'", ranks[i], self);
		if (system(command) != 0)
			return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	bench b = {.shards = 1};
	aic_error err;

	if (!getenv("OMPI_COMM_WORLD_SIZE"))
		return start_ranks(argv[0]);
	if (aic_collective_mpi(&b.c, &argc, &argv, &err) != AIC_OK)
		return aic_error_report("allreduce_bench", &err);
	while (b.shards < b.c->size)
		b.shards *= 2;
	for (size_t mib = 1; mib <= 64; mib *= 4)
		run(&b, mib);
	aic_collective_close(b.c);
	return 0;
}
