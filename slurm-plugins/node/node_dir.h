/* node_dir.h: what lies where in a node's own directory (NODE_DIR).
 *
 *     node.key                    the node's signing key, 0600, made by aicnoded
 *     receipts/JOB.RESTART.STEP.receipt   one encoded receipt each, written by spank_aic, deleted by aicnoded
 *     damaged/                    receipt files that could not be read
 *     steps/                      running steps that hold GPUs, and what they used so far (steps.h); only where GPUs are metered
 *     heartbeat                   touched by aicnoded */
#ifndef AIC_NODE_DIR_H
#define AIC_NODE_DIR_H

#include <stddef.h>

#include "common/error.h"
#include "common/receipt.h"

#define AIC_NODE_DIR_DEFAULT "/var/lib/aic/node"
#define AIC_RECEIPTS_DIR "receipts"
#define AIC_DAMAGED_DIR "damaged"
#define AIC_NODE_KEY "node.key"
#define AIC_NODE_HEARTBEAT "heartbeat"
#define AIC_RECEIPT_SUFFIX ".receipt"

/* The pattern with each %n replaced by the node's name. AIC_USAGE where it does not fit. */
aic_code aic_node_dir_expand(char *buf, size_t size, const char *pattern, const char *node, aic_error *err);
aic_code aic_receipt_path(char *buf, size_t size, const char *node_dir, const aic_receipt *r, aic_error *err);

#endif
