#define _GNU_SOURCE
#include "slurm-plugins/jobcomp/writer.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/spool.h"
#include "common/time.h"

#define DIR_MODE 02770
#define FILE_MODE 0660
#define RETRY_MS 1000
#define GATHER_MS 20   /* under load the thread looks that often, and slurmctld never has to wake it */
#define REMIND_MS 60000

typedef struct item {
	struct item *next;
	aic_bytes record;
} item;

typedef struct {
	item *first, **last;
} list;

struct aic_writer {
	char *dir;
	aic_writer_options options;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	list queue;                  /* under lock, as are the next four */
	size_t queued_bytes;
	uint64_t dropped;
	bool stop;
	bool asleep;                 /* the thread has found nothing for a while: the next record wakes it */
	list backlog;                /* the thread's own: taken from the queue, not yet appended */
	aic_spool_writer *spool;
	bool dirty;
	int64_t synced_at, beat_at, complained_at;
	bool failing;
};

static void say(const aic_writer *w, bool is_error, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
static void say(const aic_writer *w, bool is_error, const char *fmt, ...)
{
	char message[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message, sizeof(message), fmt, ap);
	va_end(ap);
	w->options.log(is_error, message);
}

static void list_clear(list *l)
{
	l->first = NULL;
	l->last = &l->first;
}

static void list_move(list *to, list *from)
{
	if (!from->first)
		return;
	*to->last = from->first;
	to->last = from->last;
	list_clear(from);
}

static uint64_t list_free(list *l)
{
	uint64_t n = 0;

	for (item *it = l->first, *next; it; it = next, n++) {
		next = it->next;
		aic_bytes_free(&it->record);
		free(it);
	}
	list_clear(l);
	return n;
}

/* --- the thread --- */

static void note_failure(aic_writer *w, const aic_error *err)
{
	int64_t now = aic_monotonic_ms();
	size_t waiting;

	if (w->failing && now - w->complained_at < REMIND_MS)
		return;
	pthread_mutex_lock(&w->lock);
	waiting = w->queued_bytes;
	pthread_mutex_unlock(&w->lock);
	say(w, true, "jobcomp/aic: %s; job records wait in memory (%zu KiB of at most %zu KiB) and are written when that is mended",
	    err->message, (waiting + 1023) >> 10, w->options.max_bytes >> 10);
	w->failing = true;
	w->complained_at = now;
}

static void note_success(aic_writer *w)
{
	if (w->failing)
		say(w, false, "jobcomp/aic: the spool %s can be written again", w->dir);
	w->failing = false;
}

static bool append_backlog(aic_writer *w)
{
	aic_error err;

	if (!w->spool && aic_spool_writer_open(&w->spool, w->dir, DIR_MODE, FILE_MODE, &err)) {
		w->spool = NULL;
		note_failure(w, &err);
		return false;
	}
	while (w->backlog.first) {
		item *it = w->backlog.first;

		if (aic_spool_append(w->spool, it->record.data, it->record.len, &err)) {
			note_failure(w, &err);
			return false;
		}
		w->dirty = true;
		w->backlog.first = it->next;
		if (!it->next)
			list_clear(&w->backlog);
		pthread_mutex_lock(&w->lock);
		w->queued_bytes -= it->record.len;
		pthread_mutex_unlock(&w->lock);
		aic_bytes_free(&it->record);
		free(it);
	}
	note_success(w);
	return true;
}

static void sync_spool(aic_writer *w, bool now)
{
	int64_t t = aic_monotonic_ms();
	aic_error err;

	if (!w->spool)
		return;
	if (w->dirty && (now || t - w->synced_at >= w->options.sync_ms)) {
		if (aic_spool_sync(w->spool, &err))
			note_failure(w, &err);
		else
			w->dirty = false;
		w->synced_at = t;
	}
	if (now || t - w->beat_at >= w->options.sync_ms) {
		aic_spool_heartbeat(w->spool);
		w->beat_at = t;
	}
}

static void wait_ms(aic_writer *w, int64_t ms)
{
	struct timespec until;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_cond_timedwait(&w->wake, &w->lock, &until);
}

/* Under the lock: until there is something to do. */
static void wait_for_records(aic_writer *w, bool written)
{
	if (!written) {
		wait_ms(w, w->stop ? 100 : RETRY_MS);
		return;
	}
	wait_ms(w, GATHER_MS);
	if (w->stop || w->queue.first)
		return;
	w->asleep = true;
	wait_ms(w, w->options.sync_ms);
	w->asleep = false;
}

static void *run(void *arg)
{
	aic_writer *w = arg;
	int64_t stop_at = 0;
	bool stopping = false, written = true;

	/* An umask of the thread's own: files and directories get their modes, setgid included, from the start. SlurmUser need not
	 * be in the spool's group, and then a chmod afterwards would lose setgid, with it aicacctd's right to read. */
	if (unshare(CLONE_FS) == 0)
		umask(0);
	for (;;) {
		pthread_mutex_lock(&w->lock);
		if (!written || (!w->stop && !w->queue.first))
			wait_for_records(w, written);
		stopping = w->stop;
		list_move(&w->backlog, &w->queue);
		pthread_mutex_unlock(&w->lock);

		written = append_backlog(w);
		sync_spool(w, stopping);
		if (!stopping)
			continue;
		stop_at = stop_at ? stop_at : aic_monotonic_ms() + w->options.drain_ms;
		if ((written && !w->dirty) || aic_monotonic_ms() >= stop_at)
			return NULL;
	}
}

/* --- slurmctld's side --- */

aic_code aic_writer_start(aic_writer **out, const aic_writer_options *options, aic_error *err)
{
	aic_writer *w = aic_xcalloc(1, sizeof(*w));
	pthread_condattr_t attr;
	int rc;

	w->options = *options;
	w->dir = aic_xstrdup(options->dir);
	list_clear(&w->queue);
	list_clear(&w->backlog);
	pthread_mutex_init(&w->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&w->wake, &attr);
	pthread_condattr_destroy(&attr);
	rc = pthread_create(&w->thread, NULL, run, w);
	if (rc) {
		pthread_cond_destroy(&w->wake);
		pthread_mutex_destroy(&w->lock);
		free(w->dir);
		free(w);
		errno = rc;
		return aic_fail_errno(err, "cannot start the thread that writes job records");
	}
	*out = w;
	return AIC_OK;
}

aic_code aic_writer_put(aic_writer *w, aic_bytes *record, aic_error *err)
{
	item *it = aic_xcalloc(1, sizeof(*it));
	uint64_t dropped = 0;
	bool wake = false;

	it->record = *record;
	*record = (aic_bytes){ 0 };
	pthread_mutex_lock(&w->lock);
	if (w->queued_bytes + it->record.len > w->options.max_bytes) {
		dropped = ++w->dropped;
	} else {
		*w->queue.last = it;
		w->queue.last = &it->next;
		w->queued_bytes += it->record.len;
		wake = w->asleep;
		w->asleep = false;
	}
	pthread_mutex_unlock(&w->lock);
	if (wake)
		pthread_cond_signal(&w->wake);
	if (!dropped)
		return AIC_OK;
	aic_bytes_free(&it->record);
	free(it);
	return aic_fail(err, AIC_FULL, "%zu KiB of job records already wait for the spool %s; %llu dropped so far: make room there",
	                w->options.max_bytes >> 10, w->dir, (unsigned long long)dropped);
}

uint64_t aic_writer_stop(aic_writer *w)
{
	uint64_t lost;

	if (!w)
		return 0;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_cond_signal(&w->wake);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	if (w->spool)
		aic_spool_writer_close(w->spool);
	lost = list_free(&w->backlog) + list_free(&w->queue) + w->dropped;
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w->dir);
	free(w);
	return lost;
}
