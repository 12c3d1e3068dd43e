#include "slurm-plugins/dataset/service.h"

#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/bytes.h"
#include "common/file.h"
#include "common/log.h"
#include "common/size.h"
#include "common/time.h"
#include "slurm-plugins/dataset/features.h"
#include "slurm-plugins/dataset/stage.h"
#include "slurm-plugins/dataset/store.h"
#include "slurm-plugins/dataset/wants.h"
#include "slurm-plugins/node/node_dir.h"

#define LOOK_MS 200
#define REPORT_MS 1000
#define RETRY_MS 1000
#define PUBLISH_MS 2000      /* changes of that long go to slurmctld at once, */
#define REPUBLISH_MS 30000   /* and so often it is asked whether it has lost them: `scontrol reconfigure` does that */

struct aic_dataset_service {
	const aic_config *config;
	char node_dir[PATH_MAX], node[AIC_NAME_LEN];
	aic_cache cache;
	int64_t publish_at_ms;   /* when slurmctld is told next what the cache holds */
	bool unpublished;        /* it could not be told */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
};

/* One data set on its way. */
typedef struct {
	aic_dataset_service *s;
	const char *dataset;
	aic_stage_report report;
	int64_t reported_ms;
} errand;

static bool stopping(aic_dataset_service *s, int wait_ms)
{
	struct timespec until;
	bool stop;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += wait_ms / 1000;
	until.tv_nsec += wait_ms % 1000 * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	pthread_mutex_lock(&s->lock);
	while (!s->stop && wait_ms && pthread_cond_timedwait(&s->wake, &s->lock, &until) != ETIMEDOUT)
		;
	stop = s->stop;
	pthread_mutex_unlock(&s->lock);
	return stop;
}

/* --- what Slurm knows --- */

static bool is_whole(const aic_dataset_service *s, const char *names, const char *name)
{
	aic_cache_entry e;
	aic_hash root;

	return aic_name_get(&root, names, name, NULL) == AIC_OK && aic_cache_get(&e, &s->cache, &root, NULL) == AIC_OK && e.checked;
}

static void publish(aic_dataset_service *s)
{
	char names[PATH_MAX], **name = NULL;
	size_t n = 0, whole = 0;
	aic_error err = {0};
	bool changed;

	if (aic_path_join(names, sizeof(names), s->cache.dir, "names", &err) || aic_names_list(&name, &n, names, &err))
		return;
	for (size_t i = 0; i < n; i++)
		if (is_whole(s, names, name[i])) {
			char *first = name[whole];

			name[whole++] = name[i];
			name[i] = first;
		}
	if (aic_features_publish(s->node, name, whole, &changed, &err) != AIC_OK) {
		if (!s->unpublished)
			aic_warn("slurmctld is not told which data sets are here, and is asked again: %s", err.message);
		s->unpublished = true;
	} else {
		if (changed || s->unpublished)
			aic_info("slurmctld knows of %zu data sets here", whole);
		s->unpublished = false;
	}
	aic_names_free(name, n);
}

static void publish_when_due(aic_dataset_service *s)
{
	if (aic_monotonic_ms() < s->publish_at_ms)
		return;
	publish(s);
	s->publish_at_ms = aic_monotonic_ms() + REPUBLISH_MS;
}

static void publish_soon(aic_dataset_service *s)
{
	int64_t soon = aic_monotonic_ms() + PUBLISH_MS;

	if (s->publish_at_ms > soon)
		s->publish_at_ms = soon;
}

/* --- who wants what --- */

static void report(aic_dataset_service *s, const aic_want *w, const aic_stage_report *r)
{
	aic_error err;

	if (aic_wants_report(s->node_dir, w, r, &err) != AIC_OK)
		aic_warn("data set %s: %s", w->dataset, err.message);
}

/* Tells all that wait how far it is; false where none of them wants this one any more. */
static bool tell(errand *e, const aic_stage_report *r)
{
	aic_stage_report later = {.state = AIC_STAGE_WAITING};
	bool wanted = false;
	aic_wanted *all;
	size_t n;

	if (aic_wants_list(&all, &n, e->s->node_dir, NULL) != AIC_OK)
		return true;
	snprintf(later.text, sizeof(later.text), "data set %s is staged first", e->dataset);
	for (size_t i = 0; i < n; i++) {
		bool same = !strcmp(all[i].want.dataset, e->dataset);

		if (aic_wanted_settled(&all[i]))
			continue;
		wanted |= same;
		report(e->s, &all[i].want, same ? r : &later);
	}
	free(all);
	publish_when_due(e->s);
	e->reported_ms = aic_monotonic_ms();
	return wanted;
}

