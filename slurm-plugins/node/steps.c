#include "slurm-plugins/node/steps.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/file.h"

#define LINE_MAX_BYTES 512

bool aic_process_read(pid_t pid, pid_t *parent, uint64_t *started)
{
	char path[64], line[1024], *rest;
	unsigned long long start;
	int ppid;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	f = fopen(path, "re");
	if (!f)
		return false;
	rest = fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL; /* the name may hold anything */
	fclose(f);
	if (!rest || sscanf(rest + 1, " %*c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu", &ppid,
	                    &start) != 2)
		return false;
	*parent = ppid;
	*started = start;
	return true;
}

bool aic_step_alive(const aic_step *step)
{
	uint64_t started;
	pid_t parent;

	return aic_process_read(step->stepd, &parent, &started) && started == step->stepd_started;
}

aic_code aic_step_path(char *buf, size_t size, const char *node_dir, const aic_step *step, const char *suffix, aic_error *err)
{
	int n = snprintf(buf, size, "%s/" AIC_STEPS_DIR "/%u.%u.%u%s", node_dir, step->job_id, step->restart, step->step_id, suffix);

	if (n < 0 || (size_t)n >= size)
		return aic_fail(err, AIC_USAGE, "the path of a step below %s needs %d characters, %zu fit", node_dir, n, size - 1);
	return AIC_OK;
}

aic_code aic_step_announce(const char *node_dir, const aic_step *step, aic_error *err)
{
	char path[1024], line[LINE_MAX_BYTES];
	aic_code rc = aic_path_join(path, sizeof(path), node_dir, AIC_STEPS_DIR, err);
	int n;

	if (!rc && access(path, W_OK))
		return aic_fail(err, AIC_NOT_FOUND, "there is no %s: no meter runs on this node", path);
	if (!rc)
		rc = aic_step_path(path, sizeof(path), node_dir, step, AIC_STEP_SUFFIX, err);
	if (rc)
		return rc;
	n = snprintf(line, sizeof(line), "aic-step 1 %u %u %u %d %llu %u\n", step->job_id, step->restart, step->step_id,
	             (int)step->stepd, (unsigned long long)step->stepd_started, step->gpus);
	return aic_file_write_atomic(path, line, (size_t)n, 0600, err);
}

aic_code aic_step_read(aic_step *step, const char *path, aic_error *err)
{
	aic_bytes data = { 0 };
	unsigned long long started;
	aic_code rc = aic_file_read(&data, path, LINE_MAX_BYTES, err);
	int pid, end = 0;

	aic_bytes_append(&data, "", 1);
	if (!rc && (sscanf((char *)data.data, "aic-step 1 %u %u %u %d %llu %u%n", &step->job_id, &step->restart, &step->step_id, &pid,
	                   &started, &step->gpus, &end) != 6 || strcmp((char *)data.data + end, "\n")))
		rc = aic_fail(err, AIC_CORRUPT, "%s is no announcement of a step: its GPU use counts as not measured", path);
	aic_bytes_free(&data);
	if (rc)
		return rc;
	step->stepd = pid;
	step->stepd_started = started;
	return AIC_OK;
}
