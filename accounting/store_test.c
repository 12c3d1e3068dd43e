/* The store's file: versions, damage, and wallets that are rolled back with their transaction. */
#define _GNU_SOURCE
#include "common/testing.h"

#include <unistd.h>

#include "accounting/fixture.h"
#include "accounting/command/doctor.h"

static void path_of(fixture *f, char path[300])
{
	snprintf(path, 300, "%s/accounting.db", f->folder);
}

static void close_store(fixture *f)
{
	aic_registry_close(f->registry);
	aic_store_close(f->store);
	f->registry = NULL;
	f->store = NULL;
}

/* As version 3 left it, and the first before it: no acts, no audit log, lines rated when a batch takes them. */
static const char back[] =
	"DROP TABLE session; DROP TABLE session_node; DROP TABLE session_fee; DROP TABLE barred_node;"
	"DROP VIEW open_line; DROP VIEW taken_line; DROP TABLE late_line; DROP INDEX record_key; DROP INDEX record_ended;"
	"ALTER TABLE record RENAME TO r; ALTER TABLE line RENAME TO l; ALTER TABLE receipt RENAME TO c;"
	"CREATE TABLE record(id INTEGER PRIMARY KEY, cluster TEXT NOT NULL, job INTEGER NOT NULL, submit INTEGER NOT NULL,"
	" restart INTEGER NOT NULL, segment INTEGER NOT NULL, resizing INTEGER NOT NULL, account TEXT NOT NULL,"
	" user TEXT NOT NULL, partition TEXT NOT NULL, state INTEGER NOT NULL, started INTEGER NOT NULL,"
	" ended INTEGER NOT NULL, billable INTEGER NOT NULL, state_ppm INTEGER NOT NULL, status INTEGER NOT NULL,"
	" reason TEXT, cpu_seconds INTEGER NOT NULL, gpu_seconds INTEGER NOT NULL, flags INTEGER NOT NULL,"
	" body BLOB NOT NULL, UNIQUE(cluster, job, submit, restart, segment, resizing));"
	"CREATE INDEX record_ended ON record(ended);"
	"INSERT INTO record SELECT id, cluster, job, submit, restart, segment, resizing, account, user, partition, state, started, ended,"
	" billable, state_ppm, status, reason, cpu_seconds, gpu_seconds, flags, body FROM r;"
	"CREATE TABLE line(id INTEGER PRIMARY KEY, record INTEGER NOT NULL REFERENCES record, node TEXT NOT NULL,"
	" kind INTEGER NOT NULL, asset TEXT NOT NULL, payer INTEGER NOT NULL, payee INTEGER NOT NULL, gross BLOB NOT NULL,"
	" cpus INTEGER NOT NULL, gpus INTEGER NOT NULL, ended INTEGER NOT NULL, batch INTEGER, fee BLOB, verified INTEGER,"
	" useful INTEGER, quality INTEGER, quality_reason INTEGER);"
	"CREATE INDEX line_record ON line(record); CREATE INDEX line_open ON line(ended) WHERE batch IS NULL;"
	"CREATE INDEX line_batch ON line(batch) WHERE batch IS NOT NULL;"
	"INSERT INTO line SELECT id, record, node, kind, asset, payer, payee, gross, cpus, gpus, ended, batch, NULL, NULL, NULL, NULL, NULL FROM l;"
	"CREATE TABLE receipt(cluster TEXT NOT NULL, job INTEGER NOT NULL, restart INTEGER NOT NULL, node TEXT NOT NULL,"
	" step INTEGER NOT NULL, uid INTEGER NOT NULL, start INTEGER NOT NULL, end INTEGER NOT NULL, cpus INTEGER,"
	" cpu_ms INTEGER, mem_peak_mib INTEGER, gpus INTEGER, gpu_ms INTEGER, energy_mj INTEGER, read_mib INTEGER,"
	" determinism INTEGER NOT NULL, received INTEGER NOT NULL, PRIMARY KEY(cluster, job, restart, node, step)) WITHOUT ROWID;"
	"INSERT INTO receipt SELECT cluster, job, restart, node, step, uid, start, end, cpus, cpu_ms, mem_peak_mib, gpus, gpu_ms, energy_mj,"
	" read_mib, determinism, received FROM c;"
	"DROP TABLE l; DROP TABLE r; DROP TABLE c; DROP TABLE usage; DELETE FROM meta WHERE key='open_floor';"
	"ALTER TABLE asset DROP COLUMN lineage; ALTER TABLE batch DROP COLUMN first_line; ALTER TABLE batch DROP COLUMN last_line;"
	"DROP TABLE job_span; DROP TABLE receipt_batch; DROP TABLE audit; DROP TABLE approved; DROP TABLE refund; DROP TABLE storage; DROP TABLE storage_line; DROP TABLE storage_part;"
	"DROP TABLE erasure; CREATE TABLE approval(batch INTEGER NOT NULL, uid INTEGER NOT NULL, hash BLOB NOT NULL, at INTEGER NOT NULL,"
	" PRIMARY KEY(batch, uid)) WITHOUT ROWID; INSERT INTO approval VALUES(1, 7, x'0102', 5); PRAGMA user_version=1;";

