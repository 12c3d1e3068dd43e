/* saver.h: checkpoints written beside the training: a copy is taken at a step's end, hashed by all ranks, each its share, while the next
 * step runs, and then written by rank 0.
 *
 * All ranks call begin, step and finish in the same order; step after each step of the training. */
#ifndef AIC_SAVER_H
#define AIC_SAVER_H

#include "mpi-runner/checkpoint.h"
#include "mpi-runner/collective.h"

typedef struct aic_saver aic_saver;

typedef struct {
	uint64_t step;
	aic_hash root, chain;
	uint64_t bytes;
	double seconds; /* from the copy until the file was durable */
} aic_saved;

aic_saver *aic_saver_new(aic_collective *c, const char *folder, uint64_t keep);
/* Rank 0, before the first: what is done with each checkpoint that is durable, by the writer's thread, before the next one is begun. */
void aic_saver_tell(aic_saver *s, void (*saved)(void *ctx, const aic_saved *saved, const char *path), void *ctx);
void aic_saver_free(aic_saver *s); /* waits for its threads */

/* Copies c and starts hashing. One that is still being written is waited for. Memory: a copy of all sections on rank 0, of its share
 * on the others. */
aic_code aic_saver_begin(aic_saver *s, const aic_checkpoint *c, aic_error *err);
/* Gathers the hashes of a checkpoint that was begun before this step, and has rank 0 write it. */
aic_code aic_saver_step(aic_saver *s, aic_error *err);
/* Until nothing is left to do. */
aic_code aic_saver_finish(aic_saver *s, aic_error *err);

/* Rank 0, at any time: the last one could not be written; finish says why, to all ranks. */
bool aic_saver_failed(aic_saver *s);
/* Rank 0: a checkpoint that was completed since the last call. */
bool aic_saver_done(aic_saver *s, aic_saved *saved);
/* CPU seconds that checkpoints took on this rank: copies, hashes, writing. */
double aic_saver_cpu(const aic_saver *s);

#endif
