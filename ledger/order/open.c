/* open.c: see open.h. */
#include "ledger/order/open.h"

#include <stdlib.h>
#include <string.h>

#include "ledger/order/etcd.h"
#include "ledger/order/pending.h"
#include "ledger/order/relay.h"

#ifdef AIC_WITH_ETCD
static aic_code open_etcd(aic_order *o, const aic_config *config, const char *path, aic_error *err)
{
	aic_order follower, worker;
	aic_code code = aic_order_etcd(&follower, &config->etcd, err);

	if (code)
		return code;
	if (!(code = aic_order_etcd(&worker, &config->etcd, err))) {
		char *pending = aic_xasprintf("%s.pending", path);
		code = aic_order_pending(&worker, pending, err);
		free(pending);
	}
	if (code) {
		aic_order_close(&follower);
		return code;
	}
	return aic_order_relay(o, &follower, &worker, err);
}
#endif

static aic_code no_etcd(const aic_config *config, aic_error *err) __attribute__((unused));
static aic_code no_etcd(const aic_config *config, aic_error *err)
{
	return aic_fail(err, AIC_USAGE, "%s: this build cannot do \"ledger.order: etcd\": build it with libcurl and jansson, or set "
	                "\"order: local\"", config->path);
}

aic_code aic_order_open(aic_order *o, const aic_config *config, const char *path, aic_error *err)
{
	if (strcmp(config->order, "local") == 0)
		return aic_order_local(o, path, false, err);
#ifdef AIC_WITH_ETCD
	return open_etcd(o, config, path, err);
#else
	return no_etcd(config, err);
#endif
}

aic_code aic_order_open_to_read(aic_order *o, const aic_config *config, aic_error *err)
{
#ifdef AIC_WITH_ETCD
	return aic_order_etcd(o, &config->etcd, err);
#else
	(void)o;
	return no_etcd(config, err);
#endif
}
