/* slurm.h: what aictraind has Slurm do: it runs sbatch, squeue, sacct, scancel and sacctmgr as its own user. */
#ifndef AIC_TRAIN_SLURM_H
#define AIC_TRAIN_SLURM_H

#include "common/bytes.h"
#include "slurm-plugins/train/run.h"

/* Options of sbatch that a researcher may give. */
bool aic_train_option_known(const char *name);
/* What may stand as their value, or as an account or a data set: no blanks, nothing that a shell would read. */
bool aic_train_value_valid(const char *value);

typedef struct {
	char name[32], value[AIC_NAME_LEN];
} aic_train_option;

/* account "" becomes the user's default account. AIC_REFUSED where the user has no association with it, or `self`, the service
 * user, has none: the sentence says what sacctmgr wants. */
aic_code aic_train_account(char account[AIC_NAME_LEN], const char *user, const char *self, aic_error *err);
/* Submits the run, whose folder is there, and fills in its job; words gets what sbatch said besides, with a NUL. A run that Slurm has
 * already, known by its comment, is found instead. */
aic_code aic_train_sbatch(aic_train_run *r, const char *home, const char *self, const char *dataset, const aic_train_option *option, size_t n,
                          aic_bytes *words, aic_error *err);
/* The job that carries the run's token; AIC_NOT_FOUND. */
aic_code aic_train_job_of(aic_train_run *r, const char *self, aic_error *err);
/* Brings state, why and ended of n runs up to date; those that changed are marked. Runs that have ended are left as they are. */
aic_code aic_train_states(aic_train_run *runs, size_t n, bool *changed, const char *self, aic_error *err);
aic_code aic_train_scancel(uint32_t job, aic_error *err);

#endif
