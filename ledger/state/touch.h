/* touch.h: which blocks concern a wallet, for its history; no part of the state that the root covers.
 *
 *     touch(first, last, level, data)      data: for heights first..last, [first 8 bytes of the wallet, u32 BE height - first]*,
 *                                          ascending by wallet, then by height
 *
 * A block adds a run of its own; every AIC_TOUCH_RUNS runs of a level become one of the next, so that adding never rewrites a tree at
 * random places and finding looks into a few runs. Wallets that share 8 bytes share their blocks: a block named here may hold
 * nothing of the wallet. */
#ifndef AIC_LEDGER_TOUCH_H
#define AIC_LEDGER_TOUCH_H

#include "ledger/client.h"
#include "ledger/db.h"

#define AIC_TOUCH_RUNS 16

typedef struct aic_touch aic_touch;

/* The database is borrowed and must outlive it; the table is made where it is missing and db can be written. */
aic_code aic_touch_open(aic_touch **t, sqlite3 *db, aic_error *err);
void aic_touch_close(aic_touch *t); /* NULL is allowed */
/* Inside the caller's transaction; heights ascend; wallets ascend, none twice. */
aic_code aic_touch_add(aic_touch *t, uint64_t height, const aic_address *wallet, size_t n, aic_error *err);
/* The newest height at or below `from`; AIC_NOT_FOUND (err untouched) where there is none. */
aic_code aic_touch_find(aic_touch *t, const aic_address *wallet, uint64_t from, uint64_t *height, aic_error *err);

#endif
