#include <math.h>
#include <stdio.h>
#include <time.h>

#include "common/log.h"
#include "mpi-runner/training.h"

enum { METRIC_STEPS = 10 };
static const double LONG_TRAINING_S = 60, CHECKPOINT_SHARE_MAX = 0.02;
static const double NATS_IN_BITS = 1.4426950408889634;

static bool leads(const aic_training *t)
{
	return t->c->rank == 0;
}

static double cpu_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Of the CPU time since the process began; a long training whose checkpoints take more than they may is told so. */
static double checkpoint_share(const aic_training *t)
{
	double all = cpu_seconds(), share = aic_saver_cpu(t->saver) / (all > 0 ? all : 1);

	if (all > LONG_TRAINING_S && share > CHECKPOINT_SHARE_MAX && t->spec->checkpoint_every)
		aic_warn("checkpoints took %.1f %% of this training's CPU time: prove: checkpoint_every: %.0f instead of %llu would keep it below %.0f %%",
		         100 * share, ceil((double)t->spec->checkpoint_every * share / CHECKPOINT_SHARE_MAX), (unsigned long long)t->spec->checkpoint_every,
		         100 * CHECKPOINT_SHARE_MAX);
	return share;
}

void aic_say_saved(aic_training *t)
{
	char hex[2 * AIC_HASH_LEN + 1];
	aic_saved s;

	if (!aic_saver_done(t->saver, &s))
		return;
	aic_metrics_begin(t->metrics, "checkpoint");
	aic_metrics_count(t->metrics, "step", s.step);
	aic_hash_hex(hex, &s.root);
	aic_metrics_text(t->metrics, "root", hex);
	aic_hash_hex(hex, &s.chain);
	aic_metrics_text(t->metrics, "chain", hex);
	aic_metrics_count(t->metrics, "bytes", s.bytes);
	aic_metrics_real(t->metrics, "seconds", s.seconds);
	aic_metrics_end(t->metrics);
}

void aic_say_start(const aic_training *t)
{
	char root[2 * AIC_HASH_LEN + 1];

	if (!leads(t))
		return;
	printf("%s: %zu weights, %zu samples to train on, %zu held out; %u rank(s), %u thread(s) each, %s; class %s, %u shards\n", t->spec->name,
	       t->model->parameters, t->data->count[AIC_TRAIN], t->data->count[AIC_TEST], t->c->size, aic_threads_count(t->cpu->threads),
	       t->gpu ? t->gpu->name : t->cpu->k->name, t->spec->class_name, t->spec->shards);
	if (t->step > 0)
		printf("resumed from %s at step %llu of %llu\n", t->folder, (unsigned long long)t->step, (unsigned long long)t->steps);
	fflush(stdout);
	aic_metrics_begin(t->metrics, "start");
	aic_metrics_text(t->metrics, "model", t->spec->name);
	aic_hash_hex(root, &t->data->digest);
	aic_metrics_text(t->metrics, "data_root", root);
	aic_metrics_count(t->metrics, "weights", t->model->parameters);
	aic_metrics_count(t->metrics, "ranks", t->c->size);
	aic_metrics_text(t->metrics, "device", t->gpu ? t->gpu->name : t->cpu->k->name);
	aic_metrics_text(t->metrics, "class", t->spec->class_name);
	aic_metrics_count(t->metrics, "step", t->step);
	aic_metrics_count(t->metrics, "steps", t->steps);
	aic_metrics_end(t->metrics);
}

void aic_say_step(aic_training *t, const aic_step_result *r)
{
	uint64_t epoch = (t->step - 1) / aic_stepper_steps_per_epoch(&t->stepper) + 1;

	if (!leads(t))
		return;
	if (!t->options->quiet)
		aic_progress_step(&t->progress, t->step, epoch, (double)r->loss);
	if (t->step % METRIC_STEPS != 0 && t->step != t->steps)
		return;
	aic_metrics_begin(t->metrics, "step");
	aic_metrics_count(t->metrics, "step", t->step);
	aic_metrics_count(t->metrics, "epoch", epoch);
	aic_metrics_real(t->metrics, "loss", (double)r->loss);
	aic_metrics_real(t->metrics, "accuracy", (double)r->accuracy);
	aic_metrics_real(t->metrics, "gradient_norm", (double)r->norm);
	aic_metrics_real(t->metrics, "learning_rate", (double)aic_optimizer_rate(&t->optimizer, t->step - 1));
	aic_metrics_real(t->metrics, "samples_per_second", aic_progress_rate(&t->progress, t->step));
	aic_metrics_end(t->metrics);
	aic_tensorboard_scalar(t->board, "train/loss", t->step, r->loss);
	if (t->spec->loss == AIC_LOSS_CROSS_ENTROPY)
		aic_tensorboard_scalar(t->board, "train/accuracy", t->step, r->accuracy);
	aic_tensorboard_scalar(t->board, "train/gradient_norm", t->step, r->norm);
	aic_tensorboard_scalar(t->board, "train/learning_rate", t->step, aic_optimizer_rate(&t->optimizer, t->step - 1));
}

void aic_say_test(aic_training *t, const aic_test_result *r)
{
	aic_progress_break(&t->progress);
	printf("step %llu  test loss %.4f", (unsigned long long)t->step, (double)r->loss);
	if (t->spec->loss == AIC_LOSS_CROSS_ENTROPY)
		printf("  test accuracy %.2f %%", 100.0 * (double)r->accuracy);
	if (t->spec->input_kind == AIC_INPUT_TEXT)
		printf("  %.4f bits per byte", (double)r->loss * NATS_IN_BITS);
	putchar('\n');
	fflush(stdout);
	aic_metrics_begin(t->metrics, "test");
	aic_metrics_count(t->metrics, "step", t->step);
	aic_metrics_real(t->metrics, "test_loss", (double)r->loss);
	if (t->spec->loss == AIC_LOSS_CROSS_ENTROPY)
		aic_metrics_real(t->metrics, "test_accuracy", (double)r->accuracy);
	aic_metrics_end(t->metrics);
	aic_tensorboard_scalar(t->board, "test/loss", t->step, r->loss);
	if (t->spec->loss == AIC_LOSS_CROSS_ENTROPY)
		aic_tensorboard_scalar(t->board, "test/accuracy", t->step, r->accuracy);
}

void aic_say_end(aic_training *t, bool stopped)
{
	char hex[2 * AIC_HASH_LEN + 1];

	if (!leads(t))
		return;
	aic_hash h = aic_floats_hash(t->weights, t->model->parameters);
	aic_hash_hex(hex, &h);
	if (stopped)
		printf("stopped by a signal after step %llu of %llu; the checkpoint in %s continues it\n", (unsigned long long)t->step,
		       (unsigned long long)t->steps, t->folder);
	else
		printf("weights sha256: %s\n", hex);
	fflush(stdout);
	aic_metrics_begin(t->metrics, stopped ? "stopped" : "end");
	aic_metrics_count(t->metrics, "step", t->step);
	aic_metrics_text(t->metrics, "weights_sha256", hex);
	aic_metrics_real(t->metrics, "checkpoint_cpu_share", checkpoint_share(t));
	aic_metrics_end(t->metrics);
}
