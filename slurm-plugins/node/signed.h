/* signed.h: what the node's key has signed for a ledger, NODE_DIR/signed/CHAIN.KIND: so that it never signs two headers, or two attestations,
 * for one height, whatever aicledgerd asks and whenever aicnoded is killed (doc/formats/node-dir.md). */
#ifndef AIC_NODE_SIGNED_H
#define AIC_NODE_SIGNED_H

#include "common/block_call.h"

#define AIC_SIGNED_DIR "signed"

/* Before a signature leaves the node: AIC_OK where these bytes may be signed, and that is on the disk. AIC_REFUSED where others were signed
 * for that height or a higher one was; AIC_CORRUPT where what was signed cannot be read: nothing is signed then. kind: AIC_TASK_BLOCK or
 * AIC_TASK_ATTEST. */
aic_code aic_signed_keep(const char *node_dir, aic_task_kind kind, const aic_hash *chain, uint64_t height, const aic_bytes *bytes,
                         aic_error *err);

#endif
