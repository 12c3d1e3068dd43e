/* aicacctd: takes job records from slurmctld's spools and receipts from nodes, charges them, closes periods into batches, and
 * tells the plugins what each account has. Every stage may be killed at any instant: the stage before keeps its data. */
#include "accounting/background.h"
#include "accounting/store_keeper.h"
#include "common/daemon.h"
#include "common/log.h"

#define TICK_MS 500

static void tick(void *d)
{
	aic_acctd_tick(d);
}

static aic_code serve(aic_acctd *d, const aic_daemon *daemon, aic_error *err)
{
	char socket[AIC_PATH_LEN];
	aic_store_keeper *keeper = NULL;
	aic_rpc_server *server;
	aic_code code = aic_rpc_server_new(&server, "acct", aic_acctd_serve, d, err);

	if (code != AIC_OK)
		return code;
	if (!(code = aic_rpc_server_listen(server, aic_config_acct_socket(&d->config, socket), err)) &&
	    !(code = d->config.acct_listen[0] ? aic_rpc_server_listen(server, d->config.acct_listen, err) : AIC_OK)) {
		keeper = aic_store_keeper_start(&d->config);
		aic_info("ready: site %s, mode %s", d->config.site, d->config.enforce ? "enforce" : "observe");
		code = aic_daemon_serve(daemon, server, TICK_MS, tick, err);
	}
	if (code == AIC_OK)
		aic_info("stopped");
	aic_rpc_server_free(server);
	aic_store_keeper_stop(keeper);
	return code;
}

int main(int argc, char **argv)
{
	aic_daemon daemon = {0};
	aic_error err = {0};
	aic_acctd d;

	aic_daemon_begin(&daemon, "aicacctd", "AIC's accounting daemon: job records and receipts in, payout batches out.", argc, argv);
	if (aic_acctd_open(&d, daemon.config_path, &err) == AIC_OK) {
		d.background = aic_background_new();
		serve(&d, &daemon, &err);
		aic_acctd_close(&d);
	}
	return aic_daemon_end(&daemon, "aicacctd", &err);
}
