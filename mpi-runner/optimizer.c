#include "mpi-runner/optimizer.h"

#include <math.h>
#include <stdlib.h>

#include "common/bytes.h"
#include "mpi-runner/dmath.h"
#include "mpi-runner/gpu.h"

void aic_optimizer_init(aic_optimizer *o, const aic_spec *spec, size_t n, uint64_t total_steps)
{
	*o = (aic_optimizer){.spec = spec, .n = n, .power1 = 1.0f, .power2 = 1.0f, .total_steps = total_steps};
	o->mean = aic_xcalloc(n, sizeof(float));
	if (spec->optimizer == AIC_OPTIMIZER_ADAMW)
		o->square = aic_xcalloc(n, sizeof(float));
	o->live_mean = o->mean;
	o->live_square = o->square;
}

void aic_optimizer_free(aic_optimizer *o)
{
	if (o->gpu) {
		o->gpu->kind->release(o->gpu, o->live_mean);
		o->gpu->kind->release(o->gpu, o->live_square);
	}
	free(o->mean);
	free(o->square);
	*o = (aic_optimizer){0};
}

void aic_optimizer_move(aic_optimizer *o, aic_gpu *g)
{
	size_t bytes = o->n * sizeof(float);

	if (!o->gpu) {
		o->live_mean = g->kind->room(g, bytes);
		o->live_square = o->square ? g->kind->room(g, bytes) : NULL;
	}
	o->gpu = g;
	g->kind->upload(g, o->live_mean, o->mean, bytes);
	if (o->square)
		g->kind->upload(g, o->live_square, o->square, bytes);
}

void aic_optimizer_fetch(aic_optimizer *o)
{
	if (!o->gpu)
		return;
	o->gpu->kind->download(o->gpu, o->mean, o->live_mean, o->n * sizeof(float));
	if (o->square)
		o->gpu->kind->download(o->gpu, o->square, o->live_square, o->n * sizeof(float));
}

float aic_optimizer_rate(const aic_optimizer *o, uint64_t step)
{
	const aic_spec *s = o->spec;

	if (step < s->warmup)
		return s->lr * ((float)(step + 1) / (float)s->warmup);
	if (s->schedule == AIC_SCHEDULE_CONSTANT || o->total_steps <= s->warmup)
		return s->lr;
	float done = (float)(step - s->warmup) / (float)(o->total_steps - s->warmup);
	if (s->schedule == AIC_SCHEDULE_LINEAR)
		return s->lr * (1.0f - done);
	return s->lr * (0.5f * (1.0f + aic_d_cos(3.14159265f * done)));
}

typedef struct {
	const aic_cpu *cpu;
	const float *g;
	size_t n;
	float *chunk;
} norm_work;

static void norm_share(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const norm_work *w = ctx;

	(void)thread;
	for (size_t c = begin; c < end; c++) {
		size_t at = c * AIC_NORM_CHUNK, len = w->n - at < AIC_NORM_CHUNK ? w->n - at : AIC_NORM_CHUNK;
		w->chunk[c] = w->cpu->k->row_squares(len, w->g + at);
	}
}

float aic_gradient_norm(const aic_cpu *cpu, const float *g, size_t n)
{
	size_t chunks = (n + AIC_NORM_CHUNK - 1) / AIC_NORM_CHUNK;
	if (cpu->gpu)
		return cpu->gpu->kind->norm(cpu->gpu, g, n);
	norm_work w = {cpu, g, n, aic_xmalloc(chunks * sizeof(float))};
	float sum = 0.0f;

	aic_threads_run(cpu->threads, chunks, 1, norm_share, &w);
	for (size_t c = 0; c < chunks; c++)
		sum = sum + w.chunk[c];
	free(w.chunk);
	return sqrtf(sum);
}

typedef struct {
	aic_optimizer *o;
	const aic_cpu *cpu;
	aic_adamw_step step;
	const float *g;
	float *w;
} update;

static void update_share(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const update *u = ctx;
	size_t len = end - begin;

	(void)thread;
	if (u->o->square)
		u->cpu->k->adamw(len, &u->step, u->g + begin, u->w + begin, u->o->mean + begin, u->o->square + begin);
	else
		u->cpu->k->momentum(len, u->step.lr, u->o->spec->momentum, u->step.decay, u->step.scale, u->g + begin, u->w + begin,
		                    u->o->mean + begin);
}

static void step_on_gpu(const update *u)
{
	aic_gpu *g = u->o->gpu;

	if (u->o->square)
		g->kind->adamw(g, u->o->n, &u->step, u->g, u->w, u->o->live_mean, u->o->live_square);
	else
		g->kind->momentum(g, u->o->n, u->step.lr, u->o->spec->momentum, u->step.decay, u->step.scale, u->g, u->w, u->o->live_mean);
}

void aic_optimizer_step(aic_optimizer *o, const aic_cpu *cpu, uint64_t step, float norm, const float *g, float *w)
{
	const aic_spec *s = o->spec;
	update u = {.o = o, .cpu = cpu, .g = g, .w = w};

	o->power1 = o->power1 * s->beta1;
	o->power2 = o->power2 * s->beta2;
	u.step = (aic_adamw_step){.lr = aic_optimizer_rate(o, step), .beta1 = s->beta1, .beta2 = s->beta2, .eps = s->eps,
	                          .decay = s->weight_decay, .correct1 = 1.0f - o->power1, .correct2 = 1.0f - o->power2, .scale = 1.0f};
	if (s->clip > 0.0f && norm > s->clip)
		u.step.scale = s->clip / norm;
	if (o->gpu) {
		step_on_gpu(&u);
		return;
	}
	aic_threads_run(cpu->threads, o->n, AIC_NORM_CHUNK, update_share, &u);
}
