/* issuance.h: how much coin the ledger may have issued (economics.md 2): S(X), and what parameters it accepts. */
#ifndef AIC_LEDGER_ISSUANCE_H
#define AIC_LEDGER_ISSUANCE_H

#include <stdint.h>

#include "common/amount.h"
#include "common/error.h"

/* Consortium parameters. */
typedef struct {
	uint64_t fee_ppm, rho_ppm, kappa_ppm, verify_ppm;
	int64_t x0;              /* whole, -40..40 */
	aic_amount x_scale;      /* units */
	aic_amount a_max;        /* units */
} aic_parameters;

extern const aic_parameters aic_parameters_default;

/* f(x) = 2^64 / (1 + e^-x) for x in Q32.32 (|x| below 2^63): 0..2^64, hence 65 bits. */
aic_amount aic_logistic(int64_t x);
/* S(X), in units: never above a_max. */
aic_amount aic_issuable(const aic_parameters *p, aic_amount fees_total);
/* Refuses what lets circular payments earn (economics.md 2, "Refused"), with the figures. */
aic_code aic_parameters_check(const aic_parameters *p, aic_error *err);

#endif
