/* training.h: a training that runs, or a part of one that is run again to verify it. */
#ifndef AIC_TRAINING_H
#define AIC_TRAINING_H

#include <limits.h>

#include "common/bytes.h"
#include "mpi-runner/gpu.h"
#include "mpi-runner/metrics.h"
#include "mpi-runner/optimizer.h"
#include "mpi-runner/progress.h"
#include "mpi-runner/saver.h"
#include "mpi-runner/session.h"
#include "mpi-runner/step.h"
#include "mpi-runner/tensorboard.h"
#include "mpi-runner/train.h"

enum { AIC_SPEC_MAX = 1 << 20 }; /* bytes of a specification */

typedef struct {
	aic_collective *c;
	const aic_train_options *options; /* aic-train */
	const char *spec_path, *spec_name; /* the specification's text, and the name whose folder its paths are relative to */
	aic_bytes spec_text;
	aic_spec *spec;
	aic_model *model;
	aic_data *data;
	aic_cpu *cpu;
	aic_stepper stepper;
	aic_optimizer optimizer;
	aic_hash identity;
	float *weights;
	aic_gpu *gpu;
	float *live; /* the weights that steps work on: in the GPU's memory, or weights itself */
	uint64_t step, steps; /* done, in all */
	char folder[PATH_MAX];
	aic_saver *saver;
	aic_session *session; /* rank 0; NULL: none */
	aic_segment segment;  /* rank 0 */
	aic_metrics *metrics; /* rank 0 */
	aic_tensorboard *board;
	aic_progress progress;
} aic_training;

/* All ranks call these, in the same order; failures are the same on all of them.
 *
 * Specification, model, data and devices; c, spec_path and spec_name are given, all else is zero. */
aic_code aic_training_open(aic_training *t, aic_error *err);
/* Steps in all, once it is open. */
uint64_t aic_training_steps(const aic_training *t);
/* Step 0: initial weights and identity by spec->seed, which may have been changed since aic_training_open. Once. */
aic_code aic_training_begin(aic_training *t, aic_error *err);
/* Rank 0's step, weights and moments become everybody's. */
aic_code aic_training_share(aic_training *t, aic_error *err);
/* To where steps work on them, and back to be saved or hashed. */
aic_code aic_training_send(aic_training *t, aic_error *err);
aic_code aic_training_fetch(aic_training *t, aic_error *err);
aic_code aic_training_step(aic_training *t, bool want_stop, aic_step_result *r, aic_error *err);
void aic_training_close(aic_training *t); /* all but saver, metrics and board */

/* This rank's state as a checkpoint that borrows its vectors and segment; and from one whose sections are the training's vectors: its
 * segment becomes the training's. */
void aic_training_describe(const aic_training *t, aic_checkpoint *c);
void aic_training_take(aic_training *t, const aic_checkpoint *c);

/* What rank 0 tells: on the terminal, in metrics.jsonl and to TensorBoard. The others are silent. */
void aic_say_start(const aic_training *t);
void aic_say_step(aic_training *t, const aic_step_result *r);
void aic_say_test(aic_training *t, const aic_test_result *r);
void aic_say_saved(aic_training *t); /* a checkpoint, where one was completed */
void aic_say_end(aic_training *t, bool stopped);

#endif
