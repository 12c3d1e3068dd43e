/* layers.h: the kinds of layers, each in a file of its own with its forward and backward. */
#ifndef AIC_LAYERS_H
#define AIC_LAYERS_H

#include "mpi-runner/model.h"

extern const aic_layer_kind aic_layer_linear, aic_layer_relu, aic_layer_residual_open, aic_layer_residual_close;

/* y = f(x) elementwise over all samples of the pass, shared among the threads. */
static inline size_t aic_layer_elements(const aic_layer *l, const aic_pass *p)
{
	return p->samples * aic_shape_size(&l->out);
}

#endif
