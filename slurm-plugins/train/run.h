/* run.h: trainings that aictraind keeps: a folder each below HOME/runs, named by the token that its client chose.
 *
 *     HOME/incoming/UID-TOKEN/spec/...   files that are still being sent
 *     HOME/runs/TOKEN/run                what is known of it (doc/formats/rpc-train.md)
 *     HOME/runs/TOKEN/spec/...           the specification and the files that it reads, as they were when it was submitted
 *     HOME/runs/TOKEN/train.log          what the job printed
 *     HOME/runs/TOKEN/out/...            aic-train's folder: checkpoints, metrics, model
 *
 * HOME is the service user's, closed to everybody else but aic's group, where the directory has it and its setgid bit: who verifies
 * reads there what a specification names beside it. */
#ifndef AIC_TRAIN_RUN_H
#define AIC_TRAIN_RUN_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "common/config.h"
#include "common/error.h"

#define AIC_TRAIN_TOKEN_LEN 16
#define AIC_TRAIN_STATE_LEN 32
#define AIC_TRAIN_PATH_LEN 256

typedef struct {
	uint8_t token[AIC_TRAIN_TOKEN_LEN];
	uint32_t uid;                       /* the researcher */
	char user[AIC_NAME_LEN], account[AIC_NAME_LEN], name[AIC_NAME_LEN];
	char spec[AIC_TRAIN_PATH_LEN];      /* within spec/ */
	uint32_t job;                       /* 0: not submitted yet */
	char state[AIC_TRAIN_STATE_LEN];    /* Slurm's word */
	char why[AIC_NAME_LEN];             /* Slurm's reason while it waits, its nodes while it runs */
	int64_t submitted, ended;           /* ended 0: not yet */
} aic_train_run;

/* HOME/incoming/UID-TOKEN and HOME/runs/TOKEN, with "/" and rest behind it where rest is not NULL. */
aic_code aic_train_incoming(char path[PATH_MAX], const char *home, uid_t uid, const uint8_t *token, const char *rest, aic_error *err);
aic_code aic_train_path(char path[PATH_MAX], const char *home, const uint8_t *token, const char *rest, aic_error *err);

/* A relative path of names that start with no point, of letters, digits and . _ - + = @ and blanks. */
bool aic_train_is_path(const char *path);

aic_code aic_train_run_read(aic_train_run *r, const char *home, const uint8_t *token, aic_error *err);
/* Into the folder (incoming or runs), atomically. */
aic_code aic_train_run_write(const aic_train_run *r, const char *folder, aic_error *err);
/* All that can be read, in no order; the caller frees *runs. */
aic_code aic_train_run_list(aic_train_run **runs, size_t *n, const char *home, aic_error *err);
/* That of a job; AIC_NOT_FOUND. */
aic_code aic_train_run_find(aic_train_run *r, const char *home, uint32_t job, aic_error *err);

#endif
