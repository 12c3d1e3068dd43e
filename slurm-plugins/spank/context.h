/* context.h: what spank_aic does in each of Slurm's contexts. */
#ifndef AIC_SPANK_CONTEXT_H
#define AIC_SPANK_CONTEXT_H

#include <limits.h>
#include <stdint.h>

#include <slurm/spank.h>

/* sbatch, salloc, srun and slurmstepd: registers --aic-dataset and --aic-model. */
int aic_spank_options(spank_t sp);

/* plugstack.conf's arguments, as slurmstepd knows them. */
typedef struct {
	char node_dir[PATH_MAX];     /* "": none can be used */
	char dataset_dir[PATH_MAX];  /* where a job sees its data set */
	int dataset_wait;            /* seconds without a sign of life of aicnoded */
} aic_spank_arguments;
const aic_spank_arguments *aic_spank_arguments_get(void);
const char *aic_spank_node(void);
int aic_spank_identify(spank_t sp, uint32_t *job, uint32_t *restart, uint32_t *step);

/* slurmstepd: notes when the step began and tells aicnoded of its GPUs; then writes its receipt. Neither can fail the job: trouble goes to slurmd's log. */
void aic_spank_step_begin(spank_t sp, int ac, char **av);
void aic_spank_step_end(spank_t sp);

/* slurmstepd, dataset.c: the option's value; before tasks are forked; in each task as root, and as its user; where one has ended; at
 * the end of the step. */
void aic_spank_dataset_set(const char *name);
void aic_spank_dataset_begin(void);
void aic_spank_dataset_task(spank_t sp, const aic_spank_arguments *a);
void aic_spank_dataset_say(void);
void aic_spank_dataset_end_task(spank_t sp, const char *node);
void aic_spank_dataset_end(spank_t sp, const aic_spank_arguments *a);

/* What the processes of this slurmstepd used: those that ended and were waited for, and those that are still there. */
typedef struct {
	uint64_t cpu_ms;
	uint64_t mem_peak_mib;   /* of the largest process, rounded up */
	uint64_t read_mib;       /* read by system calls or from disks, whichever is more; UINT64_MAX where the kernel does not count it */
} aic_step_usage;
void aic_spank_usage(aic_step_usage *u);

#endif
