#include "tests/bench/gpt_trainer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

uint32_t gpt_text[GPT_BATCH_MAX * (GPT_POSITIONS + 1)];

void gpt_text_fill(size_t tokens)
{
	for (size_t i = 0; i < sizeof(gpt_text) / sizeof(gpt_text[0]); i++)
		gpt_text[i] = (uint32_t)(i * 2654435761u >> 7) % (uint32_t)tokens;
}

/* Sample i of the batch is i, whatever is asked for. */
static void fetch(const aic_data *d, aic_part part, const uint32_t *index, size_t n, float *x, uint32_t *classes, float *values)
{
	(void)d;
	(void)part;
	(void)values;
	for (size_t s = 0; s < n; s++) {
		const uint32_t *text = gpt_text + index[s] * (GPT_POSITIONS + 1);
		for (size_t t = 0; t < GPT_POSITIONS; t++) {
			x[s * GPT_POSITIONS + t] = (float)text[t];
			classes[s * GPT_POSITIONS + t] = text[t + 1];
		}
	}
}

aic_code gpt_trainer_open(gpt_trainer *t, const gpt_shape *s, aic_collective *c, aic_error *err)
{
	char spec[512];

	*t = (gpt_trainer){0};
	snprintf(spec, sizeof(spec), "model: {input: 'text[%d]', output: 'class[%zu]', preset: gpt, depth: %zu, width: %zu, heads: %zu}\n"
	         "data: {asset: none, format: text}\ntrain: {batch: %zu, steps: 1000}\nprove: {shards: %zu}\n", GPT_POSITIONS, s->tokens, s->depth,
	         s->width, s->heads, s->batch, s->shards);
	if (aic_spec_parse(&t->spec, "bench", spec, strlen(spec), err) != AIC_OK || aic_model_build(&t->model, t->spec, err) != AIC_OK ||
	    aic_cpu_open(&t->cpu, NULL, s->threads, err) != AIC_OK)
		return err->code;
	t->kind.fetch = fetch;
	t->data = (aic_data){.kind = &t->kind, .spec = t->spec, .count = {s->batch, s->batch}};
	aic_stepper_init(&t->stepper, t->spec, t->model, t->cpu, &t->data, c);
	aic_optimizer_init(&t->optimizer, t->spec, t->model->parameters, 1000);
	t->weights = aic_xmalloc(t->model->parameters * sizeof(float));
	aic_model_init(t->model, 1, t->weights);
	return AIC_OK;
}

void gpt_trainer_close(gpt_trainer *t)
{
	free(t->weights);
	aic_optimizer_free(&t->optimizer);
	aic_stepper_free(&t->stepper);
	aic_cpu_close(t->cpu);
	aic_model_free(t->model);
	aic_spec_free(t->spec);
}

float gpt_trainer_step(gpt_trainer *t)
{
	aic_step_result r;
	aic_error err;

	if (aic_stepper_gradient(&t->stepper, t->step, t->weights, false, &r, &err) != AIC_OK)
		exit(aic_error_report("bench", &err));
	aic_optimizer_step(&t->optimizer, t->cpu, t->step++, r.norm, r.gradient, t->weights);
	return r.loss;
}
