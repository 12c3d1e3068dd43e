/* plan.h: from terms of lending to Slurm's own means. Pure: knows neither files nor a running Slurm.
 *
 * For each provider two overlapping partitions: the owners' with the higher PriorityTier, and the lease partition, whose jobs are
 * requeued for them after GraceTime (preempt/partition_prio). The lease partition's QOS bounds the GPUs that are lent and exempts a
 * guest from preemption for the shortest lease. */
#ifndef AIC_ALLOCATOR_PLAN_H
#define AIC_ALLOCATOR_PLAN_H

#include "common/bytes.h"
#include "slurm-plugins/allocator/lending.h"

#define AIC_PLAN_FILE "aic-lending.conf"        /* beside slurm.conf, which includes it in its last line */
#define AIC_PLAN_INCLUDE "include " AIC_PLAN_FILE "\n"

/* What Slurm runs with now: comma-separated lists, "" where there is none. Kept, with what lending needs. */
typedef struct {
	const char *scheduler, *slurmctld;           /* SchedulerParameters, SlurmctldParameters */
	const char *private_data;                    /* "jobs,usage" */
} aic_plan_settings;

/* Appends the text of AIC_PLAN_FILE. */
void aic_plan_conf(aic_bytes *out, const aic_lending *l, const aic_plan_settings *now);

/* A row of `sacctmgr -nP show qos format=name,grptres,preemptexempttime`. */
#define AIC_PLAN_QOS_LEN (AIC_NAME_LEN + 96)
char *aic_plan_qos(char buf[AIC_PLAN_QOS_LEN], const aic_lend *l);

/* A comma-separated parameter list with `key` alone (max UINT64_MAX), or with `key=N` where N was absent or above max. buf has size
 * bytes; false where it does not fit. */
bool aic_plan_merge(char *buf, size_t size, const char *params, const char *key, uint64_t max);

#endif
