/* relay.c: see relay.h. What both threads and the caller share is in `relay` under its lock; relay_follow.c is the follower. */
#include "ledger/order/relay.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/time.h"
#include "ledger/order/relay_shared.h"

#define ANSWER_MS 1000         /* that a caller waits for the worker */
#define FIRST_MS 2500          /* for the first word of the log after the start */
#define READ_MS 250
#define READ_BYTES (8u << 20)
#define SETTLE_MS 1000         /* between attempts to learn what became of a block */
#define JOBS_MAX 256

typedef enum { JOB_APPEND, JOB_READ, JOB_ATTEST, JOB_ATTESTATIONS, JOB_ACKNOWLEDGE, JOB_ACKNOWLEDGEMENTS, JOB_PRUNE,
	JOB_RESTORE } job_kind;

typedef struct job {
	struct job *next;
	job_kind kind;
	bool done, abandoned;    /* nobody waits for it any more: the worker frees it */
	uint64_t height, n;
	aic_id site;
	aic_order_head expected, restored;
	aic_hash hash;
	aic_bytes bytes;
	aic_order_source source;
	void *ctx;
	aic_relay_items found;   /* blocks or attestations */
	aic_code code;
	aic_error err;
} job;

struct aic_relay_jobs {
	job *first, *last, *running;
	size_t n;
};

static void job_free(job *j)
{
	aic_bytes_free(&j->bytes);
	aic_relay_items_free(&j->found);
	free(j);
}

/* --- items --- */

void aic_relay_items_add(aic_relay_items *l, uint64_t height, const aic_id *site, const void *data, size_t len)
{
	l->item = aic_xrealloc(l->item, (l->n + 1) * sizeof(*l->item));
	aic_relay_item *i = &l->item[l->n++];
	*i = (aic_relay_item){.height = height};
	if (site)
		i->site = *site;
	aic_bytes_append(&i->bytes, data, len);
	l->bytes += len;
}

void aic_relay_items_free(aic_relay_items *l)
{
	for (size_t i = 0; i < l->n; i++)
		aic_bytes_free(&l->item[i].bytes);
	free(l->item);
	*l = (aic_relay_items){.n = 0};
}

aic_code aic_relay_keep_site(void *ctx, const aic_id *site, const uint8_t *bytes, size_t len, aic_error *err)
{
	(void)err;
	aic_relay_items_add(ctx, 0, site, bytes, len);
	return AIC_OK;
}

aic_code aic_relay_keep_block(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	aic_relay_items *l = ctx;

	(void)err;
	aic_relay_items_add(l, height, NULL, block, len);
	return l->bytes >= READ_BYTES ? AIC_FULL : AIC_OK; /* enough for one time */
}

static aic_code visit_items(const aic_relay_items *l, aic_order_attested visit, void *ctx, aic_error *err)
{
	aic_code code = AIC_OK;

	for (size_t i = 0; i < l->n && !code; i++)
		code = visit(ctx, &l->item[i].site, l->item[i].bytes.data, l->item[i].bytes.len, err);
	return code;
}

/* --- the worker --- */

static aic_code do_read(aic_relay *r, job *j, aic_error *err)
{
	aic_code code = aic_order_read(&r->worker, j->height, j->n, aic_relay_keep_block, &j->found, err);

	return code == AIC_FULL && j->found.n ? AIC_OK : code;
}

static aic_code perform(aic_relay *r, job *j, aic_error *err)
{
	switch (j->kind) {
	case JOB_APPEND:
		return aic_order_append_if_head(&r->worker, &j->expected, &j->hash, j->bytes.data, j->bytes.len, err);
	case JOB_READ:
		return do_read(r, j, err);
	case JOB_ATTEST:
		return aic_order_attest(&r->worker, &j->site, j->height, j->bytes.data, j->bytes.len, err);
	case JOB_ATTESTATIONS:
		return aic_order_attestations(&r->worker, j->height, aic_relay_keep_site, &j->found, err);
	case JOB_ACKNOWLEDGE:
		return aic_order_acknowledge(&r->worker, &j->site, j->bytes.data, j->bytes.len, err);
	case JOB_ACKNOWLEDGEMENTS:
		return aic_order_acknowledgements(&r->worker, aic_relay_keep_site, &j->found, err);
	case JOB_PRUNE:
		return aic_order_prune(&r->worker, &j->site, j->height, err);
	default:
		return aic_order_restore(&r->worker, &j->expected, &j->restored, j->height, j->source, j->ctx, err);
	}
}

