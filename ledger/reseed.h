/* reseed.h: puts a log that has lost or changed blocks back from a site's own copy. The copy and the members' attestations outrank
 * the log; a block that a member has attested is never discarded. */
#ifndef AIC_LEDGER_RESEED_H
#define AIC_LEDGER_RESEED_H

#include "ledger/order/order.h"
#include "ledger/state/state.h"

typedef struct {
	aic_order_head found;    /* where the log ends now */
	aic_order_head restored; /* where it would end: where the copy does */
	bool needed;             /* false: the log holds the copy's history, and perhaps more */
	uint64_t from;           /* lowest height that would be put back; greatest that differs or is missing, and all above, follow */
	uint64_t missing, different, dropped; /* blocks put where there is none, over others, and removed above the copy's end */
} aic_reseed_plan;

/* Compares the log with the copy over the heights that a log should hold (window.h). AIC_REFUSED where a member has attested a
 * block that would go, or one above the copy's end: named with its height and site, and the site whose copy is longest is the one
 * to restore from. */
aic_code aic_reseed_look(aic_state *s, aic_order *o, aic_reseed_plan *plan, aic_error *err);
/* Carries the plan out. AIC_REFUSED where the log's head has moved since. Repeating it is fine. */
aic_code aic_reseed_run(aic_state *s, aic_order *o, const aic_reseed_plan *plan, aic_error *err);

#endif
