#include "mpi-runner/step.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "mpi-runner/gpu.h"
#include "mpi-runner/optimizer.h"
#include "mpi-runner/philox.h"

/* Behind the gradient the shards' vectors carry: */
enum { TAIL_LOSS, TAIL_CORRECT, TAIL_STOP, TAIL };
enum { TEST_PASS = 256 }; /* samples at once */

void aic_stepper_init(aic_stepper *s, const aic_spec *spec, const aic_model *m, const aic_cpu *cpu, const aic_data *d, aic_collective *c)
{
	*s = (aic_stepper){.spec = spec, .model = m, .cpu = cpu, .data = d, .collective = c, .order_epoch = UINT64_MAX};
	size_t most = (size_t)((spec->batch + spec->shards - 1) / spec->shards);
	if (spec->micro_batch && spec->micro_batch < most)
		most = (size_t)spec->micro_batch;
	s->pass = aic_pass_new(m, cpu, most, true);
	s->pass->after_ctx = s;
	s->order = aic_xcalloc(d->count[AIC_TRAIN], sizeof(*s->order));
	aic_fold_init(&s->gradient, cpu, c, spec->shards, m->parameters + TAIL);
	aic_fold_init(&s->score, cpu, c, spec->shards, TAIL);
	if (cpu->gpu)
		s->live_correct = cpu->gpu->kind->room(cpu->gpu, sizeof(*s->live_correct));
}

void aic_stepper_free(aic_stepper *s)
{
	aic_pass_free(s->pass);
	aic_fold_free(&s->gradient);
	aic_fold_free(&s->score);
	free(s->order);
	if (s->cpu && s->cpu->gpu)
		s->cpu->gpu->kind->release(s->cpu->gpu, s->live_correct);
}

uint64_t aic_stepper_steps_per_epoch(const aic_stepper *s)
{
	return s->data->count[AIC_TRAIN] / s->spec->batch;
}

static void fetch(aic_stepper *s, aic_part part, const uint32_t *index, size_t n)
{
	s->pass->samples = n;
	s->data->kind->fetch(s->data, part, index, n, s->pass->input, s->pass->target_class, s->pass->target_value);
}

static size_t positions(const aic_stepper *s)
{
	return s->model->layer[s->model->layers - 1].out.positions;
}

/* Layers behind this one are complete, too: their parameters lie behind. */
static void sum_while_computing(void *ctx, size_t layer)
{
	aic_stepper *s = ctx;

	if (s->model->layer[layer].parameters > 0)
		aic_fold_ready(&s->gradient, s->model->layer[layer].parameter[0].at);
}

/* The shard's samples of the batch, in passes that continue each other's chains. */
static void shard_gradient(aic_stepper *s, uint64_t step, const float *weights, const uint32_t *batch, uint32_t shard, float *g)
{
	size_t b = (size_t)s->spec->batch, from = aic_shard_row(s->spec->shards, shard, b), to = aic_shard_row(s->spec->shards, shard + 1, b);
	aic_pass *p = s->pass;
	float *tail = g + s->model->parameters;
	float scale = 1.0f / (float)(s->spec->batch * positions(s));
	aic_gpu *gpu = s->cpu->gpu;
	uint64_t count = 0, *correct = gpu ? s->live_correct : &count;

	if (gpu)
		gpu->kind->zero(gpu, correct, sizeof(*correct));
	p->weights = weights;
	p->grads = g;
	p->training = true;
	p->seed = s->spec->seed;
	p->step = (uint32_t)step;
	for (size_t at = from; at < to; at += p->capacity) {
		size_t n = to - at < p->capacity ? to - at : p->capacity;
		p->first_sample = at;
		fetch(s, AIC_TRAIN, batch + at, n);
		aic_pass_forward(p);
		aic_pass_loss(p, scale, &tail[TAIL_LOSS], correct);
		if (gpu)
			gpu->kind->number(gpu, correct, &tail[TAIL_CORRECT]);
		else
			tail[TAIL_CORRECT] = (float)*correct;
		p->after = shard + 1 == s->gradient.end && at + n == to ? sum_while_computing : NULL;
		aic_pass_backward(p);
	}
	p->after = NULL;
}

static const uint32_t *batch_of(aic_stepper *s, uint64_t step)
{
	uint64_t per_epoch = aic_stepper_steps_per_epoch(s), epoch = step / per_epoch;

	if (epoch != s->order_epoch) {
		aic_random_permutation(s->spec->seed, (uint32_t)epoch, s->order, s->data->count[AIC_TRAIN]);
		s->order_epoch = epoch;
	}
	return s->order + step % per_epoch * s->spec->batch;
}

/* Data that memory does not hold: this rank's samples of the next step are read from disk while this one computes. */
static void prefetch_next(const aic_stepper *s, uint64_t step, const uint32_t *batch)
{
	size_t b = (size_t)s->spec->batch, from = aic_shard_row(s->spec->shards, s->gradient.first, b);

	if (s->data->prefetched && s->data->kind->prefetch && (step + 1) % aic_stepper_steps_per_epoch(s) != 0)
		s->data->kind->prefetch(s->data, AIC_TRAIN, batch + b + from, aic_shard_row(s->spec->shards, s->gradient.end, b) - from);
}

