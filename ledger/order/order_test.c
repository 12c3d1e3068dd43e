/* order_test.c: what every order must do, asked of SQLite and of a real etcd of three members. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>

#include "common/testing.h"
#include "common/time.h"
#include "ledger/order/order.h"
#ifdef AIC_WITH_ETCD
#include "ledger/order/etcd.h"
#include "ledger/order/etcd_testing.h"
#endif

#define BLOCK_LARGE (512u << 10)
#define SITES_MANY 70 /* more than one question to etcd can hold */

typedef struct {
	aic_code (*open)(aic_order *o, void *fixture);
	aic_order order;
	char *dir;
} fixture;

/* --- helpers --- */

static aic_hash hash_of(const void *bytes, size_t len)
{
	return aic_sha256_of(bytes, len);
}

static aic_order_head head_of(aic_order *o)
{
	aic_order_head head;
	aic_error err = {0};

	if (aic_order_head_get(o, &head, &err))
		fail_msg("%s", err.message);
	return head;
}

static aic_code append_after(aic_order *o, const aic_order_head *expected, const void *block, size_t len, aic_error *err)
{
	aic_hash hash = hash_of(block, len);

	return aic_order_append_if_head(o, expected, &hash, block, len, err);
}

static void append(aic_order *o, const void *block, size_t len)
{
	aic_order_head head = head_of(o);
	aic_error err = {0};

	if (append_after(o, &head, block, len, &err))
		fail_msg("%s", err.message);
}

static void append_text(aic_order *o, const char *text)
{
	append(o, text, strlen(text));
}

/* "block 0" .. */
static void append_numbered(aic_order *o, int from, int to)
{
	for (int i = from; i < to; i++) {
		char text[32];

		snprintf(text, sizeof(text), "block %d", i);
		append_text(o, text);
	}
}

typedef struct {
	uint64_t next, stop_at;
	size_t count;
	bool numbered;
} reader;

static aic_code read_one(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	reader *r = ctx;
	char text[32];

	assert_int_equal(height, r->next);
	r->next++;
	r->count++;
	snprintf(text, sizeof(text), "block %d", (int)height);
	if (r->numbered) {
		assert_int_equal(len, strlen(text));
		assert_memory_equal(block, text, len);
	}
	return r->stop_at && height == r->stop_at ? aic_fail(err, AIC_FULL, "enough") : AIC_OK;
}

static size_t count_read(aic_order *o, uint64_t from, uint64_t n)
{
	reader r = {.next = from, .numbered = true};
	aic_error err = {0};

	if (aic_order_read(o, from, n, read_one, &r, &err))
		fail_msg("%s", err.message);
	return r.count;
}

static aic_id site_number(int i)
{
	aic_id id = {{0}};

	id.b[0] = (uint8_t)(i * 37); /* not in the order in which they come */
	id.b[1] = (uint8_t)i;
	return id;
}

typedef struct {
	size_t count;
	aic_id last;
	uint64_t height;
} listener;

static aic_code hear_one(void *ctx, const aic_id *site, const uint8_t *bytes, size_t len, aic_error *err)
{
	listener *l = ctx;
	char text[64];

	(void)err;
	if (l->count++)
		assert_true(memcmp(l->last.b, site->b, sizeof(site->b)) < 0);
	l->last = *site;
	snprintf(text, sizeof(text), "site %d at %d", site->b[1], (int)l->height);
	assert_int_equal(len, strlen(text));
	assert_memory_equal(bytes, text, len);
	return AIC_OK;
}

static size_t count_attestations(aic_order *o, uint64_t height)
{
	listener l = {.height = height};
	aic_error err = {0};

	if (aic_order_attestations(o, height, hear_one, &l, &err))
		fail_msg("%s", err.message);
	return l.count;
}

static aic_code attest(aic_order *o, int i, uint64_t height, const char *other, aic_error *err)
{
	aic_id site = site_number(i);
	char text[64];

	snprintf(text, sizeof(text), "site %d at %d", i, (int)height);
	return aic_order_attest(o, &site, height, other ? other : text, strlen(other ? other : text), err);
}

static aic_order another(fixture *f)
{
	aic_order o;

	assert_int_equal(f->open(&o, f), AIC_OK);
	return o;
}

/* --- the log --- */

