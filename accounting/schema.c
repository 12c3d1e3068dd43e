#include "accounting/schema.h"

#include "accounting/rated.h"

#define SCHEMA_VERSION 10

/* Tables of versions 1 to 4, as they are still made on the way up. */
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

/* Version 5: a record's lines have consecutive ids, so that they need no index, and lines of closed periods lie below a floor, so
 * that open ones need none; ids of Slurm's jobs come first in the keys, where numbers decide. Receipts of one (job, restart,
 * step) that do not touch in time are of several lives of the job's id. Lines are rated as receipts come (rated.h), use is summed
 * by day (usage.h). */
static const char schema_flat[] =
	"ALTER TABLE batch ADD COLUMN first_line INTEGER NOT NULL DEFAULT 0;" /* while it is closing: which lines it takes */
	"ALTER TABLE batch ADD COLUMN last_line INTEGER NOT NULL DEFAULT 0;"
	"DROP INDEX record_ended; ALTER TABLE record RENAME TO old_record; ALTER TABLE line RENAME TO old_line;"
	"DROP INDEX line_record; DROP INDEX line_open; DROP INDEX line_batch; ALTER TABLE receipt RENAME TO old_receipt;"
	"CREATE TABLE record(id INTEGER PRIMARY KEY, job INTEGER NOT NULL, submit INTEGER NOT NULL, cluster TEXT NOT NULL,"
	" nth INTEGER NOT NULL," /* of its (job, submit, cluster), as they came */
	" restart INTEGER NOT NULL, segment INTEGER NOT NULL, resizing INTEGER NOT NULL, state INTEGER NOT NULL,"
	" started INTEGER NOT NULL, ended INTEGER NOT NULL, billable INTEGER NOT NULL, state_ppm INTEGER NOT NULL,"
	" status INTEGER NOT NULL, flags INTEGER NOT NULL, parted INTEGER NOT NULL," /* by a resize */
	" first_line INTEGER NOT NULL, last_line INTEGER NOT NULL," /* ids; none where the last is lower */
	" cpu_seconds INTEGER NOT NULL, gpu_seconds INTEGER NOT NULL, cpu_ms INTEGER, gpu_ms INTEGER, account TEXT NOT NULL,"
	" user TEXT NOT NULL, partition TEXT NOT NULL, reason TEXT, erased INTEGER, body BLOB NOT NULL);"
	"CREATE TABLE line(id INTEGER PRIMARY KEY, record INTEGER NOT NULL, kind INTEGER NOT NULL, payer INTEGER NOT NULL,"
	" payee INTEGER NOT NULL, cpus INTEGER NOT NULL, gpus INTEGER NOT NULL, ended INTEGER NOT NULL, batch INTEGER,"
	" held INTEGER NOT NULL DEFAULT 0, verified INTEGER, useful INTEGER, quality INTEGER, quality_reason INTEGER,"
	" penalty INTEGER NOT NULL DEFAULT 0, node TEXT NOT NULL, asset TEXT NOT NULL, gross BLOB NOT NULL, charged BLOB, act TEXT, leaf BLOB);"
	/* lines that are or were open with an id below the floor, or taken by another batch than the one of their neighbours */
	"CREATE TABLE late_line(id INTEGER PRIMARY KEY);"
	"CREATE TABLE receipt(job INTEGER NOT NULL, restart INTEGER NOT NULL, cluster TEXT NOT NULL, node TEXT NOT NULL,"
	" step INTEGER NOT NULL, life INTEGER NOT NULL, uid INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL, cpus INTEGER,"
	" cpu_ms INTEGER, mem_peak_mib INTEGER, gpus INTEGER, gpu_ms INTEGER, energy_mj INTEGER, read_mib INTEGER,"
	" determinism INTEGER NOT NULL, received INTEGER NOT NULL, PRIMARY KEY(job, restart, cluster, node, step, life)) WITHOUT ROWID;"
	"CREATE TABLE usage(day INTEGER NOT NULL, account TEXT NOT NULL, user TEXT NOT NULL, runs INTEGER NOT NULL,"
	" cpu_seconds INTEGER NOT NULL, gpu_seconds INTEGER NOT NULL, cpu_runs INTEGER NOT NULL, cpu_metered INTEGER NOT NULL,"
	" cpu_ms INTEGER NOT NULL, gpu_runs INTEGER NOT NULL, gpu_metered INTEGER NOT NULL, gpu_ms INTEGER NOT NULL,"
	" charge BLOB NOT NULL, PRIMARY KEY(day, account, user)) WITHOUT ROWID;"
	"";

