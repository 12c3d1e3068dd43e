/* chain.h: order and state joined: transactions become a signed block, the block is ordered, applied and attested.
 *
 * A block that was ordered but not yet applied when the process died is applied when it starts again. */
#ifndef AIC_LEDGER_CHAIN_H
#define AIC_LEDGER_CHAIN_H

#include "common/time.h"
#include "ledger/block.h"
#include "ledger/order/order.h"
#include "ledger/state/state.h"

/* An attestation that was seen, and the key that signed it. */
typedef struct {
	aic_attestation attestation;
	uint8_t key[AIC_PUBLIC_LEN];
} aic_seen;

/* So many are remembered while heights wait for finality: none is verified twice, and two of one site and height are compared. */
#define AIC_CHAIN_SEEN 256

typedef struct {
	aic_state *state;        /* both borrowed */
	aic_order *order;
	const aic_key *key;      /* of this site; NULL: follows only, builds and attests nothing */
	const aic_key *next;     /* takes over from key as soon as the ledger names it its successor; NULL: none */
	aic_id site;             /* stays what it is when the key changes */
	const aic_clock *clock;  /* the system's, unless it is set after aic_chain_open */
	uint64_t final_height;
	uint64_t attested;       /* 1 + height of the newest attestation that the board has of this site, as far as is known; 0: none */
	aic_order_head top;      /* the log's head as it was told last: what an append compares with */
	aic_seen seen[AIC_CHAIN_SEEN];
	bool caught;             /* a member has attested twice at one height: the two, until somebody has put them on the ledger */
	aic_seen lie[2];
} aic_chain;

/* This many heights without finality, and nothing more is built until they have it. */
#define AIC_CHAIN_UNFINAL_MAX 64

/* genesis: canonical bytes, used where the log is empty; where it is not, block 0 must be these bytes (NULL, 0: whatever is
 * there). Catches up with the log; where that fails a copy that is not empty is open for reading all the same, and
 * aic_chain_catch_up says why and follows the log as soon as that is possible. */
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

/* A transaction of this site with that nonce, appended to tx. */
aic_code aic_chain_sign(aic_chain *c, uint64_t kind, const aic_bytes *body, uint64_t nonce, aic_bytes *tx, aic_error *err);
/* The nonce that the state, the block in the making included, expects of this site next. */
aic_code aic_chain_nonce(aic_chain *c, uint64_t *nonce, aic_error *err);
/* Begins a block after the head, at the clock's time; what the caller then executes in the state goes into it. */
void aic_chain_begin(aic_chain *c);
/* The header of the block after the head with what was executed since aic_chain_begin, by this site. */
void aic_chain_header(aic_chain *c, aic_header *h);
/* As aic_chain_order, of a block that somebody else has signed: it is executed here. */
aic_code aic_chain_order_signed(aic_chain *c, const aic_bytes *block, aic_error *err);
/* Makes a block of what was executed since aic_chain_begin, orders, applies and attests it. transactions: their bytes as CBOR
 * byte strings, one after the other. AIC_REFUSED: another site's block has the height. After AIC_UNREACHABLE nothing is known: the
 * next aic_chain_catch_up finds out. Whatever it returns, the state has no block in the making after it. */
aic_code aic_chain_order(aic_chain *c, const aic_bytes *transactions, size_t n, aic_error *err);

/* One transaction, signed by this site, as a block of its own: ordered and applied when it returns AIC_OK, attested as soon as the
 * log answers. Where another site's block comes first it is built anew. Refused without a trace where the state refuses it. */
aic_code aic_chain_post(aic_chain *c, uint64_t kind, const aic_bytes *body, aic_posted *out, aic_error *err);
/* Executes n transactions of the kind, one after the other, as aic_chain_post would, and undoes them; `result` gets what they result
 * in. */
aic_code aic_chain_preview(aic_chain *c, uint64_t kind, const aic_bytes *body, size_t n, aic_bytes *result, aic_error *err);

/* Executes a candidate for the state's next height and leaves it pending (valid) or undone, with the reason in err. AIC_OK,
 * AIC_REFUSED or AIC_CORRUPT for an invalid block, AIC_SYSTEM and the like where the state could not be read. */
aic_code aic_block_execute(aic_state *s, const void *block, size_t len, aic_error *err);
/* aic_block_execute, then commit, valid or not. *valid may be NULL. */
aic_code aic_block_apply(aic_state *s, const void *block, size_t len, bool *valid, aic_error *why_not, aic_error *err);

#endif
