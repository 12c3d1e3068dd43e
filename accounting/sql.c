#include "accounting/sql.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/crypto.h"
#include "common/receipt.h"

#define STATEMENTS 512 /* a power of two, well above the number of different texts */
#define AMOUNTS 8      /* arguments of type a whose bytes need no copy */

struct aic_sql {
	sqlite3 *db;
	uint8_t amount[AMOUNTS][16];
	struct {
		const char *text;
		sqlite3_stmt *st;
	} kept[STATEMENTS];
};

static aic_code sql_fail(aic_sql *db, aic_error *err, const char *doing)
{
	int rc = sqlite3_extended_errcode(db->db);
	aic_code code = (rc & 0xff) == SQLITE_FULL ? AIC_FULL
	              : (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB ? AIC_CORRUPT
	                                                                              : AIC_SYSTEM;
	const char *file = sqlite3_db_filename(db->db, "main");

	return aic_fail(err, code, "%s: %s: %s (SQLite %d)%s", file ? file : "database", doing, sqlite3_errmsg(db->db), rc,
	                code == AIC_FULL ? ": make room on that file system; nothing is lost"
	                : code == AIC_CORRUPT ? ": restore it from a backup" : "");
}

/* amount_sum(a, b), modulo 2^128: differences are added as well. */
static void amount_sum(sqlite3_context *c, int n, sqlite3_value **v)
{
	aic_amount sum = 0;
	uint8_t be[16];

	for (int i = 0; i < n; i++)
		if (sqlite3_value_bytes(v[i]) == sizeof(be))
			sum += aic_amount_from_be(sqlite3_value_blob(v[i]));
	aic_amount_to_be(be, sum);
	sqlite3_result_blob(c, be, sizeof(be), SQLITE_TRANSIENT);
}

/* Statistics of memory that nobody reads cost a lock for each allocation. Without effect where SQLite is in use already. */
static void spare_statistics(void)
{
	sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

aic_code aic_sql_open(aic_sql **out, const char *path, aic_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	aic_sql *db = aic_xcalloc(1, sizeof(*db));

	pthread_once(&once, spare_statistics);
	*out = NULL;
	if (sqlite3_open_v2(path, &db->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL)) {
		aic_fail(err, AIC_SYSTEM, "%s: cannot open the database: %s", path, db->db ? sqlite3_errmsg(db->db) : "no memory");
		aic_sql_close(db);
		return AIC_SYSTEM;
	}
	sqlite3_busy_timeout(db->db, 5000);
	sqlite3_create_function(db->db, "amount_sum", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, amount_sum, NULL, NULL);
	*out = db;
	return AIC_OK;
}

void aic_sql_close(aic_sql *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < STATEMENTS; i++)
		sqlite3_finalize(db->kept[i].st);
	sqlite3_close(db->db);
	free(db);
}

static sqlite3_stmt *statement(aic_sql *db, const char *text, aic_error *err)
{
	size_t slot = ((uintptr_t)text >> 2) * 2654435761u & (STATEMENTS - 1);

	for (size_t i = 0; i < STATEMENTS; i++, slot = (slot + 1) & (STATEMENTS - 1)) {
		if (db->kept[slot].text == text)
			return db->kept[slot].st;
		if (db->kept[slot].text)
			continue;
		if (sqlite3_prepare_v3(db->db, text, -1, SQLITE_PREPARE_PERSISTENT, &db->kept[slot].st, NULL)) {
			sql_fail(db, err, text);
			return NULL;
		}
		db->kept[slot].text = text;
		return db->kept[slot].st;
	}
	aic_fail(err, AIC_SYSTEM, "more than %d different SQL statements", STATEMENTS);
	return NULL;
}

typedef struct {
	sqlite3_destructor_type copy; /* SQLITE_STATIC where the arguments outlive the statement's run */
	int amounts;
} binding;

static int bind_amount(aic_sql *db, sqlite3_stmt *st, int at, binding *b, aic_amount v)
{
	uint8_t own[16], *be = b->copy == SQLITE_STATIC && b->amounts < AMOUNTS ? db->amount[b->amounts++] : own;

	aic_amount_to_be(be, v);
	return sqlite3_bind_blob(st, at, be, sizeof(own), be == own ? SQLITE_TRANSIENT : SQLITE_STATIC);
}

static int bind_one(aic_sql *db, sqlite3_stmt *st, int at, char type, binding *b, va_list *ap)
{
	switch (type) {
	case 'i':
		return sqlite3_bind_int64(st, at, va_arg(*ap, int64_t));
	case 'u': {
		uint64_t v = va_arg(*ap, uint64_t);
		return v == AIC_UNKNOWN ? sqlite3_bind_null(st, at) : sqlite3_bind_int64(st, at, (int64_t)v);
	}
	case 't':
		return sqlite3_bind_text(st, at, va_arg(*ap, const char *), -1, b->copy);
	case 'b': {
		const void *data = va_arg(*ap, const void *);
		size_t len = va_arg(*ap, size_t);
		return sqlite3_bind_blob64(st, at, data ? data : "", len, b->copy);
	}
	case 'a':
		return bind_amount(db, st, at, b, *va_arg(*ap, const aic_amount *));
	case 'h': {
		const aic_hash *h = va_arg(*ap, const aic_hash *);
		return h ? sqlite3_bind_blob(st, at, h->b, sizeof(h->b), b->copy) : sqlite3_bind_null(st, at);
	}
	default:
		return SQLITE_MISUSE;
	}
}

static aic_code start(aic_sql *db, sqlite3_stmt **out, aic_error *err, const char *text, const char *types,
                      sqlite3_destructor_type copy, va_list *ap)
{
	sqlite3_stmt *st = statement(db, text, err);
	binding b = {.copy = copy};
	int at = 1;

	*out = st;
	if (!st)
		return err ? err->code : AIC_SYSTEM;
	sqlite3_reset(st);
	for (const char *t = types; *t; t++, at++)
		if (bind_one(db, st, at, *t, &b, ap) != SQLITE_OK)
			return sql_fail(db, err, text);
	return AIC_OK;
}

aic_code aic_sql_start(aic_sql *db, sqlite3_stmt **st, aic_error *err, const char *text, const char *types, ...)
{
	va_list ap;

	va_start(ap, types);
	aic_code rc = start(db, st, err, text, types, SQLITE_TRANSIENT, &ap);
	va_end(ap);
	return rc;
}

aic_code aic_sql_step(aic_sql *db, sqlite3_stmt *st, aic_error *err)
{
	int rc = sqlite3_step(st);

	if (rc == SQLITE_ROW)
		return AIC_OK;
	aic_code code = rc == SQLITE_DONE ? AIC_NOT_FOUND : sql_fail(db, err, sqlite3_sql(st));
	sqlite3_reset(st);
	return code;
}

void aic_sql_done(sqlite3_stmt *st)
{
	sqlite3_reset(st);
}

aic_code aic_sql_run(aic_sql *db, aic_error *err, const char *text, const char *types, ...)
{
	sqlite3_stmt *st;
	va_list ap;

	va_start(ap, types);
	aic_code rc = start(db, &st, err, text, types, SQLITE_STATIC, &ap);
	va_end(ap);
	while (rc == AIC_OK)
		rc = aic_sql_step(db, st, err);
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

aic_code aic_sql_int(aic_sql *db, int64_t *out, aic_error *err, const char *text, const char *types, ...)
{
	sqlite3_stmt *st;
	va_list ap;

	va_start(ap, types);
	aic_code rc = start(db, &st, err, text, types, SQLITE_STATIC, &ap);
	va_end(ap);
	if (rc == AIC_OK)
		rc = aic_sql_step(db, st, err);
	if (rc == AIC_OK) {
		*out = sqlite3_column_int64(st, 0);
		aic_sql_done(st);
	}
	return rc;
}

aic_amount aic_sql_amount(sqlite3_stmt *st, int column)
{
	const uint8_t *be = sqlite3_column_blob(st, column);

	return be && sqlite3_column_bytes(st, column) == 16 ? aic_amount_from_be(be) : 0;
}

const char *aic_sql_text(sqlite3_stmt *st, int column)
{
	const char *s = (const char *)sqlite3_column_text(st, column);

	return s ? s : "";
}

uint64_t aic_sql_uint_or_unknown(sqlite3_stmt *st, int column)
{
	return sqlite3_column_type(st, column) == SQLITE_NULL ? AIC_UNKNOWN : (uint64_t)sqlite3_column_int64(st, column);
}

int64_t aic_sql_last_id(aic_sql *db)
{
	return sqlite3_last_insert_rowid(db->db);
}

int64_t aic_sql_changes(aic_sql *db)
{
	return sqlite3_changes(db->db);
}

aic_code aic_sql_begin(aic_sql *db, aic_error *err)
{
	return aic_sql_run(db, err, "BEGIN IMMEDIATE", "");
}

aic_code aic_sql_commit(aic_sql *db, aic_error *err)
{
	return aic_sql_run(db, err, "COMMIT", "");
}

void aic_sql_rollback(aic_sql *db)
{
	if (!sqlite3_get_autocommit(db->db))
		aic_sql_run(db, NULL, "ROLLBACK", "");
}

aic_code aic_sql_script(aic_sql *db, const char *text, aic_error *err)
{
	return sqlite3_exec(db->db, text, NULL, NULL, NULL) == SQLITE_OK ? AIC_OK : sql_fail(db, err, "schema");
}
