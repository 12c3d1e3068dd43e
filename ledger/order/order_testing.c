/* order_testing.c: see order_testing.h. */
#define _GNU_SOURCE
#include "ledger/order/order_testing.h"

#ifdef AIC_WITH_ETCD
#include "ledger/order/etcd.h"
#include "ledger/order/etcd_testing.h"
#endif

aic_hash order_hash_of(const void *bytes, size_t len)
{
	return aic_sha256_of(bytes, len);
}

aic_order_head order_head_of(aic_order *o)
{
	aic_order_head head;
	aic_error err = {0};

	if (aic_order_head_get(o, &head, &err))
		fail_msg("%s", err.message);
	return head;
}

aic_code order_append_after(aic_order *o, const aic_order_head *expected, const void *block, size_t len, aic_error *err)
{
	aic_hash hash = order_hash_of(block, len);

	return aic_order_append_if_head(o, expected, &hash, block, len, err);
}

void order_append(aic_order *o, const void *block, size_t len)
{
	aic_order_head head = order_head_of(o);
	aic_error err = {0};

	if (order_append_after(o, &head, block, len, &err))
		fail_msg("%s", err.message);
}

void order_append_numbered(aic_order *o, int from, int to)
{
	for (int i = from; i < to; i++) {
		char text[32];

		snprintf(text, sizeof(text), "block %d", i);
		order_append(o, text, strlen(text));
	}
}

aic_code order_read_one(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	order_reader *r = ctx;
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

size_t order_count_read(aic_order *o, uint64_t from, uint64_t n)
{
	order_reader r = {.next = from, .numbered = true};
	aic_error err = {0};

	if (aic_order_read(o, from, n, order_read_one, &r, &err))
		fail_msg("%s", err.message);
	return r.count;
}

aic_id order_site(int i)
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

size_t order_count_attestations(aic_order *o, uint64_t height)
{
	listener l = {.height = height};
	aic_error err = {0};

	if (aic_order_attestations(o, height, hear_one, &l, &err))
		fail_msg("%s", err.message);
	return l.count;
}

aic_code order_attest(aic_order *o, int i, uint64_t height, const char *other, aic_error *err)
{
	aic_id site = order_site(i);
	char text[64];

	snprintf(text, sizeof(text), "site %d at %d", i, (int)height);
	return aic_order_attest(o, &site, height, other ? other : text, strlen(other ? other : text), err);
}

aic_order order_another(order_fixture *f)
{
	aic_order o;

	assert_int_equal(f->open(&o, f), AIC_OK);
	return o;
}

/* --- the backends --- */

static aic_code open_local(aic_order *o, void *ctx)
{
	order_fixture *f = ctx;
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
	order_fixture *f = calloc(1, sizeof(*f));
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
	order_fixture *f = *state;
	void *dir = f->dir;

	if (f->order.backend)
		aic_order_close(&f->order);
	free(f);
	return test_folder_remove(&dir);
}

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

static int run_on(const char *what, const char *backend, const order_case *cases, size_t n, CMFixtureFunction setup)
{
	struct CMUnitTest *tests = calloc(n, sizeof(*tests));
	char name[64];

	for (size_t i = 0; i < n; i++)
		tests[i] = (struct CMUnitTest){cases[i].name, cases[i].run, setup, stop, NULL};
	snprintf(name, sizeof(name), "%s on %s", what, backend);
	int failed = _cmocka_run_group_tests(name, tests, n, NULL, NULL);
	free(tests);
	return failed;
}

int order_run(const char *what, const order_case *cases, size_t n)
{
	int failed = run_on(what, "SQLite", cases, n, start_local);

#ifdef AIC_WITH_ETCD
	if (!etcd_installed()) {
		print_message("skipped on etcd: etcd is not installed\n");
		return failed;
	}
	etcd_cluster_start(&cluster, (etcd_options){.members = 3});
	failed += run_on(what, "etcd", cases, n, start_etcd);
	etcd_cluster_stop(&cluster);
#endif
	return failed;
}
