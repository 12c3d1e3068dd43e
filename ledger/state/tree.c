/* tree.c: see tree.h. Pages are read when a path first needs them and dropped again when too many lie unused. */
#include "ledger/state/tree.h"

#include <stdlib.h>
#include <string.h>

#include "ledger/state/tree_page.h"

#define ROOT_PAGE 1
#define DEPTH_MAX 64             /* nibbles of a key */
#define RESIDENT_MAX 65536       /* pages kept in memory between blocks: some 100 MB */

typedef struct {
	aic_hash key;
	bool existed;
	uint8_t *value;          /* what it was, where it existed */
	size_t len;
} change;

struct aic_tree {
	sqlite3 *db;
	sqlite3_stmt *read, *write, *drop;
	page *root;
	int64_t next_id;
	uint64_t flushes;
	size_t resident;
	change *journal;
	size_t n_journal, cap_journal;
	int64_t *freed;
	size_t n_freed, cap_freed;
	bool undoing;
};

static int nibble(const aic_hash *key, int depth)
{
	return depth & 1 ? key->b[depth / 2] & 15 : key->b[depth / 2] >> 4;
}

static page *page_new(aic_tree *t, int64_t id)
{
	page *p = aic_xcalloc(1, sizeof(*p));

	p->id = id;
	p->used = t->flushes;
	t->resident++;
	return p;
}

static void page_free(aic_tree *t, page *p)
{
	if (!p)
		return;
	for (int i = 0; i < SLOTS; i++) {
		if (p->slot[i].kind == LEAF)
			free(p->slot[i].u.leaf.value);
		else if (p->slot[i].kind == CHILD)
			page_free(t, p->slot[i].u.child.page);
	}
	t->resident--;
	free(p);
}

static aic_code page_load(aic_tree *t, int64_t id, page **out, aic_error *err)
{
	aic_code code;

	sqlite3_bind_int64(t->read, 1, id);
	code = aic_db_step(t->db, t->read, err);
	if (code == AIC_NOT_FOUND) {
		sqlite3_reset(t->read);
		return aic_fail(err, AIC_CORRUPT, "%s: page %lld of the state is missing: rebuild the state by replay",
		                sqlite3_db_filename(t->db, "main"), (long long)id);
	}
	if (code)
		return code;
	page *p = page_new(t, id);
	bool whole = aic_page_decode(p, sqlite3_column_blob(t->read, 0), (size_t)sqlite3_column_bytes(t->read, 0));
	sqlite3_reset(t->read);
	if (!whole) {
		page_free(t, p);
		return aic_fail(err, AIC_CORRUPT, "%s: page %lld of the state cannot be read: rebuild the state by replay",
		                sqlite3_db_filename(t->db, "main"), (long long)id);
	}
	*out = p;
	return AIC_OK;
}

static aic_code child_of(aic_tree *t, slot *s, page **out, aic_error *err)
{
	aic_code code = s->u.child.page ? AIC_OK : page_load(t, s->u.child.id, &s->u.child.page, err);

	if (code)
		return code;
	s->u.child.page->used = t->flushes;
	*out = s->u.child.page;
	return AIC_OK;
}

/* --- change --- */

static void slot_set_leaf(slot *s, const aic_hash *key, const void *value, size_t len)
{
	uint8_t *copy = aic_xmalloc(len + 1);

	memcpy(copy, value, len);
	if (s->kind == LEAF)
		free(s->u.leaf.value);
	s->kind = LEAF;
	s->u.leaf.key = *key;
	s->u.leaf.value = copy;
	s->u.leaf.len = (uint32_t)len;
	s->hash = aic_page_leaf_hash(key, copy, len);
}

/* Moves the leaf that is in the way one page down. */
static page *slot_split(aic_tree *t, slot *s, int depth)
{
	page *below = page_new(t, t->next_id++);

	below->dirty = true;
	below->slot[nibble(&s->u.leaf.key, depth + 1)] = *s;
	memset(s, 0, sizeof(*s));
	s->kind = CHILD;
	s->u.child.id = below->id;
	s->u.child.page = below;
	return below;
}