/* The first thing that is not finite, by its place. */
static aic_code check_finite(const aic_stepper *s, uint64_t step, const aic_step_result *r, aic_error *err)
{
	size_t n = s->model->parameters, i = 0;
	char place[96];

	if (isfinite(r->loss) && isfinite(r->norm))
		return AIC_OK;
	float *home = s->cpu->gpu ? aic_xmalloc(n * sizeof(float)) : NULL;
	if (home)
		s->cpu->gpu->kind->download(s->cpu->gpu, home, r->gradient, n * sizeof(float));
	const float *gradient = home ? home : r->gradient;
	while (i < n && isfinite(gradient[i]))
		i++;
	float bad = i < n ? gradient[i] : 0.0f;
	free(home);
	if (i < n) {
		aic_model_place(s->model, i, place, sizeof(place));
		return aic_fail(err, AIC_REFUSED, "step %llu: the gradient of %s is %g, the loss %g: lower train: lr, set clip, or look for "
		                "broken samples", (unsigned long long)step, place, (double)bad, (double)r->loss);
	}
	return aic_fail(err, AIC_REFUSED, "step %llu: the loss is %g and the gradient's norm %g: lower train: lr or set clip",
	                (unsigned long long)step, (double)r->loss, (double)r->norm);
}

static void tail_of(const aic_stepper *s, const float *from, float to[TAIL])
{
	if (s->cpu->gpu)
		s->cpu->gpu->kind->download(s->cpu->gpu, to, from, TAIL * sizeof(float));
	else
		memcpy(to, from, TAIL * sizeof(float));
}

aic_code aic_stepper_gradient(aic_stepper *s, uint64_t step, const float *weights, bool want_stop, aic_step_result *r, aic_error *err)
{
	const uint32_t *batch = batch_of(s, step);
	size_t b = (size_t)s->spec->batch;
	float *sum;

	prefetch_next(s, step, batch);
	aic_fold_begin(&s->gradient);
	for (uint32_t shard = s->gradient.first; shard < s->gradient.end; shard++) {
		float *g = aic_fold_open(&s->gradient, shard);
		if (s->cpu->gpu)
			s->cpu->gpu->kind->set(s->cpu->gpu, g + s->model->parameters + TAIL_STOP, want_stop ? 1.0f : 0.0f);
		else
			g[s->model->parameters + TAIL_STOP] = want_stop ? 1.0f : 0.0f;
		shard_gradient(s, step, weights, batch, shard, g);
		aic_fold_shut(&s->gradient);
	}
	aic_code rc = aic_fold_finish(&s->gradient, s->collective, &sum, err);
	if (rc != AIC_OK)
		return rc;
	float tail[TAIL];
	tail_of(s, sum + s->model->parameters, tail);
	float rows = (float)(b * positions(s));
	*r = (aic_step_result){.loss = tail[TAIL_LOSS] / rows, .accuracy = tail[TAIL_CORRECT] / rows, .stop = tail[TAIL_STOP] > 0.0f,
	                       .norm = aic_gradient_norm(s->cpu, sum, s->model->parameters), .gradient = sum};
	if (s->cpu->gpu && (rc = s->cpu->gpu->kind->check(s->cpu->gpu, err)) != AIC_OK)
		return rc;
	return check_finite(s, step, r, err);
}

static void shard_score(aic_stepper *s, const float *weights, size_t from, size_t to, float *score, uint64_t *correct)
{
	aic_pass *p = s->pass;
	uint32_t index[TEST_PASS];
	size_t most = p->capacity < TEST_PASS ? p->capacity : TEST_PASS;

	p->weights = weights;
	p->grads = NULL;
	p->training = false;
	for (size_t at = from; at < to; at += most) {
		size_t n = to - at < most ? to - at : most;
		for (size_t i = 0; i < n; i++)
			index[i] = (uint32_t)(at + i);
		fetch(s, AIC_TEST, index, n);
		aic_pass_forward(p);
		aic_pass_loss(p, 1.0f, &score[TAIL_LOSS], correct);
	}
}

aic_code aic_stepper_test(aic_stepper *s, const float *weights, aic_test_result *r, aic_error *err)
{
	size_t count = s->data->count[AIC_TEST];
	aic_gpu *gpu = s->cpu->gpu;
	uint64_t correct = 0;
	float *sum, tail[TAIL];

	if (gpu)
		gpu->kind->zero(gpu, s->live_correct, sizeof(*s->live_correct));
	aic_fold_begin(&s->score);
	for (uint32_t shard = s->score.first; shard < s->score.end; shard++) {
		float *score = aic_fold_open(&s->score, shard);
		shard_score(s, weights, aic_shard_row(s->spec->shards, shard, count), aic_shard_row(s->spec->shards, shard + 1, count), score,
		            gpu ? s->live_correct : &correct);
		aic_fold_shut(&s->score);
	}
	if (gpu)
		gpu->kind->download(gpu, &correct, s->live_correct, sizeof(correct));
	aic_code rc = aic_fold_finish(&s->score, s->collective, &sum, err);
	if (rc == AIC_OK)
		rc = aic_collective_sum(s->collective, &correct, 1, err);
	if (rc == AIC_OK && gpu)
		rc = gpu->kind->check(gpu, err);
	if (rc != AIC_OK)
		return rc;
	tail_of(s, sum, tail);
	*r = (aic_test_result){tail[TAIL_LOSS] / (float)(count * positions(s)), (float)((double)correct / (double)(count * positions(s)))};
	return rc;
}
