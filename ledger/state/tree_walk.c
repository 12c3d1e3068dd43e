/* tree_walk.c: the whole tree, row by row: aic_tree_walk and aic_tree_audit. */
#include <string.h>

#include "ledger/state/tree_store.h"

typedef struct {
	aic_tree *t;
	aic_tree_visit visit;
	void *ctx;
	bool audit;
	uint64_t rows;
} walker;

static aic_code walk(walker *w, const slot *s, aic_hash prefix, int depth, aic_error *err);

static aic_code walk_bucket(walker *w, const bucket *b, aic_error *err)
{
	aic_code code = AIC_OK;

	w->rows += b->n;
	for (uint32_t i = 0; i < b->n && w->visit && !code; i++) {
		size_t len;
		const uint8_t *value = aic_bucket_value(b, i, &len);

		code = w->visit(w->ctx, aic_bucket_key(b, i), value, len, err);
	}
	return code;
}

static aic_code walk_branch(walker *w, const branch *b, aic_hash prefix, int depth, aic_error *err)
{
	aic_code code = AIC_OK;

	for (unsigned i = 0; i < FANOUT && !code; i++) {
		aic_hash below = prefix;

		below.b[depth / 2] |= (uint8_t)(depth & 1 ? i : i << 4);
		code = walk(w, &b->slot[i], below, depth + 1, err);
	}
	return code;
}

static aic_code walk(walker *w, const slot *s, aic_hash prefix, int depth, aic_error *err)
{
	node *n = s->node;
	uint8_t rows;
	aic_code code;

	if (!s->there)
		return AIC_OK;
	if (!n && (code = aic_tree_read(w->t, &prefix, depth, &n, err)))
		return code;
	aic_hash h = w->audit ? aic_node_hash(n, depth, &rows) : s->hash;
	if (w->audit && (!aic_hash_equal(&h, &s->hash) || rows != s->rows))
		code = aic_fail(err, AIC_CORRUPT, "%s: the page of the state under prefix %.*x does not match the hash that the page above holds",
		                sqlite3_db_filename(w->t->db, "main"), depth ? depth : 1,
		                depth ? (unsigned)(aic_get_be64(prefix.b) >> (64 - 4 * (depth > 8 ? 8 : depth))) : 0u);
	else
		code = n->is_branch ? walk_branch(w, (branch *)n, prefix, depth, err) : walk_bucket(w, (bucket *)n, err);
	if (!s->node)
		aic_node_free(n, &w->t->memory);
	return code;
}

aic_code aic_tree_audit(aic_tree *t, aic_hash *root, uint64_t *rows, aic_error *err)
{
	walker w = {.t = t, .audit = true};
	aic_code code = aic_tree_root(t, root, err);

	if (!code)
		code = walk(&w, &t->top, (aic_hash){{0}}, 0, err);
	*rows = w.rows;
	return code;
}

aic_code aic_tree_walk(aic_tree *t, aic_tree_visit visit, void *ctx, aic_error *err)
{
	walker w = {.t = t, .visit = visit, .ctx = ctx};

	return walk(&w, &t->top, (aic_hash){{0}}, 0, err);
}
