/* location.h: the directory of this host's spool. */
#ifndef AIC_JOBCOMP_LOCATION_H
#define AIC_JOBCOMP_LOCATION_H

#include <stdbool.h>
#include <stddef.h>

#include "common/error.h"

/* JobCompLoc/HOST where JobCompLoc is an absolute path, else STATE/aic/HOST; HOST is this host's short name.
 * Slurm gives "/var/log/slurm_jobcomp.log" where slurm.conf has no JobCompLoc: that counts as unset. */
aic_code aic_jobcomp_location(char *buf, size_t size, const char *job_comp_loc, const char *state_save, aic_error *err);

#endif
