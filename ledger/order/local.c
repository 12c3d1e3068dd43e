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
	sqlite3_stmt *head, *append, *read, *attest, *attestations;
} local;

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS blk(height INTEGER PRIMARY KEY, hash BLOB NOT NULL, bytes BLOB NOT NULL);"
	"CREATE TABLE IF NOT EXISTS att(height INTEGER NOT NULL, site BLOB NOT NULL, bytes BLOB NOT NULL,"
	" PRIMARY KEY(height, site)) WITHOUT ROWID;";

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
		sqlite3_bind_blob64(l->append, 3, block, len, SQLITE_STATIC);
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
		if (!code)
			code = visit(ctx, h, block.data, block.len, err);
		else if (code == AIC_NOT_FOUND)
			break;
	}
	aic_bytes_free(&block);
	return code == AIC_NOT_FOUND ? AIC_OK : code;
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
	sqlite3_bind_blob(l->attest, 3, bytes, (int)len, SQLITE_STATIC);
	return aic_db_run(l->db, l->attest, err);
}

static aic_code local_attestations(void *self, uint64_t height, aic_order_attested visit, void *ctx, aic_error *err)
{
	local *l = self;
	aic_code code, visited = AIC_OK;

	sqlite3_bind_int64(l->attestations, 1, (sqlite3_int64)height);
	while (!visited && (code = aic_db_step(l->db, l->attestations, err)) == AIC_OK) {
		aic_bytes bytes = {0};
		aic_id site = {{0}};

		aic_db_column_exact(l->attestations, 0, site.b, sizeof(site.b));
		aic_db_column(l->attestations, 1, &bytes);
		visited = visit(ctx, &site, bytes.data, bytes.len, err);
		aic_bytes_free(&bytes);
	}
	sqlite3_reset(l->attestations);
	if (visited)
		return visited;
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}

static void local_close(void *self)
{
	local *l = self;

	sqlite3_finalize(l->head);
	sqlite3_finalize(l->append);
	sqlite3_finalize(l->read);
	sqlite3_finalize(l->attest);
	sqlite3_finalize(l->attestations);
	aic_db_close(l->db);
	free(l);
}

aic_code aic_order_local(aic_order *o, const char *path, bool read_only, aic_error *err)
{
	static const aic_order_backend backend = {local_head,   local_append,       local_read, local_watch,
	                                          local_attest, local_attestations, local_close};
	local *l = aic_xcalloc(1, sizeof(*l));
	aic_code code = aic_db_open(&l->db, path, read_only ? AIC_DB_READ : AIC_DB_DURABLE, err);

	if (!code && !read_only)
		code = aic_db_exec(l->db, schema, err);
	if (code || (code = aic_db_prepare(l->db, &l->head, "SELECT height, hash FROM blk ORDER BY height DESC LIMIT 1", err)) ||
	    (code = aic_db_prepare(l->db, &l->append, "INSERT INTO blk(height, hash, bytes) VALUES(?, ?, ?)", err)) ||
	    (code = aic_db_prepare(l->db, &l->read, "SELECT bytes FROM blk WHERE height = ?", err)) ||
	    (code = aic_db_prepare(l->db, &l->attest, "INSERT INTO att(height, site, bytes) VALUES(?, ?, ?)", err)) ||
	    (code = aic_db_prepare(l->db, &l->attestations, "SELECT site, bytes FROM att WHERE height = ? ORDER BY site", err))) {
		local_close(l);
		return code;
	}
	*o = (aic_order){&backend, l};
	return AIC_OK;
}
