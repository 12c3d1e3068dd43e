/* token.h: the coin, with ERC-20's semantics as OpenZeppelin's contracts 5 have them (increase and decrease from 4), and bodies
 * of the transactions that move it.
 *
 *     wallet_register     [wallet, organisation: bytes .size 16, type: 0, or 1 for one that refuses assets]
 *     transfer            [from, to, value]
 *     approve             [owner, spender, value: up to 2^256 - 1]
 *     transfer_from       [spender, from, to, value]
 *     increase_allowance  [owner, spender, by]        refused beyond 2^256 - 1
 *     decrease_allowance  [owner, spender, by]        refused below zero
 *     burn                [owner, value]
 *     burn_from           [spender, owner, value]
 *
 * wallets are bytes .size 20; the first one named acts, so that its site signs. Minting is by rule only: settlement.h. */
#ifndef AIC_LEDGER_TOKEN_H
#define AIC_LEDGER_TOKEN_H

#include "ledger/state/state.h"

void aic_wallet_register_body(aic_bytes *out, const aic_address *wallet, const aic_id *organisation, uint64_t type);
void aic_transfer_body(aic_bytes *out, const aic_address *from, const aic_address *to, aic_amount value);
/* approve, increase_allowance, decrease_allowance. */
void aic_allowance_body(aic_bytes *out, const aic_address *owner, const aic_address *spender, aic_u256 value);
void aic_transfer_from_body(aic_bytes *out, const aic_address *spender, const aic_address *from, const aic_address *to,
                            aic_amount value);
void aic_burn_body(aic_bytes *out, const aic_address *owner, aic_amount value);
void aic_burn_from_body(aic_bytes *out, const aic_address *spender, const aic_address *owner, aic_amount value);

/* What spender may still move of owner's; 0 where nothing was approved. */
aic_code aic_allowance(aic_state *s, const aic_address *owner, const aic_address *spender, aic_u256 *value, aic_error *err);

#endif
