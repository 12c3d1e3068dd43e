/* state.h: Slurm's job_state at the jobcomp hook as AIC's own states. */
#ifndef AIC_JOBCOMP_STATE_H
#define AIC_JOBCOMP_STATE_H

#include <stdint.h>

#include "common/record.h"

/* job_state is a base state and flags (slurm.h). A flag that says why the record exists (resize, revocation, failed
 * launch) wins over the base state; a requeue shows only where the base state says nothing. */
aic_job_state aic_jobcomp_state(uint32_t job_state);

#endif
