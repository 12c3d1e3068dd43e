#include "mpi-runner/tree.h"

#include <string.h>

enum { BLOCK = 1024, LEVELS = 14 }; /* floats; sums under way at once */

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

typedef float vector __attribute__((vector_size(32), aligned(4), may_alias));

/* to may be a or b. */
static void add_block(float *to, const float *a, const float *b, size_t n)
{
	enum { LANES = sizeof(vector) / sizeof(float) };
	size_t i = 0;

	for (; i + LANES <= n; i += LANES)
		*(vector *)(to + i) = *(const vector *)(a + i) + *(const vector *)(b + i);
	for (; i < n; i++)
		to[i] = a[i] + b[i];
}

size_t aic_tree_reduce(aic_subtree *tree, float **part, size_t parts, size_t n)
{
	size_t top = 0;

	for (size_t p = 0; p < parts; p++) {
		tree[top] = tree[p];
		if (part)
			part[top] = part[p];
		for (top++; top > 1 && aic_tree_siblings(tree[top - 2], tree[top - 1]); top--) {
			if (part)
				add_block(part[top - 2], part[top - 2], part[top - 1], n);
			tree[top - 2].count *= 2;
		}
	}
	return top;
}

/* Sums under way in one block: those that are no longer a part lie in `room`, in the order of the stack. */
typedef struct {
	aic_subtree tree[2 * AIC_PARTIALS_MAX];
	const float *sum[2 * AIC_PARTIALS_MAX];
	bool own[2 * AIC_PARTIALS_MAX];
	size_t top, used;
	float room[LEVELS][BLOCK];
} sums;

/* Replaces the two on top by their sum: in `to`, or else in a room of its own. */
static void add_top(sums *s, float *to, size_t len)
{
	size_t left = s->top - 2, right = s->top - 1;

	s->used -= (size_t)s->own[left] + (size_t)s->own[right];
	if (!to)
		to = s->room[s->used++];
	add_block(to, s->sum[left], s->sum[right], len);
	s->sum[left] = to;
	s->own[left] = true;
	s->tree[left].count *= 2;
	s->top--;
}

void aic_tree_combine(const aic_subtree *tree, float *const *part, size_t parts, size_t n, float *out)
{
	sums s;

	for (size_t at = 0; at < n; at += BLOCK) {
		size_t len = n - at < BLOCK ? n - at : BLOCK;
		s.top = s.used = 0;
		for (size_t p = 0; p < parts; p++) {
			s.tree[s.top] = tree[p];
			s.own[s.top] = false;
			s.sum[s.top++] = part[p] + at;
			while (s.top > 1 && aic_tree_siblings(s.tree[s.top - 2], s.tree[s.top - 1]))
				add_top(&s, p + 1 == parts && s.top == 2 ? out + at : NULL, len);
		}
		if (s.sum[0] != out + at)
			memcpy(out + at, s.sum[0], len * sizeof(float));
	}
}
