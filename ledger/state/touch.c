/* touch.c: see touch.h. */
#include "ledger/state/touch.h"

#include <stdlib.h>
#include <string.h>

#define ENTRY 12
#define RUN_MAX ((size_t)16 << 20) /* bytes: longer runs are not joined */

struct aic_touch {
	sqlite3 *db;
	sqlite3_stmt *add, *count, *level, *drop, *find;
};

static const char schema[] =
	"CREATE TABLE IF NOT EXISTS touch(first INTEGER PRIMARY KEY, last INTEGER NOT NULL, level INTEGER NOT NULL, data BLOB NOT NULL);"
	"CREATE INDEX IF NOT EXISTS touch_level ON touch(level, first)";

aic_code aic_touch_open(aic_touch **out, sqlite3 *db, aic_error *err)
{
	aic_touch *t = aic_xcalloc(1, sizeof(*t));
	aic_code code = AIC_OK;

	t->db = db;
	if (!sqlite3_db_readonly(db, "main"))
		code = aic_db_exec(db, schema, err);
	if (code || (code = aic_db_prepare(db, &t->add, "INSERT INTO touch(first, last, level, data) VALUES(?, ?, ?, ?)", err)) ||
	    (code = aic_db_prepare(db, &t->count, "SELECT count(*) FROM touch WHERE level = ?", err)) ||
	    (code = aic_db_prepare(db, &t->level, "SELECT first, last, data FROM touch WHERE level = ? ORDER BY first", err)) ||
	    (code = aic_db_prepare(db, &t->drop, "DELETE FROM touch WHERE level = ?", err)) ||
	    (code = aic_db_prepare(db, &t->find, "SELECT first FROM touch WHERE first <= ? ORDER BY first DESC", err))) {
		aic_touch_close(t);
		return code;
	}
	*out = t;
	return AIC_OK;
}

void aic_touch_close(aic_touch *t)
{
	if (!t)
		return;
	sqlite3_finalize(t->add);
	sqlite3_finalize(t->count);
	sqlite3_finalize(t->level);
	sqlite3_finalize(t->drop);
	sqlite3_finalize(t->find);
	free(t);
}

/* --- adding --- */

typedef struct {
	int64_t first, last;
	aic_bytes data;
} run;

static aic_code write_run(aic_touch *t, const run *r, int level, aic_error *err)
{
	sqlite3_bind_int64(t->add, 1, r->first);
	sqlite3_bind_int64(t->add, 2, r->last);
	sqlite3_bind_int(t->add, 3, level);
	aic_db_bind(t->add, 4, r->data.data, r->data.len);
	return aic_db_run(t->db, t->add, err);
}

static void put_later(aic_bytes *out, const uint8_t *entry, uint64_t by)
{
	uint8_t e[ENTRY];

	memcpy(e, entry, 8);
	aic_put_be32(e + 8, (uint32_t)(aic_get_be32(entry + 8) + by));
	aic_bytes_append(out, e, ENTRY);
}

/* b is the later one; a takes what comes out. */
static void join(run *a, run *b)
{
	aic_bytes both = {0};
	const aic_bytes *x = &a->data, *y = &b->data; /* either may be empty */
	size_t i = 0, k = 0;
	uint64_t by = (uint64_t)(b->first - a->first);

	aic_bytes_reserve(&both, x->len + y->len);
	while (i < x->len || k < y->len) {
		if (k == y->len || (i < x->len && memcmp(x->data + i, y->data + k, 8) <= 0)) {
			aic_bytes_append(&both, x->data + i, ENTRY);
			i += ENTRY;
		} else {
			put_later(&both, y->data + k, by);
			k += ENTRY;
		}
	}
	aic_bytes_free(&a->data);
	aic_bytes_free(&b->data);
	a->data = both;
	a->last = b->last;
}

static aic_code read_level(aic_touch *t, int level, run all[AIC_TOUCH_RUNS], size_t *bytes, aic_error *err)
{
	aic_code code = AIC_OK;

	*bytes = 0;
	sqlite3_bind_int(t->level, 1, level);
	for (int i = 0; i < AIC_TOUCH_RUNS && !(code = aic_db_step(t->db, t->level, err)); i++) {
		all[i].first = sqlite3_column_int64(t->level, 0);
		all[i].last = sqlite3_column_int64(t->level, 1);
		aic_db_column(t->level, 2, &all[i].data);
		*bytes += all[i].data.len;
	}
	sqlite3_reset(t->level);
	return code;
}

