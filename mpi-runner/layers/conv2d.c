/* conv2d.c: convolution as a matrix product for each sample: weights [channels][input channel, ky, kx] times a matrix whose
 * column is what the kernel sees at one place. The inner order of every chain is (input channel, ky, kx). */
#include <math.h>
#include <string.h>

#include "mpi-runner/layers/layers.h"

enum { CHANNELS = AIC_CONV2D_CHANNELS, KERNEL = AIC_CONV2D_KERNEL, STRIDE = AIC_CONV2D_STRIDE, PAD = AIC_CONV2D_PAD };
enum { CHANNELS_MAX = 65536, KERNEL_MAX = 64 };

static aic_code setup(aic_layer *l, aic_error *err)
{
	size_t *n = l->number;
	const aic_shape *in = &l->in;

	if (in->rank != 3)
		return aic_yaml_fail(l->spec->where, err, "layers: conv2d needs an image; it comes after input: image[...] and other layers on images");
	if (aic_layer_number(l->spec, CHANNELS, "the number of channels", 1, CHANNELS_MAX, &n[CHANNELS], err) != AIC_OK ||
	    aic_layer_number(l->spec, KERNEL, "the kernel's width", 1, KERNEL_MAX, &n[KERNEL], err) != AIC_OK)
		return AIC_USAGE;
	n[STRIDE] = 1;
	n[PAD] = (n[KERNEL] - 1) / 2;
	if (l->spec->args > STRIDE && aic_layer_number(l->spec, STRIDE, "the stride", 1, KERNEL_MAX, &n[STRIDE], err) != AIC_OK)
		return AIC_USAGE;
	if (l->spec->args > PAD && aic_layer_number(l->spec, PAD, "the padding", 0, n[KERNEL] - 1, &n[PAD], err) != AIC_OK)
		return AIC_USAGE;
	if (in->dim[1] + 2 * n[PAD] < n[KERNEL] || in->dim[2] + 2 * n[PAD] < n[KERNEL])
		return aic_yaml_fail(l->spec->where, err, "layers: a conv2d kernel of %zu does not fit into %zu x %zu", n[KERNEL], in->dim[1], in->dim[2]);
	l->out = (aic_shape){in->positions, 3, {n[CHANNELS], (in->dim[1] + 2 * n[PAD] - n[KERNEL]) / n[STRIDE] + 1,
	                                        (in->dim[2] + 2 * n[PAD] - n[KERNEL]) / n[STRIDE] + 1}};
	size_t depth = in->dim[0] * n[KERNEL] * n[KERNEL];
	aic_layer_parameter(l, "weight", AIC_INIT_UNIFORM, sqrtf(6.0f / (float)depth), 4, (size_t[]){n[CHANNELS], in->dim[0], n[KERNEL], n[KERNEL]});
	aic_layer_parameter(l, "bias", AIC_INIT_ZERO, 0, 1, &n[CHANNELS]);
	l->room = depth * l->out.dim[1] * l->out.dim[2];
	return AIC_OK;
}

static size_t depth_of(const aic_layer *l)
{
	return l->in.dim[0] * l->number[KERNEL] * l->number[KERNEL];
}

static size_t places_of(const aic_layer *l)
{
	return l->out.dim[1] * l->out.dim[2];
}

/* Outputs [from, to) of `outputs` whose tap k lies on one of `inputs` values, not in the padding. */
static void inside(const aic_layer *l, size_t k, size_t inputs, size_t outputs, size_t *from, size_t *to)
{
	size_t stride = l->number[STRIDE], pad = l->number[PAD];

	*from = k < pad ? (pad - k + stride - 1) / stride : 0;
	*to = inputs + pad > k ? (inputs + pad - k - 1) / stride + 1 : 0;
	*from = *from < outputs ? *from : outputs;
	*to = *to < *from ? *from : *to < outputs ? *to : outputs;
}

/* One row of the unfolded matrix, [c, ky, kx], and where it touches the input. */
typedef struct {
	size_t c, ky, kx, y0, y1, x0, x1; /* outputs [y0, y1) x [x0, x1) see the image */
} tap;

static tap tap_of(const aic_layer *l, size_t row)
{
	size_t k = l->number[KERNEL];
	tap t = {.c = row / (k * k), .ky = row / k % k, .kx = row % k};

	inside(l, t.ky, l->in.dim[1], l->out.dim[1], &t.y0, &t.y1);
	inside(l, t.kx, l->in.dim[2], l->out.dim[2], &t.x0, &t.x1);
	return t;
}

/* Place in the input that output (oy, ox) sees through the tap. */
static size_t seen(const aic_layer *l, const tap *t, size_t oy, size_t ox)
{
	size_t stride = l->number[STRIDE], pad = l->number[PAD];
	return (t->c * l->in.dim[1] + oy * stride + t->ky - pad) * l->in.dim[2] + ox * stride + t->kx - pad;
}

