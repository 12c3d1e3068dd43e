/* etcd_fault_test.c: the order on a real etcd whose members die, hang, forget and compact, and on connections that lose answers:
 * nothing is lost and nothing doubled. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/testing.h"
#include "common/time.h"
#include "ledger/order/etcd.h"
#include "ledger/order/etcd_testing.h"
#include "ledger/order/proxy_testing.h"

#define RESUME_MS 5000   /* after the leader's death */
#define RACE_APPENDS 100 /* by each of two writers */
#define TEXT_MAX 64

static etcd_cluster cluster;

/* --- helpers --- */

/* A prefix for each test, as for another chain; member `first` is asked first. */
static aic_etcd_config config_for(int first)
{
	static int number;
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "fault-%d/", number++);
	return etcd_cluster_config(&cluster, first, prefix);
}

static aic_order open_order(const aic_etcd_config *config)
{
	aic_order o;
	aic_error err = {0};

	if (aic_order_etcd(&o, config, &err))
		fail_msg("%s", err.message);
	return o;
}

static aic_code append_after(aic_order *o, const aic_order_head *expected, const char *text, aic_error *err)
{
	aic_hash hash = aic_sha256_of(text, strlen(text));

	return aic_order_append_if_head(o, expected, &hash, text, strlen(text), err);
}

/* Where the append of `text` at height leaves the head. */
static aic_order_head head_at(uint64_t height, const char *text)
{
	return (aic_order_head){.height = height, .hash = aic_sha256_of(text, strlen(text))};
}

static aic_order_head head_of(aic_order *o)
{
	aic_order_head head;
	aic_error err = {0};

	if (aic_order_head_get(o, &head, &err))
		fail_msg("%s", err.message);
	return head;
}

static const char *name(char text[TEXT_MAX], const char *writer, int i)
{
	snprintf(text, TEXT_MAX, "%s %d", writer, i);
	return text;
}

static void append(aic_order *o, const char *text)
{
	aic_order_head head = head_of(o);
	aic_error err = {0};

	if (append_after(o, &head, text, &err))
		fail_msg("%s", err.message);
}

static void append_numbered(aic_order *o, const char *writer, int from, int to)
{
	char text[TEXT_MAX];

	for (int i = from; i < to; i++)
		append(o, name(text, writer, i));
}

typedef struct {
	char (*text)[TEXT_MAX];
	size_t count;
} blocks;

static aic_code keep_block(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	blocks *b = ctx;

	(void)height, (void)err;
	b->text = aic_xrealloc(b->text, (b->count + 1) * sizeof(*b->text));
	snprintf(b->text[b->count++], TEXT_MAX, "%.*s", (int)len, (const char *)block);
	return AIC_OK;
}

static blocks read_all(aic_order *o)
{
	blocks b = {0};
	aic_error err = {0};

	if (aic_order_read(o, 0, UINT64_MAX, keep_block, &b, &err))
		fail_msg("%s", err.message);
	return b;
}

/* The log is exactly "WRITER 0", "WRITER 1", .. */
static void assert_log(aic_order *o, const char *writer, int count)
{
	blocks b = read_all(o);
	char text[TEXT_MAX];

	assert_int_equal(b.count, count);
	for (int i = 0; i < count; i++)
		assert_string_equal(b.text[i], name(text, writer, i));
	assert_int_equal(head_of(o).height, count - 1);
	free(b.text);
}

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
		char text[TEXT_MAX];
		int64_t start = aic_monotonic_ms();
		aic_code code;

		do
			code = append_after(&o, &head, name(text, w->who, i), &err);
		while (code == AIC_UNREACHABLE);
		int64_t ms = aic_monotonic_ms() - start;
		w->longest_ms = ms > w->longest_ms ? ms : w->longest_ms;
		if (code)
			snprintf(w->trouble, sizeof(w->trouble), "block %d: %s", i, err.message);
		head = head_at((uint64_t)i, text);
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
	aic_etcd_config config = config_for(leader);
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
	aic_order o = open_order(&config);
	assert_log(&o, "w", atomic_load(&w.done));
	aic_order_close(&o);
}

