/* state_store.c: a state's database: opening it, writing a block and its effects, reading what was written. */
#include <stdlib.h>
#include <string.h>

#include "ledger/failpoint.h"
#include "ledger/state/draw.h"
#include "ledger/state/path.h"
#include "ledger/state/state_private.h"

#define FORMAT 2

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS head(one INTEGER PRIMARY KEY CHECK(one = 1), format INTEGER NOT NULL, chain BLOB NOT NULL,"
	" height INTEGER NOT NULL, hash BLOB NOT NULL, root BLOB NOT NULL, time INTEGER NOT NULL, transactions INTEGER NOT NULL,"
	" blocks BLOB NOT NULL);"
	"CREATE TABLE IF NOT EXISTS block(height INTEGER PRIMARY KEY, hash BLOB NOT NULL, valid INTEGER NOT NULL, root BLOB NOT NULL,"
	" time INTEGER NOT NULL, transactions INTEGER NOT NULL, bytes BLOB NOT NULL, events BLOB NOT NULL);"
	"CREATE TABLE IF NOT EXISTS tx(id BLOB PRIMARY KEY, height INTEGER NOT NULL, place INTEGER NOT NULL, result BLOB NOT NULL)"
	" WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS row_path(key BLOB PRIMARY KEY, height INTEGER NOT NULL, data BLOB NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS session(id BLOB NOT NULL UNIQUE, height INTEGER NOT NULL);"
	"CREATE INDEX IF NOT EXISTS session_height ON session(height);";

static aic_code load_head(aic_state *s, aic_error *err)
{
	sqlite3_stmt *q;
	aic_code code = aic_db_prepare(
		s->db, &q, "SELECT format, chain, height, hash, root, time, transactions, blocks FROM head WHERE one = 1", err);

	if (code)
		return code;
	code = aic_db_step(s->db, q, err);
	s->empty = code == AIC_NOT_FOUND;
	if (s->empty)
		memset(&s->head, 0, sizeof(s->head));
	if (!code && sqlite3_column_int(q, 0) != FORMAT)
		code = aic_fail(err, AIC_CORRUPT, "%s has format %d, this release reads %d: upgrade, or rebuild the state by replay",
		                sqlite3_db_filename(s->db, "main"), sqlite3_column_int(q, 0), FORMAT);
	else if (!code) {
		s->head.height = (uint64_t)sqlite3_column_int64(q, 2);
		s->head.time = sqlite3_column_int64(q, 5);
		s->head.transactions = (uint64_t)sqlite3_column_int64(q, 6);
		if (!aic_db_column_exact(q, 1, s->head.chain.b, AIC_HASH_LEN) || !aic_db_column_exact(q, 3, s->head.hash.b, AIC_HASH_LEN) ||
		    !aic_db_column_exact(q, 4, s->head.root.b, AIC_HASH_LEN) ||
		    !aic_frontier_get(&s->head.blocks, sqlite3_column_blob(q, 7), (size_t)sqlite3_column_bytes(q, 7)))
			code = aic_fail(err, AIC_CORRUPT, "%s: the head cannot be read: rebuild the state by replay",
			                sqlite3_db_filename(s->db, "main"));
	}
	sqlite3_finalize(q);
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}

static aic_code prepare(aic_state *s, aic_error *err)
{
	const struct {
		sqlite3_stmt **stmt;
		const char *sql;
	} all[] = {
		{&s->put_head, "INSERT OR REPLACE INTO head(one, format, chain, height, hash, root, time, transactions, blocks)"
		               " VALUES(1, ?, ?, ?, ?, ?, ?, ?, ?)"},
		{&s->put_block, "INSERT INTO block(height, hash, valid, root, time, transactions, bytes, events) VALUES(?,?,?,?,?,?,?,?)"},
		{&s->put_tx, "INSERT INTO tx(id, height, place, result) VALUES(?, ?, ?, ?)"},
		{&s->get_block, "SELECT bytes, hash, valid, events, time, root FROM block WHERE height = ?"},
		{&s->get_tx, "SELECT height, place, result FROM tx WHERE id = ?"},
	};
	aic_code code = AIC_OK;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && !code; i++)
		code = aic_db_prepare(s->db, all[i].stmt, all[i].sql, err);
	return code;
}