/* columns[c, ky, kx][oy, ox] = x[c][oy s + ky - pad][ox s + kx - pad], 0 outside */
static void unfold(const aic_layer *l, const float *x, float *columns)
{
	size_t oh = l->out.dim[1], ow = l->out.dim[2], stride = l->number[STRIDE];

	for (size_t row = 0; row < depth_of(l); row++, columns += oh * ow) {
		tap t = tap_of(l, row);
		if ((t.y1 - t.y0) * (t.x1 - t.x0) < oh * ow)
			memset(columns, 0, oh * ow * sizeof(float));
		for (size_t oy = t.y0; oy < t.y1 && t.x0 < t.x1; oy++) {
			const float *from = x + seen(l, &t, oy, t.x0);
			float *to = columns + oy * ow + t.x0;
			if (stride == 1) {
				memcpy(to, from, (t.x1 - t.x0) * sizeof(float));
				continue;
			}
			for (size_t i = 0; i < t.x1 - t.x0; i++)
				to[i] = from[i * stride];
		}
	}
}

/* The reverse: each input value is the chain of its taps in the order (ky, kx). */
static void fold(const aic_layer *l, const aic_kernels *k, const float *columns, float *dx)
{
	size_t oh = l->out.dim[1], ow = l->out.dim[2], stride = l->number[STRIDE];

	memset(dx, 0, aic_shape_features(&l->in) * sizeof(float));
	for (size_t row = 0; row < depth_of(l); row++, columns += oh * ow) {
		tap t = tap_of(l, row);
		for (size_t oy = t.y0; oy < t.y1 && t.x0 < t.x1; oy++) {
			float *to = dx + seen(l, &t, oy, t.x0);
			const float *from = columns + oy * ow + t.x0;
			if (stride == 1) {
				k->add(t.x1 - t.x0, from, to);
				continue;
			}
			for (size_t i = 0; i < t.x1 - t.x0; i++)
				to[i * stride] = to[i * stride] + from[i];
		}
	}
}

typedef struct {
	const aic_layer *l;
	aic_pass *p;
	const float *x, *dy;
	float *out; /* y, or dx */
} work;

static float *room_of(const work *w, size_t sample)
{
	return w->p->scratch + sample * w->l->room;
}

static void forward_share(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const work *w = ctx;
	const aic_layer *l = w->l;
	size_t places = places_of(l), depth = depth_of(l), in = aic_shape_features(&l->in);
	const float *weight = w->p->weights + l->parameter[0].at, *bias = w->p->weights + l->parameter[1].at;

	for (size_t s = begin; s < end; s++) {
		float *columns = room_of(w, s), *y = w->out + s * l->number[CHANNELS] * places;
		unfold(l, w->x + s * in, columns);
		for (size_t c = 0; c < l->number[CHANNELS]; c++)
			for (size_t i = 0; i < places; i++)
				y[c * places + i] = bias[c];
		aic_gemm_alone(w->p->cpu, thread, l->number[CHANNELS], places, depth, (aic_matrix){weight, depth, 1}, (aic_matrix){columns, places, 1},
		               y, places, true);
	}
}

static void forward(const aic_layer *l, aic_pass *p, const float *x, float *y)
{
	work w = {l, p, x, NULL, y};
	aic_threads_run(p->cpu->threads, p->samples, 1, forward_share, &w);
}

static void unfold_share(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const work *w = ctx;
	(void)thread;
	for (size_t s = begin; s < end; s++)
		unfold(w->l, w->x + s * aic_shape_features(&w->l->in), room_of(w, s));
}

static void dx_share(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const work *w = ctx;
	const aic_layer *l = w->l;
	size_t places = places_of(l), depth = depth_of(l), channels = l->number[CHANNELS];
	const float *weight = w->p->weights + l->parameter[0].at;

	for (size_t s = begin; s < end; s++) {
		float *columns = room_of(w, s);
		aic_gemm_alone(w->p->cpu, thread, depth, places, channels, (aic_matrix){weight, 1, depth},
		               (aic_matrix){w->dy + s * channels * places, places, 1}, columns, places, false);
		fold(l, w->p->cpu->k, columns, w->out + s * aic_shape_features(&l->in));
	}
}

/* Chains run over (sample, place); threads take output channels. */
static void weight_share(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const work *w = ctx;
	const aic_layer *l = w->l;
	size_t places = places_of(l), depth = depth_of(l), channels = l->number[CHANNELS];
	float *weight = w->p->grads + l->parameter[0].at, *bias = w->p->grads + l->parameter[1].at;
	static const float one = 1.0f;

	for (size_t s = 0; s < w->p->samples; s++) {
		const float *dy = w->dy + s * channels * places;
		aic_gemm_alone(w->p->cpu, thread, end - begin, depth, places, (aic_matrix){dy + begin * places, places, 1},
		               (aic_matrix){room_of(w, s), 1, places}, weight + begin * depth, depth, true);
		aic_gemm_alone(w->p->cpu, thread, end - begin, 1, places, (aic_matrix){dy + begin * places, places, 1}, (aic_matrix){&one, 0, 0},
		               bias + begin, 1, true); /* fma(dy, 1, sum) is the sum */
	}
}

static void backward(const aic_layer *l, aic_pass *p, const float *x, const float *y, const float *dy, float *dx)
{
	work w = {l, p, x, dy, dx};

	(void)y;
	aic_threads_run(p->cpu->threads, p->samples, 1, unfold_share, &w);
	aic_threads_run(p->cpu->threads, l->number[CHANNELS], 1, weight_share, &w);
	if (dx)
		aic_threads_run(p->cpu->threads, p->samples, 1, dx_share, &w);
}

const aic_layer_kind aic_layer_conv2d = {"conv2d", "conv2d CHANNELS KERNEL [STRIDE [PAD]]", 2, 4, setup, forward, backward};
