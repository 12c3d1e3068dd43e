#define _GNU_SOURCE /* CPU_COUNT */
#include "mpi-runner/threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "mpi-runner/dmath.h"

enum { SPINS = 4000 }; /* looks for new work before a thread sleeps: about 10 us */

typedef struct {
	aic_threads *pool;
	unsigned number;
	pthread_t thread;
} worker;

struct aic_threads {
	unsigned count;
	worker *workers; /* count - 1 */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	atomic_uint round;   /* a new number is new work */
	atomic_uint pending; /* workers that have not finished this round */
	bool stop;
	size_t items, grain;
	void (*work)(void *ctx, size_t begin, size_t end, unsigned thread);
	void *ctx;
};

static void do_share(aic_threads *t, unsigned number)
{
	size_t grains = (t->items + t->grain - 1) / t->grain;
	size_t begin = grains * number / t->count * t->grain, end = grains * (number + 1) / t->count * t->grain;

	end = end > t->items ? t->items : end;
	if (begin < end)
		t->work(t->ctx, begin, end, number);
}

static void wait_for_round(aic_threads *t, unsigned seen)
{
	for (int i = 0; i < SPINS; i++)
		if (atomic_load_explicit(&t->round, memory_order_acquire) != seen)
			return;
	pthread_mutex_lock(&t->lock);
	while (atomic_load(&t->round) == seen)
		pthread_cond_wait(&t->wake, &t->lock);
	pthread_mutex_unlock(&t->lock);
}

static void *worker_main(void *arg)
{
	worker *w = arg;
	unsigned seen = 0;

	(void)aic_d_environment(NULL); /* the caller's thread has verified the processor */
	for (;;) {
		wait_for_round(w->pool, seen);
		seen = atomic_load_explicit(&w->pool->round, memory_order_acquire);
		if (w->pool->stop)
			return NULL;
		do_share(w->pool, w->number);
		atomic_fetch_sub_explicit(&w->pool->pending, 1, memory_order_release);
	}
}

static void start_round(aic_threads *t)
{
	atomic_store(&t->pending, t->count - 1);
	pthread_mutex_lock(&t->lock);
	atomic_fetch_add(&t->round, 1);
	pthread_cond_broadcast(&t->wake);
	pthread_mutex_unlock(&t->lock);
}

aic_code aic_threads_new(aic_threads **out, unsigned count, aic_error *err)
{
	*out = NULL;
	if (aic_d_environment(err) != AIC_OK)
		return AIC_SYSTEM;
	if (count < 1 || count > AIC_THREADS_MAX)
		return aic_fail(err, AIC_USAGE, "%u threads: 1 to %d are possible", count, AIC_THREADS_MAX);
	aic_threads *t = aic_xcalloc(1, sizeof(*t));
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->wake, NULL);
	t->workers = aic_xcalloc(count, sizeof(*t->workers));
	t->count = 1;
	for (unsigned i = 1; i < count; i++) {
		worker *w = &t->workers[i - 1];
		*w = (worker){.pool = t, .number = i};
		if (pthread_create(&w->thread, NULL, worker_main, w) != 0) {
			aic_threads_free(t);
			return aic_fail(err, AIC_SYSTEM, "thread %u of %u could not be started: ask for fewer CPUs per task", i + 1, count);
		}
		t->count = i + 1;
	}
	*out = t;
	return AIC_OK;
}

void aic_threads_free(aic_threads *t)
{
	if (!t)
		return;
	t->stop = true;
	start_round(t);
	for (unsigned i = 1; i < t->count; i++)
		pthread_join(t->workers[i - 1].thread, NULL);
	pthread_cond_destroy(&t->wake);
	pthread_mutex_destroy(&t->lock);
	free(t->workers);
	free(t);
}

unsigned aic_threads_count(const aic_threads *t)
{
	return t->count;
}

void aic_threads_run(aic_threads *t, size_t items, size_t grain,
                     void (*work)(void *ctx, size_t begin, size_t end, unsigned thread), void *ctx)
{
	if (items == 0)
		return;
	if (t->count == 1 || items <= grain) {
		work(ctx, 0, items, 0);
		return;
	}
	t->items = items;
	t->grain = grain ? grain : 1;
	t->work = work;
	t->ctx = ctx;
	start_round(t);
	do_share(t, 0);
	for (unsigned spins = 0; atomic_load_explicit(&t->pending, memory_order_acquire) > 0; spins++)
		if (spins > SPINS)
			sched_yield();
}

static unsigned from_environment(const char *name, unsigned limit)
{
	const char *text = getenv(name);
	long n = text ? strtol(text, NULL, 10) : 0;

	return n >= 1 && n < (long)limit ? (unsigned)n : limit;
}

unsigned aic_threads_default(void)
{
	cpu_set_t set;
	unsigned usable = 1;

	if (getenv("AIC_THREADS"))
		return from_environment("AIC_THREADS", AIC_THREADS_MAX);
	if (getenv("SLURM_CPUS_PER_TASK") == NULL)
		return 1;
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		usable = (unsigned)CPU_COUNT(&set);
	return from_environment("SLURM_CPUS_PER_TASK", usable < AIC_THREADS_MAX ? usable : AIC_THREADS_MAX);
}
