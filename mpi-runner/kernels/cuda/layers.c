/* layers.c: forward and backward of each kind of layer on a GPU. What a layer is, its setup says, once for all devices
 * (mpi-runner/layers). */
#include "mpi-runner/kernels/cuda/gpu.h"
#include "mpi-runner/layers/layers.h"

/* What one call works with. */
typedef struct {
	cuda_gpu *g;
	cudaStream_t s;
	const aic_layer *l;
	aic_pass *p;
	const float *x, *y, *dy;
	float *out; /* y or dx; dx may be NULL */
	size_t rows, values; /* samples x positions; the outputs of all samples */
} work;

static const float *weight(const work *w, unsigned which)
{
	return w->p->weights + w->l->parameter[which].at;
}

static float *gradient(const work *w, unsigned which)
{
	return w->p->grads + w->l->parameter[which].at;
}

static aic_cu_matrix rows_of(const float *data, size_t row)
{
	return (aic_cu_matrix){.data = data, .row = row, .col = 1};
}

static aic_cu_matrix turned(const float *data, size_t row)
{
	return (aic_cu_matrix){.data = data, .row = 1, .col = row};
}

/* In the class's arithmetic. */
static void multiply(const work *w, aic_cu_product p)
{
	if (w->g->fast)
		aic_cuda_fast_product(w->g, p);
	else
		aic_cu_gemm(w->s, p);
}

static void product(const work *w, size_t m, size_t n, size_t k, aic_cu_matrix a, aic_cu_matrix b, float *c, size_t ldc, bool continues)
{
	multiply(w, (aic_cu_product){.m = m, .n = n, .k = k, .count = 1, .heads = 1, .a = a, .b = b, .c = c, .ldc = ldc, .continues = continues});
}

/* --- linear --- */

static void affine(const work *w, size_t in, size_t out, const float *x, unsigned parameter, float *y)
{
	aic_cu_fill_rows(w->s, w->rows, out, weight(w, parameter + 1), y);
	product(w, w->rows, out, in, rows_of(x, in), turned(weight(w, parameter), in), y, out, true);
}

static void affine_back(const work *w, size_t in, size_t out, const float *x, unsigned parameter, const float *dy, float *dx)
{
	product(w, out, in, w->rows, turned(dy, out), rows_of(x, in), gradient(w, parameter), in, true);
	aic_cu_column_sums(w->s, w->rows, out, dy, gradient(w, parameter + 1));
	if (dx)
		product(w, w->rows, in, out, rows_of(dy, out), rows_of(weight(w, parameter), in), dx, in, false);
}

static void linear(const work *w)
{
	affine(w, aic_shape_features(&w->l->in), w->l->number[0], w->x, 0, w->out);
}

static void linear_back(const work *w)
{
	affine_back(w, aic_shape_features(&w->l->in), w->l->number[0], w->x, 0, w->dy, w->out);
}

/* --- pointwise --- */

static void relu(const work *w)
{
	aic_cu_relu(w->s, w->values, w->x, w->out);
}

static void relu_back(const work *w)
{
	if (w->out)
		aic_cu_relu_back(w->s, w->values, w->x, w->dy, w->out);
}

static void gelu(const work *w)
{
	aic_cu_gelu(w->s, w->values, w->x, w->out);
}

static void gelu_back(const work *w)
{
	if (w->out)
		aic_cu_gelu_back(w->s, w->values, w->x, w->dy, w->out);
}

static void copy(const work *w, const float *from, float *to)
{
	aic_cuda_failed(w->g, cudaMemcpyAsync(to, from, w->values * sizeof(float), cudaMemcpyDeviceToDevice, w->s), "copying");
}

static void dropout(const work *w)
{
	const aic_pass *p = w->p;

	if (p->training)
		aic_cu_dropout(w->s, p->samples, aic_shape_size(&w->l->out), p->seed, p->step, (uint16_t)w->l->index, p->first_sample,
		               aic_dropout_threshold(w->l), aic_dropout_keep(w->l), w->x, p->cache[w->l->index], w->out);
	else
		copy(w, w->x, w->out);
}

