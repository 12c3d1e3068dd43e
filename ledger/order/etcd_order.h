/* etcd_order.h: what etcd.c and etcd_board.c share: the keys, drawn in doc/formats/order-etcd.md. Internal to them. */
#ifndef AIC_LEDGER_ORDER_ETCD_ORDER_H
#define AIC_LEDGER_ORDER_ETCD_ORDER_H

#include "common/config.h"
#include "ledger/order/etcd_gateway.h"
#include "ledger/order/order.h"

#define AIC_ETCD_KEY_MAX (AIC_NAME_LEN + 64)
#define AIC_HEIGHT_DIGITS 20 /* of every height in a key, so that keys sort as numbers */

typedef struct {
	aic_etcd *etcd;
	const char *prefix;
	uint64_t page;               /* blocks to ask for at once */
	aic_id *site;                /* that have attested, ascending */
	size_t n_sites;
} aic_etcd_order;

void aic_etcd_head_key(const aic_etcd_order *o, char key[AIC_ETCD_KEY_MAX]);
void aic_etcd_block_key(const aic_etcd_order *o, char key[AIC_ETCD_KEY_MAX], uint64_t height);
/* "att/<site>" and the rest. */
void aic_etcd_site_key(const aic_etcd_order *o, char key[AIC_ETCD_KEY_MAX], const aic_id *site, const char *rest);
/* The first 20 characters, all of them digits and at most UINT64_MAX. */
bool aic_etcd_parse_height(const char *text, uint64_t *height);
/* The one value that a get found is these bytes. */
bool aic_etcd_value_is(const json_t *get, const void *bytes, size_t len);

aic_code aic_etcd_attest(void *self, const aic_id *site, uint64_t height, const void *bytes, size_t len, aic_error *err);
aic_code aic_etcd_attestations(void *self, uint64_t height, aic_order_attested visit, void *ctx, aic_error *err);

#endif
