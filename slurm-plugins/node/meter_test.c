#define _GNU_SOURCE
#include "common/testing.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/file.h"
#include "slurm-plugins/node/meter.h"
#include "slurm-plugins/node/nvml.h"
#include "slurm-plugins/node/steps.h"

#define T0 1000000000000LL   /* ms; the tests' clock */

/* Two steps of two jobs: each a process tree of a "slurmstepd" and its task. */
typedef struct {
	char *dir;
	pid_t stepd[2], task[2];
	aic_meter *meter;
	int64_t now;
} world;

static pid_t start_tree(pid_t *task)
{
	int pipes[2];
	pid_t pid;

	assert_int_equal(pipe(pipes), 0);
	pid = fork();
	if (pid == 0) {
		pid_t child = fork();

		if (child == 0)
			for (;;)
				pause();
		if (write(pipes[1], &child, sizeof(child)) != sizeof(child))
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(pipes[0], task, sizeof(*task)), sizeof(*task));
	close(pipes[0]);
	close(pipes[1]);
	return pid;
}

static void stop_tree(world *w, int i)
{
	if (!w->stepd[i])
		return;
	kill(w->task[i], SIGKILL);
	kill(w->stepd[i], SIGKILL);
	waitpid(w->stepd[i], NULL, 0);
	w->stepd[i] = 0;
}

static void gpus_say(const world *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void gpus_say(const world *w, const char *fmt, ...)
{
	char path[256], text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "%s/gpus", w->dir);
	assert_int_equal(aic_file_write_atomic(path, text, strlen(text), 0600, NULL), AIC_OK);
}

static void open_meter(world *w)
{
	aic_error err;

	if (aic_meter_open(&w->meter, w->dir, AIC_FAKE_NVML, &err))
		fail_msg("%s", err.message);
}

