/* tick.h: one round of what this site verifies: jobs for what its nodes are asked, verdicts of what they found. */
#ifndef AIC_VERIFIER_TICK_H
#define AIC_VERIFIER_TICK_H

#include "common/config.h"
#include "common/error.h"
#include "ledger/client.h"

typedef struct {
	size_t asked, waiting, posted, keyless; /* sessions: in all; with a job; judged in this round; of nodes whose key is not here */
	bool busy;                              /* another tick is at work */
} aic_verifier_round;

/* As aic.yaml's user, which keeps the keys: paths.state/verifiers/NODE.key. A session that cannot go on is named in the log, and the others do. */
aic_code aic_verifier_tick(const aic_config *c, aic_ledger *l, aic_verifier_round *round, aic_error *err);

#endif
