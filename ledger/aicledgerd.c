/* aicledgerd: the site's ledger daemon. Keeps the state, builds, orders, applies and attests blocks, answers aicacctd and aic. */
#include <argp.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "ledger/service.h"

#define TICK_MS 1000

static aic_rpc_server *server;
static volatile sig_atomic_t reopen;

static void on_signal(int sig)
{
	if (sig == SIGHUP)
		reopen = 1;
	else
		aic_rpc_server_stop(server);
}

/* Every second: what other sites have ordered, and the attestation that a full disk may have kept back. */
static void tick(void *ctx)
{
	static bool complained;
	aic_service *s = ctx;
	aic_error err = {0};

	if (reopen) {
		reopen = 0;
		aic_log_reopen();
	}
	if (aic_chain_catch_up(&s->chain, &err) == AIC_OK) {
		if (complained)
			aic_info("the ledger works again, at height %llu", (unsigned long long)aic_state_head(s->state)->height);
		complained = false;
	} else if (!complained) {
		aic_error_log("%s", err.message);
		complained = true;
	}
}

typedef struct {
	const char *config, *log, *pidfile;
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
	case 'f':
	case 'D':
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static const struct argp_option option_list[] = {
	{"config", 'c', "FILE", 0, "aic.yaml", 0},
	{"log", 'l', "FILE", 0, "write messages there, not to stderr; SIGHUP opens it again", 0},
	{"pidfile", 'p', "FILE", 0, "write the process id there", 0},
	{"foreground", 'f', 0, 0, "stay in the foreground, as it always does", 0},
	{"daemon", 'D', 0, 0, "accepted and ignored", 0},
	{0},
};

static const struct argp argp = {option_list, parse, 0, "Keeps this site's copy of the AIC ledger.", 0, 0, 0};

/* Keys must not end in a core file, nor be read by another process of the same user. */
static void keep_secrets(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_DUMPABLE, 0);
}

static void catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	action.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &action, NULL);
}

static aic_code write_pid(const char *path, aic_error *err)
{
	char text[24];

	return aic_file_write_atomic(path, text, (size_t)snprintf(text, sizeof(text), "%ld\n", (long)getpid()), 0644, err);
}

static aic_code serve(aic_service *s, const aic_config *config, const options *o, aic_error *err)
{
	char address[AIC_PATH_LEN];
	aic_code code;

	if ((code = aic_rpc_server_new(&server, "ledger", aic_service_handle, s, err)))
		return code;
	catch_signals();
	if (!(code = aic_dir_make(config->run_dir, 0755, err)) &&
	    !(code = aic_rpc_server_listen(server, aic_config_ledger_socket(config, address), err)) &&
	    !(code = o->pidfile ? write_pid(o->pidfile, err) : AIC_OK)) {
		aic_info("ready at height %llu on %s", (unsigned long long)aic_state_head(s->state)->height, address);
		code = aic_rpc_server_run(server, TICK_MS, tick, err);
	}
	if (!code)
		aic_info("stopped at height %llu", (unsigned long long)aic_state_head(s->state)->height);
	aic_rpc_server_free(server);
	if (o->pidfile)
		unlink(o->pidfile);
	return code;
}

static aic_code check_user(const aic_config *config, aic_error *err)
{
	if (geteuid() == config->uid)
		return AIC_OK;
	return aic_fail(err, AIC_USAGE, "runs as uid %u, aic.yaml says user %s (uid %u): start it as that user", (unsigned)geteuid(),
	                config->user, (unsigned)config->uid);
}

int main(int argc, char **argv)
{
	static aic_config config;
	options o = {0};
	aic_service service;
	aic_error err = {0};

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, 0, &o);
	aic_log_open("aicledgerd", o.log, AIC_LOG_INFO);
	keep_secrets();
	if (aic_config_load(&config, o.config, &err))
		return aic_error_report("aicledgerd", &err);
	aic_rpc_use_munge(config.munge_socket);
	if (!check_user(&config, &err) && !aic_service_open(&service, &config, &err)) {
		serve(&service, &config, &o, &err);
		aic_service_close(&service);
	}
	aic_config_free(&config);
	if (!err.code)
		return 0;
	if (o.log)
		aic_error_log("%s", err.message);
	return aic_error_report("aicledgerd", &err);
}
