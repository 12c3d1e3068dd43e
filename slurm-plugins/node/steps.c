#include "slurm-plugins/node/steps.h"

#include <dirent.h>
#include <limits.h>
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

static aic_code path_in(char *buf, size_t size, const char *node_dir, const char *folder, const aic_step *step, const char *suffix,
                        aic_error *err)
{
	int n = snprintf(buf, size, "%s/%s/%u.%u.%u%s", node_dir, folder, step->job_id, step->restart, step->step_id, suffix);

	if (n < 0 || (size_t)n >= size)
		return aic_fail(err, AIC_USAGE, "the path of a step below %s needs %d characters, %zu fit", node_dir, n, size - 1);
	return AIC_OK;
}

aic_code aic_step_path(char *buf, size_t size, const char *node_dir, const aic_step *step, const char *suffix, aic_error *err)
{
	return path_in(buf, size, node_dir, AIC_STEPS_DIR, step, suffix, err);
}

static aic_code announce(const char *node_dir, const char *folder, const aic_step *step, aic_error *err)
{
	char path[1024], line[LINE_MAX_BYTES];
	aic_code rc = aic_path_join(path, sizeof(path), node_dir, folder, err);
	int n;

	if (!rc && access(path, W_OK))
		return aic_fail(err, AIC_NOT_FOUND, "there is no %s: nobody on this node wants to know", path);
	if (!rc)
		rc = path_in(path, sizeof(path), node_dir, folder, step, AIC_STEP_SUFFIX, err);
	if (rc)
		return rc;
	n = snprintf(line, sizeof(line), "aic-step 1 %u %u %u %d %llu %u\n", step->job_id, step->restart, step->step_id,
	             (int)step->stepd, (unsigned long long)step->stepd_started, step->gpus);
	return aic_file_write_atomic(path, line, (size_t)n, 0600, err);
}

aic_code aic_step_announce(const char *node_dir, const aic_step *step, aic_error *err)
{
	return announce(node_dir, AIC_STEPS_DIR, step, err);
}

aic_code aic_step_announce_running(const char *node_dir, const aic_step *step, aic_error *err)
{
	return announce(node_dir, AIC_RUNNING_DIR, step, err);
}

aic_code aic_steps_expect(const char *node_dir, aic_error *err)
{
	char path[PATH_MAX];
	aic_code rc = aic_path_join(path, sizeof(path), node_dir, AIC_RUNNING_DIR, err);

	return rc ? rc : aic_dir_make(path, 0700, err);
}

bool aic_steps_running(const char *node_dir)
{
	char dir[PATH_MAX], path[PATH_MAX];
	bool running = false;
	struct dirent *e;
	aic_step step;
	DIR *d = aic_path_join(dir, sizeof(dir), node_dir, AIC_RUNNING_DIR, NULL) ? NULL : opendir(dir);

	while (d && !running && (e = readdir(d))) {
		if (e->d_name[0] == '.' || aic_path_join(path, sizeof(path), dir, e->d_name, NULL))
			continue;
		running = !aic_step_read(&step, path, NULL) && aic_step_alive(&step);
		if (!running)
			unlink(path);
	}
	if (d)
		closedir(d);
	return running;
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