static void empty_log(void **state)
{
	fixture *f = *state;
	bool more = true;

	assert_true(head_of(&f->order).empty);
	assert_int_equal(count_read(&f->order, 0, 10), 0);
	assert_int_equal(count_read(&f->order, 7, 10), 0);
	assert_int_equal(count_attestations(&f->order, 0), 0);
	int64_t start = aic_monotonic_ms();
	assert_int_equal(aic_order_watch(&f->order, 0, 200, &more, NULL), AIC_OK);
	assert_false(more);
	assert_in_range(aic_monotonic_ms() - start, 150, 1500);
}

static void blocks_follow(void **state)
{
	fixture *f = *state;

	for (int i = 0; i < 30; i++) {
		append_numbered(&f->order, i, i + 1);
		char text[32];
		snprintf(text, sizeof(text), "block %d", i);
		aic_hash hash = hash_of(text, strlen(text));
		aic_order_head head = head_of(&f->order);
		assert_false(head.empty);
		assert_int_equal(head.height, i);
		assert_true(aic_hash_equal(&head.hash, &hash));
	}
	assert_int_equal(count_read(&f->order, 0, 100), 30);
	assert_int_equal(count_read(&f->order, 0, UINT64_MAX), 30);
	assert_int_equal(count_read(&f->order, 5, 7), 7);
	assert_int_equal(count_read(&f->order, 29, 1), 1);
	assert_int_equal(count_read(&f->order, 30, 1), 0);
	assert_int_equal(count_read(&f->order, 3, 0), 0);
	aic_order_close(&f->order);
	assert_int_equal(f->open(&f->order, f), AIC_OK);
	assert_int_equal(head_of(&f->order).height, 29);
	assert_int_equal(count_read(&f->order, 0, 100), 30);
}

static void stale_heads_are_refused(void **state)
{
	fixture *f = *state;
	aic_order_head empty = {.empty = true}, head = {.height = 4};
	aic_error err = {0};

	assert_int_equal(append_after(&f->order, &head, "x", 1, &err), AIC_REFUSED);
	assert_true(head_of(&f->order).empty);
	append_numbered(&f->order, 0, 3);
	head = head_of(&f->order);
	assert_int_equal(append_after(&f->order, &empty, "x", 1, &err), AIC_REFUSED);
	aic_order_head low = {.height = 1, .hash = hash_of("block 1", 7)}, high = {.height = 3, .hash = head.hash}, wrong = head;
	assert_int_equal(append_after(&f->order, &low, "x", 1, &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "at height 2 by now"));
	assert_int_equal(append_after(&f->order, &high, "x", 1, &err), AIC_REFUSED);
	wrong.hash.b[31] ^= 1;
	assert_int_equal(append_after(&f->order, &wrong, "x", 1, &err), AIC_REFUSED);
	assert_int_equal(head_of(&f->order).height, 2);
	assert_int_equal(count_read(&f->order, 0, 10), 3);
	assert_int_equal(append_after(&f->order, &head, "block 3", 7, NULL), AIC_OK);
}

/* After a lost answer the same bytes are sent again: done or refused, and never there twice. */
static void a_repeated_append_doubles_nothing(void **state)
{
	fixture *f = *state;

	append_numbered(&f->order, 0, 2);
	aic_order_head before = head_of(&f->order);
	append_numbered(&f->order, 2, 3);
	for (int height = 2; height < 4; height++) {
		aic_code code = append_after(&f->order, &before, "block 2", 7, NULL);
		assert_true(code == AIC_OK || code == AIC_REFUSED);
		assert_int_equal(head_of(&f->order).height, height);
		append_numbered(&f->order, height + 1, height + 2);
	}
	assert_int_equal(append_after(&f->order, &before, "block X", 7, NULL), AIC_REFUSED);
	assert_int_equal(count_read(&f->order, 0, 10), 5);
}

static void a_visitor_stops_the_reading(void **state)
{
	fixture *f = *state;
	reader r = {.numbered = true, .stop_at = 4};
	aic_error err = {0};

	append_numbered(&f->order, 0, 9);
	assert_int_equal(aic_order_read(&f->order, 0, 9, read_one, &r, &err), AIC_FULL);
	assert_string_equal(err.message, "enough");
	assert_int_equal(r.count, 5);
}

static uint8_t *large_block(int i)
{
	uint8_t *block = malloc(BLOCK_LARGE);
	uint64_t seed = (uint64_t)i;

	for (size_t k = 0; k < BLOCK_LARGE; k += sizeof(uint64_t)) {
		uint64_t word = test_random(&seed);
		memcpy(block + k, &word, sizeof(word));
	}
	return block;
}

