/* policy.h: what `aic simulate` tries out: a YAML file with rates, providers, accounts and assets as in aic.yaml, and
 *
 *     site: uni-a              # organisation of wallets that are neither an account's nor a provider's
 *     parameters: {fee_ppm: 100000, rho_ppm: 450000, kappa_ppm: 350000, x0: -2, x_scale: .., a_max: ..}
 *     state: {fees_total: 0, issued: 0}      # the ledger's before this settlement, AIC
 *     ratings: {provider/lab-one: 500000}    # R_j in ppm [500000]
 *
 * all of it optional. */
#ifndef AIC_ACCOUNTING_POLICY_H
#define AIC_ACCOUNTING_POLICY_H

#include "common/config.h"
#include "ledger/state/issuance.h"

typedef struct {
	aic_config config;           /* site, rates, providers, accounts, assets; nothing else of it is set */
	aic_parameters parameters;
	aic_amount fees_total, issued;
	size_t n_ratings;
	struct { char wallet[AIC_NAME_LEN]; uint64_t ppm; } *rating;
} aic_policy;

aic_code aic_policy_load(aic_policy *p, const char *path, aic_error *err);
void aic_policy_clear(aic_policy *p);
uint64_t aic_policy_rating(const aic_policy *p, const char *wallet);

#endif
