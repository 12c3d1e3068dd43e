#include "slurm-plugins/node/meter.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/amount.h"
#include "common/bytes.h"
#include "common/file.h"
#include "common/log.h"
#include "slurm-plugins/node/nvml.h"
#include "slurm-plugins/node/steps.h"

#define STEPS_MAX 1024
#define DEPTH_MAX 64
#define REOPEN_MS 30000
#define ORPHAN_MS 600000

/* Samples of a share in 10000ths: a year of 64 GPUs' seconds stays below 2^64. */
typedef struct { uint64_t sum, squares; } spread;

typedef struct {
	aic_step id;
	int64_t began_ms;        /* wall clock */
	int64_t ended_ms;        /* when its slurmstepd was seen gone, 0 while it is there */
	uint64_t gpu_us, energy_mj, covered_ms;
	bool energy_known;
	uint64_t samples;        /* of GPM: seconds of GPUs whose activity is known */
	spread sm, tensor;
	uint32_t on;             /* GPUs with a process of the step, in this tick */
	bool shares;             /* one of them with another step */
} metered;

struct aic_meter {
	char node_dir[PATH_MAX], steps_dir[PATH_MAX], *library;
	aic_nvml *nvml;
	aic_gpu_sample sample[AIC_NVML_GPUS_MAX];
	metered *owner[AIC_NVML_GPUS_MAX];          /* in this tick */
	uint64_t energy_before[AIC_NVML_GPUS_MAX];  /* UINT64_MAX: unknown */
	size_t steps;
	metered step[STEPS_MAX];
	int64_t ticked_ms, saved_ms, reopened_ms;
	bool complained;
};

/* --- steps --- */

static metered *find(const aic_meter *m, uint32_t job, uint32_t restart, uint32_t step)
{
	for (size_t i = 0; i < m->steps; i++)
		if (m->step[i].id.job_id == job && m->step[i].id.restart == restart && m->step[i].id.step_id == step)
			return (metered *)&m->step[i];
	return NULL;
}

/* What an aicnoded that was killed had measured (doc/formats/node-dir.md); the first version had no activity. */
static void load_used(const aic_meter *m, metered *s)
{
	unsigned long long gpu_us, energy, covered, n, a[4];
	char path[PATH_MAX];
	aic_bytes data = { 0 };
	int known, got;

	if (!aic_step_path(path, sizeof(path), m->node_dir, &s->id, AIC_USED_SUFFIX, NULL) &&
	    !aic_file_read(&data, path, 256, NULL)) {
		aic_bytes_append(&data, "", 1);
		got = sscanf((char *)data.data, "aic-used 2 %llu %llu %d %llu %llu %llu %llu %llu %llu\n", &gpu_us, &energy, &known, &covered, &n,
		             &a[0], &a[1], &a[2], &a[3]);
		if (got != 9)
			got = sscanf((char *)data.data, "aic-used 1 %llu %llu %d %llu\n", &gpu_us, &energy, &known, &covered);
		if (got == 4 || got == 9) {
			s->gpu_us = gpu_us;
			s->energy_mj = energy;
			s->energy_known = known;
			s->covered_ms = covered;
		}
		if (got == 9) {
			s->samples = n;
			s->sm = (spread){ a[0], a[1] };
			s->tensor = (spread){ a[2], a[3] };
		}
	}
	aic_bytes_free(&data);
}

static void save_used(const aic_meter *m, const metered *s)
{
	char path[PATH_MAX], line[256];
	int n = snprintf(line, sizeof(line), "aic-used 2 %" PRIu64 " %" PRIu64 " %d %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64 " %" PRIu64
	                 " %" PRIu64 "\n", s->gpu_us, s->energy_mj, s->energy_known, s->covered_ms, s->samples, s->sm.sum, s->sm.squares,
	                 s->tensor.sum, s->tensor.squares);
	aic_error err;

	if (aic_step_path(path, sizeof(path), m->node_dir, &s->id, AIC_USED_SUFFIX, &err) ||
	    aic_file_write_atomic(path, line, (size_t)n, 0600, &err))
		aic_debug("%s", err.message);
}

static void drop(aic_meter *m, metered *s)
{
	char path[PATH_MAX];

	if (!aic_step_path(path, sizeof(path), m->node_dir, &s->id, AIC_USED_SUFFIX, NULL))
		unlink(path);
	if (!aic_step_path(path, sizeof(path), m->node_dir, &s->id, AIC_STEP_SUFFIX, NULL))
		unlink(path);
	*s = m->step[--m->steps];
}

