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
#include "slurm-plugins/dataset/answer.h"
#include "slurm-plugins/dataset/peer.h"
#include "slurm-plugins/dataset/publish.h"
#include "slurm-plugins/dataset/stage.h"
#include "slurm-plugins/dataset/store.h"
#include "slurm-plugins/dataset/wants.h"
#include "slurm-plugins/node/node_dir.h"

#define LOOK_MS 200
#define REPORT_MS 1000
#define RETRY_MS 1000
#define EVICT_MS 5000
#define TICK_MS 3600000

struct aic_dataset_service {
	const aic_config *config;
	char node_dir[PATH_MAX], node[AIC_NAME_LEN];
	aic_cache cache;
	aic_publication publication;
	pthread_t thread;
	pthread_mutex_t lock;    /* of what follows */
	pthread_cond_t wake, evicted;
	bool stop;
	struct {
		bool asked, done;
		char dataset[AIC_NAME_LEN];
		aic_error err;
	} eviction;              /* asked for by the server's thread, done by the one that stages */
	aic_rpc_server *server;
	pthread_t server_thread;
	aic_answers answers;
};

/* One data set on its way. */
typedef struct {
	aic_dataset_service *s;
	const char *dataset;
	aic_hash root;           /* zeros until it is known */
	aic_stage_report report;
	int64_t reported_ms;
} errand;

