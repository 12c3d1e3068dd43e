/* merkle.h: Merkle trees of RFC 6962 section 2.1: leaf SHA-256(0x00 || data), node SHA-256(0x01 || left || right), the
 * left subtree the largest power of two below n; the empty tree is SHA-256(""). */
#ifndef AIC_MERKLE_H
#define AIC_MERKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/bytes.h"
#include "common/crypto.h"

aic_hash aic_merkle_leaf(const void *data, size_t len);
aic_hash aic_merkle_node(const aic_hash *left, const aic_hash *right);
/* Root over leaf hashes. */
aic_hash aic_merkle_root(const aic_hash *leaf, size_t n);

/* A tree that grows at its right end and keeps the roots of its perfect subtrees alone: at most 64 hashes. */
typedef struct {
	uint64_t n;
	aic_hash peak[64]; /* one per set bit of n, from the largest subtree to the smallest */
} aic_frontier;

void aic_frontier_add(aic_frontier *f, const aic_hash *leaf);
aic_hash aic_frontier_root(const aic_frontier *f);
void aic_frontier_put(const aic_frontier *f, aic_bytes *out); /* u64 BE n, then the peaks */
bool aic_frontier_get(aic_frontier *f, const void *data, size_t len);

/* Inclusion proof (RFC 6962 2.1.1) of leaf `index` among n, from the leaf upwards; path has room for 64 hashes. Returns
 * their number. */
size_t aic_merkle_prove(aic_hash path[64], const aic_hash *leaf, size_t n, size_t index);
/* Whether the path leads from the leaf hash at `index` of n to root. */
bool aic_merkle_check(const aic_hash *root, const aic_hash *leaf, uint64_t n, uint64_t index, const aic_hash *path,
                      size_t path_len);

#endif
