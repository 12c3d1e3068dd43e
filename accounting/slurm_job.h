/* slurm_job.h: what Slurm says of a job that runs: whose it is, and what it holds on which nodes. Asked in a child process, which libslurm
 * may end or hang; the caller waits for it, so that no thread that serves others calls this. */
#ifndef AIC_ACCOUNTING_SLURM_JOB_H
#define AIC_ACCOUNTING_SLURM_JOB_H

#include "common/config.h"
#include "common/record.h"
#include "common/session_call.h"

typedef struct {
	char cluster[AIC_NAME_LEN], account[AIC_NAME_LEN], partition[AIC_NAME_LEN];
	uint32_t uid, restart;
	bool running;
	size_t n;
	aic_node_share *node;  /* owned: of the step, or of the job where the step has none of its own */
} aic_slurm_job;

/* AIC_NOT_FOUND: slurmctld knows no such job. AIC_UNREACHABLE: it does not answer. *out is zeroed on failure. */
aic_code aic_slurm_job_ask(aic_slurm_job *out, const aic_config *c, const aic_job_step *step, aic_error *err);
void aic_slurm_job_clear(aic_slurm_job *j);

/* "gpu:a100:2(IDX:0-1),gpu:1": adds to the share's GPUs by type. */
void aic_gres_share(aic_node_share *share, const char *gres);

#endif
