#include "accounting/store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "accounting/schema.h"
#include "common/bytes.h"

void (*aic_store_failpoint)(const char *where);

static uint32_t name_hash(const char *name)
{
	uint32_t h = 2166136261u;

	for (const unsigned char *p = (const unsigned char *)name; *p; p++)
		h = (h ^ *p) * 16777619u;
	return h;
}

static void slots_grow(aic_store *s)
{
	size_t slots = s->slots ? s->slots * 2 : 256;

	free(s->slot);
	s->slot = aic_xcalloc(slots, sizeof(*s->slot));
	s->slots = slots;
	for (size_t i = 0; i < s->n_wallets; i++) {
		size_t at = name_hash(s->wallet[i]->name) & (slots - 1);
		while (s->slot[at])
			at = (at + 1) & (slots - 1);
		s->slot[at] = (uint32_t)i + 1;
	}
}

static aic_wallet_row *wallet_add(aic_store *s, const char *name)
{
	aic_wallet_row *w = aic_xcalloc(1, sizeof(*w));

	if (s->n_wallets == s->cap_wallets) {
		s->cap_wallets = s->cap_wallets ? 2 * s->cap_wallets : 64;
		s->wallet = aic_xrealloc(s->wallet, s->cap_wallets * sizeof(*s->wallet));
	}
	s->wallet[s->n_wallets++] = w;
	w->id = (int64_t)s->n_wallets;
	aic_str_copy(w->name, sizeof(w->name), name);
	if (2 * s->n_wallets > s->slots) {
		slots_grow(s);
	} else {
		size_t at = name_hash(name) & (s->slots - 1);
		while (s->slot[at])
			at = (at + 1) & (s->slots - 1);
		s->slot[at] = (uint32_t)s->n_wallets;
	}
	return w;
}

static void wallets_clear(aic_store *s, size_t keep)
{
	while (s->n_wallets > keep)
		free(s->wallet[--s->n_wallets]);
	s->slots /= 2;
	slots_grow(s);
}

/* Reads all wallets again; rows that are there already keep their address. */
static aic_code wallets_load(aic_store *s, aic_error *err)
{
	sqlite3_stmt *st;
	size_t seen = 0;
	aic_code rc = aic_sql_start(s->db, &st, err,
	                            "SELECT name, organisation, registered, balance, debt, balance_at, rating, unsettled"
	                            " FROM wallet ORDER BY id", "");

	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		aic_wallet_row *w = seen < s->n_wallets ? s->wallet[seen] : wallet_add(s, aic_sql_text(st, 0));
		seen++;
		aic_str_copy(w->organisation, sizeof(w->organisation), aic_sql_text(st, 1));
		w->registered = sqlite3_column_int(st, 2);
		w->balance = aic_sql_amount(st, 3);
		w->debt = aic_sql_amount(st, 4);
		w->balance_at = sqlite3_column_int64(st, 5);
		w->rating_ppm = (uint64_t)sqlite3_column_int64(st, 6);
		w->unsettled = aic_sql_amount(st, 7);
		w->dirty = false;
	}
	if (rc == AIC_NOT_FOUND && seen < s->n_wallets)
		wallets_clear(s, seen);
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

/* What is held in memory beside the database. */
static aic_code state_load(aic_store *s, aic_error *err)
{
	int64_t last = 0, waiting = 0;
	aic_code rc = aic_sql_int(s->db, &last, err, "SELECT coalesce(max(id), 0) FROM line", "");

	if (rc == AIC_OK)
		rc = aic_sql_int(s->db, &waiting, err, "SELECT coalesce(sum(n), 0) FROM receipt_batch", "");
	s->waiting = (size_t)waiting;
	s->next_line = last + 1;
	s->open_floor = aic_store_meta(s, "open_floor", 1);
	return rc == AIC_OK ? wallets_load(s, err) : rc;
}

static aic_store *store_new(void)
{
	aic_store *s = aic_xcalloc(1, sizeof(*s));

	slots_grow(s);
	s->usage = aic_usage_new();
	return s;
}

aic_code aic_store_open_reader(aic_store **out, const char *path, aic_error *err)
{
	aic_store *s = store_new();
	aic_code rc = aic_sql_open(&s->db, path, err);

	*out = NULL;
	if (rc == AIC_OK)
		rc = aic_sql_script(s->db, "PRAGMA query_only=ON; PRAGMA cache_size=-16384; BEGIN;", err);
	if (rc == AIC_OK)
		rc = state_load(s, err);
	if (rc != AIC_OK) {
		aic_store_close(s);
		return rc;
	}
	*out = s;
	return AIC_OK;
}

aic_code aic_store_open_writer(aic_store **out, const char *path, aic_error *err)
{
	aic_store *s = store_new();
	aic_code rc = aic_sql_open(&s->db, path, err);

	*out = NULL;
	if (rc == AIC_OK)
		rc = aic_sql_script(s->db, "PRAGMA synchronous=FULL; PRAGMA cache_size=-2048;", err);
	if (rc == AIC_OK)
		rc = state_load(s, err);
	if (rc != AIC_OK) {
		aic_store_close(s);
		return rc;
	}
	*out = s;
	return AIC_OK;
}

