/* explain.h: the kinds of `aic explain` beside the one of a job's charge. Internal to accounting/command. */
#ifndef AIC_ACCOUNTING_EXPLAIN_H
#define AIC_ACCOUNTING_EXPLAIN_H

#include "accounting/command/ask.h"

/* What AIC added to the job's priority; the caller frees *out. */
aic_code aic_explain_priority(const aic_config *c, uint32_t job, aic_table **out, aic_error *err);

#endif
