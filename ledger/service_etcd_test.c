/* service_etcd_test.c: aicledgerd over a real etcd: it starts and answers without it, stops writing where etcd has lost or changed
 * blocks, puts them back, says when its quota nears and is reached, and goes on when the leader is killed. */
#define _GNU_SOURCE
#include <poll.h>

#include "common/time.h"
#include "ledger/order/etcd_group.h"
#include "ledger/service_testing.h"

#define AT_ONCE_MS 700
#define TRY_FOR_MS 20000
#define QUOTA (24u << 20)

static etcd_cluster cluster, small; /* three members for most tests; one with a quota for its own */

/* --- helpers --- */

/* A prefix for each test, as for another chain. */
static int begin_on(void **state, const etcd_cluster *c)
{
	static int number;
	char prefix[16];
	aic_error err = {0};

	if (test_service_open(state))
		return -1;
	aic_service_close(&test_service); /* it was a local one */
	snprintf(test_config.state_dir, sizeof(test_config.state_dir), "%s/shared", (char *)*state);
	aic_str_copy(test_config.order, sizeof(test_config.order), "etcd");
	snprintf(prefix, sizeof(prefix), "s%d/", number++);
	test_config.etcd = etcd_cluster_config(c, 0, prefix);
	if (aic_service_open(&test_service, &test_config, &err))
		print_error("%s\n", err.message);
	return err.code ? -1 : 0;
}

static int three_members(void **state)
{
	return begin_on(state, &cluster);
}

static int one_small_member(void **state)
{
	etcd_cluster_start(&small, (etcd_options){.members = 1, .quota = QUOTA});
	return begin_on(state, &small);
}

static int end_small(void **state)
{
	int rc = test_service_close(state);

	etcd_cluster_stop(&small);
	return rc;
}

static aic_code transfer(aic_error *err)
{
	aic_bytes args = {0}, out = {0};
	aic_cbor c;

	aic_cbor_put_text(&args, "genesis/operating");
	aic_cbor_put_text(&args, "genesis/team");
	aic_cbor_put_amount(&args, AIC_UNIT);
	aic_code code = test_ask(TEST_ADMIN_UID, "transfer", &args, &out, &c, err);
	aic_bytes_free(&out);
	return code;
}

typedef struct {
	uint64_t height, final, first, used, quota;
	char log[768];
	bool full;
} status;

static status status_now(void)
{
	aic_bytes args = {0}, out = {0};
	aic_hash hash;
	status s;
	aic_cbor c;
	char chain[80];

	assert_ok(test_ask(TEST_USER_UID, "status", &args, &out, &c, err));
	s.height = aic_cbor_uint(&c);
	aic_cbor_bytes_exact(&c, hash.b, AIC_HASH_LEN);
	aic_cbor_bytes_exact(&c, hash.b, AIC_HASH_LEN);
	aic_cbor_uint(&c);
	aic_cbor_int(&c);
	s.final = aic_cbor_uint(&c);
	aic_cbor_text(&c, chain, sizeof(chain));
	aic_cbor_text(&c, s.log, sizeof(s.log));
	s.first = aic_cbor_uint(&c);
	s.used = aic_cbor_uint(&c);
	s.quota = aic_cbor_uint(&c);
	s.full = aic_cbor_bool(&c);
	aic_cbor_uint(&c); /* nodes that draw */
	assert_ok(aic_cbor_finish(&c, err));
	aic_bytes_free(&out);
	return s;
}

