/* decoy.h: sessions with a segment that is known to be bad, laid by a site to see whether verifiers compute at all. A verifier cannot tell
 * one before it has judged it: what makes it a decoy stands in hashes that every session has. doc/formats/session.md. */
#ifndef AIC_LEDGER_DECOY_H
#define AIC_LEDGER_DECOY_H

#include "ledger/state/session.h"

/* What the opening of a decoy has as its mark: segment `segment` is bad, first wrong step `step` (0: not said). Other sessions: anything. */
aic_hash aic_decoy_mark(const uint8_t salt[AIC_HASH_LEN], uint64_t segment, uint64_t step);
/* The organisation that a site gives to a wallet which is to pay for decoys: nobody's but its own. */
aic_id aic_decoy_house(const uint8_t nonce[AIC_HASH_LEN]);

typedef struct {
	uint64_t segment, step;
	uint8_t salt[AIC_HASH_LEN], nonce[AIC_HASH_LEN];
} aic_decoy;
void aic_session_reveal_body(aic_bytes *out, const aic_hash *session, const aic_decoy *d);

/* The session was refuted where it was said to be bad: its providers begin anew, those who passed it are not paid (economics.md 2). */
aic_code aic_decoy_shown(aic_state *s, const aic_session *row, int64_t time, aic_error *err);
/* When it was last shown that the party passed a decoy; 0: never. */
aic_code aic_decoy_passed_at(aic_state *s, const aic_party *party, int64_t *time, aic_error *err);

#endif
