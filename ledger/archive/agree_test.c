/* agree_test.c: three that must come to one state root, on a real etcd whose window has moved on: a site that joins late, one that was
 * cut off for a thousand blocks, and one restored from an older backup. Two other sites go on meanwhile and serve their archives. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "ledger/archive/join.h"
#include "ledger/archive/server.h"
#include "ledger/audit/verify.h"
#include "ledger/backup.h"
#include "ledger/order/etcd.h"
#include "ledger/order/etcd_testing.h"
#include "ledger/service.h"
#include "ledger/state/member.h"
#include "ledger/testing.h"

#define WRITERS 2
#define AWAY 1000
#define WINDOW 256
#define UID 900
#define TICKS 400

typedef struct {
	aic_config config;
	aic_service service;
	aic_archive_server *server;
} university;

static etcd_cluster cluster;
static char root[64], chain[65];
static aic_key key[3];      /* of the member sites; the third comes and goes */
static int port[WRITERS];
static university writer[WRITERS];

static int free_port(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(bind(s, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(s, (struct sockaddr *)&a, &len), 0);
	close(s);
	return ntohs(a.sin_port);
}

/* --- sites --- */

static void write_genesis(const char *path)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fprintf(f, "name: three\nwallets:\n  - {wallet: genesis/operating, amount: 5000}\n  - {wallet: genesis/team, amount: 5000}\nmembers:\n");
	for (int i = 0; i < 3; i++) {
		char hex[2 * AIC_PUBLIC_LEN + 1];

		aic_hex(hex, key[i].public_key, AIC_PUBLIC_LEN);
		fprintf(f, "  - %s\n", hex);
	}
	fclose(f);
}

static void make_key(const char *name, aic_key *k)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s/keys", root, name);
	assert_ok(aic_dir_make(path, 0700, err));
	snprintf(path, sizeof(path), "%s/%s/keys/site.key", root, name);
	assert_ok(aic_key_open(k, path, err));
}

static void configure(aic_config *c, const char *name)
{
	memset(c, 0, sizeof(*c));
	snprintf(c->state_dir, sizeof(c->state_dir), "%s/%s", root, name);
	snprintf(c->genesis, sizeof(c->genesis), "%s/genesis.yaml", root);
	aic_str_copy(c->order, sizeof(c->order), "etcd");
	aic_str_copy(c->chain, sizeof(c->chain), chain);
	c->etcd = etcd_cluster_config(&cluster, 0, "agree/");
	c->uid = UID;
	for (int i = 0; i < WRITERS; i++) {
		aic_peer_config *p = &c->archive.peer[c->archive.n_peers++];

		snprintf(p->url, sizeof(p->url), "https://127.0.0.1:%d", port[i]);
		memcpy(p->key, key[i].public_key, AIC_PUBLIC_LEN);
	}
}

static void open_site(university *u, const char *name)
{
	configure(&u->config, name);
	assert_ok(aic_service_open(&u->service, &u->config, err));
	u->service.window = (aic_window){.blocks = WINDOW, .bytes = 1u << 30, .step = 32};
}

static const aic_head *head(const university *u)
{
	return aic_state_head(u->service.state);
}

static void tick(university *u)
{
	u->service.kept = 0; /* the window too */
	aic_service_tick(&u->service);
}

static void transfer(university *u)
{
	aic_rpc_caller admin = {.uid = 0};
	aic_bytes args = {0}, out = {0};
	aic_cbor in;
	size_t items;

	aic_cbor_put_text(&args, "genesis/operating");
	aic_cbor_put_text(&args, "genesis/team");
	aic_cbor_put_amount(&args, 1);
	for (int tries = 0;; tries++) {
		aic_error err = {0};

		aic_cbor_init(&in, args.data, args.len);
		if (aic_service_handle(&u->service, &admin, "transfer", &in, &out, &items, &err) == AIC_OK)
			break;
		if (tries == 100)
			fail_msg("transfer: %s", err.message);
		aic_service_tick(&u->service);
		usleep(10000);
	}
	aic_bytes_free(&args);
	aic_bytes_free(&out);
}

/* The first writes, the second attests; the third, where it is there, follows. */
static void grow(int blocks, university *third)
{
	uint64_t end = head(&writer[0])->height + (uint64_t)blocks;

	while (head(&writer[0])->height < end) {
		transfer(&writer[0]);
		if (head(&writer[0])->height % 4 == 0 || head(&writer[0])->height >= end) {
			aic_service_tick(&writer[1].service);
			aic_service_tick(&writer[0].service);
			if (third)
				aic_service_tick(&third->service);
		}
	}
}

