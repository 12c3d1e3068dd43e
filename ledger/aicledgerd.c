/* aicledgerd: the site's ledger daemon. Keeps the state, builds, orders, applies and attests blocks, answers aicacctd and aic. */
#include <string.h>

#include "common/daemon.h"
#include "common/file.h"
#include "common/log.h"
#include "ledger/archive/server.h"
#include "ledger/service.h"

#define TICK_MS 1000
#define SHARED_TICK_MS 200 /* a shared log has threads that wait for it: a tick does not */

/* What other sites have ordered and attested, and what a full disk may have kept back. */
static void tick(void *ctx)
{
	aic_service_tick(ctx);
}

/* Where aic.yaml says so. */
static aic_code serve_archive(aic_archive_server **server, const aic_service *s, const aic_config *config, aic_error *err)
{
	*server = NULL;
	if (!config->archive.listen[0])
		return AIC_OK;
#ifdef AIC_WITH_HTTPD
	char dir[AIC_PATH_LEN];
	aic_code code = aic_path_join(dir, sizeof(dir), config->state_dir, "ledger", err);

	return code ? code : aic_archive_server_start(server, config->archive.listen, dir, aic_custody_site_key(s->custody), err);
#else
	(void)s;
	return aic_fail(err, AIC_USAGE, "%s: this build cannot do \"ledger.archive.listen\": build it with libmicrohttpd, or leave it out",
	                config->path);
#endif
}

static void end_archive(aic_archive_server *server)
{
#ifdef AIC_WITH_HTTPD
	aic_archive_server_stop(server);
#else
	(void)server;
#endif
}

static aic_code serve(aic_service *s, const aic_config *config, const aic_daemon *daemon, aic_error *err)
{
	char address[AIC_PATH_LEN];
	aic_archive_server *archive = NULL;
	aic_rpc_server *server;
	aic_code code = aic_rpc_server_new(&server, "ledger", aic_service_handle, s, err);

	if (code != AIC_OK)
		return code;
	if (!(code = aic_dir_make(config->run_dir, 0755, err)) &&
	    !(code = serve_archive(&archive, s, config, err)) &&
	    !(code = aic_rpc_server_listen(server, aic_config_ledger_socket(config, address), err)) &&
	    !(code = config->ledger_listen[0] ? aic_rpc_server_listen(server, config->ledger_listen, err) : AIC_OK)) {
		aic_info("ready at height %llu on %s", (unsigned long long)aic_state_head(s->state)->height, address);
		code = aic_daemon_serve(daemon, server, strcmp(config->order, "local") ? SHARED_TICK_MS : TICK_MS, tick, err);
	}
	if (code == AIC_OK)
		aic_info("stopped at height %llu", (unsigned long long)aic_state_head(s->state)->height);
	end_archive(archive);
	aic_rpc_server_free(server);
	return code;
}

int main(int argc, char **argv)
{
	static aic_config config;
	aic_daemon daemon = {0};
	aic_service service;
	aic_error err = {0};

	aic_daemon_begin(&daemon, "aicledgerd", "Keeps this site's copy of the AIC ledger.", argc, argv);
	if (aic_config_load(&config, daemon.config_path, &err) == AIC_OK) {
		aic_rpc_use_munge(config.munge_socket);
		if (aic_config_check_user(&config, &err) == AIC_OK && aic_service_open(&service, &config, &err) == AIC_OK) {
			serve(&service, &config, &daemon, &err);
			aic_service_close(&service);
		}
		aic_config_free(&config);
	}
	return aic_daemon_end(&daemon, "aicledgerd", &err);
}
