/* pending_test.c: answers that get lost and processes that die around one append: no height is ever tried with two blocks. */
#define _GNU_SOURCE
#include <unistd.h>

#include "common/file.h"
#include "common/testing.h"
#include "ledger/db.h"
#include "ledger/order/pending.h"

/* A log whose appends do what the test says: carried out or not, answered or not. */
typedef struct {
	aic_order log;
	bool lost, silent;        /* the request, the answer */
	aic_code instead;         /* of AIC_UNREACHABLE */
	uint64_t tried_height;    /* what has been sent last */
	aic_hash tried;
	int tries;
} flaky;

static aic_code flaky_head(void *self, aic_order_head *head, aic_error *err)
{
	return aic_order_head_get(&((flaky *)self)->log, head, err);
}

static aic_code flaky_append(void *self, const aic_order_head *expected, const aic_hash *hash, const void *block, size_t len,
                             aic_error *err)
{
	flaky *f = self;
	uint64_t height = expected->empty ? 0 : expected->height + 1;
	aic_code code = AIC_OK;

	f->tries++;
	f->tried_height = height;
	f->tried = *hash;
	if (!f->lost)
		code = aic_order_append_if_head(&f->log, expected, hash, block, len, err);
	return f->lost || f->silent ? aic_fail(err, f->instead ? f->instead : AIC_UNREACHABLE, "no answer") : code;
}

static aic_code flaky_read(void *self, uint64_t from, uint64_t n, aic_order_visit visit, void *ctx, aic_error *err)
{
	return aic_order_read(&((flaky *)self)->log, from, n, visit, ctx, err);
}

static aic_code flaky_watch(void *self, uint64_t from, int timeout_ms, bool *more, aic_error *err)
{
	return aic_order_watch(&((flaky *)self)->log, from, timeout_ms, more, err);
}

static aic_code flaky_attest(void *self, const aic_id *site, uint64_t height, const void *bytes, size_t len, aic_error *err)
{
	return aic_order_attest(&((flaky *)self)->log, site, height, bytes, len, err);
}

static aic_code flaky_attestations(void *self, uint64_t height, aic_order_attested visit, void *ctx, aic_error *err)
{
	return aic_order_attestations(&((flaky *)self)->log, height, visit, ctx, err);
}

static void flaky_close(void *self)
{
	(void)self; /* outlives the process that the test plays */
}

static const aic_order_backend flaky_backend = {
	.head = flaky_head, .append_if_head = flaky_append, .read = flaky_read, .watch = flaky_watch,
	.attest = flaky_attest, .attestations = flaky_attestations, .close = flaky_close};

static flaky engine;
static aic_order site;
static char kept[128];

static void open_site(void)
{
	aic_error err = {0};

	site = (aic_order){&flaky_backend, &engine};
	if (aic_order_pending(&site, kept, &err))
		fail_msg("%s", err.message);
}

/* The process dies and starts again. */
static void restart(void)
{
	aic_order_close(&site);
	open_site();
}

static void fail_with(bool lost, bool silent, aic_code instead)
{
	engine.lost = lost;
	engine.silent = silent;
	engine.instead = instead;
}

static aic_order_head head_at(uint64_t height, const char *text)
{
	return (aic_order_head){.height = height, .hash = aic_sha256_of(text, strlen(text))};
}

static aic_code append_at(aic_order *o, uint64_t height, const char *before, const char *text, aic_error *err)
{
	aic_order_head expected = before ? head_at(height - 1, before) : (aic_order_head){.empty = true};
	aic_hash hash = aic_sha256_of(text, strlen(text));

	return aic_order_append_if_head(o, &expected, &hash, text, strlen(text), err);
}

static void assert_head(uint64_t height, const char *text)
{
	aic_order_head head, want = head_at(height, text);
	aic_error err = {0};

	if (aic_order_head_get(&site, &head, &err))
		fail_msg("%s", err.message);
	assert_false(head.empty);
	assert_int_equal(head.height, height);
	assert_true(aic_hash_equal(&head.hash, &want.hash));
}

static void assert_tried(uint64_t height, const char *text)
{
	aic_hash want = aic_sha256_of(text, strlen(text));

	assert_int_equal(engine.tried_height, height);
	assert_true(aic_hash_equal(&engine.tried, &want));
}

