/* tree_store.c: see tree_store.h. */
#include "ledger/state/tree_store.h"

#include <stdlib.h>
#include <string.h>

#define GONE 0xffffffffu
#define LOG_MIN ((size_t)8 << 20)   /* bytes that are logged while the cursor passes all keys once: never less */
#define LOG_MAX ((size_t)128 << 20) /* nor more; in between a quarter of what the tree takes in memory */
#define ALL ((wide)1 << 64)

__extension__ typedef unsigned __int128 wide; /* the first 64 bits of keys, and their end */

static uint64_t first_bits(const aic_hash *key)
{
	return aic_get_be64(key->b);
}

static int64_t page_id(uint64_t prefix, int depth)
{
	return (int64_t)((uint64_t)1 << 4 * depth | (depth ? prefix >> (64 - 4 * depth) : 0));
}

/* --- reading --- */

static aic_code page_read(aic_tree *t, int64_t id, node **out, aic_error *err)
{
	aic_code code;

	sqlite3_bind_int64(t->read, 1, id);
	code = aic_db_step(t->db, t->read, err);
	if (code == AIC_OK) {
		*out = aic_node_decode(sqlite3_column_blob(t->read, 0), (size_t)sqlite3_column_bytes(t->read, 0), &t->memory);
		if (!*out)
			code = aic_fail(err, AIC_CORRUPT, "%s: page %lld of the state cannot be read: rebuild the state by replay",
			                sqlite3_db_filename(t->db, "main"), (long long)id);
		else
			(*out)->used = t->flushes;
	}
	sqlite3_reset(t->read);
	return code;
}

aic_code aic_tree_read(aic_tree *t, const aic_hash *prefix, int depth, node **n, aic_error *err)
{
	int64_t id = page_id(first_bits(prefix), depth);
	aic_code code = page_read(t, id, n, err);

	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_CORRUPT, "%s: page %lld of the state is missing: rebuild the state by replay",
		                sqlite3_db_filename(t->db, "main"), (long long)id);
	return code;
}

aic_code aic_tree_load(aic_tree *t, slot *s, const aic_hash *prefix, int depth, aic_error *err)
{
	if (s->node) {
		s->node->used = t->flushes;
		return AIC_OK;
	}
	return aic_tree_read(t, prefix, depth, &s->node, err);
}

static aic_code replay(aic_tree *t, const uint8_t *data, size_t len, aic_error *err)
{
	aic_code code = AIC_OK;

	while (len >= AIC_HASH_LEN + 4 && !code) {
		aic_hash key;
		uint32_t size = aic_get_be32(data + AIC_HASH_LEN);

		memcpy(key.b, data, AIC_HASH_LEN);
		data += AIC_HASH_LEN + 4;
		len -= AIC_HASH_LEN + 4;
		if (size == GONE) {
			code = aic_tree_delete(t, &key, err);
			continue;
		}
		if (size > len)
			break;
		code = aic_tree_put(t, &key, data, size, err);
		data += size;
		len -= size;
	}
	if (!code && len)
		code = aic_fail(err, AIC_CORRUPT, "%s: the log of the state's changes cannot be read: rebuild the state by replay",
		                sqlite3_db_filename(t->db, "main"));
	return code;
}

static aic_code replay_log(aic_tree *t, aic_error *err)
{
	sqlite3_stmt *s;
	aic_code code = aic_db_prepare(t->db, &s, "SELECT id, data FROM change ORDER BY id", err);

	t->undoing = true; /* nothing of this can be undone */
	while (!code && !(code = aic_db_step(t->db, s, err))) {
		t->logged = sqlite3_column_int64(s, 0);
		code = replay(t, sqlite3_column_blob(s, 1), (size_t)sqlite3_column_bytes(s, 1), err);
	}
	t->undoing = false;
	sqlite3_finalize(s);
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}

static void forget_changed(slot *s)
{
	if (!s->changed)
		return;
	s->changed = false;
	if (s->node->is_branch)
		for (int i = 0; i < FANOUT; i++)
			forget_changed(&((branch *)s->node)->slot[i]);
	else
		((bucket *)s->node)->changed = 0;
}

aic_code aic_tree_load_all(aic_tree *t, aic_error *err)
{
	aic_code code = page_read(t, page_id(0, 0), &t->top.node, err);
	uint8_t rows;

	t->logged = t->trimmed = 0;
	t->cursor = 0;
	if (code && code != AIC_NOT_FOUND)
		return code;
	t->top.there = code == AIC_OK;
	if (!code) {
		t->top.hash = aic_node_hash(t->top.node, 0, &rows);
		t->top.rows = rows;
	}
	code = replay_log(t, err);
	forget_changed(&t->top);
	return code;
}

