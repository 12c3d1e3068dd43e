/* service_asset.c: what aicledgerd answers about assets. */
#include <stdlib.h>

#include "ledger/service_operation.h"
#include "ledger/state/revenue.h"

aic_code aic_op_revenue(aic_request *r, aic_error *err)
{
	uint8_t id[32];
	size_t n;
	aic_code code;

	aic_cbor_bytes_exact(r->args, id, sizeof(id));
	aic_amount amount = aic_cbor_amount(r->args);
	if ((code = aic_cbor_finish(r->args, err)))
		return code;
	aic_revenue *part = aic_xcalloc(AIC_REVENUE_MAX, sizeof(*part));
	if (!(code = aic_revenue_divide(r->s->state, aic_u256_from_be(id), amount, part, &n, err))) {
		aic_cbor_put_array(r->out, n);
		for (size_t i = 0; i < n; i++) {
			aic_u256_to_be(id, part[i].asset);
			aic_cbor_put_array(r->out, 3);
			aic_cbor_put_bytes(r->out, id, sizeof(id));
			aic_cbor_put_bytes(r->out, part[i].owner.b, AIC_ADDRESS_LEN);
			aic_cbor_put_amount(r->out, part[i].amount);
		}
		r->items = 1;
	}
	free(part);
	return code;
}
