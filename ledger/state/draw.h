/* draw.h: which sessions are challenged, in which segments, and by whom: drawn when a block has been applied, from what nobody of the
 * session could know when it closed. doc/formats/session.md gives every formula. */
#ifndef AIC_LEDGER_DRAW_H
#define AIC_LEDGER_DRAW_H

#include "ledger/state/session.h"

/* --- pure --- */

/* R = E(h): the beacon where the block has an output of a VRF, else mixed with the block's own hash. */
aic_hash aic_draw_entropy(const aic_hash *beacon, const aic_hash *block, bool has_vrf);
/* D(x, i, n), below n; n from 1. */
uint64_t aic_draw_below(const aic_hash *entropy, const aic_hash *session, uint64_t round, const char *what, uint64_t i, uint64_t n);
/* The ppm at which a session of so many segments is challenged. */
uint64_t aic_draw_probability(const aic_parameters *p, uint64_t segments);
/* Segment 0 and q others, as drawn; returns their number. */
size_t aic_draw_segments(uint64_t out[AIC_SESSION_Q + 1], const aic_hash *entropy, const aic_hash *session, uint64_t round, uint64_t segments);

/* Verifiers with the party of each. */
typedef struct {
	aic_verifier verifier;
	aic_party party;
} aic_candidate;
/* One of each party of those that are none of `without`, at most `wanted` of them, in the order of drawing: places in c, which are sorted
 * by (party, key). Returns how many there are. i counts from `first`: 0 the verifier, 1 the third node. */
size_t aic_draw_nodes(size_t out[2], size_t wanted, const aic_candidate *c, size_t n, const aic_party *without, size_t n_without,
                      const aic_hash *entropy, const aic_hash *session, uint64_t round, uint64_t first);

/* --- on the state --- */

/* While a block executes: it has opened this session. */
void aic_sessions_opened(aic_state *s, const aic_hash *id);
/* After the transactions of a valid block: entropy for what it opened, draws, replacements, deadlines, ratings. */
aic_code aic_sessions_tick(aic_state *s, const aic_hash *block, bool has_vrf, aic_error *err);

#endif
