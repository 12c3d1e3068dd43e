/* attention.c: causal self-attention (Vaswani et al. 2017) with HEADS heads, its projections included: in the parameters
 * [query; key; value] x width and the output's width x width.
 *
 * Per sample and head: scores = q k' / sqrt(d), each row a softmax over the positions up to its own, output = scores v. All products
 * are chains over head width, or over positions in order; a masked score is 0 and leaves a chain as it is. */
#include <math.h>
#include <string.h>

#include "mpi-runner/layers/layers.h"

enum { HEADS };
enum { QKV_WEIGHT, QKV_BIAS, OUT_WEIGHT, OUT_BIAS };

static aic_code setup(aic_layer *l, aic_error *err)
{
	size_t width = aic_shape_features(&l->in), t = l->in.positions;

	if (l->in.rank != 1 || t < 2)
		return aic_yaml_fail(l->spec->where, err, "layers: attention works on a sequence of vectors: it comes after embedding");
	if (aic_layer_number(l->spec, HEADS, "the number of heads", 1, width, &l->number[HEADS], err) != AIC_OK)
		return AIC_USAGE;
	if (width % l->number[HEADS] != 0)
		return aic_yaml_fail(l->spec->where, err, "layers: attention: %zu heads do not share a width of %zu evenly", l->number[HEADS], width);
	float half_width = sqrtf(3.0f / (float)width);
	aic_layer_parameter(l, "qkv_weight", AIC_INIT_UNIFORM, half_width, 2, (size_t[]){3 * width, width});
	aic_layer_parameter(l, "qkv_bias", AIC_INIT_ZERO, 0, 1, (size_t[]){3 * width});
	aic_layer_parameter(l, "out_weight", AIC_INIT_UNIFORM, half_width, 2, (size_t[]){width, width});
	aic_layer_parameter(l, "out_bias", AIC_INIT_ZERO, 0, 1, &width);
	l->cache = t * 4 * width + l->number[HEADS] * t * t;     /* qkv, heads' output, softmax */
	l->room = t * 4 * width + 2 * l->number[HEADS] * t * t;  /* their gradients */
	return AIC_OK;
}

typedef struct {
	const aic_layer *l;
	aic_pass *p;
	size_t positions, width, heads, d;
	float scale;
	float *qkv, *mixed, *soft;                /* kept: samples x ... */
	float *dqkv, *dmixed, *dsoft, *dscore;    /* scratch */
} work;

static work work_of(const aic_layer *l, aic_pass *p)
{
	work w = {.l = l, .p = p, .positions = l->in.positions, .width = aic_shape_features(&l->in), .heads = l->number[HEADS]};
	size_t rows = p->samples * w.positions, square = p->samples * w.heads * w.positions * w.positions;

	w.d = w.width / w.heads;
	w.scale = aic_attention_scale(w.d);
	w.qkv = p->cache[l->index];
	w.mixed = w.qkv + rows * 3 * w.width;
	w.soft = w.mixed + rows * w.width;
	w.dqkv = p->scratch;
	w.dmixed = w.dqkv + rows * 3 * w.width;
	w.dsoft = w.dmixed + rows * w.width;
	w.dscore = w.dsoft + square;
	return w;
}

/* Query (0), key (1) or value (2) of a head as a matrix of positions x d. */
static float *part(const work *w, float *qkv, size_t sample, size_t head, size_t which)
{
	return qkv + sample * w->positions * 3 * w->width + which * w->width + head * w->d;
}

static aic_matrix rows_of(const float *data, size_t row)
{
	return (aic_matrix){data, row, 1};
}

static aic_matrix turned(const float *data, size_t row)
{
	return (aic_matrix){data, 1, row};
}

static void forward_share(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const work *w = ctx;
	size_t t = w->positions, row = 3 * w->width;

	for (size_t i = begin; i < end; i++) {
		size_t sample = i / w->heads, head = i % w->heads;
		float *soft = w->soft + i * t * t, *out = w->mixed + sample * t * w->width + head * w->d;
		aic_gemm_alone(w->p->cpu, thread, t, t, w->d, rows_of(part(w, w->qkv, sample, head, 0), row),
		               turned(part(w, w->qkv, sample, head, 1), row), soft, t, false);
		for (size_t r = 0; r < t; r++) {
			w->p->cpu->k->softmax(r + 1, w->scale, soft + r * t, soft + r * t);
			memset(soft + r * t + r + 1, 0, (t - r - 1) * sizeof(float));
		}
		aic_gemm_alone(w->p->cpu, thread, t, w->d, t, rows_of(soft, t), rows_of(part(w, w->qkv, sample, head, 2), row), out, w->width, false);
	}
}

