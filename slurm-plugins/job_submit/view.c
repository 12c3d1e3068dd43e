#include "slurm-plugins/job_submit/view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/bytes.h"
#include "common/time.h"
#include "slurm-plugins/param.h"

#define LOOK_MS 1000
#define LOG_MS 60000

static void find_path(char *path, size_t size, const char *params)
{
	const char *env = getenv("AIC_SNAPSHOT");

	if (!aic_param_find(params, "aic_snapshot", path, size))
		aic_str_copy(path, size, env && *env ? env : AIC_SNAPSHOT_DEFAULT);
}

/* Under the lock. */
static void complain(aic_view *view, const char *message)
{
	char line[1024];
	int64_t now = aic_monotonic_ms();
	bool is_new = strcmp(message, view->logged);

	if (view->logged_ms && now - view->logged_ms < (is_new ? LOOK_MS : LOG_MS))
		return;
	snprintf(line, sizeof(line), "job_submit/aic: %.900s", message);
	view->log(true, line);
	aic_str_copy(view->logged, sizeof(view->logged), message);
	view->logged_ms = now;
}

/* --- looking --- */

static bool seen_before(const aic_view *view, const char *path, const struct stat *st)
{
	return view->seen.dev == st->st_dev && view->seen.ino == st->st_ino && view->seen.mtime.tv_sec == st->st_mtim.tv_sec &&
	       view->seen.mtime.tv_nsec == st->st_mtim.tv_nsec && !strcmp(view->seen.path, path);
}

static void exchange(aic_view *view, aic_snapshot *fresh, const char *trouble)
{
	aic_snapshot *old = NULL;

	pthread_mutex_lock(&view->lock);
	if (fresh) {
		old = view->snapshot;
		view->snapshot = fresh;
	}
	aic_str_copy(view->trouble, sizeof(view->trouble), trouble);
	if (*trouble)
		complain(view, trouble);
	pthread_mutex_unlock(&view->lock);
	if (old)
		aic_snapshot_close(old);
}

void aic_view_look(aic_view *view)
{
	aic_snapshot *fresh = NULL;
	char path[sizeof(view->path)];
	struct stat st = { 0 };
	aic_error err;

	pthread_mutex_lock(&view->lock);
	memcpy(path, view->path, sizeof(path));
	pthread_mutex_unlock(&view->lock);
	if (!stat(path, &st) && seen_before(view, path, &st))
		return;
	view->seen.dev = st.st_dev;
	view->seen.ino = st.st_ino;
	view->seen.mtime = st.st_mtim;
	memcpy(view->seen.path, path, sizeof(path));
	if (aic_snapshot_open(&fresh, path, &err))
		exchange(view, NULL, err.message);
	else
		exchange(view, fresh, "");
}

static void *keep_looking(void *arg)
{
	aic_view *view = arg;
	struct timespec until;

	pthread_mutex_lock(&view->lock);
	while (!view->stop) {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += LOOK_MS / 1000;
		pthread_cond_timedwait(&view->wake, &view->lock, &until);
		if (view->stop)
			break;
		pthread_mutex_unlock(&view->lock);
		aic_view_look(view);
		pthread_mutex_lock(&view->lock);
	}
	pthread_mutex_unlock(&view->lock);
	return NULL;
}

void aic_view_init(aic_view *view, const char *params, void (*log)(bool is_error, const char *message))
{
	pthread_condattr_t attr;

	*view = (aic_view){ .log = log };
	pthread_mutex_init(&view->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&view->wake, &attr);
	pthread_condattr_destroy(&attr);
	find_path(view->path, sizeof(view->path), params);
	aic_view_look(view);
}

aic_code aic_view_start(aic_view *view, aic_error *err)
{
	int rc = pthread_create(&view->thread, NULL, keep_looking, view);

	if (rc) {
		errno = rc;
		return aic_fail_errno(err, "cannot start the thread that looks for snapshots");
	}
	view->running = true;
	return AIC_OK;
}

void aic_view_close(aic_view *view)
{
	if (view->running) {
		pthread_mutex_lock(&view->lock);
		view->stop = true;
		pthread_cond_signal(&view->wake);
		pthread_mutex_unlock(&view->lock);
		pthread_join(view->thread, NULL);
	}
	if (view->snapshot)
		aic_snapshot_close(view->snapshot);
	pthread_cond_destroy(&view->wake);
	pthread_mutex_destroy(&view->lock);
	*view = (aic_view){ 0 };
}

/* --- deciding --- */

void aic_view_decide(aic_view *view, const char *params, aic_verdict *v, const aic_ask *ask)
{
	char path[sizeof(view->path)], policy[16] = "";

	find_path(path, sizeof(path), params);
	aic_param_find(params, "aic_stale", policy, sizeof(policy));
	pthread_mutex_lock(&view->lock);
	if (strcmp(path, view->path)) { /* slurm.conf was changed: the thread looks there within a second */
		memcpy(view->path, path, sizeof(path));
		pthread_cond_signal(&view->wake);
	}
	aic_decide(v, view->snapshot, view->trouble, !strcmp(policy, "closed"), aic_now(), ask);
	if (v->blind) /* without the age in seconds, which would make every line a new one */
		complain(view, view->trouble[0] ? view->trouble : "the snapshot of balances is too old: is aicacctd running?");
	pthread_mutex_unlock(&view->lock);
}

void aic_view_say(aic_view *view, const char *params, aic_quote *out, const aic_ask *ask)
{
	char policy[16] = "";

	aic_param_find(params, "aic_stale", policy, sizeof(policy));
	pthread_mutex_lock(&view->lock);
	aic_quote_say(out, view->snapshot, view->trouble, !strcmp(policy, "closed"), aic_now(), ask);
	pthread_mutex_unlock(&view->lock);
}

bool aic_view_quote(aic_view *view, const aic_ask *ask, aic_amount *cost)
{
	bool quoted;

	pthread_mutex_lock(&view->lock);
	quoted = view->snapshot && aic_quote_job(view->snapshot, ask, cost);
	pthread_mutex_unlock(&view->lock);
	return quoted;
}

bool aic_view_rating(aic_view *view, const char *partition, const char *account, uint64_t *rating_ppm)
{
	aic_snapshot_account found = { 0 };
	bool rated = false;
	char name[AIC_NAME_LEN];

	pthread_mutex_lock(&view->lock);
	for (const char *p = partition; view->snapshot && aic_snapshot_enforce(view->snapshot) && account && p && *p && !rated;
	     p += strcspn(p, ","), p += *p == ',') {
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(p, ","), p);
		rated = aic_snapshot_in_scope(view->snapshot, name, account) && aic_snapshot_account_find(view->snapshot, account, &found);
	}
	pthread_mutex_unlock(&view->lock);
	*rating_ppm = found.rating_ppm;
	return rated;
}

bool aic_view_enforces(aic_view *view)
{
	bool enforces;

	pthread_mutex_lock(&view->lock);
	enforces = view->snapshot && aic_snapshot_enforce(view->snapshot);
	pthread_mutex_unlock(&view->lock);
	return enforces;
}

int64_t aic_view_written(aic_view *view)
{
	int64_t now = aic_now(), written;

	pthread_mutex_lock(&view->lock);
	written = view->snapshot ? now - aic_snapshot_age(view->snapshot, now) : 0;
	pthread_mutex_unlock(&view->lock);
	return written;
}
