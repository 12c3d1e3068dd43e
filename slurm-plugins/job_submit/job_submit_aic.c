/* job_submit/aic: quotes each job in AIC's scope and holds or refuses what its account cannot pay (job_submit_aic(8)). */
#include "slurm-plugins/compat.h"

#include <string.h>
#include <time.h>

#include "slurm-plugins/job_submit/flight.h"
#include "slurm-plugins/job_submit/hold.h"
#include "slurm-plugins/job_submit/judge.h"
#include "slurm-plugins/job_submit/keeper.h"
#include "slurm-plugins/job_submit/lease.h"
#include "slurm-plugins/job_submit/prefer.h"
#include "slurm-plugins/job_submit/view.h"
#include "slurm-plugins/option.h"

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

	aic_judge_init();
	aic_view_init(&view, slurm_conf.slurmctld_params, log_line);
	if (aic_view_start(&view, &err) || aic_keeper_start(&view, log_line, &err)) {
		error("job_submit/aic: %s", err.message);
		return SLURM_ERROR;
	}
	return SLURM_SUCCESS;
}

AIC_FINI_TYPE fini(void)
{
	if (aic_keeper_stop()) {
		aic_view_close(&view);
		aic_prefer_fini();
		aic_judge_fini();
	}
	AIC_FINI_RETURN;
}

static int submit(job_desc_msg_t *desc, uint32_t submit_uid, char **err_msg)
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
		xfree(desc->admin_comment);
		desc->admin_comment = xstrdup_printf("%s%s", desc->priority ? AIC_HOLD_MARK : AIC_HOLD_OWN_MARK, v.message);
		desc->priority = 0;
		*err_msg = xstrdup(v.message);
		return SLURM_SUCCESS;
	default:
		info("job_submit/aic: uid %u: refused: %s", submit_uid, v.message);
		*err_msg = xstrdup(v.message);
		return ESLURM_ACCOUNTING_POLICY;
	}
}

/* `sbatch --test-only --aic-quote`: the answer is the message. What is no test only must not become a job that nothing is
 * reserved for, and a batch job without an environment never does. */
static int answer_quote(job_desc_msg_t *desc, char **err_msg)
{
	char text[AIC_QUOTE_TEXT];
	aic_quote q;

	aic_judge_quote(&view, &q, desc);
	*err_msg = xstrdup(aic_quote_write(text, &q));
	for (uint32_t i = 0; i < desc->env_size; i++)
		xfree(desc->environment[i]);
	xfree(desc->environment);
	desc->env_size = 0;
	xfree(desc->container);
	return SLURM_SUCCESS;
}

/* A further part of a heterogeneous job has no script, nor has what salloc asks for: reserved as if it were submitted, until it does
 * not come (flight.h). */
static int answer_part(job_desc_msg_t *desc, uint32_t submit_uid, char **err_msg)
{
	char text[AIC_QUOTE_TEXT];
	aic_quote q;
	int rc;

	if (desc->alloc_resp_port) {
		*err_msg = xstrdup("--aic-quote is a question of `aic quote`, which submits nothing: leave it out");
		return ESLURM_NOT_SUPPORTED;
	}
	aic_judge_quote(&view, &q, desc);
	rc = submit(desc, submit_uid, err_msg);
	xfree(*err_msg);
	*err_msg = xstrdup(aic_quote_write(text, &q));
	return rc;
}

int job_submit(job_desc_msg_t *desc, uint32_t submit_uid, char **err_msg)
{
	int rc;

	if (!aic_option_find(desc->spank_job_env, desc->spank_job_env_size, AIC_OPTION_QUOTE)) {
		rc = submit(desc, submit_uid, err_msg);
		if (rc == SLURM_SUCCESS) {
			aic_lease_prepare(desc, err_msg);
			aic_prefer_submit(desc);
		}
		return rc;
	}
	return desc->script ? answer_quote(desc, err_msg) : answer_part(desc, submit_uid, err_msg);
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

/* squeue's reason and AdminComment: before Slurm 23.02 the only way to tell the figures to who tried the change. own: a hold
 * that is not AIC's stays one. */
static void show_figures(job_record_t *job, const char *message, bool own)
{
	char *comment;
	bool ours;

	if (!IS_JOB_PENDING(job))
		return;
	last_job_update = time(NULL);
	xfree(job->state_desc);
	job->state_desc = xstrdup(message);
	if (job->priority) /* not held: the scheduler's next look gives it another reason */
		return;
	if (job->admin_comment && !aic_hold_said(job->admin_comment) && !aic_flight_said(job->admin_comment))
		return;
	ours = !own || (aic_hold_said(job->admin_comment) && !aic_hold_own(job->admin_comment));
	comment = xstrdup_printf("%s%s", ours ? AIC_HOLD_MARK : AIC_HOLD_OWN_MARK, message);
	xfree(job->admin_comment);
	job->admin_comment = comment;
}

/* In the job, not in the request: Slurm lets only operators ask for a change of AdminComment. */
static void show_cost(const job_desc_msg_t *desc, job_record_t *job, const aic_verdict *v)
{
	char text[AIC_FLIGHT_TEXT], *comment = NULL;
	bool held = aic_hold_said(job->admin_comment);
	const char *mark = held || !job->admin_comment ? NULL : strchr(job->admin_comment, '[');

	if (desc->admin_comment || !(held ? releases(desc) : aic_flight_said(job->admin_comment)))
		return;
	if (held)
		xfree(job->state_desc);
	if (v->quoted) {
		aic_flight_say(text, v->cost);
		comment = xstrdup_printf("%s%s%s", text, mark ? " " : "", mark ? mark : "");
	}
	xfree(job->admin_comment);
	job->admin_comment = comment;
	last_job_update = time(NULL);
}

/* A job that AIC holds is held by somebody else, too, from now on. */
static void note_hold(const job_desc_msg_t *desc, job_record_t *job)
{
	char *comment;

	if (desc->priority || !aic_held(job) || aic_hold_own(job->admin_comment))
		return;
	comment = xstrdup_printf(AIC_HOLD_OWN_MARK "%s", aic_hold_message(job->admin_comment));
	xfree(job->admin_comment);
	job->admin_comment = comment;
	last_job_update = time(NULL);
}

static int modify(job_desc_msg_t *desc, job_record_t *job, uint32_t submit_uid, char **err_msg)
{
	aic_verdict v;

	note_hold(desc, job);
	if (!xstrcmp(desc->comment, AIC_RELEASE_MARK)) {
		xfree(desc->comment);
		if (!aic_held(job) || aic_hold_own(job->admin_comment)) /* no longer AIC's alone */
			return ESLURM_ACCOUNTING_POLICY;
	}
	if (!is_judged(desc, job))
		return SLURM_SUCCESS;
	aic_judge_change(&view, &v, desc, job);
	if (v.ruling == AIC_ADMIT) {
		show_cost(desc, job, &v);
		return SLURM_SUCCESS;
	}
	if (IS_JOB_PENDING(job) && !job->priority && !releases(desc)) { /* it stays held, and is judged when it is released */
		show_figures(job, v.message, true);
		return SLURM_SUCCESS;
	}
	if (!releases(desc) && costs_no_more(&v, desc, job))
		return SLURM_SUCCESS;
	info("job_submit/aic: uid %u: change of job %u refused: %s", submit_uid, job->job_id, v.message);
	show_figures(job, v.message, false); /* it wants to run now: released as soon as there are funds */
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
