/* etcd_member_test.c: the order on a real etcd whose members die, hang, forget and compact: nothing is lost, nothing doubled. */
#define _GNU_SOURCE
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>

#include "common/time.h"
#include "ledger/order/etcd_group.h"
#include "ledger/order/log_testing.h"

#define RESUME_MS 5000 /* after the leader's death */

static etcd_cluster cluster;

/* --- a writer that does not give up: what a site does that persists its block before it is sent --- */

typedef struct {
	const aic_etcd_config *config;
	const char *who;
	atomic_int done;
	atomic_bool stop;
	int64_t longest_ms;
	char trouble[800];
} writer;

static void *write_on(void *ctx)
{
	writer *w = ctx;
	aic_order o;
	aic_order_head head = {.empty = true};
	aic_error err = {0};

	if (aic_order_etcd(&o, w->config, &err))
		snprintf(w->trouble, sizeof(w->trouble), "%s", err.message);
	for (int i = 0; !atomic_load(&w->stop) && !w->trouble[0]; i++) {
		char text[TEST_TEXT_MAX];
		int64_t start = aic_monotonic_ms();
		aic_code code;

		do
			code = test_append_after(&o, &head, test_name(text, w->who, i), &err);
		while (code == AIC_UNREACHABLE);
		int64_t ms = aic_monotonic_ms() - start;
		w->longest_ms = ms > w->longest_ms ? ms : w->longest_ms;
		if (code)
			snprintf(w->trouble, sizeof(w->trouble), "block %d: %s", i, err.message);
		head = test_head_at((uint64_t)i, text);
		if (!code)
			atomic_fetch_add(&w->done, 1);
	}
	aic_order_close(&o);
	return NULL;
}

static void wait_for(writer *w, int count)
{
	int64_t end = aic_monotonic_ms() + 30000;

	while (atomic_load(&w->done) < count && aic_monotonic_ms() < end)
		poll(NULL, 0, 10);
	if (atomic_load(&w->done) < count)
		fail_msg("only %d of %d blocks: %s", atomic_load(&w->done), count, w->trouble);
}

static void stop_writer(writer *w, pthread_t thread)
{
	atomic_store(&w->stop, true);
	pthread_join(thread, NULL);
	assert_string_equal(w->trouble, "");
}

/* --- members --- */

static void the_leader_dies_during_appends(void **state)
{
	int leader = etcd_leader(&cluster);
	aic_etcd_config config = test_config(&cluster, leader);
	writer w = {.config = &config, .who = "w"};
	pthread_t thread;

	(void)state;
	assert_int_equal(pthread_create(&thread, NULL, write_on, &w), 0);
	wait_for(&w, 30);
	int64_t start = aic_monotonic_ms();
	etcd_member_kill(&cluster, leader);
	int before = atomic_load(&w.done);
	wait_for(&w, before + 2); /* the one after the kill may have been answered just before */
	int64_t ms = aic_monotonic_ms() - start;
	wait_for(&w, before + 30);
	stop_writer(&w, thread);
	print_message("leader killed: the next append %lld ms later, the slowest took %lld ms\n", (long long)ms,
	              (long long)w.longest_ms);
	assert_in_range(ms, 0, RESUME_MS);
	etcd_member_start(&cluster, leader, "existing");
	etcd_member_ready(&cluster, leader);
	aic_order o = test_open_order(&config);
	test_assert_log(&o, "w", atomic_load(&w.done));
	aic_order_close(&o);
}