static void take_step(aic_meter *m, const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	aic_error err;
	metered s = { .energy_known = true };

	if (aic_path_join(path, sizeof(path), m->steps_dir, name, NULL) || stat(path, &st))
		return;
	if (aic_step_read(&s.id, path, &err)) {
		aic_error_log("%s", err.message);
		unlink(path);
		return;
	}
	if (m->steps == STEPS_MAX || find(m, s.id.job_id, s.id.restart, s.id.step_id))
		return;
	s.began_ms = (int64_t)st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
	load_used(m, &s);
	m->step[m->steps++] = s;
}

static void look_for_steps(aic_meter *m, int64_t now_ms)
{
	DIR *dir = opendir(m->steps_dir);
	struct dirent *e;

	while (dir && (e = readdir(dir))) {
		size_t n = strlen(e->d_name), suffix = sizeof(AIC_STEP_SUFFIX) - 1;

		if (e->d_name[0] != '.' && n > suffix && !strcmp(e->d_name + n - suffix, AIC_STEP_SUFFIX))
			take_step(m, e->d_name);
	}
	if (dir)
		closedir(dir);
	for (size_t i = 0; i < m->steps; i++) {
		metered *s = &m->step[i];

		s->on = 0;
		s->shares = false;
		if (!s->ended_ms && !aic_step_alive(&s->id))
			s->ended_ms = now_ms;
		if (s->ended_ms && now_ms - s->ended_ms > ORPHAN_MS) /* its slurmstepd was killed: no receipt will come */
			drop(m, &m->step[i--]);
	}
}

/* --- GPUs --- */

static metered *step_of(const aic_meter *m, pid_t pid)
{
	uint64_t started;
	pid_t parent;

	for (int depth = 0; pid > 1 && depth < DEPTH_MAX; depth++, pid = parent) {
		if (!aic_process_read(pid, &parent, &started))
			return NULL;
		for (size_t i = 0; i < m->steps; i++)
			if (m->step[i].id.stepd == pid && m->step[i].id.stepd_started == started)
				return (metered *)&m->step[i];
	}
	return NULL;
}

/* The one step on a GPU; none where it is idle, of nobody here, or shared. */
static metered *find_owner(const aic_meter *m, const aic_gpu_sample *g)
{
	metered *owner = NULL;

	for (uint32_t i = 0; i < g->processes; i++) {
		metered *s = step_of(m, g->process[i]);

		if (!s || s == owner)
			continue;
		if (owner) {
			owner->shares = s->shares = true;
			return NULL;
		}
		owner = s;
	}
	return owner;
}

/* Whether every GPU said what it does: then a step that is on none of them used none. */
static bool sample_gpus(aic_meter *m)
{
	bool all = true;

	for (uint32_t i = 0; i < aic_nvml_count(m->nvml); i++) {
		m->owner[i] = NULL;
		aic_nvml_sample(m->nvml, i, &m->sample[i]);
		if (!m->sample[i].used_known) {
			all = false;
			continue;
		}
		m->owner[i] = find_owner(m, &m->sample[i]);
		if (m->owner[i])
			m->owner[i]->on++;
	}
	return all;
}

static int64_t share_of_tick(const metered *s, int64_t now_ms, int64_t tick_ms)
{
	int64_t lived = now_ms - s->began_ms;

	return lived < 0 ? 0 : lived < tick_ms ? lived : tick_ms;
}

static void add_share(spread *to, uint64_t share)
{
	to->sum += share;
	to->squares += share * share;
}

static void credit(aic_meter *m, int64_t now_ms, int64_t tick_ms)
{
	for (uint32_t i = 0; i < aic_nvml_count(m->nvml); i++) {
		const aic_gpu_sample *g = &m->sample[i];
		metered *s = m->owner[i];

		if (!s)
			continue;
		s->gpu_us += (uint64_t)share_of_tick(s, now_ms, tick_ms) * g->used_percent * 10;
		if (g->energy_known && m->energy_before[i] <= g->energy_mj)
			s->energy_mj += g->energy_mj - m->energy_before[i];
		else
			s->energy_known = false;
		if (g->activity_known && share_of_tick(s, now_ms, tick_ms) == tick_ms) { /* GPM's share is of the whole tick */
			s->samples++;
			add_share(&s->sm, g->sm);
			add_share(&s->tensor, g->tensor);
		}
	}
}

static void cover(aic_meter *m, bool all, int64_t now_ms, int64_t tick_ms)
{
	for (size_t i = 0; i < m->steps; i++) {
		metered *s = &m->step[i];

		if (!s->ended_ms && !s->shares && (all || s->on >= s->id.gpus))
			s->covered_ms += (uint64_t)share_of_tick(s, now_ms, tick_ms);
	}
}