static void backward_share(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const work *w = ctx;
	const aic_cpu *cpu = w->p->cpu;
	size_t t = w->positions, row = 3 * w->width, d = w->d;

	for (size_t i = begin; i < end; i++) {
		size_t sample = i / w->heads, head = i % w->heads;
		const float *soft = w->soft + i * t * t, *dout = w->dmixed + sample * t * w->width + head * d;
		float *dsoft = w->dsoft + i * t * t, *dscore = w->dscore + i * t * t;
		const float *q = part(w, w->qkv, sample, head, 0), *k = part(w, w->qkv, sample, head, 1), *v = part(w, w->qkv, sample, head, 2);
		aic_gemm_alone(cpu, thread, t, d, t, turned(soft, t), rows_of(dout, w->width), part(w, w->dqkv, sample, head, 2), row, false);
		aic_gemm_alone(cpu, thread, t, t, d, rows_of(dout, w->width), turned(v, row), dsoft, t, false);
		for (size_t r = 0; r < t; r++) {
			cpu->k->softmax_back(r + 1, w->scale, soft + r * t, dsoft + r * t, dscore + r * t);
			memset(dscore + r * t + r + 1, 0, (t - r - 1) * sizeof(float));
		}
		aic_gemm_alone(cpu, thread, t, d, t, rows_of(dscore, t), rows_of(k, row), part(w, w->dqkv, sample, head, 0), row, false);
		aic_gemm_alone(cpu, thread, t, d, t, turned(dscore, t), rows_of(q, row), part(w, w->dqkv, sample, head, 1), row, false);
	}
}

static const float *weight(const work *w, unsigned which)
{
	return w->p->weights + w->l->parameter[which].at;
}

static float *gradient(const work *w, unsigned which)
{
	return w->p->grads + w->l->parameter[which].at;
}

static void forward(const aic_layer *l, aic_pass *p, const float *x, float *y)
{
	work w = work_of(l, p);
	size_t rows = p->samples * w.positions, n = w.width;

	p->cpu->k->fill_rows(rows, 3 * n, weight(&w, QKV_BIAS), w.qkv);
	aic_gemm(p->cpu, rows, 3 * n, n, rows_of(x, n), turned(weight(&w, QKV_WEIGHT), n), w.qkv, 3 * n, true);
	aic_threads_run(p->cpu->threads, p->samples * w.heads, 1, forward_share, &w);
	p->cpu->k->fill_rows(rows, n, weight(&w, OUT_BIAS), y);
	aic_gemm(p->cpu, rows, n, n, rows_of(w.mixed, n), turned(weight(&w, OUT_WEIGHT), n), y, n, true);
}

static void backward(const aic_layer *l, aic_pass *p, const float *x, const float *y, const float *dy, float *dx)
{
	work w = work_of(l, p);
	size_t rows = p->samples * w.positions, n = w.width;

	(void)y;
	aic_gemm(p->cpu, n, n, rows, turned(dy, n), rows_of(w.mixed, n), gradient(&w, OUT_WEIGHT), n, true);
	aic_column_sums(p->cpu, rows, n, dy, gradient(&w, OUT_BIAS));
	aic_gemm(p->cpu, rows, n, n, rows_of(dy, n), rows_of(weight(&w, OUT_WEIGHT), n), w.dmixed, n, false);
	aic_threads_run(p->cpu->threads, p->samples * w.heads, 1, backward_share, &w);
	aic_gemm(p->cpu, 3 * n, n, rows, turned(w.dqkv, 3 * n), rows_of(x, n), gradient(&w, QKV_WEIGHT), n, true);
	aic_column_sums(p->cpu, rows, 3 * n, w.dqkv, gradient(&w, QKV_BIAS));
	if (dx)
		aic_gemm(p->cpu, rows, n, 3 * n, rows_of(w.dqkv, 3 * n), rows_of(weight(&w, QKV_WEIGHT), n), dx, n, false);
}

const aic_layer_kind aic_layer_attention = {"attention", "attention HEADS", 1, 1, setup, forward, backward};
