/* acts.h: what an administrator may do to a payment line before it is posted, with a reason that is kept:
 *
 *     hold     it leaves its batch and waits; release puts it among the open lines, so into the next batch
 *     adjust   another charge, at most what it was charged by the rates
 *     void     nothing is charged
 *     penalize a data or model line that was abused: the charge stands, its quality, and so the reward, loses that many ppm
 *
 * Each is in the audit log; each on a line of a batch makes a new hash and voids the approvals (batch.h). */
#ifndef AIC_ACCOUNTING_ACTS_H
#define AIC_ACCOUNTING_ACTS_H

#include "accounting/batch.h"

typedef enum { AIC_ACT_HOLD, AIC_ACT_RELEASE, AIC_ACT_ADJUST, AIC_ACT_VOID, AIC_ACT_PENALIZE } aic_act;
const char *aic_act_name(aic_act a);
bool aic_act_parse(aic_act *a, const char *name);

/* line: its number as `aic batch lines` shows it. amount: units of adjust, ppm of penalize. In a transaction of its own. */
aic_code aic_line_act(const aic_batches *b, int64_t line, aic_act act, aic_amount amount, const char *reason, uid_t uid, int64_t now,
                      aic_error *err);

#endif