static int setup(void **state)
{
	world *w = calloc(1, sizeof(*w));
	char path[256];
	void *folder;

	if (test_folder_make(&folder))
		return -1;
	w->dir = folder;
	snprintf(path, sizeof(path), "%s/gpus", w->dir);
	setenv("FAKE_NVML", path, 1);
	for (int i = 0; i < 2; i++)
		w->stepd[i] = start_tree(&w->task[i]);
	gpus_say(w, "GPU-a 0 1000 0 -\nGPU-b 0 1000 0 -\n");
	w->now = T0;
	open_meter(w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world *w = *state;
	void *folder = w->dir;

	aic_meter_close(w->meter);
	stop_tree(w, 0);
	stop_tree(w, 1);
	free(w);
	return test_folder_remove(&folder);
}

/* Step i is 100 + i, began at `began` (ms), holds that many GPUs. */
static void begin(const world *w, int i, uint32_t gpus, int64_t began)
{
	aic_step step = { .job_id = 100 + (uint32_t)i, .stepd = w->stepd[i], .gpus = gpus };
	struct timespec t[2] = { { .tv_sec = began / 1000, .tv_nsec = began % 1000 * 1000000 } };
	char path[256];
	pid_t parent;

	t[1] = t[0];
	assert_true(aic_process_read(step.stepd, &parent, &step.stepd_started));
	assert_int_equal(parent, getpid());
	assert_int_equal(aic_step_announce(w->dir, &step, NULL), AIC_OK);
	assert_int_equal(aic_step_path(path, sizeof(path), w->dir, &step, AIC_STEP_SUFFIX, NULL), AIC_OK);
	assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
}

static void tick(world *w, int times)
{
	for (int i = 0; i < times; i++)
		aic_meter_tick(w->meter, w->now += 1000);
}

static aic_receipt receipt(const world *w, int i, int seconds)
{
	aic_receipt r = { .job_id = 100 + (uint32_t)i, .start = T0 / 1000, .end = T0 / 1000 + seconds, .gpus = 1,
	                  .gpu_ms = AIC_UNKNOWN, .energy_mj = AIC_UNKNOWN };

	aic_meter_complete(w->meter, &r);
	return r;
}

static void use_goes_to_the_step_whose_process_runs_there(void **state)
{
	world *w = *state;
	aic_receipt r;

	tick(w, 1);
	begin(w, 0, 1, w->now);
	begin(w, 1, 1, w->now);
	gpus_say(w, "GPU-a 100 2000 0 %d\nGPU-b 50 1000 0 %d\n", w->task[0], w->stepd[1]);
	tick(w, 10);
	gpus_say(w, "GPU-a 20 5000 0 %d\nGPU-b 50 1500 0 %d\n", w->task[0], w->stepd[1]);
	tick(w, 10);
	r = receipt(w, 0, 21);
	assert_int_equal(r.gpu_ms, 10000 + 2000);
	assert_int_equal(r.energy_mj, 4000);
	r = receipt(w, 1, 21);
	assert_int_equal(r.gpu_ms, 10000);
	assert_int_equal(r.energy_mj, 500);
	aic_meter_forget(w->meter, &r);
	assert_int_equal(receipt(w, 1, 21).gpu_ms, AIC_UNKNOWN);
	assert_int_equal(receipt(w, 0, 21).gpu_ms, 12000);
}

static void several_gpus_add_up_and_others_processes_do_not_count(void **state)
{
	world *w = *state;

	tick(w, 1);
	begin(w, 0, 2, w->now);
	gpus_say(w, "GPU-a 80 1000 0 %d,%d\nGPU-b 40 1000 0 %d\n", w->task[0], getpid(), w->task[0]);
	tick(w, 10);
	gpus_say(w, "GPU-a 100 1000 0 %d\nGPU-b 40 1000 0 %d\n", getpid(), w->task[0]); /* somebody else's */
	tick(w, 10);
	assert_int_equal(receipt(w, 0, 21).gpu_ms, 8000 + 4000 + 4000);
}

static void an_idle_gpu_was_used_for_nothing(void **state)
{
	world *w = *state;

	tick(w, 1);
	begin(w, 0, 1, w->now);
	tick(w, 20);
	assert_int_equal(receipt(w, 0, 21).gpu_ms, 0);
	assert_int_equal(receipt(w, 0, 21).energy_mj, 0);
}

static void what_is_not_supported_is_unknown(void **state)
{
	static const char *const dark[] = {
		"GPU-a - 1000 0 %d\nGPU-b 0 1000 0 -\n",    /* no utilisation */
		"GPU-a 90 1000 1 %d\nGPU-b 0 1000 0 -\n",   /* MIG */
		"GPU-a lost 1000 0 %d\nGPU-b 0 1000 0 -\n", /* off the bus */
		"GPU-a 101 1000 0 %d\nGPU-b 0 1000 0 -\n",  /* nonsense */
	};
	world *w = *state;

	tick(w, 1);
	begin(w, 0, 1, w->now);
	for (size_t i = 0; i < sizeof(dark) / sizeof(*dark); i++) {
		char text[256];

		snprintf(text, sizeof(text), dark[i], w->task[0]);
		gpus_say(w, "%s", text);
		tick(w, 5);
	}
	gpus_say(w, "GPU-a 90 1000 0 shy\nGPU-b 0 1000 0 -\n");
	tick(w, 5);
	assert_int_equal(receipt(w, 0, 26).gpu_ms, AIC_UNKNOWN);
	assert_int_equal(receipt(w, 0, 26).energy_mj, AIC_UNKNOWN);
}

/* The other GPU is dark, but the step is on as many as it holds: its own use is known. */
static void anothers_trouble_is_not_ours(void **state)
{
	world *w = *state;

	tick(w, 1);
	begin(w, 0, 1, w->now);
	begin(w, 1, 1, w->now);
	gpus_say(w, "GPU-a 70 1000 0 %d\nGPU-b lost 1000 0 %d\n", w->task[0], w->task[1]);
	tick(w, 20);
	assert_int_equal(receipt(w, 0, 21).gpu_ms, 14000);
	assert_int_equal(receipt(w, 1, 21).gpu_ms, AIC_UNKNOWN);
}

static void energy_that_jumps_back_or_is_missing_is_unknown(void **state)
{
	world *w = *state;

	tick(w, 1);
	begin(w, 0, 1, w->now);
	gpus_say(w, "GPU-a 50 2000 0 %d\nGPU-b 0 0 0 -\n", w->task[0]);
	tick(w, 10);
	gpus_say(w, "GPU-a 50 10 0 %d\nGPU-b 0 0 0 -\n", w->task[0]); /* the driver was reloaded */
	tick(w, 10);
	assert_int_equal(receipt(w, 0, 21).gpu_ms, 10000);
	assert_int_equal(receipt(w, 0, 21).energy_mj, AIC_UNKNOWN);
	begin(w, 1, 1, w->now);
	gpus_say(w, "GPU-a 0 10 0 -\nGPU-b 50 - 0 %d\n", w->task[1]);
	tick(w, 10);
	assert_int_equal(receipt(w, 1, 10).gpu_ms, 5000);
	assert_int_equal(receipt(w, 1, 10).energy_mj, AIC_UNKNOWN);
}

/* A recorded trace: SM activity swings between two values, tensor activity stays. */
static void activity_is_mean_and_deviation_of_its_samples(void **state)
{
	world *w = *state;
	aic_receipt r;

	aic_meter_close(w->meter);
	gpus_say(w, "GPU-a 0 1000 0 - 0 0\nGPU-b 0 1000 0 -\n");
	open_meter(w);
	tick(w, 1);
	begin(w, 0, 1, w->now);
	for (int i = 0; i < 10; i++) {
		gpus_say(w, "GPU-a 100 1000 0 %d %d 12.5\nGPU-b 0 1000 0 -\n", w->task[0], i % 2 ? 70 : 50);
		tick(w, 2);
	}
	r = receipt(w, 0, 21);
	assert_int_equal(r.gpu_ms, 20000);
	assert_int_equal(r.activity.samples, 20);
	assert_int_equal(r.activity.sm_ppm, 600000);
	assert_int_equal(r.activity.sm_sd_ppm, 100000);
	assert_int_equal(r.activity.tensor_ppm, 125000);
	assert_int_equal(r.activity.tensor_sd_ppm, 0);
	aic_meter_close(w->meter); /* and the next aicnoded goes on from there */
	open_meter(w);
	w->now += 1000;
	tick(w, 2);
	r = receipt(w, 0, 24);
	assert_int_equal(r.activity.samples, 21);
	assert_int_equal(r.activity.sm_ppm, 604761); /* (10 x 50 + 11 x 70) / 21 */
}

static void activity_that_nobody_measured_is_unknown(void **state)
{
	static const char *const dark[] = {
		"GPU-a 90 1000 0 %d\nGPU-b 0 1000 0 -\n",             /* before Hopper */
		"GPU-a 90 1000 0 %d - -\nGPU-b 0 1000 0 -\n",         /* the metrics are not supported */
		"GPU-a 90 1000 0 %d 40 -\nGPU-b 0 1000 0 -\n",        /* one of the two */
		"GPU-a 90 1000 0 %d fails 0\nGPU-b 0 1000 0 -\n",     /* no sample */
		"GPU-a 90 1000 0 %d nan 0\nGPU-b 0 1000 0 -\n",       /* nonsense */
		"GPU-a 90 1000 0 %d 40 -3\nGPU-b 0 1000 0 -\n",
		"GPU-a 90 1000 0 %d 250 10\nGPU-b 0 1000 0 -\n",
	};
	world *w = *state;
	char text[256];
	aic_receipt r;

	begin(w, 0, 1, w->now);
	for (size_t i = 0; i < sizeof(dark) / sizeof(*dark); i++) {
		snprintf(text, sizeof(text), dark[i], w->task[0]);
		gpus_say(w, "%s", text);
		aic_meter_close(w->meter);
		open_meter(w);
		tick(w, 4);
	}
	r = receipt(w, 0, 22);
	assert_int_equal(r.gpu_ms, 18900); /* seven gaps of one second: the rest was busy at 90 % */
	assert_int_equal(r.activity.samples, 0);
	gpus_say(w, "GPU-a 90 1000 1 %d 40 20\nGPU-b 0 1000 0 -\n", w->task[0]); /* MIG */
	tick(w, 4);
	assert_int_equal(receipt(w, 0, 23).activity.samples, 0);
}

static void a_shared_gpu_is_nobodys(void **state)
{
	world *w = *state;

	tick(w, 1);
	begin(w, 0, 1, w->now);
	begin(w, 1, 1, w->now);
	gpus_say(w, "GPU-a 70 1000 0 %d,%d\nGPU-b 0 1000 0 -\n", w->task[0], w->task[1]);
	tick(w, 20);
	assert_int_equal(receipt(w, 0, 21).gpu_ms, AIC_UNKNOWN);
	assert_int_equal(receipt(w, 1, 21).gpu_ms, AIC_UNKNOWN);
}

static void a_gap_that_nobody_measured_is_unknown(void **state)
{
	world *w = *state;

	tick(w, 1);
	begin(w, 0, 1, w->now);
	gpus_say(w, "GPU-a 100 1000 0 %d\nGPU-b 0 1000 0 -\n", w->task[0]);
	tick(w, 10);
	w->now += 30000; /* stopped, swapped out, the machine suspended */
	tick(w, 10);
	assert_int_equal(receipt(w, 0, 50).gpu_ms, AIC_UNKNOWN);
	tick(w, 300); /* in the end it is less than a tenth */
	assert_int_equal(receipt(w, 0, 350).gpu_ms, 319000);
}

static void a_killed_aicnoded_loses_seconds_not_the_step(void **state)
{
	world *w = *state;
	char path[256], copy[256];
	aic_bytes used = { 0 };

	tick(w, 1);
	begin(w, 0, 1, w->now);
	gpus_say(w, "GPU-a 100 1000 0 %d\nGPU-b 0 1000 0 -\n", w->task[0]);
	tick(w, 95);
	snprintf(path, sizeof(path), "%s/" AIC_STEPS_DIR "/100.0.0" AIC_USED_SUFFIX, w->dir);
	assert_int_equal(aic_file_read(&used, path, 1000, NULL), AIC_OK);
	aic_meter_close(w->meter); /* writes once more, which a kill does not: */
	snprintf(copy, sizeof(copy), "%.*s", (int)used.len, used.data);
	assert_int_equal(aic_file_write_atomic(path, copy, strlen(copy), 0600, NULL), AIC_OK);
	aic_bytes_free(&used);
	open_meter(w);
	w->now += 2000;
	tick(w, 5);
	assert_in_range(receipt(w, 0, 103).gpu_ms, 85000, 99000);
}

static void a_step_that_ended_gets_no_more(void **state)
{
	world *w = *state;
	char path[256];

	tick(w, 1);
	begin(w, 0, 1, w->now);
	gpus_say(w, "GPU-a 100 1000 0 %d\nGPU-b 0 1000 0 -\n", w->task[0]);
	tick(w, 10);
	stop_tree(w, 0);
	tick(w, 50); /* its pid is gone, or somebody else's */
	assert_int_equal(receipt(w, 0, 11).gpu_ms, 10000);
	w->now += 700000; /* and no receipt ever came */
	tick(w, 2);
	assert_int_equal(receipt(w, 0, 11).gpu_ms, AIC_UNKNOWN);
	snprintf(path, sizeof(path), "%s/" AIC_STEPS_DIR "/100.0.0" AIC_STEP_SUFFIX, w->dir);
	assert_int_not_equal(access(path, F_OK), 0);
}

static void a_driver_that_goes_and_comes_back(void **state)
{
	world *w = *state;
	char path[256];

	tick(w, 1);
	snprintf(path, sizeof(path), "%s/gpus", w->dir);
	unlink(path);
	tick(w, 100);
	assert_int_equal(aic_meter_gpus(w->meter), 0);
	gpus_say(w, "GPU-a 0 1000 0 -\n");
	tick(w, 31);
	assert_int_equal(aic_meter_gpus(w->meter), 1);
	begin(w, 0, 1, w->now);
	gpus_say(w, "GPU-a 60 1000 0 %d\n", w->task[0]);
	tick(w, 10);
	assert_int_equal(receipt(w, 0, 10).gpu_ms, 6000);
}

static void damaged_announcements_are_dropped(void **state)
{
	world *w = *state;
	char path[256];

	snprintf(path, sizeof(path), "%s/" AIC_STEPS_DIR "/1.2.3" AIC_STEP_SUFFIX, w->dir);
	assert_int_equal(aic_file_write_atomic(path, "aic-step 1 1 2", 14, 0600, NULL), AIC_OK);
	tick(w, 2);
	assert_int_not_equal(access(path, F_OK), 0);
}

static void nodes_without_a_driver_have_no_meter(void **state)
{
	aic_meter *m;
	aic_error err;

	(void)state;
	assert_int_equal(aic_meter_open(&m, "/nonexistent", "/nonexistent/libnvidia-ml.so.1", &err), AIC_NOT_FOUND);
	setenv("FAKE_NVML", "/nonexistent/gpus", 1);
	assert_int_equal(aic_meter_open(&m, "/nonexistent", AIC_FAKE_NVML, &err), AIC_NOT_FOUND);
	assert_non_null(strstr(err.message, "does not answer"));
}

/* Where there is an NVIDIA GPU, the real library must say plausible things. */
static void the_real_library(void **state)
{
	aic_gpu_sample s;
	aic_nvml *n;
	aic_error err;

	(void)state;
	if (aic_nvml_open(&n, NULL, &err)) {
		print_message("%s\n", err.message);
		skip();
	}
	for (uint32_t i = 0; i < aic_nvml_count(n); i++) {
		aic_nvml_sample(n, i, &s);
		assert_memory_equal(s.uuid, "GPU-", 4);
		if (s.used_known)
			assert_in_range(s.used_percent, 0, 100);
		if (s.energy_known)
			assert_true(s.energy_mj > 0);
		usleep(150000); /* GPM wants its samples 100 ms apart */
		aic_nvml_sample(n, i, &s);
		if (s.activity_known)
			print_message("%s: SM %u, tensor %u of 10000\n", s.uuid, s.sm, s.tensor);
		else
			print_message("%s: no GPM\n", s.uuid);
		if (s.activity_known)
			assert_true(s.sm <= 10000 && s.tensor <= 10000);
	}
	aic_nvml_close(n);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(use_goes_to_the_step_whose_process_runs_there),
		TEST(several_gpus_add_up_and_others_processes_do_not_count),
		TEST(an_idle_gpu_was_used_for_nothing),
		TEST(what_is_not_supported_is_unknown),
		TEST(anothers_trouble_is_not_ours),
		TEST(energy_that_jumps_back_or_is_missing_is_unknown),
		TEST(activity_is_mean_and_deviation_of_its_samples),
		TEST(activity_that_nobody_measured_is_unknown),
		TEST(a_shared_gpu_is_nobodys),
		TEST(a_gap_that_nobody_measured_is_unknown),
		TEST(a_killed_aicnoded_loses_seconds_not_the_step),
		TEST(a_step_that_ended_gets_no_more),
		TEST(a_driver_that_goes_and_comes_back),
		TEST(damaged_announcements_are_dropped),
		cmocka_unit_test(nodes_without_a_driver_have_no_meter),
		cmocka_unit_test(the_real_library),
	};

	return cmocka_run_group_tests_name("node/meter", tests, NULL, NULL);
}
