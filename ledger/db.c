/* db.c: see db.h. */
#include "ledger/db.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BUSY_MS 10000

aic_code aic_db_fail(sqlite3 *db, aic_error *err)
{
	const char *path = sqlite3_db_filename(db, "main");
	const char *name = path && *path ? path : "the database in memory";

	switch (sqlite3_errcode(db) & 0xff) {
	case SQLITE_FULL:
		return aic_fail(err, AIC_FULL, "%s: no space left; nothing was changed: free some room and try again", name);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return aic_fail(err, AIC_CORRUPT, "%s is damaged (%s): restore it from a backup, or rebuild it by replay", name,
		                sqlite3_errmsg(db));
	case SQLITE_CANTOPEN:
		return aic_fail(err, AIC_SYSTEM, "%s cannot be opened (%s): check that it exists, and its owner and mode", name,
		                sqlite3_errmsg(db));
	default:
		return aic_fail(err, AIC_SYSTEM, "%s: %s", name, sqlite3_errmsg(db));
	}
}

static const char *pragmas(aic_db_mode mode)
{
	switch (mode) {
	case AIC_DB_DURABLE:
		return "PRAGMA page_size=16384; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=4000;"
		       " PRAGMA cache_size=-65536;";
	case AIC_DB_SCRATCH:
		return "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-131072;";
	default:
		return "PRAGMA query_only=1;";
	}
}

aic_code aic_db_open(sqlite3 **db, const char *path, aic_db_mode mode, aic_error *err)
{
	int flags = mode == AIC_DB_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
	mode_t old = umask(0027);
	int rc = sqlite3_open_v2(path, db, flags | SQLITE_OPEN_NOMUTEX, NULL);

	if (rc == SQLITE_OK) {
		sqlite3_extended_result_codes(*db, 1);
		sqlite3_busy_timeout(*db, BUSY_MS);
		rc = sqlite3_exec(*db, pragmas(mode), NULL, NULL, NULL);
	}
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(*db, "PRAGMA schema_version", NULL, NULL, NULL); /* reads the file's header */
	umask(old);
	if (rc == SQLITE_OK)
		return AIC_OK;
	if (!*db)
		return aic_fail(err, AIC_SYSTEM, "%s: no memory to open it", path);
	aic_code code = (rc & 0xff) == SQLITE_CANTOPEN
	                        ? aic_fail(err, AIC_SYSTEM, "%s cannot be opened: check that it exists, and its owner and mode", path)
	                        : aic_db_fail(*db, err);
	sqlite3_close(*db);
	*db = NULL;
	return code;
}

static aic_code copy_pages(sqlite3 *from, sqlite3 *to, aic_error *err)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");
	int rc = b ? sqlite3_backup_step(b, -1) : SQLITE_ERROR;

	sqlite3_backup_finish(b);
	if (rc == SQLITE_DONE)
		return aic_db_exec(to, "PRAGMA journal_mode=DELETE", err); /* one file */
	aic_code code = aic_db_fail(to, err);
	return code == AIC_SYSTEM && (rc & 0xff) == SQLITE_CORRUPT ? aic_db_fail(from, err) : code;
}

aic_code aic_db_copy(const char *from, const char *to, aic_error *err)
{
	sqlite3 *in = NULL, *out = NULL;
	aic_code code = aic_db_open(&in, from, AIC_DB_READ, err);

	if (!code && sqlite3_open_v2(to, &out, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
		code = aic_db_fail(out, err);
	if (!code && chmod(to, 0640))
		code = aic_fail_errno(err, "cannot set the mode of %s", to);
	if (!code && !(code = aic_db_exec(out, "PRAGMA synchronous=FULL", err)))
		code = copy_pages(in, out, err);
	aic_db_close(in);
	aic_db_close(out);
	return code;
}

bool aic_db_is_sound(const char *path)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *check = NULL;
	bool sound = false;

	if (access(path, R_OK) == 0 && !aic_db_open(&db, path, AIC_DB_READ, NULL) &&
	    !aic_db_prepare(db, &check, "PRAGMA quick_check(1)", NULL) && !aic_db_step(db, check, NULL))
		sound = strcmp((const char *)sqlite3_column_text(check, 0), "ok") == 0;
	sqlite3_finalize(check);
	aic_db_close(db);
	return sound;
}

void aic_db_close(sqlite3 *db)
{
	sqlite3_close_v2(db);
}

aic_code aic_db_exec(sqlite3 *db, const char *sql, aic_error *err)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? AIC_OK : aic_db_fail(db, err);
}

aic_code aic_db_prepare(sqlite3 *db, sqlite3_stmt **stmt, const char *sql, aic_error *err)
{
	if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, stmt, NULL) == SQLITE_OK)
		return AIC_OK;
	return aic_db_fail(db, err);
}

aic_code aic_db_step(sqlite3 *db, sqlite3_stmt *stmt, aic_error *err)
{
	int rc = sqlite3_step(stmt);

	if (rc == SQLITE_ROW)
		return AIC_OK;
	if (rc == SQLITE_DONE)
		return AIC_NOT_FOUND;
	aic_code code = aic_db_fail(db, err);
	sqlite3_reset(stmt);
	return code;
}

aic_code aic_db_run(sqlite3 *db, sqlite3_stmt *stmt, aic_error *err)
{
	int rc = sqlite3_step(stmt);
	aic_code code = rc == SQLITE_DONE || rc == SQLITE_ROW ? AIC_OK : aic_db_fail(db, err);

	sqlite3_reset(stmt);
	return code;
}

void aic_db_rollback(sqlite3 *db)
{
	if (!sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
}

void aic_db_bind(sqlite3_stmt *stmt, int at, const void *data, size_t len)
{
	sqlite3_bind_blob64(stmt, at, len ? data : "", len, SQLITE_STATIC);
}

void aic_db_column(sqlite3_stmt *stmt, int column, aic_bytes *out)
{
	const void *data = sqlite3_column_blob(stmt, column);
	int len = sqlite3_column_bytes(stmt, column);

	if (len > 0)
		aic_bytes_append(out, data, (size_t)len);
}

bool aic_db_column_exact(sqlite3_stmt *stmt, int column, void *out, size_t len)
{
	const void *data = sqlite3_column_blob(stmt, column);

	if ((size_t)sqlite3_column_bytes(stmt, column) != len || (len && !data))
		return false;
	if (len)
		memcpy(out, data, len);
	return true;
}
