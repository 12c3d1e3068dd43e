/* tree_page.c: see tree_page.h. */
#include "ledger/state/tree_page.h"

#include <string.h>

void aic_page_encode(const page *p, aic_bytes *out)
{
	uint8_t n[8];

	for (int i = 0; i < SLOTS; i++) {
		const slot *s = &p->slot[i];
		uint8_t kind = (uint8_t)s->kind;

		aic_bytes_append(out, &kind, 1);
		if (s->kind == EMPTY)
			continue;
		aic_bytes_append(out, s->hash.b, AIC_HASH_LEN);
		if (s->kind == LEAF) {
			aic_bytes_append(out, s->u.leaf.key.b, AIC_HASH_LEN);
			aic_put_be32(n, s->u.leaf.len);
			aic_bytes_append(out, n, 4);
			aic_bytes_append(out, s->u.leaf.value, s->u.leaf.len);
		} else {
			aic_put_be64(n, (uint64_t)s->u.child.id);
			aic_bytes_append(out, n, 8);
		}
	}
}

static const uint8_t *take(const uint8_t **at, size_t *left, size_t n)
{
	const uint8_t *p = *at;

	if (*left < n)
		return NULL;
	*at += n;
	*left -= n;
	return p;
}

static bool slot_decode(slot *s, const uint8_t **at, size_t *left)
{
	const uint8_t *kind = take(at, left, 1), *hash, *key, *n, *value;

	if (!kind || *kind > CHILD)
		return false;
	if (*kind == EMPTY)
		return true;
	if (!(hash = take(at, left, AIC_HASH_LEN)))
		return false;
	memcpy(s->hash.b, hash, AIC_HASH_LEN);
	if (*kind == CHILD) {
		if (!(n = take(at, left, 8)))
			return false;
		s->u.child.id = (int64_t)aic_get_be64(n);
		s->u.child.page = NULL;
		s->kind = CHILD;
		return true;
	}
	if (!(key = take(at, left, AIC_HASH_LEN)) || !(n = take(at, left, 4)) || !(value = take(at, left, aic_get_be32(n))))
		return false;
	memcpy(s->u.leaf.key.b, key, AIC_HASH_LEN);
	s->u.leaf.len = aic_get_be32(n);
	s->u.leaf.value = aic_xmalloc(s->u.leaf.len + 1);
	memcpy(s->u.leaf.value, value, s->u.leaf.len);
	s->kind = LEAF;
	return true;
}

bool aic_page_decode(page *p, const uint8_t *data, size_t len)
{
	bool whole = true;

	for (int i = 0; i < SLOTS && whole; i++)
		whole = slot_decode(&p->slot[i], &data, &len);
	return whole && !len;
}

aic_hash aic_page_leaf_hash(const aic_hash *key, const void *value, size_t len)
{
	uint8_t in[1024];
	aic_bytes large = {0};
	aic_hash h;

	if (1 + AIC_HASH_LEN + len > sizeof(in)) {
		aic_bytes_append(&large, "", 1);
		aic_bytes_append(&large, key->b, AIC_HASH_LEN);
		aic_bytes_append(&large, value, len);
		h = aic_sha256_of(large.data, large.len);
		aic_bytes_free(&large);
		return h;
	}
	in[0] = 0;
	memcpy(in + 1, key->b, AIC_HASH_LEN);
	memcpy(in + 1 + AIC_HASH_LEN, value, len);
	return aic_sha256_of(in, 1 + AIC_HASH_LEN + len);
}

/* Hash of slots [0, n); *rows counts leaves as 0, 1 or 2 for "more". */
static aic_hash slots_hash(const slot *s, int n, int *rows)
{
	uint8_t in[1 + 2 * AIC_HASH_LEN] = {1};
	int a, b;

	if (n == 1) {
		*rows = s->kind == EMPTY ? 0 : s->kind == LEAF ? 1 : 2;
		return s->kind == EMPTY ? (aic_hash){{0}} : s->hash;
	}
	aic_hash left = slots_hash(s, n / 2, &a), right = slots_hash(s + n / 2, n / 2, &b);
	*rows = a + b > 2 ? 2 : a + b;
	if (*rows < 2)
		return a ? left : right;
	memcpy(in + 1, left.b, AIC_HASH_LEN);
	memcpy(in + 1 + AIC_HASH_LEN, right.b, AIC_HASH_LEN);
	return aic_sha256_of(in, sizeof(in));
}

aic_hash aic_page_hash(const page *p, int *rows)
{
	return slots_hash(p->slot, SLOTS, rows);
}
