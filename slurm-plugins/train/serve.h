/* serve.h: what aictraind answers (doc/formats/rpc-train.md), and what it does by itself. */
#ifndef AIC_TRAIN_SERVE_H
#define AIC_TRAIN_SERVE_H

#include "common/rpc.h"
#include "slurm-plugins/train/run.h"

#define AIC_TRAIN_SERVICE "train"
#define AIC_TRAIN_PIECE (4u << 20)          /* bytes of a file in one request or answer */
#define AIC_TRAIN_UPLOAD_MAX (4ull << 30)   /* bytes that a client may send for one training */
#define AIC_TRAIN_RUNS_MAX 200              /* trainings of one researcher that are kept */
#define AIC_TRAIN_OPTIONS_MAX 24
#define AIC_TRAIN_FILES_MAX 4096

typedef struct {
	const aic_config *config;
	char home[PATH_MAX];
	int64_t looked_ms, pruned_ms;           /* when states were asked for and old runs removed, monotonic */
	bool failing;
} aic_traind;

/* Finds the service user's home and makes what is missing in it. */
aic_code aic_traind_open(aic_traind *d, const aic_config *config, aic_error *err);
/* An aic_rpc_handler; ctx is an aic_traind. */
aic_code aic_traind_answer(void *ctx, const aic_rpc_caller *who, const char *op, aic_cbor *args, aic_bytes *out, size_t *out_items,
                           aic_error *err);
/* Brings states up to date and removes what is kept no longer. */
void aic_traind_tick(void *ctx);

#endif
