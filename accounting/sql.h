/* sql.h: SQLite with bound arguments in one call, prepared statements kept, and errors as aic_error. Statements also have
 * amount_sum(a, b), of two amounts as `a` below binds them, modulo 2^128. */
#ifndef AIC_ACCOUNTING_SQL_H
#define AIC_ACCOUNTING_SQL_H

#include <sqlite3.h>

#include "common/amount.h"
#include "common/error.h"

typedef struct aic_sql aic_sql; /* a connection with its prepared statements */

aic_code aic_sql_open(aic_sql **db, const char *path, aic_error *err);
void aic_sql_close(aic_sql *db);

/* text: a string literal (statements are kept by its address). types, one letter an argument:
 * i int64_t, t const char * (NULL binds NULL), b (const void *, size_t), a const aic_amount *, kept as 16 big-endian bytes,
 * h const aic_hash * (NULL binds NULL), u uint64_t with AIC_UNKNOWN as NULL. */
aic_code aic_sql_run(aic_sql *db, aic_error *err, const char *text, const char *types, ...);
/* Bound and ready for aic_sql_step. One iteration of the same text at a time. */
aic_code aic_sql_start(aic_sql *db, sqlite3_stmt **st, aic_error *err, const char *text, const char *types, ...);
/* AIC_OK: a row is there. AIC_NOT_FOUND: no more (err untouched). Anything else: failed. After both of these the
 * statement is reset; a caller that leaves earlier calls aic_sql_done. */
aic_code aic_sql_step(aic_sql *db, sqlite3_stmt *st, aic_error *err);
void aic_sql_done(sqlite3_stmt *st);
/* The first column of the first row; AIC_NOT_FOUND where there is none. */
aic_code aic_sql_int(aic_sql *db, int64_t *out, aic_error *err, const char *text, const char *types, ...);

aic_amount aic_sql_amount(sqlite3_stmt *st, int column);       /* 0 for NULL */
const char *aic_sql_text(sqlite3_stmt *st, int column);        /* "" for NULL; borrowed until the next step */
uint64_t aic_sql_uint_or_unknown(sqlite3_stmt *st, int column);

int64_t aic_sql_last_id(aic_sql *db);
int64_t aic_sql_changes(aic_sql *db);

aic_code aic_sql_begin(aic_sql *db, aic_error *err);
aic_code aic_sql_commit(aic_sql *db, aic_error *err);
void aic_sql_rollback(aic_sql *db);

/* Several statements, no arguments: schema, pragmas. */
aic_code aic_sql_script(aic_sql *db, const char *text, aic_error *err);

#endif