static aic_code open_state(aic_state **out, const char *path, aic_db_mode mode, bool snapshot, bool replay, aic_error *err)
{
	aic_state *s = aic_xcalloc(1, sizeof(*s));
	aic_code code = aic_db_open(&s->db, path, mode, err);

	s->replay = replay;
	if (!code && mode != AIC_DB_READ)
		code = aic_db_exec(s->db, schema, err);
	if (!code && snapshot)
		code = aic_db_exec(s->db, "BEGIN", err);
	if (code || (code = prepare(s, err)) || (code = load_head(s, err)) || (code = aic_touch_open(&s->touch, s->db, err)) ||
	    (code = aic_tree_open(&s->tree, s->db, mode != AIC_DB_SCRATCH, err))) {
		aic_state_close(s);
		return code;
	}
	*out = s;
	return AIC_OK;
}

aic_code aic_state_open(aic_state **out, const char *path, aic_db_mode mode, aic_error *err)
{
	return open_state(out, path, mode, false, false, err);
}

aic_code aic_state_open_snapshot(aic_state **out, const char *path, aic_error *err)
{
	return open_state(out, path, AIC_DB_READ, true, false, err);
}

aic_code aic_state_open_replay(aic_state **out, const char *path, aic_error *err)
{
	return open_state(out, path, AIC_DB_SCRATCH, false, true, err);
}

void aic_state_close(aic_state *s)
{
	if (!s)
		return;
	aic_tree_close(s->tree);
	aic_touch_close(s->touch);
	sqlite3_stmt *all[] = {s->put_head, s->put_block, s->put_tx, s->get_block, s->get_tx};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		sqlite3_finalize(all[i]);
	aic_db_close(s->db);
	aic_bytes_free(&s->events);
	aic_bytes_free(&s->results);
	aic_bytes_free(&s->last_events);
	aic_bytes_free(&s->paths);
	aic_bytes_free(&s->sessions);
	aic_bytes_free(&s->draw);
	free(s->tx);
	free(s->touched);
	free(s);
}

bool aic_state_is_empty(const aic_state *s)
{
	return s->empty;
}

const aic_head *aic_state_head(const aic_state *s)
{
	return &s->head;
}

sqlite3 *aic_state_db(aic_state *s)
{
	return s->db;
}

aic_tree *aic_state_tree(aic_state *s)
{
	return s->tree;
}

/* --- writing it --- */

static int by_address(const void *a, const void *b)
{
	return aic_address_cmp(a, b);
}

static aic_code write_touched(aic_state *s, aic_error *err)
{
	size_t n = 0;

	if (s->n_touched)
		qsort(s->touched, s->n_touched, sizeof(*s->touched), by_address);
	for (size_t i = 0; i < s->n_touched; i++)
		if (!n || aic_address_cmp(&s->touched[n - 1], &s->touched[i]))
			s->touched[n++] = s->touched[i];
	s->n_touched = n;
	return aic_touch_add(s->touch, s->height, s->touched, n, err);
}

static aic_code write_transactions(aic_state *s, aic_error *err)
{
	aic_code code = AIC_OK;
	size_t start = 0;

	for (size_t i = 0; i < s->n_tx && !code; i++) {
		sqlite3_bind_blob(s->put_tx, 1, s->tx[i].id.b, AIC_HASH_LEN, SQLITE_STATIC);
		sqlite3_bind_int64(s->put_tx, 2, (sqlite3_int64)s->height);
		sqlite3_bind_int64(s->put_tx, 3, (sqlite3_int64)i);
		aic_db_bind(s->put_tx, 4, s->results.len ? s->results.data + start : NULL, s->tx[i].result_end - start);
		start = s->tx[i].result_end;
		code = aic_db_run(s->db, s->put_tx, err);
	}
	return code;
}

