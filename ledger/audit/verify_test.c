/* verify_test.c: a clean copy verifies; every changed byte of what is stored is found, the height named. */
#define _GNU_SOURCE
#include "ledger/testing.h"

#include "ledger/audit/verify.h"

#define BLOCKS 5

static int make_copy(void **state)
{
	test_site s;
	aic_error err = {0};
	aic_settlement_line l = {.payer = test_wallet(0), .payee = test_wallet(1), .n = 1, .gross = AIC_UNIT, .fee = AIC_UNIT / 10,
	                         .stake = AIC_UNIT / 10 * 900000};

	if (test_folder_make(state) || test_site_open(&s, *state, &err))
		return -1;
	for (unsigned i = 0; i < BLOCKS - 1; i++)
		if (test_transfer(&s, i, i + 1, i + 1, &err))
			return -1;
	if (test_settle(&s, "p", 1, &l, 1, &err))
		return -1;
	test_site_close(&s);
	return 0;
}

static aic_code verify(const char *dir, aic_error *err)
{
	aic_verified v;

	return aic_ledger_verify(dir, dir, NULL, NULL, &v, err);
}

static sqlite3 *open_file(const char *dir, const char *name)
{
	char path[300];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_ok(aic_db_open(&db, path, AIC_DB_DURABLE, err));
	return db;
}

static void test_clean(void **state)
{
	aic_verified v;

	assert_ok(aic_ledger_verify(*state, *state, NULL, NULL, &v, err));
	assert_int_equal(v.blocks, BLOCKS + 1);
	assert_int_equal(v.transactions, BLOCKS);
	assert_int_equal(v.attestations, BLOCKS + 1);
	assert_true(v.rows > TEST_WALLETS);
}

static void write_back(sqlite3 *db, sqlite3_stmt *w, const aic_bytes *data, int64_t height)
{
	sqlite3_bind_blob(w, 1, data->data, (int)data->len, SQLITE_STATIC);
	sqlite3_bind_int64(w, 2, height);
	assert_ok(aic_db_run(db, w, err));
}

/* Flips one bit of each byte of `column` in turn, in the row of each height. */
static void flip_all(const char *dir, const char *file, const char *table, const char *column, int step)
{
	sqlite3 *db = open_file(dir, file);
	char *read = aic_xasprintf("SELECT height, %s FROM %s ORDER BY height", column, table);
	char *write = aic_xasprintf("UPDATE %s SET %s = ?1 WHERE height = ?2", table, column);
	sqlite3_stmt *r, *w;
	int n = 0;

	assert_ok(aic_db_prepare(db, &w, write, err));
	for (int64_t height = 0; height <= BLOCKS; height++) {
		aic_bytes data = {0};
		char expected[32];

		assert_ok(aic_db_prepare(db, &r, read, err));
		while (aic_db_step(db, r, NULL) == AIC_OK)
			if (sqlite3_column_int64(r, 0) == height)
				aic_db_column(r, 1, &data);
		sqlite3_finalize(r);
		snprintf(expected, sizeof(expected), "height %lld", (long long)height);
		for (size_t i = 0; i < data.len; i += (size_t)step, n++) {
			data.data[i] ^= (uint8_t)(1 << i % 8);
			write_back(db, w, &data, height);
			assert_fails(verify(dir, err), AIC_CORRUPT, expected);
			data.data[i] ^= (uint8_t)(1 << i % 8);
		}
		write_back(db, w, &data, height);
		aic_bytes_free(&data);
	}
	assert_true(n > 0);
	sqlite3_finalize(w);
	aic_db_close(db);
	free(read);
	free(write);
	assert_ok(verify(dir, err));
}

static void test_flipped_blocks(void **state)
{
	flip_all(*state, "state.db", "block", "bytes", 1);
}

static void test_flipped_log(void **state)
{
	flip_all(*state, "order.db", "blk", "bytes", 7);
}

static void test_flipped_results(void **state)
{
	flip_all(*state, "state.db", "block", "hash", 3);
	flip_all(*state, "state.db", "block", "root", 3);
	flip_all(*state, "state.db", "block", "events", 5);
	flip_all(*state, "order.db", "att", "bytes", 5);
}

static void damage(const char *dir, const char *file, const char *sql, const char *says)
{
	sqlite3 *db = open_file(dir, file);

	assert_ok(aic_db_exec(db, sql, err));
	aic_db_close(db);
	assert_fails(verify(dir, err), AIC_CORRUPT, says);
}

static void test_missing_block(void **state)
{
	damage(*state, "state.db", "DELETE FROM block WHERE height = 3", "height 3: the block is missing");
}

static void test_valid_called_invalid(void **state)
{
	damage(*state, "state.db", "UPDATE block SET valid = 0 WHERE height = 2", "height 2: a valid block is stored as invalid");
}

static void test_changed_state(void **state)
{
	damage(*state, "state.db",
	       "UPDATE change SET data = substr(data, 1, length(data) - 20) || x'00' || substr(data, length(data) - 18)"
	       " WHERE id = (SELECT max(id) FROM change)",
	       "the rows of the state are not what the blocks lead to");
}

static void test_changed_head(void **state)
{
	damage(*state, "state.db", "UPDATE head SET transactions = 4", "height 5: the stored head");
}

static void test_foreign_attestation(void **state)
{
	damage(*state, "order.db", "INSERT INTO att SELECT height, zeroblob(16), bytes FROM att WHERE height = 4",
	       "height 4: an attestation is by no member site");
}

static void test_nothing_there(void **state)
{
	char *dir = aic_xasprintf("%s/none", (char *)*state);

	assert_fails(verify(dir, err), AIC_SYSTEM, "cannot");
	free(dir);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, make_copy, test_folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_clean),         TEST(test_flipped_blocks), TEST(test_flipped_log), TEST(test_flipped_results),
		TEST(test_missing_block), TEST(test_valid_called_invalid), TEST(test_changed_state), TEST(test_changed_head),
		TEST(test_foreign_attestation), TEST(test_nothing_there),
	};

	return cmocka_run_group_tests_name("ledger verify", tests, NULL, NULL);
}
