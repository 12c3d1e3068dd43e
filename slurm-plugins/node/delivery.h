/* delivery.h: receipts from the node's directory to aicacctd, signed with the node's key, kept until acknowledged. */
#ifndef AIC_NODE_DELIVERY_H
#define AIC_NODE_DELIVERY_H

#include <sys/types.h>

#include "common/error.h"
#include "common/node_hello.h"
#include "common/receipt.h"

#define AIC_DELIVERY_BATCH 1024   /* receipts in one batch, at most */
#define AIC_DELIVERY_TIMEOUT_MS 10000

typedef struct aic_delivery aic_delivery;

/* Makes NODE_DIR, receipts/ and damaged/ (0700) and the node's key where they are missing. address and server_uid as for
 * aic_rpc_open(). */
aic_code aic_delivery_open(aic_delivery **d, const char *node_dir, const char *node, const char *address, uid_t server_uid,
                           aic_error *err);

/* What adds GPU use to receipts that lack it, before they are sent. complete() may leave it unknown; forget() is called when the
 * receipt with what complete() added is safe on the disk. */
typedef struct {
	void (*complete)(void *ctx, aic_receipt *r);
	void (*forget)(void *ctx, const aic_receipt *r);
	void *ctx;
} aic_delivery_meter;
void aic_delivery_measure(aic_delivery *d, const aic_delivery_meter *meter);

typedef struct {
	size_t accepted, duplicates; /* acknowledged and deleted here */
	size_t damaged;              /* moved to damaged/ */
} aic_delivery_result;

/* Sends what waits, batch by batch, until nothing is left. On failure the receipts that were not acknowledged stay; result
 * says what was done before. */
aic_code aic_delivery_round(aic_delivery *d, aic_delivery_result *result, aic_error *err);
/* Tells aicacctd of the node's keys; node and key of *h are filled in. AIC_USAGE from an aicacctd that is older. */
aic_code aic_delivery_hello(aic_delivery *d, aic_node_hello *h, aic_error *err);
/* The node's key, borrowed. */
const aic_key *aic_delivery_key(const aic_delivery *d);
void aic_delivery_close(aic_delivery *d);

#endif
