#include "mpi-runner/tree.h"

#include <string.h>

enum { BLOCK = 2048 }; /* floats */

bool aic_shards_valid(uint64_t shards)
{
	return shards >= 1 && shards <= AIC_SHARDS_MAX && (shards & (shards - 1)) == 0;
}

uint32_t aic_shard_begin(uint32_t shards, uint32_t ranks, uint32_t rank)
{
	return (uint32_t)((uint64_t)rank * shards / ranks);
}

size_t aic_shard_row(uint32_t shards, uint32_t s, size_t batch)
{
	return (size_t)((uint64_t)s * batch / shards);
}

bool aic_tree_siblings(aic_subtree a, aic_subtree b)
{
	return a.count == b.count && a.first + a.count == b.first && a.first % (2 * a.count) == 0;
}

size_t aic_tree_partials(uint32_t shards, uint32_t ranks, uint32_t rank, aic_subtree out[AIC_PARTIALS_MAX])
{
	uint32_t end = aic_shard_begin(shards, ranks, rank + 1);
	size_t n = 0;

	for (uint32_t s = aic_shard_begin(shards, ranks, rank); s < end; s++) {
		out[n++] = (aic_subtree){s, 1};
		while (n > 1 && aic_tree_siblings(out[n - 2], out[n - 1])) {
			out[n - 2].count *= 2;
			n--;
		}
	}
	return n;
}

/* to may be a. */
static void add_block(float *to, const float *a, const float *restrict b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = a[i] + b[i];
}

void aic_tree_combine(const aic_subtree *tree, float *const *part, size_t parts, size_t n, float *out)
{
	for (size_t at = 0; at < n; at += BLOCK) {
		size_t len = n - at < BLOCK ? n - at : BLOCK;
		aic_subtree stack[2 * AIC_PARTIALS_MAX];
		float *sum[2 * AIC_PARTIALS_MAX];
		size_t top = 0;

		for (size_t p = 0; p < parts; p++) {
			stack[top] = tree[p];
			sum[top++] = part[p] + at;
			while (top > 1 && aic_tree_siblings(stack[top - 2], stack[top - 1])) {
				bool last = p + 1 == parts && top == 2;
				add_block(last ? out + at : sum[top - 2], sum[top - 2], sum[top - 1], len);
				sum[top - 2] = last ? out + at : sum[top - 2];
				stack[top - 2].count *= 2;
				top--;
			}
		}
		if (sum[0] != out + at)
			memcpy(out + at, sum[0], len * sizeof(float));
	}
}
