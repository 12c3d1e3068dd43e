/* verdict.h: what those who computed a session's segments again found, and what follows from it; doc/formats/session.md. */
#ifndef AIC_LEDGER_VERDICT_H
#define AIC_LEDGER_VERDICT_H

#include "ledger/state/session.h"

void aic_verdict_body(aic_bytes *out, const aic_verdict *v);
/* Anything but an encoder's bytes is refused. */
aic_code aic_verdict_read(aic_verdict *v, const void *body, size_t len, aic_error *err);

#endif