/* The log itself, past all that the sites have in memory. */
static void look(aic_order_head *top, aic_order_space *space)
{
	aic_etcd_config config = etcd_cluster_config(&cluster, 0, "agree/");
	aic_order o;

	assert_ok(aic_order_etcd(&o, &config, err));
	assert_ok(aic_order_head_get(&o, top, err));
	assert_ok(aic_order_space_get(&o, space, err));
	aic_order_close(&o);
}

static uint64_t first_in_log(void)
{
	aic_order_head top;
	aic_order_space space;

	look(&top, &space);
	return space.first;
}

/* The log is followed by threads of its own, so that it takes some ticks. */
static void assert_agrees(university *u)
{
	aic_order_head top;
	aic_order_space space;

	look(&top, &space);
	for (int i = 0; i < TICKS && (head(u)->height < top.height || head(&writer[0])->height < top.height); i++) {
		aic_service_tick(&u->service);
		aic_service_tick(&writer[0].service);
		usleep(20000);
	}
	if (head(u)->height != top.height)
		fail_msg("it stands at height %d of %d: %s", (int)head(u)->height, (int)top.height, u->service.log.message);
	assert_memory_equal(&head(u)->hash, &top.hash, sizeof(top.hash));
	assert_memory_equal(&head(u)->root, &head(&writer[0])->root, AIC_HASH_LEN);
}

static void assert_verifies(const char *name)
{
	char dir[200];
	aic_verified v;

	snprintf(dir, sizeof(dir), "%s/%s/ledger", root, name);
	assert_ok(aic_ledger_verify(dir, root, NULL, NULL, &v, err));
	assert_int_equal(v.blocks, head(&writer[0])->height + 1);
	print_message("%s verifies: %d blocks, %d attestations\n", name, (int)v.blocks, (int)v.attestations);
	assert_true(v.attestations >= v.blocks); /* what others attested came with the blocks */
}

/* --- the three --- */

/* The two that are there admit a fourth. */
static void admit(const aic_key *fourth)
{
	aic_bytes body = {0};
	aic_posted posted;

	aic_site_admit_body(&body, head(&writer[0])->height + 100, fourth->public_key);
	for (int i = 0; i < WRITERS; i++) {
		aic_error why = {0};
		int tries = 0;

		while (aic_chain_post(&writer[i].service.chain, AIC_TX_SITE_ADMIT, &body, &posted, &why)) {
			if (++tries == TICKS)
				fail_msg("admit: %s", why.message);
			aic_service_tick(&writer[i].service);
			usleep(10000);
		}
	}
	aic_bytes_free(&body);
}

static void join_late(const char *name, const aic_key *me)
{
	aic_checkpoint checkpoint = {.height = writer[1].service.archive.next - 1}; /* final, and in that site's archive */
	aic_source source;
	aic_head joined;
	aic_config config;
	char dir[200];

	configure(&config, name);
	snprintf(dir, sizeof(dir), "%s/%s/ledger", root, name);
	assert_ok(aic_dir_make(dir, 0750, err));
	assert_ok(aic_state_hash_at(writer[0].service.state, checkpoint.height, &checkpoint.hash, err));
	assert_ok(aic_source_peer(&source, config.archive.peer[1].url, me, (const uint8_t (*)[AIC_PUBLIC_LEN])config.archive.peer[1].key,
	                          1, err));
	assert_ok(aic_ledger_join(dir, chain, &checkpoint, &source, 1, NULL, NULL, &joined, err));
	aic_source_close(&source);
	assert_true(joined.height >= checkpoint.height && checkpoint.height > AWAY);
}

/* Yesterday's backup, keys and all. */
static void back_up(const char *name)
{
	char state[200], to[200];
	aic_backed_up done;

	snprintf(state, sizeof(state), "%s/%s", root, name);
	snprintf(to, sizeof(to), "%s/backup", root);
	assert_ok(aic_ledger_backup(state, to, AIC_BACKUP_PLAIN_KEYS, NULL, &done, err));
}

