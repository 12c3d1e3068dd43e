/* compat.h: Slurm's headers, and the only place that knows which release they belong to. What is built with the installed headers
 * alone (SPANK) defines AIC_COMPAT_INSTALLED first. */
#ifndef AIC_COMPAT_H
#define AIC_COMPAT_H

#ifndef AIC_COMPAT_INSTALLED
/* Slurm's own names collide with libc's unless this header comes first. */
#include <src/common/slurm_xlator.h>
#endif

#include <slurm/slurm.h>
#include <slurm/slurm_errno.h>
#ifndef AIC_COMPAT_INSTALLED
#include <slurm/slurm_version.h>
#endif

/* Whom an RPC is for: since 25.11 a job is named by a step's id. */
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(25, 11, 0)
typedef slurm_step_id_t aic_slurm_target;
#define AIC_SLURM_TARGET(job) ((slurm_step_id_t){ .job_id = (job), .step_het_comp = NO_VAL, .step_id = NO_VAL })
#define AIC_DESC_JOB_ID(desc) ((desc)->step_id.job_id)
#else
typedef uint32_t aic_slurm_target;
#define AIC_SLURM_TARGET(job) (job)
#define AIC_DESC_JOB_ID(desc) ((desc)->job_id)
#endif

#ifndef AIC_COMPAT_INSTALLED

#include <src/common/assoc_mgr.h>
#include <src/common/plugin.h>
#include <src/common/read_config.h>
#include <src/common/run_in_daemon.h>
#include <src/common/uid.h>
#include <src/common/xmalloc.h>
#include <src/common/xstring.h>
#include <src/slurmctld/job_scheduler.h>
#include <src/slurmctld/locks.h>
#include <src/slurmctld/slurmctld.h>

#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(23, 2, 0)
#include <src/interfaces/gres.h>
#else
#include <src/common/gres.h>
#endif

#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(23, 11, 0)
#include <src/common/job_record.h>
#include <src/common/node_features.h>
#endif

/* By the tags that all releases know: their typedefs hid the pointer until 24.11. */
typedef struct xlist *aic_slurm_list;
typedef struct listIterator *aic_slurm_iterator;
typedef __typeof__(*((job_record_t *)0)->details) aic_job_details;

/* jobcomp_p_set_location(): before 23.02 the value of JobCompLoc is an argument. */
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(23, 2, 0)
#define AIC_JOBCOMP_LOCATION_ARGS void
#else
#define AIC_JOBCOMP_LOCATION_ARGS char *location __attribute__((unused))
#endif

/* job_modify(): since 23.02 it can tell the user why. */
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(23, 2, 0)
#define AIC_JOB_MODIFY_HAS_MESSAGE 1
#else
#define AIC_JOB_MODIFY_HAS_MESSAGE 0
#endif

/* A job's preference as slurmctld keeps it, besides its text. */
static inline void aic_job_features_reset(aic_job_details *details)
{
	details->features_use = NULL;
	details->feature_list_use = NULL;
}
static inline int aic_build_prefer_list(job_record_t *job)
{
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(23, 11, 0)
	return build_feature_list(job, true, false);
#else
	return build_feature_list(job, true);
#endif
}

/* fini() returns nothing since 25.11. */
#if SLURM_VERSION_NUMBER >= SLURM_VERSION_NUM(25, 11, 0)
#define AIC_FINI_TYPE void
#define AIC_FINI_RETURN return
#else
#define AIC_FINI_TYPE int
#define AIC_FINI_RETURN return SLURM_SUCCESS
#endif

#endif /* AIC_COMPAT_INSTALLED */

#endif
