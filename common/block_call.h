/* block_call.h: what aicnoded asks aicledgerd: the draw for a block, and what a node's key signs. doc/formats/rpc-ledger.md, "Blocks from
 * nodes", has the wire.
 *
 *     for (uint64_t drawn = 0;;) {
 *         aic_block_call_wait(rpc, key, drawn, &t, &err);          answers when there is something to do, or with AIC_TASK_NONE
 *         AIC_TASK_DRAW    drawn = t.height; draw from t.beacon; aic_lottery_wins(.., t.nodes): aic_block_call_draw(.., proof)
 *         AIC_TASK_BLOCK   keep (t.height, t.bytes) on the disk, unless others stand there for that height; aic_block_call_sign
 *         AIC_TASK_ATTEST  likewise
 *     }
 *
 * A key proves itself by what it draws and signs; nothing that is told is secret. */
#ifndef AIC_BLOCK_CALL_H
#define AIC_BLOCK_CALL_H

#include "common/bytes.h"
#include "common/rpc.h"
#include "common/vrf.h"

#define AIC_BLOCK_DOMAIN "aic/block/v1"             /* of the signature of a header */
#define AIC_ATTESTATION_DOMAIN "aic/attestation/v1"
#define AIC_NODE_ID_LEN 16
#define AIC_BLOCK_CALL_WAIT_MS 20000                /* aicledgerd answers AIC_TASK_NONE after so long: a client's time-out is longer */

/* The generator that a node's blocks name: the first 16 bytes of SHA-256("aic/node/v1" || signing key). */
void aic_node_id(uint8_t id[AIC_NODE_ID_LEN], const uint8_t key[AIC_PUBLIC_LEN]);

typedef enum {
	AIC_TASK_NONE = 0,
	AIC_TASK_DRAW = 1,   /* height, beacon, nodes */
	AIC_TASK_BLOCK = 2,  /* height, bytes: the header, which holds the proof that was sent */
	AIC_TASK_ATTEST = 3  /* height, bytes: what stands before an attestation's signature */
} aic_task_kind;

typedef struct {
	aic_task_kind kind;
	uint64_t height;
	aic_hash beacon;     /* of height - 1 */
	uint64_t nodes;      /* that draw at this height */
	aic_bytes bytes;     /* to be signed under AIC_BLOCK_DOMAIN or AIC_ATTESTATION_DOMAIN */
} aic_task;
void aic_task_clear(aic_task *t);

/* Waits until this node has something to do. drawn: the height for which it has drawn last, 0 for none. A task of signing is given
 * again until its signature has come or it is no longer wanted. *t, all zero at first, is cleared before. */
aic_code aic_block_call_wait(aic_rpc *rpc, const uint8_t key[AIC_PUBLIC_LEN], uint64_t drawn, aic_task *t, aic_error *err);
/* A draw that wins. AIC_REFUSED says why it does not; AIC_NOT_FOUND: a block has that height already. */
aic_code aic_block_call_draw(aic_rpc *rpc, const uint8_t key[AIC_PUBLIC_LEN], uint64_t height, const uint8_t proof[AIC_VRF_PROOF_LEN],
                             aic_error *err);
/* kind: AIC_TASK_BLOCK or AIC_TASK_ATTEST. AIC_NOT_FOUND: it came too late, and nothing is wrong. */
aic_code aic_block_call_sign(aic_rpc *rpc, const uint8_t key[AIC_PUBLIC_LEN], aic_task_kind kind, uint64_t height,
                             const uint8_t signature[AIC_SIGNATURE_LEN], aic_error *err);

/* What the bytes of a task say. */
typedef struct {
	aic_hash chain;
	uint8_t proof[AIC_VRF_PROOF_LEN]; /* of a header */
} aic_task_claim;

/* Whether the bytes of a task are what its kind and height say, and a header this node's, for a session, with a proof: what a node
 * checks before it signs, besides that the proof is the one that it sent. False with the reason. claim may be NULL. */
bool aic_task_fits(const aic_task *t, const uint8_t key[AIC_PUBLIC_LEN], aic_task_claim *claim, aic_error *err);

#endif
