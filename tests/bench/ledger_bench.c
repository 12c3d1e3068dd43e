/* ledger_bench.c: how fast settlements are applied and durable, against PostgreSQL 15 making the same double-entry transfers on the same
 * disk, in turn with it; how fast they are replayed, and in how much memory; whether the cost of a block grows with the number of
 * wallets. Ratios are of processor time, so that a busy machine does not change them; the clock stands beside it.
 *
 *     AIC_BENCH_WALLETS=10000000 ledger_bench        the larger number of wallets [1,000,000], made in bulk at the start */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/file.h"
#include "common/time.h"
#include "ledger/audit/verify.h"
#include "ledger/chain.h"
#include "ledger/genesis.h"
#include "ledger/state/settlement.h"
#include "ledger/transaction.h"
#include "tests/bench/bench.h"
#include "tests/bench/postgres.h"

#define LINES 6000          /* per block: nearly 512 KiB */
#define BLOCKS 30
#define ROUNDS 3            /* of the two in turn */
#define WALLETS 100000
#define SET_TRANSFERS 60000 /* of PostgreSQL, a round */
#define ONE_TRANSFERS 1500
#define FEW_WALLETS 10000
#define MANY_WALLETS 1000000
#define BULK 200000         /* wallets made at a time */
#define WARM 10             /* blocks before the clock starts */

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

/* Bodies of the next `blocks` settlements. */
static aic_bytes *make_bodies(const options *o, const aic_genesis_wallet *w, uint64_t *number, uint64_t *seed, size_t *lines)
{
	aic_settlement_line *l = aic_xcalloc(o->lines, sizeof(*l));
	aic_bytes *body = aic_xcalloc(o->blocks, sizeof(*body));

	*lines = 0;
	for (unsigned i = 0; i < o->blocks; i++) {
		aic_settlement s = {.period = "bench", .number = ++*number, .line = l};

		s.n_lines = make_lines(l, o->lines, w, o->wallets, seed);
		aic_settlement_body(&body[i], &s);
		*lines += s.n_lines;
	}
	free(l);
	return body;
}

static void free_bodies(aic_bytes *body, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		aic_bytes_free(&body[i]);
	free(body);
}

/* --- applied and durable, against PostgreSQL --- */

typedef struct {
	options o;
	aic_key key;
	aic_genesis_wallet *wallet;
	aic_chain chain;
	aic_order order;
	uint64_t number, seed;
} ledger;

static void ledger_open(ledger *l, const char *dir, unsigned wallets)
{
	memset(l, 0, sizeof(*l));
	l->o = (options){.wallets = wallets, .blocks = BLOCKS, .lines = LINES};
	snprintf(l->o.dir, sizeof(l->o.dir), "%s", dir);
	aic_key_generate(&l->key);
	l->wallet = make_wallets(wallets, &l->key);
	l->seed = 1;
	open_chain(&l->chain, &l->order, &l->o, &l->key, l->wallet);
}

static void ledger_close(ledger *l)
{
	aic_state_close(l->chain.state);
	aic_order_close(&l->order);
	free(l->wallet);
}

/* The bodies are made beforehand: that is the poster's work. Returns what the blocks took, in seconds. */
static moment settle(ledger *l, size_t *lines)
{
	aic_bytes *body = make_bodies(&l->o, l->wallet, &l->number, &l->seed, lines);
	moment start = now();

	for (unsigned i = 0; i < l->o.blocks; i++) {
		aic_posted posted;
		aic_error err = {0};

		check(aic_chain_post(&l->chain, AIC_TX_SETTLEMENT, &body[i], &posted, &err), &err);
	}
	moment end = now();
	free_bodies(body, l->o.blocks);
	return (moment){end.wall - start.wall, end.cpu - start.cpu};
}

static double median_of(double v[ROUNDS])
{
	double copy[ROUNDS];

	memcpy(copy, v, sizeof(copy));
	return bench_median(copy, ROUNDS);
}