/* A driver that was reloaded, or GPUs that came back, need a new start. */
static void reopen(aic_meter *m, int64_t now_ms)
{
	bool any = false;
	aic_nvml *fresh;
	aic_error err;

	for (uint32_t i = 0; m->nvml && i < aic_nvml_count(m->nvml); i++)
		any = any || m->sample[i].uuid[0];
	if (any) {
		m->complained = false;
		return;
	}
	if (now_ms - m->reopened_ms < REOPEN_MS)
		return;
	m->reopened_ms = now_ms;
	if (!m->complained)
		aic_warn("no GPU answers: their use is unknown until one does");
	m->complained = true;
	aic_nvml_close(m->nvml);
	m->nvml = aic_nvml_open(&fresh, m->library, &err) ? NULL : fresh;
}

void aic_meter_tick(aic_meter *m, int64_t now_ms)
{
	int64_t tick_ms = now_ms - m->ticked_ms;
	bool gap = !m->ticked_ms || tick_ms <= 0 || tick_ms > AIC_METER_GAP_MS, all;

	m->ticked_ms = now_ms;
	look_for_steps(m, now_ms);
	if (m->nvml) {
		all = sample_gpus(m);
		if (!gap) {
			credit(m, now_ms, tick_ms);
			cover(m, all, now_ms, tick_ms);
		}
		for (uint32_t i = 0; i < aic_nvml_count(m->nvml); i++)
			m->energy_before[i] = m->sample[i].energy_known ? m->sample[i].energy_mj : UINT64_MAX;
	}
	reopen(m, now_ms);
	if (now_ms - m->saved_ms < AIC_METER_SAVE_MS)
		return;
	m->saved_ms = now_ms;
	for (size_t i = 0; i < m->steps; i++)
		save_used(m, &m->step[i]);
}

/* --- receipts --- */

/* Mean and standard deviation of n shares, in ppm: sqrt((n sum(x^2) - sum(x)^2) / n^2). */
static void summarize(const spread *x, uint64_t n, uint32_t *mean_ppm, uint32_t *sd_ppm)
{
	aic_amount scaled = (aic_amount)n * x->squares - (aic_amount)x->sum * x->sum;
	uint64_t variance = (uint64_t)(scaled * 10000 / n / n), root = 0;

	for (uint64_t bit = 1u << 19; bit; bit >>= 1) /* a share's deviation is at most half of it: 500,000 ppm */
		if ((root + bit) * (root + bit) <= variance)
			root += bit;
	*mean_ppm = (uint32_t)(x->sum * 100 / n);
	*sd_ppm = (uint32_t)root;
}

void aic_meter_complete(const aic_meter *m, aic_receipt *r)
{
	const metered *s = find(m, r->job_id, r->restart, r->step_id);
	uint64_t lasted_ms = r->end > r->start ? (uint64_t)(r->end - r->start) * 1000 : 0;
	uint64_t edges_ms = 2 * AIC_METER_INTERVAL_MS; /* the ticks in which it began and ended */

	if (!s || !s->covered_ms || (s->covered_ms + edges_ms) * 1000000 < lasted_ms * AIC_METER_COVERED)
		return;
	r->gpu_ms = s->gpu_us / 1000;
	if (s->energy_known)
		r->energy_mj = s->energy_mj;
	if (s->samples) {
		r->activity.samples = s->samples;
		summarize(&s->sm, s->samples, &r->activity.sm_ppm, &r->activity.sm_sd_ppm);
		summarize(&s->tensor, s->samples, &r->activity.tensor_ppm, &r->activity.tensor_sd_ppm);
	}
}

void aic_meter_forget(aic_meter *m, const aic_receipt *r)
{
	metered *s = find(m, r->job_id, r->restart, r->step_id);

	if (s)
		drop(m, s);
}

uint32_t aic_meter_gpus(const aic_meter *m)
{
	return m->nvml ? aic_nvml_count(m->nvml) : 0;
}

aic_code aic_meter_open(aic_meter **out, const char *node_dir, const char *library, aic_error *err)
{
	aic_meter *m = aic_xcalloc(1, sizeof(*m));
	aic_code rc = aic_nvml_open(&m->nvml, library, err);

	if (!rc)
		rc = aic_path_join(m->steps_dir, sizeof(m->steps_dir), node_dir, AIC_STEPS_DIR, err);
	if (!rc)
		rc = aic_dir_make(m->steps_dir, 0700, err);
	if (rc) {
		aic_nvml_close(m->nvml);
		free(m);
		return rc;
	}
	aic_str_copy(m->node_dir, sizeof(m->node_dir), node_dir);
	m->library = library ? aic_xstrdup(library) : NULL;
	for (uint32_t i = 0; i < AIC_NVML_GPUS_MAX; i++)
		m->energy_before[i] = UINT64_MAX;
	*out = m;
	return AIC_OK;
}

void aic_meter_close(aic_meter *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->steps; i++)
		save_used(m, &m->step[i]);
	aic_nvml_close(m->nvml);
	free(m->library);
	free(m);
}
