/* lease.h: jobs that want to be guests on lent nodes (slurm-plugins/allocator). */
#ifndef AIC_JOB_SUBMIT_LEASE_H
#define AIC_JOB_SUBMIT_LEASE_H

#include "slurm-plugins/compat.h"

/* Where one of the job's partitions is a lease partition: has Slurm send a signal before the node goes back (SIGUSR1, unless
 * --signal names another), tells aic-run by AIC_LEASE which, and adds a sentence to *err_msg where the job forbids its requeue. */
void aic_lease_prepare(job_desc_msg_t *desc, char **err_msg);

#endif
