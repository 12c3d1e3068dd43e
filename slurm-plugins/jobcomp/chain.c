#include "slurm-plugins/compat.h"

#include "slurm-plugins/jobcomp/chain.h"

#include "slurm-plugins/param.h"

#define TYPE_LEN 128
#define LOCATION_LEN 1024

typedef struct {
	int (*set_location)(char *location); /* since 23.02 it takes nothing, and ignores what it is given */
	int (*log_record)(job_record_t *job);
	aic_slurm_list (*get_jobs)(void *condition);
} chain_ops;

static const char *symbols[] = { "jobcomp_p_set_location", "jobcomp_p_log_record", "jobcomp_p_get_jobs" };
static plugin_context_t *chain;
static chain_ops ops;
static char location[LOCATION_LEN]; /* plugins may keep the pointer */

int aic_chain_open(void)
{
	char type[TYPE_LEN];

	if (chain || !aic_param_find(slurm_conf.job_comp_params, "aic_chain", type, sizeof(type)))
		return 0;
	if (!xstrcmp(type, "jobcomp/aic")) {
		error("jobcomp/aic: JobCompParams=aic_chain=jobcomp/aic chains the plugin to itself: name another one");
		return -1;
	}
	chain = plugin_context_create("jobcomp", type, (void **)&ops, symbols, sizeof(symbols));
	if (chain)
		return 0;
	error("jobcomp/aic: JobCompParams=aic_chain=%s cannot be loaded: check its name and PluginDir; AIC's own records go on", type);
	return -1;
}

int aic_chain_set_location(void)
{
	if (!chain)
		return 0;
	location[0] = '\0';
	if (!aic_param_find(slurm_conf.job_comp_params, "aic_chain_loc", location, sizeof(location)))
		return ops.set_location(NULL);
	return ops.set_location(location);
}

int aic_chain_log_record(struct job_record *job)
{
	return chain ? ops.log_record(job) : 0;
}

/* For sacct -c. Slurm's own plugins read from JobCompLoc, whatever location they were given. */
void *aic_chain_get_jobs(void *condition)
{
	char *had = slurm_conf.job_comp_loc;
	void *jobs;

	if (!chain)
		return NULL;
	if (location[0])
		slurm_conf.job_comp_loc = location;
	jobs = ops.get_jobs(condition);
	slurm_conf.job_comp_loc = had;
	return jobs;
}

void aic_chain_close(void)
{
	if (chain)
		plugin_context_destroy(chain);
	chain = NULL;
}
