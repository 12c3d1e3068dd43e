/* tree.c: see tree.h: finding, changing and undoing. Where the nodes lie is tree_store.c's matter, how they hash tree_hash.c's. */
#include "ledger/state/tree.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ledger/state/tree_store.h"

#define MEMORY_MIN ((size_t)64 << 20)
#define GONE 0xffffffffu
#define PREFETCH 16 /* keys whose ways down are walked side by side */
#define LINE 64

static uint8_t *key_value(const bucket *b, const aic_hash *key, size_t *len)
{
	bool found;
	uint32_t i = aic_bucket_find(b, key, &found);

	return found ? (uint8_t *)aic_bucket_value(b, i, len) : NULL;
}

aic_code aic_tree_get(aic_tree *t, const aic_hash *key, const uint8_t **value, size_t *len, aic_error *err)
{
	slot *s = &t->top;

	for (int depth = 0; s->there; depth++) {
		aic_code code = aic_tree_load(t, s, key, depth, err);

		if (code)
			return code;
		if (!s->node->is_branch) {
			*value = key_value((bucket *)s->node, key, len);
			return *value ? AIC_OK : AIC_NOT_FOUND;
		}
		s = &((branch *)s->node)->slot[aic_key_nibble(key, depth)];
	}
	return AIC_NOT_FOUND;
}

/* One step down for each place that still points to a branch: first what is there is fetched, then which way to go. */
static bool descend(slot **s, const aic_hash *key, size_t n, int depth)
{
	bool further = false;

	for (size_t i = 0; i < n; i++)
		if (s[i])
			__builtin_prefetch(s[i]->node);
	for (size_t i = 0; i < n; i++) {
		if (!s[i] || !s[i]->node) {
			s[i] = NULL;
		} else if (s[i]->node->is_branch) {
			s[i] = &((branch *)s[i]->node)->slot[aic_key_nibble(&key[i], depth)];
			__builtin_prefetch(&s[i]->node);
			further = true;
		}
	}
	return further;
}

static void fetch_group(const aic_tree *t, const aic_hash *key, size_t n)
{
	slot *s[PREFETCH];

	for (size_t i = 0; i < n; i++)
		s[i] = (slot *)&t->top;
	for (int depth = 0; descend(s, key, n, depth); depth++)
		;
	for (size_t i = 0; i < n; i++)
		for (size_t at = 0; s[i] && at < sizeof(bucket); at += LINE)
			__builtin_prefetch((char *)s[i]->node + at);
	for (size_t i = 0; i < n; i++) {
		const bucket *b = s[i] ? (bucket *)s[i]->node : NULL;

		if (!b || !b->n)
			continue;
		uint32_t place = 0;
		while (place + 1 < b->n && b->first[place] < aic_get_be64(key[i].b))
			place++;
		__builtin_prefetch(&b->row[place]);
		__builtin_prefetch((char *)&b->row[place] + LINE);
		__builtin_prefetch(b->heap + (size_t)b->heap_len * place / b->n); /* about there, as rows are of about one size */
	}
}

void aic_tree_prefetch(const aic_tree *t, const aic_hash *key, size_t n)
{
	for (size_t i = 0; i < n; i += PREFETCH)
		fetch_group(t, key + i, n - i < PREFETCH ? n - i : PREFETCH);
}

/* --- change --- */

static void slot_touch(slot *s)
{
	s->stale = s->changed = true;
	s->node->unsaved = true;
}

/* The bucket where the key is or would be, everything above it marked as changed; NULL where nothing is there. */
static aic_code find_bucket(aic_tree *t, const aic_hash *key, bool make, slot **at, int *depth, aic_error *err)
{
	slot *s = &t->top;

	for (*depth = 0;; ++*depth) {
		if (!s->there && !make) {
			*at = NULL;
			return AIC_OK;
		}
		if (!s->there) {
			s->node = &aic_bucket_new(&t->memory)->head;
			s->node->used = t->flushes;
			s->there = true;
		}
		aic_code code = aic_tree_load(t, s, key, *depth, err);
		if (code)
			return code;
		slot_touch(s);
		if (!s->node->is_branch) {
			*at = s;
			return AIC_OK;
		}
		s = &((branch *)s->node)->slot[aic_key_nibble(key, *depth)];
	}
}

/* What the row was before; value NULL where there was none. */
static void note(aic_tree *t, const aic_hash *key, const uint8_t *value, size_t len)
{
	if (t->undoing)
		return;
	if (t->n_journal == t->cap_journal) {
		t->cap_journal = t->cap_journal ? t->cap_journal * 2 : 64;
		t->journal = aic_xrealloc(t->journal, t->cap_journal * sizeof(*t->journal));
	}
	t->journal[t->n_journal++] = (change){.key = *key, .existed = value != NULL, .at = t->former.len, .len = len};
	if (value)
		aic_bytes_append(&t->former, value, len);
}

aic_code aic_tree_put(aic_tree *t, const aic_hash *key, const void *value, size_t len, aic_error *err)
{
	const uint8_t *former;
	size_t former_len;
	slot *s;
	int depth;
	bool found;
	aic_code code = find_bucket(t, key, true, &s, &depth, err);

	if (code)
		return code;
	bucket *b = (bucket *)s->node;
	uint32_t i = aic_bucket_find(b, key, &found);
	if (found) {
		former = aic_bucket_value(b, i, &former_len);
		note(t, key, former, former_len);
		aic_bucket_replace(b, i, value, len, &t->memory);
		return AIC_OK;
	}
	if (b->n < BUCKET_MAX) {
		note(t, key, NULL, 0);
		aic_bucket_insert(b, i, key, value, len, &t->memory);
		return AIC_OK;
	}
	if (depth == DEPTH_MAX)
		return aic_fail(err, AIC_CORRUPT, "%d keys of the state tree share their first %d bits", BUCKET_MAX + 1, 4 * DEPTH_MAX);
	s->node = &aic_bucket_split(b, depth, &t->memory)->head;
	s->node->used = t->flushes;
	return aic_tree_put(t, key, value, len, err);
}

