/* chain_bench.c: what a site gets through an etcd of three members, pacing off: settlement lines a second in blocks of nearly 512 KiB,
 * and how soon blocks are final again after the leader was killed. By the way that aicledgerd goes: relay, pending block, gateway. */
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "common/file.h"
#include "ledger/chain.h"
#include "ledger/genesis.h"
#include "ledger/order/etcd_testing.h"
#include "ledger/order/open.h"
#include "ledger/state/settlement.h"
#include "ledger/state/token.h"
#include "tests/bench/bench.h"

#define WALLETS 10000u
#define LINES 6000u /* per block: nearly 512 KiB */
#define BLOCKS 20u
#define WARM_UP 3u
#define GOAL 50000.0 /* lines a second */
#define KILLS 3
#define GIVE_UP_S 30

typedef struct {
	char dir[64];
	aic_config config;
	aic_key key;
	aic_genesis_wallet *wallet;
	aic_state *state;
	aic_order order;
	aic_chain chain;
} site;

static void check(aic_code code, const aic_error *err)
{
	if (code) {
		fprintf(stderr, "chain_bench: %s\n", err->message);
		exit(1);
	}
}

/* --- one site --- */

static int by_address(const void *a, const void *b)
{
	return aic_address_cmp(&((const aic_genesis_wallet *)a)->address, &((const aic_genesis_wallet *)b)->address);
}

static void make_wallets(site *s)
{
	s->wallet = aic_xcalloc(WALLETS, sizeof(*s->wallet));
	for (unsigned i = 0; i < WALLETS; i++) {
		aic_hash h = aic_sha256_of(&i, sizeof(i));

		memcpy(s->wallet[i].address.b, h.b, AIC_ADDRESS_LEN);
		memcpy(s->wallet[i].organisation.b, h.b, sizeof(s->wallet[i].organisation.b));
		memcpy(s->wallet[i].custodian, s->key.public_key, AIC_PUBLIC_LEN);
		s->wallet[i].amount = 100 * AIC_UNIT;
	}
	qsort(s->wallet, WALLETS, sizeof(*s->wallet), by_address);
}

static void open_site(site *s, const etcd_cluster *c)
{
	uint8_t member[1][AIC_PUBLIC_LEN];
	aic_genesis g = {.name = "bench", .parameters = aic_parameters_default, .n_members = 1, .member = member, .n_wallets = WALLETS};
	aic_bytes genesis = {0};
	aic_error err = {0};
	char path[96];

	memset(s, 0, sizeof(*s));
	snprintf(s->dir, sizeof(s->dir), "/tmp/chain-bench.XXXXXX");
	if (!mkdtemp(s->dir))
		exit(1);
	aic_key_generate(&s->key);
	make_wallets(s);
	memcpy(member[0], s->key.public_key, AIC_PUBLIC_LEN);
	g.wallet = s->wallet;
	aic_genesis_encode(&g, &genesis);
	aic_str_copy(s->config.order, sizeof(s->config.order), "etcd");
	s->config.etcd = etcd_cluster_config(c, 0, "bench/");
	snprintf(path, sizeof(path), "%s/order.db", s->dir);
	check(aic_order_open(&s->order, &s->config, path, &err), &err);
	snprintf(path, sizeof(path), "%s/state.db", s->dir);
	check(aic_state_open(&s->state, path, AIC_DB_DURABLE, &err), &err);
	check(aic_chain_open(&s->chain, s->state, &s->order, &s->key, genesis.data, genesis.len, &err), &err);
	aic_bytes_free(&genesis);
}

static void close_site(site *s)
{
	char command[96];

	aic_state_close(s->state);
	aic_order_close(&s->order);
	free(s->wallet);
	snprintf(command, sizeof(command), "rm -r %s", s->dir);
	if (system(command))
		fprintf(stderr, "chain_bench: %s is left over: remove it\n", s->dir);
}

static bool wait_final(site *s, uint64_t height, double seconds)
{
	double end = bench_now() + seconds;

	while (s->chain.final_height < height && bench_now() < end) {
		if (aic_chain_catch_up(&s->chain, NULL))
			poll(NULL, 0, 10);
		else if (s->chain.final_height < height)
			poll(NULL, 0, 2);
	}
	return s->chain.final_height >= height;
}

/* --- lines --- */

/* Every payer pays another in each block, so that no line repeats. */
static void make_body(const site *s, unsigned number, aic_bytes *body)
{
	aic_settlement_line *l = aic_xcalloc(LINES, sizeof(*l));
	aic_settlement st = {.period = "bench", .number = number + 1, .line = l, .n_lines = LINES};

	for (unsigned i = 0; i < LINES; i++) {
		unsigned payer = i * WALLETS / LINES, payee = (payer + 1 + number * 37) % WALLETS;
		aic_amount gross = 1000000000000000ULL + i;

		l[i] = (aic_settlement_line){.payer = s->wallet[payer].address, .payee = s->wallet[payee].address, .n = 1, .gross = gross,
		                             .fee = gross / 10, .stake = gross / 10 * 900000};
	}
	aic_settlement_body(body, &st);
	free(l);
}

