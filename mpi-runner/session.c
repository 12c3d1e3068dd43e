#include "mpi-runner/session.h"

#include "config.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/config.h"
#include "common/file.h"
#include "common/log.h"
#include "common/session_queue.h"
#include "common/session_store.h"
#include "mpi-runner/session_place.h"

enum { ANSWER_MS = 5000, AGAIN_S = 15, HEX_SHOWN = 16 };
#define BATCH_STEP 4294967291u /* Slurm's number of a job's script (SLURM_BATCH_SCRIPT) */

struct aic_session {
	aic_session_record record;
	char folder[PATH_MAX];
	char asset[AIC_NAME_LEN];
	char address[AIC_PATH_LEN];
	uid_t server;
	aic_rpc *rpc;            /* the thread's, once it runs */
	aic_error lost;          /* why the store has no more of it; nothing is committed any more */

	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool work, ending;       /* something is queued; say the end and stop */
	aic_session_closing closing;
	aic_error late;          /* the last failure to deliver; empty: all is delivered */
	double cpu;
};

static double thread_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static char *shown(char hex[2 * AIC_HASH_LEN + 1], const aic_session_record *r)
{
	aic_hash_hex(hex, &r->name.session);
	hex[HEX_SHOWN] = '\0';
	return hex;
}

/* --- what Slurm says of this step --- */

static uint32_t number_of(const char *variable, uint32_t otherwise)
{
	const char *text = getenv(variable);
	char *end;
	unsigned long v = text ? strtoul(text, &end, 10) : 0;

	return text && end != text && *end == '\0' ? (uint32_t)v : otherwise;
}

static bool this_step(aic_job_step *s)
{
	const char *cluster = getenv("SLURM_CLUSTER_NAME");

	*s = (aic_job_step){.job = number_of("SLURM_JOB_ID", 0), .step = number_of("SLURM_STEP_ID", BATCH_STEP),
	                    .restart = number_of("SLURM_RESTART_COUNT", 0)};
	aic_str_copy(s->cluster, sizeof(s->cluster), cluster ? cluster : "");
	return s->job != 0;
}

/* --- asking --- */

static aic_code connect_to(aic_session *s, aic_error *err)
{
	if (s->rpc)
		return AIC_OK;
	aic_code rc = aic_rpc_open(&s->rpc, "acct", s->address, s->server, ANSWER_MS, err);
	if (rc != AIC_OK)
		s->rpc = NULL;
	return rc;
}

static aic_code ended(aic_session *s, aic_code rc)
{
	if (rc != AIC_OK && s->rpc) { /* whatever the connection's state is now, the next try starts afresh */
		aic_rpc_close(s->rpc);
		s->rpc = NULL;
	}
	return rc;
}

static aic_code ask_open(aic_session *s, aic_error *err)
{
	aic_session_opening o;
	aic_session_opened answer = {0};
	aic_code rc = connect_to(s, err);

	aic_session_record_opening(&s->record, &o);
	if (s->asset[0])
		aic_str_copy(o.asset[o.n_assets++], sizeof(o.asset[0]), s->asset);
	if (rc == AIC_OK)
		rc = ended(s, aic_session_call_open(s->rpc, &o, &answer, err));
	if (rc == AIC_OK) {
		s->record.name.session = answer.session;
		s->record.entropy = answer.entropy;
	}
	return rc;
}

/* --- the thread beside the training --- */

/* A run that began without a session counts as metered at least: as class D2, with a token of its own. */
static aic_code open_late(aic_session *s, aic_error *err)
{
	static const aic_hash none;

	if (!aic_hash_equal(&s->record.name.session, &none))
		return AIC_OK;
	aic_code rc = ask_open(s, err);
	return rc == AIC_OK ? aic_session_record_save(&s->record, s->folder, 0600, err) : rc;
}

static aic_code deliver(aic_session *s, bool ending, aic_error *err)
{
	aic_session_delivered done;
	aic_code rc = s->record.standing == AIC_SESSION_WITHOUT ? open_late(s, err) : AIC_OK;

	if (rc == AIC_OK)
		rc = connect_to(s, err);
	if (rc == AIC_OK && s->record.store[0])
		return ended(s, aic_session_queue_deliver(s->record.store, &s->record.name, s->rpc, &done, err));
	if (rc == AIC_OK && ending) {
		s->closing.name = s->record.name;
		rc = ended(s, aic_session_call_close(s->rpc, &s->closing, err));
	}
	return rc;
}

