/* aictraind: runs what `aic train` submits, as the site's own user for trainings (aictraind(8)). */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/daemon.h"
#include "common/log.h"
#include "slurm-plugins/train/serve.h"

#define TICK_MS 500

static aic_code check_user(const aic_config *c, aic_error *err)
{
	if (!c->train.user[0])
		return aic_fail(err, AIC_USAGE, "%s has no train: user: name the user under whom the site trains, aic.yaml(5)", c->path);
	if (geteuid() == c->train.uid)
		return AIC_OK;
	return aic_fail(err, AIC_USAGE, "runs as uid %u, aic.yaml says train: user: %s (uid %u): start it as that user", (unsigned)geteuid(),
	                c->train.user, (unsigned)c->train.uid);
}

static aic_code serve(aic_traind *d, const aic_daemon *daemon, aic_error *err)
{
	aic_rpc_server *server;
	aic_code rc = aic_rpc_server_new(&server, AIC_TRAIN_SERVICE, aic_traind_answer, d, err);

	if (rc != AIC_OK)
		return rc;
	if ((rc = aic_rpc_server_listen(server, d->config->train.listen, err)) == AIC_OK) {
		aic_info("ready: trainings in %s", d->home);
		rc = aic_daemon_serve(daemon, server, TICK_MS, aic_traind_tick, err);
	}
	aic_rpc_server_free(server);
	return rc;
}

int main(int argc, char **argv)
{
	aic_daemon daemon = {0};
	aic_config config = {0};
	aic_error err = {0};
	aic_traind d;

	aic_daemon_begin(&daemon, "aictraind", "Runs what `aic train` submits, out of its researchers' reach.", argc, argv);
	umask(027);
	if (aic_config_load(&config, daemon.config_path, &err) == AIC_OK) {
		if (config.slurm_conf[0])
			setenv("SLURM_CONF", config.slurm_conf, 0);
		aic_rpc_use_munge(config.munge_socket);
		if (check_user(&config, &err) == AIC_OK && aic_traind_open(&d, &config, &err) == AIC_OK)
			serve(&d, &daemon, &err);
		aic_config_free(&config);
	}
	return aic_daemon_end(&daemon, "aictraind", &err);
}
