/* layers.h: the kinds of layers, each in a file of its own with its forward and backward. */
#ifndef AIC_LAYERS_H
#define AIC_LAYERS_H

#include <math.h>

#include "mpi-runner/model.h"

extern const aic_layer_kind aic_layer_attention, aic_layer_conv2d, aic_layer_dropout, aic_layer_embedding, aic_layer_gelu,
	aic_layer_layernorm, aic_layer_linear, aic_layer_maxpool, aic_layer_relu, aic_layer_residual_close, aic_layer_residual_open;

/* Places in aic_layer's number[] of what is not on show in its shapes. */
enum { AIC_CONV2D_CHANNELS, AIC_CONV2D_KERNEL, AIC_CONV2D_STRIDE, AIC_CONV2D_PAD };

/* A random word below this drops the value; the others are multiplied by keep. */
static inline uint32_t aic_dropout_threshold(const aic_layer *l)
{
	return (uint32_t)((double)l->real * 4294967296.0);
}

static inline float aic_dropout_keep(const aic_layer *l)
{
	return 1.0f / (1.0f - l->real);
}

/* d: the width of a head */
static inline float aic_attention_scale(size_t d)
{
	return 1.0f / sqrtf((float)d);
}

/* sum[c] continues a chain over the rows of x; threads take columns. */
void aic_column_sums(const aic_cpu *cpu, size_t rows, size_t cols, const float *x, float *sum);

/* Values that the layer gives for all samples of the pass. */
static inline size_t aic_layer_elements(const aic_layer *l, const aic_pass *p)
{
	return p->samples * aic_shape_size(&l->out);
}

#endif
