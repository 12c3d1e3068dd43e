#include "accounting/store_keeper.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/bytes.h"
#include "common/log.h"
#include "common/session_store.h"

#define EVERY_S 15

struct aic_store_keeper {
	const aic_config *config;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
};

/* Waits; false once it is to stop. */
static bool next(aic_store_keeper *k)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += EVERY_S;
	pthread_mutex_lock(&k->lock);
	while (!k->stop && pthread_cond_timedwait(&k->wake, &k->lock, &until) == 0)
		;
	bool go_on = !k->stop;
	pthread_mutex_unlock(&k->lock);
	return go_on;
}

static void *look_after(void *arg)
{
	aic_store_keeper *k = arg;
	char told[sizeof(((aic_error *)NULL)->message)] = "";

	while (next(k)) {
		aic_error err = {0};
		if (aic_session_store_tend(k->config, &err) == AIC_OK)
			err.message[0] = '\0';
		if (err.message[0] && strcmp(told, err.message) != 0)
			aic_warn("the store of sessions: %s", err.message);
		aic_str_copy(told, sizeof(told), err.message);
	}
	return NULL;
}

aic_store_keeper *aic_store_keeper_start(const aic_config *config)
{
	sigset_t all, before;

	if (!config->sessions.store[0])
		return NULL;
	aic_store_keeper *k = aic_xcalloc(1, sizeof(*k));
	k->config = config;
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->wake, NULL);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before); /* signals are the daemon's */
	int failed = pthread_create(&k->thread, NULL, look_after, k);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed) {
		aic_warn("no thread looks after the store of sessions: raise the limit of processes (ulimit -u)");
		free(k);
		return NULL;
	}
	return k;
}

void aic_store_keeper_stop(aic_store_keeper *k)
{
	if (!k)
		return;
	pthread_mutex_lock(&k->lock);
	k->stop = true;
	pthread_cond_signal(&k->wake);
	pthread_mutex_unlock(&k->lock);
	pthread_join(k->thread, NULL);
	pthread_cond_destroy(&k->wake);
	pthread_mutex_destroy(&k->lock);
	free(k);
}
