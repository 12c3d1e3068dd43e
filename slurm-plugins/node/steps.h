/* steps.h: which steps run on this node, one line of text each, written by spank_aic when the step begins: those that hold GPUs in
 * NODE_DIR/steps/JOB.RESTART.STEP.step, removed by aicnoded when the receipt is complete; all of them in NODE_DIR/running/ under the
 * same name, removed by aicnoded when the step is over. */
#ifndef AIC_NODE_STEPS_H
#define AIC_NODE_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"

#define AIC_STEPS_DIR "steps"
#define AIC_RUNNING_DIR "running"
#define AIC_STEP_SUFFIX ".step"
#define AIC_USED_SUFFIX ".used"

typedef struct {
	uint32_t job_id, restart, step_id;
	pid_t stepd;             /* its slurmstepd: every process of the step descends from it */
	uint64_t stepd_started;  /* clock ticks after boot, /proc/PID/stat: tells a reused pid */
	uint32_t gpus;
} aic_step;

/* Does nothing (AIC_NOT_FOUND) where there is no steps/: no aicnoded, no meter. */
aic_code aic_step_announce(const char *node_dir, const aic_step *step, aic_error *err);
/* The same in running/: AIC_NOT_FOUND where no aicnoded has made it. */
aic_code aic_step_announce_running(const char *node_dir, const aic_step *step, aic_error *err);
/* Makes running/. */
aic_code aic_steps_expect(const char *node_dir, aic_error *err);
/* Whether any step runs; removes what is left of others. */
bool aic_steps_running(const char *node_dir);
/* AIC_CORRUPT where the file is no announcement. */
aic_code aic_step_read(aic_step *step, const char *path, aic_error *err);
aic_code aic_step_path(char *buf, size_t size, const char *node_dir, const aic_step *step, const char *suffix, aic_error *err);

/* The parent of a process and when it started; false where it is gone. */
bool aic_process_read(pid_t pid, pid_t *parent, uint64_t *started);
bool aic_step_alive(const aic_step *step);

#endif
