/* session_watch.h: what becomes of this site's sessions: asks the ledger how they stand, closes those that nobody closes, and tells it which
 * fees of theirs were paid. In a thread of its own, since each may wait for a block; what it learns it writes into the store
 * (sessions.h), and the daemon's thread acts upon it (session_effects.h). */
#ifndef AIC_ACCOUNTING_SESSION_WATCH_H
#define AIC_ACCOUNTING_SESSION_WATCH_H

#include "accounting/acctd.h"

aic_session_watch *aic_session_watch_new(void);
void aic_session_watch_free(aic_session_watch *w); /* waits for the thread */
/* Starts a round where one is due and none is under way; never waits. Then lets what has changed take effect. */
void aic_session_watch_tick(aic_session_watch *w, aic_acctd *d);

/* Closes a session whose steps and end are set: with the fees of its seconds (sessions.h), those of the first try where it is a repeat. */
aic_code aic_session_close_on_ledger(aic_acctd *d, aic_ledger *l, const aic_session_row *s, aic_error *err);
/* Shows the ledger the posted lines that paid for sessions which counted in full (session_rate): each once for a provider. */
aic_code aic_session_rate_paid(aic_acctd *d, aic_ledger *l, aic_error *err);
/* One round in the caller's thread. */
aic_code aic_session_round(aic_acctd *d, aic_error *err);

#endif