static aic_code put(aic_tree *t, const aic_hash *key, const void *value, size_t len, aic_error *err)
{
	page *p = t->root;
	aic_code code;

	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		slot *s = &p->slot[nibble(key, depth)];

		p->used = t->flushes;
		if (s->kind == CHILD) {
			p->dirty = true;
			if ((code = child_of(t, s, &p, err)))
				return code;
		} else if (s->kind == LEAF && !aic_hash_equal(&s->u.leaf.key, key)) {
			p->dirty = true;
			p = slot_split(t, s, depth);
		} else {
			p->dirty = true;
			slot_set_leaf(s, key, value, len);
			return AIC_OK;
		}
	}
	return aic_fail(err, AIC_CORRUPT, "two equal keys in the state tree");
}

static void free_later(aic_tree *t, int64_t id)
{
	if (t->n_freed == t->cap_freed) {
		t->cap_freed = t->cap_freed ? t->cap_freed * 2 : 16;
		t->freed = aic_xrealloc(t->freed, t->cap_freed * sizeof(*t->freed));
	}
	t->freed[t->n_freed++] = id;
}

/* A page that is left with a single leaf goes, and the leaf moves up: the shape, too, depends on the set alone. */
static void collapse(aic_tree *t, slot *s)
{
	page *p = s->u.child.page;
	int at = -1;

	for (int i = 0; i < SLOTS; i++) {
		if (p->slot[i].kind == EMPTY)
			continue;
		if (at >= 0 || p->slot[i].kind == CHILD)
			return;
		at = i;
	}
	if (at < 0)
		return;
	free_later(t, p->id);
	*s = p->slot[at];
	p->slot[at].kind = EMPTY;
	page_free(t, p);
}

static aic_code delete_below(aic_tree *t, page *p, int depth, const aic_hash *key, bool *gone, aic_error *err)
{
	slot *s = &p->slot[nibble(key, depth)];
	page *below;
	aic_code code;

	*gone = false;
	p->used = t->flushes;
	if (s->kind == LEAF && aic_hash_equal(&s->u.leaf.key, key)) {
		free(s->u.leaf.value);
		memset(s, 0, sizeof(*s));
		*gone = p->dirty = true;
	} else if (s->kind == CHILD) {
		if ((code = child_of(t, s, &below, err)) || (code = delete_below(t, below, depth + 1, key, gone, err)))
			return code;
		if (*gone) {
			p->dirty = true;
			collapse(t, s);
		}
	}
	return AIC_OK;
}

static aic_code note_change(aic_tree *t, const aic_hash *key, aic_error *err)
{
	const uint8_t *value;
	size_t len;
	aic_code code;

	if (t->undoing)
		return AIC_OK;
	code = aic_tree_get(t, key, &value, &len, err);
	if (code != AIC_OK && code != AIC_NOT_FOUND)
		return code;
	if (t->n_journal == t->cap_journal) {
		t->cap_journal = t->cap_journal ? t->cap_journal * 2 : 64;
		t->journal = aic_xrealloc(t->journal, t->cap_journal * sizeof(*t->journal));
	}
	change *c = &t->journal[t->n_journal++];
	*c = (change){.key = *key, .existed = code == AIC_OK};
	if (c->existed) {
		c->value = aic_xmalloc(len + 1);
		memcpy(c->value, value, len);
		c->len = len;
	}
	return AIC_OK;
}

aic_code aic_tree_put(aic_tree *t, const aic_hash *key, const void *value, size_t len, aic_error *err)
{
	aic_code code = note_change(t, key, err);

	return code ? code : put(t, key, value, len, err);
}

aic_code aic_tree_delete(aic_tree *t, const aic_hash *key, aic_error *err)
{
	bool gone;
	aic_code code = note_change(t, key, err);

	return code ? code : delete_below(t, t->root, 0, key, &gone, err);
}

aic_code aic_tree_get(aic_tree *t, const aic_hash *key, const uint8_t **value, size_t *len, aic_error *err)
{
	page *p = t->root;
	aic_code code;

	for (int depth = 0; depth < DEPTH_MAX; depth++) {
		slot *s = &p->slot[nibble(key, depth)];

		if (s->kind == LEAF && aic_hash_equal(&s->u.leaf.key, key)) {
			*value = s->u.leaf.value;
			*len = s->u.leaf.len;
			return AIC_OK;
		}
		if (s->kind != CHILD)
			return AIC_NOT_FOUND;
		if ((code = child_of(t, s, &p, err)))
			return code;
	}
	return AIC_NOT_FOUND;
}

size_t aic_tree_mark(const aic_tree *t)
{
	return t->n_journal;
}

