/* copy.h: from Slurm's job_record_t to AIC's aic_job_record. */
#ifndef AIC_JOBCOMP_COPY_H
#define AIC_JOBCOMP_COPY_H

#include "common/record.h"

struct job_record;

/* A record whose nodes' memory is used again for the next one: slurmctld calls the hook under one lock. Zero-initialise. */
typedef struct {
	aic_job_record record;
	uint32_t capacity;      /* elements in record.node */
} aic_record_scratch;

/* Fills scratch->record with what the record of this segment needs; now is the time of the hook, which is the end of a
 * segment that a resize closes. Never fails: what Slurm does not know stays empty. */
void aic_job_record_copy(aic_record_scratch *scratch, struct job_record *job, int64_t now);
void aic_record_scratch_free(aic_record_scratch *scratch);

#endif