/* Under the lock. */
static void take_result(aic_relay *r, job *j)
{
	if (j->kind == JOB_APPEND && j->code == AIC_OK) {
		r->head = (aic_order_head){.height = j->expected.empty ? 0 : j->expected.height + 1, .hash = j->hash};
		r->generation++;
	}
	if (j->kind == JOB_APPEND)
		r->unsettled = j->code == AIC_UNREACHABLE || j->code == AIC_FULL;
	if (j->kind == JOB_ATTEST && j->code == AIC_OK)
		aic_relay_board_add(r, j->height, &j->site, &j->bytes);
	if (j->kind == JOB_ATTEST && j->code == AIC_REFUSED) {
		r->refused = j->err;
		r->refused_height = j->height;
	}
	if (j->kind == JOB_ATTESTATIONS && j->code == AIC_OK)
		aic_relay_board_set(r, j->height, &j->found);
	if (j->kind == JOB_PRUNE || j->kind == JOB_RESTORE) {
		r->space_read = 0;
		r->generation++;
	}
}

/* A block whose fate is unknown is sent again before the worker's order tells its head. */
static void settle(aic_relay *r)
{
	aic_order_head head;
	aic_error why = {0};

	pthread_mutex_unlock(&r->lock);
	aic_code code = aic_order_head_get(&r->worker, &head, &why);
	pthread_mutex_lock(&r->lock);
	r->unsettled = code != AIC_OK;
	r->unsettled_why = why;
	if (!code)
		r->generation++;
	pthread_cond_broadcast(&r->changed);
}

static void run_first(aic_relay *r)
{
	job *j = r->jobs->first;

	r->jobs->first = j->next;
	r->jobs->running = j;
	r->jobs->n--;
	pthread_mutex_unlock(&r->lock);
	j->code = perform(r, j, &j->err);
	pthread_mutex_lock(&r->lock);
	r->jobs->running = NULL;
	j->done = true;
	take_result(r, j);
	if (j->abandoned)
		job_free(j);
	pthread_cond_broadcast(&r->changed);
}

static void *work(void *ctx)
{
	aic_relay *r = ctx;

	pthread_mutex_lock(&r->lock);
	while (!r->stop) {
		if (r->jobs->first)
			run_first(r);
		else if (r->unsettled) {
			settle(r);
			if (r->unsettled)
				aic_relay_wait(r, SETTLE_MS);
		} else
			aic_relay_wait(r, SETTLE_MS);
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}

/* --- the caller's side --- */

void aic_relay_wait(aic_relay *r, int64_t ms)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	int64_t ns = t.tv_nsec + ms * 1000000;
	t.tv_sec += ns / 1000000000;
	t.tv_nsec = ns % 1000000000;
	pthread_cond_timedwait(&r->changed, &r->lock, &t);
}

/* Under the lock: what is known of the log, or that it does not answer. */
static aic_code answers(const aic_relay *r, aic_error *err)
{
	int64_t silent = aic_monotonic_ms() - r->heard;

	if (r->down.code) {
		if (err)
			*err = r->down;
		return r->down.code;
	}
	if (!r->heard)
		return aic_fail(err, AIC_UNREACHABLE, AIC_RELAY_SILENT ": it has not yet since this program started");
	if (silent > AIC_RELAY_SILENT_MS)
		return aic_fail(err, AIC_UNREACHABLE, AIC_RELAY_SILENT ": it has not for %lld s", (long long)silent / 1000);
	return AIC_OK;
}

static void enqueue(aic_relay *r, job *j)
{
	if (r->jobs->first)
		r->jobs->last->next = j;
	else
		r->jobs->first = j;
	r->jobs->last = j;
	r->jobs->n++;
	pthread_cond_broadcast(&r->changed);
}

