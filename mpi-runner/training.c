/* training.c: what a training and a verification of one do alike. */
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/log.h"
#include "mpi-runner/model_file.h"
#include "mpi-runner/training.h"

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
		rc = aic_file_read(text, t->spec_path, AIC_SPEC_MAX, err);
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
		rc = aic_spec_parse(&t->spec, t->spec_name, (const char *)text->data, text->len, err);
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

aic_code aic_training_send(aic_training *t, aic_error *err)
{
	size_t bytes = t->model->parameters * sizeof(float);
	aic_code rc = AIC_OK;

	if (!t->gpu) {
		t->live = t->weights;
	} else {
		if (!t->live)
			t->live = t->gpu->kind->room(t->gpu, bytes);
		t->gpu->kind->upload(t->gpu, t->live, t->weights, bytes);
		aic_optimizer_move(&t->optimizer, t->gpu);
		rc = t->gpu->kind->check(t->gpu, err);
	}
	return aic_collective_agree(t->c, rc, err);
}

aic_code aic_training_fetch(aic_training *t, aic_error *err)
{
	aic_code rc = AIC_OK;

	if (t->gpu) {
		t->gpu->kind->download(t->gpu, t->weights, t->live, t->model->parameters * sizeof(float));
		aic_optimizer_fetch(&t->optimizer);
		rc = t->gpu->kind->check(t->gpu, err);
	}
	return aic_collective_agree(t->c, rc, err);
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

aic_code aic_training_open(aic_training *t, aic_error *err)
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
	return rc;
}

uint64_t aic_training_steps(const aic_training *t)
{
	return t->spec->steps ? t->spec->steps : t->spec->epochs * (t->data->count[AIC_TRAIN] / t->spec->batch);
}

aic_code aic_training_begin(aic_training *t, aic_error *err)
{
	aic_stepper_init(&t->stepper, t->spec, t->model, t->cpu, t->data, t->c);
	t->steps = aic_training_steps(t);
	aic_optimizer_init(&t->optimizer, t->spec, t->model->parameters, t->steps);
	t->weights = aic_xmalloc(t->model->parameters * sizeof(float));
	aic_code rc = first_weights(t, err);
	aic_hash opening = aic_step_chain_start(&t->identity);
	aic_segment_begin(&t->segment, &opening, 0);
	return rc;
}

static uint32_t bits_of(float f)
{
	uint32_t u;
	memcpy(&u, &f, sizeof(u));
	return u;
}

void aic_training_describe(const aic_training *t, aic_checkpoint *c)
{
	uint64_t per_epoch = aic_stepper_steps_per_epoch(&t->stepper);

	*c = (aic_checkpoint){.state = {.identity = t->identity, .step = t->step, .epoch = t->step / per_epoch,
	                                .sample = t->step % per_epoch * t->spec->batch, .seed = t->spec->seed,
	                                .parameters = t->model->parameters, .sections = t->optimizer.square ? 3 : 2,
	                                .power1 = bits_of(t->optimizer.power1), .power2 = bits_of(t->optimizer.power2),
	                                .chain = t->segment.now},
	                      .segment = t->segment, .section = {t->weights, t->optimizer.mean, t->optimizer.square}};
}

static float float_of(uint32_t u)
{
	float f;
	memcpy(&f, &u, sizeof(f));
	return f;
}

void aic_training_take(aic_training *t, const aic_checkpoint *c)
{
	t->step = c->state.step;
	t->optimizer.power1 = float_of(c->state.power1);
	t->optimizer.power2 = float_of(c->state.power2);
	t->segment = c->segment;
}

aic_code aic_training_share(aic_training *t, aic_error *err)
{
	float *section[] = {t->weights, t->optimizer.mean, t->optimizer.square};
	struct { uint64_t step; float power1, power2; } state = {t->step, t->optimizer.power1, t->optimizer.power2};
	aic_code rc = aic_collective_broadcast(t->c, &state, sizeof(state), err);

	for (size_t i = 0; rc == AIC_OK && i < 3 && section[i]; i++)
		rc = aic_collective_broadcast(t->c, section[i], t->model->parameters * sizeof(float), err);
	t->step = state.step;
	t->optimizer.power1 = state.power1;
	t->optimizer.power2 = state.power2;
	return rc;
}

aic_code aic_training_step(aic_training *t, bool want_stop, aic_step_result *r, aic_error *err)
{
	aic_code rc = aic_stepper_gradient(&t->stepper, t->step, t->live, want_stop, r, err);

	if (rc != AIC_OK)
		return rc;
	aic_optimizer_step(&t->optimizer, t->cpu, t->step, r->norm, r->gradient, t->live);
	t->step++;
	if (leads(t))
		aic_segment_add(&t->segment, r->loss, r->norm);
	return AIC_OK;
}

void aic_training_close(aic_training *t)
{
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
