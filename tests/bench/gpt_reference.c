#include "tests/bench/gpt_reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"

/* A layer's parameters, in this order; the same places in the gradient. */
enum { LN1W, LN1B, QKVW, QKVB, OUTW, OUTB, LN2W, LN2B, UPW, UPB, DOWNW, DOWNB, LAYER_PARAMS };

struct gpt_reference {
	size_t L, C, H, V, T, B, n;
	float *w, *g, *m, *v;
	float *embed, *place, *layer, *lnfw, *lnfb, *head, *headb; /* into w */
	size_t layer_size, at[LAYER_PARAMS];
	float *x, *ln, *stat, *qkv, *att, *mix, *x2, *ln2, *stat2, *up, *act, *lnf, *statf, *logits; /* activations of all layers */
	float *dx, *d1, *d2, *datt;
	int step;
};

static float *room(size_t n)
{
	return aic_xcalloc(n, sizeof(float));
}

gpt_reference *gpt_reference_new(size_t L, size_t C, size_t H, size_t V, size_t T, size_t B)
{
	gpt_reference *g = aic_xcalloc(1, sizeof(*g));
	const size_t sizes[LAYER_PARAMS] = {C, C, 3 * C * C, 3 * C, C * C, C, C, C, 4 * C * C, 4 * C, 4 * C * C, C};
	size_t bt = B * T;

	*g = (gpt_reference){.L = L, .C = C, .H = H, .V = V, .T = T, .B = B};
	for (int i = 0; i < LAYER_PARAMS; i++) {
		g->at[i] = g->layer_size;
		g->layer_size += sizes[i];
	}
	g->n = 2 * V * C + T * C + L * g->layer_size + 2 * C + V;
	g->w = room(g->n);
	g->g = room(g->n);
	g->m = room(g->n);
	g->v = room(g->n);
	g->embed = g->w;
	g->place = g->embed + V * C;
	g->layer = g->place + T * C;
	g->lnfw = g->layer + L * g->layer_size;
	g->lnfb = g->lnfw + C;
	g->head = g->lnfb + C;
	g->headb = g->head + V * C;
	srand(1);
	for (size_t i = 0; i < g->n; i++)
		g->w[i] = ((float)rand() / (float)RAND_MAX - 0.5f) * 0.07f;
	for (size_t l = 0; l < L; l++)
		for (size_t i = 0; i < C; i++)
			g->layer[l * g->layer_size + g->at[LN1W] + i] = g->layer[l * g->layer_size + g->at[LN2W] + i] = 1.0f;
	for (size_t i = 0; i < C; i++)
		g->lnfw[i] = 1.0f;
	g->x = room((L + 1) * bt * C);
	g->ln = room(L * bt * C);
	g->stat = room(L * bt * 2);
	g->qkv = room(L * bt * 3 * C);
	g->att = room(L * B * H * T * T);
	g->mix = room(L * bt * C);
	g->x2 = room(L * bt * C);
	g->ln2 = room(L * bt * C);
	g->stat2 = room(L * bt * 2);
	g->up = room(L * bt * 4 * C);
	g->act = room(L * bt * 4 * C);
	g->lnf = room(bt * C);
	g->statf = room(bt * 2);
	g->logits = room(bt * V);
	g->dx = room(bt * C);
	g->d1 = room(bt * (4 * C > V ? 4 * C : V));
	g->d2 = room(bt * 4 * C);
	g->datt = room(B * H * T * T);
	return g;
}

void gpt_reference_free(gpt_reference *g)
{
	float *all[] = {g->w, g->g, g->m, g->v, g->x, g->ln, g->stat, g->qkv, g->att, g->mix, g->x2, g->ln2, g->stat2, g->up, g->act, g->lnf,
	                g->statf, g->logits, g->dx, g->d1, g->d2, g->datt};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		free(all[i]);
	free(g);
}

static void matmul(float *y, const float *x, const float *w, const float *b, size_t rows, size_t in, size_t out)
{
#pragma omp parallel for
	for (size_t r = 0; r < rows; r++) {
		for (size_t o = 0; o < out; o++) {
			float sum = b[o];
			for (size_t i = 0; i < in; i++)
				sum += x[r * in + i] * w[o * in + i];
			y[r * out + o] = sum;
		}
	}
}

