/* reconcile.h: what slurmdbd knows against what the spool said. The spool wins: slurmdbd shares Slurm's errors (a run told twice,
 * an end after slurmctld's downtime). What the spool lost can be filled in from slurmdbd, as an estimate: slurmdbd has
 * the sums of a job, not each node's share, and they are divided evenly. The real record replaces an estimate when it comes. */
#ifndef AIC_ACCOUNTING_RECONCILE_H
#define AIC_ACCOUNTING_RECONCILE_H

#include "accounting/ingest.h"

/* Runs that ended since then, as slurmdbd tells them; restart is 0 in all. Asks slurmdbd and waits for it: for commands, not for
 * the daemon. *out is malloc'ed, free with aic_slurmdb_runs_free. */
aic_code aic_slurmdb_runs(const aic_config *c, int64_t since, aic_job_record **out, size_t *n, aic_error *err);
void aic_slurmdb_runs_free(aic_job_record *r, size_t n);
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
	bool filled;
	const char *cause;
} aic_difference;

/* Compares, in a transaction of its own; fill: ingests what is missing, marked as estimated. *out is malloc'ed. */
aic_code aic_reconcile(const aic_ingest *in, int64_t since, const aic_job_record *theirs, size_t n, bool fill, aic_difference **out,
                       size_t *n_out, aic_error *err);

#endif
