/* prefer.h: jobs run where their data set already is, when there is room for them, and nowhere wait for it.
 *
 * Slurm's soft constraint (--prefer) keeps a job waiting for its nodes, and with it its partition, until backfill looks. So a job gets
 * one only while a node with its data can take it at once: by what the jobs that run leave free, less what was sent there since. A thread
 * looks again each second, and four times a second just after such a submit, as the scheduler has not looked yet: it takes it from jobs
 * that two passes of the scheduler did not start with it, and gives it to waiting jobs where room came. Where bf_min_age_reserve is set a
 * young job keeps nobody waiting, and has one in any case. */
#ifndef AIC_JOB_SUBMIT_PREFER_H
#define AIC_JOB_SUBMIT_PREFER_H

#include "slurm-plugins/compat.h"

/* A new job; with slurmctld's locks. A preference of the user's own stays. */
void aic_prefer_submit(job_desc_msg_t *desc);
/* A job that wants data was submitted within the last seconds: aic_prefer_keep is worth calling more often. */
bool aic_prefer_is_wanted(void);
/* About once a second, without locks. */
void aic_prefer_keep(void);
void aic_prefer_fini(void);

#endif
