/* dataset.c: a step's data set, mounted for its tasks alone at AIC_DATASET_DIR, read-only.
 *
 * Each task asks aicnoded (dataset/want.h) before it becomes the user's, and gets a mount namespace of its own, in which the
 * folder of the cache is bound over an empty one: nothing is to be cleaned up, whoever is killed. Where the data set cannot be
 * had the task ends with a sentence on its standard error, and the job is requeued; after three tries it is held. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define AIC_COMPAT_INSTALLED
#include "slurm-plugins/compat.h"

#include "common/bytes.h"
#include "slurm-plugins/dataset/want.h"
#include "slurm-plugins/node/steps.h"
#include "slurm-plugins/spank/context.h"

#define LOOK_MS 50
#define TRIES_MAX 3
#define EXIT_TRY_AGAIN 75 /* EX_TEMPFAIL */
#define COMMENT_MARK "aic: data set "

/* slurmstepd has them all. */
extern int slurm_requeue(aic_slurm_target job, uint32_t flags) __attribute__((weak));
extern void slurm_init_job_desc_msg(job_desc_msg_t *desc) __attribute__((weak));
extern int slurm_update_job(job_desc_msg_t *desc) __attribute__((weak));

static char dataset[AIC_NAME_LEN];
static char (*failure)[AIC_STAGE_TEXT]; /* shared between slurmstepd and its tasks: why a task has not got it */

void aic_spank_dataset_set(const char *name)
{
	aic_str_copy(dataset, sizeof(dataset), name ? name : "");
}

