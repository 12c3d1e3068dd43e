/* lottery: many sites whose nodes draw for blocks while sessions open and close. Real are state, validity, draws, chains and generators
 * with their pacing; simulated are the clock, the network's delay, and the order, which keeps blocks in memory. All sites share one copy of
 * the state, which would be the same at each of them, and a block is final at once. Prints the rate and the shares of blocks, and fails
 * where the rate is off by 10 %, or the shares by more than chance (chi-square, p = 0.001). */
#include <argp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/block_call.h"
#include "common/log.h"
#include "common/lottery.h"
#include "ledger/generator.h"
#include "ledger/genesis.h"
#include "ledger/state/drawer.h"
#include "ledger/state/member.h"
#include "ledger/state/token.h"
#include "tests/sim/random.h"

#define EPOCH 1700000000
#define GROUPS 10
#define CHI_SQUARE_9 27.88 /* p = 0.001 at 9 degrees of freedom */
#define STEP_MS 20

typedef struct {
	aic_key key;
	aic_address wallet;
	aic_chain chain;
	aic_generator *generator;
	uint64_t waiting;          /* ticket of the transfer that always waits here */
} site;

typedef struct {
	aic_key key, vrf;
	unsigned site;
	uint64_t ticket;           /* of its session's opening; 0: it has none */
	bool open;
	aic_hash session;
} node;

typedef struct { aic_bytes *list; aic_hash *name; size_t n; } memory_log;

static struct {
	unsigned sites, nodes, heights;
	uint64_t random;
	int64_t ms;
	site *site;
	node *node;
	aic_state *state;
	memory_log log;
	aic_order order;
	aic_bytes genesis;
	double expected[GROUPS];
	unsigned made[GROUPS], by_nodes, by_sites;
	uint64_t n_least, n_most;  /* nodes that drew */
} w;

static void check(aic_code code, const aic_error *err)
{
	if (!code)
		return;
	fprintf(stderr, "lottery: %s\n", err->message);
	exit(1);
}

static uint64_t height(void)
{
	return aic_state_head(w.state)->height;
}

/* --- clock and order --- */

static int64_t clock_now(void *ctx)
{
	(void)ctx;
	return EPOCH + w.ms / 1000;
}

static int64_t clock_ms(void *ctx)
{
	(void)ctx;
	return w.ms;
}

static const aic_clock sim_clock = {clock_now, clock_ms, NULL};

static aic_code order_head(void *self, aic_order_head *head, aic_error *err)
{
	(void)self, (void)err;
	*head = (aic_order_head){.empty = !w.log.n};
	if (w.log.n)
		*head = (aic_order_head){.height = w.log.n - 1, .hash = w.log.name[w.log.n - 1]};
	return AIC_OK;
}

static aic_code order_append(void *self, const aic_order_head *expected, const aic_hash *hash, const void *block, size_t len, aic_error *err)
{
	(void)self;
	if (expected->empty ? w.log.n != 0 : expected->height + 1 != w.log.n || !aic_hash_equal(&expected->hash, &w.log.name[w.log.n - 1]))
		return aic_fail(err, AIC_REFUSED, "another block came first");
	w.log.list = aic_xrealloc(w.log.list, (w.log.n + 1) * sizeof(*w.log.list));
	w.log.name = aic_xrealloc(w.log.name, (w.log.n + 1) * sizeof(*w.log.name));
	w.log.list[w.log.n] = (aic_bytes){0};
	aic_bytes_append(&w.log.list[w.log.n], block, len);
	w.log.name[w.log.n++] = *hash;
	return AIC_OK;
}

static aic_code order_read(void *self, uint64_t from, uint64_t n, aic_order_visit visit, void *ctx, aic_error *err)
{
	aic_code code = AIC_OK;

	(void)self;
	for (uint64_t h = from; h < from + n && h < w.log.n && !code; h++)
		code = visit(ctx, h, w.log.list[h].data, w.log.list[h].len, err);
	return code;
}

static aic_code order_attest(void *self, const aic_id *id, uint64_t at, const void *bytes, size_t len, aic_error *err)
{
	(void)self, (void)id, (void)at, (void)bytes, (void)len, (void)err;
	return AIC_OK;
}

static aic_code order_attestations(void *self, uint64_t at, aic_order_attested visit, void *ctx, aic_error *err)
{
	(void)self, (void)at, (void)visit, (void)ctx, (void)err;
	return AIC_OK;
}

static const aic_order_backend memory = {.head = order_head, .append_if_head = order_append, .read = order_read, .attest = order_attest,
                                         .attestations = order_attestations};

/* --- the world --- */

