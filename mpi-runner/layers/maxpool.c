/* maxpool.c: the largest of each WIDTH x WIDTH square; of equal ones the first by row and column. What does not fill a square at
 * the right and lower edge is left out. */
#include <string.h>

#include "mpi-runner/layers/layers.h"

static aic_code setup(aic_layer *l, aic_error *err)
{
	if (l->in.rank != 3)
		return aic_yaml_fail(l->spec->where, err, "layers: maxpool needs an image; it comes after input: image[...] and other layers on images");
	size_t most = l->in.dim[1] < l->in.dim[2] ? l->in.dim[1] : l->in.dim[2];
	if (aic_layer_number(l->spec, 0, "the width", 1, most, &l->number[0], err) != AIC_OK)
		return AIC_USAGE;
	l->out = (aic_shape){l->in.positions, 3, {l->in.dim[0], l->in.dim[1] / l->number[0], l->in.dim[2] / l->number[0]}};
	l->cache = aic_shape_size(&l->out);
	return AIC_OK;
}

typedef struct {
	const aic_layer *l;
	const float *x, *dy;
	float *y, *dx;
	uint32_t *winner; /* index within the plane, for each output */
} work;

static void forward_share(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const work *w = ctx;
	size_t k = w->l->number[0], width = w->l->in.dim[2], plane = w->l->in.dim[1] * width, oh = w->l->out.dim[1], ow = w->l->out.dim[2];

	(void)thread;
	for (size_t c = begin; c < end; c++) {
		const float *x = w->x + c * plane;
		for (size_t o = 0; o < oh * ow; o++) {
			size_t corner = o / ow * k * width + o % ow * k, best = corner;
			for (size_t row = corner; row < corner + k * width; row += width)
				for (size_t at = row; at < row + k; at++)
					best = x[at] > x[best] ? at : best;
			w->winner[c * oh * ow + o] = (uint32_t)best;
			w->y[c * oh * ow + o] = x[best];
		}
	}
}

static work work_of(const aic_layer *l, aic_pass *p)
{
	return (work){.l = l, .winner = (uint32_t *)p->cache[l->index]};
}

static size_t planes(const aic_layer *l, const aic_pass *p)
{
	return p->samples * l->in.dim[0];
}

static void forward(const aic_layer *l, aic_pass *p, const float *x, float *y)
{
	work w = work_of(l, p);
	w.x = x;
	w.y = y;
	aic_threads_run(p->cpu->threads, planes(l, p), 8, forward_share, &w);
}

static void backward_share(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const work *w = ctx;
	size_t plane = w->l->in.dim[1] * w->l->in.dim[2], out = w->l->out.dim[1] * w->l->out.dim[2];

	(void)thread;
	memset(w->dx + begin * plane, 0, (end - begin) * plane * sizeof(float));
	for (size_t c = begin; c < end; c++)
		for (size_t o = 0; o < out; o++)
			w->dx[c * plane + w->winner[c * out + o]] = w->dy[c * out + o];
}

static void backward(const aic_layer *l, aic_pass *p, const float *x, const float *y, const float *dy, float *dx)
{
	work w = work_of(l, p);

	(void)x;
	(void)y;
	w.dy = dy;
	w.dx = dx;
	if (dx)
		aic_threads_run(p->cpu->threads, planes(l, p), 8, backward_share, &w);
}

const aic_layer_kind aic_layer_maxpool = {"maxpool", "maxpool WIDTH", 1, 1, setup, forward, backward};