/* Ticks as aicledgerd does, until the condition holds. */
#define TICK_UNTIL(condition)                                             \
	do {                                                                  \
		int64_t end_ = aic_monotonic_ms() + TRY_FOR_MS;                   \
		bool held_;                                                       \
		while (aic_service_tick(&test_service), !(held_ = (condition)) && aic_monotonic_ms() < end_) \
			poll(NULL, 0, 50);                                            \
		if (!held_)                                                       \
			fail_msg("not within %d s: %s", TRY_FOR_MS / 1000, #condition); \
	} while (0)

static bool followed(void)
{
	return test_service.log.code == AIC_OK;
}

static void transfers(int n)
{
	for (int i = 0; i < n; i++)
		assert_ok(transfer(err));
}

static void kill_all(void)
{
	for (int i = 0; i < cluster.options.members; i++)
		etcd_member_kill(&cluster, i);
}

static void start_all(void)
{
	for (int i = 0; i < cluster.options.members; i++)
		etcd_member_start(&cluster, i, "existing");
	for (int i = 0; i < cluster.options.members; i++)
		etcd_member_ready(&cluster, i);
}

static void reopen(void)
{
	aic_service_close(&test_service);
	assert_ok(aic_service_open(&test_service, &test_config, err));
}

/* Every operation and every tick is quick, the writing ones with the reason. */
static void assert_waits_for_nobody(uint64_t height)
{
	int64_t start = aic_monotonic_ms();
	status s = status_now();

	assert_int_equal(s.height, height);
	assert_non_null(strstr(s.log, "does not answer, and nothing is written"));
	assert_fails(transfer(err), AIC_UNREACHABLE, "does not answer, and nothing is written");
	aic_service_tick(&test_service);
	assert_in_range(aic_monotonic_ms() - start, 0, AT_ONCE_MS);
}

/* --- outages --- */

static void it_goes_on_without_etcd(void **state)
{
	(void)state;
	transfers(3);
	TICK_UNTIL(status_now().final == 3);
	kill_all();
	TICK_UNTIL(!followed());
	assert_waits_for_nobody(3);
	reopen(); /* it starts, too */
	assert_waits_for_nobody(3);
	start_all();
	TICK_UNTIL(followed());
	transfers(2);
	TICK_UNTIL(status_now().final == 5);
	assert_string_equal(status_now().log, "");
}

/* No copy, and no etcd: each request is told so, until there is one. */
static void its_first_start(void **state)
{
	aic_bytes args = {0}, out = {0};
	aic_cbor c;

	kill_all();
	aic_service_close(&test_service);
	snprintf(test_config.state_dir, sizeof(test_config.state_dir), "%s/fresh", (char *)*state);
	assert_ok(aic_service_open(&test_service, &test_config, err));
	assert_fails(test_ask(TEST_USER_UID, "status", &args, &out, &c, err), AIC_UNREACHABLE, "no copy of the ledger yet: ");
	assert_fails(transfer(err), AIC_UNREACHABLE, "no copy of the ledger yet: ");
	aic_service_tick(&test_service);
	for (int i = 0; i < cluster.options.members; i++)
		etcd_member_wipe(&cluster, i);
	for (int i = 0; i < cluster.options.members; i++)
		etcd_member_start(&cluster, i, "new");
	TICK_UNTIL(test_service.started);
	transfers(1);
	aic_bytes_free(&out);
}

/* --- etcd that forgets, or lies --- */

static aic_code reseed(bool apply, aic_error *err)
{
	aic_bytes args = {0}, out = {0};
	aic_cbor c;
	bool done = false;

	aic_cbor_put_bool(&args, apply);
	aic_code code = test_ask(TEST_ADMIN_UID, "reseed", &args, &out, &c, err);
	for (int64_t end = aic_monotonic_ms() + TRY_FOR_MS; !code && !done && aic_monotonic_ms() < end; poll(NULL, 0, 20))
		if (!(code = test_ask(TEST_ADMIN_UID, "reseed_result", &args, &out, &c, err)))
			done = aic_cbor_bool(&c);
	aic_bytes_free(&out);
	assert_true(code || done);
	return code;
}

static void delete(const char *key, const char *end)
{
	char from[AIC_NAME_LEN + 64], to[AIC_NAME_LEN + 64];

	snprintf(from, sizeof(from), "%s%s", test_config.etcd.prefix, key);
	snprintf(to, sizeof(to), "%s%s", test_config.etcd.prefix, end ? end : "");
	etcd_do(&test_config.etcd, "kv/deleterange", aic_etcd_delete(from, end ? to : NULL));
}

static void assert_stopped(uint64_t height, const char *why)
{
	TICK_UNTIL(test_service.log.code == AIC_CORRUPT && strstr(status_now().log, why));
	assert_int_equal(status_now().height, height);
	assert_fails(transfer(err), AIC_CORRUPT, why);
}

static void assert_mended(void)
{
	assert_ok(reseed(false, err));
	aic_service_tick(&test_service);
	assert_false(followed());
	assert_ok(reseed(true, err));
	TICK_UNTIL(followed());
	assert_ok(transfer(err));
	uint64_t height = status_now().height;
	TICK_UNTIL(status_now().final == height);
}

static void what_etcd_loses_is_put_back(void **state)
{
	aic_bytes args = {0}, out = {0};
	aic_cbor c;
	char key[AIC_NAME_LEN + 64];

	(void)state;
	transfers(4);
	assert_fails(test_ask(TEST_ADMIN_UID, "reseed_result", &args, &out, &c, err), AIC_NOT_FOUND, "nobody has asked");
	aic_cbor_put_bool(&args, true);
	assert_fails(test_ask(TEST_SERVICE_UID, "reseed", &args, &out, &c, err), AIC_REFUSED, "that is for administrators");
	aic_bytes_free(&out);

	delete("", "~"); /* all of it */
	assert_stopped(4, "the log ends at height 0, this site's copy at 4");
	assert_mended();

	/* head and block as they were two heights ago */
	delete("blk/00000000000000000004", "blk0");
	snprintf(key, sizeof(key), "%shead", test_config.etcd.prefix);
	aic_hash hash;
	char hex[2 * AIC_HASH_LEN + 1], head[2 * AIC_HASH_LEN + 32];
	assert_ok(aic_state_hash_at(test_service.state, 3, &hash, err));
	aic_hash_hex(hex, &hash);
	snprintf(head, sizeof(head), "%020d %s", 3, hex);
	etcd_do(&test_config.etcd, "kv/put", aic_etcd_put(key, head, strlen(head)));
	assert_stopped(5, "the log ends at height 3, this site's copy at 5");
	assert_mended();

	/* another block at the very height that this site has attested */
	snprintf(key, sizeof(key), "%sblk/%020d", test_config.etcd.prefix, 6);
	etcd_do(&test_config.etcd, "kv/put", aic_etcd_put(key, "forged", 6));
	assert_stopped(6, "the log holds another block at height 6");
	reopen();
	assert_stopped(6, "the log holds another block at height 6");
	assert_mended();
	assert_int_equal(status_now().height, 7);
}

/* --- quota --- */

/* Half a MiB of something else. */
static aic_code fill(aic_error *why)
{
	static int number;
	char key[16];
	aic_etcd *e;
	json_t *answer = NULL;
	uint8_t *junk = aic_xcalloc(1, 1u << 19);

	snprintf(key, sizeof(key), "junk%d", number++);
	assert_ok(aic_etcd_open(&e, &test_config.etcd, err));
	aic_code code = aic_etcd_call(e, "kv/put", aic_etcd_put(key, junk, 1u << 19), 0, &answer, why);
	json_decref(answer);
	aic_etcd_close(e);
	free(junk);
	return code;
}

static uint64_t stored(void)
{
	json_t *answer = etcd_ask(&test_config.etcd, 0, "maintenance/status", json_object());
	uint64_t size = strtoull(json_string_value(json_object_get(answer, "dbSize")), NULL, 10);

	json_decref(answer);
	return size;
}

static void look_at_room(void)
{
	test_service.kept = 0;
	aic_service_tick(&test_service);
	poll(NULL, 0, 200);
}

static void its_quota_nears_and_is_reached(void **state)
{
	aic_error why = {0};
	aic_code code = AIC_OK;

	(void)state;
	transfers(2);
	TICK_UNTIL((look_at_room(), status_now().quota == QUOTA && status_now().used > 0));
	assert_false(status_now().full);
	while (stored() < QUOTA / 100 * 82)
		assert_ok(fill(err));
	aic_service_close(&test_service); /* and not the 15 s until the relay looks again */
	assert_ok(aic_service_open(&test_service, &test_config, err));
	TICK_UNTIL((look_at_room(), status_now().used > (uint64_t)QUOTA * 8 / 10)); /* and the log has the warning */
	while (!code)
		code = fill(&why);
	assert_int_equal(code, AIC_FULL);
	assert_fails(transfer(err), AIC_FULL, "its quota is used up, and nothing is written until");
	uint64_t height = status_now().height;
	reopen();
	TICK_UNTIL((look_at_room(), status_now().full));
	assert_int_equal(status_now().height, height);
	assert_fails(transfer(err), AIC_FULL, "its quota is used up");

	etcd_make_room(&test_config.etcd, "junk", "junl");
	TICK_UNTIL(followed());
	transfers(2);
	height = status_now().height;
	TICK_UNTIL(status_now().final == height);
}

/* --- the leader --- */

static aic_amount received(void)
{
	aic_address a;
	aic_wallet w;

	assert_ok(aic_custody_find(test_service.custody, "genesis/team", &a, err));
	assert_ok(aic_state_wallet(test_service.state, &a, &w, err));
	return w.balance;
}

static bool pays_and_is_final(aic_amount *paid)
{
	aic_amount before = received();
	aic_error why = {0};
	aic_code code = transfer(&why);

	if (code) { /* it may be there all the same, then or later */
		*paid += received() - before;
		return false;
	}
	*paid += AIC_UNIT;
	uint64_t height = status_now().height;
	for (int64_t end = aic_monotonic_ms() + 2000; status_now().final < height && aic_monotonic_ms() < end; poll(NULL, 0, 10))
		aic_service_tick(&test_service);
	return status_now().final >= height;
}

static void the_leader_is_killed(void **state)
{
	aic_amount first = received(), paid = 0;

	(void)state;
	transfers(5);
	for (int round = 0; round < 2; round++) {
		aic_amount before = received();
		int leader = etcd_leader(&cluster);
		etcd_member_kill(&cluster, leader);
		int64_t start = aic_monotonic_ms();
		TICK_UNTIL(pays_and_is_final(&paid));
		int64_t ms = aic_monotonic_ms() - start;
		print_message("final again %.2f s after the leader's death\n", (double)ms / 1000);
		TICK_UNTIL(followed());
		/* what was told to have failed may be in the log by now: each block once */
		assert_true(received() >= before + AIC_UNIT);
		etcd_member_start(&cluster, leader, "existing");
		etcd_member_ready(&cluster, leader);
	}
	uint64_t height = status_now().height;
	assert_true(received() == first + height * AIC_UNIT); /* one transfer a block, none lost, none doubled */
	transfers(3);
	assert_true(received() == first + (height + 3) * AIC_UNIT);
}

/* History is compacted again and again while blocks are written and read. */
static void compaction_under_way(void **state)
{
	(void)state;
	for (int i = 0; i < 30; i++) {
		assert_ok(transfer(err));
		json_t *answer = etcd_ask(&test_config.etcd, i % 3, "kv/range", aic_etcd_get("x", NULL, 0, false));
		etcd_do(&test_config.etcd, "kv/compaction", json_pack("{s:O, s:b}", "revision",
		                                                      json_object_get(json_object_get(answer, "header"), "revision"),
		                                                      "physical", i % 2));
		json_decref(answer);
		if (i % 10 == 9)
			etcd_do(&test_config.etcd, "maintenance/defragment", json_object());
		aic_service_tick(&test_service);
	}
	TICK_UNTIL(followed() && status_now().final == 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(it_goes_on_without_etcd, three_members, test_service_close),
		cmocka_unit_test_setup_teardown(its_first_start, three_members, test_service_close),
		cmocka_unit_test_setup_teardown(what_etcd_loses_is_put_back, three_members, test_service_close),
		cmocka_unit_test_setup_teardown(its_quota_nears_and_is_reached, one_small_member, end_small),
		cmocka_unit_test_setup_teardown(the_leader_is_killed, three_members, test_service_close),
		cmocka_unit_test_setup_teardown(compaction_under_way, three_members, test_service_close),
	};

	return etcd_group_run(tests, &cluster, .members = 3);
}
