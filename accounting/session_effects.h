/* session_effects.h: what a session's state does to the lines of its runs, in the daemon's own thread:
 *
 *     any change           its runs are rated again; their lines wait, or wait no longer
 *     refuted, site-run    the hardware lines of its nodes are void, posted ones are asked back (refund.h), its nodes are not lent until
 *                          an administrator clears them
 *     on appeal verified   what was void is charged again, unless a batch has posted it; its nodes are lent again
 *
 * Done again it changes nothing. */
#ifndef AIC_ACCOUNTING_SESSION_EFFECTS_H
#define AIC_ACCOUNTING_SESSION_EFFECTS_H

#include "accounting/acctd.h"

/* Of up to 256 sessions that changed; failures are logged once and tried again. */
void aic_session_effects(aic_acctd *d);
/* In a transaction of its own: an administrator lends the node again. AIC_NOT_FOUND where it is not barred. */
aic_code aic_barred_clear(const aic_batches *b, const char *node, const char *reason, uid_t uid, int64_t now, aic_error *err);

#endif
