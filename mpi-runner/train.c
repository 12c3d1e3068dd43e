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

static bool leads(const aic_training *t)
{
	return t->c->rank == 0;
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
	aic_training_describe(t, &c);
	aic_code rc = aic_checkpoint_load(&c, t->folder, &damaged, err);
	if (damaged.message[0] && rc != AIC_CORRUPT)
		aic_warn("%s; %s", damaged.message, rc == AIC_OK ? "an older checkpoint is used" : "there is no older one");
	*found = rc == AIC_OK;
	if (rc != AIC_OK)
		return rc == AIC_NOT_FOUND ? AIC_OK : rc;
	aic_training_take(t, &c);
	return AIC_OK;
}

static aic_code resume(aic_training *t, aic_error *err)
{
	bool found = false;
	aic_code rc = leads(t) ? load(t, &found, err) : AIC_OK;

	rc = aic_collective_agree(t->c, rc, err);
	if (rc == AIC_OK)
		rc = aic_collective_broadcast(t->c, &found, sizeof(found), err);
	return rc == AIC_OK && found ? aic_training_share(t, err) : rc;
}

/* A checkpoint of the step that is done; now: durable before it returns. */
static aic_code save(aic_training *t, bool now, aic_error *err)
{
	uint64_t every = t->spec->checkpoint_every;
	aic_checkpoint c;

	aic_code rc = aic_training_fetch(t, err);
	if (rc != AIC_OK)
		return rc;
	aic_training_describe(t, &c);
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
	aic_code rc = aic_training_step(t, aic_signals_stop() || aic_saver_failed(t->saver), &r, err);

	if (rc != AIC_OK)
		return rc;
	*stop = r.stop;
	aic_say_step(t, &r);
	aic_say_saved(t);
	return aic_saver_step(t->saver, err);
}

static void commit(void *ctx, const aic_saved *saved, const char *path)
{
	aic_session_saved(ctx, saved->step, &saved->chain, &saved->root, path);
}

static aic_code run_steps(aic_training *t, bool *stopped, aic_error *err)
{
	aic_code rc = AIC_OK;

	t->saver = aic_saver_new(t->c, t->folder, t->spec->keep);
	if (t->session)
		aic_saver_tell(t->saver, commit, t->session);
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

static void say_session(const char *said)
{
	if (!said[0])
		return;
	printf("%s\n", said);
	fflush(stdout);
}

/* Rank 0: the session of this run, as AIC keeps it; and the seed that all train with. */
static void begin_session(aic_training *t, uint64_t *seed)
{
	uint64_t steps = aic_training_steps(t), values = t->model->parameters * AIC_COMMIT_SECTIONS_MAX;
	char said[AIC_SESSION_SAID];
	int64_t *saved = NULL;
	size_t n = t->options->fresh ? 0 : aic_checkpoint_list(t->folder, &saved);
	aic_session_request q = {.folder = t->folder, .fresh = t->options->fresh, .resumes = n > 0, .spec = t->spec_text.data,
	                         .spec_len = t->spec_text.len, .spec_file = t->options->spec, .asset = t->spec->asset, .data = t->data->digest,
	                         .determinism = t->spec->fast ? AIC_CLASS_D1 : AIC_CLASS_D0, .device = t->gpu ? t->gpu->name : "",
	                         .shards = t->spec->shards, .seed = t->spec->seed, .every = t->spec->checkpoint_every, .steps = steps,
	                         .checkpoint_bytes = values * sizeof(float)};

	q.off = t->options->no_session || t->spec->no_session || (n > 0 && (uint64_t)saved[0] >= steps);
	free(saved);
	aic_session_begin(&t->session, &q, seed, said);
	say_session(said);
}

static aic_code seed_of_session(aic_training *t, aic_error *err)
{
	if (leads(t))
		begin_session(t, &t->spec->seed);
	return aic_collective_broadcast(t->c, &t->spec->seed, sizeof(t->spec->seed), err);
}

static void end_session(aic_training *t, aic_code rc, bool stopped)
{
	char said[AIC_SESSION_SAID];

	aic_session_finish(t->session, t->step, rc != AIC_OK ? AIC_END_FAILED : stopped ? AIC_END_STOPPED : AIC_END_DONE, said);
	say_session(said);
}

aic_code aic_train(aic_collective *c, const aic_train_options *options, bool *stopped, aic_error *err)
{
	aic_training t = {.c = c, .options = options, .spec_path = options->spec, .spec_name = options->spec};

	*stopped = false;
	aic_code rc = aic_training_open(&t, err);
	if (rc == AIC_OK)
		rc = aic_collective_agree(c, open_output(&t, err), err);
	if (rc == AIC_OK)
		rc = seed_of_session(&t, err);
	if (rc == AIC_OK)
		rc = aic_training_begin(&t, err);
	if (rc == AIC_OK)
		rc = resume(&t, err);
	if (rc == AIC_OK)
		rc = aic_training_send(&t, err);
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
	aic_saver_free(t.saver);
	end_session(&t, rc, *stopped);
	aic_training_close(&t);
	return rc;
}
