/* state.c: see state.h. The block in the making lives in memory; the tree keeps the journal to undo it. */
#include "ledger/state/state.h"

#include <stdlib.h>
#include <string.h>

#include "ledger/state/execute.h"
#include "ledger/failpoint.h"

#define FORMAT 1

typedef struct {
	aic_hash id;
	size_t result_end; /* in results */
} pending_tx;

struct aic_state {
	sqlite3 *db;
	aic_tree *tree;
	sqlite3_stmt *put_head, *put_block, *put_tx, *put_touch, *get_block, *get_tx, *get_touch;
	bool empty;
	aic_head head;
	/* the block in the making */
	uint64_t height;
	int64_t time;
	aic_frontier tx_leaves, event_leaves;
	aic_bytes events, results;
	pending_tx *tx;
	size_t n_tx, cap_tx;
	aic_address *touched;
	size_t n_touched, cap_touched;
};

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS head(one INTEGER PRIMARY KEY CHECK(one = 1), format INTEGER NOT NULL, chain BLOB NOT NULL,"
	" height INTEGER NOT NULL, hash BLOB NOT NULL, root BLOB NOT NULL, time INTEGER NOT NULL, transactions INTEGER NOT NULL,"
	" blocks BLOB NOT NULL);"
	"CREATE TABLE IF NOT EXISTS block(height INTEGER PRIMARY KEY, hash BLOB NOT NULL, valid INTEGER NOT NULL, root BLOB NOT NULL,"
	" time INTEGER NOT NULL, transactions INTEGER NOT NULL, bytes BLOB NOT NULL, events BLOB NOT NULL);"
	"CREATE TABLE IF NOT EXISTS tx(id BLOB PRIMARY KEY, height INTEGER NOT NULL, place INTEGER NOT NULL, result BLOB NOT NULL)"
	" WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS touch(wallet BLOB NOT NULL, height INTEGER NOT NULL, PRIMARY KEY(wallet, height)) WITHOUT ROWID;";

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
		{&s->put_touch, "INSERT INTO touch(wallet, height) VALUES(?, ?)"},
		{&s->get_block, "SELECT bytes, hash, valid, events, time, root FROM block WHERE height = ?"},
		{&s->get_tx, "SELECT height, place, result FROM tx WHERE id = ?"},
		{&s->get_touch, "SELECT height FROM touch WHERE wallet = ? AND height <= ? ORDER BY height DESC LIMIT 1"},
	};
	aic_code code = AIC_OK;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && !code; i++)
		code = aic_db_prepare(s->db, all[i].stmt, all[i].sql, err);
	return code;
}

static aic_code open_state(aic_state **out, const char *path, aic_db_mode mode, bool snapshot, aic_error *err)
{
	aic_state *s = aic_xcalloc(1, sizeof(*s));
	aic_code code = aic_db_open(&s->db, path, mode, err);

	if (!code && mode != AIC_DB_READ)
		code = aic_db_exec(s->db, schema, err);
	if (!code && snapshot)
		code = aic_db_exec(s->db, "BEGIN", err);
	if (code || (code = aic_tree_open(&s->tree, s->db, err)) || (code = prepare(s, err)) || (code = load_head(s, err))) {
		aic_state_close(s);
		return code;
	}
	*out = s;
	return AIC_OK;
}

aic_code aic_state_open(aic_state **out, const char *path, aic_db_mode mode, aic_error *err)
{
	return open_state(out, path, mode, false, err);
}

aic_code aic_state_open_snapshot(aic_state **out, const char *path, aic_error *err)
{
	return open_state(out, path, AIC_DB_READ, true, err);
}

