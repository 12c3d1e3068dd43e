#include "common/daemon.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "common/crypto.h"
#include "common/file.h"
#include "common/log.h"

static aic_rpc_server *served; /* what a signal stops */

static const struct argp_option option_list[] = {
	{"config", 'c', "FILE", 0, "aic.yaml [$AIC_CONFIG, else " AIC_CONFIG_DEFAULT "]", 0},
	{"log", 'l', "FILE", 0, "write messages there instead of stderr; SIGHUP opens it again", 0},
	{"pidfile", 'p', "FILE", 0, "write the process id there", 0},
	{"verbose", 'v', NULL, 0, "log more", 0},
	{"foreground", 'f', NULL, 0, "stay in the foreground, as it always does", 0},
	{NULL, 'D', NULL, OPTION_HIDDEN, NULL, 0},
	{0},
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	aic_daemon *d = state->input;

	switch (key) {
	case 'c':
		d->config_path = arg;
		return 0;
	case 'l':
		d->log_path = arg;
		return 0;
	case 'p':
		d->pid_path = arg;
		return 0;
	case 'v':
		d->verbose = true;
		return 0;
	case 'f':
	case 'D':
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

const struct argp aic_daemon_argp = {option_list, parse, NULL, NULL, NULL, NULL, NULL};

void aic_daemon_settle(const aic_daemon *d, const char *program)
{
	aic_log_open(program, d->log_path, d->verbose ? AIC_LOG_DEBUG : AIC_LOG_INFO);
	aic_key_hide_process();
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file-size limit is a full disk, not an end */
}

void aic_daemon_begin(aic_daemon *d, const char *program, const char *doc, int argc, char **argv)
{
	const struct argp argp = {option_list, parse, NULL, doc, NULL, NULL, NULL};

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, d);
	aic_daemon_settle(d, program);
}

aic_code aic_daemon_pid_write(const aic_daemon *d, aic_error *err)
{
	char text[24];
	size_t len = (size_t)snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	return d->pid_path ? aic_file_write_atomic(d->pid_path, text, len, 0644, err) : AIC_OK;
}

void aic_daemon_pid_remove(const aic_daemon *d)
{
	if (d->pid_path)
		unlink(d->pid_path);
}

static void on_signal(int sig)
{
	if (sig == SIGHUP)
		aic_log_reopen();
	else
		aic_rpc_server_stop(served);
}

aic_code aic_daemon_serve(const aic_daemon *d, aic_rpc_server *server, int tick_ms, void (*tick)(void *ctx), aic_error *err)
{
	struct sigaction action = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};
	aic_code code = aic_daemon_pid_write(d, err);

	if (code != AIC_OK)
		return code;
	served = server;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	code = aic_rpc_server_run(server, tick_ms, tick, err);
	sigaction(SIGTERM, &ignore, NULL); /* it is ending already */
	sigaction(SIGINT, &ignore, NULL);
	aic_daemon_pid_remove(d);
	return code;
}

int aic_daemon_end(const aic_daemon *d, const char *program, const aic_error *err)
{
	if (err->code == AIC_OK)
		return 0;
	if (d->log_path)
		aic_error_log("%s", err->message);
	return aic_error_report(program, err);
}
