/* etcd_order.h: what etcd.c, etcd_board.c and etcd_window.c share: the keys, drawn in doc/formats/order-etcd.md. Internal to them. */
#ifndef AIC_LEDGER_ORDER_ETCD_ORDER_H
#define AIC_LEDGER_ORDER_ETCD_ORDER_H

#include "common/config.h"
#include "ledger/order/etcd_gateway.h"
#include "ledger/order/order.h"

#define AIC_ETCD_KEY_MAX (AIC_NAME_LEN + 64)
#define AIC_ETCD_HEAD_LEN (AIC_HEIGHT_DIGITS + 1 + 2 * AIC_HASH_LEN)
#define AIC_HEIGHT_DIGITS 20 /* of every height in a key, so that keys sort as numbers */

typedef struct {
	aic_etcd *etcd;
	const char *prefix;
	size_t members;              /* endpoints in the config */
	uint64_t page;               /* blocks to ask for at once */
	aic_id *site;                /* that have written on the board, ascending */
	size_t n_sites;
	uint64_t quota;              /* as told by the first member that did; 0: none has yet */
} aic_etcd_order;

void aic_etcd_head_key(const aic_etcd_order *o, char key[AIC_ETCD_KEY_MAX]);
void aic_etcd_block_key(const aic_etcd_order *o, char key[AIC_ETCD_KEY_MAX], uint64_t height);
/* "att/<site>" and the rest. */
void aic_etcd_site_key(const aic_etcd_order *o, char key[AIC_ETCD_KEY_MAX], const aic_id *site, const char *rest);
/* The first 20 characters, all of them digits and at most UINT64_MAX. */
bool aic_etcd_parse_height(const char *text, uint64_t *height);
/* The one value that a get found is these bytes. */
bool aic_etcd_value_is(const json_t *get, const void *bytes, size_t len);

/* "<height> <hash>", the head's value. */
void aic_etcd_head_text(char text[AIC_ETCD_HEAD_LEN + 1], uint64_t height, const aic_hash *hash);
/* The head in the answer to a get of it. */
aic_code aic_etcd_read_head(const aic_etcd_order *o, const json_t *get, aic_order_head *head, aic_error *err);
aic_code aic_etcd_head(void *self, aic_order_head *head, aic_error *err);
/* The lowest height that has a block; UINT64_MAX: none. */
aic_code aic_etcd_first(aic_etcd_order *o, uint64_t *first, aic_error *err);

aic_code aic_etcd_attest(void *self, const aic_id *site, uint64_t height, const void *bytes, size_t len, aic_error *err);
aic_code aic_etcd_attestations(void *self, uint64_t height, aic_order_attested visit, void *ctx, aic_error *err);

aic_code aic_etcd_acknowledge(void *self, const aic_id *site, const void *bytes, size_t len, aic_error *err);
aic_code aic_etcd_acknowledgements(void *self, aic_order_attested visit, void *ctx, aic_error *err);

aic_code aic_etcd_prune(void *self, const aic_id *site, uint64_t below, aic_error *err);
aic_code aic_etcd_space(void *self, aic_order_space *space, aic_error *err);
aic_code aic_etcd_restore(void *self, const aic_order_head *found, const aic_order_head *restored, uint64_t from,
                          aic_order_source source, void *ctx, aic_error *err);

#endif
