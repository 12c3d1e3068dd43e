/* upkeep.h: the store of sessions: what trainings could not deliver is delivered, and what no challenge can need any more makes room. */
#ifndef AIC_VERIFIER_UPKEEP_H
#define AIC_VERIFIER_UPKEEP_H

#include "common/config.h"
#include "common/error.h"
#include "ledger/client.h"

#define AIC_SESSION_GRACE_S (7 * 86400) /* until when a session that is not closed may still be, after its last checkpoint */

/* Until when the checkpoints of a session must be there, whatever happens: INT64_MAX while it can be challenged or is; for whoever is drawn after an
 * appeal, or after a decoy was revealed, three days from the decision. touched: when something was put into the folder last. */
int64_t aic_upkeep_needed(const aic_ledger_session *s, int64_t touched, int64_t keep);
/* Until when they are kept where there is room: `keep` from the closing. */
int64_t aic_upkeep_kept(const aic_ledger_session *s, int64_t touched, int64_t keep);

typedef struct {
	uint64_t sessions, removed, bytes; /* that are in the store; that were removed; what the rest takes */
	uint64_t left;                     /* sessions with something that aicacctd has not acknowledged */
} aic_upkeep_round;

/* By aic.yaml's user. Where aicacctd or aicledgerd does not answer nothing is removed. */
aic_code aic_upkeep(const aic_config *c, aic_ledger *l, int64_t now, aic_upkeep_round *round, aic_error *err);

#endif
