/* embedding.c: for each position of a text, a learned vector for its token plus one for the position. */
#include "mpi-runner/layers/layers.h"

enum { TOKENS, WIDTH };
enum { TOKENS_MAX = 1 << 20, WIDTH_MAX = 1 << 16 };

static aic_code setup(aic_layer *l, aic_error *err)
{
	if (l->index != 0 || l->in.rank != 1 || l->in.dim[0] != 1)
		return aic_yaml_fail(l->spec->where, err, "layers: embedding is the first layer of a model with input: text[POSITIONS]");
	if (aic_layer_number(l->spec, TOKENS, "the number of tokens", 2, TOKENS_MAX, &l->number[TOKENS], err) != AIC_OK ||
	    aic_layer_number(l->spec, WIDTH, "the width", 1, WIDTH_MAX, &l->number[WIDTH], err) != AIC_OK)
		return AIC_USAGE;
	l->out = (aic_shape){l->in.positions, 1, {l->number[WIDTH]}};
	aic_layer_parameter(l, "token", AIC_INIT_NORMAL, 0.02f, 2, (size_t[]){l->number[TOKENS], l->number[WIDTH]});
	aic_layer_parameter(l, "position", AIC_INIT_NORMAL, 0.02f, 2, (size_t[]){l->in.positions, l->number[WIDTH]});
	return AIC_OK;
}

/* Tokens come as whole numbers in floats; the data sees to it that they are below TOKENS. */
static size_t token(const aic_layer *l, float x)
{
	size_t t = (size_t)x;
	return t < l->number[TOKENS] ? t : l->number[TOKENS] - 1;
}

static void forward(const aic_layer *l, aic_pass *p, const float *x, float *y)
{
	const float *tokens = p->weights + l->parameter[0].at, *positions = p->weights + l->parameter[1].at;
	size_t width = l->number[WIDTH];

	for (size_t r = 0; r < p->samples * l->in.positions; r++) {
		const float *t = tokens + token(l, x[r]) * width, *at = positions + r % l->in.positions * width;
		for (size_t i = 0; i < width; i++)
			y[r * width + i] = t[i] + at[i];
	}
}

typedef struct {
	const aic_layer *l;
	aic_pass *p;
	const float *x, *dy;
} work;

/* Chains in (sample, position) order; threads take columns. */
static void backward_share(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const work *w = ctx;
	size_t width = w->l->number[WIDTH];
	float *tokens = w->p->grads + w->l->parameter[0].at, *positions = w->p->grads + w->l->parameter[1].at;

	(void)thread;
	for (size_t r = 0; r < w->p->samples * w->l->in.positions; r++) {
		const float *dy = w->dy + r * width + begin;
		w->p->cpu->k->add(end - begin, dy, tokens + token(w->l, w->x[r]) * width + begin);
		w->p->cpu->k->add(end - begin, dy, positions + r % w->l->in.positions * width + begin);
	}
}

static void backward(const aic_layer *l, aic_pass *p, const float *x, const float *y, const float *dy, float *dx)
{
	work w = {l, p, x, dy};

	(void)y;
	(void)dx;
	aic_threads_run(p->cpu->threads, l->number[WIDTH], 64, backward_share, &w);
}

const aic_layer_kind aic_layer_embedding = {"embedding", "embedding TOKENS WIDTH", 2, 2, setup, forward, backward};
