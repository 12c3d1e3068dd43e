/* chain.h: a second jobcomp plugin behind jobcomp/aic, as Slurm allows one JobCompType only.
 * JobCompParams=aic_chain=jobcomp/filetxt,aic_chain_loc=/var/log/slurm_jobcomp.log */
#ifndef AIC_JOBCOMP_CHAIN_H
#define AIC_JOBCOMP_CHAIN_H

struct job_record;

/* Loads what JobCompParams names, if it names one. 0, or -1 after having logged why. */
int aic_chain_open(void);
/* Each does nothing (and returns 0 or NULL) where there is no chained plugin. */
int aic_chain_set_location(void);
int aic_chain_log_record(struct job_record *job);
void *aic_chain_get_jobs(void *condition);
void aic_chain_close(void);

#endif
