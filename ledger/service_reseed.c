/* service_reseed.c: `aic ledger reseed`: a thread compares the log with a snapshot of this site's copy, and mends it if that was
 * asked for, while aicledgerd goes on answering. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"
#include "common/log.h"
#include "ledger/order/open.h"
#include "ledger/reseed.h"
#include "ledger/service_operation.h"

struct aic_service_reseed {
	const aic_config *config;
	pthread_t thread;
	bool apply;
	pthread_mutex_t lock;    /* guards the rest */
	bool done;
	aic_code code;
	aic_error err;
	aic_reseed_plan plan;
};

static aic_code open_log(aic_order *o, const aic_config *config, aic_error *err)
{
	char path[AIC_PATH_LEN];
	aic_code code;

	if (strcmp(config->order, "local") != 0)
		return aic_order_open_to_read(o, config, err); /* nothing is appended, so that nothing is pending */
	code = aic_path_join(path, sizeof(path), config->state_dir, "ledger/order.db", err);
	return code ? code : aic_order_local(o, path, false, err);
}

static aic_code mend(struct aic_service_reseed *j, aic_reseed_plan *plan, aic_error *err)
{
	char path[AIC_PATH_LEN];
	aic_state *copy = NULL;
	aic_order log = {.backend = NULL};
	aic_code code;

	if (!(code = aic_path_join(path, sizeof(path), j->config->state_dir, "ledger/state.db", err)) &&
	    !(code = aic_state_open_snapshot(&copy, path, err)) && !(code = open_log(&log, j->config, err)) &&
	    !(code = aic_reseed_look(copy, &log, plan, err)) && j->apply)
		code = aic_reseed_run(copy, &log, plan, err);
	aic_order_close(&log);
	aic_state_close(copy);
	return code;
}

static void *run(void *ctx)
{
	struct aic_service_reseed *j = ctx;
	aic_reseed_plan plan = {.needed = false};
	aic_error err = {0};
	aic_code code = mend(j, &plan, &err);

	if (!code && j->apply && plan.needed)
		aic_info("the log is restored from this site's copy: it ends at height %llu", (unsigned long long)plan.restored.height);
	pthread_mutex_lock(&j->lock);
	j->plan = plan;
	j->code = code;
	j->err = err;
	j->done = true;
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

void aic_service_reseed_end(aic_service *s)
{
	if (!s->reseed)
		return;
	pthread_join(s->reseed->thread, NULL);
	pthread_mutex_destroy(&s->reseed->lock);
	free(s->reseed);
	s->reseed = NULL;
}

static bool is_done(aic_service *s)
{
	pthread_mutex_lock(&s->reseed->lock);
	bool done = s->reseed->done;
	pthread_mutex_unlock(&s->reseed->lock);
	return done;
}

/* [apply] */
aic_code aic_op_reseed(aic_request *r, aic_error *err)
{
	bool apply = aic_cbor_bool(r->args);
	aic_code code = aic_cbor_finish(r->args, err);

	if (code)
		return code;
	if (r->s->reseed && !is_done(r->s))
		return aic_fail(err, AIC_REFUSED, "the log is being compared or restored already: wait for its end");
	aic_service_reseed_end(r->s);
	struct aic_service_reseed *j = aic_xcalloc(1, sizeof(*j));
	j->config = r->s->config;
	j->apply = apply;
	pthread_mutex_init(&j->lock, NULL);
	int failed = pthread_create(&j->thread, NULL, run, j);
	if (failed) {
		free(j);
		return aic_fail(err, AIC_SYSTEM, "the ledger cannot start a thread: %s", strerror(failed));
	}
	r->s->reseed = j;
	if (apply)
		aic_info("the log is being restored from this site's copy, by uid %u", (unsigned)r->who->uid);
	return AIC_OK;
}

/* What has become of it: [done, needed, empty, height found, height restored, from, missing, different, dropped]. */
aic_code aic_op_reseed_result(aic_request *r, aic_error *err)
{
	struct aic_service_reseed *j = r->s->reseed;

	if (!j)
		return aic_fail(err, AIC_NOT_FOUND, "nobody has asked for the log to be restored since aicledgerd started");
	bool done = is_done(r->s);
	if (done && j->code) {
		if (err)
			*err = j->err;
		return j->code;
	}
	const aic_reseed_plan *p = &j->plan;
	aic_cbor_put_bool(r->out, done);
	aic_cbor_put_bool(r->out, p->needed);
	aic_cbor_put_bool(r->out, p->found.empty);
	const uint64_t figures[] = {p->found.height, p->restored.height, p->from, p->missing, p->different, p->dropped};
	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		aic_cbor_put_uint(r->out, done ? figures[i] : 0);
	r->items = 9;
	return AIC_OK;
}
