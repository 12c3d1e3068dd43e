/* want.h: how a step on a node gets its data set: files in NODE_DIR/datasets that spank_aic and aicnoded exchange
 * (doc/formats/node-dir.md). Either may be killed at any time.
 *
 *     JOB.RESTART.STEP.want        spank_aic: this step wants that data set; removed when the step ends
 *     JOB.RESTART.STEP.stage       aicnoded: how far it is, once a second while it works
 *     warm-N.want, warm-N.stage    the same for `aic dataset warm`, which no step waits for */
#ifndef AIC_DATASET_WANT_H
#define AIC_DATASET_WANT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/error.h"
#include "common/record.h"

#define AIC_WANTS_DIR "datasets"
#define AIC_WANT_SUFFIX ".want"
#define AIC_STAGE_SUFFIX ".stage"
#define AIC_STAGE_TEXT 512

typedef struct {
	uint32_t job_id, restart, step_id;
	uid_t uid;
	pid_t stepd;             /* 0: no step, `aic dataset warm` */
	uint64_t stepd_started;  /* as in node/steps.h */
	char dataset[AIC_NAME_LEN];
} aic_want;

typedef enum { AIC_STAGE_WAITING, AIC_STAGE_COPYING, AIC_STAGE_READY, AIC_STAGE_ABSENT, AIC_STAGE_FAILED } aic_stage_state;
extern const char *const aic_stage_names[]; /* "waiting" ... */

typedef struct {
	aic_stage_state state;
	uint64_t done, bytes;
	char text[AIC_STAGE_TEXT]; /* ready: the folder of the files; otherwise why */
} aic_stage_report;

/* "NODE_DIR/datasets/JOB.RESTART.STEP.SUFFIX" */
aic_code aic_want_path(char *buf, size_t size, const char *node_dir, const aic_want *w, const char *suffix, aic_error *err);
/* AIC_NOT_FOUND where no aicnoded stages data sets on this node. */
aic_code aic_want_write(const char *node_dir, const aic_want *w, aic_error *err);
aic_code aic_want_read(aic_want *w, const char *path, aic_error *err);
aic_code aic_stage_write(const char *path, const aic_stage_report *r, aic_error *err);
/* AIC_NOT_FOUND where there is none yet. */
aic_code aic_stage_read(aic_stage_report *r, const char *path, aic_error *err);

/* What the files hold. */
bool aic_want_parse(aic_want *w, const char *text);
bool aic_stage_parse(aic_stage_report *r, const char *text);

#endif
