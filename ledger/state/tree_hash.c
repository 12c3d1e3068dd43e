/* tree_hash.c: the hashes of buckets and branches, as tree.h defines them. */
#include <string.h>

#include "ledger/state/tree_node.h"

static const aic_hash nothing;

static aic_hash above(const aic_hash *left, const aic_hash *right)
{
	uint8_t in[1 + 2 * AIC_HASH_LEN] = {1};

	memcpy(in + 1, left->b, AIC_HASH_LEN);
	memcpy(in + 1 + AIC_HASH_LEN, right->b, AIC_HASH_LEN);
	return aic_sha256_of(in, sizeof(in));
}

/* --- buckets --- */

static bool bit(const bucket *b, uint32_t i, int at)
{
	return at < 64 ? b->first[i] >> (63 - at) & 1 : aic_bucket_key(b, i)->b[at / 8] >> (7 - at % 8) & 1;
}

static int first_difference(const bucket *b, uint32_t i, uint32_t k)
{
	if (b->first[i] != b->first[k])
		return __builtin_clzll(b->first[i] ^ b->first[k]);
	const uint8_t *x = aic_bucket_key(b, i)->b, *y = aic_bucket_key(b, k)->b;
	int at = 8;
	while (x[at] == y[at])
		at++;
	return 8 * at + __builtin_clz((unsigned)(x[at] ^ y[at]) << 24);
}

static uint32_t mask(uint32_t from, uint32_t to) /* [from, to), to - from below 32 or from 0 */
{
	return (to == 32 ? ~0u : (1u << to) - 1) & ~((1u << from) - 1);
}

/* Hash of rows [from, to) under a node at that bit. Where all of them were hashed before, the gap at which they part knows it. */
static aic_hash rows_hash(bucket *b, uint32_t from, uint32_t to, int at)
{
	row *r = &b->row[from];
	bool known = (b->hashed & mask(from, to)) == mask(from, to);

	if (to - from == 1) {
		if (!known)
			r->leaf = aic_sha256_of(b->heap + r->at, ROW_HEAD + r->len);
		b->hashed |= 1u << from;
		return r->leaf;
	}
	int parting = first_difference(b, from, to - 1);
	uint32_t middle = from + 1;
	while (!bit(b, middle, parting))
		middle++;
	if (!known) {
		aic_hash left = rows_hash(b, from, middle, parting + 1), right = rows_hash(b, middle, to, parting + 1);

		b->row[middle - 1].gap = above(&left, &right);
	}
	aic_hash h = b->row[middle - 1].gap;
	while (parting-- > at)
		h = bit(b, from, parting) ? above(&nothing, &h) : above(&h, &nothing);
	return h;
}

/* Down the rows to the key's: at every bit the hash of the other side. */
static size_t bucket_path(bucket *b, uint32_t place, int at, aic_hash *path)
{
	uint32_t from = 0, to = b->n;
	size_t n = 0;

	while (to - from > 1) {
		int parting = first_difference(b, from, to - 1);
		uint32_t middle = from + 1;

		for (; at < parting; at++)
			path[n++] = nothing;
		while (!bit(b, middle, parting))
			middle++;
		at = parting + 1;
		path[n++] = place < middle ? rows_hash(b, middle, to, at) : rows_hash(b, from, middle, at);
		if (place < middle)
			to = middle;
		else
			from = middle;
	}
	return n;
}

static void put_changed(const bucket *b, aic_bytes *log)
{
	uint8_t len[4];

	for (uint32_t left = b->changed; left; left &= left - 1) {
		const row *r = &b->row[__builtin_ctz(left)];

		aic_put_be32(len, r->len);
		aic_bytes_append(log, b->heap + r->at + 1, AIC_HASH_LEN);
		aic_bytes_append(log, len, sizeof(len));
		aic_bytes_append(log, b->heap + r->at + ROW_HEAD, r->len);
	}
}

/* --- branches --- */

