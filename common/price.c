/* price.c: one exact fraction per node, one floor (economics.md 1). */
#include "common/price.h"

#include <string.h>

#define MIB_PER_GIB 1024u
#define HOUR 3600u
#define BYTES_PER_GIB (1ull << 30)
#define MONTH 2592000u

void aic_rates_default(aic_rates *r)
{
	memset(r, 0, sizeof *r);
	r->gpu_default = AIC_UNIT / 2;
	r->cpu = AIC_UNIT / 100;
	r->mem_gib = AIC_UNIT / 1000;
}

aic_amount aic_rate_of_gpu(const aic_rates *r, const char *type)
{
	for (uint32_t i = 0; i < r->gpu_types; i++) {
		if (strcmp(r->gpu[i].type, type) == 0)
			return r->gpu[i].per_hour;
	}
	return r->gpu_default;
}

/* sum += rate * quantity; 192 bits at most, so only the sum can overflow. */
static bool add_product(aic_u256 *sum, aic_amount rate, uint64_t quantity)
{
	return aic_u256_add(sum, *sum, aic_u256_mul128(rate, quantity));
}

static bool mul_small(aic_u256 *v, uint64_t factor)
{
	return aic_u256_mul(v, *v, aic_u256_from(factor));
}

bool aic_price_node(aic_amount *out, const aic_rates *r, const aic_node_share *share, int64_t seconds, uint64_t state_ppm)
{
	if (seconds <= 0 || state_ppm == 0) {
		*out = 0;
		return true;
	}
	aic_u256 sum = aic_u256_from(0); /* per hour, times 1024 so that memory needs no floor of its own */
	for (uint32_t i = 0; i < share->gpu_types && i < AIC_GPU_TYPES_MAX; i++) {
		if (!add_product(&sum, aic_rate_of_gpu(r, share->gpu[i].type), share->gpu[i].count))
			return false;
	}
	if (!add_product(&sum, r->cpu, share->cpus) || !mul_small(&sum, MIB_PER_GIB) ||
	    !add_product(&sum, r->mem_gib, share->mem_mib))
		return false;
	if (!mul_small(&sum, (uint64_t)seconds) || !mul_small(&sum, state_ppm))
		return false;
	aic_amount divisor = (aic_amount)MIB_PER_GIB * HOUR * AIC_PPM;
	return aic_u256_to_amount(aic_u256_div(sum, aic_u256_from(divisor), NULL), out);
}

bool aic_price_storage(aic_amount *out, aic_amount per_gib_month, aic_amount byte_seconds)
{
	return aic_mul_div(out, per_gib_month, byte_seconds, (aic_amount)BYTES_PER_GIB * MONTH);
}

bool aic_price_asset(aic_amount *out, const aic_asset_terms *terms, uint64_t gpu_seconds)
{
	aic_amount timed;
	return aic_mul_div(&timed, terms->per_gpu_hour, gpu_seconds, HOUR) && aic_amount_add(out, terms->per_job, timed);
}

static bool quote_asset(aic_amount *total, const aic_asset_terms *terms, uint64_t gpu_seconds)
{
	aic_amount price;
	return terms == NULL || (aic_price_asset(&price, terms, gpu_seconds) && aic_amount_add(total, *total, price));
}

static bool gpu_seconds_of(uint64_t *out, const aic_node_share *share, uint32_t nodes, int64_t seconds)
{
	uint64_t gpus = 0;
	for (uint32_t i = 0; i < share->gpu_types && i < AIC_GPU_TYPES_MAX; i++)
		gpus += share->gpu[i].count;
	return !__builtin_mul_overflow(gpus, nodes, out) &&
	       !__builtin_mul_overflow(*out, seconds > 0 ? (uint64_t)seconds : 0, out);
}

bool aic_price_quote(aic_amount *out, const aic_rates *r, const aic_node_share *share, uint32_t nodes, int64_t seconds,
                     const aic_asset_terms *dataset, const aic_asset_terms *model)
{
	aic_amount node, total;
	uint64_t gpu_seconds;
	if (!aic_price_node(&node, r, share, seconds, AIC_PPM) || !aic_mul_div(&total, node, nodes, 1) ||
	    !gpu_seconds_of(&gpu_seconds, share, nodes, seconds))
		return false;
	if (!quote_asset(&total, dataset, gpu_seconds) || !quote_asset(&total, model, gpu_seconds))
		return false;
	*out = total;
	return true;
}