static void dropout_back(const work *w)
{
	if (w->out)
		aic_cu_multiply(w->s, w->values, w->dy, w->p->cache[w->l->index], w->out);
}

/* --- residual brackets --- */

static void open_bracket(const work *w)
{
	copy(w, w->x, w->out);
}

static void open_bracket_back(const work *w)
{
	if (!w->out)
		return;
	copy(w, w->dy, w->out);
	aic_cu_add(w->s, w->values, w->p->skip[w->l->index], w->out);
}

static void close_bracket(const work *w)
{
	copy(w, w->x, w->out);
	aic_cu_add(w->s, w->values, w->p->value[w->l->partner], w->out);
}

static void close_bracket_back(const work *w)
{
	copy(w, w->dy, w->p->skip[w->l->partner]);
	copy(w, w->dy, w->out);
}

/* --- layer normalisation, embedding --- */

static void layernorm(const work *w)
{
	aic_cu_layernorm(w->s, w->rows, aic_shape_features(&w->l->in), w->x, weight(w, 0), weight(w, 1), w->out, w->p->cache[w->l->index]);
}

static void layernorm_back(const work *w)
{
	size_t n = aic_shape_features(&w->l->in);
	const float *stat = w->p->cache[w->l->index];

	aic_cu_layernorm_sums(w->s, w->rows, n, w->x, stat, w->dy, gradient(w, 0), gradient(w, 1));
	if (w->out)
		aic_cu_layernorm_back(w->s, w->rows, n, w->x, weight(w, 0), stat, w->dy, w->out);
}

static void embedding(const work *w)
{
	aic_cu_embedding(w->s, w->rows, w->l->in.positions, w->l->parameter[0].dim[0], w->l->parameter[0].dim[1], w->x, weight(w, 0), weight(w, 1),
	                 w->out);
}

static void embedding_back(const work *w)
{
	aic_cu_embedding_back(w->s, w->rows, w->l->in.positions, w->l->parameter[0].dim[0], w->l->parameter[0].dim[1], w->x, w->dy, gradient(w, 0),
	                      gradient(w, 1));
}

/* --- attention --- */

enum { QKV = 0, OUT = 2 }; /* parameters: weights, their biases follow */

typedef struct {
	size_t t, width, heads, d, squares;
	float scale;
	float *qkv, *mixed, *soft, *dqkv, *dmixed, *dsoft, *dscore;
} attention_room;

static attention_room attention_of(const work *w)
{
	const aic_layer *l = w->l;
	attention_room r = {.t = l->in.positions, .width = aic_shape_features(&l->in), .heads = l->number[0]};

	r.d = r.width / r.heads;
	r.scale = aic_attention_scale(r.d);
	r.squares = w->p->samples * r.heads * r.t * r.t;
	r.qkv = w->p->cache[l->index];
	r.mixed = r.qkv + w->rows * 3 * r.width;
	r.soft = r.mixed + w->rows * r.width;
	r.dqkv = w->p->scratch;
	r.dmixed = r.dqkv + w->rows * 3 * r.width;
	r.dsoft = r.dmixed + w->rows * r.width;
	r.dscore = r.dsoft + r.squares;
	return r;
}

/* Query (0), key (1) or value (2) of all heads; the heads' output; their squares of positions x positions. */
static aic_cu_matrix part(const attention_room *r, const float *qkv, unsigned which)
{
	return (aic_cu_matrix){qkv + which * r->width, 3 * r->width, 1, r->t * 3 * r->width, r->d};
}

static aic_cu_matrix heads(const attention_room *r, const float *mixed)
{
	return (aic_cu_matrix){mixed, r->width, 1, r->t * r->width, r->d};
}

