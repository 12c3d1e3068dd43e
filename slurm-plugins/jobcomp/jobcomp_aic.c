/* jobcomp/aic: writes what Slurm knows of each finished job segment into AIC's spool (jobcomp_aic(8)). */
#include "slurm-plugins/compat.h"

#include <limits.h>
#include <time.h>

#include "common/bytes.h"
#include "common/record.h"
#include "common/split.h"
#include "slurm-plugins/jobcomp/chain.h"
#include "slurm-plugins/jobcomp/copy.h"
#include "slurm-plugins/jobcomp/location.h"
#include "slurm-plugins/jobcomp/writer.h"
#include "slurm-plugins/param.h"

const char plugin_name[] = "AIC job completion";
const char plugin_type[] = "jobcomp/aic";
const uint32_t plugin_version = SLURM_VERSION_NUMBER;

int init(void);
AIC_FINI_TYPE fini(void);
int jobcomp_p_set_location(AIC_JOBCOMP_LOCATION_ARGS);
int jobcomp_p_log_record(job_record_t *job);
aic_slurm_list jobcomp_p_get_jobs(void *condition);

#define RECORD_BYTES 512 /* usual lengths when encoded: one allocation is enough */
#define NODE_BYTES 48

static aic_writer *writer;
static aic_record_scratch scratch;
static char spool_dir[PATH_MAX];
static bool split_wanted;                 /* JobCompParams=aic_admin_comment=yes */

static void log_line(bool is_error, const char *message)
{
	if (is_error)
		error("%s", message);
	else
		info("%s", message);
}

static void stop_writer(void)
{
	uint64_t lost = aic_writer_stop(writer);

	writer = NULL;
	if (lost)
		error("jobcomp/aic: %"PRIu64" job records could not be written to %s and are lost: see Slurm's own records (sacct)",
		      lost, spool_dir);
}

/* sacct -c loads this plugin too, in the user's process: only slurmctld writes. */
int init(void)
{
	aic_chain_open();
	return SLURM_SUCCESS;
}

AIC_FINI_TYPE fini(void)
{
	stop_writer();
	aic_record_scratch_free(&scratch);
	aic_chain_close();
	AIC_FINI_RETURN;
}

/* Called at the start and after each reconfiguration. */
int jobcomp_p_set_location(AIC_JOBCOMP_LOCATION_ARGS)
{
	aic_writer_options options = {
		.sync_ms = AIC_WRITER_SYNC_MS, .max_bytes = AIC_WRITER_MAX_BYTES, .drain_ms = AIC_WRITER_DRAIN_MS, .log = log_line,
	};
	char dir[PATH_MAX], wanted[8];
	aic_error err;

	aic_chain_set_location();
	split_wanted = aic_param_find(slurm_conf.job_comp_params, "aic_admin_comment", wanted, sizeof(wanted)) && !xstrcasecmp(wanted, "yes");
	if (!running_in_slurmctld())
		return SLURM_SUCCESS;
	if (aic_jobcomp_location(dir, sizeof(dir), slurm_conf.job_comp_loc, slurm_conf.state_save_location, &err)) {
		error("jobcomp/aic: %s", err.message);
		return SLURM_ERROR;
	}
	if (writer && !xstrcmp(dir, spool_dir))
		return SLURM_SUCCESS;
	stop_writer();
	aic_str_copy(spool_dir, sizeof(spool_dir), dir);
	options.dir = spool_dir;
	if (aic_writer_start(&writer, &options, &err)) {
		error("jobcomp/aic: %s", err.message);
		return SLURM_ERROR;
	}
	info("jobcomp/aic: job records go to %s", spool_dir);
	return SLURM_SUCCESS;
}

/* Into AdminComment, from which slurmdbd takes it with the job's end. */
static void write_split(job_record_t *job)
{
	aic_bytes text = { 0 };

	/* what an earlier run left goes even where this one's does not fit */
	aic_split_put(&text, job->admin_comment, &scratch.record);
	xfree(job->admin_comment);
	if (text.len)
		job->admin_comment = xstrndup((const char *)text.data, text.len);
	aic_bytes_free(&text);
}

int jobcomp_p_log_record(job_record_t *job)
{
	aic_bytes encoded = { 0 };
	aic_error err;

	if (writer) {
		aic_job_record_copy(&scratch, job, time(NULL));
		aic_bytes_reserve(&encoded, RECORD_BYTES + scratch.record.nodes * NODE_BYTES);
		aic_job_record_encode(&encoded, &scratch.record);
		if (aic_writer_put(writer, &encoded, &err))
			error("jobcomp/aic: the record of job %u is lost: %s", job->job_id, err.message);
		if (split_wanted)
			write_split(job);
	}
	return aic_chain_log_record(job);
}

aic_slurm_list jobcomp_p_get_jobs(void *condition)
{
	return aic_chain_get_jobs(condition);
}