/* The lock is held; j is freed here or by the worker. found may be NULL. ms < 0: however long it takes. */
static aic_code ask(aic_relay *r, job *j, int64_t ms, aic_relay_items *found, aic_error *err)
{
	int64_t end = aic_monotonic_ms() + ms;
	aic_code code = answers(r, err);

	if (code) {
		job_free(j);
		return code;
	}
	enqueue(r, j);
	for (int64_t now; !j->done && (ms < 0 || (now = aic_monotonic_ms()) < end);)
		aic_relay_wait(r, ms < 0 ? ANSWER_MS : end - now);
	if (!j->done) {
		j->abandoned = true;
		return aic_fail(err, AIC_UNREACHABLE, "the ledger's log has not answered within %d ms", (int)ms);
	}
	if (err && j->code)
		*err = j->err;
	code = j->code;
	if (found) {
		*found = j->found;
		j->found = (aic_relay_items){.n = 0};
	}
	job_free(j);
	return code;
}

/* For what nobody waits for. The lock is held. */
static aic_code leave(aic_relay *r, job *j, aic_error *err)
{
	aic_code code = answers(r, err);

	if (!code && r->jobs->n >= JOBS_MAX)
		code = aic_fail(err, AIC_UNREACHABLE, "the ledger's log is %d requests behind", JOBS_MAX);
	if (code) {
		job_free(j);
		return code;
	}
	j->abandoned = true;
	enqueue(r, j);
	return AIC_OK;
}

static job *new_job(job_kind kind, uint64_t height, const aic_id *site, const void *data, size_t len)
{
	job *j = aic_xcalloc(1, sizeof(*j));

	j->kind = kind;
	j->height = height;
	if (site)
		j->site = *site;
	aic_bytes_append(&j->bytes, data, len);
	return j;
}

static aic_code relay_head(void *self, aic_order_head *head, aic_error *err)
{
	aic_relay *r = self;

	pthread_mutex_lock(&r->lock);
	int64_t end = r->started + FIRST_MS;
	for (int64_t now; !r->heard && !r->down.code && (now = aic_monotonic_ms()) < end;)
		aic_relay_wait(r, end - now);
	aic_code code = answers(r, err);
	*head = r->head;
	pthread_mutex_unlock(&r->lock);
	return code;
}

static bool on_its_way(const aic_relay *r, job_kind kind, uint64_t height)
{
	const job *running = r->jobs->running;

	if (running && running->kind == kind && (running->height == height || kind == JOB_APPEND))
		return true;
	for (const job *j = r->jobs->first; j; j = j->next)
		if (j->kind == kind && (j->height == height || kind == JOB_APPEND))
			return true;
	return false;
}

static aic_code relay_append(void *self, const aic_order_head *expected, const aic_hash *hash, const void *block, size_t len,
                             aic_error *err)
{
	aic_relay *r = self;
	job *j = new_job(JOB_APPEND, 0, NULL, block, len);
	aic_code code = AIC_OK;

	j->expected = *expected;
	j->hash = *hash;
	pthread_mutex_lock(&r->lock);
	if (on_its_way(r, JOB_APPEND, 0))
		code = aic_fail(err, AIC_UNREACHABLE, "an earlier block is still on its way to the ledger's log");
	else if (r->unsettled && r->unsettled_why.code == AIC_UNREACHABLE) {
		code = AIC_UNREACHABLE;
		if (err)
			*err = r->unsettled_why;
	}
	if (code)
		job_free(j);
	else
		code = ask(r, j, ANSWER_MS + (int64_t)(len >> 10), NULL, err);
	pthread_mutex_unlock(&r->lock);
	return code;
}

static aic_code visit_blocks(const aic_relay_items *l, uint64_t *from, aic_order_visit visit, void *ctx, aic_error *err)
{
	aic_code code = AIC_OK;

	for (size_t i = 0; i < l->n && !code; i++) {
		code = visit(ctx, l->item[i].height, l->item[i].bytes.data, l->item[i].bytes.len, err);
		*from = l->item[i].height + 1;
	}
	return code;
}

