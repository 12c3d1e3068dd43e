/* linear.c: y = x W' + b for each position; W is outputs x inputs. A sample that is no sequence is one row of all its values. */
#include <math.h>

#include "mpi-runner/layers/layers.h"

enum { OUTPUTS_MAX = 1 << 20 };

static aic_code setup(aic_layer *l, aic_error *err)
{
	size_t inputs = aic_shape_features(&l->in);

	if (aic_layer_number(l->spec, 0, "the number of outputs", 1, OUTPUTS_MAX, &l->number[0], err) != AIC_OK)
		return AIC_USAGE;
	size_t outputs = l->number[0];
	l->out = (aic_shape){l->in.positions, 1, {outputs}};
	float width = sqrtf(3.0f / (float)inputs); /* keeps the variance */
	aic_layer_parameter(l, "weight", AIC_INIT_UNIFORM, width, 2, (size_t[]){outputs, inputs});
	aic_layer_parameter(l, "bias", AIC_INIT_ZERO, 0, 1, &outputs);
	return AIC_OK;
}

static void forward(const aic_layer *l, aic_pass *p, const float *x, float *y)
{
	size_t rows = p->samples * l->in.positions, in = aic_shape_features(&l->in), out = l->number[0];

	p->cpu->k->fill_rows(rows, out, p->weights + l->parameter[1].at, y);
	aic_gemm(p->cpu, rows, out, in, (aic_matrix){x, in, 1}, (aic_matrix){p->weights + l->parameter[0].at, 1, in}, y, out, true);
}

static void backward(const aic_layer *l, aic_pass *p, const float *x, const float *y, const float *dy, float *dx)
{
	size_t rows = p->samples * l->in.positions, in = aic_shape_features(&l->in), out = l->number[0];

	(void)y;
	aic_gemm(p->cpu, out, in, rows, (aic_matrix){dy, 1, out}, (aic_matrix){x, in, 1}, p->grads + l->parameter[0].at, in, true);
	aic_column_sums(p->cpu, rows, out, dy, p->grads + l->parameter[1].at);
	if (dx)
		aic_gemm(p->cpu, rows, in, out, (aic_matrix){dy, out, 1}, (aic_matrix){p->weights + l->parameter[0].at, in, 1}, dx, in, false);
}

const aic_layer_kind aic_layer_linear = {"linear", "linear OUTPUTS", 1, 1, setup, forward, backward};
