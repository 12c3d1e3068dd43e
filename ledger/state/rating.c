/* rating.c: beta reputation of a provider, economics.md 2: what a wallet's alpha and beta are worth, and how they fade. */
#include "ledger/state/row.h"

#define MOST (~(aic_amount)0 >> 2) /* alpha + beta + 2 * 10^6 fits 128 bits */

uint64_t aic_rating_ppm(aic_amount alpha, aic_amount beta)
{
	aic_amount r;

	return aic_mul_div(&r, AIC_PPM, alpha + AIC_PPM, alpha + beta + 2 * AIC_PPM) ? (uint64_t)r : 0;
}

uint64_t aic_rating_month(int64_t time)
{
	int64_t days = time / 86400 + 719468; /* since 0000-03-01, Howard Hinnant's civil_from_days */
	int64_t era = days / 146097, day = days - era * 146097;
	int64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	int64_t month = (5 * (day - (365 * year + year / 4 - year / 100)) + 2) / 153;

	if (time < 0)
		return 0;
	year += era * 400 + (month >= 10);
	month = month < 10 ? month + 2 : month - 10;
	return (uint64_t)((year - 1970) * 12 + month);
}

static aic_amount fade(aic_amount x, uint64_t months)
{
	while (x && months--)
		x = x / 10 * 9 + x % 10 * 9 / 10;
	return x;
}

void aic_wallet_age(aic_wallet *w, uint64_t month)
{
	if (!w->alpha && !w->beta)
		return;
	if (month > w->rated) {
		w->alpha = fade(w->alpha, month - w->rated);
		w->beta = fade(w->beta, month - w->rated);
		w->rated = month;
	}
	if (!w->alpha && !w->beta)
		w->rated = 0;
}

static aic_amount sum(aic_amount a, aic_amount b)
{
	aic_amount s;

	return aic_amount_add(&s, a, b) && s < MOST ? s : MOST;
}

void aic_wallet_rate(aic_wallet *w, uint64_t month, aic_amount alpha, aic_amount beta)
{
	aic_wallet_age(w, month);
	w->alpha = sum(w->alpha, alpha);
	w->beta = sum(w->beta, beta);
	w->rated = w->alpha || w->beta ? (month > w->rated ? month : w->rated) : 0;
}