static const char schema_copy[] =
	"INSERT INTO line(id, record, kind, payer, payee, cpus, gpus, ended, batch, held, verified, useful, quality, quality_reason,"
	" penalty, node, asset, gross, charged, act, leaf) SELECT id, record, kind, payer, payee, cpus, gpus, ended, batch, held, verified, useful,"
	" quality, quality_reason, penalty, node, asset, gross, charged, act, leaf FROM old_line ORDER BY id;"
	"INSERT INTO record(id, job, submit, cluster, nth, restart, segment, resizing, state, started, ended, billable, state_ppm, status,"
	" flags, parted, first_line, last_line, cpu_seconds, gpu_seconds, account, user, partition, reason, erased, body)"
	" SELECT id, job, submit, cluster, row_number() OVER (PARTITION BY cluster, job, submit ORDER BY id) - 1, restart, segment,"
	" resizing, state, started, ended, billable, state_ppm, status, flags,"
	" max(resizing) OVER (PARTITION BY cluster, job, submit, restart), coalesce(first, 0), coalesce(last, -1),"
	" cpu_seconds, gpu_seconds, account, user, partition, reason, erased, body FROM old_record"
	" LEFT JOIN (SELECT record, min(id) first, max(id) last FROM old_line GROUP BY record) ON record=old_record.id ORDER BY id;"
	"INSERT INTO receipt(job, restart, cluster, node, step, life, uid, start, end, cpus, cpu_ms, mem_peak_mib, gpus, gpu_ms, energy_mj,"
	" read_mib, determinism, received) SELECT job, restart, cluster, node, step, 0, uid, start, end, cpus, cpu_ms, mem_peak_mib, gpus,"
	" gpu_ms, energy_mj, read_mib, determinism, received FROM old_receipt;"
	"DROP TABLE old_line; DROP TABLE old_record; DROP TABLE old_receipt;"
	"CREATE UNIQUE INDEX record_key ON record(job, submit, cluster, nth);"
	"CREATE INDEX record_ended ON record(ended);"
	/* every line that no batch holds */
	"CREATE VIEW open_line AS SELECT * FROM line WHERE id>=(SELECT value FROM meta WHERE key='open_floor') AND batch IS NULL"
	" UNION ALL SELECT l.* FROM late_line t CROSS JOIN line l ON l.id=t.id WHERE l.id<(SELECT value FROM meta WHERE key='open_floor')"
	" AND l.batch IS NULL;"
	/* every line that one holds: ask for it WHERE batch= */
	"CREATE VIEW taken_line AS SELECT l.* FROM batch b CROSS JOIN line l ON l.batch=b.id AND l.id BETWEEN b.first_line AND b.last_line"
	" UNION ALL SELECT l.* FROM late_line t CROSS JOIN line l ON l.id=t.id JOIN batch b ON b.id=l.batch WHERE"
	" l.id NOT BETWEEN b.first_line AND b.last_line;"
	"INSERT OR REPLACE INTO meta(key, value) SELECT 'open_floor', coalesce(min(id), (SELECT coalesce(max(id), 0) + 1 FROM line)) FROM line"
	" WHERE batch IS NULL;"
	"UPDATE batch SET first_line=coalesce((SELECT min(id) FROM line WHERE batch=batch.id), 0), last_line=coalesce((SELECT max(id) FROM"
	" line WHERE batch=batch.id), -1);"
	"PRAGMA user_version=5;";

