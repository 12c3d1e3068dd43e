/* lending.h: providers.yaml: what the providers that aic.yaml lists lend, and on which terms. The one home of its keys, defaults
 * and checks; providers.yaml(5) is the manual. It lies beside aic.yaml. */
#ifndef AIC_ALLOCATOR_LENDING_H
#define AIC_ALLOCATOR_LENDING_H

#include "common/config.h"

#define AIC_LENDING_NAME "providers.yaml"
#define AIC_LEASE_QOS "aic-" /* begins the name of a lease partition's QOS: job_submit/aic knows lease partitions by it */

typedef struct {
	char provider[AIC_NAME_LEN];
	char nodes[AIC_PATH_LEN];                         /* as aic.yaml says */
	char (*owner)[AIC_NAME_LEN]; size_t n_owners;     /* owners: Slurm accounts whose jobs take the nodes back */
	char (*guest)[AIC_NAME_LEN]; size_t n_guests;     /* guests: accounts that are accepted [all] */
	uint64_t gpus;                                    /* gpus: lent at most, of all its nodes together; 0: all [all] */
	int from_min, to_min;                             /* hours: minutes of the day in local time; -1: always [always] */
	uint64_t idle_min;                                /* idle: minutes that a node waits idle before it is lent [0] */
	uint64_t lease_min;                               /* lease: minutes that a guest keeps it at least [0] */
	uint64_t grace_s;                                 /* grace: seconds from the warning to the requeue [60] */
	char lease[64], own[64], qos[AIC_NAME_LEN];       /* partitions leaseN and ownN, or NAME and NAME-own with `partition: NAME` */
} aic_lend;

typedef struct {
	char path[AIC_PATH_LEN];
	aic_lend *lend; size_t n;
	bool private_data;                                /* private: whether plan hides users and jobs from each other [yes] */
	uint64_t bf_interval, sched_interval;             /* at most so many seconds between looks of the scheduler [5] */
} aic_lending;

/* path NULL: providers.yaml in the folder of c->path. AIC_NOT_FOUND where there is no file; each mistake has its line. */
aic_code aic_lending_load(aic_lending *l, const aic_config *c, const char *path, aic_error *err);
void aic_lending_free(aic_lending *l);
/* Whether it lends at that minute of the day. */
bool aic_lend_open(const aic_lend *l, int minute);

#endif