static bool on_progress(void *ctx, uint64_t done, uint64_t bytes)
{
	errand *e = ctx;

	e->report = (aic_stage_report){.state = AIC_STAGE_COPYING, .done = done, .bytes = bytes};
	if (stopping(e->s, 0))
		return false;
	return aic_monotonic_ms() - e->reported_ms < REPORT_MS || tell(e, &e->report);
}

/* A step that has it now must keep it. */
static bool is_pinned(void *ctx, const aic_hash *root)
{
	errand *e = ctx;
	char folder[PATH_MAX];
	aic_wanted *all;
	bool pinned = false;
	size_t n;

	if (aic_cache_path(folder, &e->s->cache, root, "files", NULL) != AIC_OK ||
	    aic_wants_list(&all, &n, e->s->node_dir, NULL) != AIC_OK)
		return true;
	for (size_t i = 0; i < n; i++)
		pinned |= all[i].want.stepd && all[i].reported && all[i].report.state == AIC_STAGE_READY && !strcmp(all[i].report.text, folder);
	free(all);
	return pinned;
}

/* --- one data set --- */

/* What aic.yaml says is registered needs no store to be known, and no store can change it. */
static aic_code find_root(const aic_config *c, const char *dataset, aic_hash *root, aic_error *err)
{
	for (size_t i = 0; i < c->n_assets; i++)
		if (!c->asset[i].is_model && c->asset[i].content[0] && !strcmp(c->asset[i].name, dataset) &&
		    aic_unhex(root->b, AIC_HASH_LEN, c->asset[i].content))
			return AIC_OK;
	return aic_store_name(root, c->datasets.store, dataset, err);
}

static bool is_registered(const aic_config *c, const char *dataset)
{
	for (size_t i = 0; i < c->n_assets; i++)
		if (!c->asset[i].is_model && c->asset[i].content[0] && !strcmp(c->asset[i].name, dataset))
			return true;
	return false;
}

static aic_code try_once(errand *e, aic_hash *root, aic_staged *did, aic_error *err)
{
	aic_dataset_service *s = e->s;
	aic_dataset_source source[1];
	aic_staging staging = {&s->cache, source, 1, is_pinned, on_progress, e};
	char names[PATH_MAX];
	aic_code rc = find_root(s->config, e->dataset, root, err);

	if (rc != AIC_OK)
		return rc;
	aic_dataset_source_store(&source[0], s->config->datasets.store);
	rc = aic_stage(&staging, root, did, err);
	if (rc == AIC_OK)
		rc = aic_path_join(names, sizeof(names), s->cache.dir, "names", err);
	return rc ? rc : aic_name_put(names, e->dataset, root, err);
}

static aic_code try_patiently(errand *e, aic_hash *root, aic_staged *did, aic_error *err)
{
	int64_t until = aic_monotonic_ms() + e->s->config->datasets.patience * 1000;

	for (;;) {
		aic_stage_report r = {.state = AIC_STAGE_WAITING};
		aic_code rc = try_once(e, root, did, err);

		if (rc != AIC_UNREACHABLE || aic_monotonic_ms() >= until)
			return rc;
		aic_str_copy(r.text, sizeof(r.text), err->message);
		if (!tell(e, &r) || stopping(e->s, RETRY_MS))
			return aic_fail(err, AIC_REFUSED, "nobody wants the data set any more");
	}
}

static void settle(errand *e, aic_code rc, const aic_hash *root, const aic_staged *did, const aic_error *err)
{
	aic_stage_report r = {.done = e->report.bytes, .bytes = e->report.bytes};
	char fetched[AIC_SIZE_TEXT], checked[AIC_SIZE_TEXT], folder[PATH_MAX];

	if (rc == AIC_REFUSED) {
		aic_info("data set %s: %s", e->dataset, err->message);
		return;
	}
	if (rc == AIC_OK) {
		r.state = AIC_STAGE_READY;
		aic_cache_path(folder, &e->s->cache, root, "files", NULL);
		aic_str_copy(r.text, sizeof(r.text), folder);
		aic_info("data set %s is ready: %s came, %s were there and checked", e->dataset, aic_size_format(fetched, did->fetched),
		         aic_size_format(checked, did->checked));
	} else {
		r.state = rc == AIC_NOT_FOUND && !is_registered(e->s->config, e->dataset) ? AIC_STAGE_ABSENT : AIC_STAGE_FAILED;
		r.done = e->report.done;
		aic_str_copy(r.text, sizeof(r.text), err->message);
		aic_warn("data set %s: %s", e->dataset, err->message);
	}
	publish_soon(e->s);
	tell(e, &r);
}

