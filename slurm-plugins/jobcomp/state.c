#include "slurm-plugins/jobcomp/state.h"

#include <slurm/slurm.h>

static aic_job_state state_of_base(uint32_t job_state)
{
	switch (job_state & JOB_STATE_BASE) {
	case JOB_COMPLETE:
		return AIC_STATE_COMPLETED;
	case JOB_CANCELLED:
		return AIC_STATE_CANCELLED;
	case JOB_TIMEOUT:
		return AIC_STATE_TIMEOUT;
	case JOB_NODE_FAIL:
		return AIC_STATE_NODE_FAIL;
	case JOB_PREEMPTED:
		return AIC_STATE_PREEMPTED;
	case JOB_BOOT_FAIL:
		return AIC_STATE_BOOT_FAIL;
	case JOB_DEADLINE:
		return AIC_STATE_DEADLINE;
	case JOB_OOM:
		return AIC_STATE_OUT_OF_MEMORY;
	case JOB_PENDING:
	case JOB_RUNNING:
	case JOB_SUSPENDED:
		return job_state & (JOB_REQUEUE | JOB_REQUEUE_HOLD | JOB_SPECIAL_EXIT | JOB_REQUEUE_FED)
			? AIC_STATE_REQUEUED : AIC_STATE_CANCELLED;
	default:
		return AIC_STATE_FAILED;
	}
}

aic_job_state aic_jobcomp_state(uint32_t job_state)
{
	if (job_state & JOB_RESIZING)
		return AIC_STATE_RESIZING;
	if (job_state & JOB_REVOKED)
		return AIC_STATE_REVOKED;
	if (job_state & JOB_LAUNCH_FAILED)
		return AIC_STATE_LAUNCH_FAILED;
	return state_of_base(job_state);
}
