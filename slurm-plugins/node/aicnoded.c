/* aicnoded: one per node, as root; delivers the node's receipts to aicacctd (aicnoded(8)). */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/config.h"
#include "common/file.h"
#include "common/log.h"
#include "common/rpc.h"
#include "common/time.h"
#include "slurm-plugins/node/delivery.h"
#include "slurm-plugins/node/node_dir.h"

#define SCAN_MS 1000
#define BACKOFF_MAX_MS 60000
#define REMIND_MS 600000

typedef struct {
	const char *config_path, *log_path, *pid_path, *node;
	bool once;
} arguments;

typedef struct {
	aic_delivery *delivery;
	char heartbeat[PATH_MAX];
	int wait_ms;
	bool failing;
	int64_t complained_at;
} noded;

static const struct argp_option options[] = {
	{ "config", 'c', "FILE", 0, "aic.yaml [" AIC_CONFIG_DEFAULT ", or $AIC_CONFIG]", 0 },
	{ "node", 'N', "NAME", 0, "Slurm's name of this node [short host name]", 0 },
	{ "log", 'l', "FILE", 0, "write messages there instead of stderr", 0 },
	{ "pidfile", 'p', "FILE", 0, "write the process id there", 0 },
	{ "once", '1', NULL, 0, "deliver what waits and exit", 0 },
	{ "foreground", 'f', NULL, 0, "accepted; aicnoded never forks", 0 },
	{ NULL, 'D', NULL, OPTION_HIDDEN, NULL, 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	arguments *a = state->input;

	switch (key) {
	case 'c':
		a->config_path = arg;
		return 0;
	case 'N':
		a->node = arg;
		return 0;
	case 'l':
		a->log_path = arg;
		return 0;
	case 'p':
		a->pid_path = arg;
		return 0;
	case '1':
		a->once = true;
		return 0;
	case 'f':
	case 'D':
		return 0;
	case ARGP_KEY_ARG:
		argp_error(state, "\"%s\" is not understood", arg);
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0)
		return;
	futimens(fd, NULL);
	close(fd);
}

/* One line when trouble starts, one every ten minutes, one when it is over. */
static void deliver(noded *n)
{
	aic_delivery_result result;
	aic_error err;
	aic_code rc = aic_delivery_round(n->delivery, &result, &err);
	int64_t now = aic_monotonic_ms();

	touch(n->heartbeat);
	if (result.accepted || result.duplicates)
		aic_debug("%zu receipts delivered, %zu of them known already", result.accepted + result.duplicates, result.duplicates);
	if (!rc) {
		if (n->failing)
			aic_info("receipts are delivered again");
		n->failing = false;
		n->wait_ms = SCAN_MS;
		return;
	}
	if (!n->failing || now - n->complained_at >= REMIND_MS) {
		aic_warn("receipts are kept and sent again: %s", err.message);
		n->complained_at = now;
	}
	n->failing = true;
	n->wait_ms = n->wait_ms * 2 < BACKOFF_MAX_MS ? n->wait_ms * 2 : BACKOFF_MAX_MS;
}

static void run(noded *n, const sigset_t *signals)
{
	n->wait_ms = SCAN_MS;
	for (;;) {
		struct timespec wait;
		int sig;

		deliver(n);
		wait = (struct timespec){ .tv_sec = n->wait_ms / 1000, .tv_nsec = n->wait_ms % 1000 * 1000000L };
		sig = sigtimedwait(signals, NULL, &wait);
		if (sig == SIGHUP)
			aic_log_reopen();
		else if (sig == SIGTERM || sig == SIGINT)
			return;
	}
}

static aic_code open_node(noded *n, const arguments *a, const aic_config *c, aic_error *err)
{
	char host[256] = "", dir[PATH_MAX], address[AIC_PATH_LEN];
	const char *node = a->node;

	if (!node) {
		gethostname(host, sizeof(host) - 1);
		host[strcspn(host, ".")] = '\0';
		node = host;
	}
	if (aic_node_dir_expand(dir, sizeof(dir), c->node_dir, node, err) ||
	    aic_path_join(n->heartbeat, sizeof(n->heartbeat), dir, AIC_NODE_HEARTBEAT, err))
		return err->code;
	if (c->acct_address[0])
		aic_str_copy(address, sizeof(address), c->acct_address);
	else
		aic_config_acct_socket(c, address);
	aic_rpc_use_munge(c->munge_socket);
	if (aic_delivery_open(&n->delivery, dir, node, address, c->uid, err))
		return err->code;
	aic_info("node %s: receipts in %s go to %s", node, dir, address);
	return AIC_OK;
}

static aic_code write_pid(const char *path, aic_error *err)
{
	char text[32];
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	return path ? aic_file_write_atomic(path, text, (size_t)n, 0644, err) : AIC_OK;
}

static int once(noded *n)
{
	aic_delivery_result result;
	aic_error err;

	if (aic_delivery_round(n->delivery, &result, &err))
		return aic_error_report("aicnoded", &err);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse, NULL, "Delivers a node's receipts to aicacctd.", NULL, NULL, NULL };
	arguments a = { 0 };
	aic_config config;
	noded n = { 0 };
	sigset_t signals;
	aic_error err;
	int status = 0;

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	if (aic_config_load(&config, a.config_path, &err))
		return aic_error_report("aicnoded", &err);
	aic_log_open("aicnoded", a.log_path, AIC_LOG_INFO);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	signal(SIGPIPE, SIG_IGN);
	umask(077);
	if (geteuid() != 0)
		aic_fail(&err, AIC_USAGE, "aicacctd takes receipts from uid 0 only, this is uid %u: start aicnoded as root", (unsigned)geteuid());
	else if (!open_node(&n, &a, &config, &err) && !write_pid(a.pid_path, &err))
		err.code = AIC_OK;
	if (err.code)
		status = aic_error_report("aicnoded", &err);
	else if (a.once)
		status = once(&n);
	else
		run(&n, &signals);
	aic_delivery_close(n.delivery);
	if (a.pid_path && !status)
		unlink(a.pid_path);
	aic_config_free(&config);
	return status;
}
