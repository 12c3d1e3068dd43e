/* answer.h: what aicnoded answers other nodes and the command about data sets (doc/formats/rpc-node.md). */
#ifndef AIC_DATASET_ANSWER_H
#define AIC_DATASET_ANSWER_H

#include "common/config.h"
#include "common/rpc.h"
#include "slurm-plugins/dataset/cache.h"

#define AIC_NODE_SERVICE "node"

typedef struct {
	const aic_config *config;       /* who is an administrator */
	const aic_cache *cache;         /* only read */
	const char *node_dir;
	/* Takes the data set out of the cache, and says what keeps it there. Called in the server's thread. */
	aic_code (*evict)(void *ctx, const char *dataset, aic_error *err);
	void *ctx;
} aic_answers;

/* An aic_rpc_handler; ctx is an aic_answers. */
aic_code aic_dataset_answer(void *ctx, const aic_rpc_caller *who, const char *op, aic_cbor *args, aic_bytes *out, size_t *out_items,
                            aic_error *err);

#endif
