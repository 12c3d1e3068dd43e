/* progress.h: how far a training is, for people: one line that is rewritten on a terminal, a plain line every few
 * seconds elsewhere. */
#ifndef AIC_PROGRESS_H
#define AIC_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

typedef struct {
	FILE *out;
	bool terminal, shown;
	uint64_t first_step, steps, batch;
	int64_t began_ms, last_ms;
} aic_progress;

/* Steps first_step..steps-1 are to come, of batch samples each. */
void aic_progress_begin(aic_progress *p, FILE *out, uint64_t first_step, uint64_t steps, uint64_t batch);
/* After a step; prints where it is time to. epoch counts from 1. */
void aic_progress_step(aic_progress *p, uint64_t done, uint64_t epoch, double loss);
/* Ends the rewritten line, so that something else can be printed. */
void aic_progress_break(aic_progress *p);
/* Samples a second since the begin; 0 before the first step. */
double aic_progress_rate(const aic_progress *p, uint64_t done);

#endif
