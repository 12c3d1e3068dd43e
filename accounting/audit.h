/* audit.h: what administrators did, append-only and chained: each entry's hash covers the one before it, so an entry that
 * was changed, removed or slipped in shows. hash = SHA-256(["aic/audit/v1", hash before, id, time, uid, text]) in canonical
 * CBOR; before the first entry 32 zero bytes. */
#ifndef AIC_ACCOUNTING_AUDIT_H
#define AIC_ACCOUNTING_AUDIT_H

#include <sys/types.h>

#include "accounting/store.h"
#include "common/crypto.h"

/* Inside the transaction of what it tells. */
aic_code aic_audit_add(aic_store *s, uid_t uid, int64_t now, aic_error *err, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Walks the chain; AIC_CORRUPT names the first entry that does not fit. *entries and *head may be NULL. */
aic_code aic_audit_verify(aic_store *s, int64_t *entries, aic_hash *head, aic_error *err);

#endif
