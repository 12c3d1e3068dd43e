/* etcd.h: the order of blocks in an etcd of three or more members that the sites share. doc/formats/order-etcd.md draws its
 * keys. */
#ifndef AIC_LEDGER_ORDER_ETCD_H
#define AIC_LEDGER_ORDER_ETCD_H

#include "common/config.h"
#include "ledger/order/order.h"

/* Largest block: etcd takes 1.5 MiB a request (--max-request-bytes), and counts bytes, not the gateway's base64. */
#define AIC_ORDER_ETCD_BLOCK_MAX (1u << 20)
#define AIC_ORDER_ETCD_ATTESTATION_MAX 4096u

/* Asks etcd nothing yet. config is borrowed until the order is closed.
 *
 * Beyond order.h: appending what stands in the log at that height already is AIC_OK, so that after AIC_UNREACHABLE the same
 * bytes may be sent again. AIC_NOT_FOUND from reading: the log begins above `from`, the rest is in the sites' archives.
 * AIC_REFUSED also where etcd denies a right, AIC_FULL where its quota is used up. */
aic_code aic_order_etcd(aic_order *o, const aic_etcd_config *config, aic_error *err);

#endif
