/* ledger_bench.c: how fast settlements are applied and durable, and how fast they are replayed; and whether the cost of a block grows
 * with the number of wallets. Prints one line per figure: name, value, unit. */
#define _GNU_SOURCE
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/file.h"
#include "common/time.h"
#include "ledger/chain.h"
#include "ledger/genesis.h"
#include "ledger/state/settlement.h"
#include "ledger/audit/verify.h"

#define LINES 6000 /* per block: nearly 512 KiB */

typedef struct {
	const char *dir;
	unsigned wallets, blocks, lines;
} options;

static void check(aic_code code, const aic_error *err)
{
	if (code) {
		fprintf(stderr, "ledger_bench: %s\n", err->message);
		exit(1);
	}
}

/* Wall clock and processor, in milliseconds: on a busy machine the second is what compares. */
typedef struct {
	double wall, cpu;
} moment;

static moment now(void)
{
	struct timespec cpu;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &cpu);
	return (moment){(double)aic_monotonic_ms(), (double)cpu.tv_sec * 1000 + (double)cpu.tv_nsec / 1000000};
}

static void report(const char *what, size_t n, const char *unit, moment start)
{
	moment end = now();
	double wall = end.wall - start.wall, cpu = end.cpu - start.cpu;

	printf("%-10s %8zu %-8s %9.1f ms wall %9.1f ms cpu %9.0f /s wall %9.0f /s cpu\n", what, n, unit, wall, cpu,
	       (double)n / wall * 1000, (double)n / cpu * 1000);
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

static size_t settle(aic_chain *c, const options *o, const aic_genesis_wallet *w)
{
	aic_settlement_line *l = aic_xcalloc(o->lines, sizeof(*l));
	uint64_t seed = 1;
	size_t lines = 0;

	for (unsigned i = 1; i <= o->blocks; i++) {
		aic_settlement s = {.period = "bench", .number = i, .line = l};
		aic_bytes body = {0};
		aic_posted posted;
		aic_error err = {0};

		s.n_lines = make_lines(l, o->lines, w, o->wallets, &seed);
		aic_settlement_body(&body, &s);
		check(aic_chain_post(c, AIC_TX_SETTLEMENT, &body, &posted, &err), &err);
		lines += s.n_lines;
		aic_bytes_free(&body);
	}
	free(l);
	return lines;
}

static void run(const options *o)
{
	aic_key key;
	aic_chain chain;
	aic_order order;
	aic_verified v;
	aic_error err = {0};

	aic_key_generate(&key);
	aic_genesis_wallet *w = make_wallets(o->wallets, &key);
	moment start = now();
	open_chain(&chain, &order, o, &key, w);
	report("genesis", o->wallets, "wallets", start);
	start = now();
	size_t lines = settle(&chain, o, w);
	report("settle", lines, "lines", start);
	aic_state_close(chain.state);
	aic_order_close(&order);
	start = now();
	check(aic_ledger_verify(o->dir, o->dir, NULL, NULL, &v, &err), &err);
	report("verify", lines, "lines", start);
	free(w);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	options *o = state->input;

	switch (key) {
	case 'w':
		o->wallets = (unsigned)strtoul(arg, NULL, 10);
		return 0;
	case 'b':
		o->blocks = (unsigned)strtoul(arg, NULL, 10);
		return 0;
	case 'l':
		o->lines = (unsigned)strtoul(arg, NULL, 10);
		return 0;
	case ARGP_KEY_ARG:
		o->dir = arg;
		return 0;
	case ARGP_KEY_END:
		if (!o->dir)
			argp_error(state, "give a new directory");
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

int main(int argc, char **argv)
{
	static const struct argp_option list[] = {{"wallets", 'w', "N", 0, "wallets [100000]", 0},
	                                          {"blocks", 'b', "N", 0, "blocks [20]", 0},
	                                          {"lines", 'l', "N", 0, "lines a block [6000]", 0}, {0}};
	static const struct argp argp = {list, parse, "DIR", "Measures the ledger in the new directory DIR.", 0, 0, 0};
	options o = {.wallets = 100000, .blocks = 20, .lines = LINES};
	aic_error err = {0};

	argp_parse(&argp, argc, argv, 0, 0, &o);
	check(aic_dir_make(o.dir, 0700, &err), &err);
	run(&o);
	return 0;
}