static void *attend(void *arg)
{
	aic_session *s = arg;
	bool ending = false;

	while (!ending) {
		struct timespec until;
		aic_error err = {0};

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec += AGAIN_S;
		pthread_mutex_lock(&s->lock);
		while (!s->work && !s->ending && pthread_cond_timedwait(&s->wake, &s->lock, &until) != ETIMEDOUT)
			;
		bool due = s->work || s->ending || s->late.message[0];
		s->work = false;
		ending = s->ending;
		pthread_mutex_unlock(&s->lock);
		if (!due)
			continue;
		if (deliver(s, ending, &err) == AIC_OK)
			err.message[0] = '\0';
		if (err.message[0] && !s->late.message[0])
			aic_info("what the session has to say is delivered later: %s", err.message);
		s->late = err;
	}
	s->cpu += thread_seconds();
	return NULL;
}

static void wake(aic_session *s, bool ending)
{
	pthread_mutex_lock(&s->lock);
	s->work = true;
	s->ending = ending;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->lock);
}

/* --- beginning --- */

static void fill_record(aic_session_record *r, const aic_session_request *q, const aic_job_step *step)
{
	char path[PATH_MAX] = "";

	*r = (aic_session_record){.step = *step, .determinism = q->determinism, .shards = q->shards, .spec_seed = q->seed, .seed = q->seed,
	                          .spec = aic_sha256_of(q->spec, q->spec_len), .data = q->data, .every = q->every, .steps = q->steps,
	                          .code = PACKAGE_STRING};
	aic_random(r->name.token, sizeof(r->name.token));
	aic_random(r->spec_salt, sizeof(r->spec_salt));
	aic_random(r->data_salt, sizeof(r->data_salt));
	aic_random(r->code_salt, sizeof(r->code_salt));
	if (q->determinism == AIC_CLASS_D1)
		aic_str_copy(r->device, sizeof(r->device), q->device);
	if (q->spec_file && realpath(q->spec_file, path))
		aic_str_copy(r->spec_file, sizeof(r->spec_file), path);
}

/* Whether checkpoints can be kept, so that others can verify; if not, why. */
static bool is_provable(const aic_sessions_config *c, const aic_session_request *q, char why[AIC_SESSION_SAID])
{
	uint64_t checkpoints = q->every ? q->steps / q->every + 2 : 0;
	aic_error err = {0};

	why[0] = '\0';
	if (q->determinism == AIC_CLASS_D2)
		return false;
	if (!c->store[0])
		snprintf(why, AIC_SESSION_SAID, "aic.yaml names no store for checkpoints (sessions: store)");
	else if (!q->every)
		snprintf(why, AIC_SESSION_SAID, "prove: checkpoint_every is 0, so there is nothing to verify");
	else if (q->checkpoint_bytes && checkpoints > UINT64_MAX / q->checkpoint_bytes)
		snprintf(why, AIC_SESSION_SAID, "its checkpoints would take more than there is");
	else if (aic_session_store_room(c->store, c->room, checkpoints * q->checkpoint_bytes, &err) != AIC_OK)
		snprintf(why, AIC_SESSION_SAID, "%.*s", AIC_SESSION_SAID - 1, err.message);
	return !why[0];
}

static void use_no_store(aic_session *s, const aic_error *why)
{
	s->record.store[0] = '\0';
	s->lost = *why;
}

/* The ledger has opened it: its seed, and its folder in the store. */
static void take_opening(aic_session *s, const char *store, const aic_session_request *q)
{
	aic_session_record *r = &s->record;
	aic_error err = {0};

	r->standing = AIC_SESSION_OPENED;
	if (r->determinism == AIC_CLASS_D2)
		return; /* nobody computes it again: the specification's seed gives the same model each time */
	r->seed = aic_session_seed(r->spec_seed, &r->name.session, &r->entropy);
	if (aic_session_dir_make(r->store, store, &r->name.session, &err) != AIC_OK || aic_session_place_files(r, q->spec, q->spec_len, &err) != AIC_OK)
		use_no_store(s, &err);
}

static void say_open(const aic_session *s, const aic_config *c, const char *why, char said[AIC_SESSION_SAID])
{
	char hex[2 * AIC_HASH_LEN + 1];
	const aic_session_record *r = &s->record;

	shown(hex, r);
	if (s->lost.message[0])
		snprintf(said, AIC_SESSION_SAID, "session %s of class D2: %.300s", hex, s->lost.message);
	else if (r->store[0])
		snprintf(said, AIC_SESSION_SAID, "session %s of class D%u, checkpoints in %.200s for %lld h; its seed is %llu", hex, (unsigned)r->determinism,
		         r->store, (long long)c->sessions.keep / 3600, (unsigned long long)r->seed);
	else
		snprintf(said, AIC_SESSION_SAID, "session %s of class D2%s%.300s", hex, why[0] ? ": " : "", why);
}