static aic_code write_block(aic_state *s, const aic_head *head, const void *block, size_t len, bool valid, aic_error *err)
{
	sqlite3_bind_int64(s->put_block, 1, (sqlite3_int64)head->height);
	sqlite3_bind_blob(s->put_block, 2, head->hash.b, AIC_HASH_LEN, SQLITE_STATIC);
	sqlite3_bind_int(s->put_block, 3, valid);
	sqlite3_bind_blob(s->put_block, 4, head->root.b, AIC_HASH_LEN, SQLITE_STATIC);
	sqlite3_bind_int64(s->put_block, 5, head->time);
	sqlite3_bind_int64(s->put_block, 6, (sqlite3_int64)s->n_tx);
	aic_db_bind(s->put_block, 7, block, len);
	aic_db_bind(s->put_block, 8, s->events.data, s->events.len);
	return aic_db_run(s->db, s->put_block, err);
}

static aic_code write_head(aic_state *s, const aic_head *head, aic_error *err)
{
	aic_bytes blocks = {0};

	aic_frontier_put(&head->blocks, &blocks);
	sqlite3_bind_int(s->put_head, 1, FORMAT);
	sqlite3_bind_blob(s->put_head, 2, head->chain.b, AIC_HASH_LEN, SQLITE_STATIC);
	sqlite3_bind_int64(s->put_head, 3, (sqlite3_int64)head->height);
	sqlite3_bind_blob(s->put_head, 4, head->hash.b, AIC_HASH_LEN, SQLITE_STATIC);
	sqlite3_bind_blob(s->put_head, 5, head->root.b, AIC_HASH_LEN, SQLITE_STATIC);
	sqlite3_bind_int64(s->put_head, 6, head->time);
	sqlite3_bind_int64(s->put_head, 7, (sqlite3_int64)head->transactions);
	sqlite3_bind_blob(s->put_head, 8, blocks.data, (int)blocks.len, SQLITE_TRANSIENT);
	aic_bytes_free(&blocks);
	return aic_db_run(s->db, s->put_head, err);
}

/* One SQLite transaction; where it fails, memory goes back to what the disk holds. */
static aic_code commit(aic_state *s, aic_head *head, const void *block, size_t len, bool valid, aic_error *err)
{
	aic_code code = aic_db_exec(s->db, "BEGIN IMMEDIATE", err);

	if (!code)
		code = aic_tree_flush(s->tree, &head->root, err);
	aic_failpoint("state: tree flushed");
	if (!code && !s->replay && !(code = write_block(s, head, block, len, valid, err)) && !(code = write_transactions(s, err)) &&
	    !(code = write_touched(s, err)))
		code = aic_state_write_paths(s, err);
	aic_failpoint("state: block written");
	if (!code && !(code = write_head(s, head, err)))
		code = aic_db_exec(s->db, "COMMIT", err);
	aic_failpoint("state: committed");
	if (code) {
		aic_db_rollback(s->db);
		aic_tree_forget(s->tree);
	} else {
		s->head = *head;
		s->drawn += valid && s->draw.len;
		s->empty = false;
		s->last_valid = valid;
		aic_bytes_clear(&s->last_events);
		if (s->replay)
			aic_bytes_append(&s->last_events, s->events.data, s->events.len);
	}
	aic_state_discard(s);
	return code;
}

aic_code aic_state_commit(aic_state *s, const aic_hash *hash, const void *block, size_t len, bool valid, aic_error *err)
{
	aic_head head = s->head;

	head.height = s->height;
	head.hash = *hash;
	head.time = s->time;
	head.transactions += s->n_tx;
	aic_hash leaf = aic_merkle_leaf(hash->b, AIC_HASH_LEN);
	aic_frontier_add(&head.blocks, &leaf);
	aic_code code = valid ? aic_state_beacon_advance(s, s->draw.data, s->draw.len, err) : AIC_OK;
	if (valid && !code)
		code = aic_sessions_tick(s, hash, s->draw.len > 0, err);
	if (code) {
		aic_tree_forget(s->tree);
		aic_state_discard(s);
		return code;
	}
	return commit(s, &head, block, len, valid, err);
}

