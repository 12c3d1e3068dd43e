/* The tree over shards, and the random numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "common/bytes.h"
#include "mpi-runner/philox.h"
#include "mpi-runner/tree.h"

enum { LEN = 5000 };

static float leaf(uint32_t shard, size_t i)
{
	aic_philox_block r = aic_random_block(3, AIC_RANDOM_SAMPLE, shard, 0, i);
	return (float)(int32_t)r.v[0] * 0x1p-20f;
}

/* The definition: halves, recursively. */
static float tree_of(uint32_t first, uint32_t count, size_t i)
{
	return count == 1 ? leaf(first, i) : tree_of(first, count / 2, i) + tree_of(first + count / 2, count / 2, i);
}

static void partials_cover_a_range_in_aligned_subtrees(void **state)
{
	(void)state;
	for (uint32_t shards = 1; shards <= 64; shards *= 2) {
		for (uint32_t ranks = 1; ranks <= 70; ranks++) {
			uint32_t next = 0;
			for (uint32_t r = 0; r < ranks; r++) {
				aic_subtree p[AIC_PARTIALS_MAX];
				size_t n = aic_tree_partials(shards, ranks, r, p);
				for (size_t i = 0; i < n; i++) {
					assert_int_equal(p[i].first, next);
					assert_int_equal(p[i].first % p[i].count, 0);
					next += p[i].count;
					assert_false(i > 0 && aic_tree_siblings(p[i - 1], p[i]));
				}
				assert_int_equal(next, aic_shard_begin(shards, ranks, r + 1));
			}
			assert_int_equal(next, shards);
		}
	}
}

static void any_split_gives_the_bits_of_the_whole_tree(void **state)
{
	enum { SHARDS = 16 };

	(void)state;
	for (uint32_t ranks = 1; ranks <= 17; ranks++) {
		aic_subtree tree[4 * AIC_PARTIALS_MAX];
		float *part[4 * AIC_PARTIALS_MAX], *out = aic_xmalloc(LEN * sizeof(float));
		size_t parts = 0;
		for (uint32_t r = 0; r < ranks; r++)
			parts += aic_tree_partials(SHARDS, ranks, r, tree + parts);
		for (size_t p = 0; p < parts; p++) {
			part[p] = aic_xmalloc(LEN * sizeof(float));
			for (size_t i = 0; i < LEN; i++)
				part[p][i] = tree_of(tree[p].first, tree[p].count, i);
		}
		aic_tree_combine(tree, part, parts, LEN, out);
		for (size_t i = 0; i < LEN; i++) {
			float want = tree_of(0, SHARDS, i);
			assert_memory_equal(&out[i], &want, sizeof(float));
		}
		for (size_t p = 0; p < parts; p++)
			free(part[p]);
		free(out);
	}
}

/* Siblings go first where they lie, as on a node; the whole tree over what is left gives the same bits. */
static void what_is_reduced_first_gives_the_same_bits(void **state)
{
	enum { SHARDS = 16, FEW = 100 };
	static const uint32_t cuts[][3] = {{0, 16, 16}, {0, 7, 16}, {0, 1, 16}, {0, 12, 13}};

	(void)state;
	for (size_t c = 0; c < sizeof(cuts) / sizeof(cuts[0]); c++) {
		aic_subtree tree[SHARDS], plan[SHARDS];
		float *part[SHARDS], *all[SHARDS], out[FEW];
		size_t left = 0;
		for (uint32_t s = 0; s < SHARDS; s++) {
			all[s] = part[s] = aic_xmalloc(FEW * sizeof(float));
			plan[s] = tree[s] = (aic_subtree){s, 1};
			for (size_t i = 0; i < FEW; i++)
				part[s][i] = leaf(s, i);
		}
		for (size_t g = 0; g < 3; g++) { /* shards [cuts[g], cuts[g + 1]) are one node's */
			uint32_t from = cuts[c][g], to = g < 2 ? cuts[c][g + 1] : SHARDS;
			size_t planned = aic_tree_reduce(plan + from, NULL, to - from, 0), n = aic_tree_reduce(tree + from, part + from, to - from, FEW);
			assert_int_equal(n, planned);
			memmove(tree + left, tree + from, n * sizeof(tree[0]));
			memmove(part + left, part + from, n * sizeof(part[0]));
			left += n;
		}
		aic_tree_combine(tree, part, left, FEW, out);
		for (size_t i = 0; i < FEW; i++) {
			float want = tree_of(0, SHARDS, i);
			assert_memory_equal(&out[i], &want, sizeof(float));
		}
		for (uint32_t s = 0; s < SHARDS; s++)
			free(all[s]);
	}
}

static void rows_of_a_batch_are_covered_once(void **state)
{
	(void)state;
	assert_int_equal(aic_shard_row(8, 0, 50), 0);
	assert_int_equal(aic_shard_row(8, 1, 50), 6);
	assert_int_equal(aic_shard_row(8, 8, 50), 50);
	assert_true(aic_shards_valid(1) && aic_shards_valid(4096) && !aic_shards_valid(0) && !aic_shards_valid(6) && !aic_shards_valid(8192));
}

/* Known answers of the authors' Random123 (kat_vectors). */
static void philox_gives_the_published_numbers(void **state)
{
	const uint32_t zero[4] = {0}, ones[4] = {~0u, ~0u, ~0u, ~0u}, pi[4] = {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344};
	const uint32_t want[3][4] = {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
	                             {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}};
	aic_philox_block r;

	(void)state;
	r = aic_philox(0, zero);
	assert_memory_equal(r.v, want[0], 16);
	r = aic_philox(~0ULL, ones);
	assert_memory_equal(r.v, want[1], 16);
	r = aic_philox(0x299f31d0a4093822ULL, pi);
	assert_memory_equal(r.v, want[2], 16);
}

static void a_permutation_holds_each_once_and_depends_on_the_epoch(void **state)
{
	enum { N = 1000 };
	uint32_t a[N], b[N];
	uint8_t seen[N] = {0};

	(void)state;
	aic_random_permutation(7, 0, a, N);
	for (size_t i = 0; i < N; i++) {
		assert_true(a[i] < N && !seen[a[i]]);
		seen[a[i]] = 1;
	}
	aic_random_permutation(7, 1, b, N);
	assert_memory_not_equal(a, b, sizeof(a));
	aic_random_permutation(7, 0, b, N);
	assert_memory_equal(a, b, sizeof(a));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(partials_cover_a_range_in_aligned_subtrees), cmocka_unit_test(any_split_gives_the_bits_of_the_whole_tree),
		cmocka_unit_test(what_is_reduced_first_gives_the_same_bits),
		cmocka_unit_test(rows_of_a_batch_are_covered_once), cmocka_unit_test(philox_gives_the_published_numbers),
		cmocka_unit_test(a_permutation_holds_each_once_and_depends_on_the_epoch),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
