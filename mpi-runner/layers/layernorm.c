/* layernorm.c: each position's values with mean 0 and variance 1, then scaled and shifted (Ba, Kiros, Hinton 2016). */
#include "mpi-runner/layers/layers.h"

static aic_code setup(aic_layer *l, aic_error *err)
{
	size_t n = aic_shape_features(&l->in);

	(void)err;
	aic_layer_parameter(l, "weight", AIC_INIT_ONE, 0, 1, &n);
	aic_layer_parameter(l, "bias", AIC_INIT_ZERO, 0, 1, &n);
	l->cache = 2 * l->in.positions;
	return AIC_OK;
}

typedef struct {
	const aic_layer *l;
	aic_pass *p;
	const float *x, *dy;
	float *out;
} work;

static void forward_share(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const work *w = ctx;
	size_t n = aic_shape_features(&w->l->in);
	const float *gamma = w->p->weights + w->l->parameter[0].at, *beta = w->p->weights + w->l->parameter[1].at;

	(void)thread;
	for (size_t r = begin; r < end; r++)
		w->p->cpu->k->layernorm(n, w->x + r * n, gamma, beta, w->out + r * n, w->p->cache[w->l->index] + 2 * r);
}

static void forward(const aic_layer *l, aic_pass *p, const float *x, float *y)
{
	work w = {l, p, x, NULL, y};
	aic_threads_run(p->cpu->threads, p->samples * l->in.positions, 16, forward_share, &w);
}

static void dx_share(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const work *w = ctx;
	size_t n = aic_shape_features(&w->l->in);
	const float *gamma = w->p->weights + w->l->parameter[0].at;

	(void)thread;
	for (size_t r = begin; r < end; r++)
		w->p->cpu->k->layernorm_back(n, w->x + r * n, gamma, w->p->cache[w->l->index] + 2 * r, w->dy + r * n, w->out + r * n);
}

static void sums_share(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const work *w = ctx;

	(void)thread;
	w->p->cpu->k->layernorm_sums(w->p->samples * w->l->in.positions, aic_shape_features(&w->l->in), begin, end, w->x,
	                             w->p->cache[w->l->index], w->dy, w->p->grads + w->l->parameter[0].at,
	                             w->p->grads + w->l->parameter[1].at);
}

static void backward(const aic_layer *l, aic_pass *p, const float *x, const float *y, const float *dy, float *dx)
{
	work w = {l, p, x, dy, dx};

	(void)y;
	aic_threads_run(p->cpu->threads, aic_shape_features(&l->in), 64, sums_share, &w);
	if (dx)
		aic_threads_run(p->cpu->threads, p->samples * l->in.positions, 16, dx_share, &w);
}

const aic_layer_kind aic_layer_layernorm = {"layernorm", "layernorm", 0, 0, setup, forward, backward};
