/* token.h: bodies of the transactions that register wallets and move coin.
 *
 *     wallet_register  [wallet, organisation: bytes .size 16]
 *     transfer         [from, to, value]
 *
 * wallets are bytes .size 20 */
#ifndef AIC_LEDGER_TOKEN_H
#define AIC_LEDGER_TOKEN_H

#include "ledger/row.h"

void aic_wallet_register_body(aic_bytes *out, const aic_address *wallet, const aic_id *organisation);
void aic_transfer_body(aic_bytes *out, const aic_address *from, const aic_address *to, aic_amount value);

#endif
