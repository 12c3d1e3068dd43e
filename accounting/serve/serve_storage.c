/* serve_storage.c: bytes of data sets and models held at storage providers: declared, listed. */
#include "accounting/acctd.h"
#include "accounting/storage.h"

/* [asset, is model, provider, node, start, end, bytes] : whether it is new, the provider that was found */
aic_code aic_serve_storage_held(aic_request *q, aic_error *err)
{
	aic_ingest in = {.store = q->d->store, .registry = q->d->registry, .config = &q->d->config};
	aic_storage_result what;
	aic_storage s;

	aic_cbor_text(q->args, s.asset, sizeof(s.asset));
	s.is_model = aic_cbor_bool(q->args);
	aic_cbor_text(q->args, s.provider, sizeof(s.provider));
	aic_cbor_text(q->args, s.node, sizeof(s.node));
	s.start = aic_cbor_int(q->args);
	s.end = aic_cbor_int(q->args);
	s.bytes = aic_cbor_uint(q->args);
	aic_code rc = aic_cbor_finish(q->args, err);
	if (rc == AIC_OK)
		rc = aic_storage_take(&in, &s, q->who->uid, aic_now(), &what, err);
	if (rc != AIC_OK)
		return rc;
	aic_acctd_publish(q->d, true);
	aic_cbor_put_bool(q->out, what == AIC_STORAGE_CHARGED);
	aic_cbor_put_text(q->out, s.provider);
	*q->items = 2;
	return AIC_OK;
}

static void storage_row(aic_rows *rows, sqlite3_stmt *st)
{
	aic_rows_text(rows, aic_sql_text(st, 0));
	aic_rows_text(rows, sqlite3_column_int(st, 1) ? "model" : "data");
	aic_rows_text(rows, aic_sql_text(st, 2));
	aic_rows_text(rows, aic_sql_text(st, 3));
	for (int k = 4; k < 7; k++)
		aic_rows_number(rows, sqlite3_column_int64(st, k));
	aic_rows_number(rows, sqlite3_column_int64(st, 7));
}

/* [since] : rows of declarations that end then or later, newest first */
aic_code aic_serve_storage_list(aic_request *q, aic_error *err)
{
	aic_rows rows = {.columns = 8};
	int64_t since = aic_cbor_int(q->args);
	sqlite3_stmt *st;
	aic_code rc = aic_cbor_finish(q->args, err);

	if (rc == AIC_OK)
		rc = aic_sql_start(q->d->store->db, &st, err, "SELECT asset, is_model, provider, node, start, end, bytes, uid FROM storage WHERE end>=?1"
		                   " ORDER BY end DESC, id DESC LIMIT 100000", "i", since);
	while (rc == AIC_OK && (rc = aic_sql_step(q->d->store->db, st, err)) == AIC_OK)
		storage_row(&rows, st);
	aic_rows_finish(&rows, q->out);
	*q->items = 1;
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}
