/* drawer.h: the nodes that draw for blocks: those of members, with a VRF key, that have an open session. doc/formats/block.md has the rule.
 *
 * Who has joined in block h draws from height h + AIC_DRAWER_DELAY on: with a beacon that nobody knew who could still choose which nodes
 * join. A node draws once for a height, in however many sessions it is; the first AIC_DRAWER_SESSIONS_MAX of them are remembered, so that
 * its block can name one. */
#ifndef AIC_LEDGER_DRAWER_H
#define AIC_LEDGER_DRAWER_H

#include "common/vrf.h"
#include "ledger/block.h"
#include "ledger/state/session.h"

#define AIC_DRAWER_DELAY 2
#define AIC_DRAWER_SESSIONS_MAX 16

typedef struct {
	uint8_t key[AIC_PUBLIC_LEN];
	uint64_t since;          /* first height that it draws for */
	size_t n;                /* from 1 */
	aic_hash session[AIC_DRAWER_SESSIONS_MAX]; /* in the order of opening */
} aic_drawer;

aic_id aic_drawer_id(const uint8_t key[AIC_PUBLIC_LEN]);
/* AIC_NOT_FOUND, which leaves err untouched: it has no open session. */
aic_code aic_state_drawer(aic_state *s, const aic_id *node, aic_drawer *d, aic_error *err);
/* N: how many draw for that height, which is the one after the head or in the making. O(1). */
aic_code aic_drawers(aic_state *s, uint64_t height, uint64_t *n, aic_error *err);

/* While a block executes. A session's nodes join; those without a VRF key, and those of other sites, do not. */
aic_code aic_drawers_join(aic_exec *x, const aic_hash *session, const aic_session_node *node, size_t n, aic_error *err);
/* The session is open no longer. */
aic_code aic_drawers_leave(aic_exec *x, const aic_hash *session, aic_error *err);
/* Its key, or its VRF key, is another one from now on: it joins again with its next session. */
aic_code aic_drawer_end(aic_exec *x, const uint8_t key[AIC_PUBLIC_LEN], aic_error *err);

/* Who made a block, once that is known to be one that may be there. */
typedef struct {
	aic_id site;             /* of the node, or itself */
	bool drawn;              /* by a node, whose draw's output is */
	uint8_t output[AIC_VRF_OUTPUT_LEN];
} aic_author;
/* Whether the block's generator, signature, draw, session and model are good for the height after the head. AIC_CORRUPT says why not. */
aic_code aic_block_author(aic_state *s, const aic_block *b, aic_author *a, aic_error *err);
/* The key row of a node that may draw for that height, and what it draws as. AIC_CORRUPT says why it may not. */
aic_code aic_drawer_need(aic_state *s, const aic_id *node, uint64_t height, aic_drawer *d, aic_key_row *k, aic_error *err);
/* The VRF's proof is this key's for the height after the head, and wins among those that draw for it. AIC_CORRUPT says why not. */
aic_code aic_draw_check(aic_state *s, const aic_key_row *k, const uint8_t proof[AIC_VRF_PROOF_LEN], uint8_t output[AIC_VRF_OUTPUT_LEN],
                        aic_error *err);

#endif
