/* relay_test.c: an order that keeps nobody waiting: over a log that hangs, fails, loses answers and is changed by others. */
#define _GNU_SOURCE
#include <poll.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <unistd.h>

#include "common/testing.h"
#include "common/time.h"
#include "ledger/order/pending.h"
#include "ledger/order/relay.h"

#define AT_ONCE_MS 300  /* for a call that waits for nothing, on a busy machine under sanitizers */
#define SOON_MS 8000

/* --- a log in SQLite that can hang, and can fail --- */

typedef enum { FINE, HANGS, FAILS, LOSES_ANSWERS } condition;

static _Atomic condition state_of_log;
static atomic_int appends;
static char path[128], pending_path[160];

typedef struct { aic_order inner; } gated;

static aic_code gate(aic_error *err)
{
	while (state_of_log == HANGS)
		poll(NULL, 0, 10);
	return state_of_log == FAILS ? aic_fail(err, AIC_UNREACHABLE, "no member answers") : AIC_OK;
}

#define THROUGH(call)                         \
	gated *g = self;                          \
	aic_code code = gate(err);                \
	return code ? code : call

static aic_code g_head(void *self, aic_order_head *head, aic_error *err)
{
	THROUGH(aic_order_head_get(&g->inner, head, err));
}

static aic_code g_append(void *self, const aic_order_head *expected, const aic_hash *hash, const void *block, size_t len,
                         aic_error *err)
{
	gated *g = self;
	aic_code code = gate(err);

	if (code)
		return code;
	appends++;
	code = aic_order_append_if_head(&g->inner, expected, hash, block, len, err);
	return code == AIC_OK && state_of_log == LOSES_ANSWERS ? aic_fail(err, AIC_UNREACHABLE, "the answer is lost") : code;
}

static aic_code g_read(void *self, uint64_t from, uint64_t n, aic_order_visit visit, void *ctx, aic_error *err)
{
	THROUGH(aic_order_read(&g->inner, from, n, visit, ctx, err));
}

static aic_code g_watch(void *self, uint64_t from, int timeout_ms, bool *more, aic_error *err)
{
	THROUGH(aic_order_watch(&g->inner, from, timeout_ms, more, err));
}

static aic_code g_attest(void *self, const aic_id *site, uint64_t height, const void *bytes, size_t len, aic_error *err)
{
	THROUGH(aic_order_attest(&g->inner, site, height, bytes, len, err));
}

static aic_code g_attestations(void *self, uint64_t height, aic_order_attested visit, void *ctx, aic_error *err)
{
	THROUGH(aic_order_attestations(&g->inner, height, visit, ctx, err));
}

static aic_code g_acknowledge(void *self, const aic_id *site, const void *bytes, size_t len, aic_error *err)
{
	THROUGH(aic_order_acknowledge(&g->inner, site, bytes, len, err));
}

static aic_code g_acknowledgements(void *self, aic_order_attested visit, void *ctx, aic_error *err)
{
	THROUGH(aic_order_acknowledgements(&g->inner, visit, ctx, err));
}

static aic_code g_prune(void *self, const aic_id *site, uint64_t below, aic_error *err)
{
	THROUGH(aic_order_prune(&g->inner, site, below, err));
}

static aic_code g_space(void *self, aic_order_space *space, aic_error *err)
{
	THROUGH(aic_order_space_get(&g->inner, space, err));
}

static aic_code g_restore(void *self, const aic_order_head *found, const aic_order_head *restored, uint64_t from,
                          aic_order_source source, void *ctx, aic_error *err)
{
	THROUGH(aic_order_restore(&g->inner, found, restored, from, source, ctx, err));
}

static void g_close(void *self)
{
	gated *g = self;

	aic_order_close(&g->inner);
	free(g);
}

static aic_order open_gated(void)
{
	static const aic_order_backend backend = {
		.head = g_head, .append_if_head = g_append, .read = g_read, .watch = g_watch, .attest = g_attest,
		.attestations = g_attestations, .acknowledge = g_acknowledge, .acknowledgements = g_acknowledgements,
		.prune = g_prune, .space = g_space, .restore = g_restore, .close = g_close};
	gated *g = aic_xcalloc(1, sizeof(*g));

	assert_int_equal(aic_order_local(&g->inner, path, false, NULL), AIC_OK);
	return (aic_order){&backend, g};
}

