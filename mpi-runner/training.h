/* training.h: what train.c and train_say.c know of a training that runs. */
#ifndef AIC_TRAINING_H
#define AIC_TRAINING_H

#include <limits.h>

#include "common/bytes.h"
#include "mpi-runner/gpu.h"
#include "mpi-runner/metrics.h"
#include "mpi-runner/optimizer.h"
#include "mpi-runner/progress.h"
#include "mpi-runner/saver.h"
#include "mpi-runner/step.h"
#include "mpi-runner/tensorboard.h"
#include "mpi-runner/train.h"

typedef struct {
	aic_collective *c;
	const aic_train_options *options;
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
	aic_segment segment;  /* rank 0 */
	aic_metrics *metrics; /* rank 0 */
	aic_tensorboard *board;
	aic_progress progress;
} aic_training;

/* What rank 0 tells: on the terminal, in metrics.jsonl and to TensorBoard. The others are silent. */
void aic_say_start(const aic_training *t);
void aic_say_step(aic_training *t, const aic_step_result *r);
void aic_say_test(aic_training *t, const aic_test_result *r);
void aic_say_saved(aic_training *t); /* a checkpoint, where one was completed */
void aic_say_end(aic_training *t, bool stopped);

#endif
