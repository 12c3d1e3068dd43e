/* pass.c: samples through a model, forward, loss and backward. */
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "mpi-runner/gpu.h"
#include "mpi-runner/model.h"

static float *floats(size_t n)
{
	return aic_xcalloc(n ? n : 1, sizeof(float));
}

/* Where the pass computes. */
static void *live(const aic_pass *p, size_t n)
{
	aic_gpu *g = p->cpu->gpu;
	return g ? g->kind->room(g, n * sizeof(float)) : floats(n);
}

static void free_live(const aic_pass *p, void *v)
{
	aic_gpu *g = p->cpu->gpu;

	if (g)
		g->kind->release(g, v);
	else
		free(v);
}

static size_t widest(const aic_model *m)
{
	size_t most = aic_shape_size(&m->spec->input);
	for (size_t i = 0; i < m->layers; i++)
		if (aic_shape_size(&m->layer[i].out) > most)
			most = aic_shape_size(&m->layer[i].out);
	return most;
}

aic_pass *aic_pass_new(const aic_model *m, const aic_cpu *cpu, size_t capacity, bool backward)
{
	aic_pass *p = aic_xcalloc(1, sizeof(*p));
	size_t rows = capacity * m->layer[m->layers - 1].out.positions, room = 0;

	p->model = m;
	p->cpu = cpu;
	p->capacity = capacity;
	p->input = floats(capacity * aic_shape_size(&m->spec->input));
	p->target_class = aic_xcalloc(rows, sizeof(*p->target_class));
	p->target_value = floats(m->spec->output_kind == AIC_OUTPUT_VALUE ? rows * m->spec->outputs : 0);
	p->live_input = p->input;
	p->live_class = p->target_class;
	p->live_target = p->target_value;
	if (cpu->gpu) {
		p->live_input = live(p, capacity * aic_shape_size(&m->spec->input));
		p->live_class = live(p, rows);
		p->live_target = live(p, rows * m->spec->outputs);
	}
	p->value = aic_xcalloc(m->layers, sizeof(*p->value));
	p->cache = aic_xcalloc(m->layers, sizeof(*p->cache));
	p->skip = aic_xcalloc(m->layers, sizeof(*p->skip));
	for (size_t i = 0; i < m->layers; i++) {
		const aic_layer *l = &m->layer[i];
		p->value[i] = live(p, capacity * aic_shape_size(&l->out));
		p->cache[i] = live(p, capacity * l->cache);
		if (backward && l->partner > i)
			p->skip[i] = live(p, capacity * aic_shape_size(&l->in));
		room = l->room > room ? l->room : room;
	}
	p->scratch = live(p, capacity * room);
	p->gradient[0] = live(p, capacity * widest(m));
	p->gradient[1] = live(p, backward ? capacity * widest(m) : 0);
	p->row_loss = live(p, rows);
	p->row_best = live(p, rows);
	return p;
}

void aic_pass_free(aic_pass *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->model->layers; i++) {
		free_live(p, p->value[i]);
		free_live(p, p->cache[i]);
		free_live(p, p->skip[i]);
	}
	if (p->cpu->gpu) {
		free_live(p, p->live_input);
		free_live(p, p->live_class);
		free_live(p, p->live_target);
	}
	free(p->value);
	free(p->cache);
	free(p->skip);
	free(p->input);
	free(p->target_class);
	free(p->target_value);
	free_live(p, p->gradient[0]);
	free_live(p, p->gradient[1]);
	free_live(p, p->scratch);
	free_live(p, p->row_loss);
	free_live(p, p->row_best);
	free(p);
}

size_t aic_pass_rows(const aic_pass *p)
{
	return p->samples * p->model->layer[p->model->layers - 1].out.positions;
}

const float *aic_pass_output(const aic_pass *p)
{
	return p->value[p->model->layers - 1];
}

static const float *input_of(const aic_pass *p, size_t layer)
{
	return layer ? p->value[layer - 1] : p->live_input;
}

void aic_pass_forward(aic_pass *p)
{
	aic_gpu *g = p->cpu->gpu;

	if (g)
		g->kind->upload(g, p->live_input, p->input, p->samples * aic_shape_size(&p->model->spec->input) * sizeof(float));
	for (size_t i = 0; i < p->model->layers; i++) {
		const aic_layer *l = &p->model->layer[i];
		if (g)
			g->kind->forward(g, l, p, input_of(p, i), p->value[i]);
		else
			l->kind->forward(l, p, input_of(p, i), p->value[i]);
	}
}

typedef struct {
	aic_pass *pass;
	float scale;
} loss_work;

static void cross_entropy_rows(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const loss_work *w = ctx;
	aic_pass *p = w->pass;
	size_t n = p->model->spec->outputs;

	(void)thread;
	for (size_t r = begin; r < end; r++)
		p->row_loss[r] = p->cpu->k->cross_entropy(n, aic_pass_output(p) + r * n, p->target_class[r], w->scale,
		                                          p->grads ? p->gradient[0] + r * n : NULL, &p->row_best[r]);
}

/* Half the squared distance, so that the gradient is the difference. */
static void squared_rows(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const loss_work *w = ctx;
	aic_pass *p = w->pass;
	size_t n = p->model->spec->outputs;
	float *d = p->gradient[0];

	(void)thread;
	for (size_t r = begin; r < end; r++) {
		for (size_t i = r * n; i < (r + 1) * n; i++)
			d[i] = aic_pass_output(p)[i] - p->target_value[i];
		p->row_loss[r] = 0.5f * p->cpu->k->row_squares(n, d + r * n);
		p->row_best[r] = 0;
		for (size_t i = r * n; i < (r + 1) * n; i++)
			d[i] = d[i] * w->scale;
	}
}

static void loss_on_gpu(aic_gpu *g, aic_pass *p, float scale, float *loss, uint64_t *correct)
{
	size_t rows = aic_pass_rows(p);

	if (p->model->spec->loss == AIC_LOSS_CROSS_ENTROPY)
		g->kind->upload(g, p->live_class, p->target_class, rows * sizeof(*p->target_class));
	else
		g->kind->upload(g, p->live_target, p->target_value, rows * p->model->spec->outputs * sizeof(float));
	g->kind->loss(g, p, scale, loss, correct);
}

void aic_pass_loss(aic_pass *p, float scale, float *loss, uint64_t *correct)
{
	loss_work w = {p, scale};
	size_t rows = aic_pass_rows(p);
	bool classes = p->model->spec->loss == AIC_LOSS_CROSS_ENTROPY;

	if (p->cpu->gpu) {
		loss_on_gpu(p->cpu->gpu, p, scale, loss, correct);
		return;
	}
	aic_threads_run(p->cpu->threads, rows, 16, classes ? cross_entropy_rows : squared_rows, &w);
	for (size_t r = 0; r < rows; r++) {
		*loss = *loss + p->row_loss[r];
		*correct += classes && p->row_best[r] == p->target_class[r];
	}
}

void aic_pass_backward(aic_pass *p)
{
	unsigned from = 0;
	aic_gpu *g = p->cpu->gpu;

	for (size_t i = p->model->layers; i-- > 0;) {
		const aic_layer *l = &p->model->layer[i];
		float *dx = i ? p->gradient[1 - from] : NULL;
		if (g)
			g->kind->backward(g, l, p, input_of(p, i), p->value[i], p->gradient[from], dx);
		else
			l->kind->backward(l, p, input_of(p, i), p->value[i], p->gradient[from], dx);
		from = 1 - from;
		if (p->after)
			p->after(p->after_ctx, i);
	}
}