/* --- helpers --- */

static aic_order open_relay(void)
{
	aic_order follower = open_gated(), worker = open_gated(), relay;

	assert_int_equal(aic_order_pending(&worker, pending_path, NULL), AIC_OK);
	assert_int_equal(aic_order_relay(&relay, &follower, &worker, NULL), AIC_OK);
	return relay;
}

static int begin(void **state)
{
	if (test_folder_make(state))
		return -1;
	snprintf(path, sizeof(path), "%s/order.db", (char *)*state);
	snprintf(pending_path, sizeof(pending_path), "%s.pending", path);
	state_of_log = FINE;
	appends = 0;
	return 0;
}

static aic_order_head head_now(aic_order *o)
{
	aic_order_head head;
	aic_error err = {0};

	if (aic_order_head_get(o, &head, &err))
		fail_msg("%s", err.message);
	return head;
}

static aic_code append(aic_order *o, const aic_order_head *after, const char *text, aic_error *err)
{
	aic_hash hash = aic_sha256_of(text, strlen(text));

	return aic_order_append_if_head(o, after, &hash, text, strlen(text), err);
}

static void append_ok(aic_order *o, const char *text)
{
	aic_order_head head = head_now(o);
	aic_error err = {0};

	if (append(o, &head, text, &err))
		fail_msg("%s", err.message);
}

static aic_code join(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	aic_bytes *all = ctx;

	(void)height, (void)err;
	aic_bytes_append(all, block, len);
	return AIC_OK;
}

static void assert_log(aic_order *o, uint64_t from, uint64_t n, const char *text)
{
	aic_bytes all = {0};
	aic_error err = {0};

	if (aic_order_read(o, from, n, join, &all, &err))
		fail_msg("%s", err.message);
	assert_int_equal(all.len, strlen(text));
	if (all.len)
		assert_memory_equal(all.data, text, all.len);
	aic_bytes_free(&all);
}

static aic_code count_one(void *ctx, const aic_id *site, const uint8_t *bytes, size_t len, aic_error *err)
{
	(void)site, (void)bytes, (void)len, (void)err;
	++*(int *)ctx;
	return AIC_OK;
}

static int attestations(aic_order *o, uint64_t height)
{
	int n = 0;

	assert_int_equal(aic_order_attestations(o, height, count_one, &n, NULL), AIC_OK);
	return n;
}

