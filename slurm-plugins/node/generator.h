/* generator.h: aicnoded's part in the making of blocks: while a step runs on this node a thread waits at aicledgerd, draws with the node's
 * VRF key, and signs headers and attestations with its signing key. Without a step it asks nobody. */
#ifndef AIC_NODE_GENERATOR_H
#define AIC_NODE_GENERATOR_H

#include <stdbool.h>
#include <sys/types.h>

#include "common/block_call.h"
#include "common/node_hello.h"

#define AIC_NODE_VRF_KEY "vrf.key"

typedef struct {
	const char *node_dir;
	const aic_key *key;      /* the node's, which signs */
	const char *address;     /* of aicledgerd */
	uid_t server_uid;
	const char *chain;       /* hexadecimal id of the only ledger that is signed for; "": any */
} aic_node_generator_options;

typedef struct aic_node_generator aic_node_generator;

/* Makes the VRF key where it is missing, and starts the thread. Without a VRF key that can be used, or a thread, it stays without and
 * says why in aic_node_generator_hello(): receipts go on. Strings and keys are copied. */
aic_node_generator *aic_node_generator_start(const aic_node_generator_options *o);
/* Fills draws, vrf and trouble of a hello; true where they differ from what the last call gave. */
bool aic_node_generator_hello(aic_node_generator *g, aic_node_hello *h);
/* Ends the thread, or leaves it behind where it waits for an answer: then the process is about to end. NULL is allowed. */
void aic_node_generator_stop(aic_node_generator *g);

/* --- the parts, for tests --- */

typedef struct {
	aic_key key, vrf;
	char node_dir[4096], chain[65];
	uint64_t drawn;                    /* last height for which it has drawn */
	uint8_t proof[AIC_VRF_PROOF_LEN];  /* of that draw */
	bool wins;
} aic_generator_state;

/* The draw of a height: drawn, proof, wins. */
void aic_generator_draw(aic_generator_state *s, const aic_task *t);
/* Checks what a task asks to be signed, keeps it on the disk, signs. AIC_REFUSED says what does not fit. */
aic_code aic_generator_sign(aic_generator_state *s, const aic_task *t, uint8_t signature[AIC_SIGNATURE_LEN], aic_error *err);

#endif
