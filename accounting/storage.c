#include "accounting/storage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/audit.h"
#include "common/cbor.h"

#define CLOCK_SKEW 300 /* seconds that a node's clock may be ahead */

/* --- checking --- */

static bool provider_known(const aic_config *c, const char *name)
{
	for (size_t i = 0; i < c->n_providers; i++)
		if (!strcmp(c->provider[i].name, name))
			return true;
	return false;
}

static aic_code check(const aic_ingest *in, aic_storage *s, int64_t now, aic_asset_version *asset, aic_error *err)
{
	if (s->start <= 0 || s->end <= s->start || s->end > now + CLOCK_SKEW)
		return aic_fail(err, AIC_USAGE, "bytes are held from one moment to a later one that is past: --since comes before --until");
	if (!s->bytes || s->bytes > INT64_MAX)
		return aic_fail(err, AIC_USAGE, "%llu bytes are nothing that is held", (unsigned long long)s->bytes);
	if (!aic_registry_asset(in->registry, s->asset, s->is_model, s->start, s->start, asset))
		return aic_fail(err, AIC_REFUSED, "%s %s was not registered then: see `assets` in aic.yaml", s->is_model ? "model" : "data set",
		                s->asset);
	if (!s->provider[0] && s->node[0])
		aic_str_copy(s->provider, sizeof(s->provider), aic_registry_provider(in->registry, s->node, s->start));
	if (!s->provider[0])
		return aic_fail(err, AIC_REFUSED, "whose storage is it? Name the provider, or a node that one owns");
	if (!provider_known(in->config, s->provider))
		return aic_fail(err, AIC_REFUSED, "no provider is called %s: aic.yaml lists them under `providers`", s->provider);
	return AIC_OK;
}

/* AIC_NOT_FOUND: it is new. */
static aic_code find_equal(aic_store *store, const aic_storage *s, aic_error *err)
{
	char start[AIC_TIME_TEXT], end[AIC_TIME_TEXT];
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(store->db, &st, err, "SELECT start, end, bytes FROM storage WHERE asset=?1 AND is_model=?2 AND provider=?3 AND"
	                            " node=?4 AND start<?6 AND end>?5", "tittii", s->asset, (int64_t)s->is_model, s->provider, s->node, s->start,
	                            s->end);

	if (rc == AIC_OK)
		rc = aic_sql_step(store->db, st, err);
	if (rc != AIC_OK)
		return rc;
	bool equal = sqlite3_column_int64(st, 0) == s->start && sqlite3_column_int64(st, 1) == s->end &&
	             (uint64_t)sqlite3_column_int64(st, 2) == s->bytes;
	aic_time_format(start, sqlite3_column_int64(st, 0));
	aic_time_format(end, sqlite3_column_int64(st, 1));
	aic_sql_done(st);
	if (equal)
		return AIC_OK;
	return aic_fail(err, AIC_REFUSED, "%s at %s is declared from %s to %s already: declare what follows", s->asset, s->provider, start, end);
}

/* --- a line --- */

typedef struct {
	int64_t id;              /* 0: new */
	int64_t start, end;      /* of the period */
	int64_t ended;           /* last second that is covered */
	aic_wallet_row *payer, *payee;
	aic_amount rate, gross, byte_seconds;
} storage_line;

