/* aic-links: latency and bandwidth of each pair of nodes, one MPI rank a node (aic-links(1)). In each round every rank has one
 * partner (the circle method: https://en.wikipedia.org/wiki/Round-robin_tournament), so that no two pairs share a node's port. */
#include <argp.h>
#include <mpi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/record.h"

enum { WARM_UP = 10, SMALL = 8, TRIES_MAX = 100000, MIB = 1 << 20 };

typedef struct {
	int pings, blocks, mib;
	int rank, size;
	char *block;
	double *took;            /* of pings or blocks, whichever are more */
} probe;

typedef struct {
	int32_t partner;         /* -1: none in that round */
	uint64_t latency_ns, bytes_per_s;
} result;

static error_t parse(int key, char *arg, struct argp_state *state)
{
	probe *p = state->input;
	int *field = key == 'p' ? &p->pings : key == 'b' ? &p->blocks : key == 'm' ? &p->mib : NULL;
	char *end;

	if (!field)
		return ARGP_ERR_UNKNOWN;
	long value = strtol(arg, &end, 10);
	if (*end || value < 1 || value > (field == &p->mib ? 1024 : TRIES_MAX))
		argp_error(state, "%s must be a number from 1 to %d", arg, field == &p->mib ? 1024 : TRIES_MAX);
	*field = (int)value;
	return 0;
}

static const struct argp_option options[] = {
	{"pings", 'p', "N", 0, "short messages there and back for the latency [200]", 0},
	{"blocks", 'b', "N", 0, "long messages for the bandwidth [8]", 0},
	{"mib", 'm', "MIB", 0, "length of a long message [4]", 0},
	{0},
};

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static double median(double *x, int n)
{
	qsort(x, (size_t)n, sizeof(*x), by_size);
	return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

/* Seconds of `there` bytes one way and SMALL back, n times into p->took. */
static void exchange(probe *p, int partner, size_t there, int n, int warm_up)
{
	char answer[SMALL] = {0};

	for (int i = -warm_up; i < n; i++) {
		double began = MPI_Wtime();

		if (p->rank < partner) {
			MPI_Send(p->block, (int)there, MPI_CHAR, partner, 0, MPI_COMM_WORLD);
			MPI_Recv(answer, SMALL, MPI_CHAR, partner, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
		} else {
			MPI_Recv(p->block, (int)there, MPI_CHAR, partner, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
			MPI_Send(answer, SMALL, MPI_CHAR, partner, 1, MPI_COMM_WORLD);
		}
		if (i >= 0)
			p->took[i] = MPI_Wtime() - began;
	}
}

static result measure(probe *p, int partner)
{
	size_t bytes = (size_t)p->mib * MIB;
	result r = {.partner = partner};

	exchange(p, partner, SMALL, p->pings, WARM_UP);
	double latency = median(p->took, p->pings) / 2;
	exchange(p, partner, bytes, p->blocks, 1);
	double way = median(p->took, p->blocks) - latency;
	r.latency_ns = (uint64_t)(latency * 1e9 + 0.5);
	r.bytes_per_s = way > 0 ? (uint64_t)((double)bytes / way) : 0;
	return r;
}

/* Of an even number of players: the last stays, the others move on by one each round. */
static int partner_in(int round, int rank, int players)
{
	int others = players - 1;

	if (rank == others)
		return round;
	if (rank == round)
		return others;
	return ((2 * round - rank) % others + others) % others;
}

static void print(const probe *p, const char *names, const result *all, int rounds)
{
	printf("aic-links 1\n");
	for (int a = 0; a < p->size; a++)
		for (int r = 0; r < rounds; r++) {
			const result *x = &all[(size_t)a * (size_t)rounds + (size_t)r];

			if (x->partner > a)
				printf("%s %s %llu %llu\n", names + (size_t)a * AIC_NAME_LEN, names + (size_t)x->partner * AIC_NAME_LEN,
				       (unsigned long long)x->latency_ns, (unsigned long long)x->bytes_per_s);
		}
	fflush(stdout);
}

static void measure_all(probe *p)
{
	int players = p->size + p->size % 2, rounds = players - 1;
	result *mine = aic_xcalloc((size_t)rounds, sizeof(*mine)), *all = NULL;
	const char *node = getenv("SLURMD_NODENAME");
	char name[AIC_NAME_LEN] = "", host[MPI_MAX_PROCESSOR_NAME] = "", *names = NULL;
	int length;

	MPI_Get_processor_name(host, &length);
	aic_str_copy(name, sizeof(name), node ? node : host);
	for (int round = 0; round < rounds; round++) {
		int partner = partner_in(round, p->rank, players);

		MPI_Barrier(MPI_COMM_WORLD);
		mine[round] = partner < p->size ? measure(p, partner) : (result){.partner = -1};
	}
	if (p->rank == 0) {
		names = aic_xcalloc((size_t)p->size, AIC_NAME_LEN);
		all = aic_xcalloc((size_t)p->size * (size_t)rounds, sizeof(*all));
	}
	MPI_Gather(name, AIC_NAME_LEN, MPI_CHAR, names, AIC_NAME_LEN, MPI_CHAR, 0, MPI_COMM_WORLD);
	MPI_Gather(mine, rounds * (int)sizeof(*mine), MPI_BYTE, all, rounds * (int)sizeof(*all), MPI_BYTE, 0, MPI_COMM_WORLD);
	if (p->rank == 0)
		print(p, names, all, rounds);
	free(names);
	free(all);
	free(mine);
}

int main(int argc, char **argv)
{
	static const struct argp argp = {options, parse, NULL, "Measures the network between each two of the nodes that it runs on, one task a node; "
	                                 "`aic topology measure` starts it.", NULL, NULL, NULL};
	probe p = {.pings = 200, .blocks = 8, .mib = 4};

	argp_parse(&argp, argc, argv, 0, NULL, &p);
	if (MPI_Init(NULL, NULL) != MPI_SUCCESS)
		return 3;
	MPI_Comm_rank(MPI_COMM_WORLD, &p.rank);
	MPI_Comm_size(MPI_COMM_WORLD, &p.size);
	if (p.size < 2) {
		fprintf(stderr, "aic-links: one rank has no other to measure: start it with srun --mpi=pmix --ntasks-per-node=1 on two nodes or more\n");
		MPI_Finalize();
		return 2;
	}
	p.block = aic_xcalloc((size_t)p.mib, MIB);
	p.took = aic_xcalloc((size_t)(p.pings > p.blocks ? p.pings : p.blocks), sizeof(*p.took));
	measure_all(&p);
	free(p.block);
	free(p.took);
	MPI_Finalize();
	return 0;
}
