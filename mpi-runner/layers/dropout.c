/* dropout.c: in training, each value is 0 with probability P, else divided by 1 - P. Which ones depends on (seed, step, layer,
 * sample in the batch, element) alone. */
#include <stdlib.h>

#include "mpi-runner/layers/layers.h"
#include "mpi-runner/philox.h"

static aic_code setup(aic_layer *l, aic_error *err)
{
	char *end;
	double p = strtod(l->spec->arg[0], &end);

	if (*end || end == l->spec->arg[0] || !(p >= 0.0 && p < 1.0))
		return aic_yaml_fail(l->spec->where, err, "layers: dropout: \"%s\" is no probability; give 0 or more, less than 1", l->spec->arg[0]);
	l->real = (float)p;
	l->cache = aic_shape_size(&l->out);
	return AIC_OK;
}

typedef struct {
	const aic_layer *l;
	const aic_pass *p;
	const float *x;
	float *y, *mask;
} work;

static void forward_share(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const work *w = ctx;
	size_t n = aic_shape_size(&w->l->out), blocks = (n + 3) / 4;
	uint32_t threshold = aic_dropout_threshold(w->l);
	float keep = aic_dropout_keep(w->l);

	(void)thread;
	for (size_t s = begin; s < end; s++) {
		for (size_t i = 0; i < n; i += 4) {
			aic_philox_block r = aic_random_block(w->p->seed, AIC_RANDOM_DROPOUT, w->p->step, (uint16_t)w->l->index,
			                                      (w->p->first_sample + s) * blocks + i / 4);
			for (size_t j = 0; j < 4 && i + j < n; j++)
				w->mask[s * n + i + j] = r.v[j] < threshold ? 0.0f : keep;
		}
		w->p->cpu->k->multiply(n, w->x + s * n, w->mask + s * n, w->y + s * n);
	}
}

static void forward(const aic_layer *l, aic_pass *p, const float *x, float *y)
{
	work w = {l, p, x, y, p->cache[l->index]};
	size_t n = aic_layer_elements(l, p);

	if (p->training) {
		aic_threads_run(p->cpu->threads, p->samples, 1, forward_share, &w);
		return;
	}
	for (size_t i = 0; i < n; i++)
		y[i] = x[i];
}

static void backward(const aic_layer *l, aic_pass *p, const float *x, const float *y, const float *dy, float *dx)
{
	(void)x;
	(void)y;
	if (dx)
		p->cpu->k->multiply(aic_layer_elements(l, p), dy, p->cache[l->index], dx);
}

const aic_layer_kind aic_layer_dropout = {"dropout", "dropout PROBABILITY", 1, 1, setup, forward, backward};
