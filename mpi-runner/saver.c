#include "mpi-runner/saver.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/file.h"
#include "common/time.h"

typedef enum { IDLE, HASHING, WRITING } phase;

struct aic_saver {
	aic_collective *c;
	char folder[PATH_MAX];
	uint64_t keep;

	phase phase;
	pthread_t thread;
	aic_checkpoint copy;       /* rank 0: sections too */
	float *values;             /* what is copied: all sections, or this rank's share of their chunks */
	size_t chunks, begin, end; /* in all; this rank's share */
	aic_hash *leaf;            /* one for each chunk; those of other ranks zero until gathered */
	aic_code rc;               /* of the write */
	aic_error err;
	atomic_bool written, failed;
	aic_saved saved;
	bool untold, told;         /* a write has ended well; aic_saver_done has said so */
	void (*tell)(void *ctx, const aic_saved *saved, const char *path);
	void *tell_ctx;
	int64_t began_ms;
	double cpu, thread_cpu;
};

static double thread_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static bool leads(const aic_saver *s)
{
	return s->c->rank == 0;
}

aic_saver *aic_saver_new(aic_collective *c, const char *folder, uint64_t keep)
{
	aic_saver *s = aic_xcalloc(1, sizeof(*s));

	s->c = c;
	s->keep = keep;
	aic_str_copy(s->folder, sizeof(s->folder), folder);
	return s;
}

void aic_saver_tell(aic_saver *s, void (*saved)(void *ctx, const aic_saved *saved, const char *path), void *ctx)
{
	s->tell = saved;
	s->tell_ctx = ctx;
}

static void join(aic_saver *s)
{
	pthread_join(s->thread, NULL);
	s->cpu += s->thread_cpu;
	s->thread_cpu = 0;
}

void aic_saver_free(aic_saver *s)
{
	if (!s)
		return;
	if (s->phase == HASHING || (s->phase == WRITING && leads(s)))
		join(s);
	aic_segment_free(&s->copy.segment);
	free(s->values);
	free(s->leaf);
	free(s);
}

/* Where the copy of chunk i lies: rank 0's are the sections themselves. */
static float *place_of(const aic_saver *s, size_t i)
{
	aic_commit_place p = aic_commit_where(s->copy.state.parameters, i);

	return leads(s) ? s->copy.section[p.section] + p.at : s->values + (i - s->begin) * AIC_COMMIT_CHUNK;
}

static void *hash_share(void *arg)
{
	aic_saver *s = arg;

	for (size_t i = s->begin; i < s->end; i++)
		s->leaf[i] = aic_commit_leaf(place_of(s, i), aic_commit_where(s->copy.state.parameters, i).n);
	s->thread_cpu = thread_seconds();
	return NULL;
}

static void *write_file(void *arg)
{
	aic_saver *s = arg;

	s->rc = aic_checkpoint_save(&s->copy, s->leaf, s->folder, s->keep, &s->err);
	s->saved = (aic_saved){.step = s->copy.state.step, .root = aic_commit_root(&s->copy.state, s->leaf), .chain = s->copy.state.chain,
	                       .bytes = aic_checkpoint_size(&s->copy), .seconds = (double)(aic_monotonic_ms() - s->began_ms) / 1000.0};
	if (s->rc == AIC_OK && s->tell) {
		char path[PATH_MAX];
		aic_checkpoint_path(path, s->folder, (int64_t)s->saved.step);
		s->tell(s->tell_ctx, &s->saved, path);
	}
	s->thread_cpu = thread_seconds();
	atomic_store(&s->failed, s->rc != AIC_OK);
	atomic_store(&s->written, true);
	return NULL;
}

static aic_code start(aic_saver *s, void *(*work)(void *), phase next, aic_error *err)
{
	if (pthread_create(&s->thread, NULL, work, s) != 0)
		return aic_fail(err, AIC_SYSTEM, "no thread to write a checkpoint with: raise the limit of processes (ulimit -u)");
	s->phase = next;
	return AIC_OK;
}

