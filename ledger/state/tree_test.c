/* tree_test.c: the state tree against a plain recursion over the same set, through changes, deletions, undoing and reopening;
 * and that no changed byte of a page goes unseen. */
#define _GNU_SOURCE
#include "ledger/testing.h"

#include "ledger/state/tree.h"

typedef struct {
	aic_hash key;
	uint8_t value[300];
	size_t len;
	bool there;
} model_row;

#define ROWS 400

static model_row rows[ROWS];

/* H(set) as tree.h writes it down, over the rows whose first `depth` bits agree with those of `like`. */
static int by_key(const void *a, const void *b)
{
	return memcmp(((const model_row *)a)->key.b, ((const model_row *)b)->key.b, AIC_HASH_LEN);
}

static int bit(const aic_hash *h, int depth)
{
	return h->b[depth / 8] >> (7 - depth % 8) & 1;
}

static aic_hash reference(const model_row *r, size_t n, int depth)
{
	uint8_t in[1 + 2 * AIC_HASH_LEN] = {1};
	aic_bytes leaf = {0};
	aic_hash h = {{0}};
	size_t k = 0;

	if (n == 0)
		return h;
	if (n == 1) {
		aic_bytes_append(&leaf, "", 1);
		aic_bytes_append(&leaf, r->key.b, AIC_HASH_LEN);
		aic_bytes_append(&leaf, r->value, r->len);
		h = aic_sha256_of(leaf.data, leaf.len);
		aic_bytes_free(&leaf);
		return h;
	}
	while (k < n && !bit(&r[k].key, depth))
		k++;
	h = reference(r, k, depth + 1);
	memcpy(in + 1, h.b, AIC_HASH_LEN);
	h = reference(r + k, n - k, depth + 1);
	memcpy(in + 1 + AIC_HASH_LEN, h.b, AIC_HASH_LEN);
	return aic_sha256_of(in, sizeof(in));
}

static aic_hash model_root(void)
{
	static model_row sorted[ROWS];
	size_t n = 0;

	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].there)
			sorted[n++] = rows[i];
	qsort(sorted, n, sizeof(*sorted), by_key);
	return reference(sorted, n, 0);
}

static void assert_same(aic_tree *t)
{
	aic_hash root, expected = model_root();

	assert_ok(aic_tree_root(t, &root, err));
	assert_memory_equal(root.b, expected.b, AIC_HASH_LEN);
	for (size_t i = 0; i < ROWS; i++) {
		const uint8_t *value;
		size_t len;
		aic_code code = aic_tree_get(t, &rows[i].key, &value, &len, NULL);

		assert_int_equal(code, rows[i].there ? AIC_OK : AIC_NOT_FOUND);
		if (rows[i].there) {
			assert_int_equal(len, rows[i].len);
			assert_memory_equal(value, rows[i].value, len);
		}
	}
}

/* Every row that is there is proven against the root, and nothing else is. */
static void assert_proven(aic_tree *t)
{
	aic_hash path[AIC_TREE_PATH_MAX], root = model_root();
	size_t n;

	for (size_t i = 0; i < ROWS; i++) {
		aic_code code = aic_tree_prove(t, &rows[i].key, path, &n, NULL);

		assert_int_equal(code, rows[i].there ? AIC_OK : AIC_NOT_FOUND);
		if (code)
			continue;
		assert_true(aic_tree_check(&root, &rows[i].key, rows[i].value, rows[i].len, path, n));
		assert_false(aic_tree_check(&root, &rows[i].key, rows[i].value, rows[i].len + 1, path, n));
		assert_false(aic_tree_check(&root, &rows[(i + 1) % ROWS].key, rows[i].value, rows[i].len, path, n));
		assert_false(n && aic_tree_check(&root, &rows[i].key, rows[i].value, rows[i].len, path, n - 1));
		if (n) {
			path[n / 2].b[i % AIC_HASH_LEN] ^= 1;
			assert_false(aic_tree_check(&root, &rows[i].key, rows[i].value, rows[i].len, path, n));
		}
	}
}

/* Keys share long prefixes on purpose, up to all but the last bit. */
static void make_keys(uint64_t *seed)
{
	for (size_t i = 0; i < ROWS; i++) {
		memset(&rows[i], 0, sizeof(rows[i]));
		for (size_t k = 0; k < AIC_HASH_LEN; k++)
			rows[i].key.b[k] = (uint8_t)test_random(seed);
		if (i % 4 == 1) {
			rows[i].key = rows[i - 1].key;
			int at = (int)(test_random(seed) % 256);
			rows[i].key.b[at / 8] ^= (uint8_t)(0x80 >> at % 8);
		}
	}
	rows[3].key = rows[2].key;
	rows[3].key.b[31] ^= 1;
}

