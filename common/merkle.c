/* merkle.c: see merkle.h. */
#include "common/merkle.h"

#include <string.h>

aic_hash aic_merkle_leaf(const void *data, size_t len)
{
	uint8_t small[512] = {0};

	if (len < sizeof(small)) {
		if (len)
			memcpy(small + 1, data, len);
		return aic_sha256_of(small, len + 1);
	}
	aic_sha256 *s = aic_sha256_new();
	aic_sha256_update(s, "", 1);
	aic_sha256_update(s, data, len);
	aic_hash h = aic_sha256_final(s);
	aic_sha256_free(s);
	return h;
}

aic_hash aic_merkle_node(const aic_hash *left, const aic_hash *right)
{
	uint8_t in[1 + 2 * AIC_HASH_LEN] = {1};

	memcpy(in + 1, left->b, AIC_HASH_LEN);
	memcpy(in + 1 + AIC_HASH_LEN, right->b, AIC_HASH_LEN);
	return aic_sha256_of(in, sizeof(in));
}

void aic_frontier_add(aic_frontier *f, const aic_hash *leaf)
{
	int peaks = __builtin_popcountll(f->n);
	aic_hash h = *leaf;

	for (uint64_t bits = f->n; bits & 1; bits >>= 1)
		h = aic_merkle_node(&f->peak[--peaks], &h);
	f->peak[peaks] = h;
	f->n++;
}

aic_hash aic_frontier_root(const aic_frontier *f)
{
	int peaks = __builtin_popcountll(f->n);

	if (!peaks)
		return aic_sha256_of("", 0);
	aic_hash h = f->peak[--peaks];
	while (peaks > 0)
		h = aic_merkle_node(&f->peak[--peaks], &h);
	return h;
}

void aic_frontier_put(const aic_frontier *f, aic_bytes *out)
{
	uint8_t n[8];

	aic_put_be64(n, f->n);
	aic_bytes_append(out, n, sizeof(n));
	aic_bytes_append(out, f->peak, (size_t)__builtin_popcountll(f->n) * AIC_HASH_LEN);
}

bool aic_frontier_get(aic_frontier *f, const void *data, size_t len)
{
	memset(f, 0, sizeof(*f));
	if (len < 8)
		return false;
	f->n = aic_get_be64(data);
	if (len != 8 + (size_t)__builtin_popcountll(f->n) * AIC_HASH_LEN)
		return false;
	memcpy(f->peak, (const uint8_t *)data + 8, len - 8);
	return true;
}

aic_hash aic_merkle_root(const aic_hash *leaf, size_t n)
{
	aic_frontier f = {0};

	for (size_t i = 0; i < n; i++)
		aic_frontier_add(&f, &leaf[i]);
	return aic_frontier_root(&f);
}

static size_t split(size_t n) /* largest power of two below n, n >= 2 */
{
	size_t k = 1;

	while (k * 2 < n)
		k *= 2;
	return k;
}

size_t aic_merkle_prove(aic_hash path[64], const aic_hash *leaf, size_t n, size_t index)
{
	if (n < 2)
		return 0;
	size_t k = split(n);
	size_t len = index < k ? aic_merkle_prove(path, leaf, k, index) : aic_merkle_prove(path, leaf + k, n - k, index - k);

	path[len] = index < k ? aic_merkle_root(leaf + k, n - k) : aic_merkle_root(leaf, k);
	return len + 1;
}

/* RFC 9162, 2.1.3.2: fn and sn walk from the leaf's and the last leaf's position to the root. */
bool aic_merkle_check(const aic_hash *root, const aic_hash *leaf, uint64_t n, uint64_t index, const aic_hash *path,
                      size_t path_len)
{
	uint64_t fn = index, sn = n - 1;
	aic_hash h = *leaf;

	if (index >= n)
		return false;
	for (size_t i = 0; i < path_len; i++) {
		if (sn == 0)
			return false;
		if ((fn & 1) || fn == sn) {
			h = aic_merkle_node(&path[i], &h);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			h = aic_merkle_node(&h, &path[i]);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && aic_hash_equal(&h, root);
}
