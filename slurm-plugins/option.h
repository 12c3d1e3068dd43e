/* option.h: AIC's options of sbatch, salloc and srun, and how Slurm carries their values. */
#ifndef AIC_OPTION_H
#define AIC_OPTION_H

#include <stdbool.h>
#include <stdint.h>

#define AIC_OPTION_DATASET "aic-dataset"
#define AIC_OPTION_MODEL "aic-model"
#define AIC_OPTION_QUOTE "aic-quote" /* a question of `aic quote`: nothing is submitted */

/* The value of a SPANK option of plugin "aic" among a job's spank_job_env entries, which read
 * "_SLURM_SPANK_OPTION_aic_aic_dataset=VALUE"; NULL where it was not given. Borrowed. */
const char *aic_option_find(char *const *env, uint32_t n, const char *option);

/* What an asset may be called: 1 to 127 letters, digits and . _ - / + : @, not starting with '-'. */
bool aic_option_valid(const char *value);

#endif
