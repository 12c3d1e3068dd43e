/* etcd_chain_test.c: three sites, each with its own state, on one etcd behind connections that lose requests and answers, with
 * its leader killed in between: one history, each transfer once, final. */
#define _GNU_SOURCE
#include <sys/stat.h>

#include "ledger/order/etcd.h"
#include "ledger/order/etcd_group.h"
#include "ledger/order/pending.h"
#include "ledger/order/proxy_testing.h"
#include "ledger/testing.h"
#include "ledger/state/token.h"

#define SITES 3
#define ROUNDS 60
#define TRIES 20

typedef struct {
	test_site site;
	proxy proxy;
	aic_etcd_config config;
	char dir[128];
	aic_amount sent, received;
} university;

static etcd_cluster cluster;
static university uni[SITES];

/* Wallet i is in the custody of site i % 3. */
static void make_genesis(aic_bytes *out)
{
	uint8_t keys[SITES][AIC_PUBLIC_LEN];
	aic_genesis_wallet wallet[TEST_WALLETS];
	aic_genesis g = {.name = "three", .parameters = aic_parameters_default, .n_members = SITES, .member = keys,
	                 .n_wallets = TEST_WALLETS, .wallet = wallet};

	memset(wallet, 0, sizeof(wallet));
	for (int i = 0; i < TEST_WALLETS; i++) {
		wallet[i].address = test_wallet((unsigned)i);
		memcpy(wallet[i].custodian, uni[i % SITES].site.key.public_key, AIC_PUBLIC_LEN);
		memset(wallet[i].organisation.b, i + 1, sizeof(wallet[i].organisation.b));
		wallet[i].amount = TEST_FUNDS;
	}
	for (int i = 0; i < SITES; i++) { /* ascending */
		int at = i;
		for (; at > 0 && memcmp(keys[at - 1], uni[i].site.key.public_key, AIC_PUBLIC_LEN) > 0; at--)
			memcpy(keys[at], keys[at - 1], AIC_PUBLIC_LEN);
		memcpy(keys[at], uni[i].site.key.public_key, AIC_PUBLIC_LEN);
	}
	aic_genesis_encode(&g, out);
}

static void open_site(university *u)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/order.pending", u->dir);
	assert_ok(aic_order_etcd(&u->site.order, &u->config, err));
	assert_ok(aic_order_pending(&u->site.order, path, err));
	snprintf(path, sizeof(path), "%s/state.db", u->dir);
	assert_ok(aic_state_open(&u->site.state, path, AIC_DB_DURABLE, err));
	assert_ok(aic_chain_open(&u->site.chain, u->site.state, &u->site.order, &u->site.key, u->site.genesis.data,
	                         u->site.genesis.len, err));
}

static void close_site(university *u)
{
	aic_state_close(u->site.state);
	aic_order_close(&u->site.order);
}

/* prefix: of another chain for each test. */
static void start_sites(const char *dir, const char *prefix)
{
	for (int i = 0; i < SITES; i++) {
		university *u = &uni[i];
		test_site_key(&u->site.key, (uint8_t)(i + 1));
		snprintf(u->dir, sizeof(u->dir), "%s/%d", dir, i);
		assert_int_equal(mkdir(u->dir, 0700), 0);
		proxy_start(&u->proxy, cluster.member[i].client_port);
		u->config = etcd_cluster_config(&cluster, i, prefix); /* the nearest member through the proxy, then the others */
		snprintf(u->config.endpoint[0], AIC_ETCD_ENDPOINT_LEN, "http://127.0.0.1:%d", u->proxy.port);
	}
	for (int i = 0; i < SITES; i++) {
		make_genesis(&uni[i].site.genesis);
		open_site(&uni[i]);
	}
}

static void stop_sites(void)
{
	for (int i = 0; i < SITES; i++) {
		close_site(&uni[i]);
		proxy_stop(&uni[i].proxy);
		aic_bytes_free(&uni[i].site.genesis);
	}
}

static aic_amount balance(university *u, int wallet)
{
	aic_address a = test_wallet((unsigned)wallet);

	return test_balance(&u->site, &a);
}

