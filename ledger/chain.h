/* chain.h: order and state joined: transactions become a signed block, the block is ordered, applied and attested.
 *
 * A block that was ordered but not yet applied when the process died is applied when it starts again. */
#ifndef AIC_LEDGER_CHAIN_H
#define AIC_LEDGER_CHAIN_H

#include "ledger/block.h"
#include "ledger/order/order.h"
#include "ledger/state/state.h"

typedef struct {
	aic_state *state;        /* both borrowed */
	aic_order *order;
	const aic_key *key;      /* of this site; NULL: follows only, builds and attests nothing */
	const aic_key *next;     /* takes over from key as soon as the ledger names it its successor; NULL: none */
	aic_id site;             /* stays what it is when the key changes */
	uint64_t final_height;
} aic_chain;

/* genesis: canonical bytes, used where the log is empty; where it is not, block 0 must be these bytes (NULL, 0: whatever is
 * there). Catches up with the log. */
aic_code aic_chain_open(aic_chain *c, aic_state *state, aic_order *order, const aic_key *key, const void *genesis, size_t len,
                        aic_error *err);
/* Applies what the log holds beyond the state; attests; advances final_height. */
aic_code aic_chain_catch_up(aic_chain *c, aic_error *err);

/* Advances final_height by the attestations on the board; what catch_up ends with. */
aic_code aic_chain_finality(aic_chain *c, aic_error *err);

typedef struct {
	aic_hash tx;
	uint64_t height;
} aic_posted;

/* One transaction, signed by this site, as a block of its own: ordered, applied and attested when it returns AIC_OK. Refused
 * without a trace where the state refuses it. */
aic_code aic_chain_post(aic_chain *c, uint64_t kind, const aic_bytes *body, aic_posted *out, aic_error *err);
/* Executes as aic_chain_post would and undoes it; `result` gets the transaction's result. */
aic_code aic_chain_preview(aic_chain *c, uint64_t kind, const aic_bytes *body, aic_bytes *result, aic_error *err);

/* Executes a candidate for the state's next height and leaves it pending (valid) or undone, with the reason in err. AIC_OK,
 * AIC_REFUSED or AIC_CORRUPT for an invalid block, AIC_SYSTEM and the like where the state could not be read. */
aic_code aic_block_execute(aic_state *s, const void *block, size_t len, aic_error *err);
/* aic_block_execute, then commit, valid or not. *valid may be NULL. */
aic_code aic_block_apply(aic_state *s, const void *block, size_t len, bool *valid, aic_error *why_not, aic_error *err);

#endif
