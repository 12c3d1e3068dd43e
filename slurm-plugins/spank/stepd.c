#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <slurm/slurm.h>

#include "common/bytes.h"
#include "common/file.h"
#include "common/receipt.h"
#include "slurm-plugins/node/node_dir.h"
#include "slurm-plugins/node/steps.h"
#include "slurm-plugins/spank/context.h"

/* slurmstepd's own configuration: what the job's environment says of the cluster's name is the user's to change. */
extern slurm_conf_t slurm_conf __attribute__((weak));

static time_t began;
static aic_spank_arguments arguments = { .dataset_dir = "/run/aic-dataset", .dataset_wait = 60 };

const aic_spank_arguments *aic_spank_arguments_get(void)
{
	return &arguments;
}

const char *aic_spank_node(void)
{
	const char *name = getenv("SLURMD_NODENAME"); /* of slurmstepd itself */

	return name ? name : "";
}

static void read_arguments(int ac, char **av)
{
	const char *pattern = AIC_NODE_DIR_DEFAULT;

	for (int i = 0; i < ac; i++) {
		if (!strncmp(av[i], "node_dir=", 9))
			pattern = av[i] + 9;
		else if (!strncmp(av[i], "dataset_dir=/", 13))
			aic_str_copy(arguments.dataset_dir, sizeof(arguments.dataset_dir), av[i] + 12);
		else if (!strncmp(av[i], "dataset_wait=", 13) && atoi(av[i] + 13) > 0)
			arguments.dataset_wait = atoi(av[i] + 13);
		else
			slurm_error("spank_aic: plugstack.conf: \"%s\" is none of node_dir=DIRECTORY, dataset_dir=DIRECTORY and dataset_wait=SECONDS",
			            av[i]);
	}
	if (aic_node_dir_expand(arguments.node_dir, sizeof(arguments.node_dir), pattern, aic_spank_node(), NULL)) {
		slurm_error("spank_aic: plugstack.conf: node_dir=%s is too long: no receipts are written", pattern);
		arguments.node_dir[0] = '\0';
	}
}

/* slurmstepd sets SLURM_GPUS_ON_NODE to what the step holds here, or removes it. */
static uint64_t gpus_held(spank_t sp)
{
	char text[32];

	return spank_getenv(sp, "SLURM_GPUS_ON_NODE", text, sizeof(text)) == ESPANK_SUCCESS ? strtoull(text, NULL, 10) : 0;
}

int aic_spank_identify(spank_t sp, uint32_t *job, uint32_t *restart, uint32_t *step)
{
	if (spank_get_item(sp, S_JOB_ID, job) != ESPANK_SUCCESS || spank_get_item(sp, S_JOB_STEPID, step) != ESPANK_SUCCESS)
		return -1;
	if (spank_get_item(sp, S_SLURM_RESTART_COUNT, restart) != ESPANK_SUCCESS)
		*restart = 0;
	return 0;
}

/* Tells aicnoded, if one runs here, that a step does, which may open a session, and its meter whose processes the GPUs' will be. */
static void announce(spank_t sp)
{
	aic_step step = { .stepd = getpid() };
	aic_error err;
	pid_t parent;

	if (!arguments.node_dir[0] || aic_spank_identify(sp, &step.job_id, &step.restart, &step.step_id) || step.step_id == SLURM_EXTERN_CONT)
		return;
	step.gpus = (uint32_t)gpus_held(sp);
	if (!aic_process_read(step.stepd, &parent, &step.stepd_started))
		return;
	if (aic_step_announce_running(arguments.node_dir, &step, &err) && err.code != AIC_NOT_FOUND)
		slurm_error("spank_aic: this node draws for no block while step %u.%u runs: %s", step.job_id, step.step_id, err.message);
	if (step.gpus && aic_step_announce(arguments.node_dir, &step, &err) && err.code != AIC_NOT_FOUND)
		slurm_error("spank_aic: the GPU use of step %u.%u will be unknown: %s", step.job_id, step.step_id, err.message);
}

void aic_spank_step_begin(spank_t sp, int ac, char **av)
{
	began = time(NULL);
	read_arguments(ac, av);
	announce(sp);
}

static int fill(aic_receipt *r, spank_t sp)
{
	aic_step_usage usage;
	uint16_t cpus;
	uid_t uid;

	if (aic_spank_identify(sp, &r->job_id, &r->restart, &r->step_id) || spank_get_item(sp, S_JOB_UID, &uid) != ESPANK_SUCCESS)
		return -1;
	aic_str_copy(r->cluster, sizeof(r->cluster), &slurm_conf && slurm_conf.cluster_name ? slurm_conf.cluster_name : "");
	aic_str_copy(r->node, sizeof(r->node), aic_spank_node());
	r->uid = uid;
	r->start = began;
	r->end = time(NULL);
	r->cpus = spank_get_item(sp, S_JOB_NCPUS, &cpus) == ESPANK_SUCCESS && cpus ? cpus : AIC_UNKNOWN;
	r->gpus = r->step_id == SLURM_EXTERN_CONT ? AIC_UNKNOWN : gpus_held(sp);
	aic_spank_usage(&usage);
	r->cpu_ms = usage.cpu_ms;
	r->mem_peak_mib = usage.mem_peak_mib;
	r->read_mib = usage.read_mib;
	r->gpu_ms = r->energy_mj = AIC_UNKNOWN;
	r->determinism = 2;
	return 0;
}

void aic_spank_step_end(spank_t sp)
{
	aic_receipt receipt = { 0 };
	aic_bytes encoded = { 0 };
	char path[PATH_MAX];
	aic_error err = { 0 };

	if (!arguments.node_dir[0] || fill(&receipt, sp))
		return;
	aic_receipt_encode(&encoded, &receipt);
	if (aic_receipt_path(path, sizeof(path), arguments.node_dir, &receipt, &err) ||
	    aic_file_write_atomic(path, encoded.data, encoded.len, 0600, &err))
		slurm_error("spank_aic: no receipt for step %u.%u: %s (does aicnoded run on this node?)", receipt.job_id, receipt.step_id,
		            err.message);
	aic_bytes_free(&encoded);
}
