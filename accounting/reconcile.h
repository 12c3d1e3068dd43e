/* reconcile.h: what slurmdbd knows against what the spool said. The spool wins: slurmdbd shares Slurm's errors (a run told twice,
 * an end after slurmctld's downtime). What the spool lost can be filled in from slurmdbd, as an estimate: slurmdbd has
 * the sums of a job, not each node's share, and they are divided evenly. The real record replaces an estimate when it comes. */
#ifndef AIC_ACCOUNTING_RECONCILE_H
#define AIC_ACCOUNTING_RECONCILE_H

#include "accounting/ingest.h"

#define AIC_CLUSTERS_MAX 64

typedef struct {
	aic_job_record record;   /* restart is 0 and the nodes' shares even, unless: */
	bool split;              /* they come from AdminComment, where jobcomp/aic left them (common/split.h) */
} aic_slurmdb_run;

/* What slurmdbd tells of the clusters that were asked for. */
typedef struct {
	size_t n_clusters;
	char cluster[AIC_CLUSTERS_MAX][AIC_NAME_LEN];
	size_t n;
	aic_slurmdb_run *run;    /* owned */
} aic_slurmdb;

/* Runs that ended since then. cluster: the one that is wanted; NULL for those of aic.yaml, or where it names none for all that slurmdbd
 * has. Asks slurmdbd and waits for it: for commands, not for the daemon. Clear it whatever comes back. */
aic_code aic_slurmdb_runs(aic_slurmdb *out, const aic_config *c, const char *cluster, int64_t since, aic_error *err);
void aic_slurmdb_clear(aic_slurmdb *s);
/* "1=8,2=64000,1001=2" with the types of its gres ids into CPUs, MiB and GPUs of one of `nodes` equal shares; what does not divide goes
 * to the first ones. gres: pairs of id and "gpu" or "gpu:TYPE". */
typedef struct {
	uint32_t id;
	char type[AIC_NAME_LEN];
} aic_gpu_tres;
void aic_tres_share(aic_node_share *share, const char *tres, const aic_gpu_tres *gres, size_t n_gres, uint32_t nodes, uint32_t index);

typedef enum { AIC_DIFF_MISSING, AIC_DIFF_UNKNOWN_TO_SLURM, AIC_DIFF_END, AIC_DIFF_STATE, AIC_DIFF_ASIDE } aic_diff_kind;

typedef struct {
	aic_diff_kind kind;
	char cluster[AIC_NAME_LEN];
	uint32_t job;
	int64_t start, our_end, their_end; /* 0: none */
	aic_job_state our_state, their_state;
	bool filled, split;
	const char *cause;
} aic_difference;

/* Compares the records of these clusters, in a transaction of its own; fill: ingests what is missing, as an estimate where it came
 * without a split. *out is malloc'ed. */
aic_code aic_reconcile(const aic_ingest *in, int64_t since, const aic_slurmdb *theirs, bool fill, aic_difference **out, size_t *n_out,
                       aic_error *err);

#endif