static double cpu_now(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

/* A compare-and-put of as many bytes as the block has, through the same gateway. */
static double bare_put(aic_etcd *e, size_t len)
{
	static int number;
	uint8_t *block = aic_xcalloc(1, len);
	char key[32];
	aic_error err = {0};
	json_t *txn = aic_etcd_txn(), *answer;
	double start = bench_now();

	snprintf(key, sizeof(key), "bare/%d", number++);
	aic_etcd_txn_if(txn, aic_etcd_if_absent(key));
	aic_etcd_txn_put(txn, "success", aic_etcd_put(key, block, len));
	check(aic_etcd_call(e, "kv/txn", txn, len, &answer, &err), &err);
	json_decref(answer);
	free(block);
	return bench_now() - start;
}

/* Seconds; final too where that is asked for. */
static double post(site *s, unsigned number, bool to_finality, double *bare, aic_etcd *e)
{
	aic_bytes body = {0};
	aic_posted posted;
	aic_error err = {0};

	make_body(s, number, &body);
	*bare = bare_put(e, body.len);
	double start = bench_now();
	check(aic_chain_post(&s->chain, AIC_TX_SETTLEMENT, &body, &posted, &err), &err);
	if (to_finality && !wait_final(s, posted.height, GIVE_UP_S))
		exit(1);
	double seconds = bench_now() - start;
	aic_bytes_free(&body);
	return seconds;
}

static void lines_through(site *s, aic_etcd *e)
{
	double bare[BLOCKS], all = 0;
	char absolute[200];

	for (unsigned i = 0; i < WARM_UP; i++)
		post(s, i, true, bare, e);
	double cpu = cpu_now(RUSAGE_SELF);
	for (unsigned i = 0; i < BLOCKS; i++)
		all += post(s, WARM_UP + i, i + 1 == BLOCKS, &bare[i], e);
	cpu = cpu_now(RUSAGE_SELF) - cpu;
	double rate = LINES * BLOCKS / all;
	snprintf(absolute, sizeof(absolute), "%.0f lines/s, %.0f ms a block, %.0f ms of them processor time of the site and of its yardstick; "
	         "etcd alone would take %.0f lines/s", rate, 1e3 * all / BLOCKS, 1e3 * cpu / BLOCKS, LINES / bench_median(bare, BLOCKS));
	bench_row("settlement lines through 3 etcd members in blocks of 512 KiB, against 50,000/s", rate / GOAL, ">= 1", absolute);
}

static void to_finality(site *s, aic_etcd *e)
{
	double ours[BLOCKS], bare[BLOCKS];
	char absolute[160];

	for (unsigned i = 0; i < BLOCKS; i++)
		ours[i] = post(s, WARM_UP + BLOCKS + i, true, &bare[i], e);
	double o = bench_median(ours, BLOCKS), b = bench_median(bare, BLOCKS);
	snprintf(absolute, sizeof(absolute), "median %.0f ms against %.0f ms", 1e3 * o, 1e3 * b);
	bench_row("6,000 lines executed, ordered, applied and final: time against a bare compare-and-put of the same bytes", o / b, "<= 4",
	          absolute);
}

/* --- the leader's death --- */

static double final_again(site *s)
{
	double start = bench_now();

	while (bench_now() - start < GIVE_UP_S) {
		aic_bytes body = {0};
		aic_posted posted;

		aic_transfer_body(&body, &s->wallet[0].address, &s->wallet[1].address, 1);
		aic_code code = aic_chain_post(&s->chain, AIC_TX_TRANSFER, &body, &posted, NULL);
		aic_bytes_free(&body);
		if (!code && wait_final(s, posted.height, 1))
			return bench_now() - start;
		poll(NULL, 0, 10);
	}
	exit(1);
}

/* The same for a bare compare-and-put, with the same client and time-outs. */
static double bare_again(aic_etcd *e)
{
	double start = bench_now();

	while (bench_now() - start < GIVE_UP_S) {
		json_t *txn = aic_etcd_txn(), *answer;

		aic_etcd_txn_if(txn, aic_etcd_if_absent("bare/never"));
		aic_etcd_txn_put(txn, "success", aic_etcd_put("bare/head", "x", 1));
		aic_code code = aic_etcd_call(e, "kv/txn", txn, 0, &answer, NULL);
		json_decref(answer);
		if (!code)
			return bench_now() - start;
	}
	exit(1);
}

static void leader_dies(site *s, etcd_cluster *c)
{
	double ours[KILLS], bare[KILLS];
	aic_error err = {0};
	char absolute[160];

	for (int i = 0; i < 2 * KILLS; i++) {
		aic_etcd *e;
		int leader = etcd_leader(c);
		aic_etcd_config config = etcd_cluster_config(c, leader, "bench/"); /* the one that is killed is asked first */

		check(aic_etcd_open(&e, &config, &err), &err);
		bare_again(e);
		final_again(s);
		etcd_member_kill(c, leader);
		if (i % 2)
			bare[i / 2] = bare_again(e);
		else
			ours[i / 2] = final_again(s);
		aic_etcd_close(e);
		etcd_member_start(c, leader, "existing");
		etcd_member_ready(c, leader);
	}
	double m = bench_median(ours, KILLS), b = bench_median(bare, KILLS);
	snprintf(absolute, sizeof(absolute), "final again after %.2f s (%.2f to %.2f), a bare compare-and-put after %.2f s", m, ours[0],
	         ours[KILLS - 1], b);
	bench_row("after SIGKILL of etcd's leader, against 5 s", m / 5, "<= 1", absolute);
}

int main(void)
{
	etcd_cluster cluster;
	aic_error err = {0};
	aic_etcd *e;
	site s;

	if (!etcd_installed()) {
		printf("| blocks through etcd | | | not measured: etcd is not installed |\n");
		return 0;
	}
	etcd_cluster_start(&cluster, (etcd_options){.members = 3});
	open_site(&s, &cluster);
	check(aic_etcd_open(&e, &s.config.etcd, &err), &err);
	lines_through(&s, e);
	to_finality(&s, e);
	aic_etcd_close(e);
	leader_dies(&s, &cluster);
	close_site(&s);
	etcd_cluster_stop(&cluster);
	return 0;
}
