/* job_submit/aic: quotes each job in AIC's scope and holds or refuses what its account cannot pay (job_submit_aic(8)). */
#include "slurm-plugins/compat.h"

#include <string.h>
#include <time.h>

#include "slurm-plugins/job_submit/judge.h"
#include "slurm-plugins/job_submit/view.h"

const char plugin_name[] = "AIC job submission";
const char plugin_type[] = "job_submit/aic";
const uint32_t plugin_version = SLURM_VERSION_NUMBER;

int init(void);
AIC_FINI_TYPE fini(void);
int job_submit(job_desc_msg_t *desc, uint32_t submit_uid, char **err_msg);
#if AIC_JOB_MODIFY_HAS_MESSAGE
int job_modify(job_desc_msg_t *desc, job_record_t *job, uint32_t submit_uid, char **err_msg);
#else
int job_modify(job_desc_msg_t *desc, job_record_t *job, uint32_t submit_uid);
#endif

static aic_view view; /* the mapped snapshot; its lock is this process's alone */

static void log_line(bool is_error, const char *message)
{
	if (is_error)
		error("%s", message);
	else
		info("%s", message);
}

int init(void)
{
	aic_error err;

	aic_view_init(&view, slurm_conf.slurmctld_params, log_line);
	if (aic_view_start(&view, &err)) {
		error("job_submit/aic: %s", err.message);
		return SLURM_ERROR;
	}
	return SLURM_SUCCESS;
}

AIC_FINI_TYPE fini(void)
{
	aic_view_close(&view);
	aic_judge_fini();
	AIC_FINI_RETURN;
}

int job_submit(job_desc_msg_t *desc, uint32_t submit_uid, char **err_msg)
{
	aic_verdict v;

	aic_judge_submit(&view, &v, desc);
	switch (v.ruling) {
	case AIC_ADMIT:
		if (v.message[0] && !v.blind)
			verbose("job_submit/aic: observed: %s", v.message);
		return SLURM_SUCCESS;
	case AIC_HOLD:
		info("job_submit/aic: uid %u: held: %s", submit_uid, v.message);
		desc->priority = 0;
		xfree(desc->admin_comment);
		desc->admin_comment = xstrdup_printf(AIC_HOLD_MARK "%s", v.message);
		*err_msg = xstrdup(v.message);
		return SLURM_SUCCESS;
	default:
		info("job_submit/aic: uid %u: refused: %s", submit_uid, v.message);
		*err_msg = xstrdup(v.message);
		return ESLURM_ACCOUNTING_POLICY;
	}
}

static bool releases(const job_desc_msg_t *d)
{
	return d->priority != NO_VAL && d->priority != 0;
}

static bool changes_cost(const job_desc_msg_t *d)
{
	return d->time_limit != NO_VAL || d->account || d->partition || d->min_nodes != NO_VAL || d->max_nodes != NO_VAL ||
	       d->num_tasks != NO_VAL || d->min_cpus != NO_VAL || d->cpus_per_task != NO_VAL16 || d->pn_min_cpus != NO_VAL16 ||
	       d->pn_min_memory != NO_VAL64 || d->tres_per_job || d->tres_per_node || d->tres_per_socket || d->tres_per_task ||
	       d->cpus_per_tres || d->mem_per_tres || d->shared != NO_VAL16 || d->ntasks_per_node != NO_VAL16;
}

static bool is_judged(const job_desc_msg_t *d, const job_record_t *job)
{
	if (IS_JOB_PENDING(job))
		return releases(d) || changes_cost(d);
	return IS_JOB_RUNNING(job) && d->time_limit != NO_VAL && d->time_limit > job->time_limit;
}

/* Less than before is welcome even where it is still too much, unless another wallet is to pay. */
static bool costs_no_more(const aic_verdict *now, const job_desc_msg_t *desc, const job_record_t *job)
{
	job_desc_msg_t none;
	aic_verdict before;

	if (desc->account && xstrcmp(desc->account, job->account))
		return false;
	slurm_init_job_desc_msg(&none);
	aic_judge_change(&view, &before, &none, job);
	return before.quoted && now->quoted && now->cost <= before.cost;
}

/* squeue's reason and AdminComment: before Slurm 23.02 the only way to tell the figures to who tried the change. */
static void show_figures(job_record_t *job, const char *message)
{
	if (!IS_JOB_PENDING(job))
		return;
	last_job_update = time(NULL);
	xfree(job->state_desc);
	job->state_desc = xstrdup(message);
	if (job->priority) /* not held: the scheduler's next look gives it another reason */
		return;
	if (job->admin_comment && strncmp(job->admin_comment, AIC_HOLD_MARK, sizeof(AIC_HOLD_MARK) - 1))
		return;
	xfree(job->admin_comment);
	job->admin_comment = xstrdup_printf(AIC_HOLD_MARK "%s", message);
}

static void forget_figures(job_desc_msg_t *desc, job_record_t *job)
{
	if (!job->admin_comment || strncmp(job->admin_comment, AIC_HOLD_MARK, sizeof(AIC_HOLD_MARK) - 1) || desc->admin_comment)
		return;
	/* in the job, not in the request: Slurm lets only operators ask for a change of AdminComment */
	xfree(job->admin_comment);
	xfree(job->state_desc);
	last_job_update = time(NULL);
}

static int modify(job_desc_msg_t *desc, job_record_t *job, uint32_t submit_uid, char **err_msg)
{
	aic_verdict v;

	if (!is_judged(desc, job))
		return SLURM_SUCCESS;
	aic_judge_change(&view, &v, desc, job);
	if (v.ruling == AIC_ADMIT) {
		forget_figures(desc, job);
		return SLURM_SUCCESS;
	}
	if (IS_JOB_PENDING(job) && !job->priority && !releases(desc)) { /* it stays held, and is judged when it is released */
		show_figures(job, v.message);
		return SLURM_SUCCESS;
	}
	if (!releases(desc) && costs_no_more(&v, desc, job))
		return SLURM_SUCCESS;
	info("job_submit/aic: uid %u: change of job %u refused: %s", submit_uid, job->job_id, v.message);
	show_figures(job, v.message);
	if (err_msg)
		*err_msg = xstrdup(v.message);
	return ESLURM_ACCOUNTING_POLICY;
}

#if AIC_JOB_MODIFY_HAS_MESSAGE
int job_modify(job_desc_msg_t *desc, job_record_t *job, uint32_t submit_uid, char **err_msg)
{
	return modify(desc, job, submit_uid, err_msg);
}
#else
int job_modify(job_desc_msg_t *desc, job_record_t *job, uint32_t submit_uid)
{
	return modify(desc, job, submit_uid, NULL);
}
#endif
