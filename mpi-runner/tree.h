/* tree.h: which rank owns which virtual shards, and the balanced binary tree by which shards are summed.
 *
 * V shards, a power of two. Rank r of N owns shards [floor(r V / N), floor((r+1) V / N)); ranks without shards idle.
 * The sum over shards is the balanced binary tree over 0..V-1, whatever N is: a rank sums the maximal aligned subtrees of
 * its range (its partials), the owner of a slice of the vector the rest of the tree. Equal trees, equal bits. */
#ifndef AIC_TREE_H
#define AIC_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define AIC_SHARDS_MAX 4096
#define AIC_PARTIALS_MAX 24 /* 2 log2(AIC_SHARDS_MAX) */

typedef struct {
	uint32_t first, count; /* shards first..first+count-1; count is a power of two that divides first */
} aic_subtree;

bool aic_shards_valid(uint64_t shards);                                   /* a power of two, at most AIC_SHARDS_MAX */
uint32_t aic_shard_begin(uint32_t shards, uint32_t ranks, uint32_t rank); /* the end is aic_shard_begin(rank + 1) */
/* Rows of a batch that shard s owns: [floor(s b / V), floor((s+1) b / V)). */
size_t aic_shard_row(uint32_t shards, uint32_t s, size_t batch);
/* Partials of a rank, in shard order; returns their number, 0 for an idle rank. */
size_t aic_tree_partials(uint32_t shards, uint32_t ranks, uint32_t rank, aic_subtree out[AIC_PARTIALS_MAX]);
/* True where b follows a in the tree as its sibling, so that their sum is the subtree {a.first, 2 a.count}. */
bool aic_tree_siblings(aic_subtree a, aic_subtree b);

/* Sums `parts` vectors of n floats, given in shard order and covering all shards, by the tree into out, which may be
 * part[0]; the others stay as they are. Works through the vectors in blocks that fit the first cache. */
void aic_tree_combine(const aic_subtree *tree, float *const *part, size_t parts, size_t n, float *out);

/* Sums what of `parts` vectors in shard order are siblings, in place: into the first of them. tree and part become those of what is
 * left, whose number is returned. part NULL: only tree. */
size_t aic_tree_reduce(aic_subtree *tree, float **part, size_t parts, size_t n);

#endif