static void seeded_key(aic_key *k, uint8_t kind, unsigned i)
{
	uint8_t secret[AIC_SECRET_LEN] = {kind, (uint8_t)(i >> 8), (uint8_t)i};

	aic_key_from_secret(k, secret);
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, AIC_PUBLIC_LEN);
}

static void make_genesis(void)
{
	uint8_t(*keys)[AIC_PUBLIC_LEN] = aic_xcalloc(w.sites, sizeof(*keys));
	aic_genesis_wallet *wallet = aic_xcalloc(w.sites, sizeof(*wallet));
	aic_genesis g = {.parameters = aic_parameters_default, .n_members = w.sites, .member = keys, .n_wallets = w.sites, .wallet = wallet};

	aic_str_copy(g.name, sizeof(g.name), "lottery");
	for (unsigned i = 0; i < w.sites; i++) {
		site *s = &w.site[i];

		seeded_key(&s->key, 1, i);
		s->wallet.b[0] = 1;
		s->wallet.b[1] = (uint8_t)(i >> 8);
		s->wallet.b[2] = (uint8_t)i;
		memcpy(keys[i], s->key.public_key, AIC_PUBLIC_LEN);
		memcpy(wallet[i].custodian, s->key.public_key, AIC_PUBLIC_LEN);
		wallet[i].address = s->wallet;
		wallet[i].organisation.b[0] = (uint8_t)(i >> 8);
		wallet[i].organisation.b[1] = (uint8_t)(i + 1);
		wallet[i].amount = AIC_UNIT;
	}
	qsort(keys, w.sites, sizeof(*keys), by_bytes);
	aic_genesis_encode(&g, &w.genesis);
	free(keys);
	free(wallet);
}

static uint64_t submit(site *s, uint64_t kind, aic_bytes *body)
{
	aic_error err = {0};
	uint64_t ticket;

	check(aic_generator_submit(s->generator, kind, body, &ticket, &err), &err);
	aic_bytes_free(body);
	return ticket;
}

/* Sites have unequal numbers of nodes: the first group's many times those of the last one's. */
static void spread_nodes(void)
{
	unsigned total = 0, at = 0;

	for (unsigned i = 0; i < w.sites; i++)
		total += 1 + i * GROUPS / w.sites;
	for (unsigned i = 0, sum = 0; i < w.sites; i++) {
		sum += 1 + i * GROUPS / w.sites;
		for (; at < w.nodes && (uint64_t)at * total < (uint64_t)sum * w.nodes; at++)
			w.node[at].site = i;
	}
}

static void make_world(const char *path)
{
	aic_error err = {0};

	make_genesis();
	w.order = (aic_order){.backend = &memory};
	check(aic_state_open(&w.state, path, AIC_DB_DURABLE, &err), &err);
	for (unsigned i = 0; i < w.sites; i++) {
		site *s = &w.site[i];

		check(aic_chain_open(&s->chain, w.state, &w.order, &s->key, w.genesis.data, w.genesis.len, &err), &err);
		s->chain.clock = &sim_clock;
		s->generator = aic_generator_new(&s->chain, &aic_pacing_default);
	}
	spread_nodes();
	for (unsigned i = 0; i < w.nodes; i++) {
		node *n = &w.node[i];
		aic_bytes body = {0};

		seeded_key(&n->key, 2, i);
		seeded_key(&n->vrf, 3, i);
		aic_key_register_body(&body, AIC_ROLE_NODE, n->key.public_key, 0, n->vrf.public_key);
		aic_generator_forget(w.site[n->site].generator, submit(&w.site[n->site], AIC_TX_KEY_REGISTER, &body));
	}
}

/* --- sites at work --- */

static void step(site *s)
{
	aic_error err = {0};

	s->chain.final_height = height();
	s->chain.attested = height() + 1;
	check(aic_generator_step(s->generator, &err), &err);
}

/* Each site always has something to put onto the ledger. */
static void begin_height(site *s)
{
	aic_error err = {0};
	aic_bytes body = {0};
	aic_fate fate;

	step(s);
	if (s->waiting && aic_generator_ask(s->generator, s->waiting, &fate, &err) == AIC_OK && fate.state == AIC_FATE_WAITING)
		return;
	aic_transfer_body(&body, &s->wallet, &s->wallet, 1);
	s->waiting = submit(s, AIC_TX_TRANSFER, &body);
	step(s);
}

static void open_session(node *n)
{
	site *s = &w.site[n->site];
	aic_session o = {.payer = s->wallet, .shards = 1};
	aic_session_node one = {.provider = s->wallet};
	aic_bytes body = {0};

	memcpy(one.key, n->key.public_key, AIC_PUBLIC_LEN);
	aic_session_open_body(&body, &o, &one, 1);
	n->ticket = submit(s, AIC_TX_SESSION_OPEN, &body);
}

