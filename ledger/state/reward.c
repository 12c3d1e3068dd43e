#include "ledger/state/reward.h"

#include <string.h>

#define PPM_SQUARED ((aic_amount)AIC_PPM * AIC_PPM)

aic_code aic_rewards(const aic_parameters *p, aic_amount fees_total, aic_amount issued, aic_reward_line *line, size_t n,
                     aic_reward_sums *sums, aic_error *err)
{
	aic_amount room = 0, most;

	memset(sums, 0, sizeof(*sums));
	for (size_t i = 0; i < n; i++) {
		aic_reward_line *l = &line[i];

		l->second = 0;
		if (!aic_mul_div(&l->proven, l->stake, l->rating_ppm, AIC_PPM) ||
		    !aic_amount_add(&sums->proven, sums->proven, l->proven) ||
		    !aic_mul_div(&l->first, p->rho_ppm, l->proven, PPM_SQUARED))
			return aic_fail(err, AIC_REFUSED, "line %zu: its proven value does not fit 128 bits", i + 1);
		sums->firsts += l->first;
	}
	if (!aic_mul_div(&most, p->kappa_ppm, sums->proven, PPM_SQUARED))
		return aic_fail(err, AIC_REFUSED, "the settlement's proven value does not fit 128 bits");
	if (!aic_amount_sub(&room, aic_issuable(p, fees_total), issued))
		room = 0;
	sums->issue = room < most ? room : most;
	for (size_t i = 0; i < n && sums->proven; i++) {
		aic_mul_div(&line[i].second, sums->issue, line[i].proven, sums->proven);
		sums->issued += line[i].second;
	}
	return AIC_OK;
}
