/* tree_node.c: see tree_node.h: buckets, branches and their bytes. tree_hash.c hashes them. */
#include "ledger/state/tree_node.h"

#include <stdlib.h>
#include <string.h>

#define HEAP_MIN 256

int aic_key_nibble(const aic_hash *key, int depth)
{
	return depth & 1 ? key->b[depth / 2] & 15 : key->b[depth / 2] >> 4;
}

/* --- making and freeing --- */

bucket *aic_bucket_new(size_t *memory)
{
	bucket *b = aic_xcalloc(1, sizeof(*b));

	b->head.unsaved = b->head.fresh = true;
	*memory += sizeof(*b);
	return b;
}

branch *aic_branch_new(size_t *memory)
{
	branch *b = aic_xcalloc(1, sizeof(*b));

	b->head.is_branch = b->head.unsaved = b->head.fresh = true;
	b->stale = (uint16_t)~0u;
	*memory += sizeof(*b);
	return b;
}

void aic_node_free(node *n, size_t *memory)
{
	if (!n)
		return;
	if (n->is_branch) {
		for (int i = 0; i < FANOUT; i++)
			aic_node_free(((branch *)n)->slot[i].node, memory);
		*memory -= sizeof(branch);
	} else {
		bucket *b = (bucket *)n;

		*memory -= sizeof(*b) + b->cap * sizeof(*b->row) + b->heap_cap;
		free(b->row);
		free(b->heap);
	}
	free(n);
}

/* --- rows --- */

const aic_hash *aic_bucket_key(const bucket *b, uint32_t i)
{
	return (const aic_hash *)(b->heap + b->row[i].at + 1);
}

uint32_t aic_bucket_find(const bucket *b, const aic_hash *key, bool *found)
{
	uint64_t first = aic_get_be64(key->b);
	uint32_t i = 0;
	int order = 1;

	while (i < b->n && b->first[i] < first)
		i++;
	while (i < b->n && b->first[i] == first && (order = memcmp(aic_bucket_key(b, i)->b, key->b, AIC_HASH_LEN)) < 0)
		i++;
	*found = i < b->n && b->first[i] == first && order == 0;
	return i;
}

const uint8_t *aic_bucket_value(const bucket *b, uint32_t i, size_t *len)
{
	*len = b->row[i].len;
	return b->heap + b->row[i].at + ROW_HEAD;
}

/* A heap of at least `size` bytes without the waste of replaced values. */
static void heap_renew(bucket *b, size_t size, size_t *memory)
{
	size_t cap = b->heap_cap ? b->heap_cap : HEAP_MIN;
	uint32_t at = 0;

	if (cap < size)
		cap = size + size / 8;
	uint8_t *heap = aic_xmalloc(cap);
	for (uint32_t i = 0; i < b->n; i++) {
		memcpy(heap + at, b->heap + b->row[i].at, ROW_HEAD + b->row[i].len);
		b->row[i].at = at;
		at += ROW_HEAD + b->row[i].len;
	}
	free(b->heap);
	*memory += cap - b->heap_cap;
	b->heap = heap;
	b->heap_cap = (uint32_t)cap;
	b->heap_len = at;
	b->wasted = 0;
}

static uint32_t heap_add(bucket *b, const aic_hash *key, const void *value, size_t len, size_t *memory)
{
	if (b->heap_len + ROW_HEAD + len > b->heap_cap || !b->heap)
		heap_renew(b, b->heap_len - b->wasted + ROW_HEAD + len, memory);
	uint32_t at = b->heap_len;
	uint8_t *p = b->heap + at;
	p[0] = 0;
	memcpy(p + 1, key->b, AIC_HASH_LEN);
	if (len)
		memcpy(p + ROW_HEAD, value, len);
	b->heap_len += ROW_HEAD + (uint32_t)len;
	return at;
}

static void row_changed(bucket *b, uint32_t i)
{
	b->hashed &= ~(1u << i);
	b->changed |= 1u << i;
	b->head.unsaved = true;
}

void aic_bucket_replace(bucket *b, uint32_t i, const void *value, size_t len, size_t *memory)
{
	row *r = &b->row[i];

	if (len <= r->len) {
		if (len)
			memmove(b->heap + r->at + ROW_HEAD, value, len);
		b->wasted += r->len - (uint32_t)len;
	} else {
		aic_hash key = *aic_bucket_key(b, i);

		b->wasted += r->len;
		r->len = 0;
		r->at = heap_add(b, &key, value, len, memory);
		b->wasted += ROW_HEAD; /* of the row where it was */
	}
	r->len = (uint32_t)len;
	row_changed(b, i);
}

/* Bits below i stay, the others move by one place. */
static uint32_t mask_open(uint32_t mask, uint32_t i)
{
	uint32_t below = (1u << i) - 1;

	return (mask & below) | (mask & ~below) << 1;
}

static uint32_t mask_close(uint32_t mask, uint32_t i)
{
	uint32_t below = (1u << i) - 1;

	return (mask & below) | (mask >> 1 & ~below);
}

