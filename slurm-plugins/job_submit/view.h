/* view.h: the mapped snapshot as job_submit/aic keeps it: looked for at most once a second, its troubles logged when
 * they change and once a minute. The path is SlurmctldParameters=aic_snapshot=PATH, else $AIC_SNAPSHOT, else AIC_SNAPSHOT_DEFAULT;
 * SlurmctldParameters=aic_stale=closed refuses jobs where there is no snapshot at all. */
#ifndef AIC_JOB_SUBMIT_VIEW_H
#define AIC_JOB_SUBMIT_VIEW_H

#include <pthread.h>

#include "slurm-plugins/job_submit/decide.h"

#define AIC_SNAPSHOT_DEFAULT "/var/lib/aic/snapshot/aic.snapshot"

typedef struct {
	pthread_mutex_t lock;
	aic_snapshot *snapshot;
	char path[512];
	char trouble[768];          /* why the last look failed; "" if it did not */
	char logged[768];           /* the last line about it */
	int64_t looked_ms, logged_ms;
	void (*log)(bool is_error, const char *message);
} aic_view;

void aic_view_init(aic_view *view, void (*log)(bool is_error, const char *message));
void aic_view_close(aic_view *view);
/* aic_decide() on the present snapshot; params is slurm.conf's SlurmctldParameters (NULL if unset). */
void aic_view_decide(aic_view *view, const char *params, aic_verdict *v, const aic_ask *ask);

#endif
