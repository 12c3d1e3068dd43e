/* generator.h: the requests of this site that wait for the ledger, and the blocks that it makes of them.
 *
 * A request is signed once its turn comes and stays signed: the same bytes go into the next block when one was lost to another
 * site, so that nothing can count twice. When a block is made is courtesy towards the other sites and no rule of validity:
 *
 *     height h belongs to the member site at place h mod n, n the members in ascending order; `interval` after the block before;
 *     the site at place (h + k) mod n may make it k turns later; none while nothing waits, but for the heartbeat;
 *     with AIC_CHAIN_UNFINAL_MAX heights without finality nobody makes any;
 *     where nodes draw (state/drawer.h), winners come first, each draw / target seconds after the interval or heartbeat, and the site at
 *     place (h + k) mod n not before k + 1 turns after that. */
#ifndef AIC_LEDGER_GENERATOR_H
#define AIC_LEDGER_GENERATOR_H

#include "ledger/chain.h"

/* Milliseconds. A site alone has nobody to be courteous to: it makes a block at once, and no empty ones. */
typedef struct {
	int64_t interval;  /* from a block to the next one while requests wait; 0 also switches the turns off */
	int64_t turn;      /* between the turns of two sites */
	int64_t heartbeat; /* from a block to an empty one; 0: none */
	int64_t session;   /* the same while closed sessions wait for a later block; 0: none */
} aic_pacing;
extern const aic_pacing aic_pacing_default; /* 2 s, 4 s, 1 min, 1 min */
extern const aic_pacing aic_pacing_off;

#define AIC_WAITING_MAX 65536 /* requests that wait, or whose end has not been asked for */

typedef struct aic_generator aic_generator;

/* The chain is borrowed. */
aic_generator *aic_generator_new(aic_chain *c, const aic_pacing *pacing);
void aic_generator_free(aic_generator *g);

/* Takes a request in and names it. AIC_FULL where AIC_WAITING_MAX are there; AIC_REFUSED for what no block could hold. */
aic_code aic_generator_submit(aic_generator *g, uint64_t kind, const aic_bytes *body, uint64_t *ticket, aic_error *err);

/* Follows the log, makes a block where it is time for one, and sees what has become of the requests. Call it after each
 * submission and now and then. A failure leaves every request waiting. */
aic_code aic_generator_step(aic_generator *g, aic_error *err);

typedef enum {
	AIC_FATE_WAITING, /* in no block yet: `why` says what it waits for */
	AIC_FATE_ORDERED, /* in a block that is not final: likewise */
	AIC_FATE_FINAL,
	AIC_FATE_REFUSED  /* by the state, or because it can no longer be known: `why` */
} aic_fate_state;

typedef struct {
	aic_fate_state state;
	aic_hash tx;         /* ordered and final */
	uint64_t height;
	aic_error why;
} aic_fate;

/* AIC_NOT_FOUND for a ticket that was never given. One whose end was told is forgotten, and so is one that nobody asks for within
 * AIC_FATE_KEPT_MS of its end. */
aic_code aic_generator_ask(aic_generator *g, uint64_t ticket, aic_fate *out, aic_error *err);
/* Takes back what is in no block; false where it is in one. To be called only where the last step left no block whose fate is
 * unknown: it did not fail with AIC_UNREACHABLE. */
bool aic_generator_withdraw(aic_generator *g, uint64_t ticket);
/* Nobody will ask for it any more; it goes on all the same. */
void aic_generator_forget(aic_generator *g, uint64_t ticket);
#define AIC_FATE_KEPT_MS 600000
/* --- generator_node.c: nodes of this site --- */

/* A node that draws has asked for work. */
void aic_generator_node_waits(aic_generator *g);
/* Its draw for the height after the head. AIC_NOT_FOUND: a block has that height already. AIC_REFUSED: it does not win, or may not draw. */
aic_code aic_generator_draw(aic_generator *g, const uint8_t key[AIC_PUBLIC_LEN], uint64_t height, const uint8_t proof[80], aic_error *err);
/* The header that this node is to sign; false: none. *header is good until the next step. */
bool aic_generator_header(const aic_generator *g, const uint8_t key[AIC_PUBLIC_LEN], uint64_t *height, const aic_bytes **header);
/* Its signature, and the block is ordered. AIC_NOT_FOUND: it is no longer wanted; AIC_REFUSED also where another block came first. */
aic_code aic_generator_sign(aic_generator *g, const uint8_t key[AIC_PUBLIC_LEN], uint64_t height,
                            const uint8_t signature[AIC_SIGNATURE_LEN], aic_error *err);

/* Requests that are in no block yet. */
size_t aic_generator_waiting(const aic_generator *g);

#endif