static void against_postgres(const char *dir)
{
	double cpu[ROUNDS], wall[ROUNDS], sets[ROUNDS], sets_cpu[ROUNDS], one[ROUNDS], one_cpu[ROUNDS];
	char ours[64], theirs[64], absolute[256];
	ledger l;

	snprintf(ours, sizeof(ours), "%s/ledger", dir);
	snprintf(theirs, sizeof(theirs), "%s/postgres", dir);
	if (mkdir(ours, 0700) || mkdir(theirs, 0700) || chmod(dir, 0711)) {
		perror("ledger_bench: folders");
		exit(1);
	}
	bool there = postgres_start(theirs, WALLETS, ROUNDS * (SET_TRANSFERS + ONE_TRANSFERS));
	ledger_open(&l, ours, WALLETS);
	for (unsigned i = 0; i < ROUNDS; i++) {
		size_t lines;
		moment t = settle(&l, &lines);

		cpu[i] = (double)lines / t.cpu;
		wall[i] = (double)lines / t.wall;
		if (!there)
			continue;
		postgres_time p = postgres_in_sets(i * SET_TRANSFERS, SET_TRANSFERS);
		sets[i] = SET_TRANSFERS / p.wall;
		sets_cpu[i] = SET_TRANSFERS / p.cpu;
		p = postgres_one_by_one(ROUNDS * SET_TRANSFERS + i * ONE_TRANSFERS, ONE_TRANSFERS);
		one[i] = ONE_TRANSFERS / p.wall;
		one_cpu[i] = ONE_TRANSFERS / p.cpu;
	}
	ledger_close(&l);
	if (!there) {
		fprintf(stderr, "ledger_bench: PostgreSQL 15 is not installed: no yardstick; ours: %.0f lines a CPU second, %.0f on the clock\n",
		        median_of(cpu), median_of(wall));
		return;
	}
	postgres_stop();
	snprintf(absolute, sizeof(absolute), "%.0f lines/s against %.0f transfers/s on the clock; a CPU second %.0f against %.0f",
	         median_of(wall), median_of(sets), median_of(cpu), median_of(sets_cpu));
	bench_row("settlement lines applied and durable, 100,000 wallets, against PostgreSQL 15 set-based, on the clock",
	          median_of(wall) / median_of(sets), ">= 3", absolute);
	bench_row("the same, a CPU second", median_of(cpu) / median_of(sets_cpu), "", absolute);
	snprintf(absolute, sizeof(absolute), "%.0f lines/s against %.0f transfers/s on the clock; a CPU second %.0f against %.0f",
	         median_of(wall), median_of(one), median_of(cpu), median_of(one_cpu));
	bench_row("the same against PostgreSQL 15, a transaction a transfer, on the clock", median_of(wall) / median_of(one), ">= 100", absolute);
}

/* --- cost over many wallets --- */

static void make_state(aic_state **s, const options *o, const aic_key *key, const aic_genesis_wallet *w)
{
	aic_genesis g = {.name = "bench", .parameters = aic_parameters_default, .n_members = 1};
	aic_genesis_wallet none;
	uint8_t member[1][AIC_PUBLIC_LEN];
	aic_bytes genesis = {0};
	aic_error err = {0};
	char path[128];

	memcpy(member[0], key->public_key, AIC_PUBLIC_LEN);
	g.member = member;
	g.wallet = &none;
	aic_genesis_encode(&g, &genesis);
	snprintf(path, sizeof(path), "%s/state.db", o->dir);
	check(aic_state_open(s, path, AIC_DB_DURABLE, &err), &err);
	check(aic_genesis_apply(*s, genesis.data, genesis.len, &err), &err);
	aic_bytes_free(&genesis);
	for (unsigned i = 0; i < o->wallets; i++) {
		aic_wallet row = {.site = aic_site_id(key->public_key), .organisation = w[i].organisation, .balance = w[i].amount};
		aic_hash hash = aic_sha256_of(&i, sizeof(i));

		if (i % BULK == 0)
			aic_state_begin(*s, aic_state_head(*s)->height + 1, 0);
		check(aic_state_wallet_put(*s, &w[i].address, &row, &err), &err);
		if (i % BULK == BULK - 1 || i == o->wallets - 1)
			check(aic_state_commit(*s, &hash, "bulk", 4, true, &err), &err);
	}
}

/* One block of one settlement, executed and committed. */
static void apply_block(aic_state *s, const aic_bytes *tx)
{
	aic_hash hash = aic_sha256_of(tx->data, tx->len);
	aic_error err = {0};

	aic_state_begin(s, aic_state_head(s)->height + 1, 0);
	check(aic_state_execute(s, tx->data, tx->len, &err), &err);
	check(aic_state_commit(s, &hash, tx->data, tx->len, true, &err), &err);
}

