/* node_hello.h: what aicnoded tells aicacctd of its node's keys, signed with the node's key (doc/formats/receipt.md, "Hello"). */
#ifndef AIC_NODE_HELLO_H
#define AIC_NODE_HELLO_H

#include "common/bytes.h"
#include "common/crypto.h"
#include "common/error.h"
#include "common/record.h"

#define AIC_NODE_TROUBLE_LEN 512

typedef struct {
	char node[AIC_NAME_LEN];              /* Slurm's name */
	uint8_t key[AIC_PUBLIC_LEN];          /* signs receipts, blocks and attestations */
	bool draws;                           /* false: it has no VRF key */
	uint8_t vrf[AIC_PUBLIC_LEN];
	char trouble[AIC_NODE_TROUBLE_LEN];   /* why the node cannot draw, with the remedy; "": it can */
} aic_node_hello;

/* key is the node's; h->key is taken from it. */
void aic_node_hello_encode(aic_bytes *out, const aic_node_hello *h, const aic_key *key);
/* AIC_CORRUPT where the bytes are none; AIC_REFUSED for a wrong signature and a VRF key that is none, or is the signing key. */
aic_code aic_node_hello_decode(aic_node_hello *h, const void *data, size_t len, aic_error *err);

#endif
