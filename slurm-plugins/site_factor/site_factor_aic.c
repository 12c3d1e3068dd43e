/* site_factor/aic: adds points to the priority of a job that waits, for its wallet's rating and for warm data (site_factor_aic(8)). */
#include "slurm-plugins/compat.h"

#include "common/priority.h"
#include "slurm-plugins/job_submit/view.h"
#include "slurm-plugins/option.h"

const char plugin_name[] = "AIC site factor";
const char plugin_type[] = "site_factor/aic";
const uint32_t plugin_version = SLURM_VERSION_NUMBER;

int init(void);
AIC_FINI_TYPE fini(void);
void site_factor_p_reconfig(void);
void site_factor_p_set(job_record_t *job);
void site_factor_p_update(void);

static aic_view view;
static aic_priority_weights weights;

static void log_line(bool is_error, const char *message)
{
	if (is_error)
		error("%s", message);
	else
		info("%s", message);
}

static int take_weights(void)
{
	aic_error err;

	if (aic_priority_parse(&weights, slurm_conf.site_factor_params, &err) == AIC_OK)
		return SLURM_SUCCESS;
	error("site_factor/aic: %s", err.message);
	return SLURM_ERROR;
}

/* sprio and others load it, too: they neither look for snapshots nor set anything. */
int init(void)
{
	aic_error err;

	if (take_weights())
		return SLURM_ERROR;
	if (!running_in_slurmctld())
		return SLURM_SUCCESS;
	aic_view_init(&view, slurm_conf.slurmctld_params, log_line);
	if (aic_view_start(&view, &err)) {
		error("site_factor/aic: %s", err.message);
		return SLURM_ERROR;
	}
	return SLURM_SUCCESS;
}

AIC_FINI_TYPE fini(void)
{
	if (running_in_slurmctld())
		aic_view_close(&view);
	AIC_FINI_RETURN;
}

/* With a mistake in it the weights stay as they were: slurmctld goes on. */
void site_factor_p_reconfig(void)
{
	aic_priority_weights before = weights;

	if (take_weights())
		weights = before;
}

static bool is_warm(const job_record_t *job)
{
	const char *dataset = aic_option_find(job->spank_job_env, job->spank_job_env_size, AIC_OPTION_DATASET);
	char feature[AIC_NAME_LEN + 16];
	aic_slurm_iterator it;
	node_feature_t *f;
	bool warm = false;

	if (!dataset || !active_feature_list)
		return false;
	aic_priority_feature(feature, sizeof(feature), dataset);
	it = list_iterator_create(active_feature_list);
	while (!warm && (f = list_next(it)))
		warm = !xstrcmp(f->name, feature) && f->node_bitmap && bit_ffs(f->node_bitmap) >= 0;
	list_iterator_destroy(it);
	return warm;
}

static uint32_t points_of(const job_record_t *job)
{
	uint64_t rating_ppm;

	if (!aic_view_rating(&view, job->partition, job->account, &rating_ppm))
		return 0;
	return aic_priority_points(&weights, rating_ppm, is_warm(job));
}

void site_factor_p_set(job_record_t *job)
{
	job->site_factor = NICE_OFFSET + points_of(job);
}

static int renew_job(void *item, void *unused)
{
	job_record_t *job = item;

	(void)unused;
	if (IS_JOB_PENDING(job))
		site_factor_p_set(job);
	return SLURM_SUCCESS;
}

void site_factor_p_update(void)
{
	list_for_each(job_list, renew_job, NULL);
}