static void matmul_back(float *dx, float *dw, float *db, const float *dy, const float *x, const float *w, size_t rows, size_t in, size_t out)
{
#pragma omp parallel for
	for (size_t r = 0; r < rows; r++) {
		for (size_t i = 0; i < in; i++)
			dx[r * in + i] = 0;
		for (size_t o = 0; o < out; o++)
			for (size_t i = 0; i < in; i++)
				dx[r * in + i] += w[o * in + i] * dy[r * out + o];
	}
#pragma omp parallel for
	for (size_t o = 0; o < out; o++) {
		for (size_t r = 0; r < rows; r++) {
			db[o] += dy[r * out + o];
			for (size_t i = 0; i < in; i++)
				dw[o * in + i] += x[r * in + i] * dy[r * out + o];
		}
	}
}

static void norm(float *y, float *stat, const float *x, const float *w, const float *b, size_t rows, size_t n)
{
	for (size_t r = 0; r < rows; r++) {
		float mean = 0, var = 0;
		for (size_t i = 0; i < n; i++)
			mean += x[r * n + i];
		mean /= (float)n;
		for (size_t i = 0; i < n; i++)
			var += (x[r * n + i] - mean) * (x[r * n + i] - mean);
		float inverse = 1.0f / sqrtf(var / (float)n + 1e-5f);
		for (size_t i = 0; i < n; i++)
			y[r * n + i] = (x[r * n + i] - mean) * inverse * w[i] + b[i];
		stat[2 * r] = mean;
		stat[2 * r + 1] = inverse;
	}
}

/* dx += */
static void norm_back(float *dx, float *dw, float *db, const float *dy, const float *x, const float *w, const float *stat, size_t rows, size_t n)
{
	for (size_t r = 0; r < rows; r++) {
		float mean = stat[2 * r], inverse = stat[2 * r + 1], sum = 0, product = 0;
		for (size_t i = 0; i < n; i++) {
			float h = (x[r * n + i] - mean) * inverse, d = w[i] * dy[r * n + i];
			sum += d;
			product += d * h;
			db[i] += dy[r * n + i];
			dw[i] += dy[r * n + i] * h;
		}
		for (size_t i = 0; i < n; i++) {
			float h = (x[r * n + i] - mean) * inverse;
			dx[r * n + i] += (w[i] * dy[r * n + i] - sum / (float)n - h * product / (float)n) * inverse;
		}
	}
}

static void attention(const gpt_reference *g, float *out, float *att, const float *qkv)
{
	size_t T = g->T, C = g->C, d = C / g->H;
	float scale = 1.0f / sqrtf((float)d);

#pragma omp parallel for collapse(3)
	for (size_t b = 0; b < g->B; b++) {
		for (size_t h = 0; h < g->H; h++) {
			for (size_t t = 0; t < T; t++) {
				const float *q = qkv + (b * T + t) * 3 * C + h * d;
				float *a = att + ((b * g->H + h) * T + t) * T, *o = out + (b * T + t) * C + h * d, most = -1e30f, sum = 0;
				for (size_t s = 0; s <= t; s++) {
					const float *k = qkv + (b * T + s) * 3 * C + C + h * d;
					a[s] = 0;
					for (size_t i = 0; i < d; i++)
						a[s] += q[i] * k[i];
					a[s] *= scale;
					most = a[s] > most ? a[s] : most;
				}
				for (size_t s = 0; s <= t; s++)
					sum += a[s] = expf(a[s] - most);
				memset(o, 0, d * sizeof(float));
				for (size_t s = 0; s <= t; s++) {
					const float *v = qkv + (b * T + s) * 3 * C + 2 * C + h * d;
					a[s] /= sum;
					for (size_t i = 0; i < d; i++)
						o[i] += a[s] * v[i];
				}
			}
		}
	}
}

