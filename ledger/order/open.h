/* open.h: the order that aic.yaml names. */
#ifndef AIC_LEDGER_ORDER_OPEN_H
#define AIC_LEDGER_ORDER_OPEN_H

#include "common/config.h"
#include "ledger/order/order.h"

/* local: the file at path. etcd: config->etcd through a relay, and PATH.pending for the block whose fate is unknown. config is borrowed until
 * the order is closed. */
aic_code aic_order_open(aic_order *o, const aic_config *config, const char *path, aic_error *err);
/* etcd alone, for a command beside the daemon: nothing is appended, so that nothing is pending. */
aic_code aic_order_open_to_read(aic_order *o, const aic_config *config, aic_error *err);

#endif