/* Its seed is the specification's: the thread opens one of class D2 for this job, once aicacctd answers. */
static void open_later(aic_session *s, const aic_job_step *step, const char *why)
{
	aic_session_record *r = &s->record;

	r->standing = AIC_SESSION_WITHOUT;
	r->determinism = AIC_CLASS_D2;
	r->store[0] = '\0';
	r->step = *step;
	r->name = (aic_session_name){0};
	aic_random(r->name.token, sizeof(r->name.token));
	aic_str_copy(s->late.message, sizeof(s->late.message), why);
}

/* Asks for a new session, or again for one that was being asked for when the run was killed. */
static void open_new(aic_session *s, const aic_config *c, const aic_session_request *q, char said[AIC_SESSION_SAID])
{
	char why[AIC_SESSION_SAID];
	aic_error err = {0};

	if (!is_provable(&c->sessions, q, why))
		s->record.determinism = AIC_CLASS_D2;
	aic_code rc = aic_session_record_save(&s->record, s->folder, 0600, &err); /* the token, before it is used */
	if (rc == AIC_OK)
		rc = ask_open(s, &err);
	if (rc == AIC_OK) {
		take_opening(s, c->sessions.store, q);
		rc = aic_session_record_save(&s->record, s->folder, 0600, &err);
	}
	if (rc == AIC_OK) {
		say_open(s, c, why, said);
		return;
	}
	snprintf(said, AIC_SESSION_SAID, "no session yet, so class D2 and the specification's seed: %.300s", err.message);
	aic_job_step step = s->record.step;
	open_later(s, &step, err.message);
	s->record.seed = q->seed;
	if (aic_session_record_save(&s->record, s->folder, 0600, &err) != AIC_OK)
		aic_warn("%s", err.message);
}

/* The run goes on in another job or after a requeue: so does its session. False where it is closed. */
static bool continue_old(aic_session *s, const aic_job_step *step, char said[AIC_SESSION_SAID])
{
	char hex[2 * AIC_HASH_LEN + 1], path[PATH_MAX];
	const aic_session_record *r = &s->record;
	aic_error err = {0};

	shown(hex, r);
	if (r->store[0] && (aic_session_queue_nodes(r->store, step, &err) != AIC_OK || aic_session_place_missing(r, s->folder, &err) != AIC_OK)) {
		snprintf(said, AIC_SESSION_SAID, "session %s goes on without new commitments: %.300s", hex, err.message);
		use_no_store(s, &err);
	}
	aic_code rc = connect_to(s, &err);
	if (rc == AIC_OK)
		rc = ended(s, aic_session_call_nodes(s->rpc, &r->name, step, &err));
	if (rc == AIC_REFUSED) {
		aic_session_queue_forget_nodes(r->store);
		snprintf(said, AIC_SESSION_SAID, "a session of class D2, since %s does not go on: %.300s", hex, err.message);
		return false;
	}
	if (r->store[0] && aic_path_join(path, sizeof(path), r->store, AIC_SESSION_CLOSED_FILE, NULL) == AIC_OK)
		unlink(path);
	if (!said[0])
		snprintf(said, AIC_SESSION_SAID, "session %s goes on%s%.300s", hex, rc == AIC_OK ? "" : "; its nodes are told later: ", rc == AIC_OK ? "" : err.message);
	return true;
}

static aic_session *session_new(const aic_config *c, const aic_session_request *q)
{
	aic_session *s = aic_xcalloc(1, sizeof(*s));

	aic_str_copy(s->folder, sizeof(s->folder), q->folder);
	aic_str_copy(s->asset, sizeof(s->asset), q->asset);
	aic_str_copy(s->address, sizeof(s->address), c->acct_address);
	s->server = c->uid;
	aic_rpc_use_munge(c->munge_socket);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->wake, NULL);
	return s;
}