static void close_session(node *n)
{
	site *s = &w.site[n->site];
	aic_session_provider p = {.wallet = s->wallet};
	aic_bytes body = {0};

	aic_session_close_body(&body, &n->session, 0, AIC_END_STOPPED, &p, 1);
	aic_generator_forget(s->generator, submit(s, AIC_TX_SESSION_CLOSE, &body));
	n->open = false;
	n->ticket = 0;
}

static void see_opened(node *n)
{
	aic_error err = {0};
	aic_fate fate;

	if (!n->ticket || n->open || aic_generator_ask(w.site[n->site].generator, n->ticket, &fate, &err) || fate.state != AIC_FATE_FINAL)
		return;
	n->open = true;
	n->session = fate.tx;
}

/* Some nodes end their sessions, some begin one: a fiftieth of them each height. */
static void churn(void)
{
	for (unsigned i = 0; i < 1 + w.nodes / 50; i++) {
		node *n = &w.node[sim_below(&w.random, w.nodes)];

		see_opened(n);
		if (n->open)
			close_session(n);
		else if (!n->ticket)
			open_session(n);
	}
}

/* --- one height --- */

typedef struct { node *node; uint8_t proof[AIC_VRF_PROOF_LEN]; int64_t at; bool sent; } ticket;

static size_t draw_all(ticket *won, bool counted)
{
	uint8_t input[AIC_LOTTERY_INPUT_LEN], output[AIC_VRF_OUTPUT_LEN];
	uint64_t at = height() + 1, n = 0, drew = 0;
	aic_error err = {0};
	aic_hash beacon;
	size_t k = 0;
	unsigned group[GROUPS] = {0};

	check(aic_state_beacon(w.state, &beacon, &err), &err);
	check(aic_drawers(w.state, at, &n, &err), &err);
	aic_lottery_input(input, &beacon, at);
	for (unsigned i = 0; i < w.nodes && n; i++) {
		aic_id id = aic_drawer_id(w.node[i].key.public_key);
		aic_drawer d;
		aic_key_row row;

		if (aic_drawer_need(w.state, &id, at, &d, &row, NULL))
			continue;
		drew++;
		group[w.node[i].site * GROUPS / w.sites]++;
		ticket *t = &won[k];
		aic_vrf_prove(t->proof, &w.node[i].vrf, input, sizeof(input));
		if (!aic_vrf_output(output, t->proof) || !aic_lottery_wins(aic_lottery_draw(output), n))
			continue;
		t->node = &w.node[i];
		t->at = w.ms + 5 + sim_below(&w.random, 60);
		t->sent = false;
		k++;
	}
	if (drew != n) {
		fprintf(stderr, "lottery: the state counts %llu nodes, %llu may draw\n", (unsigned long long)n, (unsigned long long)drew);
		exit(1);
	}
	for (unsigned i = 0; i < GROUPS && counted; i++)
		w.expected[i] = n ? (double)group[i] / (double)n : 0;
	if (counted && n < w.n_least)
		w.n_least = n;
	if (counted && n > w.n_most)
		w.n_most = n;
	return k;
}

static void sign_where_asked(ticket *t)
{
	site *s = &w.site[t->node->site];
	uint8_t signature[AIC_SIGNATURE_LEN];
	const aic_bytes *header;
	aic_error err = {0};
	uint64_t at;

	step(s);
	if (!aic_generator_header(s->generator, t->node->key.public_key, &at, &header))
		return;
	aic_sign(signature, &t->node->key, AIC_BLOCK_DOMAIN, header->data, header->len);
	check(aic_generator_sign(s->generator, t->node->key.public_key, at, signature, &err), &err);
}

/* Until somebody has made the next block; true where a node has, of the group *group. */
static bool next_block(ticket *won, size_t k, unsigned *group)
{
	uint64_t before = height();
	int64_t begun = w.ms, late = aic_pacing_default.interval + aic_pacing_default.turn - STEP_MS;

	for (;;) {
		w.ms += STEP_MS;
		for (size_t i = 0; i < k; i++) {
			aic_error err = {0};

			if (!won[i].sent && won[i].at <= w.ms) {
				check(aic_generator_draw(w.site[won[i].node->site].generator, won[i].node->key.public_key, before + 1, won[i].proof, &err), &err);
				won[i].sent = true;
			}
			if (won[i].sent)
				sign_where_asked(&won[i]);
			*group = won[i].node->site * GROUPS / w.sites;
			if (height() > before)
				return true;
		}
		if (((before + 1) % 4 == 0 || !k || w.ms - begun > late) && w.ms % (5 * STEP_MS) == 0)
			for (unsigned i = 0; i < w.sites && height() == before; i++)
				step(&w.site[i]);
		if (height() > before)
			return false;
	}
}

