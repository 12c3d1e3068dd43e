#include "mpi-runner/train.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/bytes.h"
#include "common/file.h"
#include "common/log.h"
#include "mpi-runner/gpu.h"
#include "mpi-runner/model_file.h"
#include "mpi-runner/signals.h"
#include "mpi-runner/training.h"

enum { SPEC_MAX = 1 << 20 };

static bool leads(const aic_training *t)
{
	return t->c->rank == 0;
}

static aic_code read_spec(aic_training *t, aic_error *err)
{
	aic_bytes *text = &t->spec_text;
	uint64_t len = 0;
	aic_code rc = AIC_OK;

	if (leads(t)) {
		rc = aic_file_read(text, t->options->spec, SPEC_MAX, err);
		len = text->len;
	}
	rc = aic_collective_agree(t->c, rc, err);
	if (rc == AIC_OK)
		rc = aic_collective_broadcast(t->c, &len, sizeof(len), err);
	if (rc == AIC_OK && !leads(t)) {
		aic_bytes_reserve(text, (size_t)len);
		text->len = (size_t)len;
	}
	if (rc == AIC_OK)
		rc = aic_collective_broadcast(t->c, text->data, text->len, err);
	if (rc == AIC_OK)
		rc = aic_spec_parse(&t->spec, t->options->spec, (const char *)text->data, text->len, err);
	if (rc == AIC_OK)
		rc = aic_model_build(&t->model, t->spec, err);
	return rc; /* the same text gives the same result on all ranks */
}

static aic_code same_data(aic_training *t, aic_error *err)
{
	aic_hash lead = t->data->digest;
	aic_code rc = aic_collective_broadcast(t->c, &lead, sizeof(lead), err);

	if (rc == AIC_OK && !aic_hash_equal(&lead, &t->data->digest))
		rc = aic_fail(err, AIC_CORRUPT, "the data set on this node differs from that of rank 0: install the same version on all nodes");
	return aic_collective_agree(t->c, rc, err);
}

static aic_code open_gpu(aic_training *t, aic_error *err)
{
	aic_error why = {0};
	aic_code rc = aic_gpu_choose(&t->gpu, t->spec->device, t->spec->fast, &why, err);

	if (why.message[0])
		aic_debug("computing on the CPU: %s", why.message);
	rc = aic_collective_agree(t->c, rc, err);
	if (rc == AIC_OK)
		rc = aic_gpu_meet(t->gpu, t->c, err);
	t->cpu->gpu = t->gpu;
	return rc;
}

/* What was initialised or loaded goes to where steps work on it. */
static aic_code send_state(aic_training *t, aic_error *err)
{
	size_t bytes = t->model->parameters * sizeof(float);
	aic_code rc = AIC_OK;

	t->live = t->weights;
	if (t->gpu) {
		t->live = t->gpu->kind->room(t->gpu, bytes);
		t->gpu->kind->upload(t->gpu, t->live, t->weights, bytes);
		aic_optimizer_move(&t->optimizer, t->gpu);
		rc = t->gpu->kind->check(t->gpu, err);
	}
	return aic_collective_agree(t->c, rc, err);
}

/* The state comes home to be saved. */
static aic_code fetch_state(aic_training *t, aic_error *err)
{
	if (!t->gpu)
		return AIC_OK;
	t->gpu->kind->download(t->gpu, t->weights, t->live, t->model->parameters * sizeof(float));
	aic_optimizer_fetch(&t->optimizer);
	return t->gpu->kind->check(t->gpu, err);
}

/* By the seed, or from a file that rank 0 reads; they are in the training's identity. */
static aic_code first_weights(aic_training *t, aic_error *err)
{
	size_t n = t->model->parameters;
	char path[PATH_MAX];
	aic_code rc = AIC_OK;

	if (!t->spec->weights[0]) {
		aic_model_init(t->model, t->spec->seed, t->weights);
		t->identity = aic_spec_identity(t->spec, &t->data->digest, NULL);
		return AIC_OK;
	}
	if (leads(t)) {
		aic_spec_path(t->spec, t->spec->weights, path, sizeof(path));
		rc = aic_model_file_weights(path, t->model, t->weights, err);
	}
	rc = aic_collective_agree(t->c, rc, err);
	if (rc == AIC_OK)
		rc = aic_collective_broadcast(t->c, t->weights, n * sizeof(float), err);
	aic_hash hash = aic_floats_hash(t->weights, rc == AIC_OK ? n : 0);
	t->identity = aic_spec_identity(t->spec, &t->data->digest, &hash);
	return rc;
}