/* The pages of every journalled key are in memory, dirty ones are never dropped: nothing here reads the disk. */
void aic_tree_undo(aic_tree *t, size_t mark)
{
	bool gone;

	t->undoing = true;
	while (t->n_journal > mark) {
		change *c = &t->journal[--t->n_journal];

		if (c->existed)
			put(t, &c->key, c->value, c->len, NULL);
		else
			delete_below(t, t->root, 0, &c->key, &gone, NULL);
		free(c->value);
	}
	t->undoing = false;
}

/* --- disk --- */

static void refresh(page *p)
{
	int rows;

	for (int i = 0; i < SLOTS; i++) {
		slot *s = &p->slot[i];

		if (s->kind != CHILD || !s->u.child.page || !s->u.child.page->dirty)
			continue;
		refresh(s->u.child.page);
		s->hash = aic_page_hash(s->u.child.page, &rows);
	}
}

aic_code aic_tree_root(aic_tree *t, aic_hash *root, aic_error *err)
{
	int rows;

	(void)err;
	refresh(t->root);
	*root = aic_page_hash(t->root, &rows);
	return AIC_OK;
}

static aic_code write_below(aic_tree *t, page *p, aic_bytes *buf, aic_error *err)
{
	aic_code code = AIC_OK;

	for (int i = 0; i < SLOTS && !code; i++) {
		page *below = p->slot[i].kind == CHILD ? p->slot[i].u.child.page : NULL;

		if (below && below->dirty)
			code = write_below(t, below, buf, err);
	}
	if (code)
		return code;
	aic_bytes_clear(buf);
	aic_page_encode(p, buf);
	sqlite3_bind_int64(t->write, 1, p->id);
	sqlite3_bind_blob(t->write, 2, buf->data, (int)buf->len, SQLITE_STATIC);
	if (!(code = aic_db_run(t->db, t->write, err)))
		p->dirty = false;
	return code;
}

static bool drop_unused(aic_tree *t, page *p, uint64_t before)
{
	bool has_child = false;

	for (int i = 0; i < SLOTS; i++) {
		slot *s = &p->slot[i];

		if (s->kind != CHILD || !s->u.child.page)
			continue;
		if (drop_unused(t, s->u.child.page, before)) {
			page_free(t, s->u.child.page);
			s->u.child.page = NULL;
		} else {
			has_child = true;
		}
	}
	return !has_child && p->used < before;
}

static void make_room(aic_tree *t)
{
	for (uint64_t keep = 64; t->resident > RESIDENT_MAX; keep /= 2) {
		drop_unused(t, t->root, t->flushes > keep ? t->flushes - keep : 1);
		if (!keep)
			break;
	}
}

aic_code aic_tree_flush(aic_tree *t, aic_hash *root, aic_error *err)
{
	aic_bytes buf = {0};
	aic_code code = aic_tree_root(t, root, err);

	if (!code && t->root->dirty)
		code = write_below(t, t->root, &buf, err);
	aic_bytes_free(&buf);
	for (size_t i = 0; i < t->n_freed && !code; i++) {
		sqlite3_bind_int64(t->drop, 1, t->freed[i]);
		code = aic_db_run(t->db, t->drop, err);
	}
	if (code)
		return code;
	t->n_freed = 0;
	while (t->n_journal > 0)
		free(t->journal[--t->n_journal].value);
	t->flushes++;
	make_room(t);
	return AIC_OK;
}

static aic_code load_root(aic_tree *t, aic_error *err)
{
	sqlite3_bind_int64(t->read, 1, ROOT_PAGE);
	aic_code code = aic_db_step(t->db, t->read, err);

	sqlite3_reset(t->read);
	if (code == AIC_NOT_FOUND) {
		t->root = page_new(t, ROOT_PAGE);
		t->next_id = ROOT_PAGE + 1;
		return AIC_OK;
	}
	return code ? code : page_load(t, ROOT_PAGE, &t->root, err);
}

static aic_code load_next_id(aic_tree *t, aic_error *err)
{
	sqlite3_stmt *s;
	aic_code code = aic_db_prepare(t->db, &s, "SELECT coalesce(max(id), 1) + 1 FROM page", err);

	if (!code && !(code = aic_db_step(t->db, s, err)))
		t->next_id = sqlite3_column_int64(s, 0);
	sqlite3_finalize(s);
	return code;
}