static void an_old_store_is_brought_up(void **state)
{
	fixture *f = *state;
	aic_job_record r = fixture_record(1, 7200), more = fixture_record(2, 3600), again = fixture_record(2, 3600);
	int64_t found = 0;
	aic_error err = {0};
	aic_batch b;

	again.restart = 1;
	fixture_ingest(f, &r);
	fixture_ingest(f, &more);
	fixture_ingest(f, &again);
	fixture_receipt(f, &r, "n1", 1000, 2 * 7200 * 400);
	if (aic_sql_script(f->store->db, back, &err) != AIC_OK)
		fail_msg("%s", err.message);
	fixture_reopen(f);
	assert_int_equal(aic_sql_int(f->store->db, &found, NULL, "PRAGMA user_version", ""), AIC_OK);
	assert_true(found >= 5);
	assert_int_equal(aic_sql_int(f->store->db, &found, NULL, "SELECT at FROM approved WHERE hash=x'0102' AND uid=7", ""), AIC_OK);
	assert_int_equal(found, 5);
	char *lines = fixture_lines(f, 1);
	assert_string_equal(lines, "n1 hardware account/physics provider/lab-one 4.285 open\n");
	free(lines);
	assert_int_equal(aic_sql_int(f->store->db, &found, NULL, "SELECT quality FROM line WHERE record=1", ""), AIC_OK);
	assert_int_equal(found, 400000);
	assert_int_equal(aic_sql_int(f->store->db, &found, NULL, "SELECT runs * 1000000 + cpu_ms FROM usage", ""), AIC_OK);
	assert_int_equal(found, 3001000);
	assert_int_equal(fixture_ingest(f, &r), AIC_INGEST_EQUAL);
	assert_int_equal(fixture_ingest(f, &again), AIC_INGEST_EQUAL);
	if (aic_batch_close(&f->batches, "1970-W01", 0, 1000000, 100000, 0, 5, &b, &err) != AIC_OK)
		fail_msg("%s", err.message);
	assert_int_equal(b.lines, 3);
	aic_job_record_clear(&r);
	aic_job_record_clear(&more);
	aic_job_record_clear(&again);
}

static void a_newer_store_is_refused(void **state)
{
	fixture *f = *state;
	aic_error err = {0};
	char path[300];

	assert_int_equal(aic_sql_script(f->store->db, "PRAGMA user_version=99", &err), AIC_OK);
	close_store(f);
	path_of(f, path);
	assert_int_equal(aic_store_open(&f->store, path, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "has schema 99, this aicacctd knows up to"));
}

static void a_damaged_store_says_so(void **state)
{
	fixture *f = *state;
	aic_error err = {0};
	char path[300];

	close_store(f);
	path_of(f, path);
	FILE *file = fopen(path, "r+");
	assert_non_null(file);
	fputs("this is no database", file);
	fclose(file);
	assert_int_equal(aic_store_open(&f->store, path, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "restore it from a backup"));
}

static void a_rollback_takes_wallets_along(void **state)
{
	fixture *f = *state;
	aic_wallet_row *w;
	size_t before = f->store->n_wallets;

	assert_int_equal(aic_store_begin(f->store, NULL), AIC_OK);
	assert_int_equal(aic_store_wallet(f->store, "account/new", &w, NULL), AIC_OK);
	aic_store_owe(w, 5);
	aic_store_rollback(f->store);
	assert_int_equal(f->store->n_wallets, before);
	assert_null(aic_store_wallet_find(f->store, "account/new"));
	assert_int_equal(aic_store_begin(f->store, NULL), AIC_OK);
	for (int i = 0; i < 1000; i++) {
		char name[32];
		snprintf(name, sizeof(name), "account/a%d", i);
		assert_int_equal(aic_store_wallet(f->store, name, &w, NULL), AIC_OK);
		aic_store_owe(w, (aic_amount)i);
	}
	assert_int_equal(aic_store_commit(f->store, NULL), AIC_OK);
	fixture_reopen(f);
	assert_true(aic_store_wallet_find(f->store, "account/a777")->unsettled == 777);
	assert_int_equal(aic_store_unowe(aic_store_wallet_find(f->store, "account/a7"), 8, NULL), AIC_CORRUPT);
}

/* Version of a plugin, read from its file without loading it. */
static void a_constant_of_a_shared_object(void **state)
{
	uint32_t value = 0;

	(void)state;
	assert_false(aic_elf_constant("/nonexistent", "plugin_version", &value));
	assert_false(aic_elf_constant("/etc/passwd", "plugin_version", &value));
	assert_false(aic_elf_constant("/proc/self/exe", "no_such_symbol", &value));
	static const char *const slurm[] = {"/usr/lib/x86_64-linux-gnu/slurm-wlm/jobcomp_none.so", "/usr/lib/x86_64-linux-gnu/slurm-wlm/jobcomp_filetxt.so"};
	for (size_t i = 0; i < 2; i++)
		if (!access(slurm[i], R_OK)) {
			assert_true(aic_elf_constant(slurm[i], "plugin_version", &value));
			assert_true(value >> 16 >= 20 && value >> 16 < 40);
		}
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, fixture_open, fixture_close)
	const struct CMUnitTest tests[] = {
		T(an_old_store_is_brought_up), T(a_newer_store_is_refused), T(a_damaged_store_says_so), T(a_rollback_takes_wallets_along),
		cmocka_unit_test(a_constant_of_a_shared_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