static void session_free(aic_session *s)
{
	if (s->rpc)
		aic_rpc_close(s->rpc);
	pthread_cond_destroy(&s->wake);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* What the run's folder says of its session; false where it begins one. */
static bool find_record(aic_session_record *r, const aic_session_request *q)
{
	aic_hash spec = aic_sha256_of(q->spec, q->spec_len);
	aic_error err = {0};

	if (q->fresh)
		return false;
	aic_code rc = aic_session_record_load(r, q->folder, &err);
	if (rc != AIC_OK && rc != AIC_NOT_FOUND)
		aic_warn("the run's session is lost: %s", err.message);
	return rc == AIC_OK && (q->resumes || (r->standing != AIC_SESSION_WITHOUT && aic_hash_equal(&r->spec, &spec)));
}

static bool same_run(const aic_job_step *a, const aic_job_step *b)
{
	return a->job == b->job && a->step == b->step && a->restart == b->restart && strcmp(a->cluster, b->cluster) == 0;
}

static void resume_or_open(aic_session *s, const aic_config *c, const aic_session_request *q, const aic_job_step *step, char said[AIC_SESSION_SAID])
{
	aic_session_record *r = &s->record;
	bool same = same_run(&r->step, step);
	aic_error err = {0};

	if (r->standing == AIC_SESSION_ASKED) {
		r->step = *step;
		open_new(s, c, q, said);
		if (!same && r->standing == AIC_SESSION_OPENED)
			continue_old(s, step, said);
		return;
	}
	if (r->standing == AIC_SESSION_OPENED && continue_old(s, step, said))
		return;
	open_later(s, step, "it began without one");
	if (aic_session_record_save(r, s->folder, 0600, &err) != AIC_OK)
		aic_warn("%s", err.message);
	if (!said[0])
		snprintf(said, AIC_SESSION_SAID, "a session of class D2: this run began without one");
}

static void start(aic_session **out, aic_session *s, const aic_config *c, const aic_session_request *q, const aic_session_record *found,
                  const aic_job_step *step, char said[AIC_SESSION_SAID])
{
	if (found)
		s->record = *found;
	else
		fill_record(&s->record, q, step);
	resume_or_open(s, c, q, step, said);
	bool on = pthread_create(&s->thread, NULL, attend, s) == 0;
	if (!on)
		snprintf(said, AIC_SESSION_SAID, "no session: no thread to attend to it: raise the limit of processes (ulimit -u)");
	*out = on ? s : NULL;
	if (on)
		wake(s, false);
	else
		session_free(s);
}

void aic_session_begin(aic_session **out, const aic_session_request *q, uint64_t *seed, char said[AIC_SESSION_SAID])
{
	aic_session_record found;
	aic_job_step step;
	aic_config c;
	aic_error err = {0};
	const char *path = getenv("AIC_CONFIG");

	*out = NULL;
	said[0] = '\0';
	bool continues = find_record(&found, q);
	*seed = continues ? found.seed : q->seed;
	if (q->off || !this_step(&step) || access(path && *path ? path : AIC_CONFIG_DEFAULT, F_OK) != 0)
		return;
	if (aic_config_load(&c, NULL, &err) != AIC_OK) {
		snprintf(said, AIC_SESSION_SAID, "no session: %.*s", AIC_SESSION_SAID - 16, err.message);
		return;
	}
	aic_session *s = session_new(&c, q);
	double before = thread_seconds();
	start(out, s, &c, q, continues ? &found : NULL, &step, said);
	if (*out) {
		s->cpu += thread_seconds() - before;
		*seed = s->record.seed;
	}
	aic_config_free(&c);
}

/* --- while it runs, and its end --- */

void aic_session_saved(aic_session *s, uint64_t step, const aic_hash *chain, const aic_hash *root, const char *path)
{
	aic_committed c = {.step = step, .chain = *chain, .root = *root};
	aic_error err = {0};

	if (!s->record.store[0] || s->lost.message[0])
		return;
	if (aic_session_place(&s->record, &c, path, &err) != AIC_OK) {
		aic_warn("nothing more is committed, so the session cannot be verified beyond here: %s", err.message);
		s->lost = err;
		return;
	}
	wake(s, false);
}

double aic_session_cpu(const aic_session *s)
{
	return s ? s->cpu : 0;
}

void aic_session_finish(aic_session *s, uint64_t steps, aic_session_end end, char said[AIC_SESSION_SAID])
{
	char hex[2 * AIC_HASH_LEN + 1];
	aic_error err = {0};

	said[0] = '\0';
	if (!s)
		return;
	if (s->record.store[0] && aic_session_queue_close(s->record.store, steps, end, &err) != AIC_OK)
		aic_warn("%s", err.message);
	s->closing = (aic_session_closing){.steps = steps, .end = end};
	wake(s, true);
	pthread_join(s->thread, NULL);
	if (s->late.message[0])
		snprintf(said, AIC_SESSION_SAID, "session %s: its end is told later, by AIC: %.300s", shown(hex, &s->record), s->late.message);
	session_free(s);
}
