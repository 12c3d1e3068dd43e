/* revenue.c: see revenue.h. Parents are of a lower generation than what was made from them: whoever is divided in order of generation,
 * the youngest first, has everything that will ever come to it. */
#include "ledger/state/revenue.h"

#include <stdlib.h>
#include <string.h>

typedef struct {
	aic_u256 id;
	aic_asset asset;
	aic_amount amount;
} share;

typedef struct {
	aic_revenue_find *find;
	void *from;
	share **share; /* descending by generation, then ascending by number */
	size_t n;
} division;

static int order(const share *a, const share *b)
{
	if (a->asset.generation != b->asset.generation)
		return a->asset.generation > b->asset.generation ? -1 : 1;
	return aic_u256_cmp(a->id, b->id);
}

static aic_code add(division *d, aic_u256 id, aic_amount amount, aic_error *err)
{
	share *s = aic_xcalloc(1, sizeof(*s));
	size_t at = 0;
	aic_code code = d->find(d->from, id, &s->asset, err);

	if (code == AIC_NOT_FOUND)
		code = aic_fail(err, AIC_REFUSED, "this asset is not registered: it earns nothing");
	s->id = id;
	s->amount = amount;
	while (!code && at < d->n && order(d->share[at], s) < 0)
		at++;
	if (!code && at < d->n && order(d->share[at], s) == 0) {
		d->share[at]->amount += amount;
		free(s);
		return AIC_OK;
	}
	if (!code && d->n == AIC_REVENUE_MAX)
		code = aic_fail(err, AIC_REFUSED, "more than %d assets would share one fee", AIC_REVENUE_MAX);
	if (code) {
		free(s);
		return code;
	}
	memmove(&d->share[at + 1], &d->share[at], (d->n - at) * sizeof(*d->share));
	d->share[at] = s;
	d->n++;
	return AIC_OK;
}

/* Parts of `amount` by ppm, the asset's own behind its parents'. */
static void split(aic_amount amount, const uint64_t *ppm, size_t n, aic_amount *part)
{
	uint64_t rest[AIC_PARENTS_MAX + 1];
	aic_amount left = amount;

	for (size_t i = 0; i < n; i++) {
		part[i] = aic_ppm_of(amount, ppm[i]);
		rest[i] = (uint64_t)(amount % AIC_PPM * ppm[i] % AIC_PPM);
		left -= part[i];
	}
	for (; left; left--) {
		size_t largest = 0;

		for (size_t i = 1; i < n; i++)
			if (rest[i] > rest[largest])
				largest = i;
		part[largest]++;
		rest[largest] = 0;
	}
}

static aic_code divide_one(division *d, size_t at, aic_error *err)
{
	share *s = d->share[at];
	uint64_t ppm[AIC_PARENTS_MAX + 1] = {0}, own = AIC_PPM;
	aic_amount part[AIC_PARENTS_MAX + 1];
	size_t n = s->asset.n_parents;
	aic_code code = AIC_OK;

	for (size_t i = 0; i < n; i++) {
		ppm[i] = s->asset.parent[i].ppm;
		own -= ppm[i];
	}
	ppm[n] = own;
	split(s->amount, ppm, n + 1, part);
	s->amount = part[n];
	for (size_t i = 0; i < n && !code; i++)
		if (part[i])
			code = add(d, s->asset.parent[i].asset, part[i], err);
	return code;
}

aic_code aic_revenue_divide_by(aic_revenue_find *find, void *from, aic_u256 asset, aic_amount amount, aic_revenue *part, size_t *n,
                               aic_error *err)
{
	division d = {.find = find, .from = from, .share = aic_xcalloc(AIC_REVENUE_MAX + 1, sizeof(*d.share))};
	aic_code code = add(&d, asset, amount, err);

	for (size_t i = 0; i < d.n && !code; i++)
		code = divide_one(&d, i, err);
	*n = 0;
	for (size_t i = 0; i < d.n; i++) {
		if (!code && d.share[i]->amount)
			part[(*n)++] = (aic_revenue){d.share[i]->id, d.share[i]->asset.owner, d.share[i]->amount};
		free(d.share[i]);
	}
	free(d.share);
	return code;
}

static aic_code find_in_state(void *state, aic_u256 id, aic_asset *a, aic_error *err)
{
	return aic_state_asset(state, id, a, err);
}

aic_code aic_revenue_divide(aic_state *s, aic_u256 asset, aic_amount amount, aic_revenue *part, size_t *n, aic_error *err)
{
	return aic_revenue_divide_by(find_in_state, s, asset, amount, part, n, err);
}