/* What an asset was made from, and what the ledger says of it besides (lineage.h); NULL: aic.yaml's, made from nothing. */
static const char schema_lineage[] =
	"ALTER TABLE asset ADD COLUMN lineage BLOB;"
	"PRAGMA user_version=6;";

/* Nodes' batches as they came, until their receipts are sorted in (receipt_batch.c). */
static const char schema_waiting[] =
	"CREATE TABLE receipt_batch(id INTEGER PRIMARY KEY, at INTEGER NOT NULL, n INTEGER NOT NULL, body BLOB NOT NULL);"
	"PRAGMA user_version=7;";

/* Which jobs the lines are of, in blocks of AIC_SPAN_LINES (spans.h). */
static const char schema_spans[] =
	"CREATE TABLE job_span(block INTEGER NOT NULL, cluster TEXT NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL,"
	" PRIMARY KEY(block, cluster)) WITHOUT ROWID;"
	"INSERT INTO job_span SELECT l.id / 65536, r.cluster, min(r.job), max(r.job) FROM line l JOIN record r ON r.id=l.record"
	" GROUP BY 1, 2;"
	"PRAGMA user_version=8;";

/* What GPM said of a step's GPUs (aic_gpu_activity). */
static const char schema_activity[] =
	"ALTER TABLE receipt ADD COLUMN gpu_samples INTEGER NOT NULL DEFAULT 0; ALTER TABLE receipt ADD COLUMN sm_ppm INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE receipt ADD COLUMN sm_sd_ppm INTEGER NOT NULL DEFAULT 0; ALTER TABLE receipt ADD COLUMN tensor_ppm INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE receipt ADD COLUMN tensor_sd_ppm INTEGER NOT NULL DEFAULT 0;"
	"PRAGMA user_version=9;";

/* Training sessions of this site (sessions.h). line.held has AIC_HELD_SESSION where a line waits for one. */
static const char schema_sessions[] =
	"CREATE TABLE session(id INTEGER PRIMARY KEY, token BLOB NOT NULL, uid INTEGER NOT NULL, account TEXT NOT NULL, run INTEGER NOT NULL,"
	" class INTEGER NOT NULL, spec BLOB NOT NULL, data BLOB NOT NULL, code BLOB NOT NULL, asked INTEGER NOT NULL,"
	" session BLOB UNIQUE, entropy BLOB," /* NULL until it is known to stand on the ledger */
	" committed INTEGER NOT NULL DEFAULT 0," /* when the last checkpoint was */
	" steps INTEGER NOT NULL DEFAULT 0, end INTEGER, closing INTEGER NOT NULL DEFAULT 0," /* the ledger has its end */
	/* as the ledger said last, of what is final there */
	" state INTEGER NOT NULL DEFAULT 0, counts_as INTEGER NOT NULL, checkpoints INTEGER NOT NULL DEFAULT 0,"
	" closed INTEGER NOT NULL DEFAULT 0, decided INTEGER NOT NULL DEFAULT 0, appeals INTEGER NOT NULL DEFAULT 0, segments TEXT,"
	" verifier BLOB, third BLOB, result INTEGER, segment INTEGER, step INTEGER,"
	" settled INTEGER NOT NULL DEFAULT 0," /* nothing of it changes any more */
	" changed INTEGER NOT NULL DEFAULT 0," /* not 0: its lines are to be looked at */
	" UNIQUE(token, class));"
	"CREATE INDEX session_unsettled ON session(settled) WHERE settled=0;"
	"CREATE INDEX session_changed ON session(changed) WHERE changed<>0;"
	/* Where it ran, and what it held there: GPUs as [* [type, count]] */
	"CREATE TABLE session_node(job INTEGER NOT NULL, cluster TEXT NOT NULL, restart INTEGER NOT NULL, session INTEGER NOT NULL,"
	" node TEXT NOT NULL, key BLOB NOT NULL, provider TEXT NOT NULL, since INTEGER NOT NULL, until INTEGER NOT NULL DEFAULT 0,"
	" cpus INTEGER NOT NULL, mem_mib INTEGER NOT NULL, gpus BLOB NOT NULL, PRIMARY KEY(job, cluster, restart, session, node)) WITHOUT ROWID;"
	"CREATE INDEX session_node_of ON session_node(session);"
	/* What it may add to each provider's rating: 0 not yet, 1 added, 2 not: why */
	"CREATE TABLE session_fee(session INTEGER NOT NULL, provider TEXT NOT NULL, fee BLOB NOT NULL, state INTEGER NOT NULL DEFAULT 0,"
	" height INTEGER, why TEXT, PRIMARY KEY(session, provider)) WITHOUT ROWID;"
	"CREATE INDEX session_unpaid ON session_fee(session) WHERE state=0;"
	/* Nodes on which a site-run session was refuted: not lent until an administrator clears them */
	"CREATE TABLE barred_node(node TEXT PRIMARY KEY, session BLOB NOT NULL, since INTEGER NOT NULL, reason TEXT NOT NULL) WITHOUT ROWID;"
	"PRAGMA user_version=10;";