static struct timespec after(int ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000L;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static bool stopping(aic_dataset_service *s, int wait_ms)
{
	struct timespec until = after(wait_ms);
	bool stop;

	pthread_mutex_lock(&s->lock);
	while (!s->stop && !s->eviction.asked && wait_ms && pthread_cond_timedwait(&s->wake, &s->lock, &until) != ETIMEDOUT)
		;
	stop = s->stop;
	pthread_mutex_unlock(&s->lock);
	return stop;
}

/* --- who wants what --- */

static void report(aic_dataset_service *s, const aic_want *w, const aic_stage_report *r)
{
	aic_error err;

	if (aic_wants_report(s->node_dir, w, r, &err) != AIC_OK)
		aic_warn("data set %s: %s", w->dataset, err.message);
}

static bool is_pinned(void *ctx, const aic_hash *root);
static void do_eviction(errand *e);

/* Tells all that wait how far it is; false where none of them wants this one any more. */
static bool tell(errand *e, const aic_stage_report *r)
{
	aic_stage_report later = {.state = AIC_STAGE_WAITING};
	bool wanted = false;
	aic_wanted *all;
	size_t n;

	if (aic_wants_list(&all, &n, e->s->node_dir, NULL) != AIC_OK)
		return true;
	aic_str_copy(later.text, sizeof(later.text), "another data set is staged first");
	for (size_t i = 0; i < n; i++) {
		bool same = !strcmp(all[i].want.dataset, e->dataset);

		if (aic_wanted_settled(&all[i]))
			continue;
		wanted |= same;
		report(e->s, &all[i].want, same ? r : &later);
	}
	free(all);
	aic_publish_when_due(&e->s->publication);
	do_eviction(e);
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

/* --- eviction --- */

static aic_code evict(errand *e, const char *dataset, aic_error *err)
{
	aic_dataset_service *s = e->s;
	char names[PATH_MAX];
	aic_hash root;
	aic_code rc = aic_path_join(names, sizeof(names), s->cache.dir, "names", err);

	if (rc == AIC_OK && (rc = aic_name_get(&root, names, dataset, err)) == AIC_NOT_FOUND)
		return aic_fail(err, AIC_NOT_FOUND, "node %s does not hold data set %s", s->node, dataset);
	if (rc == AIC_OK && (aic_hash_equal(&root, &e->root) || is_pinned(e, &root)))
		return aic_fail(err, AIC_REFUSED, "a job on node %s uses data set %s: wait for its end, or cancel it", s->node, dataset);
	if (rc == AIC_OK)
		rc = aic_name_remove(names, dataset, err);
	if (rc == AIC_OK)
		rc = aic_cache_evict(&s->cache, &root, err);
	if (rc == AIC_OK)
		aic_info("data set %s was evicted by an administrator", dataset);
	aic_publish_soon(&s->publication);
	return rc;
}

static void do_eviction(errand *e)
{
	aic_dataset_service *s = e->s;
	char dataset[AIC_NAME_LEN] = "";
	aic_error err = {0};

	pthread_mutex_lock(&s->lock);
	if (s->eviction.asked && !s->eviction.done)
		aic_str_copy(dataset, sizeof(dataset), s->eviction.dataset);
	pthread_mutex_unlock(&s->lock);
	if (!dataset[0])
		return;
	err.code = evict(e, dataset, &err);
	pthread_mutex_lock(&s->lock);
	s->eviction.err = err;
	s->eviction.done = true;
	s->eviction.asked = false;
	pthread_cond_signal(&s->evicted);
	pthread_mutex_unlock(&s->lock);
}

/* In the server's thread, one at a time. */
static aic_code ask_eviction(void *ctx, const char *dataset, aic_error *err)
{
	aic_dataset_service *s = ctx;
	struct timespec until = after(EVICT_MS);
	aic_code rc;

	pthread_mutex_lock(&s->lock);
	s->eviction.asked = true;
	s->eviction.done = false;
	aic_str_copy(s->eviction.dataset, sizeof(s->eviction.dataset), dataset);
	pthread_cond_signal(&s->wake);
	while (!s->eviction.done && pthread_cond_timedwait(&s->evicted, &s->lock, &until) != ETIMEDOUT)
		;
	rc = s->eviction.err.code;
	if (!s->eviction.done)
		rc = aic_fail(err, AIC_UNREACHABLE, "node %s is staging and did not come to it: try again", s->node);
	else if (rc != AIC_OK)
		*err = s->eviction.err;
	s->eviction.asked = false;
	pthread_mutex_unlock(&s->lock);
	return rc;
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
	aic_dataset_source source[AIC_PEERS_MAX + 1];
	aic_staging staging = {&s->cache, source, 1, is_pinned, on_progress, e};
	aic_cache_entry here;
	char names[PATH_MAX];
	size_t peers = 0;
	aic_code rc = find_root(s->config, e->dataset, root, err);

	if (rc != AIC_OK)
		return rc;
	e->root = *root;
	if (aic_cache_get(&here, &s->cache, root, NULL) != AIC_OK || !here.checked)
		peers = aic_peers_find(source, s->config, s->node, e->dataset, root);
	aic_dataset_source_store(&source[peers], s->config->datasets.store);
	staging.n_sources = peers + 1;
	rc = aic_stage(&staging, root, did, err);
	aic_peers_close(source, peers);
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
	char fetched[AIC_SIZE_TEXT], near[AIC_SIZE_TEXT], checked[AIC_SIZE_TEXT], folder[PATH_MAX];

	if (rc == AIC_REFUSED) {
		aic_info("data set %s: %s", e->dataset, err->message);
		return;
	}
	if (rc == AIC_OK) {
		r.state = AIC_STAGE_READY;
		aic_cache_path(folder, &e->s->cache, root, "files", NULL);
		aic_str_copy(r.text, sizeof(r.text), folder);
		aic_info("data set %s is ready: %s came, %s of it from other nodes, %s were here and checked", e->dataset,
		         aic_size_format(fetched, did->fetched), aic_size_format(near, did->near), aic_size_format(checked, did->checked));
	} else {
		r.state = rc == AIC_NOT_FOUND && !is_registered(e->s->config, e->dataset) ? AIC_STAGE_ABSENT : AIC_STAGE_FAILED;
		r.done = e->report.done;
		aic_str_copy(r.text, sizeof(r.text), err->message);
		aic_warn("data set %s: %s", e->dataset, err->message);
	}
	aic_publish_soon(&e->s->publication);
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
	e.report.state = AIC_STAGE_COPYING;
	tell(&e, &e.report);
	settle(&e, try_patiently(&e, &root, &did, &err), &root, &did, &err);
}

static void forget_warm(aic_dataset_service *s, const aic_wanted *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!all[i].want.stepd && aic_wanted_settled(&all[i]))
			aic_wants_remove(s->node_dir, &all[i].want);
}

static void *work(void *arg)
{
	aic_dataset_service *s = arg;
	errand none = {.s = s, .dataset = ""};

	do {
		aic_wanted *all = NULL;
		size_t n = 0, next = 0;

		if (aic_wants_list(&all, &n, s->node_dir, NULL) == AIC_OK) {
			while (next < n && aic_wanted_settled(&all[next]))
				next++;
			if (next < n)
				serve(s, &all[next].want);
			forget_warm(s, all, n);
		}
		free(all);
		aic_publish_when_due(&s->publication);
		do_eviction(&none);
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
	s->publication = (aic_publication){.cache = &s->cache, .node = s->node};
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

static void *answer(void *arg)
{
	aic_dataset_service *s = arg;
	aic_error err = {0};

	if (aic_rpc_server_run(s->server, TICK_MS, NULL, &err) != AIC_OK)
		aic_error_log("no other node, and no command, gets an answer any more: %s", err.message);
	return NULL;
}

static aic_code listen_at(aic_dataset_service *s, aic_error *err)
{
	char address[AIC_PATH_LEN], folder[AIC_PATH_LEN];
	aic_code rc = aic_node_dir_expand(address, sizeof(address), s->config->datasets.listen, s->node, err);

	s->answers = (aic_answers){s->config, &s->cache, s->node_dir, ask_eviction, s};
	if (rc == AIC_OK && address[0] == '/') {
		aic_str_copy(folder, sizeof(folder), address);
		*strrchr(folder, '/') = '\0';
		rc = aic_dir_make(folder, 0755, err);
	}
	if (rc == AIC_OK)
		rc = aic_rpc_server_new(&s->server, AIC_NODE_SERVICE, aic_dataset_answer, &s->answers, err);
	return rc ? rc : aic_rpc_server_listen(s->server, address, err);
}

static void begin(aic_dataset_service *s)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->wake, &attr);
	pthread_cond_init(&s->evicted, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&s->lock, NULL);
}

/* Frees all but threads. */
static void end(aic_dataset_service *s)
{
	aic_rpc_server_free(s->server);
	pthread_cond_destroy(&s->wake);
	pthread_cond_destroy(&s->evicted);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static void stop_thread(aic_dataset_service *s)
{
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
}

/* Signals are for the daemon's own thread. */
static aic_code start_threads(aic_dataset_service *s, aic_error *err)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	rc = pthread_create(&s->thread, NULL, work, s);
	if (!rc && (rc = pthread_create(&s->server_thread, NULL, answer, s)))
		stop_thread(s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = rc;
	return rc ? aic_fail_errno(err, "cannot start the threads that keep data sets") : AIC_OK;
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
	begin(s);
	if ((rc = prepare(s, node_dir, node, err)) != AIC_OK || (rc = listen_at(s, err)) != AIC_OK ||
	    (rc = start_threads(s, err)) != AIC_OK) {
		end(s);
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
	aic_rpc_server_stop(s->server);
	pthread_join(s->server_thread, NULL);
	stop_thread(s);
	end(s);
}