static aic_cu_matrix square(const attention_room *r, const float *data)
{
	return (aic_cu_matrix){data, r->t, 1, r->heads * r->t * r->t, r->t * r->t};
}

static aic_cu_matrix transpose(aic_cu_matrix m)
{
	return (aic_cu_matrix){m.data, m.col, m.row, m.outer, m.inner};
}

/* One product for each sample and head; c is where the matrix `to` lies. */
static void product_each(const work *w, const attention_room *r, size_t m, size_t n, size_t k, aic_cu_matrix a, aic_cu_matrix b,
                         aic_cu_matrix to)
{
	multiply(w, (aic_cu_product){.m = m, .n = n, .k = k, .count = w->p->samples * r->heads, .heads = r->heads, .a = a, .b = b,
	                                   .c = (float *)(uintptr_t)to.data, .ldc = to.row, .c_outer = to.outer, .c_inner = to.inner});
}

static void attention(const work *w)
{
	attention_room r = attention_of(w);

	affine(w, r.width, 3 * r.width, w->x, QKV, r.qkv);
	product_each(w, &r, r.t, r.t, r.d, part(&r, r.qkv, 0), transpose(part(&r, r.qkv, 1)), square(&r, r.soft));
	aic_cu_softmax(w->s, w->p->samples * r.heads * r.t, r.t, r.t, r.scale, r.soft, r.soft);
	product_each(w, &r, r.t, r.d, r.t, square(&r, r.soft), part(&r, r.qkv, 2), heads(&r, r.mixed));
	affine(w, r.width, r.width, r.mixed, OUT, w->out);
}

static void attention_back(const work *w)
{
	attention_room r = attention_of(w);

	affine_back(w, r.width, r.width, r.mixed, OUT, w->dy, r.dmixed);
	product_each(w, &r, r.t, r.d, r.t, transpose(square(&r, r.soft)), heads(&r, r.dmixed), part(&r, r.dqkv, 2));
	product_each(w, &r, r.t, r.t, r.d, heads(&r, r.dmixed), transpose(part(&r, r.qkv, 2)), square(&r, r.dsoft));
	aic_cu_softmax_back(w->s, w->p->samples * r.heads * r.t, r.t, r.t, r.scale, r.soft, r.dsoft, r.dscore);
	product_each(w, &r, r.t, r.d, r.t, square(&r, r.dscore), part(&r, r.qkv, 1), part(&r, r.dqkv, 0));
	product_each(w, &r, r.t, r.d, r.t, transpose(square(&r, r.dscore)), part(&r, r.qkv, 0), part(&r, r.dqkv, 1));
	affine_back(w, r.width, 3 * r.width, w->x, QKV, r.dqkv, w->out);
}

/* --- images --- */

static aic_cu_image image_of(const work *w)
{
	const aic_layer *l = w->l;
	return (aic_cu_image){.samples = w->p->samples, .channels = l->in.dim[0], .height = l->in.dim[1], .width = l->in.dim[2],
	                      .out_height = l->out.dim[1], .out_width = l->out.dim[2]};
}

static aic_cu_image convolution_of(const work *w, size_t *depth, size_t *places)
{
	aic_cu_image g = image_of(w);

	g.kernel = w->l->number[AIC_CONV2D_KERNEL];
	g.stride = w->l->number[AIC_CONV2D_STRIDE];
	g.pad = w->l->number[AIC_CONV2D_PAD];
	*depth = g.channels * g.kernel * g.kernel;
	*places = g.out_height * g.out_width;
	return g;
}

/* [channels][depth] times each sample's [depth][places] */
static void conv2d(const work *w)
{
	size_t depth, places, channels = w->l->out.dim[0];
	aic_cu_image g = convolution_of(w, &depth, &places);
	float *columns = w->p->scratch;

	aic_cu_unfold(w->s, g, w->x, columns);
	aic_cu_fill_planes(w->s, g.samples, channels, places, weight(w, 1), w->out);
	multiply(w, (aic_cu_product){.m = channels, .n = places, .k = depth, .count = g.samples, .heads = 1, .a = rows_of(weight(w, 0), depth),
	                                   .b = {columns, places, 1, depth * places, 0}, .c = w->out, .ldc = places, .c_outer = channels * places,
	                                   .continues = true});
}

