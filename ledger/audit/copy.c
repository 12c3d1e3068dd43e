#include "ledger/audit/copy.h"

#include <stdlib.h>
#include <unistd.h>

static aic_code open_state(aic_copy *c, aic_error *err)
{
	char *path = aic_xasprintf("%s/state.db", c->dir);
	aic_code code = aic_state_open_snapshot(&c->state, path, err);

	if (!code && aic_state_is_empty(c->state))
		code = aic_fail(err, AIC_NOT_FOUND, "%s holds no ledger yet", path);
	free(path);
	return code;
}

/* The log first: what the snapshot holds is then in it. */
aic_code aic_copy_open(aic_copy *c, const char *dir, aic_error *err)
{
	char *order = aic_xasprintf("%s/order.db", dir), *archive = aic_xasprintf("%s/archive.db", dir);
	aic_code code = AIC_OK;

	*c = (aic_copy){.dir = aic_xstrdup(dir)};
	if (access(order, F_OK) == 0) {
		c->whole = true;
		code = aic_order_local(&c->order, order, true, err);
	} else if (access(archive, F_OK) == 0) {
		code = aic_order_local(&c->order, archive, true, err);
	}
	free(order);
	free(archive);
	if (!code)
		code = open_state(c, err);
	if (code)
		aic_copy_close(c);
	return code;
}

void aic_copy_close(aic_copy *c)
{
	aic_state_close(c->state);
	aic_order_close(&c->order);
	free(c->dir);
	*c = (aic_copy){.dir = NULL};
}

aic_code aic_copy_attestations(aic_copy *c, uint64_t height, aic_order_attested visit, void *ctx, aic_error *err)
{
	return c->order.backend ? aic_order_attestations(&c->order, height, visit, ctx, err) : AIC_OK;
}