static void change(aic_tree *t, uint64_t *seed)
{
	model_row *r = &rows[test_random(seed) % ROWS];

	if (test_random(seed) % 3 == 0) {
		assert_ok(aic_tree_delete(t, &r->key, err));
		r->there = false;
		return;
	}
	r->len = test_random(seed) % sizeof(r->value);
	for (size_t i = 0; i < r->len; i++)
		r->value[i] = (uint8_t)test_random(seed);
	r->there = true;
	assert_ok(aic_tree_put(t, &r->key, r->value, r->len, err));
}

static void flush(sqlite3 *db, aic_tree *t)
{
	aic_hash root, expected = model_root();

	assert_ok(aic_db_exec(db, "BEGIN", err));
	assert_ok(aic_tree_flush(t, &root, err));
	assert_ok(aic_db_exec(db, "COMMIT", err));
	assert_memory_equal(root.b, expected.b, AIC_HASH_LEN);
}

static void test_random_changes(void **state)
{
	char path[300];
	sqlite3 *db;
	aic_tree *t;
	uint64_t seed = 7;
	static model_row before[ROWS];

	snprintf(path, sizeof(path), "%s/tree.db", (char *)*state);
	assert_ok(aic_db_open(&db, path, AIC_DB_DURABLE, err));
	assert_ok(aic_tree_open(&t, db, true, err));
	make_keys(&seed);
	assert_same(t);
	for (int round = 0; round < 120; round++) {
		aic_tree_limit(t, round % 40 < 20 ? 0 : 1 << 20); /* pages written at every flush, or only logged */
		for (int i = 0; i < 40; i++)
			change(t, &seed);
		assert_same(t);
		flush(db, t);
		if (round % 10 == 0)
			assert_proven(t);
		size_t mark = aic_tree_mark(t);
		memcpy(before, rows, sizeof(rows));
		for (int i = 0; i < 30; i++)
			change(t, &seed);
		if (round % 3 == 0)
			aic_tree_forget(t);
		else
			aic_tree_undo(t, mark);
		memcpy(rows, before, sizeof(rows));
		assert_same(t);
		if (round % 7 == 0) {
			aic_tree_close(t);
			assert_ok(aic_tree_open(&t, db, true, err));
			assert_same(t);
		}
	}
	aic_tree_close(t);
	aic_db_close(db);
}

/* The same set by another way gives the same root: order and history leave nothing behind. */
static void test_history_independence(void **state)
{
	sqlite3 *db;
	aic_tree *t, *u;
	uint64_t seed = 11;
	aic_hash a, b;

	(void)state;
	assert_ok(aic_db_open(&db, ":memory:", AIC_DB_SCRATCH, err));
	assert_ok(aic_tree_open(&t, db, true, err));
	make_keys(&seed);
	for (int i = 0; i < 2000; i++)
		change(t, &seed);
	assert_ok(aic_tree_root(t, &a, err));
	sqlite3 *other;
	assert_ok(aic_db_open(&other, ":memory:", AIC_DB_SCRATCH, err));
	assert_ok(aic_tree_open(&u, other, false, err));
	for (size_t i = ROWS; i-- > 0;)
		if (rows[i].there)
			assert_ok(aic_tree_put(u, &rows[i].key, rows[i].value, rows[i].len, err));
	assert_ok(aic_tree_root(u, &b, err));
	assert_memory_equal(a.b, b.b, AIC_HASH_LEN);
	aic_tree_close(t);
	aic_tree_close(u);
	aic_db_close(db);
	aic_db_close(other);
}

static bool root_is(sqlite3 *db, const aic_hash *root)
{
	aic_tree *t;
	aic_hash got;
	uint64_t n;
	aic_code code = aic_tree_open(&t, db, true, NULL);

	if (!code) {
		code = aic_tree_audit(t, &got, &n, NULL);
		aic_tree_close(t);
	}
	return !code && aic_hash_equal(&got, root);
}

static void write_back(sqlite3 *db, sqlite3_stmt *write, const aic_bytes *data, int64_t id)
{
	sqlite3_bind_blob(write, 1, data->data, (int)data->len, SQLITE_STATIC);
	sqlite3_bind_int64(write, 2, id);
	assert_ok(aic_db_run(db, write, err));
}