static void the_leader_hangs(void **state)
{
	int leader = etcd_leader(&cluster);
	aic_etcd_config config = test_config(&cluster, leader);
	aic_order o = test_open_order(&config);
	aic_order_head empty = {.empty = true};
	aic_error err = {0};

	(void)state;
	test_append_numbered(&o, "h", 0, 3);
	kill(cluster.member[leader].pid, SIGSTOP);
	waitpid(cluster.member[leader].pid, NULL, WUNTRACED);
	int64_t start = aic_monotonic_ms();
	aic_order_head head = test_head_at(2, "h 2");
	aic_code code = test_append_after(&o, &head, "h 3", &err);
	int64_t ms = aic_monotonic_ms() - start;
	kill(cluster.member[leader].pid, SIGCONT);
	if (code)
		fail_msg("%s", err.message);
	print_message("leader hung: the next append took %lld ms\n", (long long)ms);
	assert_in_range(ms, 0, RESUME_MS);
	etcd_member_ready(&cluster, leader);
	assert_int_equal(test_append_after(&o, &empty, "another", NULL), AIC_REFUSED);
	test_assert_log(&o, "h", 4);
	aic_order_close(&o);
}

static void quorum_is_lost_and_comes_back(void **state)
{
	aic_etcd_config config = test_config(&cluster, 0);
	aic_order o = test_open_order(&config);
	aic_order_head head;
	aic_error err = {0};
	bool more;

	(void)state;
	test_append_numbered(&o, "q", 0, 5);
	etcd_member_kill(&cluster, 1);
	etcd_member_kill(&cluster, 2);
	head = test_head_at(4, "q 4");
	int64_t start = aic_monotonic_ms();
	assert_int_equal(test_append_after(&o, &head, "q 5", &err), AIC_UNREACHABLE);
	print_message("quorum lost, after %lld ms: %s\n", (long long)(aic_monotonic_ms() - start), err.message);
	assert_in_range(aic_monotonic_ms() - start, 1000, 8000);
	assert_non_null(strstr(err.message, "none of 3 endpoints"));
	start = aic_monotonic_ms();
	aic_order_head unknown;
	assert_int_equal(aic_order_head_get(&o, &unknown, &err), AIC_UNREACHABLE);
	assert_int_equal(aic_order_watch(&o, 5, 0, &more, &err), AIC_UNREACHABLE);
	assert_in_range(aic_monotonic_ms() - start, 0, 5000); /* who is down does not keep others waiting */
	for (int i = 1; i <= 2; i++)
		etcd_member_start(&cluster, i, "existing");
	etcd_member_ready(&cluster, 1);
	etcd_member_ready(&cluster, 2);
	if (test_append_after(&o, &head, "q 5", &err)) /* the same bytes: whether the first attempt got through or not */
		fail_msg("%s", err.message);
	test_append_numbered(&o, "q", 6, 8);
	test_assert_log(&o, "q", 8);
	aic_order_close(&o);
}

static json_t *until_done(const aic_etcd_config *config, const char *path, json_t *request)
{
	aic_etcd *e;
	aic_error err = {0};
	json_t *answer = NULL;
	int64_t end = aic_monotonic_ms() + 15000;

	assert_int_equal(aic_etcd_open(&e, config, NULL), AIC_OK);
	while (aic_etcd_call(e, path, json_incref(request), 0, &answer, &err) && aic_monotonic_ms() < end)
		poll(NULL, 0, 200); /* "unhealthy cluster" until it has looked around */
	aic_etcd_close(e);
	json_decref(request);
	if (!answer)
		fail_msg("%s: %s", path, err.message);
	return answer;
}

/* Out of the cluster by its id, and in again without its data. */
static void replace_member(const aic_etcd_config *config, int i)
{
	json_t *list = until_done(config, "cluster/member/list", json_object()), *member;
	char *peer = aic_xasprintf("http://127.0.0.1:%d", cluster.member[i].peer_port);
	size_t k;
	int removed = 0;

	json_array_foreach(json_object_get(list, "members"), k, member) {
		const char *url = json_string_value(json_array_get(json_object_get(member, "peerURLs"), 0));
		if (url && strcmp(url, peer) == 0) {
			json_decref(until_done(config, "cluster/member/remove", json_pack("{s:O}", "ID", json_object_get(member, "ID"))));
			removed++;
		}
	}
	assert_int_equal(removed, 1);
	json_decref(list);
	etcd_member_kill(&cluster, i);
	etcd_member_wipe(&cluster, i);
	json_decref(until_done(config, "cluster/member/add", json_pack("{s:[s]}", "peerURLs", peer)));
	etcd_member_start(&cluster, i, "existing");
	etcd_member_ready(&cluster, i);
	free(peer);
}