static void serve(aic_dataset_service *s, const aic_want *w)
{
	char dataset[AIC_NAME_LEN];
	errand e = {.s = s, .dataset = dataset};
	aic_error err = {0};
	aic_staged did = {0};
	aic_hash root;

	aic_str_copy(dataset, sizeof(dataset), w->dataset);
	e.reported_ms = aic_monotonic_ms();
	settle(&e, try_patiently(&e, &root, &did, &err), &root, &did, &err);
}

static void *work(void *arg)
{
	aic_dataset_service *s = arg;

	do {
		aic_wanted *all = NULL;
		size_t n = 0, next = 0;

		if (aic_wants_list(&all, &n, s->node_dir, NULL) == AIC_OK) {
			while (next < n && aic_wanted_settled(&all[next]))
				next++;
			if (next < n)
				serve(s, &all[next].want);
		}
		free(all);
		publish_when_due(s);
	} while (!stopping(s, LOOK_MS));
	return NULL;
}

/* --- start, stop --- */

static gid_t group_of(const aic_config *c)
{
	const struct passwd *pw = getpwuid(c->uid);

	return pw ? pw->pw_gid : (gid_t)-1;
}

static aic_code prepare(aic_dataset_service *s, const char *node_dir, const char *node, aic_error *err)
{
	const aic_datasets_config *d = &s->config->datasets;
	char folder[PATH_MAX];
	aic_code rc = aic_path_join(folder, sizeof(folder), node_dir, AIC_WANTS_DIR, err);

	aic_str_copy(s->node_dir, sizeof(s->node_dir), node_dir);
	aic_str_copy(s->node, sizeof(s->node), node);
	s->cache.gid = group_of(s->config);
	s->cache.limit = d->size;
	s->cache.recheck = d->recheck;
	if (rc == AIC_OK)
		rc = aic_node_dir_expand(s->cache.dir, sizeof(s->cache.dir), d->cache, node, err);
	if (rc == AIC_OK && strlen(s->cache.dir) > AIC_STAGE_TEXT - 2 * AIC_ROOT_TEXT)
		rc = aic_fail(err, AIC_USAGE, "datasets.cache %s has %zu bytes, %d are the limit", s->cache.dir, strlen(s->cache.dir),
		              AIC_STAGE_TEXT - 2 * AIC_ROOT_TEXT);
	if (rc == AIC_OK)
		rc = aic_cache_open(&s->cache, err);
	return rc ? rc : aic_dir_make(folder, 0700, err);
}

static aic_code start_thread(aic_dataset_service *s, aic_error *err)
{
	pthread_condattr_t attr;
	sigset_t all, before;
	int rc;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&s->lock, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	rc = pthread_create(&s->thread, NULL, work, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = rc;
	return rc ? aic_fail_errno(err, "cannot start the thread that stages data sets") : AIC_OK;
}

aic_code aic_dataset_service_start(aic_dataset_service **out, const aic_config *config, const char *node_dir, const char *node,
                                   aic_error *err)
{
	aic_dataset_service *s;
	char size[AIC_SIZE_TEXT];
	aic_code rc;

	*out = NULL;
	if (!config->datasets.store[0])
		return AIC_OK;
	if (config->slurm_conf[0])
		setenv("SLURM_CONF", config->slurm_conf, 0);
	s = aic_xcalloc(1, sizeof(*s));
	s->config = config;
	if ((rc = prepare(s, node_dir, node, err)) != AIC_OK || (rc = start_thread(s, err)) != AIC_OK) {
		free(s);
		return rc;
	}
	aic_info("data sets of %s are kept in %s, %s at most", config->datasets.store, s->cache.dir,
	         aic_size_format(size, config->datasets.size));
	*out = s;
	return AIC_OK;
}

void aic_dataset_service_stop(aic_dataset_service *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