/* Today the disk is lost. */
static void restore(const char *name)
{
	char state[200], from[200];
	aic_restored done;

	snprintf(state, sizeof(state), "%s/%s", root, name);
	snprintf(from, sizeof(from), "%s/backup", root);
	assert_int_equal(nftw(state, test_remove_entry, 16, FTW_DEPTH | FTW_PHYS), 0);
	assert_ok(aic_dir_make(state, 0750, err));
	assert_ok(aic_ledger_restore(state, from, root, NULL, NULL, NULL, &done, err));
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void three_agree(void **state)
{
	university third = {.server = NULL}, fourth = {.server = NULL};
	aic_key late;
	double began = seconds();

	(void)state;
	open_site(&third, "cut-off");
	grow(40, &third);
	assert_agrees(&third);
	aic_service_close(&third.service);
	back_up("cut-off");
	open_site(&third, "cut-off");
	grow(20, &third);
	assert_agrees(&third);
	uint64_t left = head(&third)->height;
	aic_service_close(&third.service);

	grow(AWAY, NULL);
	for (int i = 0; i < TICKS && first_in_log() <= left + AWAY / 2; i++) {
		tick(&writer[1]);
		tick(&writer[0]);
		usleep(20000);
	}
	assert_true(first_in_log() > left + AWAY / 2); /* etcd has no more of what they lack */
	print_message("%d blocks, the log begins at %d: %.1f s\n", (int)head(&writer[0])->height, (int)first_in_log(), seconds() - began);

	began = seconds();
	open_site(&third, "cut-off");
	assert_int_equal(head(&third)->height, left);
	assert_agrees(&third);
	print_message("cut off for %d blocks: %.1f s\n", (int)(head(&third)->height - left), seconds() - began);
	grow(3, &third); /* and it takes part again */
	assert_agrees(&third);
	aic_service_close(&third.service);
	assert_verifies("cut-off");

	began = seconds();
	restore("cut-off");
	open_site(&third, "cut-off");
	assert_int_equal(head(&third)->height, left - 20);
	assert_agrees(&third);
	print_message("restored from a backup %d blocks old: %.1f s\n", (int)(head(&third)->height - left + 20), seconds() - began);
	grow(3, &third);
	assert_agrees(&third);
	aic_service_close(&third.service);

	began = seconds();
	make_key("late", &late);
	configure(&fourth.config, "late");
	assert_fails(aic_service_open(&fourth.service, &fourth.config, err), AIC_NOT_FOUND, "this site has no copy yet");
	admit(&late);
	assert_agrees(&writer[1]);
	join_late("late", &late);
	print_message("joined late, %d blocks: %.1f s\n", (int)head(&writer[0])->height, seconds() - began);
	open_site(&fourth, "late");
	assert_agrees(&fourth);
	grow(AIC_MEMBER_DELAY + 8, &fourth); /* it counts by now: without it nothing becomes final, as the third is away */
	assert_agrees(&fourth);
	for (int i = 0; i < TICKS && writer[0].service.chain.final_height < head(&writer[0])->height; i++) {
		aic_service_tick(&writer[1].service);
		aic_service_tick(&writer[0].service);
		usleep(20000);
	}
	assert_int_equal(writer[0].service.chain.final_height, head(&writer[0])->height);
	aic_service_close(&fourth.service);
	assert_verifies("late");
}

static int start(void **state)
{
	char path[120], listen[64];

	(void)state;
	/* in memory where that is possible: thousands of blocks are made durable here, one by one */
	snprintf(root, sizeof(root), "%s/aic-agree-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	assert_non_null(mkdtemp(root));
	etcd_cluster_start(&cluster, (etcd_options){.members = 1});
	make_key("one", &key[0]);
	make_key("two", &key[1]);
	make_key("cut-off", &key[2]);
	snprintf(path, sizeof(path), "%s/genesis.yaml", root);
	write_genesis(path);
	for (int i = 0; i < WRITERS; i++)
		port[i] = free_port();
	for (int i = 0; i < WRITERS; i++) {
		open_site(&writer[i], i ? "two" : "one");
		aic_hash_hex(chain, &head(&writer[0])->chain);
		snprintf(path, sizeof(path), "%s/%s/ledger", root, i ? "two" : "one");
		snprintf(listen, sizeof(listen), "127.0.0.1:%d", port[i]);
		assert_ok(aic_archive_server_start(&writer[i].server, listen, path, &key[i], err));
	}
	return 0;
}

static int stop(void **state)
{
	(void)state;
	for (int i = 0; i < WRITERS; i++) {
		aic_archive_server_stop(writer[i].server);
		aic_service_close(&writer[i].service);
	}
	etcd_cluster_stop(&cluster);
	return nftw(root, test_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(three_agree)};

	aic_log_open("agree_test", NULL, AIC_LOG_WARN);
	if (!etcd_installed()) {
		print_message("skipped: etcd is not installed\n");
		return 0;
	}
	return cmocka_run_group_tests_name("three sites that must agree", tests, start, stop);
}
