/* service_tick.c: what aicledgerd does now and then, whether anybody asks it for something or not. */
#include "ledger/archive/join.h"
#include "ledger/service.h"

#define KEEP_AT_ONCE 256 /* heights: each is a request to the log */
#define FETCH_MS 1500    /* then whoever waits for an answer gets one */

/* The log begins above this site's copy: the peers' archives lead up to it. */
static aic_code fetch(aic_service *s, aic_error *err)
{
	return aic_archive_fetch(s->state, &s->archive, &s->config->archive, aic_custody_site_key(s->custody), &s->peer, FETCH_MS, err);
}

aic_code aic_service_tick(aic_service *s, aic_error *err)
{
	aic_error why = {0};
	aic_code code = aic_chain_catch_up(&s->chain, &why);

	if (code == AIC_NOT_FOUND && s->archive.order.backend && s->config->archive.n_peers)
		return fetch(s, err);
	if (!code && s->archive.order.backend)
		return aic_archive_keep(&s->archive, s->state, &s->order, s->chain.final_height, KEEP_AT_ONCE, err);
	if (code && err)
		*err = why;
	return code;
}
