/* aicnoded: one per node, as root; meters the node's GPUs, delivers its receipts to aicacctd, keeps its data sets and draws for
 * blocks (aicnoded(8)). */
#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "common/bytes.h"
#include "common/config.h"
#include "common/daemon.h"
#include "common/file.h"
#include "common/log.h"
#include "common/rpc.h"
#include "common/time.h"
#include "slurm-plugins/dataset/service.h"
#include "slurm-plugins/node/delivery.h"
#include "slurm-plugins/node/generator.h"
#include "slurm-plugins/node/meter.h"
#include "slurm-plugins/node/node_dir.h"

#define SCAN_MS 1000
#define BACKOFF_MAX_MS 60000
#define REMIND_MS 600000
#define HELLO_MS 600000     /* aicacctd may have forgotten the node meanwhile */
#define HELLO_AGAIN_MS 10000

typedef struct {
	aic_daemon daemon;
	const char *node;
	bool once;
} arguments;

/* Ticks in a thread of its own: a delivery that waits for a dead host must not leave gaps. */
typedef struct {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	bool stop;
	aic_meter *meter;           /* NULL: no GPU here */
} metering;

typedef struct {
	aic_delivery *delivery;
	aic_dataset_service *datasets; /* NULL: none are staged here */
	metering metering;
	aic_node_generator *generator; /* NULL: --once */
	int64_t hello_at;              /* when the next one is due, on the monotonic clock */
	bool hello_failing;
	char heartbeat[PATH_MAX];
	int wait_ms;
	bool failing;
	int64_t complained_at;
} noded;

