#define _GNU_SOURCE /* pthread_timedjoin_np */
#include "slurm-plugins/job_submit/keeper.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/file.h"
#include "slurm-plugins/job_submit/judge.h"
#include "slurm-plugins/job_submit/prefer.h"
#include "slurm-plugins/param.h"

#define TICK_NS 250000000
#define ROUND 4              /* ticks */
#define JOIN_S 1

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static pthread_t thread;
static unsigned generation;      /* of the thread that may run; an older one ends */
static aic_view *seen;
static void (*say)(bool is_error, const char *message);
static bool running, complained;

void aic_keeper_path(char *buf, size_t size, const char *params, const char *job_comp_type, const char *job_comp_loc,
                     const char *state_save)
{
	bool own = job_comp_type && !strcmp(job_comp_type, "jobcomp/aic") && job_comp_loc && job_comp_loc[0] == '/' &&
	           strcmp(job_comp_loc, "/var/log/slurm_jobcomp.log"); /* Slurm's default */

	if (!aic_param_find(params, "aic_reservations", buf, size))
		snprintf(buf, size, "%s%s/" AIC_RESERVATIONS_NAME, own ? job_comp_loc : state_save, own ? "" : "/aic");
}

static void write_book(const aic_reservations *book)
{
	char path[512], line[1024];
	aic_bytes out = { 0 };
	aic_error err;

	aic_keeper_path(path, sizeof(path), slurm_conf.slurmctld_params, slurm_conf.job_comp_type, slurm_conf.job_comp_loc,
	                slurm_conf.state_save_location);
	aic_reservations_encode(&out, book);
	if (aic_file_write_atomic(path, out.data, out.len, 0640, &err)) {
		snprintf(line, sizeof(line), "job_submit/aic: reservations are not told to aicacctd, which releases no held job: %.800s",
		         err.message);
		if (!complained)
			say(true, line);
		complained = true;
	} else {
		complained = false;
	}
	aic_bytes_free(&out);
}

static void keep_book(void)
{
	aic_reservations book = { 0 };

	if (aic_judge_keep(seen, &book))
		write_book(&book);
	aic_reservations_free(&book);
}

static void *keep(void *arg)
{
	unsigned mine = *(unsigned *)arg;
	struct timespec until;

	pthread_mutex_lock(&lock);
	for (unsigned tick = 1; generation == mine; tick++) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += TICK_NS;
		until.tv_sec += until.tv_nsec / 1000000000;
		until.tv_nsec %= 1000000000;
		pthread_cond_timedwait(&wake, &lock, &until);
		if (generation != mine)
			break;
		pthread_mutex_unlock(&lock);
		if (tick % ROUND == 0)
			keep_book();
		if (tick % ROUND == 0 || aic_prefer_is_wanted())
			aic_prefer_keep();
		pthread_mutex_lock(&lock);
	}
	pthread_mutex_unlock(&lock);
	return NULL;
}

aic_code aic_keeper_start(aic_view *view, void (*log)(bool is_error, const char *message), aic_error *err)
{
	static unsigned number;
	int rc;

	pthread_mutex_lock(&lock);
	seen = view;
	say = log;
	number = ++generation;
	rc = pthread_create(&thread, NULL, keep, &number);
	running = rc == 0;
	pthread_mutex_unlock(&lock);
	if (rc) {
		errno = rc;
		return aic_fail_errno(err, "cannot start the thread that keeps reservations");
	}
	return AIC_OK;
}

bool aic_keeper_stop(void)
{
	struct timespec until;

	if (!running)
		return true;
	running = false;
	pthread_mutex_lock(&lock);
	generation++;
	pthread_cond_broadcast(&wake);
	pthread_mutex_unlock(&lock);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += JOIN_S;
	if (!pthread_timedjoin_np(thread, NULL, &until))
		return true;
	pthread_detach(thread);
	return false;
}
