/* pointwise.c: layers that work on each value alone: relu, gelu. */
#include "mpi-runner/layers/layers.h"

enum { GRAIN = 1 << 13 };

typedef struct {
	void (*forward)(size_t n, const float *x, float *y);
	void (*backward)(size_t n, const float *x, const float *dy, float *dx);
	const float *x, *dy;
	float *out;
} work;

static void share(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const work *w = ctx;

	(void)thread;
	if (w->dy)
		w->backward(end - begin, w->x + begin, w->dy + begin, w->out + begin);
	else
		w->forward(end - begin, w->x + begin, w->out + begin);
}

static void run(const aic_layer *l, const aic_pass *p, work w)
{
	if (w.out)
		aic_threads_run(p->cpu->threads, aic_layer_elements(l, p), GRAIN, share, &w);
}

static void relu_forward(const aic_layer *l, aic_pass *p, const float *x, float *y)
{
	run(l, p, (work){.forward = p->cpu->k->relu, .x = x, .out = y});
}

static void relu_backward(const aic_layer *l, aic_pass *p, const float *x, const float *y, const float *dy, float *dx)
{
	(void)y;
	run(l, p, (work){.backward = p->cpu->k->relu_back, .x = x, .dy = dy, .out = dx});
}

static void gelu_forward(const aic_layer *l, aic_pass *p, const float *x, float *y)
{
	run(l, p, (work){.forward = p->cpu->k->gelu, .x = x, .out = y});
}

static void gelu_backward(const aic_layer *l, aic_pass *p, const float *x, const float *y, const float *dy, float *dx)
{
	(void)y;
	run(l, p, (work){.backward = p->cpu->k->gelu_back, .x = x, .dy = dy, .out = dx});
}

const aic_layer_kind aic_layer_relu = {"relu", "relu", 0, 0, NULL, relu_forward, relu_backward};
const aic_layer_kind aic_layer_gelu = {"gelu", "gelu", 0, 0, NULL, gelu_forward, gelu_backward};
