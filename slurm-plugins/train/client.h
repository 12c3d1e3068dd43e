/* client.h: what `aic train` asks aictraind (doc/formats/rpc-train.md). */
#ifndef AIC_TRAIN_CLIENT_H
#define AIC_TRAIN_CLIENT_H

#include "common/rpc.h"
#include "slurm-plugins/train/slurm.h"

typedef struct {
	const aic_config *config;
	aic_rpc *rpc;              /* NULL: not connected */
} aic_train_client;

typedef struct {
	char path[AIC_TRAIN_PATH_LEN];
	uint64_t size;
} aic_train_file;

/* Each call connects where there is no connection, and drops it where it broke, so that it may be repeated. */
void aic_train_client_close(aic_train_client *c);
aic_code aic_train_put(aic_train_client *c, const uint8_t *token, const char *path, uint64_t at, const void *data, size_t len, aic_error *err);
/* In: token, spec, name, account. Out: job, account; *words is what sbatch said besides, to be freed. */
aic_code aic_train_submit(aic_train_client *c, aic_train_run *r, const char *dataset, const aic_train_option *option, size_t n, char **words,
                          aic_error *err);
aic_code aic_train_show(aic_train_client *c, uint32_t job, aic_train_run *r, aic_error *err);
/* The caller frees *runs. */
aic_code aic_train_list(aic_train_client *c, bool all, aic_train_run **runs, size_t *n, aic_error *err);
aic_code aic_train_files(aic_train_client *c, uint32_t job, aic_train_file **files, size_t *n, aic_error *err);
/* Appends the next piece; nothing is appended at the end. */
aic_code aic_train_get(aic_train_client *c, uint32_t job, const char *path, uint64_t at, aic_bytes *out, aic_error *err);
aic_code aic_train_cancel(aic_train_client *c, uint32_t job, aic_error *err);
aic_code aic_train_remove(aic_train_client *c, uint32_t job, aic_error *err);

/* --- on top of these --- */
/* Sends the specification and what it reads, as `aic-train files` says it; fills in r's token, spec and, where it is empty, its name;
 * dataset gets the asset, where there is one. */
aic_code aic_train_send(aic_train_client *c, const char *spec, aic_train_run *r, char dataset[AIC_NAME_LEN], aic_error *err);
/* All files but checkpoints (those too where it says so) into a folder; what lies there whole is left. *files: how many there are now. */
aic_code aic_train_fetch(aic_train_client *c, uint32_t job, const char *folder, bool checkpoints, size_t *files, aic_error *err);
/* Prints the log as it grows until the job has ended, through restarts of aictraind. */
aic_code aic_train_follow(aic_train_client *c, uint32_t job, aic_train_run *r, aic_error *err);

#endif