static void what_was_certainly_not_taken_is_forgotten(void **state)
{
	(void)state;
	assert_int_equal(append_at(&site, 0, NULL, "genesis", NULL), AIC_OK);
	assert_int_equal(access(kept, F_OK), 0);
	assert_int_equal(append_at(&site, 1, "other", "x", NULL), AIC_REFUSED);
	assert_int_not_equal(access(kept, F_OK), 0);
	assert_int_equal(append_at(&site, 1, "genesis", "one", NULL), AIC_OK);
	fail_with(true, false, AIC_FULL);
	assert_int_equal(append_at(&site, 2, "one", "two", NULL), AIC_FULL);
	assert_int_not_equal(access(kept, F_OK), 0);
}

/* The request is lost: whatever comes next, the same block is sent first, in this process and in the next one. */
static void a_lost_request_is_sent_again(void **state)
{
	(void)state;
	aic_error err = {0};

	assert_int_equal(append_at(&site, 0, NULL, "genesis", NULL), AIC_OK);
	fail_with(true, false, AIC_OK);
	assert_int_equal(append_at(&site, 1, "genesis", "one", NULL), AIC_UNREACHABLE);
	assert_int_equal(append_at(&site, 1, "genesis", "another one", &err), AIC_UNREACHABLE);
	assert_non_null(strstr(err.message, "the block sent earlier for height 1 is still pending: no answer"));
	assert_tried(1, "one");
	restart();
	assert_int_equal(append_at(&site, 1, "genesis", "another one", NULL), AIC_UNREACHABLE);
	assert_tried(1, "one");
	fail_with(false, false, AIC_OK);
	assert_int_equal(append_at(&site, 1, "genesis", "another one", NULL), AIC_REFUSED);
	assert_head(1, "one");
	assert_int_equal(append_at(&site, 2, "one", "two", NULL), AIC_OK);
}

static void a_lost_answer_doubles_nothing(void **state)
{
	(void)state;
	assert_int_equal(append_at(&site, 0, NULL, "genesis", NULL), AIC_OK);
	fail_with(false, true, AIC_OK);
	assert_int_equal(append_at(&site, 1, "genesis", "one", NULL), AIC_UNREACHABLE);
	assert_int_equal(access(kept, F_OK), 0);
	fail_with(false, false, AIC_OK);
	restart();
	assert_head(1, "one"); /* asking for the head settles it */
	assert_int_not_equal(access(kept, F_OK), 0);
	int tries = engine.tries;
	assert_head(1, "one");
	assert_int_equal(engine.tries, tries);
}

static void the_same_bytes_may_be_sent_again(void **state)
{
	(void)state;
	assert_int_equal(append_at(&site, 0, NULL, "genesis", NULL), AIC_OK);
	fail_with(true, false, AIC_OK);
	assert_int_equal(append_at(&site, 1, "genesis", "one", NULL), AIC_UNREACHABLE);
	int tries = engine.tries;
	fail_with(true, false, AIC_FULL);
	assert_int_equal(append_at(&site, 1, "genesis", "one", NULL), AIC_FULL);
	assert_int_equal(engine.tries, tries + 1);
	assert_int_equal(access(kept, F_OK), 0); /* the first attempt may still arrive */
	assert_head(0, "genesis");               /* and a full log is read all the same */
	fail_with(false, false, AIC_OK);
	assert_int_equal(append_at(&site, 1, "genesis", "one", NULL), AIC_OK);
	assert_head(1, "one");
}

static void another_site_was_first(void **state)
{
	(void)state;
	assert_int_equal(append_at(&site, 0, NULL, "genesis", NULL), AIC_OK);
	fail_with(true, false, AIC_OK);
	assert_int_equal(append_at(&site, 1, "genesis", "ours", NULL), AIC_UNREACHABLE);
	assert_int_equal(append_at(&engine.log, 1, "genesis", "theirs", NULL), AIC_OK);
	fail_with(false, false, AIC_OK);
	restart();
	assert_head(1, "theirs");
	assert_int_equal(append_at(&site, 2, "theirs", "ours", NULL), AIC_OK);
}

static void run_sql(const char *folder, const char *sql)
{
	char path[128];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/log.db", folder);
	assert_int_equal(aic_db_open(&db, path, AIC_DB_DURABLE, NULL), AIC_OK);
	assert_int_equal(aic_db_exec(db, sql, NULL), AIC_OK);
	aic_db_close(db);
}