/* Returns how many bytes were flipped. */
static size_t flip_all(sqlite3 *db, const char *table, const aic_hash *root)
{
	sqlite3_stmt *all, *write;
	char sql[128];
	size_t flips = 0;

	snprintf(sql, sizeof(sql), "CREATE TEMP TABLE copy AS SELECT id, data FROM %s", table);
	assert_ok(aic_db_exec(db, sql, err));
	snprintf(sql, sizeof(sql), "UPDATE %s SET data = ? WHERE id = ?", table);
	assert_ok(aic_db_prepare(db, &write, sql, err));
	assert_ok(aic_db_prepare(db, &all, "SELECT id, data FROM copy", err));
	while (aic_db_step(db, all, NULL) == AIC_OK) {
		aic_bytes data = {0};

		aic_db_column(all, 1, &data);
		for (size_t i = 0; i < data.len; i += 5, flips++) {
			data.data[i] ^= 0x20;
			write_back(db, write, &data, sqlite3_column_int64(all, 0));
			assert_false(root_is(db, root));
			data.data[i] ^= 0x20;
		}
		write_back(db, write, &data, sqlite3_column_int64(all, 0));
		aic_bytes_free(&data);
	}
	sqlite3_finalize(all);
	sqlite3_finalize(write);
	assert_ok(aic_db_exec(db, "DROP TABLE copy", err));
	assert_true(root_is(db, root));
	return flips;
}

/* Every fifth byte of every page, then of the log of changes, is flipped in turn: each is found. */
static void test_every_flip_is_found(void **state)
{
	sqlite3 *db;
	aic_tree *t;
	uint64_t seed = 3;
	aic_hash root;

	(void)state;
	assert_ok(aic_db_open(&db, ":memory:", AIC_DB_SCRATCH, err));
	assert_ok(aic_tree_open(&t, db, true, err));
	make_keys(&seed);
	for (int i = 0; i < 200; i++)
		change(t, &seed);
	aic_tree_limit(t, 0); /* the log empties after two passes of sixteen flushes each */
	for (int i = 0; i < 34; i++)
		flush(db, t);
	root = model_root();
	assert_true(flip_all(db, "page", &root) > 500);
	assert_int_equal(flip_all(db, "change", &root), 0);
	aic_tree_limit(t, 1 << 20);
	for (int i = 0; i < 20; i++)
		change(t, &seed);
	flush(db, t);
	aic_tree_close(t);
	root = model_root();
	assert_true(flip_all(db, "change", &root) > 200);
	aic_db_close(db);
}

/* More rows than stay in memory: pages come and go, the root stays right. */
static void test_more_than_memory(void **state)
{
	char path[300];
	sqlite3 *db;
	aic_tree *t;
	uint64_t seed = 5;
	aic_hash root, again, key;
	const uint8_t *value;
	size_t len;

	snprintf(path, sizeof(path), "%s/large.db", (char *)*state);
	assert_ok(aic_db_open(&db, path, AIC_DB_SCRATCH, err));
	assert_ok(aic_tree_open(&t, db, true, err));
	aic_tree_limit(t, 4 << 20);
	for (uint64_t i = 0; i < 300000; i++) {
		key = aic_sha256_of(&i, sizeof(i));
		assert_ok(aic_tree_put(t, &key, &i, sizeof(i), err));
		if (i % 20000 == 19999)
			assert_ok(aic_tree_flush(t, &root, err));
	}
	for (int i = 0; i < 2000; i++) {
		uint64_t k = test_random(&seed) % 300000;

		key = aic_sha256_of(&k, sizeof(k));
		assert_ok(aic_tree_get(t, &key, &value, &len, err));
		assert_memory_equal(value, &k, sizeof(k));
	}
	uint64_t n, one = 1;
	aic_hash way[AIC_TREE_PATH_MAX];
	key = aic_sha256_of(&one, sizeof(one));
	assert_ok(aic_tree_prove(t, &key, way, &len, err));
	assert_true(aic_tree_check(&root, &key, &one, sizeof(one), way, len));
	assert_in_range(len, 12, 40);
	assert_ok(aic_tree_audit(t, &again, &n, err));
	assert_int_equal(n, 300000);
	assert_memory_equal(root.b, again.b, AIC_HASH_LEN);
	aic_tree_close(t);
	aic_db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_random_changes, test_folder_make, test_folder_remove),
		cmocka_unit_test(test_history_independence),
		cmocka_unit_test(test_every_flip_is_found),
		cmocka_unit_test_setup_teardown(test_more_than_memory, test_folder_make, test_folder_remove),
	};

	return cmocka_run_group_tests_name("ledger state tree", tests, NULL, NULL);
}
