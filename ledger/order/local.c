/* local.c: the order of blocks in one SQLite file: the embedded default, one machine, no set-up. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "common/time.h"
#include "ledger/db.h"
#include "ledger/failpoint.h"
#include "ledger/order/order.h"

#define WATCH_STEP_MS 50

typedef struct {
	sqlite3 *db;
	sqlite3_stmt *head, *append, *read, *attest, *attestations, *first, *acknowledge, *acknowledgements, *restore;
	sqlite3_stmt *prune_blocks, *prune_attestations, *cut;
} local;

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS blk(height INTEGER PRIMARY KEY, hash BLOB NOT NULL, bytes BLOB NOT NULL);"
	"CREATE TABLE IF NOT EXISTS att(height INTEGER NOT NULL, site BLOB NOT NULL, bytes BLOB NOT NULL,"
	" PRIMARY KEY(height, site)) WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS ack(site BLOB PRIMARY KEY, bytes BLOB NOT NULL) WITHOUT ROWID;";

static aic_code local_head(void *self, aic_order_head *head, aic_error *err)
{
	local *l = self;
	aic_code code = aic_db_step(l->db, l->head, err);

	memset(head, 0, sizeof(*head));
	head->empty = code == AIC_NOT_FOUND;
	if (!code) {
		head->height = (uint64_t)sqlite3_column_int64(l->head, 0);
		if (!aic_db_column_exact(l->head, 1, head->hash.b, AIC_HASH_LEN))
			code = aic_fail(err, AIC_CORRUPT, "%s: the hash at height %llu is no hash", sqlite3_db_filename(l->db, "main"),
			                (unsigned long long)head->height);
	}
	sqlite3_reset(l->head);
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}

static bool same_head(const aic_order_head *a, const aic_order_head *b)
{
	return a->empty == b->empty && (a->empty || (a->height == b->height && aic_hash_equal(&a->hash, &b->hash)));
}

static aic_code local_append(void *self, const aic_order_head *expected, const aic_hash *hash, const void *block, size_t len,
                             aic_error *err)
{
	local *l = self;
	aic_order_head now;
	aic_code code = aic_db_exec(l->db, "BEGIN IMMEDIATE", err);

	if (!code)
		code = local_head(l, &now, err);
	if (!code && !same_head(&now, expected))
		code = aic_fail(err, AIC_REFUSED, "the log's head is at height %llu by now: build the block anew",
		                (unsigned long long)now.height);
	aic_failpoint("order: before the block");
	if (!code) {
		sqlite3_bind_int64(l->append, 1, expected->empty ? 0 : (sqlite3_int64)expected->height + 1);
		sqlite3_bind_blob(l->append, 2, hash->b, AIC_HASH_LEN, SQLITE_STATIC);
		aic_db_bind(l->append, 3, block, len);
		code = aic_db_run(l->db, l->append, err);
	}
	aic_failpoint("order: block written");
	if (!code)
		code = aic_db_exec(l->db, "COMMIT", err);
	aic_failpoint("order: committed");
	if (code)
		aic_db_rollback(l->db);
	return code;
}

static aic_code lowest(local *l, uint64_t *first, aic_error *err)
{
	aic_code code = aic_db_step(l->db, l->first, err);

	*first = code ? 0 : (uint64_t)sqlite3_column_int64(l->first, 0);
	sqlite3_reset(l->first);
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}

/* No block at height h: the end of the log, or a part that it does not hold any more. */
static aic_code explain_missing(local *l, uint64_t h, aic_error *err)
{
	aic_order_head head;
	uint64_t first;
	aic_code code = local_head(l, &head, err);

	if (code || head.empty || h > head.height || (code = lowest(l, &first, err)))
		return code;
	return h < first ? aic_fail(err, AIC_NOT_FOUND, "the log begins at height %llu: height %llu is in the sites' archives",
	                            (unsigned long long)first, (unsigned long long)h)
	                 : aic_fail(err, AIC_CORRUPT, "the log holds no block at height %llu, though its head is at %llu",
	                            (unsigned long long)h, (unsigned long long)head.height);
}

static aic_code local_read(void *self, uint64_t from, uint64_t n, aic_order_visit visit, void *ctx, aic_error *err)
{
	local *l = self;
	aic_bytes block = {0};
	aic_code code = AIC_OK;

	/* one row at a time, and none held while visit runs: the reader never keeps a writer's checkpoint waiting */
	for (uint64_t h = from; h - from < n && !code; h++) {
		sqlite3_bind_int64(l->read, 1, (sqlite3_int64)h);
		code = aic_db_step(l->db, l->read, err);
		if (!code) {
			aic_bytes_clear(&block);
			aic_db_column(l->read, 0, &block);
		}
		sqlite3_reset(l->read);
		if (code == AIC_NOT_FOUND) {
			code = explain_missing(l, h, err);
			break;
		}
		if (!code)
			code = visit(ctx, h, block.data, block.len, err);
	}
	aic_bytes_free(&block);
	return code;
}

