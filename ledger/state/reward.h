/* reward.h: what the lines of a settlement earn (economics.md 2): the one home of proven, P, I and the two terms. The ledger comes
 * here when it applies a settlement, `aic simulate` when it tries a policy out. */
#ifndef AIC_LEDGER_REWARD_H
#define AIC_LEDGER_REWARD_H

#include <stddef.h>

#include "ledger/state/issuance.h"

typedef struct {
	aic_amount stake;      /* in: SUM fee_l * q_l, units x ppm */
	uint64_t rating_ppm;   /* in: R_j of the payee */
	aic_amount proven, first, second; /* out */
} aic_reward_line;

typedef struct {
	aic_amount firsts, proven, issue, issued; /* sums of first, of proven, I, sum of second */
} aic_reward_sums;

/* fees_total: X, this settlement's fees included; issued: before it. AIC_REFUSED where a figure needs more than 128 bits. */
aic_code aic_rewards(const aic_parameters *p, aic_amount fees_total, aic_amount issued, aic_reward_line *line, size_t n,
                     aic_reward_sums *sums, aic_error *err);

#endif
