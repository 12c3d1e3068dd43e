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
	float *mine[AIC_PARTIALS_MAX], *out;
	size_t n;
} bench;

static double ours(bench *b)
{
	aic_error err;

	MPI_Barrier(MPI_COMM_WORLD);
	double t = MPI_Wtime();
	if (aic_collective_tree_sum(b->c, b->shards, b->mine, b->n, b->out, &err) != AIC_OK)
		aic_collective_abort(b->c, aic_error_report("allreduce_bench", &err));
	MPI_Barrier(MPI_COMM_WORLD);
	return MPI_Wtime() - t;
}

static double theirs(bench *b)
{
	MPI_Barrier(MPI_COMM_WORLD);
	double t = MPI_Wtime();
	MPI_Allreduce(b->mine[0], b->out, (int)b->n, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
	MPI_Barrier(MPI_COMM_WORLD);
	return MPI_Wtime() - t;
}

static void run(bench *b, size_t mib)
{
	aic_subtree tree[AIC_PARTIALS_MAX];
	size_t parts = aic_tree_partials(b->shards, b->c->size, b->c->rank, tree);
	double best[2] = {1e9, 1e9};

	b->n = mib * MIB / sizeof(float);
	for (size_t i = 0; i < (parts ? parts : 1); i++) {
		b->mine[i] = aic_xmalloc(b->n * sizeof(float));
		for (size_t j = 0; j < b->n; j++)
			b->mine[i][j] = 1.0f;
	}
	b->out = aic_xmalloc(b->n * sizeof(float));
	memset(b->out, 0, b->n * sizeof(float));
	for (int round = 0; round < ROUNDS; round++) {
		double t[2] = {ours(b), theirs(b)};
		for (int i = 0; i < 2; i++)
			best[i] = t[i] < best[i] ? t[i] : best[i];
	}
	if (b->c->rank == 0) {
		char what[96], absolute[96];
		snprintf(what, sizeof(what), "deterministic allreduce, %zu MiB, %u ranks, against MPI_Allreduce", mib, b->c->size);
		snprintf(absolute, sizeof(absolute), "%.2f ms, MPI_Allreduce %.2f ms", 1e3 * best[0], 1e3 * best[1]);
		bench_row(what, best[1] / best[0], ">= 1", absolute);
	}
	for (size_t i = 0; i < (parts ? parts : 1); i++)
		free(b->mine[i]);
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
