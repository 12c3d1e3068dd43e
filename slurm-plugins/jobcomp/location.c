#include "slurm-plugins/jobcomp/location.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define SLURM_DEFAULT_LOC "/var/log/slurm_jobcomp.log"

aic_code aic_jobcomp_location(char *buf, size_t size, const char *job_comp_loc, const char *state_save, aic_error *err)
{
	bool given = job_comp_loc && *job_comp_loc && strcmp(job_comp_loc, SLURM_DEFAULT_LOC);
	char host[256];
	int n;

	if (gethostname(host, sizeof(host) - 1))
		return aic_fail_errno(err, "this host's name cannot be read");
	host[sizeof(host) - 1] = '\0';
	host[strcspn(host, ".")] = '\0';
	if (given && job_comp_loc[0] != '/')
		return aic_fail(err, AIC_USAGE, "JobCompLoc=%s is no absolute path: give the spool's directory, or leave it out for "
		                "StateSaveLocation/aic", job_comp_loc);
	if (given)
		n = snprintf(buf, size, "%s/%s", job_comp_loc, host);
	else
		n = snprintf(buf, size, "%s/aic/%s", state_save ? state_save : "", host);
	if (n < 0 || (size_t)n >= size)
		return aic_fail(err, AIC_USAGE, "the spool's path has %d characters, %zu fit: give a shorter JobCompLoc", n, size - 1);
	return AIC_OK;
}
