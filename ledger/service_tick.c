/* service_tick.c: what aicledgerd does now and then, whether anybody asks it for something or not. */
#include <string.h>

#include "common/log.h"
#include "common/time.h"
#include "ledger/archive/join.h"
#include "ledger/service_operation.h"

#define KEEP_MS 10000       /* between looks at the window and at the log's room */
#define WARN_PERCENT 80     /* of the quota */
#define KEEP_AT_ONCE 256    /* heights: each is a request to the log */
#define FETCH_MS 1500       /* then whoever waits for an answer gets one */

static bool is_shared(const aic_service *s)
{
	return strcmp(s->config->order, "local") != 0;
}

/* --- room --- */

static unsigned percent(const aic_order_space *space)
{
	return space->quota ? (unsigned)(100 * (double)space->used / (double)space->quota) : 0;
}

static void watch_room(aic_service *s)
{
	aic_order_space before = s->space, now;

	if (aic_order_space_get(&s->order, &now, NULL))
		return;
	s->space = now;
	if (now.full && !before.full)
		aic_error_log("etcd's quota of %llu MiB is used up and nothing is written: compact and defragment it, then etcdctl alarm disarm",
		              (unsigned long long)now.quota >> 20);
	else if (!now.full && percent(&now) >= WARN_PERCENT && percent(&before) < WARN_PERCENT)
		aic_warn("etcd uses %llu MiB, %u %% of its quota of %llu MiB: defragment it, or raise --quota-backend-bytes, before it is full",
		         (unsigned long long)now.used >> 20, percent(&now), (unsigned long long)now.quota >> 20);
	else if (!now.full && before.full)
		aic_info("etcd takes blocks again");
}

static void keep_window(aic_service *s)
{
	aic_error err = {0};

	watch_room(s);
	if (aic_window_keep(&s->window, &s->chain, s->archive.next ? s->archive.next - 1 : 0, &err) && err.code != AIC_UNREACHABLE)
		aic_warn("the log's window: %s", err.message);
}

/* --- following --- */

/* The log begins above this site's copy: the peers' archives lead up to it. */
static aic_code fetch(aic_service *s, aic_error *err)
{
	return aic_archive_fetch(s->state, &s->archive, &s->config->archive, aic_custody_site_key(s->custody), &s->peer, FETCH_MS, err);
}

static aic_code follow(aic_service *s, aic_error *err)
{
	aic_code code = aic_generator_step(s->generator, err);

	if (code == AIC_NOT_FOUND && s->archive.order.backend && s->config->archive.n_peers)
		return fetch(s, err);
	if (!code && s->archive.order.backend)
		code = aic_archive_keep(&s->archive, s->state, &s->order, s->chain.final_height, KEEP_AT_ONCE, err);
	return code ? code : aic_service_take_over(s, err);
}

static void note(aic_service *s, aic_code code, const aic_error *why)
{
	if (code && s->log.code != code)
		aic_error_log("%s", why->message);
	else if (!code && s->log.code)
		aic_info("the ledger works again, at height %llu", (unsigned long long)aic_state_head(s->state)->height);
	s->log = *why;
	s->log.code = code;
}

static void start_again(aic_service *s)
{
	aic_error before = s->log, why = {0};
	aic_code code = aic_service_start(s, &why);

	if (!code)
		why = s->log;
	s->log = before;
	note(s, why.code, &why);
}

void aic_service_tick(aic_service *s)
{
	aic_error why = {0};

	if (!s->started) {
		start_again(s);
		return;
	}
	aic_code code = follow(s, &why);
	note(s, code, &why);
	if (!code)
		aic_service_claim(s);
	if (code || !is_shared(s) || aic_monotonic_ms() - s->kept < KEEP_MS)
		return;
	s->kept = aic_monotonic_ms();
	keep_window(s);
}
