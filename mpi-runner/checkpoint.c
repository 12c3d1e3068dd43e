#include "mpi-runner/checkpoint.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/file.h"

#define SAVING ".saving"

/* The step in "step-0000000100.aickpt", or -1. */
static int64_t step_of(const char *name)
{
	char *end;

	if (strncmp(name, "step-", 5) != 0)
		return -1;
	long long step = strtoll(name + 5, &end, 10);
	return end != name + 5 && strcmp(end, AIC_CHECKPOINT_SUFFIX) == 0 ? step : -1;
}

static int newest_first(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? 1 : x > y ? -1 : 0;
}

size_t aic_checkpoint_list(const char *folder, int64_t **steps)
{
	DIR *dir = opendir(folder);
	size_t n = 0;

	*steps = NULL;
	if (!dir)
		return 0;
	for (struct dirent *e; (e = readdir(dir)) != NULL;) {
		int64_t step = step_of(e->d_name);
		if (step < 0)
			continue;
		*steps = aic_xrealloc(*steps, (n + 1) * sizeof(**steps));
		(*steps)[n++] = step;
	}
	closedir(dir);
	if (n > 1)
		qsort(*steps, n, sizeof(**steps), newest_first);
	return n;
}

void aic_checkpoint_path(char *path, const char *folder, int64_t step)
{
	snprintf(path, PATH_MAX, "%s/step-%010lld" AIC_CHECKPOINT_SUFFIX, folder, (long long)step);
}

static void remove_old(const char *folder, uint64_t keep)
{
	int64_t *steps;
	size_t n = aic_checkpoint_list(folder, &steps);

	for (size_t i = keep; i < n; i++) {
		char path[PATH_MAX];
		aic_checkpoint_path(path, folder, steps[i]);
		unlink(path);
	}
	free(steps);
}

bool aic_checkpoint_newest(const char *folder, char *path, size_t size)
{
	char found[PATH_MAX];
	int64_t *steps;
	size_t n = aic_checkpoint_list(folder, &steps);

	if (n)
		aic_checkpoint_path(found, folder, steps[0]);
	free(steps);
	return n && snprintf(path, size, "%s", found) < (int)size;
}

void aic_checkpoint_tidy(const char *folder)
{
	DIR *dir = opendir(folder);
	char path[PATH_MAX];

	for (struct dirent *e; dir && (e = readdir(dir)) != NULL;)
		if (strncmp(e->d_name, SAVING, strlen(SAVING)) == 0 && aic_path_join(path, sizeof(path), folder, e->d_name, NULL) == AIC_OK)
			unlink(path);
	if (dir)
		closedir(dir);
}

void aic_checkpoint_clear(const char *folder)
{
	aic_checkpoint_tidy(folder);
	remove_old(folder, 0);
}

/* A name of this process's own: where a training was left for dead and still writes, neither gets into the other's file. */
static aic_code temporary_of(char path[PATH_MAX], const char *folder, aic_error *err)
{
	char host[HOST_NAME_MAX + 1] = "", name[HOST_NAME_MAX + 64];

	gethostname(host, sizeof(host) - 1);
	snprintf(name, sizeof(name), SAVING "-%s-%d", host, (int)getpid());
	return aic_path_join(path, PATH_MAX, folder, name, err);
}

aic_code aic_checkpoint_save(const aic_checkpoint *c, const aic_hash *leaf, const char *folder, uint64_t keep, aic_error *err)
{
	char path[PATH_MAX], temporary[PATH_MAX];

	aic_code rc = aic_dir_make(folder, 0755, err);
	if (rc != AIC_OK)
		return rc;
	aic_checkpoint_path(path, folder, (int64_t)c->state.step);
	rc = temporary_of(temporary, folder, err);
	if (rc != AIC_OK)
		return rc;
	rc = aic_checkpoint_write(c, leaf, temporary, err);
	if (rc == AIC_OK && rename(temporary, path) != 0)
		rc = aic_fail_errno(err, "checkpoint %s cannot be put in place: does another training write to this folder?", path);
	if (rc != AIC_OK) {
		unlink(temporary);
		return rc;
	}
	rc = aic_dir_sync(folder, err);
	if (rc == AIC_OK)
		remove_old(folder, keep);
	return rc;
}

aic_code aic_checkpoint_load(aic_checkpoint *c, const char *folder, aic_error *damaged, aic_error *err)
{
	int64_t *steps;
	size_t n = aic_checkpoint_list(folder, &steps);
	aic_code rc = AIC_NOT_FOUND;

	if (damaged)
		*damaged = (aic_error){0};
	aic_fail(err, AIC_NOT_FOUND, "%s holds no checkpoint", folder);
	for (size_t i = 0; i < n; i++) {
		char path[PATH_MAX];
		aic_checkpoint_path(path, folder, steps[i]);
		rc = aic_checkpoint_read(c, NULL, path, err);
		if (rc != AIC_CORRUPT)
			break;
		if (damaged && !damaged->message[0])
			*damaged = *err;
	}
	free(steps);
	if (rc == AIC_CORRUPT) {
		aic_error last = *err;
		aic_fail(err, AIC_CORRUPT, "%s; none of the %zu checkpoint(s) of %s is whole: bring one back, or start over with --fresh", last.message, n, folder);
	}
	return rc;
}
