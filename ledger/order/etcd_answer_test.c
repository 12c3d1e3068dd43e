/* etcd_answer_test.c: the order on a real etcd with two writers, and on connections that lose requests and answers: nothing is
 * lost, nothing doubled. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ledger/order/etcd_group.h"
#include "ledger/order/log_testing.h"
#include "ledger/order/proxy_testing.h"

#define RACE_APPENDS 100 /* by each of two writers */

static etcd_cluster cluster;

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
		char text[TEST_TEXT_MAX];
		aic_code code = aic_order_head_get(&o, &head, &err);

		snprintf(text, sizeof(text), "%s %d attempt %d", r->who, done, attempt);
		if (!code)
			code = test_append_after(&o, &head, text, &err);
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
	aic_etcd_config config = test_config(&cluster, 0), other = config;
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
	aic_order o = test_open_order(&config);
	test_blocks b = test_read_all(&o);
	assert_int_equal(b.count, 2 * RACE_APPENDS);
	for (int i = 0; i < 2; i++) { /* each height was given to one writer, and holds what that one wrote */
		for (int k = 0; k < RACE_APPENDS; k++) {
			char text[TEST_TEXT_MAX];
			assert_in_range(r[i].height[k], 0, b.count - 1);
			char *stored = b.text[r[i].height[k]];
			test_name(text, r[i].who, k);
			assert_memory_equal(stored, text, strlen(text));
			stored[0] = '\0';
		}
	}
	print_message("%d appends by two writers, %d refused\n", 2 * RACE_APPENDS, r[0].refused + r[1].refused);
	assert_true(r[0].refused + r[1].refused > 0);
	free(b.text);
	aic_order_close(&o);
}

/* --- lost answers --- */

static aic_etcd_config through(const proxy *p, bool and_directly)
{
	aic_etcd_config config = test_config(&cluster, 0);

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
	aic_order o = test_open_order(&config);
	for (int i = 0; i < 40; i++) {
		if (i % 2)
			proxy_arm(&p, faults[i / 2 % 2], 1 + i % 3);
		test_append_numbered(&o, "l", i, i + 1);
		if (i % 2)
			assert_int_equal(atomic_load(&p.done), 1 + i % 3);
		proxy_arm(&p, PROXY_LOSE_ANSWER, 1);
		assert_int_equal(aic_order_attest(&o, &site, (uint64_t)i, "mine", 4, NULL), AIC_OK);
		assert_int_equal(aic_order_attest(&o, &site, (uint64_t)i, "other", 5, NULL), AIC_REFUSED);
	}
	proxy_arm(&p, PROXY_HOLD_ANSWER, 1);
	test_append_numbered(&o, "l", 40, 41);
	assert_int_equal(atomic_load(&p.done), 1);
	test_assert_log(&o, "l", 41);
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
	aic_order o = test_open_order(&config), other = test_open_order(&direct);
	test_append_numbered(&o, "n", 0, 3);

	aic_order_head head = test_head_at(2, "n 2"), next = test_head_at(3, "n 3");
	proxy_arm(&p, PROXY_LOSE_ANSWER, PROXY_ALWAYS); /* it is in the log, and the writer cannot know */
	assert_int_equal(test_append_after(&o, &head, "n 3", &err), AIC_UNREACHABLE);
	test_assert_log(&other, "n", 4);
	proxy_arm(&p, PROXY_PASS, 0);
	assert_int_equal(test_append_after(&o, &head, "n 3", &err), AIC_OK);
	test_assert_log(&other, "n", 4);

	proxy_arm(&p, PROXY_LOSE_REQUEST, PROXY_ALWAYS); /* it is not, and another writer comes first */
	assert_int_equal(test_append_after(&o, &next, "mine", &err), AIC_UNREACHABLE);
	test_assert_log(&other, "n", 4);
	test_append_numbered(&other, "n", 4, 5);
	proxy_arm(&p, PROXY_PASS, 0);
	assert_int_equal(test_append_after(&o, &next, "mine", &err), AIC_REFUSED);
	test_assert_log(&o, "n", 5);
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
	aic_order o = test_open_order(&config);
	aic_order_head empty = {.empty = true};
	proxy_arm(&p, PROXY_LOSE_REQUEST, PROXY_ALWAYS);
	assert_int_equal(test_append_after(&o, &empty, "s 0", NULL), AIC_UNREACHABLE);
	proxy_arm(&p, PROXY_PASS, 0);
	assert_int_equal(test_append_after(&o, &empty, "s 0", NULL), AIC_OK);
	test_assert_log(&o, "s", 1);
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
	aic_order o = test_open_order(&config);
	test_append_numbered(&o, "t", 0, 2);
	aic_order_head head = test_head_at(1, "t 1");
	proxy_arm(&p, PROXY_LATE, 1);
	assert_int_equal(test_append_after(&o, &head, "t 2", &err), AIC_OK);
	assert_int_equal(atomic_load(&p.done), 1);
	test_append_numbered(&o, "t", 3, 4);
	poll(NULL, 0, 2 * PROXY_LATE_MS);
	test_assert_log(&o, "t", 4);
	aic_order_close(&o);

	aic_etcd_config narrow = config;
	narrow.n_endpoints = 1;
	o = test_open_order(&narrow);
	head = test_head_at(3, "t 3");
	proxy_arm(&p, PROXY_LATE, PROXY_ALWAYS);
	assert_int_equal(test_append_after(&o, &head, "t 4", &err), AIC_UNREACHABLE);
	proxy_arm(&p, PROXY_PASS, 0);
	poll(NULL, 0, 2 * PROXY_LATE_MS);
	test_assert_log(&o, "t", 5);
	assert_int_equal(test_append_after(&o, &head, "t 4", &err), AIC_OK);
	test_assert_log(&o, "t", 5);
	aic_order_close(&o);
	proxy_stop(&p);
}

/* --- limits --- */

static void blocks_too_large_for_etcd(void **state)
{
	aic_etcd_config config = test_config(&cluster, 0);
	aic_order o = test_open_order(&config);
	aic_order_head head = {.empty = true};
	uint8_t *block = aic_xcalloc(1, AIC_ORDER_ETCD_BLOCK_MAX + 1);
	aic_hash hash = {{1}};
	aic_error err = {0};

	(void)state;
	assert_int_equal(aic_order_append_if_head(&o, &head, &hash, block, AIC_ORDER_ETCD_BLOCK_MAX + 1, &err), AIC_FULL);
	assert_non_null(strstr(err.message, "1048577 bytes is larger than the 1048576"));
	assert_true(test_head_of(&o).empty);
	if (aic_order_append_if_head(&o, &head, &hash, block, AIC_ORDER_ETCD_BLOCK_MAX, &err))
		fail_msg("%s", err.message);
	assert_int_equal(test_head_of(&o).height, 0);
	free(block);
	aic_order_close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_writers_race),
		cmocka_unit_test(answers_get_lost),
		cmocka_unit_test(no_answer_at_all),
		cmocka_unit_test(a_silent_endpoint),
		cmocka_unit_test(requests_come_late),
		cmocka_unit_test(blocks_too_large_for_etcd),
	};

	return etcd_group_run(tests, &cluster, .members = 3);
}
