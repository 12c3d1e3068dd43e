#include "slurm-plugins/job_submit/view.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/time.h"
#include "slurm-plugins/param.h"

#define LOOK_MS 1000
#define LOG_MS 60000

void aic_view_init(aic_view *view, void (*log)(bool is_error, const char *message))
{
	*view = (aic_view){ .looked_ms = INT64_MIN, .logged_ms = INT64_MIN, .log = log };
	pthread_mutex_init(&view->lock, NULL);
}

void aic_view_close(aic_view *view)
{
	if (view->snapshot)
		aic_snapshot_close(view->snapshot);
	view->snapshot = NULL;
	pthread_mutex_destroy(&view->lock);
}

static void find_path(char *path, size_t size, const char *params)
{
	const char *env = getenv("AIC_SNAPSHOT");

	if (!aic_param_find(params, "aic_snapshot", path, size))
		aic_str_copy(path, size, env && *env ? env : AIC_SNAPSHOT_DEFAULT);
}

static bool long_ago(int64_t then, int64_t now, int64_t ms)
{
	return then == INT64_MIN || now - then >= ms;
}

static void complain(aic_view *view, const char *message)
{
	char line[1024];
	int64_t now = aic_monotonic_ms();
	bool is_new = strcmp(message, view->logged);

	if (!long_ago(view->logged_ms, now, is_new ? LOOK_MS : LOG_MS))
		return;
	snprintf(line, sizeof(line), "job_submit/aic: %.900s", message);
	view->log(true, line);
	aic_str_copy(view->logged, sizeof(view->logged), message);
	view->logged_ms = now;
}

static void look(aic_view *view, const char *params)
{
	int64_t now = aic_monotonic_ms();
	char path[sizeof(view->path)];
	aic_error err;
	aic_code rc;

	if (!long_ago(view->looked_ms, now, LOOK_MS))
		return;
	view->looked_ms = now;
	find_path(path, sizeof(path), params);
	if (strcmp(path, view->path) && view->snapshot) {
		aic_snapshot_close(view->snapshot);
		view->snapshot = NULL;
	}
	memcpy(view->path, path, sizeof(path));
	rc = view->snapshot ? aic_snapshot_refresh(&view->snapshot, path, &err) : aic_snapshot_open(&view->snapshot, path, &err);
	aic_str_copy(view->trouble, sizeof(view->trouble), rc ? err.message : "");
	if (rc)
		complain(view, err.message);
}

void aic_view_decide(aic_view *view, const char *params, aic_verdict *v, const aic_ask *ask)
{
	char policy[16] = "";

	pthread_mutex_lock(&view->lock);
	look(view, params);
	aic_param_find(params, "aic_stale", policy, sizeof(policy));
	aic_decide(v, view->snapshot, view->trouble, !strcmp(policy, "closed"), aic_now(), ask);
	if (v->blind) /* without the age in seconds, which would make every line a new one */
		complain(view, view->trouble[0] ? view->trouble : "the snapshot of balances is too old: is aicacctd running?");
	pthread_mutex_unlock(&view->lock);
}
