/* vote.h: decisions of the member sites. A vote is a transaction of the decision's kind by a site's key: the first one proposes,
 * equal ones (kind and body to the byte) agree, and the one that makes the quorum (member.h) carries it out. Every proposal
 * names the last height at which it can be voted on.
 *
 *     parameters  [expires, parameters: bytes]          as in the state's row
 *     rates       [expires, [* [name: text, units]]]    ascending names
 *     pause       [expires, paused: bool]               nothing moves while the ledger is paused; votes and keys go on */
#ifndef AIC_LEDGER_VOTE_H
#define AIC_LEDGER_VOTE_H

#include "ledger/state/state.h"

/* Counts the vote of the signer's site. */
aic_code aic_vote(aic_exec *x, uint64_t expires, bool *passed, aic_error *err);
/* key.c; see there. */
aic_code aic_key_succeed(aic_exec *x, const uint8_t old[AIC_PUBLIC_LEN], const uint8_t new_key[AIC_PUBLIC_LEN], aic_error *err);

void aic_parameters_body(aic_bytes *out, uint64_t expires, const aic_parameters *p);
void aic_pause_body(aic_bytes *out, uint64_t expires, bool paused);

#endif
