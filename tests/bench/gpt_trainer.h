/* gpt_trainer.h: a GPT trained D0 on one made-up batch, the same again and again: what gpt_bench and scaling_bench time. */
#ifndef AIC_GPT_TRAINER_H
#define AIC_GPT_TRAINER_H

#include "mpi-runner/optimizer.h"
#include "mpi-runner/step.h"

enum { GPT_POSITIONS = 64, GPT_BATCH_MAX = 16 };

typedef struct {
	size_t depth, width, heads, tokens, batch, shards;
	unsigned threads;
} gpt_shape;

typedef struct {
	aic_spec *spec;
	aic_model *model;
	aic_cpu *cpu;
	aic_data_kind kind;
	aic_data data;
	aic_stepper stepper;
	aic_optimizer optimizer;
	float *weights;
	uint64_t step;
} gpt_trainer;

/* Token t of sample s is text[s * (GPT_POSITIONS + 1) + t]; the target of a token is the next one. */
extern uint32_t gpt_text[GPT_BATCH_MAX * (GPT_POSITIONS + 1)];
void gpt_text_fill(size_t tokens);

aic_code gpt_trainer_open(gpt_trainer *t, const gpt_shape *s, aic_collective *c, aic_error *err);
void gpt_trainer_close(gpt_trainer *t);
/* Returns the loss before the step; ends the program if it fails. */
float gpt_trainer_step(gpt_trainer *t);

#endif
