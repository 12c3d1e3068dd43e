#include "accounting/store.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/bytes.h"

#define SCHEMA_VERSION 4

void (*aic_store_failpoint)(const char *where);

static const char schema_jobs[] =
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;"
	/* How far each slurmctld host's spool is in this database, and what was wrong with it. */
	"CREATE TABLE spool(host TEXT PRIMARY KEY, number INTEGER NOT NULL, read_at INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE damage(id INTEGER PRIMARY KEY, host TEXT NOT NULL, message TEXT NOT NULL, at INTEGER NOT NULL,"
	" UNIQUE(host, message));"
	/* One segment of one run of a job. */
	"CREATE TABLE record(id INTEGER PRIMARY KEY, cluster TEXT NOT NULL, job INTEGER NOT NULL, submit INTEGER NOT NULL,"
	" restart INTEGER NOT NULL, segment INTEGER NOT NULL, resizing INTEGER NOT NULL, account TEXT NOT NULL,"
	" user TEXT NOT NULL, partition TEXT NOT NULL, state INTEGER NOT NULL, started INTEGER NOT NULL,"
	" ended INTEGER NOT NULL, billable INTEGER NOT NULL, state_ppm INTEGER NOT NULL, status INTEGER NOT NULL,"
	" reason TEXT, cpu_seconds INTEGER NOT NULL, gpu_seconds INTEGER NOT NULL, flags INTEGER NOT NULL,"
	" body BLOB NOT NULL, UNIQUE(cluster, job, submit, restart, segment, resizing));"
	"CREATE INDEX record_ended ON record(ended);"
	/* Later records of a key that differ from the one that counts. */
	"CREATE TABLE duplicate(record INTEGER NOT NULL, hash BLOB NOT NULL, body BLOB NOT NULL, at INTEGER NOT NULL,"
	" note TEXT NOT NULL, PRIMARY KEY(record, hash)) WITHOUT ROWID;"
	"";

static const char schema_money[] =
	"CREATE TABLE wallet(id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, organisation TEXT NOT NULL,"
	" registered INTEGER NOT NULL, balance BLOB NOT NULL, debt BLOB NOT NULL, balance_at INTEGER NOT NULL,"
	" rating INTEGER NOT NULL, unsettled BLOB NOT NULL);"
	/* Payment lines; fee to quality_reason are frozen when a batch takes the line. */
	"CREATE TABLE line(id INTEGER PRIMARY KEY, record INTEGER NOT NULL REFERENCES record, node TEXT NOT NULL,"
	" kind INTEGER NOT NULL, asset TEXT NOT NULL, payer INTEGER NOT NULL, payee INTEGER NOT NULL, gross BLOB NOT NULL,"
	" cpus INTEGER NOT NULL, gpus INTEGER NOT NULL, ended INTEGER NOT NULL, batch INTEGER, fee BLOB, verified INTEGER,"
	" useful INTEGER, quality INTEGER, quality_reason INTEGER);"
	"CREATE INDEX line_record ON line(record);"
	"CREATE INDEX line_open ON line(ended) WHERE batch IS NULL;"
	"CREATE INDEX line_batch ON line(batch) WHERE batch IS NOT NULL;"
	"CREATE TABLE receipt(cluster TEXT NOT NULL, job INTEGER NOT NULL, restart INTEGER NOT NULL, node TEXT NOT NULL,"
	" step INTEGER NOT NULL, uid INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL, cpus INTEGER,"
	" cpu_ms INTEGER, mem_peak_mib INTEGER, gpus INTEGER, gpu_ms INTEGER, energy_mj INTEGER, read_mib INTEGER,"
	" determinism INTEGER NOT NULL, received INTEGER NOT NULL, PRIMARY KEY(cluster, job, restart, node, step)) WITHOUT ROWID;"
	/* A second receipt of a key that says something else. */
	"CREATE TABLE receipt_conflict(cluster TEXT NOT NULL, job INTEGER NOT NULL, restart INTEGER NOT NULL, node TEXT NOT NULL,"
	" step INTEGER NOT NULL, hash BLOB NOT NULL, body BLOB NOT NULL, at INTEGER NOT NULL,"
	" PRIMARY KEY(cluster, job, restart, node, step, hash)) WITHOUT ROWID;"
	"CREATE TABLE node_key(node TEXT PRIMARY KEY, key BLOB NOT NULL, first INTEGER NOT NULL) WITHOUT ROWID;"
	/* What aic.yaml said, and since when. */
	"CREATE TABLE ownership(node TEXT NOT NULL, since INTEGER NOT NULL, provider TEXT NOT NULL,"
	" PRIMARY KEY(node, since)) WITHOUT ROWID;"
	"CREATE TABLE asset(name TEXT NOT NULL, is_model INTEGER NOT NULL, since INTEGER NOT NULL, owner TEXT NOT NULL,"
	" per_job BLOB NOT NULL, per_gpu_hour BLOB NOT NULL, PRIMARY KEY(name, is_model, since)) WITHOUT ROWID;"
	"CREATE TABLE rates(since INTEGER PRIMARY KEY, body BLOB NOT NULL);"
	/* Slurm's associations, as slurmdbd said last. */
	"CREATE TABLE association(cluster TEXT NOT NULL, account TEXT NOT NULL, parent TEXT NOT NULL,"
	" PRIMARY KEY(cluster, account)) WITHOUT ROWID;"
	"CREATE TABLE member(cluster TEXT NOT NULL, user TEXT NOT NULL, account TEXT NOT NULL, coordinator INTEGER NOT NULL,"
	" PRIMARY KEY(cluster, user, account)) WITHOUT ROWID;"
	"CREATE TABLE batch(id INTEGER PRIMARY KEY, period TEXT NOT NULL, number INTEGER NOT NULL, state INTEGER NOT NULL,"
	" start INTEGER NOT NULL, end INTEGER NOT NULL, fee_ppm INTEGER NOT NULL, hash BLOB NOT NULL, evidence BLOB NOT NULL,"
	" lines INTEGER NOT NULL, gross BLOB NOT NULL, fee BLOB NOT NULL, closed_at INTEGER NOT NULL, closed_by INTEGER NOT NULL,"
	" posted_at INTEGER, posted_by INTEGER, height INTEGER, tx BLOB, UNIQUE(period, number));"
	"CREATE TABLE batch_line(batch INTEGER NOT NULL, payer INTEGER NOT NULL, payee INTEGER NOT NULL, kind INTEGER NOT NULL,"
	" n INTEGER NOT NULL, gross BLOB NOT NULL, fee BLOB NOT NULL, stake BLOB NOT NULL, note TEXT NOT NULL, reward BLOB,"
	" issued BLOB, PRIMARY KEY(batch, payer, payee, kind)) WITHOUT ROWID;"
	"CREATE TABLE approval(batch INTEGER NOT NULL, uid INTEGER NOT NULL, hash BLOB NOT NULL, at INTEGER NOT NULL,"
	" PRIMARY KEY(batch, uid)) WITHOUT ROWID;";

