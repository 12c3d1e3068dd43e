/* slurm_job.h: the Slurm jobs that verify: this user's, told apart by their names. */
#ifndef AIC_VERIFIER_SLURM_JOB_H
#define AIC_VERIFIER_SLURM_JOB_H

#include <stdbool.h>
#include <stdint.h>

#include "common/config.h"
#include "common/error.h"

typedef struct aic_slurm_jobs aic_slurm_jobs;

/* All jobs of this user as slurmctld knows them now. */
aic_code aic_slurm_jobs_load(aic_slurm_jobs **jobs, const aic_config *c, aic_error *err);
void aic_slurm_jobs_free(aic_slurm_jobs *jobs);
/* The job of that name that waits or runs; 0 where there is none. */
uint32_t aic_slurm_jobs_active(const aic_slurm_jobs *jobs, const char *name);
/* In words, how job `id` stands: "COMPLETED", "NODE_FAIL" ...; "forgotten" where slurmctld does not know it any more. */
const char *aic_slurm_jobs_state(const aic_slurm_jobs *jobs, uint32_t id);

typedef struct {
	const char *name, *node, *folder; /* the job's name; where it runs; its working folder, of its log too */
	const char *script;
	const char *const *dataset;       /* n data sets that are staged for it */
	size_t n;
} aic_slurm_request;
/* By sbatch, in the partition and so on of aic.yaml's sessions: verify. */
aic_code aic_slurm_submit(const aic_slurm_request *r, const aic_config *c, uint32_t *id, aic_error *err);
/* Ends it, if it is there. */
void aic_slurm_cancel(uint32_t id);

#endif