/* Memory for copies, once: a training's sizes stay the same. */
static void make_room(aic_saver *s, const aic_train_state *state)
{
	if (s->leaf)
		return;
	s->chunks = aic_commit_chunks(state->parameters, state->sections);
	s->begin = aic_commit_begin(s->chunks, s->c->size, s->c->rank);
	s->end = aic_commit_begin(s->chunks, s->c->size, s->c->rank + 1);
	s->leaf = aic_xmalloc(s->chunks * sizeof(*s->leaf));
	s->values = aic_xmalloc((leads(s) ? (size_t)(state->parameters * state->sections) : (s->end - s->begin) * AIC_COMMIT_CHUNK + 1) *
	                        sizeof(float));
	for (uint64_t i = 0; leads(s) && i < state->sections; i++)
		s->copy.section[i] = s->values + i * state->parameters;
}

static void copy_values(aic_saver *s, const aic_checkpoint *c)
{
	size_t from = leads(s) ? 0 : s->begin, to = leads(s) ? s->chunks : s->end;

	for (size_t i = from; i < to; i++) {
		aic_commit_place p = aic_commit_where(c->state.parameters, i);
		memcpy(place_of(s, i), c->section[p.section] + p.at, p.n * sizeof(float));
	}
}

static void copy_segment(aic_segment *to, const aic_segment *from)
{
	if (to->room < from->n) {
		to->room = from->room;
		to->bits = aic_xrealloc(to->bits, to->room * sizeof(*to->bits));
	}
	if (from->n)
		memcpy(to->bits, from->bits, from->n * sizeof(*to->bits));
	*to = (aic_segment){from->opening, from->now, from->first, to->bits, from->n, to->room};
}

/* Waits for the writer and learns how it went; said to all ranks. */
static aic_code end_writing(aic_saver *s, aic_error *err)
{
	aic_code rc = AIC_OK;

	if (leads(s)) {
		join(s);
		rc = s->rc;
		if (rc != AIC_OK && err)
			*err = s->err;
		s->untold = rc == AIC_OK;
	}
	s->phase = IDLE;
	return aic_collective_agree(s->c, rc, err);
}

aic_code aic_saver_begin(aic_saver *s, const aic_checkpoint *c, aic_error *err)
{
	aic_code rc = aic_saver_finish(s, err);
	if (rc != AIC_OK)
		return rc;
	double before = thread_seconds();
	make_room(s, &c->state);
	s->began_ms = aic_monotonic_ms();
	s->copy.state = c->state;
	copy_segment(&s->copy.segment, &c->segment);
	copy_values(s, c);
	memset(s->leaf, 0, s->chunks * sizeof(*s->leaf));
	s->cpu += thread_seconds() - before;
	return start(s, hash_share, HASHING, err);
}

aic_code aic_saver_step(aic_saver *s, aic_error *err)
{
	if (s->phase != HASHING)
		return AIC_OK;
	join(s);
	s->phase = IDLE;
	/* each hash comes from one rank, the others add zeros */
	aic_code rc = s->c->size > 1 ? aic_collective_sum(s->c, (uint64_t *)(void *)s->leaf, s->chunks * sizeof(*s->leaf) / 8, err) : AIC_OK;
	if (rc != AIC_OK)
		return rc;
	atomic_store(&s->written, false);
	s->told = false;
	if (leads(s))
		return start(s, write_file, WRITING, err);
	s->phase = WRITING;
	return AIC_OK;
}

aic_code aic_saver_finish(aic_saver *s, aic_error *err)
{
	aic_code rc = aic_saver_step(s, err);
	return rc == AIC_OK && s->phase == WRITING ? end_writing(s, err) : rc;
}

bool aic_saver_failed(aic_saver *s)
{
	return atomic_load(&s->failed);
}

bool aic_saver_done(aic_saver *s, aic_saved *saved)
{
	bool done = s->untold || (leads(s) && s->phase == WRITING && atomic_load(&s->written) && !atomic_load(&s->failed));

	if (!done || s->told)
		return false;
	*saved = s->saved;
	s->told = true;
	s->untold = false;
	return true;
}

double aic_saver_cpu(const aic_saver *s)
{
	return s->cpu;
}