static void the_leader_hangs(void **state)
{
	int leader = etcd_leader(&cluster);
	aic_etcd_config config = config_for(leader);
	aic_order o = open_order(&config);
	aic_order_head empty = {.empty = true};
	aic_error err = {0};

	(void)state;
	append_numbered(&o, "h", 0, 3);
	kill(cluster.member[leader].pid, SIGSTOP);
	waitpid(cluster.member[leader].pid, NULL, WUNTRACED);
	int64_t start = aic_monotonic_ms();
	aic_order_head head = head_at(2, "h 2");
	aic_code code = append_after(&o, &head, "h 3", &err);
	int64_t ms = aic_monotonic_ms() - start;
	kill(cluster.member[leader].pid, SIGCONT);
	if (code)
		fail_msg("%s", err.message);
	print_message("leader hung: the next append took %lld ms\n", (long long)ms);
	assert_in_range(ms, 0, RESUME_MS);
	etcd_member_ready(&cluster, leader);
	assert_int_equal(append_after(&o, &empty, "another", NULL), AIC_REFUSED);
	assert_log(&o, "h", 4);
	aic_order_close(&o);
}

static void quorum_is_lost_and_comes_back(void **state)
{
	aic_etcd_config config = config_for(0);
	aic_order o = open_order(&config);
	aic_order_head head;
	aic_error err = {0};
	bool more;

	(void)state;
	append_numbered(&o, "q", 0, 5);
	etcd_member_kill(&cluster, 1);
	etcd_member_kill(&cluster, 2);
	head = head_at(4, "q 4");
	int64_t start = aic_monotonic_ms();
	assert_int_equal(append_after(&o, &head, "q 5", &err), AIC_UNREACHABLE);
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
	if (append_after(&o, &head, "q 5", &err)) /* the same bytes: whether the first attempt got through or not */
		fail_msg("%s", err.message);
	append_numbered(&o, "q", 6, 8);
	assert_log(&o, "q", 8);
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
	aic_etcd_config config = config_for(0);
	aic_order o = open_order(&config);

	(void)state;
	append_numbered(&o, "m", 0, 20);
	replace_member(&config, 2);
	append_numbered(&o, "m", 20, 22);
	aic_etcd_config only = config; /* the new member alone */
	memcpy(only.endpoint[0], config.endpoint[2], AIC_ETCD_ENDPOINT_LEN);
	only.n_endpoints = 1;
	aic_order fresh = open_order(&only);
	assert_log(&fresh, "m", 22);
	aic_order_close(&fresh);
	aic_order_close(&o);
}

/* --- writers side by side --- */

typedef struct {
	const aic_etcd_config *config;
	const char *who;
	uint64_t height[RACE_APPENDS];
	int refused;
	char trouble[800];
} racer;

static void *race(void *ctx)
{
	racer *r = ctx;
	aic_order o;
	aic_error err = {0};
	int done = 0;

	if (aic_order_etcd(&o, r->config, &err))
		snprintf(r->trouble, sizeof(r->trouble), "%s", err.message);
	for (int attempt = 0; done < RACE_APPENDS && !r->trouble[0]; attempt++) {
		aic_order_head head;
		char text[TEXT_MAX];
		aic_code code = aic_order_head_get(&o, &head, &err);

		snprintf(text, sizeof(text), "%s %d attempt %d", r->who, done, attempt);
		if (!code)
			code = append_after(&o, &head, text, &err);
		if (code == AIC_OK)
			r->height[done++] = head.empty ? 0 : head.height + 1;
		else if (code == AIC_REFUSED)
			r->refused++;
		else
			snprintf(r->trouble, sizeof(r->trouble), "%s", err.message);
	}
	aic_order_close(&o);
	return NULL;
}

static void two_writers_race(void **state)
{
	aic_etcd_config config = config_for(0), other = config;
	racer r[2] = {{.config = &config, .who = "a"}, {.config = &other, .who = "b"}};
	pthread_t thread[2];

	(void)state;
	memcpy(other.endpoint[0], config.endpoint[1], AIC_ETCD_ENDPOINT_LEN); /* at another member */
	memcpy(other.endpoint[1], config.endpoint[0], AIC_ETCD_ENDPOINT_LEN);
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, race, &r[i]), 0);
	for (int i = 0; i < 2; i++)
		pthread_join(thread[i], NULL);
	assert_string_equal(r[0].trouble, "");
	assert_string_equal(r[1].trouble, "");
	aic_order o = open_order(&config);
	blocks b = read_all(&o);
	assert_int_equal(b.count, 2 * RACE_APPENDS);
	for (int i = 0; i < 2; i++) { /* each height was given to one writer, and holds what that one wrote */
		for (int k = 0; k < RACE_APPENDS; k++) {
			char text[TEXT_MAX];
			assert_in_range(r[i].height[k], 0, b.count - 1);
			char *stored = b.text[r[i].height[k]];
			name(text, r[i].who, k);
			assert_memory_equal(stored, text, strlen(text));
			stored[0] = '\0';
		}
	}
	print_message("%d appends by two writers, %d refused\n", 2 * RACE_APPENDS, r[0].refused + r[1].refused);
	assert_true(r[0].refused + r[1].refused > 0);
	free(b.text);
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
	aic_etcd_config config = config_for(0);
	aic_order o = open_order(&config);
	compactor c = {.config = &config};
	pthread_t thread;
	bool more = false;

	(void)state;
	append_numbered(&o, "c", 0, 1);
	assert_int_equal(pthread_create(&thread, NULL, compact_on, &c), 0);
	for (int i = 1; i < 100; i++) {
		aic_id site = {{(uint8_t)(i % 3)}};
		append_numbered(&o, "c", i, i + 1);
		assert_int_equal(aic_order_attest(&o, &site, (uint64_t)i, "yes", 3, NULL), AIC_OK);
	}
	assert_int_equal(aic_order_watch(&o, 100, 1000, &more, NULL), AIC_OK); /* its revision is compacted under it */
	assert_false(more);
	atomic_store(&c.stop, true);
	pthread_join(thread, NULL);
	assert_log(&o, "c", 100);
	print_message("%d compactions\n", c.count);
	assert_true(c.count >= 10);
	assert_int_equal(c.failed, 0);
	aic_order_close(&o);
}