/* Version 2: acts of administrators on lines, and the log of all that they did (audit.h). */
static const char schema_acts[] =
	"ALTER TABLE line ADD COLUMN held INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE line ADD COLUMN act TEXT;"            /* what was done to it and why; NULL: nothing */
	"ALTER TABLE line ADD COLUMN charged BLOB;"        /* gross before it was adjusted or voided */
	"CREATE TABLE audit(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, uid INTEGER NOT NULL, what TEXT NOT NULL,"
	" hash BLOB NOT NULL);"
	"CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;"
	"CREATE TRIGGER audit_keeps BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;"
	"PRAGMA user_version=2;";

/* Version 3: open lines are found by their record, in the order in which they are written. */
static const char schema_index[] =
	"DROP INDEX line_open;"
	"CREATE INDEX line_open ON line(record, ended, held) WHERE batch IS NULL;"
	"PRAGMA user_version=3;";

/* Version 4: signed approvals of a hash, penalties, refunds, storage, and what was erased. */
static const char schema_review[] =
	"CREATE TABLE approved(hash BLOB NOT NULL, uid INTEGER NOT NULL, at INTEGER NOT NULL, key BLOB, signature BLOB,"
	" PRIMARY KEY(hash, uid)) WITHOUT ROWID;"
	"INSERT OR IGNORE INTO approved(hash, uid, at) SELECT hash, uid, at FROM approval;"
	"DROP TABLE approval;"
	"ALTER TABLE line ADD COLUMN penalty INTEGER NOT NULL DEFAULT 0;" /* ppm that its quality loses */
	"ALTER TABLE line ADD COLUMN leaf BLOB;"       /* hash of its leaf in the evidence, once its record is erased */
	"ALTER TABLE record ADD COLUMN erased INTEGER;" /* when what names a person was taken out */
	"CREATE TABLE refund(id INTEGER PRIMARY KEY, line INTEGER NOT NULL, amount BLOB NOT NULL, reason TEXT NOT NULL, uid INTEGER NOT NULL,"
	" at INTEGER NOT NULL, evidence BLOB NOT NULL, state INTEGER NOT NULL, height INTEGER, tx BLOB);"
	"CREATE INDEX refund_line ON refund(line);"
	/* Bytes of a data set held at a storage provider, as its holder said; and the line that they make in a period. */
	"CREATE TABLE storage(id INTEGER PRIMARY KEY, asset TEXT NOT NULL, is_model INTEGER NOT NULL, provider TEXT NOT NULL,"
	" node TEXT NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL, bytes INTEGER NOT NULL, uid INTEGER NOT NULL, at INTEGER NOT NULL);"
	"CREATE INDEX storage_held ON storage(asset, is_model, provider, node, start);"
	"CREATE TABLE storage_line(line INTEGER PRIMARY KEY, start INTEGER NOT NULL, end INTEGER NOT NULL, rate BLOB NOT NULL,"
	" byte_seconds BLOB NOT NULL);"
	"CREATE TABLE storage_part(line INTEGER NOT NULL, storage INTEGER NOT NULL, PRIMARY KEY(line, storage)) WITHOUT ROWID;"
	/* Whose records are to be erased as soon as they are settled. */
	"CREATE TABLE erasure(user TEXT PRIMARY KEY, at INTEGER NOT NULL, uid INTEGER NOT NULL) WITHOUT ROWID;"
	"PRAGMA user_version=4;";