/* CPU seconds a line. */
static double block_cost(const char *dir, unsigned wallets)
{
	options o = {.wallets = wallets, .blocks = 1, .lines = LINES};
	uint64_t number = 0, seed = 1;
	double cpu = 0;
	size_t lines, sum = 0;
	aic_state *s;
	aic_key key;

	snprintf(o.dir, sizeof(o.dir), "%s/%u", dir, wallets);
	if (mkdir(o.dir, 0700)) {
		perror("ledger_bench: a folder");
		exit(1);
	}
	aic_key_generate(&key);
	aic_genesis_wallet *w = make_wallets(wallets, &key);
	make_state(&s, &o, &key, w);
	for (unsigned i = 0; i < WARM + 2 * BLOCKS; i++) {
		aic_bytes *body = make_bodies(&o, w, &number, &seed, &lines), tx = {0};

		aic_tx_build(&tx, AIC_TX_SETTLEMENT, &key, &aic_state_head(s)->chain, i, body->data, body->len);
		moment start = now();
		apply_block(s, &tx);
		if (i >= WARM) {
			cpu += now().cpu - start.cpu;
			sum += lines;
		}
		aic_bytes_free(&tx);
		free_bodies(body, 1);
	}
	aic_state_close(s);
	free(w);
	return cpu / (double)sum;
}

static void over_many_wallets(const char *dir)
{
	const char *asked = getenv("AIC_BENCH_WALLETS");
	unsigned many = asked ? (unsigned)strtoul(asked, NULL, 10) : MANY_WALLETS;
	char what[128], absolute[128];

	if (many <= FEW_WALLETS || many > 100000000) {
		fprintf(stderr, "ledger_bench: AIC_BENCH_WALLETS is %s: give %u to 100000000\n", asked, FEW_WALLETS + 1);
		exit(1);
	}
	double few = block_cost(dir, FEW_WALLETS), more = block_cost(dir, many);
	snprintf(what, sizeof(what), "a block of settlement lines: cost over %u wallets against %u", many, FEW_WALLETS);
	snprintf(absolute, sizeof(absolute), "%.2f us a line against %.2f, CPU", more * 1e6, few * 1e6);
	bench_row(what, more / few, "<= 2", absolute);
}

/* --- verify --- */

typedef struct {
	double cpu, memory; /* seconds, MiB at the most */
} verify_cost;

/* In a process of its own, whose memory is its own. */
static verify_cost verify(const char *dir)
{
	struct rusage u;
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		aic_error err = {0};
		aic_verified v;

		check(aic_ledger_verify(dir, dir, NULL, NULL, &v, &err), &err);
		_exit(0);
	}
	if (pid < 0 || wait4(pid, &status, 0, &u) != pid || status) {
		fprintf(stderr, "ledger_bench: verify failed\n");
		exit(1);
	}
	return (verify_cost){(double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec),
	                     (double)u.ru_maxrss / 1024};
}

static void verify_speed(const char *dir, unsigned wallets)
{
	char path[96], what[128], absolute[160];
	size_t first, more, again;
	ledger l;

	snprintf(path, sizeof(path), "%s/verify-%u", dir, wallets);
	if (mkdir(path, 0700)) {
		perror("ledger_bench: a folder");
		exit(1);
	}
	ledger_open(&l, path, wallets);
	settle(&l, &first);
	verify_cost a = verify(path);
	settle(&l, &more);
	settle(&l, &again);
	verify_cost b = verify(path);
	ledger_close(&l);
	more += again;
	double rate = (double)more / (b.cpu - a.cpu);
	snprintf(what, sizeof(what), "aic ledger verify, %u wallets, against 300,000 lines a CPU second", wallets);
	snprintf(absolute, sizeof(absolute), "%.0f lines a CPU second; at most %.0f MiB for %zu lines, %.0f MiB for %zu", rate, a.memory, first,
	         b.memory, first + more);
	bench_row(what, rate / 300000, ">= 1", absolute);
}

int main(void)
{
	char dir[] = "/tmp/ledger-bench.XXXXXX", command[96];

	if (!mkdtemp(dir)) {
		perror("ledger_bench: no folder in /tmp");
		return 1;
	}
	/* verify first: a child's memory begins with its parent's */
	verify_speed(dir, FEW_WALLETS);
	verify_speed(dir, WALLETS);
	against_postgres(dir);
	over_many_wallets(dir);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	if (system(command))
		fprintf(stderr, "ledger_bench: %s is left over: remove it\n", dir);
	return 0;
}