/* --- lost answers --- */

static aic_etcd_config through(const proxy *p, bool and_directly)
{
	aic_etcd_config config = config_for(0);

	memcpy(config.endpoint[1], config.endpoint[0], AIC_ETCD_ENDPOINT_LEN);
	snprintf(config.endpoint[0], AIC_ETCD_ENDPOINT_LEN, "http://127.0.0.1:%d", p->port);
	config.n_endpoints = and_directly ? 2 : 1;
	return config;
}

static void answers_get_lost(void **state)
{
	static const proxy_fault faults[] = {PROXY_LOSE_ANSWER, PROXY_LOSE_REQUEST};
	proxy p;
	aic_id site = {{7}};

	(void)state;
	proxy_start(&p, cluster.member[0].client_port);
	aic_etcd_config config = through(&p, false);
	aic_order o = open_order(&config);
	for (int i = 0; i < 40; i++) {
		if (i % 2)
			proxy_arm(&p, faults[i / 2 % 2], 1 + i % 3);
		append_numbered(&o, "l", i, i + 1);
		if (i % 2)
			assert_int_equal(atomic_load(&p.done), 1 + i % 3);
		proxy_arm(&p, PROXY_LOSE_ANSWER, 1);
		assert_int_equal(aic_order_attest(&o, &site, (uint64_t)i, "mine", 4, NULL), AIC_OK);
		assert_int_equal(aic_order_attest(&o, &site, (uint64_t)i, "other", 5, NULL), AIC_REFUSED);
	}
	proxy_arm(&p, PROXY_HOLD_ANSWER, 1);
	append_numbered(&o, "l", 40, 41);
	assert_int_equal(atomic_load(&p.done), 1);
	assert_log(&o, "l", 41);
	aic_order_close(&o);
	proxy_stop(&p);
}

static void no_answer_at_all(void **state)
{
	proxy p;
	aic_error err = {0};

	(void)state;
	proxy_start(&p, cluster.member[0].client_port);
	aic_etcd_config config = through(&p, false), direct = config;
	memcpy(direct.endpoint[0], config.endpoint[1], AIC_ETCD_ENDPOINT_LEN);
	aic_order o = open_order(&config), other = open_order(&direct);
	append_numbered(&o, "n", 0, 3);

	aic_order_head head = head_at(2, "n 2"), next = head_at(3, "n 3");
	proxy_arm(&p, PROXY_LOSE_ANSWER, PROXY_ALWAYS); /* it is in the log, and the writer cannot know */
	assert_int_equal(append_after(&o, &head, "n 3", &err), AIC_UNREACHABLE);
	assert_log(&other, "n", 4);
	proxy_arm(&p, PROXY_PASS, 0);
	assert_int_equal(append_after(&o, &head, "n 3", &err), AIC_OK);
	assert_log(&other, "n", 4);

	proxy_arm(&p, PROXY_LOSE_REQUEST, PROXY_ALWAYS); /* it is not, and another writer comes first */
	assert_int_equal(append_after(&o, &next, "mine", &err), AIC_UNREACHABLE);
	assert_log(&other, "n", 4);
	append_numbered(&other, "n", 4, 5);
	proxy_arm(&p, PROXY_PASS, 0);
	assert_int_equal(append_after(&o, &next, "mine", &err), AIC_REFUSED);
	assert_log(&o, "n", 5);
	aic_order_close(&o);
	aic_order_close(&other);
	proxy_stop(&p);
}