void aic_spank_dataset_begin(void)
{
	if (!dataset[0])
		return;
	failure = mmap(NULL, sizeof(*failure), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (failure == MAP_FAILED)
		failure = NULL;
}

/* --- the task, as root --- */

static bool is_cancelled(void)
{
	sigset_t pending;

	return sigpending(&pending) == 0 && (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

/* Waits for aicnoded's word; it gives a sign of life each second while it works. */
static void await(aic_stage_report *r, const char *path, const aic_spank_arguments *a)
{
	struct timespec last = {0}, pause = {.tv_nsec = LOOK_MS * 1000000L};
	time_t since = time(NULL);
	struct stat st;

	for (;;) {
		if (aic_stage_read(r, path, NULL) == AIC_OK && r->state >= AIC_STAGE_READY)
			return;
		if (stat(path, &st) == 0 && (st.st_mtim.tv_sec != last.tv_sec || st.st_mtim.tv_nsec != last.tv_nsec)) {
			last = st.st_mtim;
			since = time(NULL);
		}
		if (time(NULL) - since >= a->dataset_wait) {
			*r = (aic_stage_report){.state = AIC_STAGE_FAILED};
			snprintf(r->text, sizeof(r->text), "aicnoded on this node gave no sign of life for %d s: is it running?", a->dataset_wait);
			return;
		}
		if (is_cancelled())
			_exit(128 + SIGTERM);
		nanosleep(&pause, NULL);
	}
}

static int say(aic_stage_report *r, const char *what, const char *path)
{
	aic_error err;

	aic_fail_errno(&err, "%s %s", what, path);
	r->state = AIC_STAGE_FAILED;
	aic_str_copy(r->text, sizeof(r->text), err.message);
	return -1;
}

static int mount_for_task(aic_stage_report *r, const char *at)
{
	char from[AIC_STAGE_TEXT];
	unsigned long flags = MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV;
	struct stat st;

	aic_str_copy(from, sizeof(from), r->text);
	if (mkdir(at, 0755) && errno != EEXIST)
		return say(r, "cannot make", at);
	if (lstat(at, &st) || !S_ISDIR(st.st_mode) || st.st_uid != 0) {
		errno = ENOTDIR;
		return say(r, "not root's own folder:", at);
	}
	if (unshare(CLONE_NEWNS) || mount("", "/", NULL, MS_REC | MS_SLAVE, NULL))
		return say(r, "cannot make a mount namespace for", at);
	if (mount(from, at, NULL, MS_BIND, NULL))
		return say(r, "cannot mount", from);
	if (mount("", at, NULL, flags, NULL))
		return say(r, "cannot make read-only", at);
	return 0;
}

static bool wants(aic_want *w, spank_t sp)
{
	pid_t parent;

	if (!dataset[0] || aic_spank_identify(sp, &w->job_id, &w->restart, &w->step_id) || w->step_id == SLURM_EXTERN_CONT ||
	    spank_get_item(sp, S_JOB_UID, &w->uid) != ESPANK_SUCCESS)
		return false;
	aic_str_copy(w->dataset, sizeof(w->dataset), dataset);
	return (w->stepd = getppid()) > 1 && aic_process_read(w->stepd, &parent, &w->stepd_started);
}

void aic_spank_dataset_task(spank_t sp, const aic_spank_arguments *a)
{
	aic_stage_report r = {.state = AIC_STAGE_FAILED};
	aic_want w = {.job_id = 0};
	char path[PATH_MAX];
	aic_error err;

	if (!a->node_dir[0] || !wants(&w, sp))
		return;
	spank_unsetenv(sp, "AIC_DATASET_DIR");
	if (aic_want_write(a->node_dir, &w, &err) != AIC_OK) {
		if (err.code == AIC_NOT_FOUND) /* this node stages none */
			return;
		aic_str_copy(r.text, sizeof(r.text), err.message);
	} else if (aic_want_path(path, sizeof(path), a->node_dir, &w, AIC_STAGE_SUFFIX, NULL) == AIC_OK) {
		await(&r, path, a);
	}
	if (r.state == AIC_STAGE_READY && mount_for_task(&r, a->dataset_dir) == 0)
		spank_setenv(sp, "AIC_DATASET_DIR", a->dataset_dir, 1);
	if (r.state == AIC_STAGE_FAILED && failure)
		memcpy(*failure, r.text, sizeof(*failure));
}

/* --- the task, as its user --- */

void aic_spank_dataset_say(void)
{
	if (!failure || !(*failure)[0])
		return;
	dprintf(STDERR_FILENO, COMMENT_MARK "%s: %s\n", dataset, *failure);
	_exit(EXIT_TRY_AGAIN);
}

/* --- slurmstepd --- */

static void explain(uint32_t job, const char *node)
{
	char text[AIC_STAGE_TEXT + 2 * AIC_NAME_LEN];
	job_desc_msg_t desc;

	if (!slurm_init_job_desc_msg || !slurm_update_job)
		return;
	snprintf(text, sizeof(text), COMMENT_MARK "%s on %s: %s", dataset, node, *failure);
	slurm_init_job_desc_msg(&desc);
	AIC_DESC_JOB_ID(&desc) = job;
	desc.admin_comment = text;
	if (slurm_update_job(&desc))
		slurm_error("spank_aic: job %u: its AdminComment cannot say why it is requeued: %s", job, slurm_strerror(errno));
}

void aic_spank_dataset_end_task(spank_t sp, const char *node)
{
	static bool done;
	uint32_t job, restart, step;

	if (done || !failure || !(*failure)[0] || aic_spank_identify(sp, &job, &restart, &step))
		return;
	done = true;
	slurm_error("spank_aic: step %u.%u: data set %s: %s", job, step, dataset, *failure);
	explain(job, node);
	if (slurm_requeue && slurm_requeue(AIC_SLURM_TARGET(job), restart + 1 < TRIES_MAX ? 0 : JOB_REQUEUE_HOLD))
		slurm_error("spank_aic: job %u is not requeued: %s", job, slurm_strerror(errno));
}

void aic_spank_dataset_end(spank_t sp, const aic_spank_arguments *a)
{
	aic_want w = {.stepd = getpid()};
	char path[PATH_MAX];

	if (dataset[0] && a->node_dir[0] && !aic_spank_identify(sp, &w.job_id, &w.restart, &w.step_id) &&
	    aic_want_path(path, sizeof(path), a->node_dir, &w, AIC_WANT_SUFFIX, NULL) == AIC_OK)
		unlink(path);
}
