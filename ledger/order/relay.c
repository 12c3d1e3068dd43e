/* relay.c: see relay.h. Here is the caller's side. What it shares with both threads is in aic_relay, under its lock. */
#include "ledger/order/relay.h"

#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/time.h"
#include "ledger/order/relay_shared.h"

#define ANSWER_MS 1000         /* that a caller waits for the worker */
#define FIRST_MS 2500          /* for the first word of the log after the start */
#define READ_MS 250
#define JOBS_MAX 256

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

static void enqueue(aic_relay *r, aic_relay_job *j)
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
static aic_code ask(aic_relay *r, aic_relay_job *j, int64_t ms, aic_relay_items *found, aic_error *err)
{
	int64_t end = aic_monotonic_ms() + ms;
	aic_code code = answers(r, err);

	if (code) {
		aic_relay_job_free(j);
		return code;
	}
	enqueue(r, j);
	for (int64_t now; !j->done && (ms < 0 || (now = aic_monotonic_ms()) < end);)
		aic_relay_wait(r, ms < 0 ? ANSWER_MS : end - now);
	if (!j->done) {
		j->abandoned = true;
		return aic_fail(err, AIC_UNREACHABLE, "%sthe ledger's log has not answered within %d ms",
		                j->kind == AIC_RELAY_APPEND ? AIC_RELAY_UNKNOWN ": " : "", (int)ms);
	}
	if (err && j->code)
		*err = j->err;
	code = j->code;
	if (found) {
		*found = j->found;
		j->found = (aic_relay_items){.n = 0};
	}
	aic_relay_job_free(j);
	return code;
}

/* For what nobody waits for. The lock is held. */
static aic_code leave(aic_relay *r, aic_relay_job *j, aic_error *err)
{
	aic_code code = answers(r, err);

	if (!code && r->jobs->n >= JOBS_MAX)
		code = aic_fail(err, AIC_UNREACHABLE, "the ledger's log is %d requests behind", JOBS_MAX);
	if (code) {
		aic_relay_job_free(j);
		return code;
	}
	j->abandoned = true;
	enqueue(r, j);
	return AIC_OK;
}

static aic_relay_job *new_job(aic_relay_kind kind, uint64_t height, const aic_id *site, const void *data, size_t len)
{
	aic_relay_job *j = aic_xcalloc(1, sizeof(*j));

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

static bool on_its_way(const aic_relay *r, aic_relay_kind kind, uint64_t height)
{
	const aic_relay_job *running = r->jobs->running;

	if (running && running->kind == kind && (running->height == height || kind == AIC_RELAY_APPEND))
		return true;
	for (const aic_relay_job *j = r->jobs->first; j; j = j->next)
		if (j->kind == kind && (j->height == height || kind == AIC_RELAY_APPEND))
			return true;
	return false;
}

static aic_code relay_append(void *self, const aic_order_head *expected, const aic_hash *hash, const void *block, size_t len,
                             aic_error *err)
{
	aic_relay *r = self;
	aic_relay_job *j = new_job(AIC_RELAY_APPEND, 0, NULL, block, len);
	aic_code code = AIC_OK;

	j->expected = *expected;
	j->hash = *hash;
	pthread_mutex_lock(&r->lock);
	if (on_its_way(r, AIC_RELAY_APPEND, 0))
		code = aic_fail(err, AIC_UNREACHABLE, "an earlier block is still on its way to the ledger's log");
	else if (r->unsettled && r->unsettled_why.code == AIC_UNREACHABLE) {
		code = AIC_UNREACHABLE;
		if (err)
			*err = r->unsettled_why;
	}
	if (code)
		aic_relay_job_free(j);
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
		aic_relay_job *j = new_job(AIC_RELAY_READ, from, NULL, NULL, 0);
		j->n = n;
		code = ask(r, j, 2 * ANSWER_MS, found, err);
		if (!code && (n == 1 || found->n)) {
			aic_relay_items last = {.item = found->n ? &found->item[found->n - 1] : NULL, .n = found->n ? 1 : 0};
			aic_relay_watch(r, found->n ? last.item->height : from, &last);
		}
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
		more = found.bytes >= AIC_RELAY_READ_BYTES && aic_monotonic_ms() < end;
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
	} else if (!on_its_way(r, AIC_RELAY_ATTEST, height))
		code = leave(r, new_job(AIC_RELAY_ATTEST, height, site, bytes, len), err);
	pthread_mutex_unlock(&r->lock);
	return code;
}

static aic_code visit_items(const aic_relay_items *l, aic_order_attested visit, void *ctx, aic_error *err)
{
	aic_code code = AIC_OK;

	for (size_t i = 0; i < l->n && !code; i++)
		code = visit(ctx, &l->item[i].site, l->item[i].bytes.data, l->item[i].bytes.len, err);
	return code;
}

/* A height that this site is just attesting: nobody has yet, as far as is known, and the follower will see. */
static bool awaited(aic_relay *r, uint64_t height)
{
	aic_relay_items none = {.n = 0};

	if (!on_its_way(r, AIC_RELAY_ATTEST, height))
		return false;
	aic_relay_board_set(r, height, &none);
	return true;
}

static aic_code relay_attestations(void *self, uint64_t height, aic_order_attested visit, void *ctx, aic_error *err)
{
	aic_relay *r = self;
	aic_relay_items found = {.n = 0};
	aic_code code;

	pthread_mutex_lock(&r->lock);
	code = answers(r, err);
	if (!code && !aic_relay_board_get(r, height, &found) && !awaited(r, height) &&
	    !(code = ask(r, new_job(AIC_RELAY_ATTESTATIONS, height, NULL, NULL, 0), ANSWER_MS, NULL, err)))
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
	aic_code code = leave(r, new_job(AIC_RELAY_ACKNOWLEDGE, 0, site, bytes, len), err);
	pthread_mutex_unlock(&r->lock);
	return code;
}

static aic_code relay_acknowledgements(void *self, aic_order_attested visit, void *ctx, aic_error *err)
{
	aic_relay *r = self;
	aic_relay_items found = {.n = 0};

	pthread_mutex_lock(&r->lock);
	aic_code code = ask(r, new_job(AIC_RELAY_ACKNOWLEDGEMENTS, 0, NULL, NULL, 0), ANSWER_MS, &found, err);
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
	if (!on_its_way(r, AIC_RELAY_PRUNE, below))
		code = leave(r, new_job(AIC_RELAY_PRUNE, below, site, NULL, 0), err);
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
	aic_relay_job *j = new_job(AIC_RELAY_RESTORE, from, NULL, NULL, 0);

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
	for (aic_relay_job *j = r->jobs->first, *next; j; j = next) {
		next = j->next;
		aic_relay_job_free(j);
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
	if (!failed && !(failed = pthread_create(&r->working, NULL, aic_relay_work, r)))
		r->threads++;
	if (failed) {
		relay_close(r);
		return aic_fail(err, AIC_SYSTEM, "the ledger cannot start a thread: %s", strerror(failed));
	}
	*out = (aic_order){&backend, r};
	return AIC_OK;
}
