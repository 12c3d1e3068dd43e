/* fold.h: this rank's part of the tree over shards: vectors are opened shard by shard, summed as soon as the tree allows. */
#ifndef AIC_FOLD_H
#define AIC_FOLD_H

#include "mpi-runner/collective.h"
#include "mpi-runner/gpu.h"
#include "mpi-runner/kernels/cpu/gemm.h"
#include "mpi-runner/tree.h"

typedef struct {
	const aic_kernels *k;
	uint32_t shards, first, end; /* this rank's shards: [first, end) */
	size_t n;                    /* length of the vectors */
	float *vector[AIC_PARTIALS_MAX + 1];
	aic_subtree tree[AIC_PARTIALS_MAX + 1];
	size_t depth;
	size_t whole;                /* from here on the vector that was opened last has been added where it belongs */
	aic_gpu *gpu;                /* in whose memory the vectors are; NULL: the CPU's */
	aic_reduction sum;           /* unless GPUs are joined; without a GPU it owns vector[0 .. partials) */
	aic_error failed;            /* at the start; told by finish */
} aic_fold;

void aic_fold_init(aic_fold *f, const aic_cpu *cpu, aic_collective *c, uint32_t shards, size_t n);
void aic_fold_free(aic_fold *f);
void aic_fold_begin(aic_fold *f);                  /* a new sum */
float *aic_fold_open(aic_fold *f, uint32_t shard); /* a vector of zeros for the next shard */
/* Of the last shard all elements from `from` on are complete: they are summed while the others are computed. */
void aic_fold_ready(aic_fold *f, size_t from);
void aic_fold_shut(aic_fold *f);                   /* that shard is complete */
/* The sum over all shards of all ranks; valid until the next begin. */
aic_code aic_fold_finish(aic_fold *f, aic_collective *c, float **sum, aic_error *err);

#endif
