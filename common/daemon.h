/* daemon.h: what AIC's daemons share: options, log, pid file, signals, and no secrets in core files. */
#ifndef AIC_DAEMON_H
#define AIC_DAEMON_H

#include <argp.h>
#include <stdbool.h>

#include "common/config.h"
#include "common/error.h"
#include "common/rpc.h"

typedef struct {
	const char *config_path, *log_path, *pid_path; /* NULL where not given */
	bool verbose;
} aic_daemon;

/* An argp child whose input is an aic_daemon: --config, --log, --pidfile, --verbose, and --foreground and -D, which change
 * nothing, as the daemons never fork. */
extern const struct argp aic_daemon_argp;

/* Parses the command line with that child alone (usage errors exit with 2), opens the log, turns core files off,
 * ignores SIGPIPE and SIGXFSZ. doc is one sentence for --help. */
void aic_daemon_begin(aic_daemon *d, const char *program, const char *doc, int argc, char **argv);
/* The second half of aic_daemon_begin, for a daemon with options of its own that embeds aic_daemon_argp. */
void aic_daemon_settle(const aic_daemon *d, const char *program);

/* Where --pidfile was given. */
aic_code aic_daemon_pid_write(const aic_daemon *d, aic_error *err);
void aic_daemon_pid_remove(const aic_daemon *d);

/* Writes the pid file and serves until SIGTERM or SIGINT; SIGHUP reopens the log. Calls tick as aic_rpc_server_run does.
 * One server a process. */
aic_code aic_daemon_serve(const aic_daemon *d, aic_rpc_server *server, int tick_ms, void (*tick)(void *ctx), aic_error *err);

/* Reports err (to stderr, and to the log where that is a file) and returns the exit status; 0 for AIC_OK. */
int aic_daemon_end(const aic_daemon *d, const char *program, const aic_error *err);

#endif
