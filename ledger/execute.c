/* execute.c: from a transaction's kind to the function that knows it. */
#include "ledger/execute.h"

aic_code aic_execute(aic_exec *x, aic_error *err)
{
	switch (x->tx->kind) {
	case AIC_TX_WALLET_REGISTER:
		return aic_execute_wallet_register(x, err);
	case AIC_TX_TRANSFER:
		return aic_execute_transfer(x, err);
	case AIC_TX_SETTLEMENT:
		return aic_execute_settlement(x, err);
	default:
		return aic_fail(err, AIC_REFUSED, "transactions of kind %llu (%s) are not known to this release: upgrade to use them",
		                (unsigned long long)x->tx->kind, aic_tx_kind_name(x->tx->kind));
	}
}