#define SOON(condition)                                             \
	do {                                                            \
		int64_t end_ = aic_monotonic_ms() + SOON_MS;                \
		bool held_;                                                 \
		while (!(held_ = (condition)) && aic_monotonic_ms() < end_) \
			poll(NULL, 0, 20);                                      \
		if (!held_)                                                 \
			fail_msg("not within %d s: %s", SOON_MS / 1000, #condition); \
	} while (0)

static bool is_at(aic_order *o, uint64_t height)
{
	aic_order_head head;

	return aic_order_head_get(o, &head, NULL) == AIC_OK && !head.empty && head.height == height;
}

/* --- tests --- */

static void it_is_the_log_that_it_relays(void **state)
{
	aic_order o = open_relay(), other = open_gated();
	aic_id a = {{1}}, b = {{2}};
	aic_order_head stale;
	aic_order_space space;
	aic_error err = {0};
	int n = 0;

	(void)state;
	stale = head_now(&o);
	assert_true(stale.empty);
	append_ok(&o, "a");
	append_ok(&o, "b");
	assert_int_equal(head_now(&o).height, 1);
	assert_log(&o, 0, 10, "ab");
	assert_log(&o, 1, 1, "b");
	assert_log(&o, 2, 5, "");
	assert_int_equal(append(&o, &stale, "x", &err), AIC_REFUSED);
	append_ok(&other, "c");
	SOON(is_at(&o, 2));
	assert_log(&o, 0, 10, "abc");
	assert_int_equal(attestations(&o, 2), 0);
	assert_int_equal(aic_order_attest(&o, &a, 2, "yes", 3, NULL), AIC_OK);
	SOON(attestations(&o, 2) == 1);
	assert_int_equal(aic_order_attest(&other, &b, 2, "yes", 3, NULL), AIC_OK);
	SOON(attestations(&o, 2) == 2);
	assert_int_equal(aic_order_acknowledge(&o, &a, "2", 1, NULL), AIC_OK);
	assert_int_equal(aic_order_acknowledgements(&o, count_one, &n, NULL), AIC_OK);
	assert_int_equal(n, 1);
	assert_int_equal(aic_order_prune(&o, &a, 1, NULL), AIC_OK);
	SOON(aic_order_space_get(&o, &space, NULL) == AIC_OK && space.first == 1);
	assert_int_equal(aic_order_read(&o, 0, 1, join, NULL, NULL), AIC_NOT_FOUND);
	aic_order_close(&other);
	aic_order_close(&o);
}

/* The attestation that the board refuses is told at the next attempt, once. */
static void a_refused_attestation_is_told(void **state)
{
	aic_order o = open_relay(), other = open_gated();
	aic_id a = {{1}};
	aic_error err = {0};

	(void)state;
	append_ok(&o, "a");
	assert_int_equal(aic_order_attest(&other, &a, 0, "yes", 3, NULL), AIC_OK);
	assert_int_equal(aic_order_attest(&o, &a, 0, "no", 2, NULL), AIC_OK);
	SOON(aic_order_attest(&o, &a, 0, "no", 2, &err) == AIC_REFUSED);
	assert_non_null(strstr(err.message, "something else at height 0"));
	aic_order_close(&other);
	aic_order_close(&o);
}

static aic_code timed_head(aic_order *o, int64_t *ms, aic_error *err)
{
	aic_order_head head;
	int64_t start = aic_monotonic_ms();
	aic_code code = aic_order_head_get(o, &head, err);

	*ms = aic_monotonic_ms() - start;
	return code;
}

/* Nobody waits behind a log that has failed or hangs, and all goes on when it is back. */
static void a_log_that_does_not_answer(void **state)
{
	static const condition ills[] = {FAILS, HANGS};
	aic_order o = open_relay();
	aic_id a = {{1}};
	aic_bytes none = {0};

	(void)state;
	append_ok(&o, "a");
	for (size_t i = 0; i < 2; i++) {
		aic_order_head head = head_now(&o);
		aic_error err = {0};
		int64_t ms;

		state_of_log = ills[i];
		SOON(timed_head(&o, &ms, &err) == AIC_UNREACHABLE);
		assert_non_null(strstr(err.message, ills[i] == FAILS ? "no member answers" : "it has not for"));
		int64_t start = aic_monotonic_ms();
		assert_int_equal(timed_head(&o, &ms, &err), AIC_UNREACHABLE);
		assert_int_equal(append(&o, &head, "b", &err), AIC_UNREACHABLE);
		assert_int_equal(aic_order_read(&o, 0, 9, join, &none, &err), AIC_UNREACHABLE);
		assert_int_equal(aic_order_attest(&o, &a, 0, "yes", 3, &err), AIC_UNREACHABLE);
		assert_in_range(aic_monotonic_ms() - start, 0, AT_ONCE_MS);
		state_of_log = FINE;
		SOON(timed_head(&o, &ms, &err) == AIC_OK);
	}
	append_ok(&o, "b");
	assert_log(&o, 0, 9, "ab");
	aic_order_close(&o);
}

/* It begins with the log away. */
static void it_starts_without_the_log(void **state)
{
	aic_error err = {0};
	int64_t ms;

	(void)state;
	state_of_log = FAILS;
	aic_order o = open_relay();
	assert_int_equal(timed_head(&o, &ms, &err), AIC_UNREACHABLE);
	assert_in_range(ms, 0, 3000);
	state_of_log = FINE;
	SOON(timed_head(&o, &ms, &err) == AIC_OK);
	append_ok(&o, "a");
	aic_order_close(&o);
}

/* The log hangs while a block is on its way: told within a second or so, and the block gets there once. */
static void a_block_on_its_way(void **state)
{
	aic_order o = open_relay();
	aic_error err = {0};

	(void)state;
	append_ok(&o, "a");
	aic_order_head head = head_now(&o);
	state_of_log = HANGS;
	int64_t start = aic_monotonic_ms();
	assert_int_equal(append(&o, &head, "b", &err), AIC_UNREACHABLE);
	assert_in_range(aic_monotonic_ms() - start, 500, 2500);
	assert_non_null(strstr(err.message, "may get into the ledger all the same: look in a few seconds"));
	assert_int_equal(append(&o, &head, "c", &err), AIC_UNREACHABLE);
	state_of_log = FINE;
	SOON(is_at(&o, 1));
	assert_log(&o, 0, 9, "ab");
	append_ok(&o, "c");
	assert_log(&o, 0, 9, "abc");
	aic_order_close(&o);
}

/* The answer is lost: nothing else is sent before that block's fate is known, and it is asked for without anybody's help. */
static void a_lost_answer(void **state)
{
	aic_order o = open_relay();
	aic_error err = {0};

	(void)state;
	append_ok(&o, "a");
	aic_order_head head = head_now(&o);
	state_of_log = LOSES_ANSWERS;
	assert_int_equal(append(&o, &head, "b", &err), AIC_UNREACHABLE);
	assert_non_null(strstr(err.message, "may get into the ledger all the same: look in a few seconds"));
	state_of_log = FINE;
	SOON(is_at(&o, 1));
	SOON(access(pending_path, F_OK) != 0);
	append_ok(&o, "c");
	assert_log(&o, 0, 9, "abc");
	aic_order_close(&o);
}

/* What stands at the height that was read alone is looked at again and again. */
static void a_changed_block_is_seen(void **state)
{
	aic_order o = open_relay();
	aic_bytes all = {0};
	sqlite3 *db;

	(void)state;
	append_ok(&o, "a");
	append_ok(&o, "b");
	assert_log(&o, 1, 1, "b");
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	sqlite3_busy_timeout(db, 5000);
	assert_int_equal(sqlite3_exec(db, "UPDATE blk SET bytes = 'X' WHERE height = 1", NULL, NULL, NULL), SQLITE_OK);
	SOON((aic_bytes_clear(&all), aic_order_read(&o, 1, 1, join, &all, NULL) == AIC_OK && all.len == 1 && all.data[0] == 'X'));
	assert_int_equal(sqlite3_exec(db, "DELETE FROM blk WHERE height = 1", NULL, NULL, NULL), SQLITE_OK);
	SOON((aic_bytes_clear(&all), is_at(&o, 0) && aic_order_read(&o, 1, 1, join, &all, NULL) == AIC_OK && all.len == 0));
	sqlite3_close(db);
	aic_bytes_free(&all);
	aic_order_close(&o);
}

static aic_code letter(void *ctx, uint64_t height, aic_bytes *block, aic_hash *hash, aic_error *err)
{
	char text = (char)('a' + height);

	(void)ctx, (void)err;
	aic_bytes_append(block, &text, 1);
	*hash = aic_sha256_of(&text, 1);
	return AIC_OK;
}

static void it_restores(void **state)
{
	aic_order o = open_relay();
	aic_order_head found = head_now(&o), restored = {.height = 3, .hash = aic_sha256_of("d", 1)};

	(void)state;
	assert_int_equal(aic_order_restore(&o, &found, &restored, 1, letter, NULL, NULL), AIC_OK);
	SOON(is_at(&o, 3));
	assert_log(&o, 1, 9, "bcd");
	aic_order_close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_is_the_log_that_it_relays, begin, test_folder_remove),
		cmocka_unit_test_setup_teardown(a_refused_attestation_is_told, begin, test_folder_remove),
		cmocka_unit_test_setup_teardown(a_log_that_does_not_answer, begin, test_folder_remove),
		cmocka_unit_test_setup_teardown(it_starts_without_the_log, begin, test_folder_remove),
		cmocka_unit_test_setup_teardown(a_block_on_its_way, begin, test_folder_remove),
		cmocka_unit_test_setup_teardown(a_lost_answer, begin, test_folder_remove),
		cmocka_unit_test_setup_teardown(a_changed_block_is_seen, begin, test_folder_remove),
		cmocka_unit_test_setup_teardown(it_restores, begin, test_folder_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
