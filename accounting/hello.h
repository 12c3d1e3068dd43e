/* hello.h: what nodes said last of their keys, and of what keeps them from drawing for blocks. Kept in memory: each says it again every
 * ten minutes (aicnoded(8)). Signing keys are pinned in the store as those of receipts are; both are registered on the ledger. */
#ifndef AIC_ACCOUNTING_HELLO_H
#define AIC_ACCOUNTING_HELLO_H

#include "accounting/store.h"
#include "common/node_hello.h"
#include "ledger/client.h"

#define AIC_HELLO_EVERY 600 /* seconds */

typedef struct aic_hellos aic_hellos;

aic_hellos *aic_hellos_new(int64_t now);
void aic_hellos_free(aic_hellos *h);

/* A node's signed hello: its key is pinned, or must be the one that is. *fresh: it is new, or says something else than before. */
aic_code aic_hello_take(aic_hellos *h, aic_store *s, const void *data, size_t len, int64_t now, bool *fresh, aic_error *err);
/* A node whose key was forgotten. */
void aic_hello_forget(aic_hellos *h, const char *node);
/* Registers on the ledger the keys that it lacks. Costs nothing where nobody has said anything new. What the ledger refuses is logged
 * once. */
aic_code aic_hellos_register(aic_hellos *h, aic_ledger *l, aic_error *err);

/* For `aic doctor`: calls say() for each node that cannot draw, with what it says, or NULL where a pinned node has said nothing for longer
 * than it should. *drawing: how many nodes can. */
aic_code aic_hellos_look(const aic_hellos *h, aic_store *s, int64_t now, void (*say)(void *ctx, const char *node, const char *trouble),
                         void *ctx, size_t *drawing, aic_error *err);

/* receipt_batch.c: the first key that a node signs with is pinned; another one later is refused. In a transaction of the caller's. */
aic_code aic_node_key_pin(aic_store *s, const char *node, const uint8_t key[AIC_PUBLIC_LEN], int64_t now, aic_error *err);

#endif
