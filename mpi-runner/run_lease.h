/* run_lease.h: leaving a lent node when its owner wants it back. job_submit/aic has said in AIC_LEASE by which signal that is told. */
#ifndef AIC_RUN_LEASE_H
#define AIC_RUN_LEASE_H

#include "mpi-runner/run_env.h"

/* Once this rank's program has ended: where it was told to leave, the last rank to be gone has its job requeued by rank 0
 * (`scontrol requeue`), so that it goes on elsewhere. Ranks tell each other by files in the run's folder. */
void aic_lease_leave(const aic_ranks *ranks, const char *folder);

#endif
