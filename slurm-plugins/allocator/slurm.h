/* slurm.h: what the allocator asks a running Slurm, and tells it: libslurm for what it knows, scontrol and sacctmgr for what
 * only they do. */
#ifndef AIC_ALLOCATOR_SLURM_H
#define AIC_ALLOCATOR_SLURM_H

#include <slurm/slurm.h>

#include "common/bytes.h"
#include "slurm-plugins/allocator/plan.h"

typedef struct {
	char conf_path[AIC_PATH_LEN];                 /* slurm.conf that this process uses */
	char *scheduler, *slurmctld, *private_data;   /* owned */
	char *preempt_type;
	uint32_t kill_wait, message_timeout;          /* seconds */
	bool tracks_gpus;                             /* AccountingStorageTRES has gres/gpu, and limits are enforced */
	partition_info_msg_t *partitions;
} aic_slurm;

aic_code aic_slurm_load(aic_slurm *s, const aic_config *c, aic_error *err);
void aic_slurm_free(aic_slurm *s);
const partition_info_t *aic_slurm_partition(const aic_slurm *s, const char *name);
/* Rows of sacctmgr -nP show qos: name, GrpTRES, PreemptExemptTime, a line each. */
aic_code aic_slurm_qos(aic_bytes *rows, aic_error *err);
/* PrivateData of slurmdbd, "none" or a list; the caller frees it. NULL where sacctmgr does not say. */
char *aic_slurm_database_private(void);
/* Runs a command of Slurm's; its words go into the failure. */
aic_code aic_slurm_run(const char *const *argv, aic_error *err);

#endif
