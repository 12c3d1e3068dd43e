#include "slurm-plugins/dataset/wants.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/file.h"
#include "common/log.h"
#include "slurm-plugins/node/steps.h"

#define REPORT_KEPT_S 3600 /* of a step that is gone */

bool aic_wanted_settled(const aic_wanted *w)
{
	return w->reported && w->report.state >= AIC_STAGE_READY;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), k = strlen(suffix);

	return n > k && !strcmp(name + n - k, suffix);
}

static bool is_alive(const aic_want *w)
{
	aic_step step = {.stepd = w->stepd, .stepd_started = w->stepd_started};

	return !w->stepd || aic_step_alive(&step);
}

void aic_wants_remove(const char *node_dir, const aic_want *w)
{
	char path[PATH_MAX];

	if (aic_want_path(path, sizeof(path), node_dir, w, AIC_WANT_SUFFIX, NULL) == AIC_OK)
		unlink(path);
}

aic_code aic_wants_report(const char *node_dir, const aic_want *w, const aic_stage_report *r, aic_error *err)
{
	char path[PATH_MAX];
	aic_code rc = aic_want_path(path, sizeof(path), node_dir, w, AIC_STAGE_SUFFIX, err);

	return rc ? rc : aic_stage_write(path, r, err);
}

static bool take(aic_wanted *out, const char *node_dir, const char *path)
{
	char report[PATH_MAX];
	aic_error err;

	*out = (aic_wanted){.reported = false};
	if (aic_want_read(&out->want, path, &err) != AIC_OK) {
		if (err.code == AIC_CORRUPT) {
			aic_warn("%s", err.message);
			unlink(path);
		}
		return false;
	}
	if (!is_alive(&out->want)) {
		unlink(path);
		return false;
	}
	out->reported = aic_want_path(report, sizeof(report), node_dir, &out->want, AIC_STAGE_SUFFIX, NULL) == AIC_OK &&
	                aic_stage_read(&out->report, report, NULL) == AIC_OK;
	return true;
}

/* A report is kept for a while, for `aic dataset where`. */
static void forget_report(const char *path)
{
	char want[PATH_MAX];
	struct stat st;
	size_t n = strlen(path) - strlen(AIC_STAGE_SUFFIX);

	snprintf(want, sizeof(want), "%.*s" AIC_WANT_SUFFIX, (int)n, path);
	if (stat(path, &st) == 0 && time(NULL) - st.st_mtime > REPORT_KEPT_S && access(want, F_OK))
		unlink(path);
}

aic_code aic_wants_list(aic_wanted **out, size_t *n, const char *node_dir, aic_error *err)
{
	char folder[PATH_MAX], path[PATH_MAX];
	struct dirent *e;
	aic_code rc = aic_path_join(folder, sizeof(folder), node_dir, AIC_WANTS_DIR, err);
	DIR *dir = rc ? NULL : opendir(folder);

	*out = NULL;
	*n = 0;
	if (!dir)
		return rc ? rc : aic_fail_errno(err, "cannot read %s", folder);
	while ((e = readdir(dir))) {
		if (e->d_name[0] == '.' || aic_path_join(path, sizeof(path), folder, e->d_name, NULL))
			continue;
		if (has_suffix(e->d_name, AIC_STAGE_SUFFIX))
			forget_report(path);
		if (!has_suffix(e->d_name, AIC_WANT_SUFFIX))
			continue;
		*out = aic_xrealloc(*out, (*n + 1) * sizeof(**out));
		*n += take(&(*out)[*n], node_dir, path);
	}
	closedir(dir);
	return AIC_OK;
}