static aic_code compare_large(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	int *count = ctx;

	(void)err;
	(*count)++;
	if (height < 60)
		return AIC_OK;
	uint8_t *want = large_block((int)height);
	assert_int_equal(len, BLOCK_LARGE);
	assert_memory_equal(block, want, BLOCK_LARGE);
	free(want);
	return AIC_OK;
}

/* Small ones first: whoever reads many of them at once must manage when they grow. */
static void large_blocks(void **state)
{
	fixture *f = *state;
	int count = 0;
	aic_error err = {0};

	append_numbered(&f->order, 0, 60);
	for (int i = 60; i < 80; i++) {
		uint8_t *block = large_block(i);
		append(&f->order, block, BLOCK_LARGE);
		free(block);
	}
	if (aic_order_read(&f->order, 0, 1000, compare_large, &count, &err))
		fail_msg("%s", err.message);
	assert_int_equal(count, 80);
}

static void odd_bytes(void **state)
{
	static const uint8_t odd[] = {0, 0xff, '"', '\\', 0, '\n', 0xc3, 0x28, 0};
	fixture *f = *state;

	for (size_t len = 1; len <= sizeof(odd); len++)
		append(&f->order, odd, len);
	for (size_t len = 1; len <= sizeof(odd); len++) {
		reader r = {.next = len - 1};
		aic_order_head head = head_of(&f->order);
		aic_hash hash = hash_of(odd, sizeof(odd));
		assert_true(aic_hash_equal(&head.hash, &hash));
		assert_int_equal(aic_order_read(&f->order, len - 1, 1, read_one, &r, NULL), AIC_OK);
		assert_int_equal(r.count, 1);
	}
}

static void two_handles_see_the_same(void **state)
{
	fixture *f = *state;
	aic_order other = another(f);

	append_numbered(&f->order, 0, 2);
	append_numbered(&other, 2, 4);
	aic_order_head stale = {.height = 1, .hash = hash_of("block 1", 7)};
	assert_int_equal(append_after(&f->order, &stale, "x", 1, NULL), AIC_REFUSED);
	append_numbered(&f->order, 4, 5);
	assert_int_equal(count_read(&other, 0, 10), 5);
	aic_order_close(&other);
}

/* --- watching --- */

static void *append_soon(void *ctx)
{
	aic_order *o = ctx;
	aic_order_head head;
	aic_hash hash = hash_of("block 1", 7);
	static aic_code code;

	poll(NULL, 0, 300);
	if (!(code = aic_order_head_get(o, &head, NULL)))
		code = aic_order_append_if_head(o, &head, &hash, "block 1", 7, NULL);
	return &code;
}

static void a_watch_sees_the_next_block(void **state)
{
	fixture *f = *state;
	aic_order other = another(f);
	pthread_t thread;
	void *code;
	bool more = false;

	append_numbered(&f->order, 0, 1);
	assert_int_equal(aic_order_watch(&f->order, 0, 5000, &more, NULL), AIC_OK);
	assert_true(more);
	int64_t start = aic_monotonic_ms();
	assert_int_equal(pthread_create(&thread, NULL, append_soon, &other), 0);
	aic_code watched = aic_order_watch(&f->order, 1, 10000, &more, NULL);
	int64_t ms = aic_monotonic_ms() - start;
	pthread_join(thread, &code);
	assert_int_equal(*(aic_code *)code, AIC_OK);
	assert_int_equal(watched, AIC_OK);
	assert_true(more);
	assert_in_range(ms, 250, 2000);
	aic_order_close(&other);
}

/* --- the board --- */

static void one_attestation_per_site_and_height(void **state)
{
	fixture *f = *state;
	aic_error err = {0};

	assert_int_equal(attest(&f->order, 1, 5, NULL, NULL), AIC_OK);
	assert_int_equal(attest(&f->order, 1, 5, NULL, NULL), AIC_OK);
	assert_int_equal(attest(&f->order, 1, 5, "something else", &err), AIC_REFUSED);
	assert_non_null(strstr(err.message, "something else at height 5"));
	assert_int_equal(attest(&f->order, 1, 6, NULL, NULL), AIC_OK);
	assert_int_equal(attest(&f->order, 2, 5, NULL, NULL), AIC_OK);
	assert_int_equal(count_attestations(&f->order, 5), 2);
	assert_int_equal(count_attestations(&f->order, 6), 1);
	assert_int_equal(count_attestations(&f->order, 7), 0);
	aic_order other = another(f);
	assert_int_equal(attest(&other, 3, 5, NULL, NULL), AIC_OK); /* a site that the first handle has not heard of */
	assert_int_equal(count_attestations(&f->order, 5), 3);
	assert_int_equal(count_attestations(&other, 6), 1);
	aic_order_close(&other);
}

