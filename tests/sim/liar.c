/* liar.c: a member that lies: it has a good key and follows the ledger, and puts into the log and onto the board whatever could
 * mislead the others. */
#include <string.h>

#include "common/cbor.h"
#include "ledger/state/token.h"
#include "tests/sim/sim.h"

#define HUGE_BYTES (AIC_BLOCK_MAX + 1000)

/* A block that would be valid: one transfer of the liar's own. */
typedef struct {
	aic_header header;
	aic_bytes items;
	size_t n;
} draft;

static void transfer(sim_site *s, aic_bytes *tx, aic_amount value)
{
	aic_address from = sim_wallet(s->number, 0), to = sim_wallet(s->number, 1);
	aic_bytes body = {0};
	uint64_t nonce = 0;

	aic_transfer_body(&body, &from, &to, value);
	(void)aic_chain_nonce(&s->chain, &nonce, NULL);
	aic_tx_build(tx, AIC_TX_TRANSFER, &s->key, &aic_state_head(s->state)->chain, nonce, body.data, body.len);
	aic_bytes_free(&body);
}

static void start(sim_site *s, draft *d)
{
	const aic_head *head = aic_state_head(s->state);
	aic_bytes tx = {0};

	*d = (draft){.n = 1};
	aic_chain_begin(&s->chain);
	transfer(s, &tx, (aic_amount)SIM_REQUESTS * 4); /* no client's amount */
	(void)aic_state_execute(s->state, tx.data, tx.len, NULL);
	d->header = (aic_header){.version = AIC_BLOCK_VERSION, .chain = head->chain, .height = head->height + 1, .previous = head->hash,
	                         .time = aic_state_time(s->state), .transactions = aic_state_transactions_root(s->state),
	                         .events = aic_state_events_root(s->state), .state = head->root,
	                         .blocks = aic_frontier_root(&head->blocks), .generator = s->id};
	aic_state_discard(s->state);
	aic_cbor_put_bytes(&d->items, tx.data, tx.len);
	aic_bytes_free(&tx);
}

/* Behind a good transaction, so much rubbish that no block may be so large. */
static void make_huge(draft *d)
{
	aic_bytes rubbish = {0};

	aic_bytes_reserve(&rubbish, HUGE_BYTES);
	memset(rubbish.data, 0, HUGE_BYTES);
	aic_cbor_put_bytes(&d->items, rubbish.data, HUGE_BYTES);
	d->n++;
	aic_bytes_free(&rubbish);
}

/* Header fields that are wrong; the signature is good, so that it is proof. */
static void bend(sim_site *s, draft *d)
{
	aic_header *h = &d->header;

	switch (sim_below(&s->world->random, 11)) {
	case 0: h->state.b[0] ^= 1; break;
	case 1: h->events.b[3] ^= 1; break;
	case 2: h->transactions.b[5] ^= 1; break;
	case 3: h->previous.b[7] ^= 1; break;
	case 4: h->blocks.b[9] ^= 1; break;
	case 5: h->time = -1; break;
	case 6: h->height += 1; break;
	case 7: h->chain.b[0] ^= 1; break;
	case 8: h->generator = s->world->site[(s->number + 1) % s->world->n].id; break; /* in another's name */
	case 9: h->generator.b[0] ^= 1; break;
	default: make_huge(d); break;
	}
}

/* A valid block whose time is far ahead, an empty one, and a good one of two kinds of bad transactions. */
static void abuse(sim_site *s, draft *d)
{
	switch (sim_below(&s->world->random, 3)) {
	case 0:
		d->header.time += 100000;
		break;
	case 1: /* twice the same */
		aic_bytes_append(&d->items, d->items.data, 0);
		aic_bytes copy = {0};
		aic_bytes_append(&copy, d->items.data, d->items.len);
		aic_bytes_append(&d->items, copy.data, copy.len);
		aic_bytes_free(&copy);
		d->n = 2;
		break;
	default:
		break;
	}
}

static void rubbish(sim *w, aic_bytes *block)
{
	unsigned len = sim_below(&w->random, 200);

	for (unsigned i = 0; i < len; i++) {
		uint8_t byte = (uint8_t)sim_below(&w->random, 256);

		aic_bytes_append(block, &byte, 1);
	}
}

static void put_block(sim_site *s)
{
	sim *w = s->world;
	aic_bytes block = {0};
	aic_key other = s->key;
	draft d;

	start(s, &d);
	unsigned what = sim_below(&w->random, 10);
	if (what < 6)
		bend(s, &d);
	else
		abuse(s, &d);
	if (what == 7)
		other = w->site[(s->number + 1) % w->n].lying ? s->key : (aic_key){{0x55}, {0x55}}; /* signed by nobody */
	if (what == 8)
		rubbish(w, &block);
	else
		aic_block_build(&block, &d.header, &other, &d.items, d.n);
	aic_hash name = aic_block_hash(block.data, block.len);
	if (sim_chance(&w->random, 30))
		name.b[0] ^= 1; /* what the log is told is free */
	sim_note(w, "site %u lies: a block of %zu bytes at height %llu", s->number, block.len, (unsigned long long)d.header.height);
	sim_order_force(s, &block, &name);
	aic_bytes_free(&block);
	aic_bytes_free(&d.items);
}

/* On its own part of the board it may write what it likes, and change it. */
static void put_attestation(sim_site *s)
{
	sim *w = s->world;
	const aic_head *head = aic_state_head(s->state);
	uint64_t height = head->height - (head->height ? sim_below(&w->random, head->height < 3 ? (unsigned)head->height : 3) : 0);
	aic_attestation a = {.chain = head->chain, .height = height, .site = s->id};
	aic_bytes *there = &w->board[s->number][height];

	if (!height || aic_state_hash_at(s->state, height, &a.block, NULL) || aic_state_root_at(s->state, height, &a.state, NULL))
		return;
	switch (sim_below(&w->random, 5)) {
	case 0: a.state.b[1] ^= 1; break;
	case 1: a.block.b[1] ^= 1; break;
	case 2: a.height++; break;
	case 3: a.site = w->site[(s->number + 1) % w->n].id; break;
	default: /* now a true one */
		aic_bytes_append(&w->said[height], a.block.b, AIC_HASH_LEN);
		aic_bytes_append(&w->said[height], a.state.b, AIC_HASH_LEN);
		break;
	}
	aic_bytes_clear(there);
	if (sim_chance(&w->random, 10))
		rubbish(w, there);
	else
		aic_attestation_build(there, &a, &s->key);
	sim_note(w, "site %u lies: an attestation at height %llu", s->number, (unsigned long long)height);
}

void sim_liar_step(sim_site *s)
{
	/* it must know the head of the log it is shown to mislead others there */
	if (aic_chain_catch_up(&s->chain, NULL) || aic_state_head(s->state)->height + 1 != sim_order_log(s)->n || s->world->hidden)
		return;
	if (sim_chance(&s->world->random, 50))
		put_block(s);
	else
		put_attestation(s);
}
