/* pay.h: what those who judged a session are paid, and from what (economics.md 2, doc/formats/session.md). */
#ifndef AIC_LEDGER_PAY_H
#define AIC_LEDGER_PAY_H

#include "ledger/state/session.h"

/* Of all its providers, as stated at closing; at most the largest amount. */
aic_amount aic_session_fees(const aic_session *row);
/* What computing one of so many segments costs, as the draw assumes it (aic_draw_probability): floor(floor(fees * 10^6 / fee_ppm) / segments). */
aic_code aic_session_segment_cost(aic_state *s, aic_amount fees, uint64_t segments, aic_amount *cost, aic_error *err);

/* What verification of the payer's sessions may cost yet: verify_ppm of the fees that were shown to be paid for them, less what it has cost. */
aic_code aic_verify_budget(aic_state *s, const aic_address *payer, aic_amount *budget, aic_error *err);
/* A fee was shown. */
aic_code aic_verify_budget_add(aic_state *s, const aic_address *payer, aic_amount fee, aic_error *err);

/* What judges whose wallets that site keeps are due, and how much of it 74 would give them in the next block; 0 where it is too early. */
aic_code aic_session_payable(aic_state *s, const aic_session *row, const aic_id *site, aic_amount *due, aic_amount *now, aic_error *err);

#endif
