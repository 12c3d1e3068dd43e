/* aicacctd: takes job records from slurmctld's spools and receipts from nodes, charges them, closes periods into batches, and
 * tells the plugins what each account has. Every stage may be killed at any instant: the stage before keeps its data. */
#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accounting/acctd.h"
#include "common/log.h"

#define TICK_MS 500

static aic_rpc_server *server;
static volatile sig_atomic_t reopen_log;

typedef struct {
	const char *config, *log, *pidfile;
	bool debug;
} options;

static error_t parse(int key, char *arg, struct argp_state *state)
{
	options *o = state->input;

	switch (key) {
	case 'c':
		o->config = arg;
		return 0;
	case 'l':
		o->log = arg;
		return 0;
	case 'p':
		o->pidfile = arg;
		return 0;
	case 'v':
		o->debug = true;
		return 0;
	case 'D':
	case 'f':
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option option_list[] = {
	{"config", 'c', "FILE", 0, "aic.yaml [/etc/aic/aic.yaml]", 0},
	{"log", 'l', "FILE", 0, "log here instead of stderr; reopened on SIGHUP", 0},
	{"pidfile", 'p', "FILE", 0, "write the process id here", 0},
	{"verbose", 'v', NULL, 0, "log more", 0},
	{"foreground", 'f', NULL, 0, "stay in the foreground (always so)", 0},
	{NULL, 'D', NULL, OPTION_HIDDEN, NULL, 0},
	{0},
};

static void on_term(int sig)
{
	(void)sig;
	aic_rpc_server_stop(server);
}

static void on_hup(int sig)
{
	(void)sig;
	reopen_log = 1;
}

static void tick(void *d)
{
	if (reopen_log) {
		reopen_log = 0;
		aic_log_reopen();
	}
	aic_acctd_tick(d);
}

static aic_code write_pidfile(const char *path, aic_error *err)
{
	FILE *f = path ? fopen(path, "w") : NULL;

	if (!path)
		return AIC_OK;
	if (!f || fprintf(f, "%ld\n", (long)getpid()) < 0 || fclose(f))
		return aic_fail_errno(err, "%s: cannot write the pid file", path);
	return AIC_OK;
}

static aic_code serve(aic_acctd *d, const options *o, aic_error *err)
{
	char socket[AIC_PATH_LEN];
	aic_code rc = aic_rpc_server_new(&server, "acct", aic_acctd_serve, d, err);

	if (rc == AIC_OK)
		rc = aic_rpc_server_listen(server, aic_config_acct_socket(&d->config, socket), err);
	if (rc == AIC_OK && d->config.acct_listen[0])
		rc = aic_rpc_server_listen(server, d->config.acct_listen, err);
	if (rc == AIC_OK)
		rc = write_pidfile(o->pidfile, err);
	if (rc == AIC_OK) {
		signal(SIGTERM, on_term);
		signal(SIGINT, on_term);
		signal(SIGHUP, on_hup);
		signal(SIGPIPE, SIG_IGN);
		aic_info("ready: site %s, mode %s", d->config.site, d->config.enforce ? "enforce" : "observe");
		rc = aic_rpc_server_run(server, TICK_MS, tick, err);
	}
	aic_rpc_server_free(server);
	if (o->pidfile)
		unlink(o->pidfile);
	return rc;
}

int main(int argc, char **argv)
{
	static const struct argp argp = {option_list, parse, NULL,
	                                 "AIC's accounting daemon: job records and receipts in, payout batches out.", NULL, NULL, NULL};
	options o = {0};
	aic_error err = {0};
	aic_acctd d;

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &o);
	aic_log_open("aicacctd", o.log, o.debug ? AIC_LOG_DEBUG : AIC_LOG_INFO);
	if (aic_acctd_open(&d, o.config, &err) != AIC_OK)
		return aic_error_report("aicacctd", &err);
	aic_code rc = serve(&d, &o, &err);
	aic_acctd_close(&d);
	if (rc != AIC_OK) {
		aic_error_log("%s", err.message);
		return aic_exit_code(rc);
	}
	aic_info("stopped");
	return 0;
}
