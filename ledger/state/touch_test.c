/* touch_test.c: which blocks concern a wallet, against a plain table of the same, through many joined runs. */
#define _GNU_SOURCE
#include "ledger/testing.h"

#include "ledger/state/touch.h"

#define WALLETS 12
#define HEIGHTS 1200 /* four levels of runs */

static bool touched[HEIGHTS][WALLETS];

static aic_address wallet(unsigned i)
{
	aic_address a = {{0}};

	a.b[0] = (uint8_t)(i * 20);
	a.b[19] = (uint8_t)i;
	return a;
}

static void add_height(aic_touch *t, uint64_t height, uint64_t *seed)
{
	aic_address list[WALLETS];
	size_t n = 0;

	for (unsigned i = 0; i < WALLETS; i++) {
		/* wallet 0 rarely, wallet 11 never */
		touched[height][i] = i < 11 && test_random(seed) % (i ? 3 + i : 400) == 0;
		if (touched[height][i])
			list[n++] = wallet(i);
	}
	assert_ok(aic_touch_add(t, height, list, n, err));
}

static void assert_finds(aic_touch *t, unsigned i, uint64_t from, uint64_t top)
{
	uint64_t expected = from < top ? from : top, height = 0;
	aic_address a = wallet(i);
	aic_code code = aic_touch_find(t, &a, from, &height, NULL);

	while (expected && !touched[expected][i])
		expected--;
	if (!touched[expected][i]) {
		assert_int_equal(code, AIC_NOT_FOUND);
		return;
	}
	assert_int_equal(code, AIC_OK);
	assert_int_equal(height, expected);
}

static void test_finds_what_was_added(void **state)
{
	sqlite3 *db;
	aic_touch *t;
	uint64_t seed = 21;
	aic_address none = {{0xff}};
	uint64_t height;

	(void)state;
	assert_ok(aic_db_open(&db, ":memory:", AIC_DB_SCRATCH, err));
	assert_ok(aic_touch_open(&t, db, err));
	assert_int_equal(aic_touch_find(t, &none, 5, &height, NULL), AIC_NOT_FOUND);
	for (uint64_t h = 0; h < HEIGHTS; h++) {
		add_height(t, h, &seed);
		if (h % 97 == 0 || h == HEIGHTS - 1)
			for (unsigned i = 0; i < WALLETS; i++)
				for (int k = 0; k < 20; k++)
					assert_finds(t, i, test_random(&seed) % (h + 3), h);
	}
	aic_touch_close(t);
	assert_ok(aic_touch_open(&t, db, err));
	for (unsigned i = 0; i < WALLETS; i++)
		for (uint64_t from = 0; from < HEIGHTS; from += 7)
			assert_finds(t, i, from, HEIGHTS - 1);
	aic_touch_close(t);
	aic_db_close(db);
}

/* Joined runs stay few, whatever the number of blocks. */
static void test_runs_are_few(void **state)
{
	sqlite3 *db;
	sqlite3_stmt *s;
	aic_touch *t;
	aic_address a = wallet(1);

	(void)state;
	assert_ok(aic_db_open(&db, ":memory:", AIC_DB_SCRATCH, err));
	assert_ok(aic_touch_open(&t, db, err));
	for (uint64_t h = 0; h < 5000; h++)
		assert_ok(aic_touch_add(t, h, &a, 1, err));
	assert_ok(aic_db_prepare(db, &s, "SELECT count(*) FROM touch", err));
	assert_ok(aic_db_step(db, s, err));
	assert_in_range(sqlite3_column_int(s, 0), 1, 4 * (AIC_TOUCH_RUNS - 1));
	sqlite3_finalize(s);
	aic_touch_close(t);
	aic_db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_finds_what_was_added),
		cmocka_unit_test(test_runs_are_few),
	};

	return cmocka_run_group_tests_name("ledger touched wallets", tests, NULL, NULL);
}
