/* step.h: one step of training, and the test: samples of this rank's shards through the model, summed over all ranks. */
#ifndef AIC_STEP_H
#define AIC_STEP_H

#include <stdbool.h>

#include "mpi-runner/data.h"
#include "mpi-runner/fold.h"
#include "mpi-runner/model.h"

typedef struct {
	const aic_spec *spec;
	const aic_model *model;
	const aic_cpu *cpu;
	const aic_data *data;
	aic_collective *collective;
	aic_pass *pass;
	aic_fold gradient, score;
	uint32_t *order;      /* of the samples in epoch order_epoch */
	uint64_t order_epoch; /* UINT64_MAX: none yet */
	uint64_t *live_correct; /* the GPU's counter of right answers */
} aic_stepper;

typedef struct {
	float loss;       /* mean over the batch */
	float accuracy;   /* of the batch, 0..1; 0 for values */
	float norm;       /* of the gradient, before clipping */
	bool stop;        /* some rank was asked to stop */
	float *gradient;  /* borrowed until the next step */
} aic_step_result;

typedef struct {
	float loss, accuracy;
} aic_test_result;

void aic_stepper_init(aic_stepper *s, const aic_spec *spec, const aic_model *m, const aic_cpu *cpu, const aic_data *d, aic_collective *c);
void aic_stepper_free(aic_stepper *s);
uint64_t aic_stepper_steps_per_epoch(const aic_stepper *s);
/* want_stop: this rank was asked to stop; all ranks learn it with this step's result. */
aic_code aic_stepper_gradient(aic_stepper *s, uint64_t step, const float *weights, bool want_stop, aic_step_result *r, aic_error *err);
aic_code aic_stepper_test(aic_stepper *s, const float *weights, aic_test_result *r, aic_error *err);

#endif