static aic_code join_level(aic_touch *t, int level, bool *joined, aic_error *err)
{
	run all[AIC_TOUCH_RUNS] = {{0}};
	size_t bytes;
	aic_code code = read_level(t, level, all, &bytes, err);

	*joined = !code && bytes <= RUN_MAX;
	for (int width = 1; width < AIC_TOUCH_RUNS && *joined; width *= 2)
		for (int i = 0; i < AIC_TOUCH_RUNS; i += 2 * width)
			join(&all[i], &all[i + width]);
	if (*joined) {
		sqlite3_bind_int(t->drop, 1, level);
		if (!(code = aic_db_run(t->db, t->drop, err)))
			code = write_run(t, &all[0], level + 1, err);
	}
	for (int i = 0; i < AIC_TOUCH_RUNS; i++)
		aic_bytes_free(&all[i].data);
	return code;
}

static aic_code count_runs(aic_touch *t, int level, int *n, aic_error *err)
{
	sqlite3_bind_int(t->count, 1, level);
	aic_code code = aic_db_step(t->db, t->count, err);

	*n = code ? 0 : sqlite3_column_int(t->count, 0);
	sqlite3_reset(t->count);
	return code;
}

aic_code aic_touch_add(aic_touch *t, uint64_t height, const aic_address *wallet, size_t n, aic_error *err)
{
	run r = {.first = (int64_t)height, .last = (int64_t)height};
	uint8_t zero[4] = {0};
	int runs = 0;
	bool joined = true;

	aic_bytes_reserve(&r.data, n * ENTRY);
	for (size_t i = 0; i < n; i++) {
		aic_bytes_append(&r.data, wallet[i].b, 8);
		aic_bytes_append(&r.data, zero, 4);
	}
	aic_code code = write_run(t, &r, 0, err);
	aic_bytes_free(&r.data);
	for (int level = 0; !code && joined && !(code = count_runs(t, level, &runs, err)) && runs == AIC_TOUCH_RUNS; level++)
		code = join_level(t, level, &joined, err);
	return code;
}

/* --- finding --- */

/* Entries of a run below (wallet, after), a height that counts from the run's first. */
static int entries_below(sqlite3_blob *blob, const aic_address *wallet, uint64_t after, int *low)
{
	int high = sqlite3_blob_bytes(blob) / ENTRY;
	uint8_t entry[ENTRY];

	*low = 0;
	while (*low < high) {
		int middle = *low + (high - *low) / 2, rc = sqlite3_blob_read(blob, entry, ENTRY, middle * ENTRY);
		int order = memcmp(entry, wallet->b, 8);

		if (rc)
			return rc;
		if (order < 0 || (order == 0 && aic_get_be32(entry + 8) < after))
			*low = middle + 1;
		else
			high = middle;
	}
	return SQLITE_OK;
}

static aic_code find_in_run(aic_touch *t, int64_t first, const aic_address *wallet, uint64_t from, uint64_t *height, aic_error *err)
{
	sqlite3_blob *blob = NULL;
	uint8_t entry[ENTRY];
	int below = 0;
	int rc = sqlite3_blob_open(t->db, "main", "touch", "data", first, 0, &blob);

	if (!rc)
		rc = entries_below(blob, wallet, from - (uint64_t)first + 1, &below);
	if (!rc && below)
		rc = sqlite3_blob_read(blob, entry, ENTRY, (below - 1) * ENTRY);
	aic_code code = rc ? aic_db_fail(t->db, err) : AIC_NOT_FOUND;
	if (!rc && below && memcmp(entry, wallet->b, 8) == 0) {
		*height = (uint64_t)first + aic_get_be32(entry + 8);
		code = AIC_OK;
	}
	sqlite3_blob_close(blob);
	return code;
}

aic_code aic_touch_find(aic_touch *t, const aic_address *wallet, uint64_t from, uint64_t *height, aic_error *err)
{
	aic_code code;

	sqlite3_bind_int64(t->find, 1, (sqlite3_int64)from);
	while (!(code = aic_db_step(t->db, t->find, err)) &&
	       (code = find_in_run(t, sqlite3_column_int64(t->find, 0), wallet, from, height, err)) == AIC_NOT_FOUND)
		;
	sqlite3_reset(t->find);
	return code;
}