/* --- writing --- */

static aic_code page_write(aic_tree *t, node *n, uint64_t prefix, int depth, aic_error *err)
{
	aic_bytes_clear(&t->buf);
	aic_node_encode(n, &t->buf);
	sqlite3_bind_int64(t->write, 1, page_id(prefix, depth));
	sqlite3_bind_blob(t->write, 2, t->buf.data, (int)t->buf.len, SQLITE_STATIC);
	aic_code code = aic_db_run(t->db, t->write, err);
	if (!code)
		n->unsaved = n->fresh = false;
	return code;
}

typedef struct {
	aic_tree *t;
	uint64_t from;
	wide to;           /* up to 2^64 */
	bool make_room;
} sweep;

static aic_code sweep_slot(sweep *w, slot *s, uint64_t prefix, int depth, aic_error *err);

/* A branch whose page replaces a bucket's takes with it the buckets that came out of that. */
static aic_code sweep_branch(sweep *w, branch *b, uint64_t prefix, int depth, aic_error *err)
{
	uint64_t step = (uint64_t)1 << (60 - 4 * depth);
	bool own = prefix >= w->from && prefix < w->to && b->head.unsaved;
	aic_code code = own ? page_write(w->t, &b->head, prefix, depth, err) : AIC_OK;

	for (unsigned i = 0; i < FANOUT && !code; i++) {
		uint64_t first = prefix + i * step;
		slot *s = &b->slot[i];

		if (!s->node)
			continue;
		if (own && s->node->fresh) {
			sweep all = *w;

			all.from = first;
			all.to = (wide)first + step;
			code = sweep_slot(&all, s, first, depth + 1, err);
		} else if (first < w->to && (wide)first + step > w->from) {
			code = sweep_slot(w, s, first, depth + 1, err);
		}
	}
	return code;
}

static aic_code sweep_slot(sweep *w, slot *s, uint64_t prefix, int depth, aic_error *err)
{
	aic_code code = AIC_OK;

	if (s->node->is_branch)
		return sweep_branch(w, (branch *)s->node, prefix, depth, err);
	if (prefix < w->from)
		return AIC_OK;
	if (s->node->unsaved)
		code = page_write(w->t, s->node, prefix, depth, err);
	if (!code && w->make_room && depth && s->node->used < w->t->flushes) {
		aic_node_free(s->node, &w->t->memory);
		s->node = NULL;
	}
	return code;
}

static aic_code log_append(aic_tree *t, aic_error *err)
{
	if (!t->buf.len || !t->logging)
		return AIC_OK;
	sqlite3_bind_int64(t->log, 1, ++t->logged);
	sqlite3_bind_blob(t->log, 2, t->buf.data, (int)t->buf.len, SQLITE_STATIC);
	return aic_db_run(t->db, t->log, err);
}

/* The cursor has passed all keys: what was logged before it set out is on pages. */
static aic_code log_trim(aic_tree *t, aic_error *err)
{
	if (!t->logging)
		return AIC_OK;
	sqlite3_bind_int64(t->trim, 1, t->trimmed);
	t->trimmed = t->logged;
	return aic_db_run(t->db, t->trim, err);
}

static wide due(const aic_tree *t, size_t changed)
{
	size_t log_max = t->memory / 4;
	wide part = 0;

	log_max = log_max < LOG_MIN ? LOG_MIN : log_max > LOG_MAX ? LOG_MAX : log_max;
	if (t->logging)
		part = ((wide)changed << 64) / log_max;
	if (t->memory > t->memory_max && part < ALL / 16)
		part = ALL / 16;
	return part > ALL ? ALL : part;
}

aic_code aic_tree_store(aic_tree *t, aic_error *err)
{
	wide part = due(t, t->buf.len), end;
	bool make_room = t->memory > t->memory_max;
	aic_code code = AIC_OK;

	if (part == ALL)
		t->trimmed = t->logged; /* all goes to pages now: nothing of the log is needed any more */
	else
		code = log_append(t, err);
	if (!t->top.node)
		return code;
	end = t->cursor + part;
	if (part && !code) {
		sweep w = {t, t->cursor, end < ALL ? end : ALL, make_room};
		code = sweep_slot(&w, &t->top, 0, 0, err);
	}
	if (end >= ALL && !code) {
		sweep w = {t, 0, end - ALL, make_room};
		if (!(code = log_trim(t, err)) && w.to)
			code = sweep_slot(&w, &t->top, 0, 0, err);
	}
	t->cursor = (uint64_t)end;
	return code;
}
