/* etcd_partition_test.c: the leader is cut off from the other two members by network namespaces, while sites reach all of them: who
 * asks the cut-off member alone writes and reads nothing, the others go on, and afterwards there is one log. */
#define _GNU_SOURCE
#include <poll.h>
#include <unistd.h>

#include "common/time.h"
#include "ledger/order/etcd_group.h"
#include "ledger/order/log_testing.h"
#include "ledger/order/pending.h"

#define RECOVERY_MS 5000
#define HEALED_MS 15000

static etcd_cluster cluster;

static aic_code head_code(aic_order *o, aic_error *err)
{
	aic_order_head head;

	return aic_order_head_get(o, &head, err);
}

/* Milliseconds until it is in the log. */
static int64_t append_until_done(aic_order *o, const aic_order_head *after, const char *text)
{
	int64_t start = aic_monotonic_ms();
	aic_error err = {0};

	while (test_append_after(o, after, text, &err)) {
		if (err.code != AIC_UNREACHABLE || aic_monotonic_ms() - start > HEALED_MS)
			fail_msg("%s", err.message);
	}
	return aic_monotonic_ms() - start;
}

static void the_leader_is_cut_off(void **state)
{
	int leader = etcd_leader(&cluster);
	aic_etcd_config all = test_config(&cluster, leader), alone = all;
	char path[160];
	aic_error err = {0};
	bool more;

	alone.n_endpoints = 1; /* a site on the leader's side */
	aic_order majority = test_open_order(&all), minority = test_open_order(&alone);
	snprintf(path, sizeof(path), "%s/pending", (char *)*state);
	assert_int_equal(aic_order_pending(&minority, path, NULL), AIC_OK);
	test_append_numbered(&majority, "before", 0, 5);
	aic_order_head head = test_head_of(&minority);

	etcd_member_cut(&cluster, leader);
	/* its old leader may hold the block, but never a majority */
	assert_int_equal(test_append_after(&minority, &head, "of the minority", &err), AIC_UNREACHABLE);
	int64_t ms = append_until_done(&majority, &head, "before 5");
	print_message("the majority writes again %.2f s after the minority gave up\n", (double)ms / 1000);
	assert_in_range(ms, 0, RECOVERY_MS);
	head = test_head_of(&majority);
	assert_int_equal(head.height, 5);
	test_append_numbered(&majority, "before", 6, 10);
	assert_int_equal(head_code(&minority, &err), AIC_UNREACHABLE); /* no old head as if it were news */
	assert_int_equal(aic_order_watch(&minority, 5, 500, &more, &err), AIC_UNREACHABLE);
	assert_int_equal(access(path, F_OK), 0);

	etcd_member_heal(&cluster, leader);
	for (int64_t end = aic_monotonic_ms() + HEALED_MS; head_code(&minority, &err) && aic_monotonic_ms() < end;)
		poll(NULL, 0, 100);
	assert_int_equal(head_code(&minority, &err), AIC_OK);
	assert_int_not_equal(access(path, F_OK), 0); /* what became of its block is known: another was first */
	test_assert_log(&minority, "before", 10);
	test_append_numbered(&minority, "before", 10, 12);
	test_assert_log(&majority, "before", 12);
	aic_order_close(&majority);
	aic_order_close(&minority);
}

/* Cut off and healed again and again while somebody writes: each block once. */
static void it_comes_and_goes(void **state)
{
	aic_etcd_config all = test_config(&cluster, 0);
	aic_order o = test_open_order(&all);

	(void)state;
	test_append_numbered(&o, "w", 0, 1);
	for (int i = 1; i < 9; i++) {
		aic_order_head after = test_head_of(&o);
		char text[TEST_TEXT_MAX];
		int member = i / 2 % 3;

		if (i % 2)
			etcd_member_cut(&cluster, member);
		append_until_done(&o, &after, test_name(text, "w", i));
		if (i % 2 == 0)
			etcd_member_heal(&cluster, (i - 1) / 2 % 3);
	}
	test_assert_log(&o, "w", 9);
	aic_order_close(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_leader_is_cut_off, test_folder_make, test_folder_remove),
		cmocka_unit_test_setup_teardown(it_comes_and_goes, test_folder_make, test_folder_remove),
	};
	const char *why;

	if (!etcd_netns_allowed(&why)) {
		print_message("skipped: %s\n", why);
		return 0;
	}
	return etcd_group_run(tests, &cluster, .members = 3, .netns = true);
}
