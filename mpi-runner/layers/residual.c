/* residual.c: the brackets of a residual block: what goes in is added to what comes out. */
#include <string.h>

#include "mpi-runner/layers/layers.h"

static void copy(const aic_layer *l, const aic_pass *p, const float *from, float *to)
{
	memcpy(to, from, p->samples * aic_shape_size(&l->in) * sizeof(float));
}

static void open_forward(const aic_layer *l, aic_pass *p, const float *x, float *y)
{
	copy(l, p, x, y);
}

static void close_forward(const aic_layer *l, aic_pass *p, const float *x, float *y)
{
	copy(l, p, x, y);
	p->cpu->k->add(aic_layer_elements(l, p), p->value[l->partner], y);
}

static void close_backward(const aic_layer *l, aic_pass *p, const float *x, const float *y, const float *dy, float *dx)
{
	(void)x;
	(void)y;
	copy(l, p, dy, p->skip[l->partner]);
	copy(l, p, dy, dx);
}

static void open_backward(const aic_layer *l, aic_pass *p, const float *x, const float *y, const float *dy, float *dx)
{
	(void)x;
	(void)y;
	if (!dx)
		return;
	copy(l, p, dy, dx);
	p->cpu->k->add(aic_layer_elements(l, p), p->skip[l->index], dx);
}

const aic_layer_kind aic_layer_residual_open = {"residual(", "{residual: [...]}", 0, 0, NULL, open_forward, open_backward};
const aic_layer_kind aic_layer_residual_close = {")residual", "{residual: [...]}", 0, 0, NULL, close_forward, close_backward};
