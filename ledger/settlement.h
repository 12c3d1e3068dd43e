/* settlement.h: the body of a settlement, and what it does (economics.md 2 and 4).
 *
 *     settlement = [period: text, number, evidence: bytes .size 32, batch: bytes .size 32, approvals,
 *                   [* wallet: bytes .size 20], [* line]]
 *     line       = [payer, payee, kind, n, gross, fee, stake]
 *
 * wallets ascend, none twice, each used; payer and payee are places in that list; lines ascend by (payer, payee, kind), none
 * twice. */
#ifndef AIC_LEDGER_SETTLEMENT_H
#define AIC_LEDGER_SETTLEMENT_H

#include "ledger/row.h"

void aic_settlement_body(aic_bytes *out, const aic_settlement *s);
/* Result of an executed settlement: [* [reward, issued]], one per line; into the arrays of *r. */
aic_code aic_settlement_result_decode(aic_settlement_result *r, const void *data, size_t len, aic_error *err);

#endif