static void join(branch *b, int at, const aic_hash *left, uint8_t left_rows, const aic_hash *right, uint8_t right_rows)
{
	uint8_t rows = (uint8_t)(left_rows + right_rows);

	b->rows[at] = rows > 2 ? 2 : rows;
	if (rows < 2)
		b->inner[at] = left_rows ? *left : right_rows ? *right : nothing;
	else
		b->inner[at] = above(left, right);
}

static void branch_renew(branch *b)
{
	for (int at = FANOUT - 1; at > 0; at--) {
		int level = 31 - __builtin_clz((unsigned)at), width = FANOUT >> level, first = (at - (1 << level)) * width;

		if (!(b->stale >> first & ((1u << width) - 1)))
			continue;
		if (width == 2) {
			const slot *l = &b->slot[first], *r = l + 1;

			join(b, at, l->there ? &l->hash : &nothing, l->there ? l->rows : 0, r->there ? &r->hash : &nothing,
			     r->there ? r->rows : 0);
		} else {
			join(b, at, &b->inner[2 * at], b->rows[2 * at], &b->inner[2 * at + 1], b->rows[2 * at + 1]);
		}
	}
	b->stale = 0;
}

/* Of the place `at` of the heap of inner nodes, 16 to 31 the slots themselves. */
static aic_hash branch_hash(const branch *b, int at, uint8_t *rows)
{
	const slot *s = &b->slot[at & (FANOUT - 1)];

	if (at < FANOUT) {
		*rows = b->rows[at];
		return b->inner[at];
	}
	*rows = s->there ? s->rows : 0;
	return *rows ? s->hash : nothing;
}

static size_t branch_path(const branch *b, int nibble, aic_hash *path)
{
	uint8_t rows = 2;
	size_t n = 0;

	for (int at = 1, left = 3; left >= 0 && rows > 1; left--) {
		uint8_t others;

		at = 2 * at + (nibble >> left & 1);
		path[n++] = branch_hash(b, at ^ 1, &others);
		branch_hash(b, at, &rows);
	}
	return n;
}

size_t aic_node_path(node *n, const aic_hash *key, int depth, aic_hash *path)
{
	bool found;

	if (n->is_branch)
		return ((branch *)n)->rows[1] > 1 ? branch_path((branch *)n, aic_key_nibble(key, depth), path) : 0;
	return bucket_path((bucket *)n, aic_bucket_find((bucket *)n, key, &found), 4 * depth, path);
}

void aic_slot_refresh(slot *s, int depth, aic_bytes *log)
{
	bool log_it = log && s->changed;

	if (!s->stale && !log_it)
		return;
	if (s->node->is_branch) {
		branch *b = (branch *)s->node;

		for (int i = 0; i < FANOUT; i++) {
			slot *below = &b->slot[i];

			if (below->stale)
				b->stale |= (uint16_t)(1u << i);
			aic_slot_refresh(below, depth + 1, log);
		}
		branch_renew(b);
		s->hash = b->inner[1];
		s->rows = b->rows[1];
	} else {
		bucket *b = (bucket *)s->node;

		if (s->stale) {
			s->hash = b->n ? rows_hash(b, 0, b->n, 4 * depth) : nothing;
			s->rows = b->n > 2 ? 2 : (uint8_t)b->n;
		}
		if (log_it) {
			put_changed(b, log);
			b->changed = 0;
		}
	}
	s->stale = false;
	if (log)
		s->changed = false;
}

aic_hash aic_node_hash(const node *n, int depth, uint8_t *rows)
{
	aic_hash h = nothing;

	if (n->is_branch) {
		branch copy = *(const branch *)n;

		copy.stale = (uint16_t)~0u;
		branch_renew(&copy);
		*rows = copy.rows[1];
		return copy.inner[1];
	}
	bucket copy = *(const bucket *)n;
	row rowcopy[BUCKET_MAX];

	*rows = copy.n > 2 ? 2 : (uint8_t)copy.n;
	if (!copy.n)
		return h;
	memcpy(rowcopy, copy.row, copy.n * sizeof(*copy.row));
	copy.row = rowcopy;
	copy.hashed = 0;
	return rows_hash(&copy, 0, copy.n, 4 * depth);
}