/* One block alone that was read before is what the follower saw there last. */
static bool read_again(aic_relay *r, uint64_t from, aic_relay_items *found, aic_code *code, aic_error *err)
{
	if (!r->watched_read || r->watched != from)
		return false;
	*code = r->watched_code;
	if (*code && err)
		*err = r->watched_err;
	for (size_t i = 0; i < r->seen.n; i++)
		aic_relay_items_add(found, from, NULL, r->seen.item[i].bytes.data, r->seen.item[i].bytes.len);
	return true;
}

static aic_code read_some(aic_relay *r, uint64_t from, uint64_t n, aic_relay_items *found, aic_error *err)
{
	aic_code code = AIC_OK;

	pthread_mutex_lock(&r->lock);
	code = answers(r, err);
	if (!code && (n > 1 || !read_again(r, from, found, &code, err))) {
		job *j = new_job(JOB_READ, from, NULL, NULL, 0);
		j->n = n;
		code = ask(r, j, 2 * ANSWER_MS, found, err);
		if (!code && n == 1)
			aic_relay_watch(r, from, found);
	}
	pthread_mutex_unlock(&r->lock);
	return code;
}

static aic_code relay_read(void *self, uint64_t from, uint64_t n, aic_order_visit visit, void *ctx, aic_error *err)
{
	int64_t end = aic_monotonic_ms() + READ_MS;
	uint64_t next = from;
	aic_code code = AIC_OK;

	for (bool more = true; more && !code && next - from < n;) {
		aic_relay_items found = {.n = 0};

		code = read_some(self, next, n - (next - from), &found, err);
		aic_code visited = visit_blocks(&found, &next, visit, ctx, code ? NULL : err); /* what came before a failure counts */
		code = code ? code : visited;
		more = found.bytes >= READ_BYTES && aic_monotonic_ms() < end;
		aic_relay_items_free(&found);
	}
	return code;
}

static aic_code relay_watch(void *self, uint64_t from, int timeout_ms, bool *more, aic_error *err)
{
	aic_relay *r = self;
	int64_t end = aic_monotonic_ms() + timeout_ms;
	aic_code code;

	pthread_mutex_lock(&r->lock);
	for (;;) {
		int64_t now = aic_monotonic_ms();

		code = answers(r, err);
		*more = !code && !r->head.empty && r->head.height >= from;
		if (code || *more || now >= end)
			break;
		aic_relay_wait(r, end - now);
	}
	pthread_mutex_unlock(&r->lock);
	return code;
}

static aic_code relay_attest(void *self, const aic_id *site, uint64_t height, const void *bytes, size_t len, aic_error *err)
{
	aic_relay *r = self;
	aic_code code = AIC_OK;

	pthread_mutex_lock(&r->lock);
	if (r->refused.code && r->refused_height == height) {
		code = r->refused.code;
		if (err)
			*err = r->refused;
		r->refused.code = AIC_OK;
	} else if (!on_its_way(r, JOB_ATTEST, height))
		code = leave(r, new_job(JOB_ATTEST, height, site, bytes, len), err);
	pthread_mutex_unlock(&r->lock);
	return code;
}

static aic_code relay_attestations(void *self, uint64_t height, aic_order_attested visit, void *ctx, aic_error *err)
{
	aic_relay *r = self;
	aic_relay_items found = {.n = 0};
	aic_code code;

	pthread_mutex_lock(&r->lock);
	code = answers(r, err);
	if (!code && !aic_relay_board_get(r, height, &found) &&
	    !(code = ask(r, new_job(JOB_ATTESTATIONS, height, NULL, NULL, 0), ANSWER_MS, NULL, err)))
		aic_relay_board_get(r, height, &found);
	pthread_mutex_unlock(&r->lock);
	if (!code)
		code = visit_items(&found, visit, ctx, err);
	aic_relay_items_free(&found);
	return code;
}

static aic_code relay_acknowledge(void *self, const aic_id *site, const void *bytes, size_t len, aic_error *err)
{
	aic_relay *r = self;

	pthread_mutex_lock(&r->lock);
	aic_code code = leave(r, new_job(JOB_ACKNOWLEDGE, 0, site, bytes, len), err);
	pthread_mutex_unlock(&r->lock);
	return code;
}