static aic_code local_watch(void *self, uint64_t from, int timeout_ms, bool *more, aic_error *err)
{
	int64_t end = aic_monotonic_ms() + timeout_ms;
	aic_order_head head;

	for (;;) {
		aic_code code = local_head(self, &head, err);

		*more = !code && !head.empty && head.height >= from;
		if (code || *more || aic_monotonic_ms() >= end)
			return code;
		poll(NULL, 0, WATCH_STEP_MS);
	}
}

static aic_code stored_attestation(local *l, const aic_id *site, uint64_t height, aic_bytes *out, aic_error *err)
{
	aic_code code = AIC_OK;

	sqlite3_bind_int64(l->attestations, 1, (sqlite3_int64)height);
	while ((code = aic_db_step(l->db, l->attestations, err)) == AIC_OK) {
		aic_id id;

		if (aic_db_column_exact(l->attestations, 0, id.b, sizeof(id.b)) && aic_id_equal(&id, site))
			aic_db_column(l->attestations, 1, out);
	}
	sqlite3_reset(l->attestations);
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}

static aic_code local_attest(void *self, const aic_id *site, uint64_t height, const void *bytes, size_t len, aic_error *err)
{
	local *l = self;
	aic_bytes there = {0};
	aic_code code = stored_attestation(l, site, height, &there, err);

	if (!code && there.len) {
		if (there.len != len || memcmp(there.data, bytes, len) != 0)
			code = aic_fail(err, AIC_REFUSED, "this site has attested something else at height %llu: its copy or its key was used twice",
			                (unsigned long long)height);
		aic_bytes_free(&there);
		return code;
	}
	aic_bytes_free(&there);
	if (code)
		return code;
	sqlite3_bind_int64(l->attest, 1, (sqlite3_int64)height);
	sqlite3_bind_blob(l->attest, 2, site->b, sizeof(site->b), SQLITE_STATIC);
	aic_db_bind(l->attest, 3, bytes, len);
	return aic_db_run(l->db, l->attest, err);
}

/* (site, bytes) of each row of a statement whose parameters are bound. */
static aic_code visit_board(local *l, sqlite3_stmt *rows, aic_order_attested visit, void *ctx, aic_error *err)
{
	aic_code code, visited = AIC_OK;

	while (!visited && (code = aic_db_step(l->db, rows, err)) == AIC_OK) {
		aic_bytes bytes = {0};
		aic_id site = {{0}};

		aic_db_column_exact(rows, 0, site.b, sizeof(site.b));
		aic_db_column(rows, 1, &bytes);
		visited = visit(ctx, &site, bytes.data, bytes.len, err);
		aic_bytes_free(&bytes);
	}
	sqlite3_reset(rows);
	if (visited)
		return visited;
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}

static aic_code local_attestations(void *self, uint64_t height, aic_order_attested visit, void *ctx, aic_error *err)
{
	local *l = self;

	sqlite3_bind_int64(l->attestations, 1, (sqlite3_int64)height);
	return visit_board(l, l->attestations, visit, ctx, err);
}

static aic_code local_acknowledge(void *self, const aic_id *site, const void *bytes, size_t len, aic_error *err)
{
	local *l = self;

	sqlite3_bind_blob(l->acknowledge, 1, site->b, sizeof(site->b), SQLITE_STATIC);
	aic_db_bind(l->acknowledge, 2, bytes, len);
	return aic_db_run(l->db, l->acknowledge, err);
}

static aic_code local_acknowledgements(void *self, aic_order_attested visit, void *ctx, aic_error *err)
{
	local *l = self;

	return l->acknowledgements ? visit_board(l, l->acknowledgements, visit, ctx, err) : AIC_OK;
}

/* --- its size --- */

static aic_code local_prune(void *self, const aic_id *site, uint64_t below, aic_error *err)
{
	local *l = self;
	aic_order_head head;
	aic_code code = local_head(l, &head, err);

	if (code || head.empty)
		return code;
	sqlite3_int64 bound = (sqlite3_int64)(below < head.height ? below : head.height);
	sqlite3_bind_int64(l->prune_blocks, 1, bound);
	sqlite3_bind_int64(l->prune_attestations, 1, bound);
	sqlite3_bind_blob(l->prune_attestations, 2, site->b, sizeof(site->b), SQLITE_STATIC);
	code = aic_db_run(l->db, l->prune_blocks, err);
	return code ? code : aic_db_run(l->db, l->prune_attestations, err);
}

static aic_code local_space(void *self, aic_order_space *space, aic_error *err)
{
	local *l = self;

	memset(space, 0, sizeof(*space));
	return lowest(l, &space->first, err);
}

/* --- mending --- */

