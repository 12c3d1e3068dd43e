/* lottery.h: which of the nodes that train may make block h, by a draw that each makes for itself with its VRF key. */
#ifndef AIC_LOTTERY_H
#define AIC_LOTTERY_H

#include "common/amount.h"
#include "common/vrf.h"

#define AIC_LOTTERY_DOMAIN "aic/lottery/v1"
#define AIC_LOTTERY_INPUT_LEN (sizeof(AIC_LOTTERY_DOMAIN) - 1 + AIC_HASH_LEN + 8)
#define AIC_LOTTERY_WINNERS 3 /* expected number of winners of a height */

/* "aic/lottery/v1" || beacon of block height - 1 || height as u64 BE: what the VRF is asked. */
void aic_lottery_input(uint8_t input[AIC_LOTTERY_INPUT_LEN], const aic_hash *beacon, uint64_t height);
/* The draw: the first 32 bytes of the VRF's output, big-endian. */
aic_u256 aic_lottery_draw(const uint8_t output[AIC_VRF_OUTPUT_LEN]);
/* draw < target = floor(2^256 * min(1, 3 / nodes)); nodes: those registered with an open session before the block. 0: nobody wins. */
bool aic_lottery_wins(aic_u256 draw, uint64_t nodes);
/* How long a winner waits after the height's turn has come: draw / target seconds, in milliseconds, 0..999. */
int64_t aic_lottery_wait_ms(aic_u256 draw, uint64_t nodes);

#endif
