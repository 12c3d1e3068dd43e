/* judge.h: what becomes of a job or of a change, given everything that slurmctld knows. Called with slurmctld's read locks.
 *
 * Reservations are not kept anywhere: they are what the jobs that slurmctld holds may still cost, added up from its own list
 * of jobs, so they survive restarts and follow requeues and changes by themselves. What was admitted and is not yet in that
 * list is added (flight.h), so that concurrent submits cannot together overdraw. */
#ifndef AIC_JOB_SUBMIT_JUDGE_H
#define AIC_JOB_SUBMIT_JUDGE_H

#include "slurm-plugins/compat.h"

#include "common/reservations.h"
#include "slurm-plugins/job_submit/decide.h"
#include "slurm-plugins/job_submit/estimate.h"
#include "slurm-plugins/job_submit/view.h"

/* A new job; what is admitted in enforce mode is reserved, and its AdminComment says how much. */
void aic_judge_submit(aic_view *view, aic_verdict *v, job_desc_msg_t *desc);
/* The job as the change would leave it; what is admitted is reserved. */
void aic_judge_change(aic_view *view, aic_verdict *v, const job_desc_msg_t *change, const job_record_t *job);
/* A new job's quote: nothing is reserved. */
void aic_judge_quote(aic_view *view, aic_quote *q, const job_desc_msg_t *desc);
/* From a thread of its own, without slurmctld's locks, about once a second: where it is due, sums reservations anew, shows why
 * jobs are held, and fills *book (the caller frees it). False where nothing was due. */
bool aic_judge_keep(aic_view *view, aic_reservations *book);
bool aic_held(const job_record_t *job);
/* What the job will have, at most, in the first of its partitions (*part), and on how few nodes; for a job that exists, desc is NULL.
 * False where that cannot be told. */
bool aic_judge_need(aic_estimate *need, uint32_t *nodes, part_record_t **part, const job_desc_msg_t *desc, const job_record_t *job);
/* Touches all memory that a submit may need, so that none waits for a page. */
void aic_judge_init(void);
void aic_judge_fini(void);

#endif
