/* copy.h: from Slurm's job_record_t to AIC's aic_job_record. */
#ifndef AIC_JOBCOMP_COPY_H
#define AIC_JOBCOMP_COPY_H

#include "common/record.h"

struct job_record;

/* Fills *r (zeroed by the caller) with what the record of this segment needs; now is the time of the hook, which is the
 * end of a segment that a resize closes. The caller frees with aic_job_record_clear(). Never fails: what Slurm does not
 * know stays empty. */
void aic_job_record_copy(aic_job_record *r, struct job_record *job, int64_t now);

#endif