aic_code aic_state_commit_genesis(aic_state *s, const aic_hash *chain, int64_t time, const void *genesis, size_t len,
                                  aic_error *err)
{
	aic_head head = {.chain = *chain, .hash = *chain, .time = time};
	aic_hash leaf = aic_merkle_leaf(chain->b, AIC_HASH_LEN);

	aic_frontier_add(&head.blocks, &leaf);
	return commit(s, &head, genesis, len, true, err);
}

/* --- queries --- */

/* The newest block of a replay: it keeps no others. */
static bool is_last(const aic_state *s, uint64_t height)
{
	return s->replay && !s->empty && height == s->head.height;
}

static aic_code find_block(aic_state *s, uint64_t height, aic_error *err)
{
	sqlite3_bind_int64(s->get_block, 1, (sqlite3_int64)height);
	return aic_db_step(s->db, s->get_block, err);
}

aic_code aic_state_block(aic_state *s, uint64_t height, aic_bytes *block, aic_hash *hash, bool *valid, aic_error *err)
{
	aic_bytes_clear(block);
	if (is_last(s, height)) {
		*hash = s->head.hash;
		*valid = s->last_valid;
		return AIC_OK;
	}
	aic_code code = find_block(s, height, err);
	if (!code) {
		aic_db_column(s->get_block, 0, block);
		*valid = sqlite3_column_int(s->get_block, 2);
		if (!aic_db_column_exact(s->get_block, 1, hash->b, AIC_HASH_LEN))
			code = aic_fail(err, AIC_CORRUPT, "height %llu: the stored hash is no hash", (unsigned long long)height);
	}
	sqlite3_reset(s->get_block);
	return code;
}

static aic_code hash_column(aic_state *s, uint64_t height, int column, const char *what, aic_hash *hash, aic_error *err)
{
	aic_code code = find_block(s, height, err);

	if (!code && !aic_db_column_exact(s->get_block, column, hash->b, AIC_HASH_LEN))
		code = aic_fail(err, AIC_CORRUPT, "height %llu: the stored %s is no hash", (unsigned long long)height, what);
	sqlite3_reset(s->get_block);
	return code;
}

aic_code aic_state_root_at(aic_state *s, uint64_t height, aic_hash *root, aic_error *err)
{
	if (!is_last(s, height))
		return hash_column(s, height, 5, "state root", root, err);
	*root = s->head.root;
	return AIC_OK;
}

aic_code aic_state_hash_at(aic_state *s, uint64_t height, aic_hash *hash, aic_error *err)
{
	if (!is_last(s, height))
		return hash_column(s, height, 1, "hash", hash, err);
	*hash = s->head.hash;
	return AIC_OK;
}

aic_code aic_state_events(aic_state *s, uint64_t height, aic_bytes *events, int64_t *time, aic_error *err)
{
	aic_bytes_clear(events);
	if (is_last(s, height)) {
		aic_bytes_append(events, s->last_events.data, s->last_events.len);
		*time = s->head.time;
		return AIC_OK;
	}
	aic_code code = find_block(s, height, err);
	if (!code) {
		aic_db_column(s->get_block, 3, events);
		*time = sqlite3_column_int64(s->get_block, 4);
	}
	sqlite3_reset(s->get_block);
	return code;
}

aic_code aic_state_find_tx(aic_state *s, const aic_hash *id, uint64_t *height, uint64_t *index, aic_bytes *result, aic_error *err)
{
	sqlite3_bind_blob(s->get_tx, 1, id->b, AIC_HASH_LEN, SQLITE_STATIC);
	aic_code code = aic_db_step(s->db, s->get_tx, err);

	if (!code) {
		*height = (uint64_t)sqlite3_column_int64(s->get_tx, 0);
		*index = (uint64_t)sqlite3_column_int64(s->get_tx, 1);
		aic_bytes_clear(result);
		aic_db_column(s->get_tx, 2, result);
	}
	sqlite3_reset(s->get_tx);
	return code;
}

aic_code aic_state_touched(aic_state *s, const aic_address *a, uint64_t from, uint64_t *height, aic_error *err)
{
	return aic_touch_find(s->touch, a, from, height, err);
}