static aic_code relay_acknowledgements(void *self, aic_order_attested visit, void *ctx, aic_error *err)
{
	aic_relay *r = self;
	aic_relay_items found = {.n = 0};

	pthread_mutex_lock(&r->lock);
	aic_code code = ask(r, new_job(JOB_ACKNOWLEDGEMENTS, 0, NULL, NULL, 0), ANSWER_MS, &found, err);
	pthread_mutex_unlock(&r->lock);
	if (!code)
		code = visit_items(&found, visit, ctx, err);
	aic_relay_items_free(&found);
	return code;
}

static aic_code relay_prune(void *self, const aic_id *site, uint64_t below, aic_error *err)
{
	aic_relay *r = self;
	aic_code code = AIC_OK;

	pthread_mutex_lock(&r->lock);
	if (!on_its_way(r, JOB_PRUNE, below))
		code = leave(r, new_job(JOB_PRUNE, below, site, NULL, 0), err);
	pthread_mutex_unlock(&r->lock);
	return code;
}

static aic_code relay_space(void *self, aic_order_space *space, aic_error *err)
{
	aic_relay *r = self;

	pthread_mutex_lock(&r->lock);
	aic_code code = answers(r, err);
	if (!code && !r->space_read)
		code = aic_fail(err, AIC_UNREACHABLE, "how much room the ledger's log has is not known yet");
	*space = r->space;
	pthread_mutex_unlock(&r->lock);
	return code;
}

static aic_code relay_restore(void *self, const aic_order_head *found, const aic_order_head *restored, uint64_t from,
                              aic_order_source source, void *ctx, aic_error *err)
{
	aic_relay *r = self;
	job *j = new_job(JOB_RESTORE, from, NULL, NULL, 0);

	j->expected = *found;
	j->restored = *restored;
	j->source = source;
	j->ctx = ctx;
	pthread_mutex_lock(&r->lock);
	aic_code code = ask(r, j, -1, NULL, err); /* the worker uses ctx: it must not be left alone with it */
	pthread_mutex_unlock(&r->lock);
	return code;
}

/* --- opening --- */

static void relay_close(void *self)
{
	aic_relay *r = self;

	pthread_mutex_lock(&r->lock);
	r->stop = true;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
	if (r->threads > 0)
		pthread_join(r->following, NULL);
	if (r->threads > 1)
		pthread_join(r->working, NULL);
	for (job *j = r->jobs->first, *next; j; j = next) {
		next = j->next;
		job_free(j);
	}
	free(r->jobs);
	aic_relay_forget(r);
	aic_order_close(&r->follower);
	aic_order_close(&r->worker);
	pthread_cond_destroy(&r->changed);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

aic_code aic_order_relay(aic_order *out, aic_order *follower, aic_order *worker, aic_error *err)
{
	static const aic_order_backend backend = {
		.head = relay_head, .append_if_head = relay_append, .read = relay_read, .watch = relay_watch,
		.attest = relay_attest, .attestations = relay_attestations,
		.acknowledge = relay_acknowledge, .acknowledgements = relay_acknowledgements,
		.prune = relay_prune, .space = relay_space, .restore = relay_restore, .close = relay_close};
	aic_relay *r = aic_xcalloc(1, sizeof(*r));
	pthread_condattr_t monotonic;

	r->follower = *follower;
	r->worker = *worker;
	r->jobs = aic_xcalloc(1, sizeof(*r->jobs));
	r->started = aic_monotonic_ms();
	r->unsettled = true; /* of an earlier process, perhaps */
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_mutex_init(&r->lock, NULL);
	pthread_cond_init(&r->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	int failed = pthread_create(&r->following, NULL, aic_relay_follow, r);
	r->threads += !failed;
	if (!failed && !(failed = pthread_create(&r->working, NULL, work, r)))
		r->threads++;
	if (failed) {
		relay_close(r);
		return aic_fail(err, AIC_SYSTEM, "the ledger cannot start a thread: %s", strerror(failed));
	}
	*out = (aic_order){&backend, r};
	return AIC_OK;
}
