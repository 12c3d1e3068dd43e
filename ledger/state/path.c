/* path.c: see path.h. */
#include "ledger/state/path.h"

#include <string.h>

#include "ledger/state/state_private.h"

void aic_state_keep_path(aic_state *s, const aic_hash *key)
{
	aic_bytes_append(&s->paths, key->b, AIC_HASH_LEN);
}

static aic_code write_path(aic_state *s, const aic_hash *key, aic_error *err)
{
	aic_hash path[AIC_TREE_PATH_MAX];
	sqlite3_stmt *q;
	size_t n;
	aic_code code = aic_tree_prove(s->tree, key, path, &n, err);

	if (code)
		return code == AIC_NOT_FOUND ? AIC_OK : code;
	if ((code = aic_db_prepare(s->db, &q, "INSERT OR REPLACE INTO row_path(key, height, data) VALUES(?, ?, ?)", err)))
		return code;
	sqlite3_bind_blob(q, 1, key->b, AIC_HASH_LEN, SQLITE_STATIC);
	sqlite3_bind_int64(q, 2, (sqlite3_int64)s->height);
	aic_db_bind(q, 3, path, n * AIC_HASH_LEN);
	code = aic_db_run(s->db, q, err);
	sqlite3_finalize(q);
	return code;
}

static aic_code write_sessions(aic_state *s, aic_error *err)
{
	sqlite3_stmt *q;
	aic_code code = aic_db_prepare(s->db, &q, "INSERT OR REPLACE INTO session(id, height) VALUES(?, ?)", err);

	for (size_t at = 0; at < s->sessions.len && !code; at += AIC_HASH_LEN) {
		sqlite3_bind_blob(q, 1, s->sessions.data + at, AIC_HASH_LEN, SQLITE_STATIC);
		sqlite3_bind_int64(q, 2, (sqlite3_int64)s->height);
		code = aic_db_run(s->db, q, err);
	}
	sqlite3_finalize(q);
	return code;
}

aic_code aic_state_sessions(aic_state *s, aic_session_visit visit, void *ctx, aic_error *err)
{
	sqlite3_stmt *q;
	aic_code code;

	if (aic_db_prepare(s->db, &q, "SELECT id FROM session ORDER BY height DESC, rowid DESC", NULL))
		return AIC_OK; /* read only, and made by a release that knew no sessions */
	while (!(code = aic_db_step(s->db, q, err))) {
		aic_hash id;

		if (!aic_db_column_exact(q, 0, id.b, AIC_HASH_LEN))
			code = aic_fail(err, AIC_CORRUPT, "%s: a session's id cannot be read: rebuild the state by replay",
			                sqlite3_db_filename(s->db, "main"));
		if (code || (code = visit(ctx, &id, err)))
			break;
	}
	sqlite3_finalize(q);
	return code == AIC_NOT_FOUND ? AIC_OK : code;
}

aic_code aic_state_write_paths(aic_state *s, aic_error *err)
{
	aic_code code = s->sessions.len ? write_sessions(s, err) : AIC_OK;
	aic_hash key;

	for (size_t at = 0; at < s->paths.len && !code; at += AIC_HASH_LEN) {
		memcpy(key.b, s->paths.data + at, AIC_HASH_LEN);
		code = write_path(s, &key, err);
	}
	return code;
}

aic_code aic_state_path(aic_state *s, const aic_hash *key, aic_hash path[AIC_TREE_PATH_MAX], size_t *n, uint64_t *height,
                        aic_error *err)
{
	sqlite3_stmt *q;

	if (aic_db_prepare(s->db, &q, "SELECT height, data FROM row_path WHERE key = ?", NULL))
		return AIC_NOT_FOUND; /* read only, and made by a release that had no such table */
	sqlite3_bind_blob(q, 1, key->b, AIC_HASH_LEN, SQLITE_STATIC);
	aic_code code = aic_db_step(s->db, q, err);
	if (!code) {
		size_t len = (size_t)sqlite3_column_bytes(q, 1);

		*height = (uint64_t)sqlite3_column_int64(q, 0);
		*n = len / AIC_HASH_LEN;
		if (len % AIC_HASH_LEN || *n > AIC_TREE_PATH_MAX)
			code = aic_fail(err, AIC_CORRUPT, "%s: a path of %zu bytes cannot be read: rebuild the state by replay",
			                sqlite3_db_filename(s->db, "main"), len);
		else if (len)
			memcpy(path, sqlite3_column_blob(q, 1), len);
	}
	sqlite3_finalize(q);
	return code;
}