static aic_code prepare(aic_training *t, aic_error *err)
{
	aic_code rc = read_spec(t, err);
	if (rc != AIC_OK)
		return rc;
	rc = aic_cpu_open(&t->cpu, NULL, aic_threads_default(), err);
	if (rc == AIC_OK)
		rc = aic_data_open(&t->data, t->spec, err);
	rc = aic_collective_agree(t->c, rc, err);
	if (rc == AIC_OK)
		rc = same_data(t, err);
	if (rc == AIC_OK)
		rc = open_gpu(t, err);
	if (rc != AIC_OK)
		return rc;
	aic_stepper_init(&t->stepper, t->spec, t->model, t->cpu, t->data, t->c);
	t->steps = t->spec->steps ? t->spec->steps : t->spec->epochs * aic_stepper_steps_per_epoch(&t->stepper);
	aic_optimizer_init(&t->optimizer, t->spec, t->model->parameters, t->steps);
	t->weights = aic_xmalloc(t->model->parameters * sizeof(float));
	return first_weights(t, err);
}

static uint32_t bits_of(float f)
{
	uint32_t u;
	memcpy(&u, &f, sizeof(u));
	return u;
}

static float float_of(uint32_t u)
{
	float f;
	memcpy(&f, &u, sizeof(f));
	return f;
}

static void describe(const aic_training *t, aic_checkpoint *c)
{
	uint64_t per_epoch = aic_stepper_steps_per_epoch(&t->stepper);

	*c = (aic_checkpoint){.state = {.identity = t->identity, .step = t->step, .epoch = t->step / per_epoch,
	                                .sample = t->step % per_epoch * t->spec->batch, .seed = t->spec->seed,
	                                .parameters = t->model->parameters, .sections = t->optimizer.square ? 3 : 2,
	                                .power1 = bits_of(t->optimizer.power1), .power2 = bits_of(t->optimizer.power2),
	                                .chain = t->segment.now},
	                      .segment = t->segment, .section = {t->weights, t->optimizer.mean, t->optimizer.square}};
}

static aic_code open_output(aic_training *t, aic_error *err)
{
	char path[PATH_MAX];

	if (t->options->run_dir)
		aic_str_copy(t->folder, sizeof(t->folder), t->options->run_dir);
	else
		snprintf(t->folder, sizeof(t->folder), "%s.aic", t->spec->name);
	if (!leads(t))
		return AIC_OK;
	aic_code rc = aic_dir_make(t->folder, 0755, err);
	if (rc == AIC_OK)
		rc = aic_path_join(path, sizeof(path), t->folder, "metrics.jsonl", err);
	if (rc == AIC_OK)
		rc = aic_metrics_open(&t->metrics, path, err);
	return rc;
}

/* Rank 0: weights and optimizer from the newest whole checkpoint. */
static aic_code load(aic_training *t, bool *found, aic_error *err)
{
	aic_error damaged = {0};
	aic_checkpoint c;

	if (t->options->fresh)
		aic_checkpoint_clear(t->folder);
	aic_checkpoint_tidy(t->folder);
	describe(t, &c);
	aic_code rc = aic_checkpoint_load(&c, t->folder, &damaged, err);
	if (damaged.message[0] && rc != AIC_CORRUPT)
		aic_warn("%s; %s", damaged.message, rc == AIC_OK ? "an older checkpoint is used" : "there is no older one");
	*found = rc == AIC_OK;
	if (rc != AIC_OK)
		return rc == AIC_NOT_FOUND ? AIC_OK : rc;
	t->step = c.state.step;
	t->optimizer.power1 = float_of(c.state.power1);
	t->optimizer.power2 = float_of(c.state.power2);
	t->segment = c.segment;
	return AIC_OK;
}

/* All ranks continue from what rank 0 found. */
static aic_code resume(aic_training *t, aic_error *err)
{
	float *section[] = {t->weights, t->optimizer.mean, t->optimizer.square};
	struct { uint64_t step; float power1, power2; bool found; } state = {0};
	aic_code rc = AIC_OK;

	if (leads(t)) {
		aic_hash opening = aic_step_chain_start(&t->identity);
		aic_segment_begin(&t->segment, &opening, 0);
		rc = load(t, &state.found, err);
		state.step = t->step;
		state.power1 = t->optimizer.power1;
		state.power2 = t->optimizer.power2;
	}
	rc = aic_collective_agree(t->c, rc, err);
	if (rc == AIC_OK)
		rc = aic_collective_broadcast(t->c, &state, sizeof(state), err);
	if (rc != AIC_OK || !state.found)
		return rc;
	for (size_t i = 0; rc == AIC_OK && i < 3 && section[i]; i++)
		rc = aic_collective_broadcast(t->c, section[i], t->model->parameters * sizeof(float), err);
	t->step = state.step;
	t->optimizer.power1 = state.power1;
	t->optimizer.power2 = state.power2;
	return rc;
}

