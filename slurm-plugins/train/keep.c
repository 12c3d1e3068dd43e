/* keep.c: what aictraind does by itself: it follows the jobs, and removes what is kept no longer. */
#include <dirent.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/log.h"
#include "common/time.h"
#include "slurm-plugins/train/serve.h"
#include "slurm-plugins/train/slurm.h"

#define LOOK_MS 2000
#define PRUNE_MS 600000
#define DAY_S 86400
#define INCOMING_S DAY_S /* a client that sends no more for so long has gone */
#define UNSENT_S 3600    /* a training without a job: its client has not come back */

aic_code aic_traind_open(aic_traind *d, const aic_config *config, aic_error *err)
{
	static const char *const folders[] = {"incoming", "runs"};
	const struct passwd *pw = config->train.user[0] ? getpwnam(config->train.user) : NULL;
	char path[PATH_MAX];
	aic_code rc = AIC_OK;

	memset(d, 0, sizeof(*d));
	d->config = config;
	if (!pw)
		return aic_fail(err, AIC_USAGE, "%s has no train: user: name the user under whom the site trains, aic.yaml(5)", config->path);
	aic_str_copy(d->home, sizeof(d->home), pw->pw_dir);
	for (size_t i = 0; rc == AIC_OK && i < 2; i++)
		if ((rc = aic_path_join(path, sizeof(path), d->home, folders[i], err)) == AIC_OK)
			rc = aic_dir_make(path, 02750, err);
	return rc;
}

/* --- states --- */

static void keep_run(aic_traind *d, const aic_train_run *r)
{
	char folder[PATH_MAX];
	aic_error err = {0};

	if (aic_train_path(folder, d->home, r->token, NULL, &err) != AIC_OK || aic_train_run_write(r, folder, &err) != AIC_OK)
		aic_warn("job %u: %s", r->job, err.message);
	else if (r->ended)
		aic_info("job %u of %s: %s", r->job, r->user, r->state);
}

/* Runs that still go on, to the front; how many. */
static size_t live_runs(aic_train_run *runs, size_t n)
{
	size_t live = 0;

	for (size_t i = 0; i < n; i++)
		if (!runs[i].ended)
			runs[live++] = runs[i];
	return live;
}

static void look(aic_traind *d)
{
	aic_train_run *runs;
	bool *changed;
	aic_error err = {0};
	size_t n;

	if (aic_train_run_list(&runs, &n, d->home, &err) != AIC_OK)
		n = 0;
	n = live_runs(runs, n);
	changed = aic_xcalloc(n + 1, sizeof(*changed));
	if (n && aic_train_states(runs, n, changed, d->config->train.user, &err) != AIC_OK) {
		if (!d->failing)
			aic_warn("the trainings' states are asked for again: %s", err.message);
		d->failing = true;
	} else {
		d->failing = false;
	}
	for (size_t i = 0; i < n; i++) {
		if (!runs[i].job && !d->failing) /* killed between sbatch and its note */
			changed[i] = aic_train_job_of(&runs[i], d->config->train.user, NULL) == AIC_OK;
		if (changed[i])
			keep_run(d, &runs[i]);
	}
	free(changed);
	free(runs);
}

/* --- what is kept no longer --- */

static void prune_runs(aic_traind *d, int64_t now)
{
	char folder[PATH_MAX];
	aic_train_run *runs;
	size_t n;

	if (aic_train_run_list(&runs, &n, d->home, NULL) != AIC_OK)
		return;
	for (size_t i = 0; i < n; i++) {
		bool old = runs[i].ended && now - runs[i].ended > d->config->train.keep * DAY_S;
		bool unsent = !runs[i].job && now - runs[i].submitted > UNSENT_S;

		if ((old || unsent) && aic_train_path(folder, d->home, runs[i].token, NULL, NULL) == AIC_OK &&
		    aic_dir_remove(folder, NULL) == AIC_OK)
			aic_info("job %u of %s: its files are removed, %lld days after its end", runs[i].job, runs[i].user,
			         (long long)d->config->train.keep);
	}
	free(runs);
}

static void prune_incoming(aic_traind *d, int64_t now)
{
	char incoming[PATH_MAX], path[PATH_MAX];
	struct dirent *e;
	struct stat st;
	DIR *dir;

	if (aic_path_join(incoming, sizeof(incoming), d->home, "incoming", NULL) || !(dir = opendir(incoming)))
		return;
	while ((e = readdir(dir)))
		if (e->d_name[0] != '.' && !aic_path_join(path, sizeof(path), incoming, e->d_name, NULL) && !lstat(path, &st) &&
		    now - st.st_mtime > INCOMING_S)
			aic_dir_remove(path, NULL);
	closedir(dir);
}

void aic_traind_tick(void *ctx)
{
	aic_traind *d = ctx;
	int64_t now = aic_monotonic_ms();

	if (now - d->looked_ms >= LOOK_MS || !d->looked_ms) {
		look(d);
		d->looked_ms = aic_monotonic_ms();
	}
	if (now - d->pruned_ms >= PRUNE_MS || !d->pruned_ms) {
		prune_runs(d, aic_now());
		prune_incoming(d, aic_now());
		d->pruned_ms = now;
	}
}