aic_code aic_tree_delete(aic_tree *t, const aic_hash *key, aic_error *err)
{
	const uint8_t *former;
	size_t len;
	slot *s;
	int depth;
	bool found;
	aic_code code = find_bucket(t, key, false, &s, &depth, err);

	if (code || !s)
		return code;
	bucket *b = (bucket *)s->node;
	uint32_t i = aic_bucket_find(b, key, &found);
	if (found) {
		former = aic_bucket_value(b, i, &len);
		note(t, key, former, len);
		aic_bucket_remove(b, i);
	}
	return AIC_OK;
}

size_t aic_tree_mark(const aic_tree *t)
{
	return t->n_journal;
}

/* The nodes of every journalled key are in memory, and room is made in a flush alone: nothing here reads the disk. */
void aic_tree_undo(aic_tree *t, size_t mark)
{
	t->undoing = true;
	while (t->n_journal > mark) {
		change *c = &t->journal[--t->n_journal];

		if (c->existed)
			aic_tree_put(t, &c->key, t->former.data + c->at, c->len, NULL);
		else
			aic_tree_delete(t, &c->key, NULL);
		t->former.len = c->at;
	}
	t->undoing = false;
}

static void forget_journal(aic_tree *t)
{
	t->n_journal = 0;
	aic_bytes_clear(&t->former);
}

/* --- flush --- */

aic_code aic_tree_root(aic_tree *t, aic_hash *root, aic_error *err)
{
	(void)err;
	aic_slot_refresh(&t->top, 0, NULL);
	*root = t->top.there ? t->top.hash : (aic_hash){{0}};
	return AIC_OK;
}

/* Rows that stood before and do not now have no bucket to say so. */
static void log_gone(aic_tree *t)
{
	uint8_t gone[4];
	const uint8_t *value;
	size_t len;

	aic_put_be32(gone, GONE);
	for (size_t i = 0; i < t->n_journal; i++) {
		const change *c = &t->journal[i];

		if (!c->existed || aic_tree_get(t, &c->key, &value, &len, NULL) != AIC_NOT_FOUND)
			continue;
		aic_bytes_append(&t->buf, c->key.b, AIC_HASH_LEN);
		aic_bytes_append(&t->buf, gone, sizeof(gone));
	}
}

aic_code aic_tree_flush(aic_tree *t, aic_hash *root, aic_error *err)
{
	aic_bytes_clear(&t->buf);
	aic_slot_refresh(&t->top, 0, &t->buf);
	if (t->logging)
		log_gone(t);
	*root = t->top.there ? t->top.hash : (aic_hash){{0}};
	aic_code code = aic_tree_store(t, err);
	if (code)
		return code;
	forget_journal(t);
	t->flushes++;
	return AIC_OK;
}

/* --- open and close --- */

/* An eighth of the machine's memory. */
static size_t memory_default(void)
{
	long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
	size_t eighth = pages > 0 && size > 0 ? (size_t)pages / 8 * (size_t)size : 0;

	return eighth < MEMORY_MIN ? MEMORY_MIN : eighth;
}

void aic_tree_limit(aic_tree *t, size_t bytes)
{
	t->memory_max = bytes;
}

aic_code aic_tree_open(aic_tree **out, sqlite3 *db, bool durable, aic_error *err)
{
	aic_tree *t = aic_xcalloc(1, sizeof(*t));
	aic_error e = {0};

	t->db = db;
	t->flushes = 1;
	t->logging = durable;
	t->memory_max = memory_default();
	if (!sqlite3_db_readonly(db, "main"))
		aic_db_exec(db,
		            "CREATE TABLE IF NOT EXISTS page(id INTEGER PRIMARY KEY, data BLOB NOT NULL);"
		            "CREATE TABLE IF NOT EXISTS change(id INTEGER PRIMARY KEY, data BLOB NOT NULL)",
		            &e);
	if (e.code || aic_db_prepare(db, &t->read, "SELECT data FROM page WHERE id = ?", &e) ||
	    aic_db_prepare(db, &t->write, "INSERT OR REPLACE INTO page(id, data) VALUES(?, ?)", &e) ||
	    aic_db_prepare(db, &t->log, "INSERT INTO change(id, data) VALUES(?, ?)", &e) ||
	    aic_db_prepare(db, &t->trim, "DELETE FROM change WHERE id <= ?", &e) || aic_tree_load_all(t, &e)) {
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

	forget_journal(t);
	aic_node_free(t->top.node, &t->memory);
	memset(&t->top, 0, sizeof(t->top));
	/* Where the disk cannot be read either, the tree stands empty and every later comparison of roots says so. */
	if (aic_tree_load_all(t, &err)) {
		aic_node_free(t->top.node, &t->memory);
		memset(&t->top, 0, sizeof(t->top));
	}
}

void aic_tree_close(aic_tree *t)
{
	if (!t)
		return;
	aic_node_free(t->top.node, &t->memory);
	sqlite3_finalize(t->read);
	sqlite3_finalize(t->write);
	sqlite3_finalize(t->log);
	sqlite3_finalize(t->trim);
	aic_bytes_free(&t->buf);
	aic_bytes_free(&t->former);
	free(t->journal);
	free(t);
}