static aic_code find_line(aic_store *store, const aic_storage *s, storage_line *l, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(store->db, &st, err, "SELECT l.id, l.gross, l.ended, s.rate, s.byte_seconds FROM storage_line s JOIN line l ON"
	                            " l.id=s.line WHERE s.start=?1 AND s.end=?2 AND l.asset=?3 AND l.payer=?4 AND l.payee=?5 AND l.cpus=?6 AND"
	                            " l.batch IS NULL AND l.act IS NULL", "iitiii", l->start, l->end, s->asset, l->payer->id, l->payee->id,
	                            (int64_t)s->is_model);

	if (rc == AIC_OK && (rc = aic_sql_step(store->db, st, err)) == AIC_OK) {
		l->id = sqlite3_column_int64(st, 0);
		l->gross = aic_sql_amount(st, 1);
		l->ended = sqlite3_column_int64(st, 2);
		l->rate = aic_sql_amount(st, 3);
		l->byte_seconds = aic_sql_amount(st, 4);
		aic_sql_done(st);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

/* cpus is 1 for a model: a data set and a model of one name have lines of their own. */
static aic_code write_line(aic_store *store, const aic_storage *s, storage_line *l, aic_amount gross, aic_error *err)
{
	const aic_quality q = aic_quality_of_storage();
	aic_code rc = l->id ? aic_sql_run(store->db, err, "UPDATE line SET gross=?2, ended=?3 WHERE id=?1", "iai", l->id, &gross, l->ended)
	                    : aic_sql_run(store->db, err, "INSERT INTO line(id, record, node, kind, asset, payer, payee, gross, cpus, gpus, ended,"
	                                                  " verified, useful, quality, quality_reason) VALUES(?1, 0, '', ?2, ?3, ?4, ?5, ?6, ?7, 0,"
	                                                  " ?8, ?9, ?10, ?11, ?12)", "iitiiaiiiiii", store->next_line, (int64_t)AIC_KIND_STORAGE,
	                                  s->asset, l->payer->id, l->payee->id, &gross, (int64_t)s->is_model, l->ended, (int64_t)q.verified,
	                                  (int64_t)q.useful, (int64_t)q.quality, (int64_t)q.reason);

	if (rc != AIC_OK)
		return rc;
	if (!l->id)
		l->id = store->next_line++;
	rc = aic_store_unowe(l->payer, l->gross, err);
	if (rc == AIC_OK)
		aic_store_owe(l->payer, gross);
	return rc == AIC_OK ? aic_sql_run(store->db, err, "INSERT OR REPLACE INTO storage_line(line, start, end, rate, byte_seconds) VALUES(?1, ?2,"
	                                  " ?3, ?4, ?5)", "iiiaa", l->id, l->start, l->end, &l->rate, &l->byte_seconds) : rc;
}

/* What of the declaration lies in one period, onto the line of that period. */
static aic_code charge_period(const aic_ingest *in, const aic_storage *s, int64_t storage, storage_line *l, aic_error *err)
{
	int64_t from = s->start > l->start ? s->start : l->start, to = s->end < l->end ? s->end : l->end;
	aic_amount gross;

	l->id = 0;
	l->gross = l->byte_seconds = 0;
	l->ended = 0;
	l->rate = aic_registry_rates(in->registry, l->start)->storage_gib_month;
	aic_code rc = find_line(in->store, s, l, err);
	if (rc != AIC_OK)
		return rc;
	l->byte_seconds += (aic_amount)s->bytes * (uint64_t)(to - from);
	if (to - 1 > l->ended)
		l->ended = to - 1;
	if (!aic_price_storage(&gross, l->rate, l->byte_seconds))
		return aic_fail(err, AIC_REFUSED, "%s at %s: what it costs needs more than 128 bits: lower rates.storage_gib_month", s->asset,
		                s->provider);
	rc = write_line(in->store, s, l, gross, err);
	return rc == AIC_OK ? aic_sql_run(in->store->db, err, "INSERT INTO storage_part(line, storage) VALUES(?1, ?2)", "ii", l->id, storage) : rc;
}

/* --- taking --- */

static aic_code charge(const aic_ingest *in, const aic_storage *s, const char *owner, int64_t storage, aic_error *err)
{
	char payee[AIC_NAME_LEN], name[16];
	storage_line l;
	aic_code rc = aic_store_wallet(in->store, owner, &l.payer, err);

	snprintf(payee, sizeof(payee), "provider/%.*s", AIC_NAME_LEN - 10, s->provider);
	if (rc == AIC_OK)
		rc = aic_store_wallet(in->store, payee, &l.payee, err);
	/* who keeps one's own data on one's own storage pays nobody */
	for (int64_t at = s->start; at < s->end && rc == AIC_OK && l.payer != l.payee; at = l.end) {
		aic_period_of(in->config->period, at, name, &l.start, &l.end);
		rc = charge_period(in, s, storage, &l, err);
	}
	return rc;
}

static aic_code take_inside(const aic_ingest *in, aic_storage *s, uid_t uid, int64_t now, aic_storage_result *what, aic_error *err)
{
	aic_asset_version asset;
	aic_code rc = check(in, s, now, &asset, err);

	*what = AIC_STORAGE_EQUAL;
	if (rc == AIC_OK)
		rc = find_equal(in->store, s, err);
	if (rc != AIC_NOT_FOUND)
		return rc;
	*what = AIC_STORAGE_CHARGED;
	rc = aic_sql_run(in->store->db, err, "INSERT INTO storage(asset, is_model, provider, node, start, end, bytes, uid, at) VALUES(?1, ?2, ?3,"
	                 " ?4, ?5, ?6, ?7, ?8, ?9)", "tittiiiii", s->asset, (int64_t)s->is_model, s->provider, s->node, s->start, s->end,
	                 (int64_t)s->bytes, (int64_t)uid, now);
	if (rc == AIC_OK)
		rc = charge(in, s, asset.owner, aic_sql_last_id(in->store->db), err);
	return rc;
}

aic_code aic_storage_take(const aic_ingest *in, aic_storage *s, uid_t uid, int64_t now, aic_storage_result *what, aic_error *err)
{
	aic_code rc = aic_store_begin(in->store, err);

	if (rc != AIC_OK)
		return rc;
	rc = take_inside(in, s, uid, now, what, err);
	if (rc == AIC_OK)
		return aic_store_commit(in->store, err);
	aic_store_rollback(in->store);
	return rc;
}

/* --- for a batch --- */

/* SHA-256 of [* [asset, is model, provider, node, start, end, bytes]] of the line's declarations, by node and start. */
static aic_code hash_parts(aic_store *s, int64_t line, aic_hash *out, aic_error *err)
{
	aic_bytes rows = {0}, body = {0};
	sqlite3_stmt *st;
	size_t n = 0;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT s.asset, s.is_model, s.provider, s.node, s.start, s.end, s.bytes FROM storage_part p"
	                            " JOIN storage s ON s.id=p.storage WHERE p.line=?1 ORDER BY s.node, s.start", "i", line);

	for (; rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK; n++) {
		aic_cbor_put_array(&rows, 7);
		aic_cbor_put_text(&rows, aic_sql_text(st, 0));
		aic_cbor_put_bool(&rows, sqlite3_column_int(st, 1));
		aic_cbor_put_text(&rows, aic_sql_text(st, 2));
		aic_cbor_put_text(&rows, aic_sql_text(st, 3));
		for (int k = 4; k < 7; k++)
			aic_cbor_put_int(&rows, sqlite3_column_int64(st, k));
	}
	aic_cbor_put_array(&body, n);
	aic_bytes_append(&body, rows.data, rows.len);
	*out = aic_sha256_of(body.data, body.len);
	aic_bytes_free(&rows);
	aic_bytes_free(&body);
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

#define LINES "SELECT l.id, l.payer, l.payee, s.start, s.end, l.asset, l.act, l.gross, l.verified, l.useful, l.quality,"\
              " l.quality_reason FROM storage_line s JOIN line l ON l.id=s.line JOIN" \
              " wallet q ON q.id=l.payee WHERE "
#define ORDER " ORDER BY s.start, l.asset, l.cpus, q.name, l.id"

aic_code aic_storage_lines(aic_store *s, int64_t batch, int64_t end, aic_storage_line **out, size_t *n, aic_error *err)
{
	sqlite3_stmt *st;
	size_t cap = 0;
	aic_code rc = batch ? aic_sql_start(s->db, &st, err, LINES "l.batch=?1" ORDER, "i", batch)
	                    : aic_sql_start(s->db, &st, err, LINES "l.batch IS NULL AND l.ended<?1 AND NOT l.held" ORDER, "i", end);

	*out = NULL;
	*n = 0;
	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		if (*n == cap) {
			cap = cap ? 2 * cap : 16;
			*out = aic_xrealloc(*out, cap * sizeof(**out));
		}
		aic_storage_line *l = &(*out)[(*n)++];
		*l = (aic_storage_line){.id = sqlite3_column_int64(st, 0), .payer = sqlite3_column_int64(st, 1), .payee = sqlite3_column_int64(st, 2),
		                        .start = sqlite3_column_int64(st, 3), .end = sqlite3_column_int64(st, 4), .gross = aic_sql_amount(st, 7)};
		l->quality = (aic_quality){(uint64_t)sqlite3_column_int64(st, 8), (uint64_t)sqlite3_column_int64(st, 9),
		                           (uint64_t)sqlite3_column_int64(st, 10), (aic_quality_reason)sqlite3_column_int(st, 11)};
		aic_str_copy(l->asset, sizeof(l->asset), aic_sql_text(st, 5));
		aic_str_copy(l->act, sizeof(l->act), aic_sql_text(st, 6));
	}
	if (rc == AIC_NOT_FOUND)
		rc = AIC_OK;
	for (size_t i = 0; i < *n && rc == AIC_OK; i++)
		rc = hash_parts(s, (*out)[i].id, &(*out)[i].evidence, err);
	return rc;
}
