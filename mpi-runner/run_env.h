/* run_env.h: which rank this is, among how many, and what the common frameworks read about it from the environment. */
#ifndef AIC_RUN_ENV_H
#define AIC_RUN_ENV_H

#include <stdbool.h>
#include <stdint.h>

#include "common/error.h"

typedef struct {
	unsigned rank, size, local_rank, local_size;
	bool slurm;            /* in a step of srun */
	char job[64];          /* "1234.0", "1234.0-1" once requeued, or "PID" without Slurm */
	char node[256];        /* this one, as Slurm names it */
	char master[256];      /* address of the first node */
	unsigned master_port;
	char interface[64];    /* for NCCL */
} aic_ranks;

/* From Slurm's variables, or those of mpirun, or one process alone; master from the step's node list. Fails where they
 * contradict each other. */
aic_code aic_ranks_find(aic_ranks *r, aic_error *err);
/* Agrees on MASTER_PORT: rank 0 probes ports derived from the job's id and leaves the first free one in FOLDER/master; the
 * others wait for it. A MASTER_PORT in the environment stands as it is. */
aic_code aic_ranks_meet(aic_ranks *r, const char *folder, int timeout_ms, aic_error *err);
/* Sets RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE, and where unset MASTER_ADDR, MASTER_PORT, NCCL_SOCKET_IFNAME. */
void aic_ranks_export(const aic_ranks *r);

/* Entry `node` of Slurm's "2(x3),1": 2, 2, 2, 1; 0 where there is none. */
unsigned aic_tasks_on_node(const char *tasks_per_node, unsigned node);

#endif
