/* request.h: from Slurm's structs to what the estimate needs. */
#ifndef AIC_JOB_SUBMIT_REQUEST_H
#define AIC_JOB_SUBMIT_REQUEST_H

#include "slurm-plugins/compat.h"

#include "common/error.h"
#include "slurm-plugins/job_submit/estimate.h"

/* AIC_USAGE where a GPU request or an array expression cannot be read. */
aic_code aic_request_copy(aic_request *r, const job_desc_msg_t *desc, aic_error *err);
/* The request of a pending job as a change would leave it: out holds borrowed pointers of both. */
void aic_request_merge(job_desc_msg_t *out, const job_desc_msg_t *change, const job_record_t *job);
void aic_partition_copy(aic_partition *p, part_record_t *part);
/* The same, kept for a minute or until the configuration or a partition changes: a partition can have thousands of nodes.
 * Borrowed until the next call; the caller's lock makes calls one at a time. */
const aic_partition *aic_partition_cached(part_record_t *part);

#endif