static void attention_back(const gpt_reference *g, float *dqkv, float *datt, const float *dout, const float *att, const float *qkv)
{
	size_t T = g->T, C = g->C, d = C / g->H;
	float scale = 1.0f / sqrtf((float)d);

	memset(dqkv, 0, g->B * T * 3 * C * sizeof(float));
#pragma omp parallel for collapse(2)
	for (size_t b = 0; b < g->B; b++) {
		for (size_t h = 0; h < g->H; h++) {
			for (size_t t = 0; t < T; t++) {
				size_t row = (b * g->H + h) * T + t;
				const float *a = att + row * T, *q = qkv + (b * T + t) * 3 * C + h * d, *dy = dout + (b * T + t) * C + h * d;
				float *da = datt + row * T, *dq = dqkv + (b * T + t) * 3 * C + h * d, mean = 0;
				for (size_t s = 0; s <= t; s++) {
					const float *v = qkv + (b * T + s) * 3 * C + 2 * C + h * d;
					float *dv = dqkv + (b * T + s) * 3 * C + 2 * C + h * d;
					da[s] = 0;
					for (size_t i = 0; i < d; i++) {
						da[s] += v[i] * dy[i];
						dv[i] += a[s] * dy[i];
					}
					mean += a[s] * da[s];
				}
				for (size_t s = 0; s <= t; s++) {
					const float *k = qkv + (b * T + s) * 3 * C + C + h * d;
					float *dk = dqkv + (b * T + s) * 3 * C + C + h * d, ds = a[s] * (da[s] - mean) * scale;
					for (size_t i = 0; i < d; i++) {
						dq[i] += k[i] * ds;
						dk[i] += q[i] * ds;
					}
				}
			}
		}
	}
}

static float gelu_inner(float x)
{
	return 0.7978845608f * (x + 0.044715f * x * x * x);
}

static float forward(gpt_reference *g, const uint32_t *in, const uint32_t *target)
{
	size_t C = g->C, bt = g->B * g->T;
	float loss = 0;

	for (size_t r = 0; r < bt; r++)
		for (size_t i = 0; i < C; i++)
			g->x[r * C + i] = g->embed[in[r] * C + i] + g->place[r % g->T * C + i];
	for (size_t l = 0; l < g->L; l++) {
		const float *w = g->layer + l * g->layer_size;
		float *x = g->x + l * bt * C, *x2 = g->x2 + l * bt * C, *next = x + bt * C, *up = g->up + l * bt * 4 * C, *act = g->act + l * bt * 4 * C;
		norm(g->ln + l * bt * C, g->stat + l * bt * 2, x, w + g->at[LN1W], w + g->at[LN1B], bt, C);
		matmul(g->qkv + l * bt * 3 * C, g->ln + l * bt * C, w + g->at[QKVW], w + g->at[QKVB], bt, C, 3 * C);
		attention(g, g->mix + l * bt * C, g->att + l * g->B * g->H * g->T * g->T, g->qkv + l * bt * 3 * C);
		matmul(x2, g->mix + l * bt * C, w + g->at[OUTW], w + g->at[OUTB], bt, C, C);
		for (size_t i = 0; i < bt * C; i++)
			x2[i] += x[i];
		norm(g->ln2 + l * bt * C, g->stat2 + l * bt * 2, x2, w + g->at[LN2W], w + g->at[LN2B], bt, C);
		matmul(up, g->ln2 + l * bt * C, w + g->at[UPW], w + g->at[UPB], bt, C, 4 * C);
		for (size_t i = 0; i < bt * 4 * C; i++)
			act[i] = 0.5f * up[i] * (1.0f + tanhf(gelu_inner(up[i])));
		matmul(next, act, w + g->at[DOWNW], w + g->at[DOWNB], bt, 4 * C, C);
		for (size_t i = 0; i < bt * C; i++)
			next[i] += x2[i];
	}
	norm(g->lnf, g->statf, g->x + g->L * bt * C, g->lnfw, g->lnfb, bt, C);
	matmul(g->logits, g->lnf, g->head, g->headb, bt, C, g->V);
#pragma omp parallel for reduction(+ : loss)
	for (size_t r = 0; r < bt; r++) {
		float *y = g->logits + r * g->V, *d = g->d1 + r * g->V, most = y[0], sum = 0;
		for (size_t i = 1; i < g->V; i++)
			most = y[i] > most ? y[i] : most;
		for (size_t i = 0; i < g->V; i++)
			sum += d[i] = expf(y[i] - most);
		loss += logf(sum) - (y[target[r]] - most);
		for (size_t i = 0; i < g->V; i++)
			d[i] = (d[i] / sum - (i == target[r])) / (float)bt;
	}
	return loss / (float)bt;
}

