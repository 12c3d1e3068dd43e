#include "common/lottery.h"

#include <string.h>

#include "common/bytes.h"

void aic_lottery_input(uint8_t input[AIC_LOTTERY_INPUT_LEN], const aic_hash *beacon, uint64_t height)
{
	size_t domain = sizeof(AIC_LOTTERY_DOMAIN) - 1;

	memcpy(input, AIC_LOTTERY_DOMAIN, domain);
	memcpy(input + domain, beacon->b, AIC_HASH_LEN);
	aic_put_be64(input + domain + AIC_HASH_LEN, height);
}

aic_u256 aic_lottery_draw(const uint8_t output[AIC_VRF_OUTPUT_LEN])
{
	return aic_u256_from_be(output);
}

/* floor(2^256 * 3 / nodes), nodes > 3: with 2^256 - 1 = q * nodes + r that is 3 q + floor(3 (r + 1) / nodes). */
static aic_u256 target_of(uint64_t nodes)
{
	aic_u256 all, q, r, target;

	memset(&all, 0xff, sizeof(all));
	q = aic_u256_div(all, aic_u256_from(nodes), &r);
	aic_u256_mul(&target, q, aic_u256_from(AIC_LOTTERY_WINNERS));
	aic_u256_add(&target, target, aic_u256_from(((aic_amount)r.limb[0] + 1) * AIC_LOTTERY_WINNERS / nodes));
	return target;
}

bool aic_lottery_wins(aic_u256 draw, uint64_t nodes)
{
	if (nodes <= AIC_LOTTERY_WINNERS)
		return nodes > 0;
	return aic_u256_cmp(draw, target_of(nodes)) < 0;
}

int64_t aic_lottery_wait_ms(aic_u256 draw, uint64_t nodes)
{
	aic_u256 ms;

	if (!aic_u256_mul(&ms, aic_u256_shr(draw, 16), aic_u256_from(1000)))
		return 0;
	if (nodes <= AIC_LOTTERY_WINNERS)
		return (int64_t)aic_u256_shr(ms, 240).limb[0];
	ms = aic_u256_div(ms, aic_u256_shr(target_of(nodes), 16), NULL);
	return aic_u256_cmp(ms, aic_u256_from(1000)) < 0 ? (int64_t)ms.limb[0] : 999;
}
