/* revenue.h: what a fee that an asset earned comes to for the assets that it was made from (economics.md 7). */
#ifndef AIC_LEDGER_REVENUE_H
#define AIC_LEDGER_REVENUE_H

#include "ledger/state/asset.h"

#define AIC_REVENUE_MAX 1024 /* assets among which one fee is divided */

typedef struct {
	aic_u256 asset;
	aic_address owner;       /* the last one, where it is retired */
	aic_amount amount;
} aic_revenue;

/* Each asset keeps of what comes to it what its parents' shares leave, and passes on the rest; of units that floors leave over, the
 * largest remainders get one each, among equal ones the parents in their order, the asset itself last. What reaches an asset by several ways is
 * divided as one sum. The amounts sum to `amount`; assets that get nothing are not listed. part has room for AIC_REVENUE_MAX;
 * descending by generation, then ascending by number. AIC_REFUSED for an asset that is not registered, and where more assets than that share. */
typedef aic_code aic_revenue_find(void *from, aic_u256 id, aic_asset *a, aic_error *err); /* AIC_NOT_FOUND leaves err untouched */
aic_code aic_revenue_divide_by(aic_revenue_find *find, void *from, aic_u256 asset, aic_amount amount, aic_revenue *part, size_t *n,
                               aic_error *err);
/* Among the assets of a state. */
aic_code aic_revenue_divide(aic_state *s, aic_u256 asset, aic_amount amount, aic_revenue *part, size_t *n, aic_error *err);

#endif
