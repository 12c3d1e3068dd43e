/* db.h: SQLite as this room uses it: WAL, synchronous=FULL, one way to report a failure. */
#ifndef AIC_LEDGER_DB_H
#define AIC_LEDGER_DB_H

#include <sqlite3.h>
#include <stdbool.h>

#include "common/bytes.h"
#include "common/error.h"

typedef enum {
	AIC_DB_DURABLE, /* read and write; WAL, synchronous=FULL; made if it is not there, mode 0640 */
	AIC_DB_READ,    /* never writes a row; works beside a writer */
	AIC_DB_SCRATCH  /* read and write, no promise of survival: for replays */
} aic_db_mode;

aic_code aic_db_open(sqlite3 **db, const char *path, aic_db_mode mode, aic_error *err);
/* A database as it stands at one moment, beside a writer, as one new file on the disk. */
aic_code aic_db_copy(const char *from, const char *to, aic_error *err);
/* Whether it is there and whole, as far as SQLite can see. */
bool aic_db_is_sound(const char *path);
void aic_db_close(sqlite3 *db); /* NULL is allowed */
aic_code aic_db_exec(sqlite3 *db, const char *sql, aic_error *err);
aic_code aic_db_prepare(sqlite3 *db, sqlite3_stmt **stmt, const char *sql, aic_error *err);
/* Runs a statement that returns no row, then resets it. */
aic_code aic_db_run(sqlite3 *db, sqlite3_stmt *stmt, aic_error *err);
/* Steps once: AIC_OK with a row, AIC_NOT_FOUND without one (err untouched), or the failure. */
aic_code aic_db_step(sqlite3 *db, sqlite3_stmt *stmt, aic_error *err);
/* The failure that the connection saw last: AIC_FULL, AIC_CORRUPT or AIC_SYSTEM, with the file and the remedy. */
aic_code aic_db_fail(sqlite3 *db, aic_error *err);
/* Rolls back where a transaction is open. */
void aic_db_rollback(sqlite3 *db);
/* Binds len bytes, which must outlive the step; none of them are an empty blob, never NULL. */
void aic_db_bind(sqlite3_stmt *stmt, int at, const void *data, size_t len);
/* Column as bytes, appended to out. */
void aic_db_column(sqlite3_stmt *stmt, int column, aic_bytes *out);
/* Column as exactly len bytes; false where it has another length. */
bool aic_db_column_exact(sqlite3_stmt *stmt, int column, void *out, size_t len);

#endif
