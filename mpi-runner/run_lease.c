#include "mpi-runner/run_lease.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/process.h"
#include "common/time.h"
#include "mpi-runner/run_child.h"

enum { WAIT_MS = 600000, LOOK_MS = 100 }; /* Slurm's grace time ends it sooner */

static const char *env_or(const char *name, const char *otherwise)
{
	const char *v = getenv(name);
	return v && *v ? v : otherwise;
}

static void mark_path(char path[PATH_MAX], const char *folder, unsigned rank)
{
	snprintf(path, PATH_MAX, "%s/left-%s-%s-%u", folder, env_or("SLURM_JOB_ID", "0"), env_or("SLURM_RESTART_COUNT", "0"), rank);
}

static void wait_for_others(const aic_ranks *ranks, const char *folder)
{
	int64_t until = aic_monotonic_ms() + WAIT_MS;
	char path[PATH_MAX];

	for (unsigned rank = 1; rank < ranks->size; rank++) {
		mark_path(path, folder, rank);
		while (access(path, F_OK) != 0 && aic_monotonic_ms() < until)
			usleep(LOOK_MS * 1000);
		unlink(path);
	}
}

static void requeue(void)
{
	const char *argv[] = {"scontrol", "requeue", getenv("SLURM_JOB_ID"), NULL};
	aic_bytes said = {0};
	aic_error err = {0};
	int status = 0;
	aic_code rc = aic_process_run(argv, "", &said, &status, &err);

	aic_bytes_append(&said, "", 1);
	if (rc != AIC_OK)
		fprintf(stderr, "aic-run: job %s cannot be requeued and ends here: %s\n", argv[2], err.message);
	else if (status != 0)
		fprintf(stderr, "aic-run: job %s cannot be requeued and ends here: %s", argv[2], (const char *)said.data);
	aic_bytes_free(&said);
}

void aic_lease_leave(const aic_ranks *ranks, const char *folder)
{
	char path[PATH_MAX];
	int number = atoi(env_or("AIC_LEASE", "0"));

	if (number <= 0 || !aic_child_was_told(number) || !getenv("SLURM_JOB_ID"))
		return;
	if (ranks->rank != 0) {
		mark_path(path, folder, ranks->rank);
		close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
		return;
	}
	fprintf(stderr, "aic-run: the node goes back to its owner: job %s is requeued and goes on elsewhere\n", getenv("SLURM_JOB_ID"));
	wait_for_others(ranks, folder);
	requeue();
}
