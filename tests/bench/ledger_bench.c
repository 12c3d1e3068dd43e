/* ledger_bench.c: how fast settlements are applied and durable, how fast they are replayed, and whether the cost of a block grows
 * with the number of wallets: the same blocks over 10,000 and over 100,000 wallets. Processor time, so that a busy machine does
 * not change the ratio; the wall clock stands beside it. */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/time.h"
#include "ledger/audit/verify.h"
#include "ledger/chain.h"
#include "ledger/genesis.h"
#include "ledger/state/settlement.h"
#include "tests/bench/bench.h"

#define LINES 6000 /* per block: nearly 512 KiB */
#define BLOCKS 40

typedef struct {
	char dir[64];
	unsigned wallets, blocks, lines;
} options;

static void check(aic_code code, const aic_error *err)
{
	if (code) {
		fprintf(stderr, "ledger_bench: %s\n", err->message);
		exit(1);
	}
}

typedef struct {
	double wall, cpu; /* seconds */
} moment;

static moment now(void)
{
	struct timespec cpu;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	return (moment){bench_now(), (double)cpu.tv_sec + (double)cpu.tv_nsec * 1e-9};
}

/* Lines a second since start. */
static moment rate(size_t lines, moment start)
{
	moment end = now();

	return (moment){(double)lines / (end.wall - start.wall), (double)lines / (end.cpu - start.cpu)};
}

static uint64_t next_random(uint64_t *state) /* splitmix64 */
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static int by_address(const void *a, const void *b)
{
	return aic_address_cmp(&((const aic_genesis_wallet *)a)->address, &((const aic_genesis_wallet *)b)->address);
}

static aic_genesis_wallet *make_wallets(unsigned n, const aic_key *key)
{
	aic_genesis_wallet *w = aic_xcalloc(n, sizeof(*w));

	for (unsigned i = 0; i < n; i++) {
		aic_hash h = aic_sha256_of(&i, sizeof(i));

		memcpy(w[i].address.b, h.b, AIC_ADDRESS_LEN);
		memcpy(w[i].organisation.b, h.b, sizeof(w[i].organisation.b));
		memcpy(w[i].custodian, key->public_key, AIC_PUBLIC_LEN);
		w[i].amount = 100 * AIC_UNIT;
	}
	qsort(w, n, sizeof(*w), by_address);
	return w;
}

static int by_line(const void *a, const void *b)
{
	const aic_settlement_line *x = a, *y = b;
	int c = aic_address_cmp(&x->payer, &y->payer);

	return c ? c : aic_address_cmp(&x->payee, &y->payee);
}

static size_t make_lines(aic_settlement_line *l, size_t n, const aic_genesis_wallet *w, unsigned wallets, uint64_t *seed)
{
	size_t unique = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned payer = (unsigned)(next_random(seed) % wallets), payee = (unsigned)(next_random(seed) % wallets);
		aic_amount gross = next_random(seed) % 1000000000000000ULL;

		payee = payee == payer ? (payer + 1) % wallets : payee;
		l[i] = (aic_settlement_line){.payer = w[payer].address, .payee = w[payee].address, .n = 1, .gross = gross,
		                             .fee = gross / 10, .stake = gross / 10 * 900000};
	}
	qsort(l, n, sizeof(*l), by_line);
	for (size_t i = 0; i < n; i++)
		if (!unique || by_line(&l[unique - 1], &l[i]))
			l[unique++] = l[i];
	return unique;
}

