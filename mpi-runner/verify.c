#include "mpi-runner/verify.h"

#include "config.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/log.h"
#include "common/session_call.h"
#include "mpi-runner/session_dir.h"
#include "mpi-runner/signals.h"
#include "mpi-runner/training.h"
#include "mpi-runner/verify_step.h"

enum { HEX_SHOWN = 8 }; /* bytes of a root that a sentence shows */

typedef struct {
	aic_training t;
	const aic_verify_options *options;
	aic_verification_question asked;
	aic_session_file file;
	char spec[PATH_MAX];
	aic_verification_result *result; /* decided once result->note is set, or at the end */
	bool decided, stopped;
	uint64_t all;                    /* steps to compute in all */
} verification;

static bool leads(const verification *v)
{
	return v->t.c->rank == 0;
}

/* The result stands; what follows is not looked at. */
static aic_code decide(verification *v, aic_found found, uint64_t segment, uint64_t step, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
static aic_code decide(verification *v, aic_found found, uint64_t segment, uint64_t step, const char *fmt, ...)
{
	va_list args;

	v->decided = true;
	v->result->result = found;
	v->result->segment = segment;
	v->result->step = step;
	va_start(args, fmt);
	vsnprintf(v->result->note, sizeof(v->result->note), fmt, args);
	va_end(args);
	return AIC_OK;
}

static aic_code withheld(verification *v, uint64_t segment, const char *what)
{
	return decide(v, AIC_FOUND_WITHHELD, segment, 0, "%s", what);
}

/* --- what is asked, and what was handed out --- */

static aic_code share_bytes(verification *v, aic_bytes *b, aic_code rc, aic_error *err)
{
	uint64_t len = b->len;

	rc = aic_collective_agree(v->t.c, rc, err);
	if (rc == AIC_OK)
		rc = aic_collective_broadcast(v->t.c, &len, sizeof(len), err);
	if (rc == AIC_OK && !leads(v)) {
		aic_bytes_reserve(b, (size_t)len);
		b->len = (size_t)len;
	}
	return rc == AIC_OK ? aic_collective_broadcast(v->t.c, b->data, b->len, err) : rc;
}

static aic_code read_question(verification *v, aic_error *err)
{
	aic_bytes b = {0};
	aic_code rc = leads(v) ? aic_file_read(&b, v->options->question, AIC_VERIFICATION_FILE_MAX, err) : AIC_OK;

	rc = share_bytes(v, &b, rc, err);
	if (rc == AIC_OK)
		rc = aic_verification_question_get(&v->asked, b.data, b.len, err);
	aic_bytes_free(&b);
	if (rc != AIC_OK)
		return rc;
	v->result->session = v->asked.session;
	v->result->round = v->asked.round;
	for (size_t i = 0; i < v->asked.n; i++)
		v->all += v->asked.segment[i].to.step - v->asked.segment[i].from.step;
	return AIC_OK;
}

static uint64_t first_segment(const verification *v)
{
	return v->asked.segment[0].number;
}

/* A file of the folder that does not come, or is none, was withheld. */
static aic_code read_session_file(verification *v, aic_error *err)
{
	char path[PATH_MAX];
	aic_error why = {0};
	aic_bytes b = {0};
	aic_code rc = AIC_OK;

	if (leads(v) && (aic_path_join(path, sizeof(path), v->options->folder, AIC_SESSION_FILE, &why) != AIC_OK ||
	                 aic_file_read(&b, path, AIC_VERIFICATION_FILE_MAX, &why) != AIC_OK))
		b.len = 0;
	rc = share_bytes(v, &b, rc, err);
	if (rc == AIC_OK && b.len && aic_session_file_get(&v->file, b.data, b.len, &why) == AIC_OK) {
		aic_bytes_free(&b);
		return AIC_OK;
	}
	aic_bytes_free(&b);
	if (rc == AIC_OK)
		withheld(v, first_segment(v), why.message[0] ? why.message : "the session's file was not handed out");
	return rc;
}

static bool is_committed(const uint8_t salt[AIC_SALT_LEN], const aic_hash *thing, const aic_hash *root)
{
	aic_hash have = aic_session_salted(salt, thing);

	return aic_hash_equal(&have, root);
}

static aic_code check_code(verification *v)
{
	aic_hash code = aic_sha256_of(v->file.code, strlen(v->file.code));

	if (!is_committed(v->file.code_salt, &code, &v->asked.code))
		return withheld(v, first_segment(v), "the release that the session's file names is not the one that was committed to");
	if (strcmp(v->file.code, PACKAGE_STRING) != 0)
		return decide(v, AIC_FOUND_DECLINED, 0, 0, "the session was computed by %s, this is " PACKAGE_STRING, v->file.code);
	return AIC_OK;
}

/* The specification's bytes, before anything is believed of them. */
static aic_code check_spec(verification *v, aic_error *err)
{
	struct { bool there, same; } found = {false, false};
	aic_error why = {0};
	aic_bytes text = {0};
	aic_code rc = aic_path_join(v->spec, sizeof(v->spec), v->options->folder, AIC_SESSION_SPEC, err);

	if (rc == AIC_OK && leads(v) && aic_file_read(&text, v->spec, AIC_SPEC_MAX, &why) == AIC_OK) {
		aic_hash spec = aic_sha256_of(text.data, text.len);
		found.there = true;
		found.same = is_committed(v->file.spec_salt, &spec, &v->asked.spec);
	}
	aic_bytes_free(&text);
	if (rc == AIC_OK)
		rc = aic_collective_broadcast(v->t.c, &found, sizeof(found), err);
	if (rc == AIC_OK && !found.there)
		withheld(v, first_segment(v), "the specification was not handed out");
	else if (rc == AIC_OK && !found.same)
		withheld(v, first_segment(v), "the specification that was handed out is not the one that was committed to");
	return rc;
}

/* Specification, data and device. What cannot be read or computed here is declined: somebody else may be able to. */
static aic_code open_training(verification *v, aic_error *err)
{
	v->t.spec_path = v->spec;
	v->t.spec_name = v->file.name;
	aic_code rc = aic_training_open(&v->t, err);
	if (rc == AIC_UNREACHABLE || rc == AIC_SYSTEM)
		return rc;
	if (rc != AIC_OK)
		return decide(v, AIC_FOUND_DECLINED, 0, 0, "%.400s", err->message);
	aic_hash spec = aic_sha256_of(v->t.spec_text.data, v->t.spec_text.len); /* read again: its owner may have changed it since */
	if (!is_committed(v->file.spec_salt, &spec, &v->asked.spec))
		return withheld(v, first_segment(v), "the specification was changed while it was read");
	if (!is_committed(v->file.data_salt, &v->t.data->digest, &v->asked.data))
		return decide(v, AIC_FOUND_DECLINED, 0, 0, "the data at hand are not those that were committed to");
	if (v->t.spec->shards != v->asked.shards)
		return decide(v, AIC_FOUND_DIFFERS, first_segment(v), v->asked.segment[0].from.step + 1,
		              "the specification has %" PRIu32 " shards, the session was opened with %" PRIu64, v->t.spec->shards, v->asked.shards);
	if (v->t.spec->fast != (v->asked.determinism == 1))
		return decide(v, AIC_FOUND_DIFFERS, first_segment(v), v->asked.segment[0].from.step + 1,
		              "the specification is of class %s, the session was opened as D%" PRIu64, v->t.spec->class_name, v->asked.determinism);
	return AIC_OK;
}

/* --- a segment --- */

typedef struct {
	aic_training *t;
	aic_hash *leaf;
	size_t begin;
} hashing;

static void hash_share(void *ctx, size_t begin, size_t end, unsigned thread)
{
	const hashing *h = ctx;
	float *section[] = {h->t->weights, h->t->optimizer.mean, h->t->optimizer.square};

	(void)thread;
	for (size_t i = h->begin + begin; i < h->begin + end; i++) {
		aic_commit_place p = aic_commit_where(h->t->model->parameters, i);
		h->leaf[i] = aic_commit_leaf(section[p.section] + p.at, p.n);
	}
}

/* Of the state as it is now: each rank hashes its share of the chunks with its threads. Rank 0's chain counts. */
static aic_code root_now(aic_training *t, aic_hash *root, aic_error *err)
{
	aic_checkpoint c;

	aic_training_describe(t, &c);
	size_t chunks = aic_commit_chunks(c.state.parameters, c.state.sections);
	size_t begin = aic_commit_begin(chunks, t->c->size, t->c->rank), end = aic_commit_begin(chunks, t->c->size, t->c->rank + 1);
	hashing h = {t, aic_xcalloc(chunks, sizeof(*h.leaf)), begin};

	aic_threads_run(t->cpu->threads, end - begin, 1, hash_share, &h);
	/* each hash comes from one rank, the others add zeros */
	aic_code rc = t->c->size > 1 ? aic_collective_sum(t->c, (uint64_t *)(void *)h.leaf, chunks * sizeof(*h.leaf) / 8, err) : AIC_OK;
	if (rc == AIC_OK)
		*root = aic_commit_root(&c.state, h.leaf);
	free(h.leaf);
	return rc == AIC_OK ? aic_collective_broadcast(t->c, root, sizeof(*root), err) : rc;
}

static void note_roots(verification *v, const aic_hash *committed, const aic_hash *computed)
{
	v->result->committed = *committed;
	v->result->computed = *computed;
}

static aic_code differs(verification *v, uint64_t segment, uint64_t step, const aic_verification_point *at, const aic_hash *computed, const char *what)
{
	char want[2 * HEX_SHOWN + 1], have[2 * HEX_SHOWN + 1];

	aic_hex(want, at->root.b, HEX_SHOWN);
	aic_hex(have, computed->b, HEX_SHOWN);
	note_roots(v, &at->root, computed);
	return decide(v, AIC_FOUND_DIFFERS, segment, step, "segment %" PRIu64 ", step %" PRIu64 ": %s (root at step %" PRIu64 ": committed %s.., computed %s..)",
	              segment, step, what, at->step, want, have);
}

/* Initial weights follow from the session's seed: nothing needs to be handed out. */
static aic_code begin_at_start(verification *v, const aic_verification_segment *s, aic_error *err)
{
	aic_hash root;
	aic_code rc = root_now(&v->t, &root, err);

	if (rc == AIC_OK && (s->from.step != 0 || !aic_hash_equal(&root, &s->from.root)))
		return differs(v, s->number, s->from.step + 1, &s->from, &root,
		               "the training did not begin with the weights, data and settings that its specification and the session's seed give");
	return rc;
}

typedef struct {
	aic_code rc;
	bool same; /* step and chain are as committed */
	char why[AIC_VERIFICATION_NOTE];
} loaded;

/* Rank 0 alone. */
static void load(verification *v, const aic_verification_segment *s, loaded *l)
{
	char path[PATH_MAX];
	aic_error why = {0};
	aic_checkpoint c;

	aic_training_describe(&v->t, &c);
	c.segment = (aic_segment){0};
	aic_checkpoint_path(path, v->options->folder, (int64_t)s->from.step);
	l->rc = aic_checkpoint_read(&c, &s->from.root, path, &why);
	aic_str_copy(l->why, sizeof(l->why), why.message);
	if (l->rc != AIC_OK)
		return;
	l->same = c.state.step == s->from.step && aic_hash_equal(&c.state.chain, &s->from.chain);
	aic_segment_free(&v->t.segment);
	aic_training_take(&v->t, &c);
	aic_segment_begin(&v->t.segment, &s->from.chain, s->from.step);
}

static aic_code begin_at_checkpoint(verification *v, const aic_verification_segment *s, aic_error *err)
{
	loaded l = {.rc = AIC_OK};

	if (leads(v))
		load(v, s, &l);
	aic_code rc = aic_collective_broadcast(v->t.c, &l, sizeof(l), err);
	if (rc != AIC_OK)
		return rc;
	if (l.rc == AIC_REFUSED) /* whole and as committed, but of something else */
		return differs(v, s->number, s->from.step + 1, &s->from, &s->from.root,
		               "the checkpoint that was committed to is of another model, data, seed or number of shards");
	if (l.rc != AIC_OK)
		return decide(v, AIC_FOUND_WITHHELD, s->number, 0, "checkpoint %" PRIu64 " of step %" PRIu64 ": %.400s", s->number, s->from.step, l.why);
	if (!l.same)
		return differs(v, s->number, s->from.step + 1, &s->from, &s->from.root, "the checkpoint's own step and chain are not those that were committed to");
	return aic_training_share(&v->t, err);
}

/* Rank 0: where the segment's end is not as committed, the first wrong step, by the bits of the steps that the provider's file has. */
static uint64_t find_step(verification *v, const aic_verification_segment *s)
{
	char path[PATH_MAX];
	aic_error why;
	aic_checkpoint c;
	aic_hash root;

	aic_checkpoint_path(path, v->options->folder, (int64_t)s->to.step);
	aic_code rc = aic_checkpoint_head(&c, &root, path, &why);
	bool theirs = rc == AIC_OK && aic_hash_equal(&root, &s->to.root) && c.state.step == s->to.step;
	uint64_t step = aic_verify_first_wrong(s, &v->t.segment, theirs ? &c.segment : NULL);
	aic_segment_free(&c.segment);
	return step;
}

static aic_code check_end(verification *v, const aic_verification_segment *s, aic_error *err)
{
	struct { uint64_t step; bool same; } end = {0, false};
	aic_hash root;
	aic_code rc = aic_training_fetch(&v->t, err);

	if (rc == AIC_OK)
		rc = root_now(&v->t, &root, err);
	if (rc != AIC_OK)
		return rc;
	if (leads(v)) {
		end.same = aic_hash_equal(&root, &s->to.root) && aic_hash_equal(&v->t.segment.now, &s->to.chain);
		end.step = end.same ? 0 : find_step(v, s);
	}
	rc = aic_collective_broadcast(v->t.c, &end, sizeof(end), err);
	if (rc == AIC_OK && !end.same)
		return differs(v, s->number, end.step, &s->to, &root, "running the segment again gives other bits");
	return rc;
}

static aic_code run_steps(verification *v, const aic_verification_segment *s, aic_error *err)
{
	aic_training *t = &v->t;
	aic_code rc = AIC_OK;

	while (rc == AIC_OK && t->step < s->to.step && !v->stopped) {
		aic_step_result r;

		if (t->step >= t->steps)
			return differs(v, s->number, t->step + 1, &s->to, &s->to.root, "it goes on beyond the end that the specification gives it");
		rc = aic_training_step(t, aic_signals_stop(), &r, err);
		if (rc != AIC_OK)
			break;
		v->result->steps++;
		v->stopped = r.stop;
		if (leads(v) && !v->options->quiet)
			aic_progress_step(&t->progress, v->result->steps, t->step / aic_stepper_steps_per_epoch(&t->stepper) + 1, (double)r.loss);
	}
	/* a model that leaves the numbers would have stopped the training, too */
	if (rc == AIC_REFUSED || rc == AIC_CORRUPT)
		return differs(v, s->number, t->step + 1, &s->to, &s->to.root, err->message);
	return rc;
}

static aic_code run_segment(verification *v, const aic_verification_segment *s, aic_error *err)
{
	aic_code rc = s->number == 0 ? begin_at_start(v, s, err) : begin_at_checkpoint(v, s, err);

	if (rc == AIC_OK && !v->decided)
		rc = aic_training_send(&v->t, err);
	if (rc == AIC_OK && !v->decided)
		rc = run_steps(v, s, err);
	if (rc == AIC_OK && !v->decided && !v->stopped)
		rc = check_end(v, s, err);
	return rc;
}

static aic_code run_all(verification *v, aic_error *err)
{
	aic_training *t = &v->t;

	t->spec->seed = aic_session_seed(t->spec->seed, &v->asked.session, &v->asked.entropy);
	aic_code rc = aic_training_begin(t, err);
	if (rc != AIC_OK) /* the weights to begin with cannot be read here */
		return rc == AIC_UNREACHABLE ? rc : decide(v, AIC_FOUND_DECLINED, 0, 0, "%.400s", err->message);
	aic_progress_begin(&t->progress, stdout, 0, v->all, t->spec->batch);
	for (size_t i = 0; rc == AIC_OK && i < v->asked.n && !v->decided && !v->stopped; i++)
		rc = run_segment(v, &v->asked.segment[i], err);
	aic_progress_break(&t->progress);
	return rc;
}

aic_code aic_verify_session(aic_collective *c, const aic_verify_options *o, aic_verification_result *r, bool *stopped, aic_error *err)
{
	verification v = {.t = {.c = c}, .options = o, .result = r};

	*r = (aic_verification_result){.result = AIC_FOUND_AGREES};
	aic_code rc = read_question(&v, err);
	if (rc == AIC_OK)
		rc = read_session_file(&v, err);
	if (rc == AIC_OK && !v.decided)
		rc = check_code(&v);
	if (rc == AIC_OK && !v.decided)
		rc = check_spec(&v, err);
	if (rc == AIC_OK && !v.decided)
		rc = open_training(&v, err);
	if (rc == AIC_OK && !v.decided)
		rc = run_all(&v, err);
	*stopped = v.stopped;
	aic_training_close(&v.t);
	return rc;
}
