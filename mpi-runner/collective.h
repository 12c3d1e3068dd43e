/* collective.h: what the ranks of a training do together; one interface, backends behind it.
 *
 * Backends: "self" (one process, no MPI) and "mpi". Every call is made by all ranks in the same order. A rank that does not
 * answer within the time-out [300 s, AIC_TIMEOUT] is named in the error. */
#ifndef AIC_COLLECTIVE_H
#define AIC_COLLECTIVE_H

#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "mpi-runner/tree.h"

typedef struct aic_collective aic_collective;
typedef struct aic_reduction aic_reduction;

typedef struct {
	const char *name;
	/* See aic_reduction_*; n > 0 and more than one rank. */
	aic_code (*reduction_open)(aic_reduction *r, aic_error *err);
	aic_code (*reduction_ready)(aic_reduction *r, aic_error *err);
	aic_code (*reduction_finish)(aic_reduction *r, aic_error *err);
	void (*reduction_close)(aic_reduction *r);
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

/* The sum of all shards' vectors by tree.h's tree, the same bits on every rank: made again and again for vectors of the same length, piece by piece
 * from the end while the rest is still computed. Ranks of one node read each other's vectors; between nodes each slice goes to its owner once. */
struct aic_reduction {
	aic_collective *c;
	uint32_t shards;
	size_t n;
	size_t partials;                  /* of this rank, see aic_tree_partials */
	float *partial[AIC_PARTIALS_MAX]; /* [n] each, in shard order: to be written until they are declared ready */
	float *sum;                       /* [n], after finish; to be read only, until a piece of the next sum is declared ready */
	size_t ready;                     /* the partials are complete from here on */
	void *own;
};

/* All ranks, with the same shards and n. */
aic_code aic_reduction_open(aic_reduction *r, aic_collective *c, uint32_t shards, size_t n, aic_error *err);
void aic_reduction_close(aic_reduction *r);
/* My partials are complete from element `from` on. Does not wait. */
aic_code aic_reduction_ready(aic_reduction *r, size_t from, aic_error *err);
/* All are complete; returns when the sum is, and the partials, of whose contents nothing is said then, may be written again. */
aic_code aic_reduction_finish(aic_reduction *r, aic_error *err);

aic_code aic_collective_sum(aic_collective *c, uint64_t *v, size_t n, aic_error *err);
aic_code aic_collective_broadcast(aic_collective *c, void *data, size_t len, aic_error *err); /* from rank 0 */
/* Every rank brings its own result; all return the failure of the lowest rank that failed, with its message and number. */
aic_code aic_collective_agree(aic_collective *c, aic_code mine, aic_error *err);

#endif
