#define _GNU_SOURCE
#include "mpi-runner/verify_testing.h"

#include "config.h"

#include "common/testing.h"

#include "common/file.h"
#include "common/session_call.h"

enum { SPEC_LEN = 1024, DATA_BYTES = 3000 };

static void write_file(const char *folder, const char *name, const void *data, size_t len)
{
	char path[PATH_MAX];
	aic_error err;

	assert_int_equal(aic_path_join(path, sizeof(path), folder, name, &err), AIC_OK);
	assert_int_equal(aic_file_write_atomic(path, data, len, 0644, &err), AIC_OK);
}

void verify_testing_spec(char path[PATH_MAX], const char *folder, unsigned steps, unsigned every)
{
	char text[SPEC_LEN], data[DATA_BYTES];
	uint64_t state = 7;

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)('a' + test_random(&state) % 5);
	write_file(folder, "data.txt", data, sizeof(data));
	int n = snprintf(text, sizeof(text), "model: {name: tiny, input: \"text[6]\", output: \"class[256]\", preset: gpt, depth: 1, width: 8, heads: 2, "
	                 "dropout: 0.1}\ndata: {path: data.txt, format: text}\n"
	                 "train: {optimizer: adamw, lr: 3e-3, warmup: 3, clip: 1, batch: 8, steps: %u, seed: 3}\n"
	                 "prove: {shards: 4, checkpoint_every: %u}\n", steps, every);
	write_file(folder, "spec.yaml", text, (size_t)n);
	snprintf(path, PATH_MAX, "%s/spec.yaml", folder);
}

static void salt(uint8_t out[AIC_SALT_LEN], uint8_t id, uint8_t which)
{
	memset(out, id, AIC_SALT_LEN);
	out[0] = which;
}

/* --- training --- */

static void open_session(trained *t, aic_training *run, uint8_t id)
{
	aic_session_file *f = &t->file;
	aic_verification_question *q = &t->asked;
	aic_hash spec = aic_sha256_of(run->spec_text.data, run->spec_text.len), code = aic_sha256_of(PACKAGE_STRING, strlen(PACKAGE_STRING));
	aic_bytes b = {0};

	memset(f->session.b, id, AIC_HASH_LEN);
	memset(f->entropy.b, id + 1, AIC_HASH_LEN);
	salt(f->spec_salt, id, 1);
	salt(f->data_salt, id, 2);
	salt(f->code_salt, id, 3);
	strcpy(f->code, PACKAGE_STRING);
	strcpy(f->name, t->spec);
	*q = (aic_verification_question){.session = f->session, .entropy = f->entropy, .shards = run->spec->shards,
	                                 .spec = aic_session_salted(f->spec_salt, &spec),
	                                 .data = aic_session_salted(f->data_salt, &run->data->digest),
	                                 .code = aic_session_salted(f->code_salt, &code)};
	aic_session_file_put(&b, f);
	write_file(t->folder, AIC_SESSION_FILE, b.data, b.len);
	aic_bytes_free(&b);
	write_file(t->folder, AIC_SESSION_SPEC, run->spec_text.data, run->spec_text.len);
}

static void commit(trained *t, aic_training *run)
{
	char path[PATH_MAX];
	aic_checkpoint c, saved;
	aic_error err;
	aic_verification_point p;

	aic_training_describe(run, &c);
	assert_int_equal(aic_checkpoint_save(&c, NULL, t->folder, 1000, &err), AIC_OK);
	aic_checkpoint_path(path, t->folder, (int64_t)run->step);
	assert_int_equal(aic_checkpoint_head(&saved, &p.root, path, &err), AIC_OK);
	p.step = run->step;
	p.chain = saved.state.chain;
	aic_segment_free(&saved.segment);
	size_t n = (size_t)(run->step / run->spec->checkpoint_every);
	assert_true(n < AIC_VERIFICATION_SEGMENTS_MAX);
	if (n < AIC_VERIFICATION_SEGMENTS_MAX)
		t->asked.segment[n].from = p;
	if (n > 0) {
		t->asked.segment[n - 1].number = n - 1;
		t->asked.segment[n - 1].to = p;
		t->asked.n = n;
	}
	aic_segment_begin(&run->segment, &run->segment.now, run->step);
}

/* Says that a step was done as the one before it. */
static void skip_step(aic_training *run)
{
	aic_step_bits last = {0x3f800000, 0x3f800000};
	float loss, norm;

	if (run->segment.n)
		last = run->segment.bits[run->segment.n - 1];
	memcpy(&loss, &last.loss, sizeof(loss));
	memcpy(&norm, &last.norm, sizeof(norm));
	run->optimizer.power1 *= run->spec->beta1;
	run->optimizer.power2 *= run->spec->beta2;
	run->step++;
	aic_segment_add(&run->segment, loss, norm);
}

static void step(aic_training *run, const cheating *how)
{
	bool here = run->step == how->at;
	aic_step_result r;
	aic_error err;

	if (here && how->forges)
		run->weights[run->model->parameters - 1] += 0x1p-10f;
	if (here && how->skips) {
		skip_step(run);
		return;
	}
	if (here && how->reorders)
		run->step++;
	assert_int_equal(aic_training_step(run, false, &r, &err), AIC_OK);
	if (here && how->reorders)
		run->step--;
}

void verify_testing_train(trained *t, const char *folder, const char *spec, uint8_t id, const cheating *how)
{
	static const cheating honest;
	aic_training run = {.spec_path = spec, .spec_name = spec};
	aic_error err = {0};

	how = how ? how : &honest;
	*t = (trained){.folder = ""};
	strcpy(t->folder, folder);
	strcpy(t->spec, spec);
	assert_int_equal(aic_collective_self(&run.c, &err), AIC_OK);
	assert_int_equal(aic_training_open(&run, &err), AIC_OK);
	open_session(t, &run, id);
	uint64_t seed = aic_session_seed(run.spec->seed, &t->file.session, &t->file.entropy);
	uint32_t shards = run.spec->shards;
	run.spec->seed = seed;
	aic_hash expected = aic_spec_identity(run.spec, &run.data->digest, NULL);
	run.spec->seed = seed + how->another_seed;
	run.spec->shards = how->shards ? how->shards : shards;
	assert_int_equal(aic_training_begin(&run, &err), AIC_OK);
	if (how->conceals) {
		run.identity = expected;
		aic_hash opening = aic_step_chain_start(&expected);
		aic_segment_begin(&run.segment, &opening, 0);
	}
	assert_int_equal(aic_training_send(&run, &err), AIC_OK);
	commit(t, &run);
	while (run.step < run.steps) {
		step(&run, how);
		if (run.step % run.spec->checkpoint_every == 0)
			commit(t, &run);
	}
	aic_training_close(&run);
	aic_collective_close(run.c);
}

void verify_testing_ask(const trained *t, size_t first, size_t n, const char *path)
{
	aic_verification_question q = t->asked;
	aic_bytes b = {0};
	aic_error err;

	assert_true(first + n <= q.n);
	q.n = n;
	memmove(q.segment, q.segment + first, n * sizeof(*q.segment));
	aic_verification_question_put(&b, &q);
	assert_int_equal(aic_file_write_atomic(path, b.data, b.len, 0644, &err), AIC_OK);
	aic_bytes_free(&b);
}