static const struct argp_option options[] = {
	{ "node", 'N', "NAME", 0, "Slurm's name of this node [short host name]", 0 },
	{ "once", '1', NULL, 0, "deliver what waits and exit; meters nothing", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	arguments *a = state->input;

	switch (key) {
	case 'N':
		a->node = arg;
		return 0;
	case '1':
		a->once = true;
		return 0;
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &a->daemon;
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

/* --- the meter's thread --- */

static void complete_receipt(void *ctx, aic_receipt *r)
{
	metering *g = ctx;

	pthread_mutex_lock(&g->lock);
	aic_meter_complete(g->meter, r);
	pthread_mutex_unlock(&g->lock);
}

static void forget_step(void *ctx, const aic_receipt *r)
{
	metering *g = ctx;

	pthread_mutex_lock(&g->lock);
	aic_meter_forget(g->meter, r);
	pthread_mutex_unlock(&g->lock);
}

static void *keep_ticking(void *arg)
{
	metering *g = arg;
	struct timespec now, next;

	pthread_mutex_lock(&g->lock);
	clock_gettime(CLOCK_REALTIME, &next);
	while (!g->stop) {
		clock_gettime(CLOCK_REALTIME, &now);
		aic_meter_tick(g->meter, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000);
		next = now;
		next.tv_sec += AIC_METER_INTERVAL_MS / 1000;
		while (!g->stop && pthread_cond_timedwait(&g->wake, &g->lock, &next) != ETIMEDOUT)
			;
	}
	pthread_mutex_unlock(&g->lock);
	return NULL;
}

static aic_code start_meter(noded *n, const char *node_dir, aic_error *err)
{
	metering *g = &n->metering;
	aic_delivery_meter meter = { complete_receipt, forget_step, g };
	int rc;

	pthread_mutex_init(&g->lock, NULL);
	pthread_cond_init(&g->wake, NULL);
	if (aic_meter_open(&g->meter, node_dir, getenv("AIC_NVML_LIBRARY"), err)) {
		g->meter = NULL;
		if (err->code != AIC_NOT_FOUND)
			return err->code;
		aic_info("no GPU meter: %s", err->message);
		return AIC_OK;
	}
	rc = pthread_create(&g->thread, NULL, keep_ticking, g);
	if (rc) {
		aic_meter_close(g->meter);
		g->meter = NULL;
		errno = rc;
		return aic_fail_errno(err, "cannot start the thread that meters GPUs");
	}
	aic_delivery_measure(n->delivery, &meter);
	aic_info("%u GPUs are metered", aic_meter_gpus(g->meter));
	return AIC_OK;
}

static void stop_meter(metering *g)
{
	if (!g->meter)
		return;
	pthread_mutex_lock(&g->lock);
	g->stop = true;
	pthread_cond_signal(&g->wake);
	pthread_mutex_unlock(&g->lock);
	pthread_join(g->thread, NULL);
	aic_meter_close(g->meter);
}

/* --- delivery --- */

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

/* After the receipts, which it must not delay: at the start, whenever the trouble changes, and every ten minutes. */
static void say_hello(noded *n)
{
	aic_node_hello hello = { 0 };
	int64_t now = aic_monotonic_ms();
	aic_error err;

	if (n->failing || (!aic_node_generator_hello(n->generator, &hello) && now < n->hello_at))
		return;
	if (!aic_delivery_hello(n->delivery, &hello, &err)) {
		n->hello_at = now + HELLO_MS;
		n->hello_failing = false;
		return;
	}
	n->hello_at = now + HELLO_AGAIN_MS;
	if (!n->hello_failing)
		aic_warn("aicacctd does not learn this node's VRF key, so the node draws for no block: %s", err.message);
	n->hello_failing = true;
}

static void run(noded *n, const sigset_t *signals)
{
	n->wait_ms = SCAN_MS;
	for (;;) {
		struct timespec wait;
		int sig;

		deliver(n);
		say_hello(n);
		wait = (struct timespec){ .tv_sec = n->wait_ms / 1000, .tv_nsec = n->wait_ms % 1000 * 1000000L };
		sig = sigtimedwait(signals, NULL, &wait);
		if (sig == SIGHUP)
			aic_log_reopen();
		else if (sig == SIGTERM || sig == SIGINT)
			return;
	}
}

static void start_generator(noded *n, const aic_config *c, const char *dir)
{
	aic_node_generator_options o = { .node_dir = dir, .key = aic_delivery_key(n->delivery), .address = c->ledger_address,
	                                 .server_uid = c->uid, .chain = c->chain };

	n->generator = aic_node_generator_start(&o);
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
	if (a->once)
		return AIC_OK;
	if (start_meter(n, dir, err))
		return err->code;
	start_generator(n, c, dir);
	return aic_dataset_service_start(&n->datasets, c, dir, node, err);
}

static aic_code serve(noded *n, const arguments *a, const aic_config *config, aic_error *err)
{
	aic_delivery_result result;
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGHUP);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	umask(077);
	if (geteuid() != 0)
		return aic_fail(err, AIC_USAGE, "aicacctd takes receipts from uid 0 only, this is uid %u: start aicnoded as root",
		                (unsigned)geteuid());
	if (open_node(n, a, config, err))
		return err->code;
	if (a->once)
		return aic_delivery_round(n->delivery, &result, err);
	if (aic_daemon_pid_write(&a->daemon, err))
		return err->code;
	run(n, &signals);
	aic_daemon_pid_remove(&a->daemon);
	return AIC_OK;
}

int main(int argc, char **argv)
{
	static const struct argp_child children[] = { { &aic_daemon_argp, 0, NULL, 0 }, { 0 } };
	static const struct argp argp = { options, parse, NULL, "Meters a node's GPUs, delivers its receipts to aicacctd, keeps its data sets, and draws for blocks.", children,
	                                  NULL, NULL };
	arguments a = { 0 };
	aic_config config = { 0 };
	noded n = { 0 };
	aic_error err = { 0 };

	argp_err_exit_status = 2;
	argp_parse(&argp, argc, argv, 0, NULL, &a);
	aic_daemon_settle(&a.daemon, "aicnoded");
	if (!aic_config_load(&config, a.daemon.config_path, &err)) {
		err.code = serve(&n, &a, &config, &err);
		aic_dataset_service_stop(n.datasets);
		stop_meter(&n.metering);
		aic_node_generator_stop(n.generator);
		aic_delivery_close(n.delivery);
		aic_config_free(&config);
	}
	return aic_daemon_end(&a.daemon, "aicnoded", &err);
}
