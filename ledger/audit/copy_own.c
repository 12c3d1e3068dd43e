/* copy_own.c: aic_copy_open_own, apart from copy.c: an auditor's program has neither aic.yaml nor etcd. */
#include <stdlib.h>
#include <string.h>

#include "ledger/audit/copy.h"
#include "ledger/order/open.h"

aic_code aic_copy_open_named(aic_copy *c, const char *config_path, aic_error *err)
{
	static aic_config config; /* the etcd order borrows it */
	aic_code code = aic_config_load(&config, config_path, err);

	return code ? code : aic_copy_open_own(c, &config, NULL, err);
}

aic_code aic_copy_open_own(aic_copy *c, const aic_config *config, const char *dir, aic_error *err)
{
	char *own = aic_xasprintf("%s/ledger", config->state_dir);
	aic_code code = aic_copy_open(c, dir ? dir : own, err);

	if (!code && !dir && !c->order.backend && strcmp(config->order, "local") != 0 &&
	    (code = aic_order_open_to_read(&c->order, config, err)))
		aic_copy_close(c);
	free(own);
	return code;
}
