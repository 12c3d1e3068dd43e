/* price.h: rates, and what resources cost over time (economics.md 1 and 5). The one home of the charge formula:
 * job_submit's quote, `aic quote` and the charge of a finished record all come here. */
#ifndef AIC_PRICE_H
#define AIC_PRICE_H

#include <stdint.h>

#include "common/amount.h"
#include "common/record.h"

#define AIC_PRICE_GPU_TYPES_MAX 64

typedef struct {
	char type[AIC_NAME_LEN];
	aic_amount per_hour;
} aic_gpu_rate;

/* Units per hour. */
typedef struct {
	aic_amount gpu_default;      /* for types without a row [0.5 AIC] */
	aic_amount cpu;              /* [0.01 AIC] */
	aic_amount mem_gib;          /* [0.001 AIC] */
	aic_amount storage_gib_month; /* units per GiB and 30 days [0]; no plugin needs it, so no snapshot has it */
	uint32_t gpu_types;
	aic_gpu_rate gpu[AIC_PRICE_GPU_TYPES_MAX];
} aic_rates;

void aic_rates_default(aic_rates *r);
aic_amount aic_rate_of_gpu(const aic_rates *r, const char *type);

/* floor(seconds * state_ppm * SUM(rate * quantity) / (3600 * 10^6)) for what one node gave; memory enters as MiB / 1024 in
 * the same fraction. False where the result needs more than 128 bits. */
bool aic_price_node(aic_amount *out, const aic_rates *r, const aic_node_share *share, int64_t seconds, uint64_t state_ppm);

/* Terms of a data set or model: per job, plus per GPU hour over gpu_seconds (one floor). */
typedef struct {
	aic_amount per_job;
	aic_amount per_gpu_hour;
} aic_asset_terms;
bool aic_price_asset(aic_amount *out, const aic_asset_terms *terms, uint64_t gpu_seconds);

/* floor(rate * byte_seconds / (2^30 * 2,592,000)). False where the result needs more than 128 bits. */
bool aic_price_storage(aic_amount *out, aic_amount per_gib_month, aic_amount byte_seconds);

/* The most that a job can cost: `nodes` equal shares for `seconds` at full price, plus assets' terms (NULL if none). */
bool aic_price_quote(aic_amount *out, const aic_rates *r, const aic_node_share *share, uint32_t nodes, int64_t seconds,
                     const aic_asset_terms *dataset, const aic_asset_terms *model);

#endif
