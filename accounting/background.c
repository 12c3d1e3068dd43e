#include "accounting/background.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/log.h"

#define REPORTS_MAX 8
#define ACTS_MAX 64
#define JOBS_MAX (REPORTS_MAX + ACTS_MAX)
#define KEPT_MS 15000  /* an answer that nobody fetches: who wants it asks five times a second */

typedef struct {
	uint64_t ticket;
	bool acts;
	aic_hash asked;             /* of an act: caller and arguments */
	pthread_t thread;
	atomic_bool done;
	int64_t done_at;            /* monotonic ms at which the server's thread saw it; 0: not yet */
	aic_background_serve *serve;
	aic_rpc_caller who;
	aic_viewer viewer;
	aic_acctd reader;           /* its own store and ledger connection; config is the daemon's */
	char path[AIC_PATH_LEN];
	aic_bytes args, out;
	size_t items;
	aic_code code;
	aic_error err;
} job;

struct aic_background {
	uint64_t tickets;
	job *job[JOBS_MAX];
};

aic_background *aic_background_new(void)
{
	return aic_xcalloc(1, sizeof(aic_background));
}

/* --- in the thread --- */

static void *work(void *arg)
{
	job *j = arg;
	aic_cbor args;
	aic_request q = {.d = &j->reader, .who = &j->who, .viewer = &j->viewer, .args = &args, .out = &j->out, .items = &j->items};

	aic_cbor_init(&args, j->args.data, j->args.len);
	j->code = j->acts ? aic_store_open_writer(&j->reader.store, j->path, &j->err) : aic_store_open_reader(&j->reader.store, j->path, &j->err);
	j->reader.batches.store = j->reader.store;
	if (j->code == AIC_OK)
		j->code = j->serve(&q, &j->err);
	aic_ledger_close(j->reader.ledger);
	aic_store_close(j->reader.store);
	atomic_store(&j->done, true);
	return NULL;
}

/* --- in the server's --- */

static void job_free(job *j)
{
	pthread_join(j->thread, NULL);
	aic_viewer_clear(&j->viewer);
	aic_bytes_free(&j->args);
	aic_bytes_free(&j->out);
	free(j);
}

void aic_background_free(aic_background *b)
{
	for (size_t i = 0; b && i < JOBS_MAX; i++)
		if (b->job[i])
			job_free(b->job[i]);
	free(b);
}

/* A place for one more; answers that nobody fetched in time go. The first places are for reports. */
static job **free_place(aic_background *b, bool acts)
{
	job **place = NULL;
	int64_t now = aic_monotonic_ms();

	for (size_t i = 0; i < JOBS_MAX; i++) {
		job *j = b->job[i];
		if (j && atomic_load(&j->done) && !j->done_at)
			j->done_at = now;
		if (j && j->done_at && now - j->done_at > KEPT_MS) {
			job_free(j);
			b->job[i] = NULL;
		}
		if (!b->job[i] && acts == (i >= REPORTS_MAX))
			place = &b->job[i];
	}
	return place;
}

static void say_waiting(aic_request *q, uint64_t ticket)
{
	aic_cbor_put_text(q->out, AIC_BACKGROUND_WAITING);
	aic_cbor_put_uint(q->out, ticket);
	*q->items = 2;
}

static void prepare(job *j, aic_request *q)
{
	j->who = *q->who;
	j->viewer = *q->viewer;
	memset(q->viewer, 0, sizeof(*q->viewer));
	j->reader = (aic_acctd){.config = q->d->config, .fee_ppm = q->d->fee_ppm, .batches = q->d->batches,
	                        .job_ask = q->d->job_ask, .closing_percent = q->d->closing ? aic_closing_percent(q->d->closing) : 0};
	aic_str_copy(j->reader.ledger_failure, sizeof(j->reader.ledger_failure), q->d->ledger_failure); /* which was logged once */
	j->reader.batches.config = &j->reader.config;
	j->reader.batches.read_only = true;
	aic_bytes_append(&j->args, q->args->data + q->args->pos, q->args->len - q->args->pos);
}

static aic_hash asked_of(const aic_request *q, aic_background_serve *serve)
{
	aic_bytes in = {0};

	aic_bytes_append(&in, &serve, sizeof(serve));
	aic_bytes_append(&in, &q->who->uid, sizeof(q->who->uid));
	aic_bytes_append(&in, q->args->data + q->args->pos, q->args->len - q->args->pos);
	aic_hash h = aic_sha256_of(in.data, in.len);
	aic_bytes_free(&in);
	return h;
}

/* The act that does the same and has not ended. */
static const job *under_way(const aic_background *b, const aic_hash *asked)
{
	for (size_t i = REPORTS_MAX; i < JOBS_MAX; i++)
		if (b->job[i] && !atomic_load(&b->job[i]->done) && aic_hash_equal(&b->job[i]->asked, asked))
			return b->job[i];
	return NULL;
}

aic_code aic_background_start(aic_background *b, aic_request *q, aic_background_serve *serve, bool acts, aic_error *err)
{
	aic_hash asked = acts ? asked_of(q, serve) : (aic_hash){{0}};
	const job *same = acts ? under_way(b, &asked) : NULL;
	job **place, *j;

	if (same) {
		say_waiting(q, same->ticket);
		return AIC_OK;
	}
	place = free_place(b, acts);
	if (!place)
		return aic_fail(err, AIC_UNREACHABLE, "%d %s already: ask again in a moment", acts ? ACTS_MAX : REPORTS_MAX,
		                acts ? "requests wait for the ledger" : "reports are being made");
	j = aic_xcalloc(1, sizeof(*j));
	j->serve = serve;
	j->acts = acts;
	j->asked = asked;
	aic_code rc = aic_path_join(j->path, sizeof(j->path), q->d->config.state_dir, "accounting.db", err);
	if (rc != AIC_OK) {
		free(j);
		return rc;
	}
	prepare(j, q);
	j->ticket = (uint64_t)aic_now() << 20 | (++b->tickets & 0xfffff);
	if (pthread_create(&j->thread, NULL, work, j)) {
		aic_viewer_clear(&j->viewer);
		aic_bytes_free(&j->args);
		free(j);
		return aic_fail_errno(err, "no thread can be made for a request");
	}
	*place = j;
	say_waiting(q, j->ticket);
	return AIC_OK;
}

aic_code aic_background_resume(aic_request *q, aic_error *err)
{
	uint64_t ticket = aic_cbor_uint(q->args);
	aic_code rc = aic_cbor_finish(q->args, err);

	for (size_t i = 0; rc == AIC_OK && q->d->background && i < JOBS_MAX; i++) {
		job *j = q->d->background->job[i];
		if (!j || j->ticket != ticket || j->who.uid != q->who->uid)
			continue;
		if (!atomic_load(&j->done)) {
			say_waiting(q, ticket);
			return AIC_OK;
		}
		rc = j->code;
		if (rc == AIC_OK) {
			aic_bytes_append(q->out, j->out.data, j->out.len);
			*q->items = j->items;
		} else if (err) {
			*err = j->err;
		}
		job_free(j);
		q->d->background->job[i] = NULL;
		return rc;
	}
	return rc == AIC_OK ? aic_fail(err, AIC_NOT_FOUND, "this answer is no longer there: aicacctd was restarted, or it was fetched; ask anew") : rc;
}