static aic_code put_blocks(local *l, uint64_t from, uint64_t last, aic_order_source source, void *ctx, aic_error *err)
{
	aic_bytes block = {0};
	aic_code code = AIC_OK;

	for (uint64_t h = from; h <= last && !code; h++) {
		aic_hash hash;

		aic_bytes_clear(&block);
		if ((code = source(ctx, h, &block, &hash, err)))
			break;
		sqlite3_bind_int64(l->restore, 1, (sqlite3_int64)h);
		sqlite3_bind_blob(l->restore, 2, hash.b, AIC_HASH_LEN, SQLITE_STATIC);
		aic_db_bind(l->restore, 3, block.data, block.len);
		code = aic_db_run(l->db, l->restore, err);
	}
	aic_bytes_free(&block);
	return code;
}

static aic_code local_restore(void *self, const aic_order_head *found, const aic_order_head *restored, uint64_t from,
                              aic_order_source source, void *ctx, aic_error *err)
{
	local *l = self;
	aic_order_head now;
	aic_code code = aic_db_exec(l->db, "BEGIN IMMEDIATE", err);

	if (!code)
		code = local_head(l, &now, err);
	if (!code && !same_head(&now, found))
		code = aic_fail(err, AIC_REFUSED, "the log's head is at height %llu by now: look at it again before it is restored",
		                (unsigned long long)now.height);
	if (!code)
		code = put_blocks(l, from, restored->height, source, ctx, err);
	sqlite3_bind_int64(l->cut, 1, (sqlite3_int64)restored->height);
	if (!code && !(code = aic_db_run(l->db, l->cut, err)))
		code = aic_db_exec(l->db, "COMMIT", err);
	if (code)
		aic_db_rollback(l->db);
	return code;
}

static void local_close(void *self)
{
	local *l = self;
	sqlite3_stmt *stmts[] = {l->head, l->append, l->read, l->attest, l->attestations, l->first, l->acknowledge,
	                         l->acknowledgements, l->restore, l->prune_blocks, l->prune_attestations, l->cut};

	for (size_t i = 0; i < sizeof(stmts) / sizeof(stmts[0]); i++)
		sqlite3_finalize(stmts[i]);
	aic_db_close(l->db);
	free(l);
}

static aic_code prepare(local *l, bool read_only, aic_error *err)
{
	const struct { sqlite3_stmt **stmt; const char *sql; bool writes; } all[] = {
		{&l->head, "SELECT height, hash FROM blk ORDER BY height DESC LIMIT 1", false},
		{&l->append, "INSERT INTO blk(height, hash, bytes) VALUES(?, ?, ?)", true},
		{&l->read, "SELECT bytes FROM blk WHERE height = ?", false},
		{&l->first, "SELECT height FROM blk ORDER BY height LIMIT 1", false},
		{&l->attest, "INSERT INTO att(height, site, bytes) VALUES(?, ?, ?)", true},
		{&l->attestations, "SELECT site, bytes FROM att WHERE height = ? ORDER BY site", false},
		{&l->acknowledge, "INSERT OR REPLACE INTO ack(site, bytes) VALUES(?, ?)", true},
		{&l->acknowledgements, "SELECT site, bytes FROM ack ORDER BY site", true},
		{&l->prune_blocks, "DELETE FROM blk WHERE height < ?", true},
		{&l->prune_attestations, "DELETE FROM att WHERE height < ? AND site = ?", true},
		{&l->restore, "INSERT OR REPLACE INTO blk(height, hash, bytes) VALUES(?, ?, ?)", true},
		{&l->cut, "DELETE FROM blk WHERE height > ?", true},
	};
	aic_code code = AIC_OK;

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && !code; i++)
		if (!all[i].writes || !read_only)
			code = aic_db_prepare(l->db, all[i].stmt, all[i].sql, err);
	return code;
}

aic_code aic_order_local(aic_order *o, const char *path, bool read_only, aic_error *err)
{
	static const aic_order_backend backend = {
		.head = local_head, .append_if_head = local_append, .read = local_read, .watch = local_watch,
		.attest = local_attest, .attestations = local_attestations,
		.acknowledge = local_acknowledge, .acknowledgements = local_acknowledgements,
		.prune = local_prune, .space = local_space, .restore = local_restore, .close = local_close};
	local *l = aic_xcalloc(1, sizeof(*l));
	aic_code code = aic_db_open(&l->db, path, read_only ? AIC_DB_READ : AIC_DB_DURABLE, err);

	if (!code && !read_only)
		code = aic_db_exec(l->db, schema, err);
	if (code || (code = prepare(l, read_only, err))) {
		local_close(l);
		return code;
	}
	*o = (aic_order){&backend, l};
	return AIC_OK;
}

aic_code aic_order_local_begin(aic_order *o, aic_error *err)
{
	return aic_db_exec(((local *)o->self)->db, "BEGIN IMMEDIATE", err);
}

aic_code aic_order_local_commit(aic_order *o, aic_error *err)
{
	return aic_db_exec(((local *)o->self)->db, "COMMIT", err);
}

void aic_order_local_rollback(aic_order *o)
{
	aic_db_rollback(((local *)o->self)->db);
}
