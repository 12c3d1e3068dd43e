/* client_asset.c: what other rooms ask about assets; see client.h. */
#include <stdlib.h>

#include "ledger/client_call.h"
#include "ledger/state/revenue.h"

aic_code aic_ledger_revenue(aic_ledger *l, const uint8_t asset[32], aic_amount amount, aic_ledger_share **out, size_t *n, aic_error *err)
{
	aic_bytes *b = aic_client_begin(l, "revenue", 2);
	aic_cbor c;
	aic_code code;

	aic_cbor_put_bytes(b, asset, 32);
	aic_cbor_put_amount(b, amount);
	*out = NULL;
	*n = 0;
	if ((code = aic_client_call(l, &c, err)))
		return code;
	*n = aic_cbor_array(&c, AIC_REVENUE_MAX);
	*out = aic_xcalloc(*n + 1, sizeof(**out));
	for (size_t i = 0; i < *n && aic_cbor_ok(&c); i++) {
		aic_ledger_share *s = &(*out)[i];

		aic_cbor_array_exact(&c, 3);
		aic_cbor_bytes_exact(&c, s->asset, sizeof(s->asset));
		aic_cbor_bytes_exact(&c, s->owner.b, AIC_ADDRESS_LEN);
		s->amount = aic_cbor_amount(&c);
	}
	if ((code = aic_cbor_finish(&c, err))) {
		free(*out);
		*out = NULL;
		*n = 0;
	}
	return code;
}
