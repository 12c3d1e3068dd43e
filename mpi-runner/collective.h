/* collective.h: what the ranks of a training do together; one interface, backends behind it.
 *
 * Backends: "self" (one process, no MPI) and "mpi". Every call is made by all ranks in the same order. A rank that does not
 * answer within the time-out [300 s, AIC_TIMEOUT] is named in the error. */
#ifndef AIC_COLLECTIVE_H
#define AIC_COLLECTIVE_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"

typedef struct aic_collective aic_collective;

typedef struct {
	const char *name;
	/* See aic_collective_tree_sum; n > 0 and more than one rank. */
	aic_code (*tree_sum)(aic_collective *c, uint32_t shards, float *const *partial, size_t n, float *out, aic_error *err);
	aic_code (*sum)(aic_collective *c, uint64_t *v, size_t n, aic_error *err);
	aic_code (*broadcast)(aic_collective *c, void *data, size_t len, unsigned root, aic_error *err);
	void (*abort)(aic_collective *c, int status);
	void (*close)(aic_collective *c);
} aic_collective_kind;

struct aic_collective {
	const aic_collective_kind *kind;
	unsigned rank, size;
	void *own;
};

aic_code aic_collective_self(aic_collective **c, aic_error *err);
/* Initialises MPI; fails at once where MPI's size is not the step's number of tasks (an srun without PMIx starts singletons). */
aic_code aic_collective_mpi(aic_collective **c, int *argc, char ***argv, aic_error *err);
void aic_collective_close(aic_collective *c);
/* Ends all ranks; does not return for mpi. */
void aic_collective_abort(aic_collective *c, int status);

/* out[0..n) = the sum of all shards' vectors by tree.h's tree, on every rank with the same bits. partial: this rank's partials in
 * shard order (aic_tree_partials says how many); they are overwritten; out may be partial[0]. */
aic_code aic_collective_tree_sum(aic_collective *c, uint32_t shards, float *const *partial, size_t n, float *out, aic_error *err);
aic_code aic_collective_sum(aic_collective *c, uint64_t *v, size_t n, aic_error *err);
aic_code aic_collective_broadcast(aic_collective *c, void *data, size_t len, aic_error *err); /* from rank 0 */
/* Every rank brings its own result; all return the failure of the lowest rank that failed, with its message and number. */
aic_code aic_collective_agree(aic_collective *c, aic_code mine, aic_error *err);

#endif