/* A checkpoint of the step that is done; now: durable before it returns. */
static aic_code save(aic_training *t, bool now, aic_error *err)
{
	uint64_t every = t->spec->checkpoint_every;
	aic_checkpoint c;

	aic_code rc = aic_collective_agree(t->c, fetch_state(t, err), err);
	if (rc != AIC_OK)
		return rc;
	describe(t, &c);
	rc = aic_saver_begin(t->saver, &c, err);
	aic_say_saved(t); /* the one before */
	if (rc == AIC_OK && now)
		rc = aic_saver_finish(t->saver, err);
	if (every && t->step % every == 0)
		aic_segment_begin(&t->segment, &t->segment.now, t->step);
	aic_say_saved(t);
	return rc;
}

static aic_code test(aic_training *t, aic_error *err)
{
	aic_test_result r;
	aic_code rc = aic_stepper_test(&t->stepper, t->live, &r, err);

	if (rc != AIC_OK || !leads(t))
		return rc;
	aic_say_test(t, &r);
	return AIC_OK;
}

static aic_code one_step(aic_training *t, bool *stop, aic_error *err)
{
	aic_step_result r;
	aic_code rc = aic_stepper_gradient(&t->stepper, t->step, t->live, aic_signals_stop() || aic_saver_failed(t->saver), &r, err);

	if (rc != AIC_OK)
		return rc;
	aic_optimizer_step(&t->optimizer, t->cpu, t->step, r.norm, r.gradient, t->live);
	t->step++;
	*stop = r.stop;
	if (leads(t))
		aic_segment_add(&t->segment, r.loss, r.norm);
	aic_say_step(t, &r);
	aic_say_saved(t);
	return aic_saver_step(t->saver, err);
}

static aic_code run_steps(aic_training *t, bool *stopped, aic_error *err)
{
	aic_code rc = AIC_OK;

	t->saver = aic_saver_new(t->c, t->folder, t->spec->keep);
	aic_progress_begin(&t->progress, stdout, t->step, t->steps, t->spec->batch);
	if (t->step == 0 && t->spec->checkpoint_every) /* where the first segment begins */
		rc = save(t, false, err);
	while (rc == AIC_OK && t->step < t->steps) {
		bool stop = false;
		rc = one_step(t, &stop, err);
		if (rc != AIC_OK)
			break;
		bool end = t->step == t->steps;
		*stopped = stop && !end;
		if (*stopped || end || (t->spec->checkpoint_every && t->step % t->spec->checkpoint_every == 0))
			rc = save(t, *stopped || end, err);
		if (*stopped)
			break;
		if (rc == AIC_OK && !end && t->step % aic_stepper_steps_per_epoch(&t->stepper) == 0)
			rc = test(t, err);
	}
	aic_progress_break(&t->progress);
	return rc;
}

static aic_code export(aic_training *t, aic_error *err)
{
	char path[PATH_MAX];
	aic_code rc = AIC_OK;

	if (leads(t)) {
		rc = aic_path_join(path, sizeof(path), t->folder, "model.safetensors", err);
		if (rc == AIC_OK)
			rc = aic_model_file_write(path, t->model, t->weights, (const char *)t->spec_text.data, t->spec_text.len, err);
	}
	return aic_collective_agree(t->c, rc, err);
}

static void training_free(aic_training *t)
{
	aic_saver_free(t->saver);
	aic_segment_free(&t->segment);
	if (t->gpu)
		t->gpu->kind->release(t->gpu, t->live);
	free(t->weights);
	aic_bytes_free(&t->spec_text);
	if (t->spec) {
		aic_optimizer_free(&t->optimizer);
		aic_stepper_free(&t->stepper);
	}
	aic_data_close(t->data);
	aic_gpu_close(t->gpu);
	aic_cpu_close(t->cpu);
	aic_model_free(t->model);
	aic_spec_free(t->spec);
}

aic_code aic_train(aic_collective *c, const aic_train_options *options, bool *stopped, aic_error *err)
{
	aic_training t = {.c = c, .options = options};

	*stopped = false;
	aic_code rc = prepare(&t, err);
	if (rc == AIC_OK)
		rc = aic_collective_agree(c, open_output(&t, err), err);
	if (rc == AIC_OK)
		rc = resume(&t, err);
	if (rc == AIC_OK)
		rc = send_state(&t, err);
	if (rc == AIC_OK)
		rc = aic_collective_agree(c, leads(&t) ? aic_tensorboard_open(&t.board, t.folder, t.step, err) : AIC_OK, err);
	if (rc == AIC_OK) {
		aic_say_start(&t);
		rc = run_steps(&t, stopped, err);
	}
	if (rc == AIC_OK && !*stopped)
		rc = test(&t, err);
	if (rc == AIC_OK && !*stopped)
		rc = export(&t, err);
	if (rc == AIC_OK)
		aic_say_end(&t, *stopped);
	aic_error late;
	if (aic_metrics_close(t.metrics, &late) != AIC_OK)
		aic_warn("%s", late.message);
	if (aic_tensorboard_close(t.board, &late) != AIC_OK)
		aic_warn("%s", late.message);
	training_free(&t);
	return rc;
}