/* Rates what earlier versions left to the closing, and sums up what was used. */
static aic_code rate_records(aic_store *s, aic_error *err)
{
	int64_t id = 0;
	aic_code rc;

	while ((rc = aic_sql_int(s->db, &id, err, "SELECT id FROM record WHERE id>?1 ORDER BY id LIMIT 1", "i",
	                         id)) == AIC_OK)
		if ((rc = aic_usage_count(s->usage, s->db, id, true, err)) != AIC_OK)
			return rc;
	rc = rc == AIC_NOT_FOUND ? aic_rate_all(s, err) : rc;
	if (rc == AIC_OK)
		rc = aic_sql_script(s->db, "UPDATE line SET verified=500000, useful=1000000, quality=500000, quality_reason=0"
		                    " WHERE record=0 AND batch IS NULL", err);
	return rc == AIC_OK ? aic_usage_write(s->usage, s->db, err) : rc;
}

/* Each brings a database of the version before to its own. */
static const struct {
	int version;
	const char *script;
} schemas[] = {
	{1, schema_jobs}, {1, schema_money}, {2, schema_acts}, {3, schema_index}, {4, schema_review}, {5, schema_flat},
	{5, schema_copy}, {6, schema_lineage}, {7, schema_waiting}, {8, schema_spans},
	{9, schema_activity}, {10, schema_sessions},
};

static aic_code bring_up(aic_store *s, int64_t version, aic_error *err)
{
	aic_code rc = AIC_OK;

	for (size_t i = 0; i < sizeof(schemas) / sizeof(schemas[0]) && rc == AIC_OK; i++)
		if (version < schemas[i].version)
			rc = aic_sql_script(s->db, schemas[i].script, err);
	return rc == AIC_OK && version > 0 && version < 5 ? rate_records(s, err) : rc;
}

aic_code aic_schema_open(aic_store *s, const char *path, aic_error *err)
{
	int64_t version = 0;
	/* pages of 8 KiB where the file is new: half as many calls to write them */
	aic_code rc = aic_sql_script(s->db, "PRAGMA page_size=8192; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
	                                    "PRAGMA foreign_keys=OFF; PRAGMA cache_size=-65536;"
	                                    "PRAGMA wal_autocheckpoint=2000;", err);

	if (rc == AIC_OK)
		rc = aic_sql_int(s->db, &version, err, "PRAGMA user_version", "");
	if (rc != AIC_OK)
		return rc;
	if (version > SCHEMA_VERSION)
		return aic_fail(err, AIC_REFUSED, "%s has schema %lld, this aicacctd knows up to %d: install the newer version"
		                " again", path, (long long)version, SCHEMA_VERSION);
	if (version == SCHEMA_VERSION)
		return AIC_OK;
	rc = aic_sql_begin(s->db, err);
	if (rc == AIC_OK)
		rc = bring_up(s, version, err);
	if (rc == AIC_OK)
		rc = aic_sql_commit(s->db, err);
	if (rc != AIC_OK)
		aic_sql_rollback(s->db);
	aic_usage_forget(s->usage);
	return rc;
}