static void run(unsigned heights, bool counted)
{
	ticket *won = aic_xcalloc(w.nodes + 1, sizeof(*won));
	double expected[GROUPS] = {0};

	for (unsigned h = 0; h < heights; h++) {
		unsigned group;

		churn();
		for (unsigned i = 0; i < w.sites; i++)
			begin_height(&w.site[i]);
		size_t k = draw_all(won, counted);
		bool drawn = next_block(won, k, &group);
		if (!counted)
			continue;
		for (unsigned i = 0; i < GROUPS && drawn; i++)
			expected[i] += w.expected[i];
		w.made[group] += drawn;
		w.by_nodes += drawn;
		w.by_sites += !drawn;
	}
	memcpy(w.expected, expected, sizeof(expected));
	free(won);
}

/* --- what came out --- */

static double chi_square(void)
{
	double sum = 0;

	for (unsigned i = 0; i < GROUPS; i++) {
		double d = w.made[i] - w.expected[i];

		printf("  group %u: %u blocks, %.1f by its nodes' share\n", i, w.made[i], w.expected[i]);
		sum += w.expected[i] > 0 ? d * d / w.expected[i] : 0;
	}
	return sum;
}

static int report(int64_t ms)
{
	double rate = w.heights * 1000.0 / (double)ms, target = 1000.0 / (double)aic_pacing_default.interval, x = chi_square();
	bool held = rate > 0.9 * target && rate < 1.1 * target, fair = x < CHI_SQUARE_9;

	printf("%u sites, %u nodes, of which %llu to %llu drew: %u blocks, %u of nodes, %u of sites\n", w.sites, w.nodes,
	       (unsigned long long)w.n_least, (unsigned long long)w.n_most, w.heights, w.by_nodes, w.by_sites);
	printf("%s block-rate: %.3f a second, the target is %.3f\n", held ? "ok" : "not ok", rate, target);
	printf("%s shares: chi-square %.1f at %d degrees of freedom, %.2f is the limit\n", fair ? "ok" : "not ok", x, GROUPS - 1, CHI_SQUARE_9);
	return !held || !fair;
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	unsigned *field = key == 's' ? &w.sites : key == 'n' ? &w.nodes : key == 'b' ? &w.heights : NULL;

	if (key == 'r')
		w.random = strtoull(arg, NULL, 10);
	else if (!field)
		return ARGP_ERR_UNKNOWN;
	else if (!(*field = (unsigned)strtoul(arg, NULL, 10)) || *field > 20000)
		argp_error(state, "\"%s\": give a number from 1 to 20000", arg);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp_option list[] = {
		{"sites", 's', "N", 0, "member sites [20]", 0}, {"nodes", 'n', "N", 0, "nodes in all [100]", 0},
		{"blocks", 'b', "N", 0, "that are counted [200]", 0}, {"seed", 'r', "N", 0, "seed [1]", 0}, {0}};
	static const struct argp argp = {list, parse, NULL, "Simulates nodes that draw for blocks.", NULL, NULL, NULL};
	char path[] = "/dev/shm/aic-lottery-XXXXXX", *fallback = strdup("/tmp/aic-lottery-XXXXXX"), *at = access("/dev/shm", W_OK) ? fallback : path;

	w.sites = 20, w.nodes = 100, w.heights = 200, w.random = 1, w.n_least = UINT64_MAX;
	argp_parse(&argp, argc, argv, 0, NULL, NULL);
	aic_log_open("lottery", "/dev/null", AIC_LOG_ERROR);
	w.site = aic_xcalloc(w.sites, sizeof(*w.site));
	w.node = aic_xcalloc(w.nodes, sizeof(*w.node));
	int fd = mkstemp(at);
	if (fd < 0)
		return 1;
	close(fd);
	make_world(at);
	run(w.sites + 100, false); /* keys come onto the ledger, the first sessions open */
	int64_t begun = w.ms;
	run(w.heights, true);
	int rc = report(w.ms - begun);
	for (unsigned i = 0; i < w.sites; i++)
		aic_generator_free(w.site[i].generator);
	aic_state_close(w.state);
	char *rest = aic_xasprintf("rm -f %s %s-wal %s-shm", at, at, at);
	rc |= system(rest) != 0;
	free(rest);
	free(fallback);
	for (size_t i = 0; i < w.log.n; i++)
		aic_bytes_free(&w.log.list[i]);
	free(w.log.list);
	free(w.log.name);
	free(w.site);
	free(w.node);
	aic_bytes_free(&w.genesis);
	return rc;
}
