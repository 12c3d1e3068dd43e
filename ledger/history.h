/* history.h: what happened to one wallet, newest first, with the names that this site gives. */
#ifndef AIC_LEDGER_HISTORY_H
#define AIC_LEDGER_HISTORY_H

#include "ledger/custody.h"
#include "ledger/state/state.h"

#define AIC_HISTORY_MAX 10000

/* Appends [* [height, time, event, from, to, amount, note]], at most max rows (0, or above AIC_HISTORY_MAX: that many). */
aic_code aic_history_put(aic_state *s, aic_custody *names, const aic_address *wallet, uint64_t max, aic_bytes *out, aic_error *err);

#endif
