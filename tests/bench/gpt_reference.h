/* gpt_reference.h: a GPT trained by plain loops, as a yardstick: written like the C reference of llm.c (train_gpt2.c): layers one
 * after the other, matrix products as three loops with OpenMP over the outer ones, fp32, AdamW. */
#ifndef AIC_GPT_REFERENCE_H
#define AIC_GPT_REFERENCE_H

#include <stddef.h>
#include <stdint.h>

typedef struct gpt_reference gpt_reference;

gpt_reference *gpt_reference_new(size_t depth, size_t width, size_t heads, size_t tokens, size_t positions, size_t batch);
void gpt_reference_free(gpt_reference *g);
/* One step on batch x positions tokens; returns the mean loss before it. */
float gpt_reference_step(gpt_reference *g, const uint32_t *in, const uint32_t *target);

#endif
