/* context.h: what spank_aic does in each of Slurm's contexts. */
#ifndef AIC_SPANK_CONTEXT_H
#define AIC_SPANK_CONTEXT_H

#include <stdint.h>

#include <slurm/spank.h>

/* sbatch, salloc, srun and slurmstepd: registers --aic-dataset and --aic-model. */
int aic_spank_options(spank_t sp);

/* slurmstepd: notes when the step began and tells aicnoded of its GPUs; then writes its receipt. Neither can fail the job: trouble goes to slurmd's log. */
void aic_spank_step_begin(spank_t sp, int ac, char **av);
void aic_spank_step_end(spank_t sp);

/* What the processes of this slurmstepd used: those that ended and were waited for, and those that are still there. */
typedef struct {
	uint64_t cpu_ms;
	uint64_t mem_peak_mib;   /* of the largest process, rounded up */
} aic_step_usage;
void aic_spank_usage(aic_step_usage *u);

#endif