/* Each brings a database of the version before to its own. */
static const struct {
	int version;
	const char *script;
} schemas[] = {{1, schema_jobs}, {1, schema_money}, {2, schema_acts}, {3, schema_index}, {4, schema_review}};

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

static aic_code schema_open(aic_store *s, const char *path, aic_error *err)
{
	int64_t version = 0;
	aic_code rc = aic_sql_script(s->db, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=OFF;"
	                                    "PRAGMA cache_size=-65536; PRAGMA wal_autocheckpoint=4000;", err);

	if (rc == AIC_OK)
		rc = aic_sql_int(s->db, &version, err, "PRAGMA user_version", "");
	if (rc != AIC_OK)
		return rc;
	if (version > SCHEMA_VERSION)
		return aic_fail(err, AIC_REFUSED, "%s has schema %lld, this aicacctd knows up to %d: install the newer version again",
		                path, (long long)version, SCHEMA_VERSION);
	if (version == SCHEMA_VERSION)
		return AIC_OK;
	rc = aic_sql_begin(s->db, err);
	for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]) && rc == AIC_OK; i++)
		if (version < schemas[i].version)
			rc = aic_sql_script(s->db, schemas[i].script, err);
	if (rc == AIC_OK)
		rc = aic_sql_commit(s->db, err);
	if (rc != AIC_OK)
		aic_sql_rollback(s->db);
	return rc;
}

aic_code aic_store_open(aic_store **out, const char *path, aic_error *err)
{
	aic_store *s = aic_xcalloc(1, sizeof(*s));
	mode_t mask = umask(0077);
	aic_code rc = aic_sql_open(&s->db, path, err);

	umask(mask);
	*out = NULL;
	slots_grow(s);
	if (rc == AIC_OK)
		rc = schema_open(s, path, err);
	if (rc == AIC_OK)
		rc = wallets_load(s, err);
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
		                          "UPDATE wallet SET organisation=?2, registered=?3, balance=?4, debt=?5, balance_at=?6,"
		                          " rating=?7, unsettled=?8 WHERE id=?1", "itiaaiia", w->id, w->organisation,
		                          (int64_t)w->registered, &w->balance, &w->debt, w->balance_at, (int64_t)w->rating_ppm,
		                          &w->unsettled);
		if (rc != AIC_OK)
			return rc;
		w->dirty = false;
	}
	return AIC_OK;
}

aic_code aic_store_commit(aic_store *s, aic_error *err)
{
	aic_code rc = wallets_write(s, err);

	if (rc == AIC_OK) {
		AIC_FAILPOINT("before commit");
		rc = aic_sql_commit(s->db, err);
		AIC_FAILPOINT("after commit");
	}
	if (rc != AIC_OK)
		aic_store_rollback(s);
	return rc;
}

void aic_store_rollback(aic_store *s)
{
	aic_error err = {0};

	aic_sql_rollback(s->db);
	if (wallets_load(s, &err) != AIC_OK)
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
	rc = aic_sql_run(s->db, err, "INSERT INTO wallet(id, name, organisation, registered, balance, debt, balance_at, rating,"
	                             " unsettled) VALUES(?1, ?2, '', 0, ?3, ?3, 0, 500000, ?3)",
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
		return aic_fail(err, AIC_CORRUPT, "wallet %s: its unsettled sum is smaller than a line of it: run `aic doctor`", w->name);
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
