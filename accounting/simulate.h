/* simulate.h: what a policy pays for given records and receipts: the real ingest, charge, rating and reward code on a store in
 * memory, no daemon, no ledger. */
#ifndef AIC_ACCOUNTING_SIMULATE_H
#define AIC_ACCOUNTING_SIMULATE_H

#include "accounting/policy.h"
#include "accounting/store.h"
#include "accounting/tally.h"

typedef struct {
	aic_store *store;      /* names of the wallets */
	aic_tally tally;       /* with rewards */
	uint64_t records, doubles, receipts;
} aic_simulation;

/* records and receipts: files of doc/formats/jobs-json.md; receipts may be NULL. */
aic_code aic_simulate(aic_simulation *s, const aic_policy *p, const char *records, const char *receipts, aic_error *err);
void aic_simulation_clear(aic_simulation *s);

#endif