void aic_state_close(aic_state *s)
{
	if (!s)
		return;
	aic_tree_close(s->tree);
	sqlite3_stmt *all[] = {s->put_head, s->put_block, s->put_tx, s->put_touch, s->get_block, s->get_tx, s->get_touch};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		sqlite3_finalize(all[i]);
	aic_db_close(s->db);
	aic_bytes_free(&s->events);
	aic_bytes_free(&s->results);
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

/* --- making a block --- */

void aic_state_begin(aic_state *s, uint64_t height, int64_t time)
{
	aic_state_discard(s);
	s->height = height;
	s->time = time;
}

void aic_state_discard(aic_state *s)
{
	aic_tree_undo(s->tree, 0);
	memset(&s->tx_leaves, 0, sizeof(s->tx_leaves));
	memset(&s->event_leaves, 0, sizeof(s->event_leaves));
	aic_bytes_clear(&s->events);
	aic_bytes_clear(&s->results);
	s->n_tx = s->n_touched = 0;
}

/* The signer's key must be registered, valid at this height, and its nonce the next one. */
static aic_code admit(aic_exec *x, aic_error *err)
{
	const aic_transaction *tx = x->tx;
	aic_code code = aic_state_key(x->state, tx->signer, &x->signer, err);

	if (code == AIC_NOT_FOUND)
		return aic_fail(err, AIC_REFUSED, "the key that signed this %s transaction is not registered on the ledger",
		                aic_tx_kind_name(tx->kind));
	if (code)
		return code;
	if (x->height < x->signer.since || (x->signer.until && x->height >= x->signer.until))
		return aic_fail(err, AIC_REFUSED, "the key that signed this %s transaction is not valid at height %llu",
		                aic_tx_kind_name(tx->kind), (unsigned long long)x->height);
	if (tx->nonce != x->signer.nonce)
		return aic_fail(err, AIC_REFUSED, "this %s transaction has nonce %llu, the next one of its signer is %llu: build it again",
		                aic_tx_kind_name(tx->kind), (unsigned long long)tx->nonce, (unsigned long long)x->signer.nonce);
	if ((code = aic_tx_verify(tx, &x->state->head.chain, err)))
		return code;
	x->signer.nonce++;
	return aic_state_key_put(x->state, tx->signer, &x->signer, err);
}

static void add_tx(aic_state *s, const aic_transaction *tx, const void *data, size_t len)
{
	aic_hash leaf = aic_merkle_leaf(data, len);

	if (s->n_tx == s->cap_tx) {
		s->cap_tx = s->cap_tx ? s->cap_tx * 2 : 16;
		s->tx = aic_xrealloc(s->tx, s->cap_tx * sizeof(*s->tx));
	}
	s->tx[s->n_tx++] = (pending_tx){tx->id, s->results.len};
	aic_frontier_add(&s->tx_leaves, &leaf);
}

aic_code aic_state_execute(aic_state *s, const void *data, size_t len, aic_error *err)
{
	aic_transaction tx;
	aic_exec x = {.state = s, .tx = &tx, .height = s->height, .index = s->n_tx};
	size_t mark = aic_tree_mark(s->tree), events = s->events.len, results = s->results.len, touched = s->n_touched;
	aic_frontier leaves = s->event_leaves;
	aic_code code = aic_tx_decode(&tx, data, len, err);

	if (!code && !(code = admit(&x, err)))
		code = aic_execute(&x, err);
	if (!code) {
		add_tx(s, &tx, data, len);
		return AIC_OK;
	}
	aic_tree_undo(s->tree, mark);
	s->events.len = events;
	s->results.len = results;
	s->n_touched = touched;
	s->event_leaves = leaves;
	return code;
}

aic_hash aic_state_transactions_root(const aic_state *s)
{
	return aic_frontier_root(&s->tx_leaves);
}

aic_hash aic_state_events_root(const aic_state *s)
{
	return aic_frontier_root(&s->event_leaves);
}

size_t aic_state_pending(const aic_state *s)
{
	return s->n_tx;
}

int64_t aic_state_time(const aic_state *s)
{
	return s->time;
}

aic_bytes *aic_state_result_out(aic_state *s)
{
	return &s->results;
}

static void touch(aic_state *s, const aic_address *a)
{
	if (aic_address_is_zero(a))
		return;
	if (s->n_touched == s->cap_touched) {
		s->cap_touched = s->cap_touched ? s->cap_touched * 2 : 64;
		s->touched = aic_xrealloc(s->touched, s->cap_touched * sizeof(*s->touched));
	}
	s->touched[s->n_touched++] = *a;
}

void aic_state_emit(aic_state *s, uint64_t kind, const aic_address *a, const aic_address *b, aic_u256 value, const char *note)
{
	aic_event e = {.kind = kind, .tx = s->n_tx, .a = *a, .b = *b, .value = value};
	size_t start = s->events.len;

	aic_str_copy(e.note, sizeof(e.note), note);
	aic_event_put(&s->events, &e);
	aic_hash leaf = aic_merkle_leaf(s->events.data + start, s->events.len - start);
	aic_frontier_add(&s->event_leaves, &leaf);
	touch(s, a);
	touch(s, b);
}

/* --- writing it --- */

static int by_address(const void *a, const void *b)
{
	return aic_address_cmp(a, b);
}

static aic_code write_touched(aic_state *s, aic_error *err)
{
	aic_code code = AIC_OK;

	if (s->n_touched)
		qsort(s->touched, s->n_touched, sizeof(*s->touched), by_address);
	for (size_t i = 0; i < s->n_touched && !code; i++) {
		if (i && !aic_address_cmp(&s->touched[i], &s->touched[i - 1]))
			continue;
		sqlite3_bind_blob(s->put_touch, 1, s->touched[i].b, AIC_ADDRESS_LEN, SQLITE_STATIC);
		sqlite3_bind_int64(s->put_touch, 2, (sqlite3_int64)s->height);
		code = aic_db_run(s->db, s->put_touch, err);
	}
	return code;
}

static aic_code write_transactions(aic_state *s, aic_error *err)
{
	aic_code code = AIC_OK;
	size_t start = 0;

	for (size_t i = 0; i < s->n_tx && !code; i++) {
		sqlite3_bind_blob(s->put_tx, 1, s->tx[i].id.b, AIC_HASH_LEN, SQLITE_STATIC);
		sqlite3_bind_int64(s->put_tx, 2, (sqlite3_int64)s->height);
		sqlite3_bind_int64(s->put_tx, 3, (sqlite3_int64)i);
		sqlite3_bind_blob64(s->put_tx, 4, s->results.len ? s->results.data + start : (const uint8_t *)"",
		                    s->tx[i].result_end - start, SQLITE_STATIC);
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
	sqlite3_bind_blob64(s->put_block, 7, block, len, SQLITE_STATIC);
	sqlite3_bind_blob64(s->put_block, 8, s->events.len ? s->events.data : (const uint8_t *)"", s->events.len, SQLITE_STATIC);
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
	if (!code && !(code = write_block(s, head, block, len, valid, err)) && !(code = write_transactions(s, err)))
		code = write_touched(s, err);
	aic_failpoint("state: block written");
	if (!code && !(code = write_head(s, head, err)))
		code = aic_db_exec(s->db, "COMMIT", err);
	aic_failpoint("state: committed");
	if (code) {
		aic_db_rollback(s->db);
		aic_tree_forget(s->tree);
	} else {
		s->head = *head;
		s->empty = false;
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

static aic_code find_block(aic_state *s, uint64_t height, aic_error *err)
{
	sqlite3_bind_int64(s->get_block, 1, (sqlite3_int64)height);
	return aic_db_step(s->db, s->get_block, err);
}

aic_code aic_state_block(aic_state *s, uint64_t height, aic_bytes *block, aic_hash *hash, bool *valid, aic_error *err)
{
	aic_code code = find_block(s, height, err);

	if (!code) {
		aic_bytes_clear(block);
		aic_db_column(s->get_block, 0, block);
		*valid = sqlite3_column_int(s->get_block, 2);
		if (!aic_db_column_exact(s->get_block, 1, hash->b, AIC_HASH_LEN))
			code = aic_fail(err, AIC_CORRUPT, "height %llu: the stored hash is no hash", (unsigned long long)height);
	}
	sqlite3_reset(s->get_block);
	return code;
}

aic_code aic_state_root_at(aic_state *s, uint64_t height, aic_hash *root, aic_error *err)
{
	aic_code code = find_block(s, height, err);

	if (!code && !aic_db_column_exact(s->get_block, 5, root->b, AIC_HASH_LEN))
		code = aic_fail(err, AIC_CORRUPT, "height %llu: the stored state root is no hash", (unsigned long long)height);
	sqlite3_reset(s->get_block);
	return code;
}

aic_code aic_state_hash_at(aic_state *s, uint64_t height, aic_hash *hash, aic_error *err)
{
	aic_code code = find_block(s, height, err);

	if (!code && !aic_db_column_exact(s->get_block, 1, hash->b, AIC_HASH_LEN))
		code = aic_fail(err, AIC_CORRUPT, "height %llu: the stored hash is no hash", (unsigned long long)height);
	sqlite3_reset(s->get_block);
	return code;
}

aic_code aic_state_events(aic_state *s, uint64_t height, aic_bytes *events, int64_t *time, aic_error *err)
{
	aic_code code = find_block(s, height, err);

	if (!code) {
		aic_bytes_clear(events);
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
	sqlite3_bind_blob(s->get_touch, 1, a->b, AIC_ADDRESS_LEN, SQLITE_STATIC);
	sqlite3_bind_int64(s->get_touch, 2, (sqlite3_int64)from);
	aic_code code = aic_db_step(s->db, s->get_touch, err);

	if (!code)
		*height = (uint64_t)sqlite3_column_int64(s->get_touch, 0);
	sqlite3_reset(s->get_touch);
	return code;
}
