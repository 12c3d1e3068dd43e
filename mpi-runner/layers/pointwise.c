/* pointwise.c: layers that work on each value alone. */
#include "mpi-runner/layers/layers.h"

enum { GRAIN = 1 << 14 };

typedef struct {
	const aic_kernels *k;
	const float *x, *dy;
	float *out;
} work;

static void relu_share(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const work *w = ctx;
	(void)thread;
	w->k->relu(end - begin, w->x + begin, w->out + begin);
}

static void relu_forward(const aic_layer *l, aic_pass *p, const float *x, float *y)
{
	work w = {p->cpu->k, x, NULL, y};
	aic_threads_run(p->cpu->threads, aic_layer_elements(l, p), GRAIN, relu_share, &w);
}

static void relu_back_share(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const work *w = ctx;
	(void)thread;
	w->k->relu_back(end - begin, w->x + begin, w->dy + begin, w->out + begin);
}

static void relu_backward(const aic_layer *l, aic_pass *p, const float *x, const float *y, const float *dy, float *dx)
{
	work w = {p->cpu->k, x, dy, dx};
	(void)y;
	if (dx)
		aic_threads_run(p->cpu->threads, aic_layer_elements(l, p), GRAIN, relu_back_share, &w);
}

const aic_layer_kind aic_layer_relu = {"relu", "relu", 0, 0, NULL, relu_forward, relu_backward};