/* From the site's own wallet to the next site's, until the ledger has it; a site that was told nothing looks first. */
static void transfer(int from)
{
	university *u = &uni[from];
	int to = (from + 1) % SITES;
	aic_amount before;
	aic_error why = {0};

	for (int tries = 0; tries < TRIES; tries++) {
		assert_ok(aic_chain_catch_up(&u->site.chain, err));
		before = balance(u, from);
		aic_code code = test_transfer(&u->site, (unsigned)from, (unsigned)to, AIC_UNIT, &why);
		if (code == AIC_UNREACHABLE) {
			proxy_arm(&u->proxy, PROXY_PASS, 0);
			assert_ok(aic_chain_catch_up(&u->site.chain, err));
			if (balance(u, from) == before - AIC_UNIT)
				code = AIC_OK;
		}
		if (code == AIC_OK) {
			u->sent += AIC_UNIT;
			uni[to].received += AIC_UNIT;
			return;
		}
	}
	fail_msg("%d tries, the last: %s", TRIES, why.message);
}

static void assert_one_history(void)
{
	for (int round = 0; round < 2; round++) /* all attest, then all count */
		for (int i = 0; i < SITES; i++)
			assert_ok(aic_chain_catch_up(&uni[i].site.chain, err));
	const aic_head *first = aic_state_head(uni[0].site.state);
	for (int i = 0; i < SITES; i++) {
		const aic_head *head = aic_state_head(uni[i].site.state);
		assert_int_equal(head->height, first->height);
		assert_true(aic_hash_equal(&head->hash, &first->hash));
		assert_true(aic_hash_equal(&head->root, &first->root));
		assert_int_equal(uni[i].site.chain.final_height, head->height);
		for (int k = 0; k < SITES; k++)
			assert_true(balance(&uni[i], k) == TEST_FUNDS - uni[k].sent + uni[k].received);
		assert_true(test_sum_of_balances(&uni[i].site) == TEST_WALLETS * TEST_FUNDS);
	}
}

static void three_sites_keep_one_history(void **state)
{
	static const proxy_fault faults[] = {PROXY_PASS, PROXY_LOSE_ANSWER, PROXY_LOSE_REQUEST, PROXY_LATE};
	uint64_t seed = 20;
	int leader = -1;

	start_sites(*state, "three/");
	for (int round = 0; round < ROUNDS; round++) {
		int from = (int)(test_random(&seed) % SITES);
		proxy_arm(&uni[from].proxy, faults[test_random(&seed) % 4], 1 + (int)(test_random(&seed) % 2));
		transfer(from);
		if (round == ROUNDS / 3)
			etcd_member_kill(&cluster, leader = etcd_leader(&cluster));
		if (round == 2 * ROUNDS / 3)
			etcd_member_start(&cluster, leader, "existing");
	}
	etcd_member_ready(&cluster, leader);
	assert_one_history();
	assert_true(uni[0].sent + uni[1].sent + uni[2].sent == ROUNDS * AIC_UNIT);
	print_message("%d transfers by %d sites in %d blocks\n", ROUNDS, SITES, (int)aic_state_head(uni[0].site.state)->height);
	stop_sites();
}

/* A site dies while nobody has told it whether its block is in the log. */
static void a_site_dies_without_an_answer(void **state)
{
	static const proxy_fault faults[] = {PROXY_LOSE_ANSWER, PROXY_LOSE_REQUEST};
	memset(uni, 0, sizeof(uni));
	start_sites(*state, "again/");
	for (int i = 0; i < 2; i++) {
		university *u = &uni[i];
		u->config.n_endpoints = 1;
		close_site(u);
		open_site(u);
		proxy_arm(&u->proxy, faults[i], PROXY_ALWAYS);
		assert_int_equal(test_transfer(&u->site, (unsigned)i, (unsigned)i + 1, AIC_UNIT, NULL), AIC_UNREACHABLE);
		assert_true(balance(u, i) == TEST_FUNDS + u->received);
		close_site(u);
		proxy_arm(&u->proxy, PROXY_PASS, 0);
		open_site(u);
		assert_true(balance(u, i) == TEST_FUNDS + u->received - AIC_UNIT);
		u->sent += AIC_UNIT;
		uni[i + 1].received += AIC_UNIT;
	}
	assert_one_history();
	assert_int_equal(aic_state_head(uni[2].site.state)->height, 2);
	stop_sites();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(three_sites_keep_one_history, test_folder_make, test_folder_remove),
		cmocka_unit_test_setup_teardown(a_site_dies_without_an_answer, test_folder_make, test_folder_remove),
	};

	return etcd_group_run(tests, &cluster, .members = 3);
}