static void a_member_is_wiped_and_comes_back(void **state)
{
	aic_etcd_config config = test_config(&cluster, 0);
	aic_order o = test_open_order(&config);

	(void)state;
	test_append_numbered(&o, "m", 0, 20);
	replace_member(&config, 2);
	test_append_numbered(&o, "m", 20, 22);
	aic_etcd_config only = config; /* the new member alone */
	memcpy(only.endpoint[0], config.endpoint[2], AIC_ETCD_ENDPOINT_LEN);
	only.n_endpoints = 1;
	aic_order fresh = test_open_order(&only);
	test_assert_log(&fresh, "m", 22);
	aic_order_close(&fresh);
	aic_order_close(&o);
}

/* --- compaction --- */

typedef struct {
	const aic_etcd_config *config;
	atomic_bool stop;
	int count, failed;
} compactor;

static void *compact_on(void *ctx)
{
	compactor *c = ctx;
	aic_etcd *e;
	char *key = aic_xasprintf("%shead", c->config->prefix);

	if (aic_etcd_open(&e, c->config, NULL))
		return NULL;
	while (!atomic_load(&c->stop)) {
		json_t *answer;
		aic_code code = aic_etcd_call(e, "kv/range", aic_etcd_get(key, NULL, 0, true), 0, &answer, NULL);
		json_t *revision = json_incref(json_object_get(json_object_get(answer, "header"), "revision"));

		json_decref(answer);
		if (!code)
			code = aic_etcd_call(e, "kv/compaction", json_pack("{s:o, s:b}", "revision", revision, "physical", 1), 0, &answer, NULL);
		json_decref(answer);
		c->count += !code;
		c->failed += code && code != AIC_REFUSED; /* refused: nothing new since the last one */
		if (c->count % 10 == 1 && !aic_etcd_call(e, "maintenance/defragment", json_object(), 0, &answer, NULL))
			json_decref(answer);
		poll(NULL, 0, 10);
	}
	aic_etcd_close(e);
	free(key);
	return NULL;
}

static void etcd_compacts_meanwhile(void **state)
{
	aic_etcd_config config = test_config(&cluster, 0);
	aic_order o = test_open_order(&config);
	compactor c = {.config = &config};
	pthread_t thread;
	bool more = false;

	(void)state;
	test_append_numbered(&o, "c", 0, 1);
	assert_int_equal(pthread_create(&thread, NULL, compact_on, &c), 0);
	for (int i = 1; i < 100; i++) {
		aic_id site = {{(uint8_t)(i % 3)}};
		test_append_numbered(&o, "c", i, i + 1);
		assert_int_equal(aic_order_attest(&o, &site, (uint64_t)i, "yes", 3, NULL), AIC_OK);
	}
	assert_int_equal(aic_order_watch(&o, 100, 1000, &more, NULL), AIC_OK); /* its revision is compacted under it */
	assert_false(more);
	atomic_store(&c.stop, true);
	pthread_join(thread, NULL);
	test_assert_log(&o, "c", 100);
	print_message("%d compactions\n", c.count);
	assert_true(c.count >= 10);
	assert_int_equal(c.failed, 0);
	aic_order_close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(etcd_compacts_meanwhile),
		cmocka_unit_test(a_member_is_wiped_and_comes_back),
		cmocka_unit_test(the_leader_dies_during_appends),
		cmocka_unit_test(the_leader_hangs),
		cmocka_unit_test(quorum_is_lost_and_comes_back),
	};

	return etcd_group_run(tests, &cluster, .members = 3);
}
