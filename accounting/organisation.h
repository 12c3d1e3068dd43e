/* organisation.h: whose a wallet is. */
#ifndef AIC_ACCOUNTING_ORGANISATION_H
#define AIC_ACCOUNTING_ORGANISATION_H

#include "accounting/store.h"
#include "common/config.h"

/* Organisation of a wallet: what the ledger has, else aic.yaml, else the top-level Slurm account. */
aic_code aic_wallet_organisation(aic_store *s, const aic_config *c, const char *wallet, char out[AIC_NAME_LEN], aic_error *err);

/* The same by wallet id, each asked for once. Zero-initialise; clear when done. */
typedef struct {
	size_t n;
	char (*name)[AIC_NAME_LEN]; /* by wallet id - 1; "" not asked yet */
} aic_organisations;

aic_code aic_organisation_of(aic_organisations *o, aic_store *s, const aic_config *c, int64_t wallet, const char **out, aic_error *err);
aic_code aic_same_organisation(aic_organisations *o, aic_store *s, const aic_config *c, int64_t a, int64_t b, bool *same, aic_error *err);
void aic_organisations_clear(aic_organisations *o);

#endif