static float *grad(gpt_reference *g, const float *w)
{
	return g->g + (w - g->w);
}

static void backward(gpt_reference *g, const uint32_t *in)
{
	size_t C = g->C, bt = g->B * g->T;

	memset(g->g, 0, g->n * sizeof(float));
	memset(g->dx, 0, bt * C * sizeof(float));
	matmul_back(g->d2, grad(g, g->head), grad(g, g->headb), g->d1, g->lnf, g->head, bt, C, g->V);
	norm_back(g->dx, grad(g, g->lnfw), grad(g, g->lnfb), g->d2, g->x + g->L * bt * C, g->lnfw, g->statf, bt, C);
	for (size_t l = g->L; l-- > 0;) {
		const float *w = g->layer + l * g->layer_size, *up = g->up + l * bt * 4 * C;
		float *dw = grad(g, w);
		matmul_back(g->d1, dw + g->at[DOWNW], dw + g->at[DOWNB], g->dx, g->act + l * bt * 4 * C, w + g->at[DOWNW], bt, 4 * C, C);
		for (size_t i = 0; i < bt * 4 * C; i++) {
			float t = tanhf(gelu_inner(up[i]));
			g->d1[i] *= 0.5f * (1 + t) + 0.5f * up[i] * (1 - t * t) * 0.7978845608f * (1 + 3 * 0.044715f * up[i] * up[i]);
		}
		matmul_back(g->d2, dw + g->at[UPW], dw + g->at[UPB], g->d1, g->ln2 + l * bt * C, w + g->at[UPW], bt, C, 4 * C);
		norm_back(g->dx, dw + g->at[LN2W], dw + g->at[LN2B], g->d2, g->x2 + l * bt * C, w + g->at[LN2W], g->stat2 + l * bt * 2, bt, C);
		matmul_back(g->d2, dw + g->at[OUTW], dw + g->at[OUTB], g->dx, g->mix + l * bt * C, w + g->at[OUTW], bt, C, C);
		attention_back(g, g->d1, g->datt, g->d2, g->att + l * g->B * g->H * g->T * g->T, g->qkv + l * bt * 3 * C);
		matmul_back(g->d2, dw + g->at[QKVW], dw + g->at[QKVB], g->d1, g->ln + l * bt * C, w + g->at[QKVW], bt, C, 3 * C);
		norm_back(g->dx, dw + g->at[LN1W], dw + g->at[LN1B], g->d2, g->x + l * bt * C, w + g->at[LN1W], g->stat + l * bt * 2, bt, C);
	}
	for (size_t r = 0; r < bt; r++) {
		for (size_t i = 0; i < C; i++) {
			grad(g, g->embed)[in[r] * C + i] += g->dx[r * C + i];
			grad(g, g->place)[r % g->T * C + i] += g->dx[r * C + i];
		}
	}
}

float gpt_reference_step(gpt_reference *g, const uint32_t *in, const uint32_t *target)
{
	float loss = forward(g, in, target), c1 = 1 - powf(0.9f, (float)++g->step), c2 = 1 - powf(0.999f, (float)g->step);

	backward(g, in);
	for (size_t i = 0; i < g->n; i++) {
		float m = g->m[i] = 0.9f * g->m[i] + 0.1f * g->g[i], v = g->v[i] = 0.999f * g->v[i] + 0.001f * g->g[i] * g->g[i];
		g->w[i] -= 1e-3f * (m / c1 / (sqrtf(v / c2) + 1e-8f));
	}
	return loss;
}