/* Simulator, seed 583: while the log had lost its last blocks what was sent is refused, and could have come back with them. */
static void the_log_loses_blocks_meanwhile(void **state)
{
	aic_error err = {0};
	aic_order_head head;

	assert_int_equal(append_at(&site, 0, NULL, "genesis", NULL), AIC_OK);
	assert_int_equal(append_at(&site, 1, "genesis", "one", NULL), AIC_OK);
	fail_with(true, false, AIC_OK);
	assert_int_equal(append_at(&site, 2, "one", "ours", NULL), AIC_UNREACHABLE);
	fail_with(false, false, AIC_OK);
	run_sql(*state, "CREATE TABLE lost AS SELECT * FROM blk WHERE height = 1; DELETE FROM blk WHERE height = 1");
	restart();
	assert_int_equal(aic_order_head_get(&site, &head, NULL), AIC_OK);
	assert_int_equal(head.height, 0);
	assert_int_equal(append_at(&site, 1, "genesis", "x", &err), AIC_UNREACHABLE);
	assert_non_null(strstr(err.message, "for a height that the log has lost"));
	run_sql(*state, "INSERT INTO blk SELECT * FROM lost; DROP TABLE lost");
	assert_head(2, "ours");
}

/* Simulator, seed 6753: the log takes a block, the site's disk is full so that its copy does not, and the log forgets it. */
static void the_log_loses_what_landed(void **state)
{
	aic_error err = {0};

	assert_int_equal(append_at(&site, 0, NULL, "genesis", NULL), AIC_OK);
	assert_int_equal(append_at(&site, 1, "genesis", "one", NULL), AIC_OK);
	run_sql(*state, "DELETE FROM blk WHERE height = 1");
	assert_int_equal(append_at(&site, 1, "genesis", "another one", &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "the block sent earlier stands at height 1"));
	assert_tried(1, "one");
	run_sql(*state, "DELETE FROM blk WHERE height = 1");
	assert_head(1, "one"); /* asking for the head puts it back, too */
	run_sql(*state, "DELETE FROM blk WHERE height = 1");
	restart();
	assert_head(1, "one");
	assert_int_equal(append_at(&site, 2, "one", "two", NULL), AIC_OK);
}

/* Who cannot persist does not send. */
static void no_place_to_keep_it(void **state)
{
	(void)state;
	assert_int_equal(append_at(&site, 0, NULL, "genesis", NULL), AIC_OK);
	int tries = engine.tries;
	snprintf(kept, sizeof(kept), "%s/no/such/folder/kept", (char *)*state);
	restart();
	assert_int_not_equal(append_at(&site, 1, "genesis", "one", NULL), AIC_OK);
	assert_int_equal(engine.tries, tries);
	assert_head(0, "genesis");
}

static void a_damaged_file(void **state)
{
	aic_error err = {0};

	(void)state;
	assert_int_equal(append_at(&site, 0, NULL, "genesis", NULL), AIC_OK);
	fail_with(true, false, AIC_OK);
	assert_int_equal(append_at(&site, 1, "genesis", "one", NULL), AIC_UNREACHABLE);
	aic_order_close(&site);
	aic_bytes bytes = {0};
	assert_int_equal(aic_file_read(&bytes, kept, 4096, NULL), AIC_OK);
	assert_int_equal(aic_file_write_atomic(kept, bytes.data, bytes.len - 1, 0640, NULL), AIC_OK);
	site = (aic_order){&flaky_backend, &engine};
	assert_int_equal(aic_order_pending(&site, kept, &err), AIC_CORRUPT);
	assert_non_null(strstr(err.message, "is damaged: move it away"));
	assert_int_equal(aic_file_write_atomic(kept, bytes.data, bytes.len, 0640, NULL), AIC_OK);
	open_site();
	aic_bytes_free(&bytes);
}

static int start(void **state)
{
	char path[128];

	if (test_folder_make(state))
		return -1;
	engine = (flaky){0};
	snprintf(path, sizeof(path), "%s/log.db", (char *)*state);
	snprintf(kept, sizeof(kept), "%s/kept", (char *)*state);
	if (aic_order_local(&engine.log, path, false, NULL))
		return -1;
	open_site();
	return 0;
}

static int stop(void **state)
{
	aic_order_close(&site);
	aic_order_close(&engine.log);
	return test_folder_remove(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_certainly_not_taken_is_forgotten), TEST(a_lost_request_is_sent_again), TEST(a_lost_answer_doubles_nothing),
		TEST(the_same_bytes_may_be_sent_again), TEST(another_site_was_first), TEST(the_log_loses_blocks_meanwhile),
		TEST(the_log_loses_what_landed), TEST(no_place_to_keep_it), TEST(a_damaged_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
