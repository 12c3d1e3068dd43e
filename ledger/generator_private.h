/* generator_private.h: what generator.c and generator_node.c share. */
#ifndef AIC_LEDGER_GENERATOR_PRIVATE_H
#define AIC_LEDGER_GENERATOR_PRIVATE_H

#include "common/vrf.h"
#include "ledger/generator.h"

typedef struct {
	uint64_t ticket, kind;
	aic_bytes body;
	aic_bytes tx;      /* signed; empty until its turn came */
	uint64_t nonce;
	bool own;          /* nobody asks for its end */
	int64_t submitted; /* ms */
	int64_t ended;     /* final or refused: when that was seen first; 0: not yet */
	aic_fate is;
} request;

/* A draw that wins. */
typedef struct {
	uint8_t key[AIC_PUBLIC_LEN], proof[AIC_VRF_PROOF_LEN];
	int64_t wait_ms;
	bool failed;       /* its node did not sign in time */
} aic_winner;

/* A header that a node is to sign, and the transactions behind it. */
typedef struct {
	bool there;
	uint64_t height;
	uint8_t key[AIC_PUBLIC_LEN];
	aic_bytes header, items;
	size_t n;
	int64_t since_ms;
} aic_proposal;

struct aic_generator {
	aic_chain *chain;
	aic_pacing pacing;
	request *list;     /* in order of submission */
	size_t n, cap;
	uint64_t next;     /* ticket */
	uint64_t height;   /* that was the head's when it was seen last, and when that was */
	int64_t since;
	int64_t asked;     /* since when something waits; -1: nothing does */
	int64_t paced;     /* where that height had its turn by the interval while nodes drew: the interval; else 0 */
	aic_error why;     /* nothing is made at present; code AIC_OK: no reason */
	/* nodes of this site: generator_node.c */
	aic_winner *winner;
	size_t n_winners;
	uint64_t winners_at;  /* the height that they have won */
	bool seen;            /* a node that draws has asked for work, at seen_ms */
	int64_t seen_ms;
	aic_proposal proposal;
};

/* Executes what waits into the block that was begun, as much as fits, in order; what the state refuses is told so. */
aic_code aic_generator_collect(aic_generator *g, aic_bytes *items, size_t *n, aic_error *err);
/* Whether nodes of this ledger may make the next block, so that sites wait for them. */
aic_code aic_generator_lottery(aic_generator *g, int64_t sites, bool *on, aic_error *err);
/* Has the first winner that is due sign a header, where nobody does; passed: milliseconds since the winners' time began. */
aic_code aic_generator_propose(aic_generator *g, int64_t passed, aic_error *err);
void aic_generator_drop_proposal(aic_generator *g);

#endif
