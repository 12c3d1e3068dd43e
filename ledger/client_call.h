/* client_call.h: a request to aicledgerd and its answer; what the files of the client share. */
#ifndef AIC_LEDGER_CLIENT_CALL_H
#define AIC_LEDGER_CLIENT_CALL_H

#include "common/cbor.h"
#include "ledger/client.h"

/* Where the arguments go, `args` items. */
aic_bytes *aic_client_begin(aic_ledger *l, const char *op, size_t args);
/* The answer's bytes live until the next call. */
aic_code aic_client_call(aic_ledger *l, aic_cbor *answer, aic_error *err);
/* What was written may be told once no other history can take its place; `what` it is goes into the message. */
aic_code aic_client_final(aic_ledger *l, uint64_t height, const char *what, aic_error *err);
/* The call of what is answered with the transaction and its height; AIC_OK once it is final. */
aic_code aic_client_posted(aic_ledger *l, const char *what, aic_hash *tx, uint64_t *height, aic_error *err);

#endif
