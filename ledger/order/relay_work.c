/* relay_work.c: the thread that does what was asked for, one thing after the other, and sees to it that a block's fate is learnt. */
#include <stdlib.h>
#include <string.h>

#include "ledger/order/relay_shared.h"

#define SETTLE_MS 1000         /* between attempts to learn what became of a block */

void aic_relay_job_free(aic_relay_job *j)
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
	return l->bytes >= AIC_RELAY_READ_BYTES ? AIC_FULL : AIC_OK; /* enough for one time */
}

/* --- the worker --- */

static aic_code do_read(aic_relay *r, aic_relay_job *j, aic_error *err)
{
	aic_code code = aic_order_read(&r->worker, j->height, j->n, aic_relay_keep_block, &j->found, err);

	return code == AIC_FULL && j->found.n ? AIC_OK : code;
}

static aic_code perform(aic_relay *r, aic_relay_job *j, aic_error *err)
{
	switch (j->kind) {
	case AIC_RELAY_APPEND:
		return aic_order_append_if_head(&r->worker, &j->expected, &j->hash, j->bytes.data, j->bytes.len, err);
	case AIC_RELAY_READ:
		return do_read(r, j, err);
	case AIC_RELAY_ATTEST:
		return aic_order_attest(&r->worker, &j->site, j->height, j->bytes.data, j->bytes.len, err);
	case AIC_RELAY_ATTESTATIONS:
		return aic_order_attestations(&r->worker, j->height, aic_relay_keep_site, &j->found, err);
	case AIC_RELAY_ACKNOWLEDGE:
		return aic_order_acknowledge(&r->worker, &j->site, j->bytes.data, j->bytes.len, err);
	case AIC_RELAY_ACKNOWLEDGEMENTS:
		return aic_order_acknowledgements(&r->worker, aic_relay_keep_site, &j->found, err);
	case AIC_RELAY_PRUNE:
		return aic_order_prune(&r->worker, &j->site, j->height, err);
	default:
		return aic_order_restore(&r->worker, &j->expected, &j->restored, j->height, j->source, j->ctx, err);
	}
}

/* Under the lock. */
static void take_result(aic_relay *r, aic_relay_job *j)
{
	if (j->kind == AIC_RELAY_APPEND && j->code == AIC_OK) {
		r->head = (aic_order_head){.height = j->expected.empty ? 0 : j->expected.height + 1, .hash = j->hash};
		r->generation++;
		aic_relay_items put = {.n = 0};
		aic_relay_items_add(&put, r->head.height, NULL, j->bytes.data, j->bytes.len);
		aic_relay_watch(r, r->head.height, &put);
		aic_relay_items_free(&put);
	}
	if (j->kind == AIC_RELAY_APPEND)
		r->unsettled = j->code == AIC_UNREACHABLE || j->code == AIC_FULL;
	if (j->kind == AIC_RELAY_APPEND && j->code == AIC_UNREACHABLE)
		aic_error_prefix(&j->err, AIC_RELAY_UNKNOWN);
	if (j->kind == AIC_RELAY_ATTEST && j->code == AIC_OK)
		aic_relay_board_add(r, j->height, &j->site, &j->bytes);
	if (j->kind == AIC_RELAY_ATTEST && j->code == AIC_REFUSED) {
		r->refused = j->err;
		r->refused_height = j->height;
	}
	if (j->kind == AIC_RELAY_ATTESTATIONS && j->code == AIC_OK)
		aic_relay_board_set(r, j->height, &j->found);
	if (j->kind == AIC_RELAY_PRUNE || j->kind == AIC_RELAY_RESTORE) {
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
	aic_relay_job *j = r->jobs->first;

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
		aic_relay_job_free(j);
	pthread_cond_broadcast(&r->changed);
}

void *aic_relay_work(void *ctx)
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