void aic_bucket_insert(bucket *b, uint32_t i, const aic_hash *key, const void *value, size_t len, size_t *memory)
{
	if (b->n == b->cap) {
		uint32_t cap = b->cap ? b->cap + b->cap / 2 : 4;

		cap = cap > BUCKET_MAX ? BUCKET_MAX : cap;
		b->row = aic_xrealloc(b->row, cap * sizeof(*b->row));
		*memory += (cap - b->cap) * sizeof(*b->row);
		b->cap = cap;
	}
	uint32_t at = heap_add(b, key, value, len, memory);
	memmove(&b->row[i + 1], &b->row[i], (b->n - i) * sizeof(*b->row));
	memmove(&b->first[i + 1], &b->first[i], (b->n - i) * sizeof(*b->first));
	b->row[i] = (row){.at = at, .len = (uint32_t)len};
	b->first[i] = aic_get_be64(key->b);
	b->n++;
	b->hashed = mask_open(b->hashed, i);
	b->changed = mask_open(b->changed, i);
	row_changed(b, i);
}

void aic_bucket_remove(bucket *b, uint32_t i)
{
	b->wasted += ROW_HEAD + b->row[i].len;
	b->n--;
	memmove(&b->row[i], &b->row[i + 1], (b->n - i) * sizeof(*b->row));
	memmove(&b->first[i], &b->first[i + 1], (b->n - i) * sizeof(*b->first));
	b->hashed = mask_close(b->hashed, i);
	b->changed = mask_close(b->changed, i);
	b->head.unsaved = true;
	/* every node that the row was under holds a neighbour, too */
	b->hashed &= ~(1u << i);
	if (i)
		b->hashed &= ~(1u << (i - 1));
}

branch *aic_bucket_split(bucket *b, int depth, size_t *memory)
{
	branch *above = aic_branch_new(memory);

	above->head.fresh = b->head.fresh;
	for (uint32_t i = 0; i < b->n; i++) {
		const aic_hash *key = aic_bucket_key(b, i);
		slot *s = &above->slot[aic_key_nibble(key, depth)];
		bucket *below = (bucket *)s->node;
		bool changed = b->changed >> i & 1;
		size_t len;

		if (!below) {
			below = aic_bucket_new(memory);
			below->head.used = b->head.used;
			s->node = &below->head;
			s->there = s->stale = true;
		}
		const uint8_t *value = aic_bucket_value(b, i, &len);
		aic_bucket_insert(below, below->n, key, value, len, memory);
		if (changed)
			s->changed = true;
		else
			below->changed &= ~(1u << (below->n - 1));
	}
	aic_node_free(&b->head, memory);
	return above;
}

/* --- bytes --- */

static void put_be16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

void aic_node_encode(const node *n, aic_bytes *out)
{
	uint8_t head[4];

	if (n->is_branch) {
		aic_bytes_append(out, "T", 1);
		for (int i = 0; i < FANOUT; i++) {
			const slot *s = &((const branch *)n)->slot[i];

			aic_bytes_append(out, s->there ? "\1" : "\0", 1);
			if (!s->there)
				continue;
			aic_bytes_append(out, &s->rows, 1);
			aic_bytes_append(out, s->hash.b, AIC_HASH_LEN);
		}
		return;
	}
	const bucket *b = (const bucket *)n;
	aic_bytes_append(out, "B", 1);
	put_be16(head, b->n);
	aic_bytes_append(out, head, 2);
	for (uint32_t i = 0; i < b->n; i++) {
		size_t len;
		const uint8_t *value = aic_bucket_value(b, i, &len);

		aic_bytes_append(out, aic_bucket_key(b, i)->b, AIC_HASH_LEN);
		aic_put_be32(head, (uint32_t)len);
		aic_bytes_append(out, head, 4);
		aic_bytes_append(out, value, len);
	}
}

static bool branch_decode(branch *b, const uint8_t *data, size_t len)
{
	size_t at = 0;

	for (int i = 0; i < FANOUT; i++) {
		slot *s = &b->slot[i];

		if (at >= len || data[at] > 1)
			return false;
		if (!data[at++])
			continue;
		if (len - at < 1 + AIC_HASH_LEN || data[at] > 2)
			return false;
		s->there = true;
		s->rows = data[at];
		memcpy(s->hash.b, data + at + 1, AIC_HASH_LEN);
		at += 1 + AIC_HASH_LEN;
	}
	return at == len;
}

static bool bucket_decode(bucket *b, const uint8_t *data, size_t len, size_t *memory)
{
	if (len < 2)
		return false;
	uint32_t n = (uint32_t)data[0] << 8 | data[1];
	size_t at = 2;

	if (n > BUCKET_MAX)
		return false;
	heap_renew(b, len, memory);
	for (uint32_t i = 0; i < n; i++) {
		aic_hash key;

		if (len - at < AIC_HASH_LEN + 4)
			return false;
		memcpy(key.b, data + at, AIC_HASH_LEN);
		size_t value = aic_get_be32(data + at + AIC_HASH_LEN);
		at += AIC_HASH_LEN + 4;
		if (len - at < value || (i && memcmp(aic_bucket_key(b, i - 1)->b, key.b, AIC_HASH_LEN) >= 0))
			return false;
		aic_bucket_insert(b, i, &key, data + at, value, memory);
		at += value;
	}
	return at == len;
}

node *aic_node_decode(const uint8_t *data, size_t len, size_t *memory)
{
	node *n = NULL;
	bool whole = false;

	if (len && data[0] == 'T') {
		branch *b = aic_branch_new(memory);

		n = &b->head;
		whole = branch_decode(b, data + 1, len - 1);
	} else if (len && data[0] == 'B') {
		bucket *b = aic_bucket_new(memory);

		n = &b->head;
		whole = bucket_decode(b, data + 1, len - 1, memory);
		b->changed = 0;
	}
	if (!whole) {
		aic_node_free(n, memory);
		return NULL;
	}
	n->unsaved = n->fresh = false;
	return n;
}
