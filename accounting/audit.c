#include "accounting/audit.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/cbor.h"

static aic_hash entry_hash(const aic_hash *before, int64_t id, int64_t at, int64_t uid, const char *what)
{
	aic_bytes body = {0};

	aic_cbor_put_array(&body, 6);
	aic_cbor_put_text(&body, "aic/audit/v1");
	aic_cbor_put_bytes(&body, before->b, sizeof(before->b));
	aic_cbor_put_int(&body, id);
	aic_cbor_put_int(&body, at);
	aic_cbor_put_int(&body, uid);
	aic_cbor_put_text(&body, what);
	aic_hash hash = aic_sha256_of(body.data, body.len);
	aic_bytes_free(&body);
	return hash;
}

static aic_code last_entry(aic_store *s, int64_t *id, aic_hash *hash, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1", "");

	*id = 0;
	memset(hash, 0, sizeof(*hash));
	if (rc == AIC_OK)
		rc = aic_sql_step(s->db, st, err);
	if (rc == AIC_NOT_FOUND)
		return AIC_OK;
	if (rc == AIC_OK) {
		*id = sqlite3_column_int64(st, 0);
		if (sqlite3_column_bytes(st, 1) == AIC_HASH_LEN)
			memcpy(hash->b, sqlite3_column_blob(st, 1), AIC_HASH_LEN);
		aic_sql_done(st);
	}
	return rc;
}

aic_code aic_audit_add(aic_store *s, uid_t uid, int64_t now, aic_error *err, const char *fmt, ...)
{
	char what[1024];
	aic_hash before;
	int64_t id;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	aic_code rc = last_entry(s, &id, &before, err);
	if (rc != AIC_OK)
		return rc;
	aic_hash hash = entry_hash(&before, id + 1, now, (int64_t)uid, what);
	return aic_sql_run(s->db, err, "INSERT INTO audit(id, at, uid, what, hash) VALUES(?1, ?2, ?3, ?4, ?5)", "iiith", id + 1, now,
	                   (int64_t)uid, what, &hash);
}

aic_code aic_audit_verify(aic_store *s, int64_t *entries, aic_hash *head, aic_error *err)
{
	sqlite3_stmt *st;
	aic_hash before = {{0}};
	int64_t n = 0;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT id, at, uid, what, hash FROM audit ORDER BY id", "");

	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		aic_hash hash = entry_hash(&before, ++n, sqlite3_column_int64(st, 1), sqlite3_column_int64(st, 2), aic_sql_text(st, 3));
		if (sqlite3_column_int64(st, 0) != n || sqlite3_column_bytes(st, 4) != AIC_HASH_LEN ||
		    memcmp(sqlite3_column_blob(st, 4), hash.b, AIC_HASH_LEN)) {
			aic_sql_done(st);
			return aic_fail(err, AIC_CORRUPT, "the log of acts was changed: entry %lld does not follow from the one before it",
			                (long long)n);
		}
		before = hash;
	}
	if (entries)
		*entries = n;
	if (head)
		*head = before;
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}
