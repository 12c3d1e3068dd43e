/* pending.h: an order that persists each block before it is sent, so that this site never sends two different blocks for one
 * height, whatever answers get lost and whenever it dies. Around orders that can lose an answer. */
#ifndef AIC_LEDGER_ORDER_PENDING_H
#define AIC_LEDGER_ORDER_PENDING_H

#include "ledger/order/order.h"

/* Wraps *o, which is closed where this fails. The file at path holds the block that was sent last, unless another is known to
 * have its place: even one that landed may be lost by the log before this site's copy has it. A block that an earlier process left
 * there, or that the log has lost, is sent again, unchanged, before the head is told or anything else is appended. */
aic_code aic_order_pending(aic_order *o, const char *path, aic_error *err);

#endif