aic_code aic_tree_open(aic_tree **out, sqlite3 *db, aic_error *err)
{
	aic_tree *t = aic_xcalloc(1, sizeof(*t));
	aic_error e = {0};

	t->db = db;
	t->flushes = 1;
	if (!sqlite3_db_readonly(db, "main"))
		aic_db_exec(db, "CREATE TABLE IF NOT EXISTS page(id INTEGER PRIMARY KEY, data BLOB NOT NULL)", &e);
	if (e.code || aic_db_prepare(db, &t->read, "SELECT data FROM page WHERE id = ?", &e) ||
	    aic_db_prepare(db, &t->write, "INSERT INTO page(id, data) VALUES(?, ?) ON CONFLICT(id) DO UPDATE SET data = excluded.data",
	                   &e) ||
	    aic_db_prepare(db, &t->drop, "DELETE FROM page WHERE id = ?", &e) || load_next_id(t, &e) || load_root(t, &e)) {
		if (err)
			*err = e;
		aic_tree_close(t);
		return e.code;
	}
	*out = t;
	return AIC_OK;
}

void aic_tree_forget(aic_tree *t)
{
	aic_error err = {0};

	while (t->n_journal > 0)
		free(t->journal[--t->n_journal].value);
	t->n_freed = 0;
	page_free(t, t->root);
	t->root = NULL;
	/* Where the disk cannot be read either, the tree stands empty and every later comparison of roots says so. */
	if (load_next_id(t, &err) || load_root(t, &err))
		t->root = page_new(t, ROOT_PAGE);
}

void aic_tree_close(aic_tree *t)
{
	if (!t)
		return;
	while (t->n_journal > 0)
		free(t->journal[--t->n_journal].value);
	page_free(t, t->root);
	sqlite3_finalize(t->read);
	sqlite3_finalize(t->write);
	sqlite3_finalize(t->drop);
	free(t->journal);
	free(t->freed);
	free(t);
}

/* --- the whole tree --- */

typedef struct {
	aic_tree *t;
	aic_tree_visit visit;
	void *ctx;
	bool audit;
	uint64_t rows;
} walker;

static aic_code walk(walker *w, const page *p, const aic_hash *expected, aic_error *err);

static aic_code walk_slot(walker *w, const page *p, const slot *s, aic_error *err)
{
	page *below;
	aic_code code;

	if (s->kind == LEAF) {
		aic_hash h = w->audit ? aic_page_leaf_hash(&s->u.leaf.key, s->u.leaf.value, s->u.leaf.len) : s->hash;

		w->rows++;
		if (!aic_hash_equal(&h, &s->hash))
			return aic_fail(err, AIC_CORRUPT, "%s: a row in page %lld of the state does not match its hash",
			                sqlite3_db_filename(w->t->db, "main"), (long long)p->id);
		return w->visit ? w->visit(w->ctx, &s->u.leaf.key, s->u.leaf.value, s->u.leaf.len, err) : AIC_OK;
	}
	if (s->kind == EMPTY)
		return AIC_OK;
	if (s->u.child.page && !w->audit)
		return walk(w, s->u.child.page, NULL, err);
	if ((code = page_load(w->t, s->u.child.id, &below, err)))
		return code;
	code = walk(w, below, w->audit ? &s->hash : NULL, err);
	page_free(w->t, below);
	return code;
}

static aic_code walk(walker *w, const page *p, const aic_hash *expected, aic_error *err)
{
	int rows;
	aic_hash h = aic_page_hash(p, &rows);

	if (expected && !aic_hash_equal(&h, expected))
		return aic_fail(err, AIC_CORRUPT, "%s: page %lld of the state does not match the hash that the page above holds",
		                sqlite3_db_filename(w->t->db, "main"), (long long)p->id);
	for (int i = 0; i < SLOTS; i++) {
		aic_code code = walk_slot(w, p, &p->slot[i], err);

		if (code)
			return code;
	}
	return AIC_OK;
}

aic_code aic_tree_audit(aic_tree *t, aic_hash *root, uint64_t *rows, aic_error *err)
{
	walker w = {.t = t, .audit = true};
	int count;
	aic_code code = walk(&w, t->root, NULL, err);

	*root = aic_page_hash(t->root, &count);
	*rows = w.rows;
	return code;
}

aic_code aic_tree_walk(aic_tree *t, aic_tree_visit visit, void *ctx, aic_error *err)
{
	walker w = {.t = t, .visit = visit, .ctx = ctx};

	return walk(&w, t->root, NULL, err);
}