aic_code aic_store_open(aic_store **out, const char *path, aic_error *err)
{
	aic_store *s = store_new();
	mode_t mask = umask(0077);
	aic_code rc = aic_sql_open(&s->db, path, err);

	umask(mask);
	*out = NULL;
	if (rc == AIC_OK)
		rc = aic_schema_open(s, path, err);
	if (rc == AIC_OK)
		rc = state_load(s, err);
	if (rc != AIC_OK) {
		aic_store_close(s);
		return rc;
	}
	*out = s;
	return AIC_OK;
}

void aic_store_close(aic_store *s)
{
	if (!s)
		return;
	aic_sql_close(s->db);
	for (size_t i = 0; i < s->n_wallets; i++)
		free(s->wallet[i]);
	aic_usage_free(s->usage);
	aic_spans_forget(&s->spans);
	free(s->receipts.receipt);
	free(s->wallet);
	free(s->slot);
	free(s);
}

aic_code aic_store_begin(aic_store *s, aic_error *err)
{
	return aic_sql_begin(s->db, err);
}

static aic_code wallets_write(aic_store *s, aic_error *err)
{
	for (size_t i = 0; i < s->n_wallets; i++) {
		aic_wallet_row *w = s->wallet[i];
		if (!w->dirty)
			continue;
		aic_code rc = aic_sql_run(s->db, err,
		                          "UPDATE wallet SET organisation=?2, registered=?3, balance=?4, debt=?5,"
		                          " balance_at=?6, rating=?7, unsettled=?8 WHERE id=?1", "itiaaiia", w->id,
		                          w->organisation, (int64_t)w->registered, &w->balance, &w->debt, w->balance_at,
		                          (int64_t)w->rating_ppm, &w->unsettled);
		if (rc != AIC_OK)
			return rc;
		w->dirty = false;
	}
	return AIC_OK;
}

aic_code aic_store_commit(aic_store *s, aic_error *err)
{
	aic_code rc = wallets_write(s, err);

	if (rc == AIC_OK)
		rc = aic_usage_write(s->usage, s->db, err);
	if (rc == AIC_OK)
		rc = aic_spans_write(&s->spans, s->db, err);
	if (rc == AIC_OK) {
		AIC_FAILPOINT("before commit");
		rc = aic_sql_commit(s->db, err);
		AIC_FAILPOINT("after commit");
	}
	if (rc != AIC_OK)
		aic_store_rollback(s);
	aic_usage_forget(s->usage);
	aic_spans_forget(&s->spans);
	s->version++;
	return rc;
}

void aic_store_rollback(aic_store *s)
{
	aic_error err = {0};

	aic_sql_rollback(s->db);
	aic_usage_forget(s->usage);
	aic_spans_forget(&s->spans);
	if (state_load(s, &err) != AIC_OK)
		abort(); /* memory and disk may differ now: start again from disk */
}

aic_wallet_row *aic_store_wallet_find(const aic_store *s, const char *name)
{
	for (size_t at = name_hash(name) & (s->slots - 1); s->slot[at]; at = (at + 1) & (s->slots - 1))
		if (!strcmp(s->wallet[s->slot[at] - 1]->name, name))
			return s->wallet[s->slot[at] - 1];
	return NULL;
}

aic_code aic_store_wallet(aic_store *s, const char *name, aic_wallet_row **out, aic_error *err)
{
	aic_amount none = 0;
	aic_code rc;

	*out = aic_store_wallet_find(s, name);
	if (*out)
		return AIC_OK;
	rc = aic_sql_run(s->db, err, "INSERT INTO wallet(id, name, organisation, registered, balance, debt, balance_at,"
	                 " rating, unsettled) VALUES(?1, ?2, '', 0, ?3, ?3, 0, 500000, ?3)",
	                 "ita", (int64_t)s->n_wallets + 1, name, &none);
	if (rc != AIC_OK)
		return rc;
	*out = wallet_add(s, name);
	(*out)->rating_ppm = 500000;
	return AIC_OK;
}

aic_wallet_row *aic_store_wallet_by_id(const aic_store *s, int64_t id)
{
	return id >= 1 && (size_t)id <= s->n_wallets ? s->wallet[id - 1] : NULL;
}

void aic_store_owe(aic_wallet_row *w, aic_amount amount)
{
	if (!aic_amount_add(&w->unsettled, w->unsettled, amount))
		w->unsettled = ~(aic_amount)0;
	w->dirty = true;
}

aic_code aic_store_unowe(aic_wallet_row *w, aic_amount amount, aic_error *err)
{
	if (!aic_amount_sub(&w->unsettled, w->unsettled, amount))
		return aic_fail(err, AIC_CORRUPT, "wallet %s: its unsettled sum is smaller than a line of it: run `aic"
		                " doctor`", w->name);
	w->dirty = true;
	return AIC_OK;
}

aic_code aic_store_meta_set(aic_store *s, const char *key, int64_t value, aic_error *err)
{
	return aic_sql_run(s->db, err, "INSERT OR REPLACE INTO meta(key, value) VALUES(?1, ?2)", "ti", key, value);
}

int64_t aic_store_meta(aic_store *s, const char *key, int64_t absent)
{
	int64_t value = absent;

	aic_sql_int(s->db, &value, NULL, "SELECT value FROM meta WHERE key=?1", "t", key);
	return value;
}