/* An endpoint that takes connections and says nothing must not be the only one asked while etcd counts as down. */
static void a_silent_endpoint(void **state)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int silent = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	proxy p;

	(void)state;
	assert_int_equal(bind(silent, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(silent, 16), 0);
	assert_int_equal(getsockname(silent, (struct sockaddr *)&a, &len), 0);
	proxy_start(&p, cluster.member[0].client_port);
	aic_etcd_config config = through(&p, true);
	snprintf(config.endpoint[1], AIC_ETCD_ENDPOINT_LEN, "http://127.0.0.1:%d", ntohs(a.sin_port));
	aic_order o = open_order(&config);
	aic_order_head empty = {.empty = true};
	proxy_arm(&p, PROXY_LOSE_REQUEST, PROXY_ALWAYS);
	assert_int_equal(append_after(&o, &empty, "s 0", NULL), AIC_UNREACHABLE);
	proxy_arm(&p, PROXY_PASS, 0);
	assert_int_equal(append_after(&o, &empty, "s 0", NULL), AIC_OK);
	assert_log(&o, "s", 1);
	aic_order_close(&o);
	proxy_stop(&p);
	close(silent);
}

/* The network delivers a request after its sender has sent it once more, or has given up. */
static void requests_come_late(void **state)
{
	proxy p;
	aic_error err = {0};

	(void)state;
	proxy_start(&p, cluster.member[0].client_port);
	aic_etcd_config config = through(&p, true);
	aic_order o = open_order(&config);
	append_numbered(&o, "t", 0, 2);
	aic_order_head head = head_at(1, "t 1");
	proxy_arm(&p, PROXY_LATE, 1);
	assert_int_equal(append_after(&o, &head, "t 2", &err), AIC_OK);
	assert_int_equal(atomic_load(&p.done), 1);
	append_numbered(&o, "t", 3, 4);
	poll(NULL, 0, 2 * PROXY_LATE_MS);
	assert_log(&o, "t", 4);
	aic_order_close(&o);

	aic_etcd_config narrow = config;
	narrow.n_endpoints = 1;
	o = open_order(&narrow);
	head = head_at(3, "t 3");
	proxy_arm(&p, PROXY_LATE, PROXY_ALWAYS);
	assert_int_equal(append_after(&o, &head, "t 4", &err), AIC_UNREACHABLE);
	proxy_arm(&p, PROXY_PASS, 0);
	poll(NULL, 0, 2 * PROXY_LATE_MS);
	assert_log(&o, "t", 5);
	assert_int_equal(append_after(&o, &head, "t 4", &err), AIC_OK);
	assert_log(&o, "t", 5);
	aic_order_close(&o);
	proxy_stop(&p);
}

/* --- limits --- */

static void blocks_too_large_for_etcd(void **state)
{
	aic_etcd_config config = config_for(0);
	aic_order o = open_order(&config);
	aic_order_head head = {.empty = true};
	uint8_t *block = aic_xcalloc(1, AIC_ORDER_ETCD_BLOCK_MAX + 1);
	aic_hash hash = {{1}};
	aic_error err = {0};

	(void)state;
	assert_int_equal(aic_order_append_if_head(&o, &head, &hash, block, AIC_ORDER_ETCD_BLOCK_MAX + 1, &err), AIC_FULL);
	assert_non_null(strstr(err.message, "1048577 bytes is larger than the 1048576"));
	assert_true(head_of(&o).empty);
	if (aic_order_append_if_head(&o, &head, &hash, block, AIC_ORDER_ETCD_BLOCK_MAX, &err))
		fail_msg("%s", err.message);
	assert_int_equal(head_of(&o).height, 0);
	free(block);
	aic_order_close(&o);
}

static int start(void **state)
{
	(void)state;
	etcd_cluster_start(&cluster, (etcd_options){.members = 3});
	return 0;
}

static int stop(void **state)
{
	(void)state;
	etcd_cluster_stop(&cluster);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_writers_race), cmocka_unit_test(answers_get_lost), cmocka_unit_test(no_answer_at_all), cmocka_unit_test(requests_come_late), cmocka_unit_test(a_silent_endpoint),
		cmocka_unit_test(etcd_compacts_meanwhile), cmocka_unit_test(blocks_too_large_for_etcd), cmocka_unit_test(a_member_is_wiped_and_comes_back),
		cmocka_unit_test(the_leader_dies_during_appends), cmocka_unit_test(the_leader_hangs), cmocka_unit_test(quorum_is_lost_and_comes_back),
	};

	if (!etcd_installed()) {
		print_message("skipped: etcd is not installed\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, start, stop);
}
