/* service_operation.h: what the files that hold aicledgerd's operations share. */
#ifndef AIC_LEDGER_SERVICE_OPERATION_H
#define AIC_LEDGER_SERVICE_OPERATION_H

#include "ledger/service.h"

typedef struct {
	aic_service *s;
	const aic_rpc_caller *who;
	aic_cbor *args;
	aic_bytes *out;
	size_t items; /* that were written to out */
} aic_request;

/* service_open.c: opens the chain, or leaves in s->log why that has to wait. A failure that waiting does not mend is returned. */
aic_code aic_service_start(aic_service *s, aic_error *err);

/* service_settle.c. */
aic_code aic_op_settlement(aic_request *r, aic_error *err);
aic_code aic_op_settle(aic_request *r, aic_error *err);
aic_code aic_op_preview(aic_request *r, aic_error *err);
aic_code aic_op_reverse(aic_request *r, aic_error *err);
/* service_reseed.c: `aic ledger reseed`. */
aic_code aic_op_reseed(aic_request *r, aic_error *err);
aic_code aic_op_reseed_result(aic_request *r, aic_error *err);
/* Waits for its thread. */
void aic_service_reseed_end(aic_service *s);

/* service_key.c: `aic key`. */
aic_code aic_op_keys(aic_request *r, aic_error *err);
aic_code aic_op_key_register(aic_request *r, aic_error *err);
aic_code aic_op_key_revoke(aic_request *r, aic_error *err);
aic_code aic_op_key_rotate(aic_request *r, aic_error *err);
aic_code aic_op_key_replace(aic_request *r, aic_error *err);
aic_code aic_op_policy(aic_request *r, aic_error *err);

/* service_checkpoint.c */
aic_code aic_op_checkpoint(aic_request *r, aic_error *err);

#endif
