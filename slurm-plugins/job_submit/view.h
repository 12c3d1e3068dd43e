/* view.h: the mapped snapshot as job_submit/aic keeps it. A thread looks for a newer one every second and checks it, so that
 * no submit waits for a file; troubles are logged when they change and once a minute. The path is
 * SlurmctldParameters=aic_snapshot=PATH, else $AIC_SNAPSHOT, else AIC_SNAPSHOT_DEFAULT; SlurmctldParameters=aic_stale=closed
 * refuses jobs where there is no snapshot at all. */
#ifndef AIC_JOB_SUBMIT_VIEW_H
#define AIC_JOB_SUBMIT_VIEW_H

#include <pthread.h>
#include <sys/types.h>
#include <time.h>

#include "slurm-plugins/job_submit/decide.h"

#define AIC_SNAPSHOT_DEFAULT "/var/lib/aic/snapshot/aic.snapshot"

typedef struct {
	pthread_mutex_t lock;       /* held for a decision, or to exchange a pointer: never for a system call */
	pthread_cond_t wake;
	pthread_t thread;
	bool running, stop;
	aic_snapshot *snapshot;
	char path[512];             /* wanted */
	char trouble[768];          /* why the last look failed; "" if it did not */
	char logged[768];           /* the last line about it */
	int64_t logged_ms;
	struct { dev_t dev; ino_t ino; struct timespec mtime; char path[512]; } seen; /* the looking thread's own: the last file that it opened */
	void (*log)(bool is_error, const char *message);
} aic_view;

/* params is slurm.conf's SlurmctldParameters (NULL if unset), here and below. Looks once. */
void aic_view_init(aic_view *view, const char *params, void (*log)(bool is_error, const char *message));
/* Starts the thread; without it the caller looks itself. AIC_SYSTEM where it cannot be started. */
aic_code aic_view_start(aic_view *view, aic_error *err);
/* Opens the file if it is another one than last time; a damaged one does not replace one in use. */
void aic_view_look(aic_view *view);
/* aic_decide() on the present snapshot. */
void aic_view_decide(aic_view *view, const char *params, aic_verdict *v, const aic_ask *ask);
/* aic_quote_say() on it. */
void aic_view_say(aic_view *view, const char *params, aic_quote *out, const aic_ask *ask);
/* On the present snapshot, if there is one: aic_quote_job(); whether its mode is enforce; when it was written (0: none). */
bool aic_view_quote(aic_view *view, const aic_ask *ask, aic_amount *cost);
/* The rating of the account's wallet; false in observe mode, out of scope, and where it has no wallet. partition may be several. */
bool aic_view_rating(aic_view *view, const char *partition, const char *account, uint64_t *rating_ppm);
bool aic_view_enforces(aic_view *view);
int64_t aic_view_written(aic_view *view);
void aic_view_close(aic_view *view);

#endif