static void open_chain(aic_chain *c, aic_order *order, const options *o, const aic_key *key, const aic_genesis_wallet *w)
{
	aic_genesis g = {.name = "bench", .parameters = aic_parameters_default, .n_members = 1, .n_wallets = o->wallets};
	uint8_t member[1][AIC_PUBLIC_LEN];
	aic_bytes genesis = {0};
	aic_error err = {0};
	aic_state *state;
	char path[512];

	memcpy(member[0], key->public_key, AIC_PUBLIC_LEN);
	g.member = member;
	g.wallet = (aic_genesis_wallet *)w;
	aic_genesis_encode(&g, &genesis);
	snprintf(path, sizeof(path), "%s/order.db", o->dir);
	check(aic_order_local(order, path, false, &err), &err);
	snprintf(path, sizeof(path), "%s/state.db", o->dir);
	check(aic_state_open(&state, path, AIC_DB_DURABLE, &err), &err);
	check(aic_chain_open(c, state, order, key, genesis.data, genesis.len, &err), &err);
	aic_bytes_free(&genesis);
}

/* Bodies of `blocks` settlements, made beforehand: that is the poster's work. */
static aic_bytes *make_bodies(const options *o, const aic_genesis_wallet *w, size_t *lines)
{
	aic_settlement_line *l = aic_xcalloc(o->lines, sizeof(*l));
	aic_bytes *body = aic_xcalloc(o->blocks, sizeof(*body));
	uint64_t seed = 1;

	*lines = 0;
	for (unsigned i = 0; i < o->blocks; i++) {
		aic_settlement s = {.period = "bench", .number = i + 1, .line = l};

		s.n_lines = make_lines(l, o->lines, w, o->wallets, &seed);
		aic_settlement_body(&body[i], &s);
		*lines += s.n_lines;
	}
	free(l);
	return body;
}

static void settle(aic_chain *c, const options *o, const aic_bytes *body)
{
	for (unsigned i = 0; i < o->blocks; i++) {
		aic_posted posted;
		aic_error err = {0};

		check(aic_chain_post(c, AIC_TX_SETTLEMENT, &body[i], &posted, &err), &err);
	}
}

typedef struct {
	moment settle, verify; /* lines a second */
} result;

static result run(const options *o)
{
	aic_key key;
	aic_chain chain;
	aic_order order;
	aic_verified v;
	aic_error err = {0};
	result r;

	aic_key_generate(&key);
	aic_genesis_wallet *w = make_wallets(o->wallets, &key);
	open_chain(&chain, &order, o, &key, w);
	size_t lines;
	aic_bytes *body = make_bodies(o, w, &lines);
	moment start = now();
	settle(&chain, o, body);
	r.settle = rate(lines, start);
	aic_state_close(chain.state);
	aic_order_close(&order);
	start = now();
	check(aic_ledger_verify(o->dir, o->dir, NULL, NULL, &v, &err), &err);
	r.verify = rate(lines, start);
	free(w);
	return r;
}

static result measure(unsigned wallets)
{
	options o = {.dir = "/tmp/ledger-bench.XXXXXX", .wallets = wallets, .blocks = BLOCKS, .lines = LINES};
	char command[96];
	result r;

	if (!mkdtemp(o.dir)) {
		perror("ledger_bench: no folder in /tmp");
		exit(1);
	}
	r = run(&o);
	snprintf(command, sizeof(command), "rm -r %s", o.dir);
	if (system(command))
		fprintf(stderr, "ledger_bench: %s is left over: remove it\n", o.dir);
	return r;
}

int main(void)
{
	result few = measure(10000), many = measure(100000);
	char absolute[160];

	snprintf(absolute, sizeof(absolute), "%.0f and %.0f lines a CPU second (%.0f and %.0f on the clock), 10,000 and 100,000 wallets",
	         few.settle.cpu, many.settle.cpu, few.settle.wall, many.settle.wall);
	bench_row("settlement lines applied and durable: cost over 100,000 wallets against 10,000", few.settle.cpu / many.settle.cpu, "<= 2",
	          absolute);
	snprintf(absolute, sizeof(absolute), "%.0f and %.0f lines a CPU second, 10,000 and 100,000 wallets", few.verify.cpu, many.verify.cpu);
	bench_row("aic ledger verify at 100,000 wallets, against 300,000 lines/s", many.verify.cpu / 300000, ">= 1", absolute);
	return 0;
}
