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

/* As the first version left it: no acts, no audit log, open lines by their end. */
static void an_old_store_is_brought_up(void **state)
{
	static const char back[] = "DROP TABLE audit; DROP INDEX line_open; ALTER TABLE line DROP COLUMN held; ALTER TABLE line DROP COLUMN act;"
	                           "ALTER TABLE line DROP COLUMN charged; CREATE INDEX line_open ON line(ended) WHERE batch IS NULL;"
	                           "ALTER TABLE line DROP COLUMN penalty; ALTER TABLE line DROP COLUMN leaf; ALTER TABLE record DROP COLUMN erased;"
	                           "DROP TABLE approved; DROP TABLE refund; DROP TABLE storage; DROP TABLE storage_line; DROP TABLE storage_part; DROP TABLE erasure;"
	                           "CREATE TABLE approval(batch INTEGER NOT NULL, uid INTEGER NOT NULL, hash BLOB NOT NULL, at INTEGER NOT NULL,"
	                           " PRIMARY KEY(batch, uid)) WITHOUT ROWID; INSERT INTO approval VALUES(1, 7, x'0102', 5);"
	                           "PRAGMA user_version=1;";
	fixture *f = *state;
	aic_job_record r = fixture_record(1, 7200);
	int64_t version = 0;
	aic_error err = {0};

	fixture_ingest(f, &r);
	if (aic_sql_script(f->store->db, back, &err) != AIC_OK)
		fail_msg("%s", err.message);
	fixture_reopen(f);
	assert_int_equal(aic_sql_int(f->store->db, &version, NULL, "PRAGMA user_version", ""), AIC_OK);
	assert_true(version >= 4);
	assert_int_equal(aic_sql_int(f->store->db, &version, NULL, "SELECT at FROM approved WHERE hash=x'0102' AND uid=7", ""), AIC_OK);
	assert_int_equal(version, 5);
	char *lines = fixture_lines(f, 1);
	assert_string_equal(lines, "n1 hardware account/physics provider/lab-one 4.285 open\n");
	free(lines);
	aic_job_record_clear(&r);
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