static void many_sites_attest(void **state)
{
	fixture *f = *state;

	for (int i = 0; i < SITES_MANY; i++) {
		assert_int_equal(attest(&f->order, i, 9, NULL, NULL), AIC_OK);
		if (i % 7 == 0)
			assert_int_equal(count_attestations(&f->order, 9), i + 1);
	}
	assert_int_equal(count_attestations(&f->order, 9), SITES_MANY);
	assert_int_equal(count_attestations(&f->order, 8), 0);
}

static aic_code stop_hearing(void *ctx, const aic_id *site, const uint8_t *bytes, size_t len, aic_error *err)
{
	(void)ctx, (void)site, (void)bytes, (void)len;
	return aic_fail(err, AIC_CORRUPT, "heard enough");
}

static void a_listener_stops_the_listing(void **state)
{
	fixture *f = *state;
	aic_error err = {0};

	assert_int_equal(attest(&f->order, 1, 5, NULL, NULL), AIC_OK);
	assert_int_equal(aic_order_attestations(&f->order, 5, stop_hearing, NULL, &err), AIC_CORRUPT);
	assert_string_equal(err.message, "heard enough");
}

/* --- the backends --- */

static aic_code open_local(aic_order *o, void *ctx)
{
	fixture *f = ctx;
	char path[128];
	aic_error err = {0};

	snprintf(path, sizeof(path), "%s/order.db", f->dir);
	aic_code code = aic_order_local(o, path, false, &err);
	if (code)
		print_error("%s\n", err.message);
	return code;
}

static int start(void **state, aic_code (*open)(aic_order *, void *))
{
	fixture *f = calloc(1, sizeof(*f));
	void *dir;

	if (!f || test_folder_make(&dir))
		return -1;
	f->dir = dir;
	f->open = open;
	*state = f;
	return open(&f->order, f) ? -1 : 0;
}

static int start_local(void **state)
{
	return start(state, open_local);
}

static int stop(void **state)
{
	fixture *f = *state;
	void *dir = f->dir;

	if (f->order.backend)
		aic_order_close(&f->order);
	free(f);
	return test_folder_remove(&dir);
}

#define ON(name, backend) {#name " (" #backend ")", name, start_##backend, stop, NULL}
#define ALL_ON(backend) \
	ON(empty_log, backend), ON(blocks_follow, backend), ON(stale_heads_are_refused, backend), \
	ON(a_repeated_append_doubles_nothing, backend), ON(a_visitor_stops_the_reading, backend), ON(large_blocks, backend), \
	ON(odd_bytes, backend), ON(two_handles_see_the_same, backend), ON(a_watch_sees_the_next_block, backend), \
	ON(one_attestation_per_site_and_height, backend), ON(many_sites_attest, backend), \
	ON(a_listener_stops_the_listing, backend)

#ifdef AIC_WITH_ETCD
static etcd_cluster cluster;
static aic_etcd_config config;

static aic_code open_etcd(aic_order *o, void *ctx)
{
	(void)ctx;
	return aic_order_etcd(o, &config, NULL);
}

/* A prefix for each test, as for another chain. */
static int start_etcd(void **state)
{
	static int number;
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "test-%d/", number++);
	config = etcd_cluster_config(&cluster, 0, prefix);
	return start(state, open_etcd);
}
#endif

int main(void)
{
	const struct CMUnitTest local[] = {ALL_ON(local)};
	int failed = cmocka_run_group_tests_name("order on SQLite", local, NULL, NULL);

#ifdef AIC_WITH_ETCD
	if (!etcd_installed()) {
		print_message("skipped on etcd: etcd is not installed\n");
		return failed;
	}
	const struct CMUnitTest etcd[] = {ALL_ON(etcd)};
	etcd_cluster_start(&cluster, (etcd_options){.members = 3});
	failed += cmocka_run_group_tests_name("order on etcd", etcd, NULL, NULL);
	etcd_cluster_stop(&cluster);
#endif
	return failed;
}
