/* layers.h: the kinds of layers, each in a file of its own with its forward and backward. */
#ifndef AIC_LAYERS_H
#define AIC_LAYERS_H

#include "mpi-runner/model.h"

extern const aic_layer_kind aic_layer_attention, aic_layer_conv2d, aic_layer_dropout, aic_layer_embedding, aic_layer_gelu,
	aic_layer_layernorm, aic_layer_linear, aic_layer_maxpool, aic_layer_relu, aic_layer_residual_close, aic_layer_residual_open;

/* sum[c] continues a chain over the rows of x; threads take columns. */
void aic_column_sums(const aic_cpu *cpu, size_t rows, size_t cols, const float *x, float *sum);

/* Values that the layer gives for all samples of the pass. */
static inline size_t aic_layer_elements(const aic_layer *l, const aic_pass *p)
{
	return p->samples * aic_shape_size(&l->out);
}

#endif