/* The chains of the weights' gradient run over (sample, place): the inner dimension lies in pieces, one per sample. */
static void conv2d_back(const work *w)
{
	size_t depth, places, channels = w->l->out.dim[0];
	aic_cu_image g = convolution_of(w, &depth, &places);
	float *columns = w->p->scratch;
	aic_cu_product p = {.m = channels, .n = depth, .k = g.samples * places, .count = 1, .heads = 1, .split = places, .a = rows_of(w->dy, places),
	                    .a_jump = channels * places, .b = turned(columns, places), .b_jump = depth * places, .c = gradient(w, 0), .ldc = depth,
	                    .continues = true};

	aic_cu_unfold(w->s, g, w->x, columns);
	multiply(w, p);
	aic_cu_plane_sums(w->s, g.samples, channels, places, w->dy, gradient(w, 1));
	if (!w->out)
		return;
	multiply(w, (aic_cu_product){.m = depth, .n = places, .k = channels, .count = g.samples, .heads = 1, .a = turned(weight(w, 0), depth),
	                                   .b = {w->dy, places, 1, channels * places, 0}, .c = columns, .ldc = places, .c_outer = depth * places});
	aic_cu_fold(w->s, g, columns, w->out);
}

static void maxpool(const work *w)
{
	aic_cu_image g = image_of(w);

	g.kernel = w->l->number[0];
	aic_cu_maxpool(w->s, g, w->x, w->out, (uint32_t *)w->p->cache[w->l->index]);
}

static void maxpool_back(const work *w)
{
	if (w->out)
		aic_cu_maxpool_back(w->s, image_of(w), (const uint32_t *)w->p->cache[w->l->index], w->dy, w->out);
}

static const struct {
	const char *name;
	void (*forward)(const work *w);
	void (*backward)(const work *w);
} kinds[] = {
	{"linear", linear, linear_back}, {"conv2d", conv2d, conv2d_back}, {"maxpool", maxpool, maxpool_back}, {"relu", relu, relu_back},
	{"gelu", gelu, gelu_back}, {"layernorm", layernorm, layernorm_back}, {"embedding", embedding, embedding_back},
	{"attention", attention, attention_back}, {"dropout", dropout, dropout_back}, {"residual(", open_bracket, open_bracket_back},
	{")residual", close_bracket, close_bracket_back},
};

static void run(aic_gpu *base, const aic_layer *l, aic_pass *p, const float *x, const float *y, const float *dy, float *out)
{
	cuda_gpu *g = (cuda_gpu *)base;
	work w = {.g = g, .s = g->stream, .l = l, .p = p, .x = x, .y = y, .dy = dy, .out = out, .rows = p->samples * l->in.positions,
	          .values = aic_layer_elements(l, p)};

	for (size_t i = 0; !g->failed && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, l->kind->name) == 0) {
			(dy ? kinds[i].backward : kinds[i].forward)(&w);
			return;
		}
	}
	if (!g->failed) {
		g->failed = true;
		aic_fail(&g->failure, AIC_USAGE, "layer %zu, %s, is not made for GPUs: set train: device: cpu", l->index, l->kind->name);
	}
}

void aic_cuda_forward(aic_gpu *g, const aic_layer *l, aic_pass *p, const float *x, float *y)
{
	run(g, l, p, x, NULL, NULL, y);
}

void aic_cuda_backward(aic_gpu *g, const aic_layer *l, aic_pass *p, const float *x, const float *y, const float *dy, float *dx)
{
	run(g, l, p, x, y, dy, dx);
}
